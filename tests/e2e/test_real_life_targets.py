"""Targets as they come in real life: what can be read is masked, the rest is reported."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from support import MakeProject, Maskcast, picture

RGB = picture(5)[0]
GRAY = RGB[..., 0]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(mode: str = "RGB") -> bytes:
    return encoded(Image.fromarray(RGB).convert(mode), "PNG")


def jpeg(mode: str = "RGB") -> bytes:
    return encoded(Image.fromarray(RGB).convert(mode), "JPEG", quality=95)


def tiff(*pages: npt.NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for page in pages:
            writer.write(page)
    return buffer.getvalue()


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(Image.fromarray(RGB), "JPEG", exif=exif)


def animated() -> bytes:
    frames = [Image.fromarray(np.roll(RGB, shift, axis=0)) for shift in (0, 5)]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


def with_nan() -> bytes:
    image = GRAY.astype(np.float32) / 255
    image[:3] = np.nan
    return tiff(image)


READABLE: dict[str, Callable[[], bytes]] = {
    "with space.png": png,
    "한글 이름.png": png,
    ".leading.dots.png": png,
    "n" * 200 + ".png": png,
    "UPPER.JPG": jpeg,
    "same.jpg": jpeg,
    "same.png": png,
    "deep/er/folder.png": png,
    "cmyk.jpg": lambda: jpeg("CMYK"),
    "gray.jpg": lambda: jpeg("L"),
    "palette.png": lambda: png("P"),
    "alpha.png": lambda: png("RGBA"),
    "gray16.png": lambda: encoded(Image.fromarray(GRAY.astype(np.uint16) * 257), "PNG"),
    "gray16.tif": lambda: tiff(GRAY.astype(np.uint16) * 257),
    "nan.tif": with_nan,
    "pages.tif": lambda: tiff(RGB, RGB[::-1].copy()),
    "animated.gif": animated,
    "one.png": lambda: encoded(Image.new("RGB", (1, 1), (200, 40, 40)), "PNG"),
    "long.png": lambda: encoded(Image.new("RGB", (20000, 50), (120, 120, 120)), "PNG"),
    "large.png": lambda: encoded(Image.fromarray(RGB).resize((333, 222)), "PNG"),
} | {f"turned{number}.jpg": (lambda number=number: turned(number)) for number in range(1, 9)}

UNREADABLE: dict[str, tuple[Callable[[], bytes], str]] = {
    "truncated.jpg": (lambda: jpeg()[:-400], "truncated"),
    "empty.png": (lambda: b"", "empty"),
    "text.png": (lambda: b"these are my notes\n" * 20, "is not a PNG, JPEG"),
    "bomb.png": (lambda: encoded(Image.new("1", (30000, 20000)), "PNG"), "max_pixels"),
}


def test_one_project_with_everything(make_project: MakeProject, maskcast: Maskcast) -> None:
    project = make_project(0)
    targets = project / "targets"
    for name, content in READABLE.items():
        (targets / name).parent.mkdir(parents=True, exist_ok=True)
        (targets / name).write_bytes(content())
    for name, (content, _) in UNREADABLE.items():
        (targets / name).write_bytes(content())
    (targets / "notes.txt").write_text("not a target")
    (targets / "loop").symlink_to(targets, target_is_directory=True)
    (targets / "dangling.png").symlink_to(targets / "gone.png")
    ran = maskcast("run", project, "--engine", "fake", "--json")
    assert ran.returncode == 3, ran.stderr
    status = json.loads(maskcast("status", project, "--json").stdout)
    reasons = {entry["image_id"]: entry["reason"] for entry in status["failures"]}
    assert reasons.keys() - {"dangling.png"} == UNREADABLE.keys()
    for name, (_, word) in UNREADABLE.items():
        assert word in reasons[name], reasons[name]
    assert status["done"] == len(READABLE)
    check_results(project / "output")


def check_results(output: Path) -> None:
    """Every readable target has its files, at its own oriented size."""
    sizes = {}
    for name in READABLE:
        stem = name if name.startswith(("same.", "gray16.")) else name[:-4]
        with Image.open(output / "masks" / f"{stem}.png") as labels:
            size = labels.size
        assert (output / "bboxes" / f"{stem}.csv").exists()
        assert (output / "overlays" / f"{stem}.jpg").exists()
        if name.startswith("turned"):
            assert size == ((64, 80) if name[6] in "5678" else (80, 64)), name
        sizes[name] = size
    assert sizes["long.png"] == (20000, 50)
    assert sizes["large.png"] == (333, 222)


def test_the_bound_on_pixels_is_an_option(make_project: MakeProject, maskcast: Maskcast) -> None:
    project = make_project(2)
    ran = maskcast("run", project, "--engine", "fake", "--max-pixels", str(64 * 80))
    assert ran.returncode == 0, ran.stderr
    Image.new("L", (81, 64)).save(project / "targets" / "larger.png")
    ran = maskcast("run", project, "--engine", "fake", "--max-pixels", str(64 * 80))
    assert ran.returncode == 3
    assert maskcast("run", project, "--engine", "fake").returncode == 0


@pytest.mark.parametrize("tell", ["measured", "set"])
def test_sixteen_bits_share_one_window(
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
    tell: str,
) -> None:
    """Detail in a narrow band of 16 bits survives, in references and targets alike."""
    project = make_project(0)
    for path in (project / "references").iterdir():
        path.unlink()
    _, mask = picture(3)
    rng = np.random.default_rng(0)
    for folder, name in (("references", "r.tif"), ("targets", "t.tif")):
        band = 30000 + 40 * mask + rng.normal(0, 2, mask.shape)
        (project / folder / name).write_bytes(tiff(band.astype(np.uint16)))
    (tmp_path / "one").mkdir()
    Image.fromarray(mask).save(tmp_path / "one" / "r.png")
    if tell == "set":
        (project / "maskcast.toml").write_text("[images]\nwindow = [29980, 30060]\n")
    imported = maskcast("import", "masks", tmp_path / "one", "--project", project)
    assert imported.returncode == 0, imported.stderr
    ran = maskcast("run", project, "--engine", "fake")
    assert ran.returncode == 0, ran.stderr
    with Image.open(project / "output/masks/t.png") as labels:
        found = np.asarray(labels) == 1
    assert (found & mask).sum() / (found | mask).sum() > 0.99


def test_a_target_that_cannot_be_opened_is_reported(
    make_project: MakeProject,
    maskcast: Maskcast,
) -> None:
    """A broken link stands in for a missing permission, which root does not feel."""
    project = make_project(2)
    (project / "targets" / "away.png").symlink_to(project / "unplugged" / "away.png")
    ran = maskcast("run", project, "--engine", "fake")
    assert ran.returncode == 3
    (failure,) = json.loads(maskcast("status", project, "--json").stdout)["failures"]
    assert failure["image_id"] == "away.png"
