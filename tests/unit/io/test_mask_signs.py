"""Pictures are masks, label maps or neither, by what is in them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from maskcast.demo.wafers import KINDS, draw_inspection_image
from maskcast.errors import AnnotationError
from maskcast.io.images import encode_label_png
from maskcast.io.label_maps import read_label_picture
from maskcast.io.label_picture import (
    LabelPicture,
    LabelRules,
    NotALabelMapError,
)
from maskcast.io.read_options import ReadOptions

Gray = npt.NDArray[np.uint8]

Y, X = np.ogrid[:128, :160]
DISC = np.asarray((Y - 60) ** 2 + (X - 70) ** 2 <= 30**2)
SQUARE = np.asarray((Y >= 30) & (Y < 90) & (X >= 40) & (X < 120))


def white(mask: npt.NDArray[np.bool_]) -> Gray:
    return mask * np.uint8(255)


def blurred(sigma: float) -> Callable[[Gray], Gray]:
    return lambda picture: np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)


def scaled(factor: float, method: int) -> Callable[[Gray], Gray]:
    return lambda picture: np.asarray(
        cv2.resize(picture, None, fx=factor, fy=factor, interpolation=method), np.uint8
    )


def as_jpeg(quality: int) -> Callable[[Gray], Gray]:
    def saved(picture: Gray) -> Gray:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=quality)
        return np.asarray(Image.open(stream))

    return saved


def read(folder: Path, picture: npt.NDArray[np.generic], name: str = "a.png") -> LabelPicture:
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, picture)
    else:
        Image.fromarray(picture).save(path)
    return read_label_picture(path)


SMOOTHED: dict[str, Callable[[Gray], Gray]] = {
    "blurred a little": blurred(0.5),
    "blurred": blurred(1.5),
    "made smaller": scaled(0.55, cv2.INTER_AREA),
    "made larger": scaled(1.7, cv2.INTER_LINEAR),
    "made larger, cubic": scaled(1.7, cv2.INTER_CUBIC),
    "once a JPEG": as_jpeg(60),
    "once a good JPEG": as_jpeg(95),
    "a blurred JPEG": lambda picture: as_jpeg(75)(blurred(1)(picture)),
}


@pytest.mark.parametrize("mask", [DISC, SQUARE], ids=["disc", "square"])
@pytest.mark.parametrize("how", SMOOTHED)
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.npy", "a.jpg", "a.webp"])
def test_a_mask_with_smoothed_edges_is_cut_at_the_middle(
    tmp_path: Path, mask: npt.NDArray[np.bool_], how: str, name: str
) -> None:
    picture = SMOOTHED[how](white(mask))
    found = read(tmp_path, picture, name)
    labels, unknown = found.labels(void=False)
    assert unknown is None
    wanted = picture > 127
    assert (labels != wanted).mean() < 0.02  # saving as JPEG moves a few pixels
    assert labels.max() == 1
    if not name.endswith(("jpg", "webp")):
        np.testing.assert_array_equal(labels, wanted)
        assert found.gray_share == pytest.approx(np.mean((picture > 0) & (picture < 255)))


def test_a_smoothed_mask_of_16_bits_or_of_floats(tmp_path: Path) -> None:
    gray = blurred(1)(white(DISC))
    cv2.imwrite(str(tmp_path / "deep.png"), gray.astype(np.uint16) * 257)
    tifffile.imwrite(tmp_path / "shares.tif", (gray / 255).astype(np.float32))
    np.save(tmp_path / "shares.npy", gray / 255)
    for name in ("deep.png", "shares.tif", "shares.npy"):
        labels, _ = read_label_picture(tmp_path / name).labels(void=False)
        np.testing.assert_array_equal(labels, gray > 127)


@pytest.mark.parametrize("name", ["a.png", "a.npy"])
def test_black_and_white_of_any_depth_is_object_1(tmp_path: Path, name: str) -> None:
    deep = DISC * np.uint16(65535)
    if name.endswith("npy"):
        np.save(tmp_path / name, deep)
    else:
        cv2.imwrite(str(tmp_path / name), deep)
    labels, _ = read_label_picture(tmp_path / name).labels(void=False)
    np.testing.assert_array_equal(labels, DISC)
    np.save(tmp_path / "bool.npy", DISC[None, :, :, None])
    labels, _ = read_label_picture(tmp_path / "bool.npy").labels(void=False)
    np.testing.assert_array_equal(labels, DISC)


def cells(count: int, radius: int, first: int = 1) -> Gray:
    rng = np.random.default_rng(0)
    picture = np.zeros((200, 200), np.uint8)
    for number in range(count):
        x, y = rng.integers(0, 200, 2).tolist()
        cv2.circle(picture, (x, y), radius, first + number, -1)
    return picture


def scratches(ids: int) -> Gray:
    """Lines one pixel wide."""
    rng = np.random.default_rng(0)
    picture = np.zeros((128, 160), np.uint8)
    for number in range(ids):
        begin, end = rng.integers(0, 128, (2, 2)).tolist()
        cv2.line(picture, begin, end, number + 1, 1)
    return picture


def bordered(inner: Gray, width: int) -> Gray:
    """Objects in a border of 255, as VOC has it."""
    around = cv2.dilate(inner, np.ones((2 * width + 1,) * 2, np.uint8))
    return np.where(inner > 0, inner, np.where(around > 0, np.uint8(255), np.uint8(0)))


LABEL_MAPS = {
    "tiny cells": cells(250, 1),
    "cells": cells(250, 5),
    "touching cells": cells(254, 9),
    "scratches": scratches(12),
    "one scratch": scratches(1) * np.uint8(200),
    "far apart ids": np.where(DISC, np.uint8(250), SQUARE * np.uint8(3)),
    "VOC": bordered(DISC * np.uint8(5), 3),
    "a thin object of VOC": bordered(scratches(1) * np.uint8(15), 2),
    "a thin object in a thin border": bordered(scratches(1) * np.uint8(15), 1),
    "blocks": np.kron(np.arange(1, 226).reshape(15, 15), np.ones((6, 6))).astype(np.uint8),
}


@pytest.mark.parametrize("name", LABEL_MAPS)
def test_label_maps_stay_as_they_are(tmp_path: Path, name: str) -> None:
    picture = LABEL_MAPS[name]
    found = read(tmp_path, picture)
    np.testing.assert_array_equal(found.values, picture)
    assert found.gray_share is None
    assert found.has_void() == (255 in picture)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_photographs_are_neither(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    photo = draw_inspection_image(rng, list(KINDS)[:2]).image[..., 1]
    contrast = np.clip((photo.astype(int) - 128) * 6 + 128, 0, 255).astype(np.uint8)
    ramp = np.broadcast_to(np.linspace(0, 255, 160).astype(np.uint8), (128, 160))
    dark = np.clip(rng.normal(4, 2, (128, 160)).round(), 0, 20).astype(np.uint8)
    for picture in (photo, photo // 4, contrast, np.ascontiguousarray(ramp), dark):
        with pytest.raises(NotALabelMapError, match=r"it has \d+ gray levels from \d+ to \d+"):
            read(tmp_path, picture, name)


@pytest.mark.parametrize("how", ["sharp", "blurred"])
def test_a_mask_whose_black_is_not_0_is_a_mask(tmp_path: Path, how: str) -> None:
    picture = white(DISC) if how == "sharp" else blurred(1.5)(white(DISC))
    low = np.round(picture * 0.8 + 20).astype(np.uint8)  # from 20 to 224
    found = read(tmp_path, low)
    np.testing.assert_array_equal(found.labels(void=False)[0], low > 122)
    assert found.gray_share == pytest.approx(np.mean((low > 20) & (low < 224)))


def test_two_ids_without_background_are_ids(tmp_path: Path) -> None:
    for values in ((1, 2), (3, 90), (100, 200), (1, 255), (40, 255)):
        picture = np.where(DISC, np.uint8(values[1]), np.uint8(values[0]))
        np.testing.assert_array_equal(read(tmp_path, picture).values, picture)


@pytest.mark.parametrize("how", ["made smaller", "made larger", "blurred", "once a JPEG"])
def test_a_label_map_that_was_smoothed_is_refused(tmp_path: Path, how: str) -> None:
    labels = np.where(DISC, np.uint8(150), SQUARE * np.uint8(200))
    labels[:20] = 70
    with pytest.raises(NotALabelMapError, match="neither regions of ids nor"):
        read(tmp_path, SMOOTHED[how](labels))


def test_255_beside_others_is_unknown_in_a_set_that_has_a_border(tmp_path: Path) -> None:
    picture = read(tmp_path, LABEL_MAPS["VOC"])
    labels, unknown = picture.labels(void=True)
    np.testing.assert_array_equal(labels, np.where(picture.values == 255, 0, picture.values))
    assert unknown is not None
    np.testing.assert_array_equal(unknown, picture.values == 255)
    only_border = read(tmp_path, white(DISC))
    assert not only_border.has_void()
    labels, unknown = only_border.labels(void=True)
    assert not labels.any()
    assert unknown is not None
    assert unknown.sum() == DISC.sum()
    deep = bordered(DISC * np.uint8(5), 3).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), np.where(deep == 255, 65535, deep).astype(np.uint16))
    assert read_label_picture(tmp_path / "deep.png").has_void()


def test_a_palette_may_give_255_a_colour_of_an_object(tmp_path: Path) -> None:
    ours = np.where(DISC, np.uint8(255), SQUARE * np.uint8(3))
    for color, is_void in (((255, 0, 0), False), ((224, 224, 192), True), ((255, 255, 255), True)):
        (tmp_path / "a.png").write_bytes(encode_label_png(ours, {255: color, 3: (0, 0, 255)}))
        assert read_label_picture(tmp_path / "a.png").has_void() == is_void


def test_instances_take_every_value_above_0_as_one(tmp_path: Path) -> None:
    many = np.arange(300).repeat(4).reshape(12, 100).astype(np.uint16)
    rules = LabelRules(instances=True)
    tifffile.imwrite(tmp_path / "a.tif", many)
    np.save(tmp_path / "a.npy", many.astype(np.int32) - 1)  # some write -1 for nothing
    cv2.imwrite(str(tmp_path / "a.png"), many)
    for name in ("a.tif", "a.png", "a.npy"):
        with pytest.raises(NotALabelMapError, match="its values go from"):
            read_label_picture(tmp_path / name)
        labels, unknown = read_label_picture(tmp_path / name, rules=rules).labels(void=True)
        np.testing.assert_array_equal(labels, many > (1 if name.endswith("npy") else 0))
        assert unknown is None
    with_255 = cells(254, 4, first=2)
    Image.fromarray(with_255).save(tmp_path / "few.png")
    labels, unknown = read_label_picture(tmp_path / "few.png", rules=rules).labels(void=True)
    np.testing.assert_array_equal(labels, with_255 > 0)
    noise = np.random.default_rng(0).integers(1, 256, (50, 50), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    with pytest.raises(NotALabelMapError, match="gray levels"):
        read_label_picture(tmp_path / "noise.png", rules=rules)


# ---- transparency, palettes, colours


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (255, 0, 0)])
def test_a_mask_in_the_transparency(tmp_path: Path, color: tuple[int, int, int]) -> None:
    for alpha in (white(DISC), blurred(1)(white(DISC))):
        rgba = np.dstack([np.full((*DISC.shape, 3), color, np.uint8), alpha])
        Image.fromarray(rgba).save(tmp_path / "a.png")
        labels, _ = read_label_picture(tmp_path / "a.png").labels(void=False)
        np.testing.assert_array_equal(labels, alpha > 127)


def test_what_is_transparent_is_background(tmp_path: Path) -> None:
    ids = np.where(SQUARE, np.uint8(2), np.uint8(7))
    ids[DISC] = 3
    alpha = white(SQUARE | DISC)
    Image.fromarray(np.dstack([ids, alpha])).save(tmp_path / "a.png")
    labels, _ = read_label_picture(tmp_path / "a.png").labels(void=False)
    np.testing.assert_array_equal(labels, np.where(alpha, ids, 0))
    Image.fromarray(np.dstack([ids, alpha * 0])).save(tmp_path / "a.png")
    with pytest.raises(NotALabelMapError, match="transparent everywhere"):
        read_label_picture(tmp_path / "a.png")


def palette_picture(path: Path, indices: Gray, *colors: tuple[int, int, int]) -> Path:
    image = Image.fromarray(indices).convert("P")
    image.putpalette([channel for color in colors for channel in color])
    image.save(path)
    return path


def test_a_palette_of_grays_is_seen_as_a_person_sees_it(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    inverted = palette_picture(path, (~DISC).astype(np.uint8), (255, 255, 255), (0, 0, 0))
    labels, _ = read_label_picture(inverted).labels(void=False)
    np.testing.assert_array_equal(labels, DISC)
    smoothed = blurred(1)(white(DISC))
    shades = np.unique(smoothed)[::-1]
    indices = np.searchsorted(-shades.astype(int), -smoothed.astype(int)).astype(np.uint8)
    palette_picture(path, indices, *((int(one),) * 3 for one in shades))
    labels, _ = read_label_picture(path).labels(void=False)
    np.testing.assert_array_equal(labels, smoothed > 127)
    ids = np.where(DISC, np.uint8(2), SQUARE.astype(np.uint8))
    shown = palette_picture(path, ids, (0, 0, 0), (90, 90, 90), (180, 180, 180))
    np.testing.assert_array_equal(read_label_picture(shown).values, ids)


RED, GREEN = (255, 0, 0), (0, 200, 0)
TABLE = LabelRules(colors={RED: 1, GREEN: 2, (255, 255, 255): 0})


def colored(background: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    picture = np.empty((*DISC.shape, 3), np.uint8)
    picture[:] = background
    picture[SQUARE] = GREEN
    picture[DISC] = RED
    return picture


@pytest.mark.parametrize("background", [(0, 0, 0), (255, 255, 255)])
@pytest.mark.parametrize("kind", ["RGB", "palette", "RGBA", "JPEG", "smoothed"])
def test_colours_ask_for_a_table(
    tmp_path: Path, kind: str, background: tuple[int, int, int]
) -> None:
    picture = colored(background)
    wanted = np.where(DISC, 1, SQUARE * 2)
    path = tmp_path / ("a.jpg" if kind == "JPEG" else "a.png")
    if kind == "palette":
        indices = np.where(DISC, np.uint8(0), SQUARE.astype(np.uint8) + 1)
        palette_picture(path, 2 - indices, GREEN, background, RED)
        wanted = np.where(DISC, 1, np.where(SQUARE, 2, 0))
    elif kind == "RGBA":
        Image.fromarray(np.dstack([picture, white(DISC | SQUARE)])).save(path)
    elif kind == "smoothed":
        Image.fromarray(cv2.GaussianBlur(picture, (0, 0), 0.8)).save(path)
    else:
        Image.fromarray(picture).save(path, quality=90)
    found, unknown = read_label_picture(path, rules=TABLE).labels(void=True)
    assert unknown is None
    assert np.mean(found == wanted) > (0.97 if kind in {"JPEG", "smoothed"} else 0.9999)
    if kind == "palette" and background != (0, 0, 0):
        return  # whose first index is no black, so its indices are ids
    with pytest.raises(NotALabelMapError, match="it is a colour picture"):
        read_label_picture(path)


def test_a_few_colours_are_shown_with_what_to_say(tmp_path: Path) -> None:
    Image.fromarray(colored((0, 0, 0))).save(tmp_path / "a.png")
    with pytest.raises(NotALabelMapError) as caught:
        read_label_picture(tmp_path / "a.png")
    said = str(caught.value)
    assert "#000000" in said
    assert "#00c800" in said
    assert "#ff0000" in said
    assert "--classes '#" in said
    rules = LabelRules(colors={(0, 0, 255): 1})
    with pytest.raises(NotALabelMapError, match="#ff0000"):
        read_label_picture(tmp_path / "a.png", rules=rules)


# ---- numpy's files


def test_numpy_files_are_never_run_and_never_trusted(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.array([{"masks": 1}], object), allow_pickle=True)  # as Cellpose saves _seg.npy
    with pytest.raises(NotALabelMapError, match="holds Python objects, which are never loaded"):
        read_label_picture(path)
    np.save(path, np.zeros((20_000, 20_000), np.uint8)[:1])
    claims = path.read_bytes().replace(b"(1, 20000)", b"(9, 20000)")
    path.write_bytes(claims)
    with pytest.raises(AnnotationError, match="cut off"):
        read_label_picture(path)
    path.write_bytes(claims.replace(b"(9, 20000)", b"(90000,90)"))
    with pytest.raises(NotALabelMapError, match="8100000 pixels"):
        read_label_picture(path, ReadOptions(8_000_000))
    for bad in (np.zeros((2, 3, 4), np.uint8), np.zeros(5, np.uint8), np.array([["a"]])):
        np.save(path, bad)
        with pytest.raises(NotALabelMapError, match="of shape"):
            read_label_picture(path)
    for data in (b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00\x10\x00{'descr': [" + b"[" * 30):
        path.write_bytes(data)
        with pytest.raises(AnnotationError, match="is no file of numpy"):
            read_label_picture(path)
