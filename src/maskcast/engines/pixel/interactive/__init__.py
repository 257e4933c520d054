"""Live segmentation of one object from box, points and brush; ``segment`` is the way in."""
