"""What lies inside of a folder, links resolved."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskcast.ui.web.fence import Fence


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With files and links, inside and out."""
    folder, outside = tmp_path / "in", tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    outside.mkdir()
    for path in (folder / "a.png", folder / "sub" / "b.png", outside / "c.png"):
        path.write_bytes(b"x")
    (folder / "inner.png").symlink_to(folder / "a.png")
    (folder / "outer.png").symlink_to(outside / "c.png")
    (folder / "dangling.png").symlink_to(outside / "d.png")
    (folder / "away").symlink_to(outside)
    (folder / "round").symlink_to(folder / "round")
    return folder


@pytest.mark.parametrize(
    ("name", "encloses", "admits"),
    [
        ("a.png", True, True),
        ("sub/b.png", True, True),
        ("inner.png", True, True),
        ("gone.png", True, False),
        ("sub/gone.png", True, False),
        ("nowhere/gone.png", True, False),
        ("outer.png", False, False),
        ("dangling.png", False, False),
        ("away/c.png", False, False),
        ("away/gone.png", False, False),
        ("../out/c.png", False, False),
        ("sub", True, False),
    ],
)
def test_what_is_inside(folder: Path, name: str, encloses: bool, admits: bool) -> None:
    fence = Fence(folder)
    assert fence.encloses(folder / name) is encloses
    assert fence.admits(folder / name) is admits


def test_a_circle_of_links_is_nowhere(folder: Path) -> None:
    fence = Fence(folder)
    fence.encloses(folder / "round")
    for name in ("round", "round/a.png"):
        assert not fence.admits(folder / name)


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert Fence(tmp_path / "link").admits(tmp_path / "link" / "a.png")
