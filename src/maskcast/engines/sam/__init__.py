"""The engines ``sam3``, ``sam2`` and ``edgetam``: SAM's video trackers on still images.

The references play the remembered frames, every target the frame that follows them. See
``docs/engines.md``. Needs the extra ``maskcast[sam]``; nothing here loads torch before an engine
is built.
"""
