"""Annotations in, results out: imports, exports and the formats they are written in."""
