"""A decoder for each kind of picture file; ``rasters`` picks among them."""
