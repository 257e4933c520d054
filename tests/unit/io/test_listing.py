from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from maskcast.io.listing import find_images


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def ids(root: Path, *exclude: Path) -> list[str]:
    return [target.image_id for target in find_images(root, exclude).targets]


def test_any_depth_sorted_by_code_point(tmp_path: Path) -> None:
    names = ["b.png", "B.png", "a/z.jpg", "a/b/c/d/e.tif", "a.png", "한.png", "a b.png", "é.png"]
    touch(tmp_path, *names)
    found = find_images(tmp_path)
    assert [target.image_id for target in found.targets] == [
        "B.png", "a b.png", "a.png", "a/b/c/d/e.tif", "a/z.jpg", "b.png", "é.png", "한.png",
    ]  # fmt: skip
    assert all(target.path == tmp_path / target.image_id for target in found.targets)
    assert found.skipped == ()


@pytest.mark.parametrize(
    "name",
    ["A.PNG", "a.JpEg", ".hidden.png", " space.png", "이미지 1.tiff", ".folder/a.png",
     "x" * 196 + ".png", "a.b.c.webp", "a'\"\\,;.png"],
)  # fmt: skip
def test_names_from_real_life(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name)
    assert ids(tmp_path) == [name]


def test_other_files_are_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "notes.txt", "deep/Thumbs.db")
    found = find_images(tmp_path)
    assert [target.image_id for target in found.targets] == ["a.png"]
    assert found.skipped == (f"2 files are not images and are left out of {tmp_path}",)
    (tmp_path / "notes.txt").unlink()
    assert find_images(tmp_path).skipped == (
        f"1 file is not an image and is left out of {tmp_path}",
    )


def test_excluded_folders(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "output/masks/a.png", "sub/output/b.png", "outputs/c.png")
    expected = ["a.png", "outputs/c.png", "sub/output/b.png"]
    assert ids(tmp_path, tmp_path / "output") == expected
    assert ids(tmp_path, tmp_path / "sub" / ".." / "output", tmp_path / "none") == expected


def test_excluded_folder_behind_a_link(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/masks/a.png", "targets/a.png")
    (tmp_path / "targets" / "output").symlink_to(tmp_path / "elsewhere")
    assert ids(tmp_path / "targets", tmp_path / "targets" / "output") == ["a.png"]
    assert ids(tmp_path / "targets", tmp_path / "elsewhere") == ["a.png"]


def test_the_folder_itself_is_listed_even_if_it_is_excluded(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    assert ids(tmp_path, tmp_path) == ["a.png"]


def test_links_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "store/deep/a.png", "store/b.png")
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / "link").symlink_to(tmp_path / "store")
    (tmp_path / "targets" / "one.png").symlink_to(tmp_path / "store" / "b.png")
    assert ids(tmp_path / "targets") == ["link/b.png", "link/deep/a.png", "one.png"]


def test_link_loops_end(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.png", "b/y.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a")
    (tmp_path / "b" / "to_a").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "to_b").symlink_to(tmp_path / "b")
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    (tmp_path / "itself.png").symlink_to(tmp_path / "itself.png")
    assert ids(tmp_path) == ["a/x.png", "b/y.png", "itself.png"]


def test_a_folder_goes_by_its_own_name_and_not_by_that_of_a_link(tmp_path: Path) -> None:
    touch(tmp_path, "z/x.png")
    (tmp_path / "a_link").symlink_to(tmp_path / "z")
    found = find_images(tmp_path)
    assert [target.image_id for target in found.targets] == ["z/x.png"]
    assert found.skipped == (f"{tmp_path / 'a_link'} is a link to a folder that is listed already",)


def test_two_links_to_one_folder_outside_that_links_back(tmp_path: Path) -> None:
    touch(tmp_path, "store/x.png", "targets/t.png")
    (tmp_path / "store" / "back").symlink_to(tmp_path / "targets")
    for name in ("one", "two"):
        (tmp_path / "targets" / name).symlink_to(tmp_path / "store")
    assert ids(tmp_path / "targets") == ["one/x.png", "t.png"]


def test_of_several_links_to_one_folder_the_first_by_name_counts(tmp_path: Path) -> None:
    touch(tmp_path, "store/x.png")
    (tmp_path / "targets").mkdir()
    for letter in "qwertyuiopasdfghjklzxcvbnm":
        (tmp_path / "targets" / letter).symlink_to(tmp_path / "store")
    found = find_images(tmp_path / "targets")
    assert [target.image_id for target in found.targets] == ["a/x.png"]
    assert len(found.skipped) == 25


def test_broken_links_are_listed(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    assert ids(tmp_path) == ["a.png"]


def test_a_folder_with_an_images_name_is_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "a.png/b.png")
    assert ids(tmp_path) == ["a.png/b.png"]


def test_folders_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.png", "locked/b.png")
    locked = tmp_path / "locked"
    real = os.scandir

    def scandir(path: Path) -> object:  # permission bits do not stop the superuser
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = find_images(tmp_path)
    assert [target.image_id for target in found.targets] == ["a.png"]
    assert found.skipped == (f"the folder {locked} cannot be listed (permission denied)",)


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    found = find_images(tmp_path / "none")
    assert found.targets == ()
    (sentence,) = found.skipped
    assert str(tmp_path / "none") in sentence


def test_files_that_macos_leaves_on_foreign_disks(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "._b.png")
    (tmp_path / "._a.png").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")
    assert ids(tmp_path) == ["._b.png", "a.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes only on Linux")
def test_names_that_are_not_unicode(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    name = os.fsencode(tmp_path) + b"/" + "결함.png".encode("cp949")
    Path(os.fsdecode(name)).write_bytes(b"")
    found = find_images(tmp_path)
    assert [target.image_id for target in found.targets] == ["a.png"]
    (sentence,) = found.skipped
    assert sentence.startswith("1 files")
    sentence.encode("utf-8")


def test_pictures_of_kinds_that_are_not_read_are_named(tmp_path: Path) -> None:
    for name in ("a.heic", "deep/b.HEIC", "c.dcm", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    unread, others = find_images(tmp_path).skipped
    assert unread.startswith("3 pictures are of a kind that is not read (1 .dcm, 2 .heic; first: ")
    assert unread.endswith("save them as PNG or TIFF")
    assert others.startswith("1 file is not an image")
