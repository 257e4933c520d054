"""Engines: the seam in ``base``, then one module or package per engine."""
