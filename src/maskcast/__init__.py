"""maskcast: annotate a few reference images, get masks for thousands of targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maskcast.api import Project

__version__ = "0.2.0"
__all__ = ["Project", "__version__"]


def __getattr__(name: str) -> object:
    """Load ``Project`` when it is first used, so that ``import maskcast`` stays light."""
    if name == "Project":
        from maskcast.api import Project

        return Project
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
