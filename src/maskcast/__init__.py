"""maskcast: annotate a few reference images, get masks for thousands of targets."""

__version__ = "0.1.0"
