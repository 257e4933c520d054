"""Uploads: harmless names, nothing overwritten, only pictures, within bounds."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace

import anyio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskcast.errors import UploadError
from maskcast.io.images import read_image
from maskcast.io.rasters import read_raster
from maskcast.io.read_options import ReadOptions
from maskcast.ui.turns import Turns
from maskcast.ui.web import uploads
from maskcast.ui.web.upload_names import clean_name
from maskcast.ui.web.uploads import Uploaded, UploadFolder, UploadLimits
from support import write_png


def png(tmp_path: Path, value: int, size: tuple[int, int] = (4, 5)) -> bytes:
    path = tmp_path / "made" / "picture.png"
    write_png(path, np.full((*size, 3), value, np.uint8))
    return path.read_bytes()


def upload(
    data: bytes,
    folder: Path,
    name: str,
    limits: UploadLimits | None = None,
    max_pixels: int = 10_000,
) -> Uploaded:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 7):
            yield data[start : start + 7]

    to = UploadFolder(folder, limits or UploadLimits(), ReadOptions(max_pixels), Turns(10_000))
    return asyncio.run(to.receive(chunks(), name, anyio.CapacityLimiter(2)))


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("a.png", "a.png"),
        ("../../etc/a.png", "etc/a.png"),
        ("/etc/a.png", "etc/a.png"),
        ("C:\\pictures\\a.png", "C_/pictures/a.png"),
        ("..\\..\\a.png", "a.png"),
        (".hidden.png", "hidden.png"),
        ("한글 사진.PNG", "한글 사진.PNG"),
        ("a\x00b\n.png", "a_b_.png"),
        ("con.png", "con_.png"),
        ("a.png/..", "a.png"),
        ("a.png/../b.png", "a.png/b.png"),
        ("e\u0301.png", "\u00e9.png"),
        ("a\u202egnp.png", "a_gnp.png"),
    ],
)
def test_names_become_harmless(given_name: str, kept: str) -> None:
    assert clean_name(given_name) == kept


@pytest.mark.parametrize("name", ["", "..", "/", "a.exe", "annotations.json", ".png"])
def test_names_that_are_no_pictures_are_refused(name: str) -> None:
    with pytest.raises(UploadError, match="not a picture's name"):
        clean_name(name)


@given(st.text(max_size=300))
def test_no_name_leads_anywhere_else(name: str) -> None:
    try:
        cleaned = clean_name(f"{name}.png")
    except UploadError:
        return
    parts = cleaned.split("/")
    assert not cleaned.startswith("/")
    assert not any(part in {"", ".", ".."} or part.startswith(".") for part in parts)
    assert all(len(part.encode()) <= 200 for part in parts)
    assert "\\" not in cleaned
    assert "\x00" not in cleaned


def test_a_picture_is_stored_as_it_came(tmp_path: Path) -> None:
    data = png(tmp_path, 7)
    assert upload(data, tmp_path / "to", "sub/a.png") == Uploaded(
        "sub/a.png", is_new=True, wanted="sub/a.png"
    )
    assert (tmp_path / "to/sub/a.png").read_bytes() == data
    assert [path.name for path in (tmp_path / "to/sub").iterdir()] == ["a.png"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    first, second, third = (png(tmp_path, value) for value in (1, 2, 3))
    folder = tmp_path / "to"
    names = [upload(data, folder, "a.png").image_id for data in (first, second, third)]
    assert names == ["a.png", "a-2.png", "a-3.png"]
    assert [(folder / name).read_bytes() for name in names] == [first, second, third]


def test_the_same_picture_twice_is_kept_once(tmp_path: Path) -> None:
    data = png(tmp_path, 1)
    upload(data, tmp_path / "to", "a.png")
    assert upload(data, tmp_path / "to", "a.png") == Uploaded("a.png", is_new=False, wanted="a.png")


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_what_does_not_decode_is_refused_and_not_kept(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UploadError, match=r"a\.png"):
        upload(data, tmp_path / "to", "a.png")
    assert list((tmp_path / "to").iterdir()) == []


def test_bounds(tmp_path: Path) -> None:
    data, folder = png(tmp_path, 1, (40, 50)), tmp_path / "to"
    with pytest.raises(UploadError, match="MB"):
        upload(data, folder, "a.png", UploadLimits(file_bytes=len(data) - 1))
    with pytest.raises(UploadError, match="pixels"):
        upload(data, folder, "a.png", max_pixels=1999)
    assert list(folder.iterdir()) == []
    upload(data, folder, "a.png", UploadLimits(file_bytes=len(data), files=1), 2000)
    with pytest.raises(UploadError, match="1 files already"):
        upload(data, folder, "b.png", UploadLimits(files=1))


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "to"
    outside.mkdir()
    folder.mkdir()
    (folder / "sub").symlink_to(outside)
    (folder / "a.png").symlink_to(outside / "a.png")  # dangling: writing would make it
    with pytest.raises(UploadError, match="leads out"):
        upload(png(tmp_path, 1), folder, "sub/a.png")
    assert upload(png(tmp_path, 1), folder, "a.png").image_id == "a-2.png"
    assert list(outside.iterdir()) == []


def test_a_folder_that_another_upload_makes_meanwhile_is_no_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_existing = uploads._first_existing

    def and_meanwhile(path: Path) -> Path:
        found = first_existing(path)
        (tmp_path / "to").mkdir(exist_ok=True)
        return found

    monkeypatch.setattr(uploads, "_first_existing", and_meanwhile)
    assert upload(png(tmp_path, 1), tmp_path / "to", "a.png") == Uploaded(
        "a.png", is_new=True, wanted="a.png"
    )


def test_a_stored_picture_reads_back(tmp_path: Path) -> None:
    upload(png(tmp_path, 9), tmp_path / "to", "a.png")
    assert (read_image(tmp_path / "to/a.png").rgb == 9).all()


def test_the_folder_is_not_walked_for_every_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, walks = [png(tmp_path, value) for value in range(5)], []
    folder = tmp_path / "to"
    to = UploadFolder(folder, UploadLimits(files=5), ReadOptions(), Turns(10_000))

    def walk(place: Path) -> Iterator[tuple[str, list[str], list[str]]]:
        walks.append(place)
        return os.walk(place)

    async def send(number: int) -> Uploaded:
        async def chunks() -> AsyncIterator[bytes]:
            yield data[number % 5]

        return await to.receive(chunks(), f"{number}.png", anyio.CapacityLimiter(2))

    monkeypatch.setattr("maskcast.ui.web.uploads.os", SimpleNamespace(walk=walk, link=os.link))
    for number in range(5):
        asyncio.run(send(number))
    assert len(walks) == 1
    with pytest.raises(UploadError, match="5 files already"):
        asyncio.run(send(5))
    (folder / "3.png").unlink()
    assert asyncio.run(send(6)).image_id == "6.png", "room that others made is seen"


def test_pictures_that_come_at_once_are_decoded_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = png(tmp_path, 1, (60, 100))
    to = UploadFolder(tmp_path / "to", UploadLimits(), ReadOptions(), Turns(13_000))
    in_work, most, lock = 0, 0, threading.Lock()

    def slow(path: Path, options: ReadOptions) -> object:
        nonlocal in_work, most
        with lock:
            in_work += 1
            most = max(most, in_work)
        threading.Event().wait(0.02)
        with lock:
            in_work -= 1
        return read_raster(path, options)

    async def chunks() -> AsyncIterator[bytes]:
        yield data

    async def send_all() -> int:
        waiting = 0
        limiter = anyio.CapacityLimiter(4)
        tasks = [
            asyncio.create_task(to.receive(chunks(), f"{number}.png", limiter))
            for number in range(8)
        ]
        while not all(task.done() for task in tasks):
            waiting = max(waiting, to.waiting)
            await asyncio.sleep(0.001)
        await asyncio.gather(*tasks)
        return waiting

    monkeypatch.setattr("maskcast.ui.web.uploads.read_raster", slow)
    waiting = asyncio.run(send_all())
    assert most == 2, "of 6000 pixels each, and 13000 may be in work"
    assert waiting > 2
    assert to.waiting == 0
    assert len(list((tmp_path / "to").iterdir())) == 8
