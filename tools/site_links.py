"""Links of the documentation into the rest of the repository, for the site that MkDocs builds.

On the site they lead to the repository; one that leads nowhere fails the build.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_OUTWARD = re.compile(r"\]\((\.\./[^)#\s]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:  # noqa: ANN401
    """Called by MkDocs for every page."""
    return repository_links(markdown, page.file.src_uri, config["repo_url"])


def repository_links(markdown: str, source: str, repository: str) -> str:
    """A page whose links out of ``docs`` lead to the repository.

    Args:
        markdown: the page.
        source: POSIX path of the page in ``docs``.
        repository: its URL.

    Raises:
        ValueError: if one leads nowhere.
    """

    def absolute(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(source), link[1]))
        if path.startswith("docs/"):
            return link[0]
        if path.startswith("..") or not (ROOT / path).exists():
            raise ValueError(f"docs/{source} links to {link[1]}, which does not exist")
        return f"]({repository}/blob/main/{path}{link[2] or ''})"

    return _OUTWARD.sub(absolute, markdown)
