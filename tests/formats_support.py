"""Images to write for the tests of formats, and references that are known without files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from maskcast.drawing.palette import default_spec
from maskcast.interchange.formats.brush_rle import decode_runs, encode_runs
from maskcast.interchange.formats.writing import ExportedImage, ExportedSet, Instance
from maskcast.interchange.reading.entries import ReadingOptions
from maskcast.interchange.reading.joining import ReadImage, read_images
from maskcast.interchange.reading.left_out import LeftOut
from maskcast.interchange.reading.matching import NamedPictures
from maskcast.interchange.reading.readers import load_reader
from maskcast.interchange.reading.shapes import Size
from maskcast.io.output_names import output_names
from maskcast.masks import cut_out
from maskcast.results.instances import Instances, split_instances
from maskcast.types import ObjectSpec

Mask = npt.NDArray[np.bool_]

FILE_NAMES = ("a.png", "a.jpg", "깊은 곳/한글 이름.tif", 'co,mma "quote" \'n.b.png', "x&<y>%20.bmp")
"""Names that have broken exports elsewhere; the first two differ only in the suffix."""


class KnownPictures(NamedPictures):
    """References of which only names and sizes are known."""

    def __init__(self, sizes: Mapping[str, Size]) -> None:
        super().__init__({image_id: Path("nowhere") for image_id in sizes})
        self._known = dict(sizes)

    def size(self, image_id: str) -> Size:
        return self._known[image_id]


class KnownNames(NamedPictures):
    """References of which only the names are known."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__({name: Path("nowhere") for name in names})


def known(images: Iterable[ReadImage | ExportedImage]) -> KnownPictures:
    return KnownPictures({image.image_id: image.size for image in images})


def read_all(name: str, source: Path, pictures: NamedPictures) -> list[ReadImage]:
    """What an import reads, where nothing may be left out."""
    left_out = LeftOut(strict=True)
    opened = load_reader(name)(source, ReadingOptions(), left_out)
    return list(read_images(opened, pictures, left_out))


def encode_brush(mask: Mask) -> bytes:
    """Label Studio's code of a mask."""
    cutout = cut_out(mask)
    return encode_runs(np.array([mask.size]) if cutout is None else cutout.runs(mask.shape))


def decode_brush(code: Sequence[int] | bytes, shape: Size) -> Mask:
    """The mask of a code of Label Studio."""
    mask = np.zeros(shape[0] * shape[1], np.bool_)
    for start, end in decode_runs(code, shape):
        mask[start:end] = True
    return mask.reshape(shape)


def mask_of(*rows: str) -> Mask:
    """A mask drawn by hand: ``#`` is the object."""
    return np.array([[letter == "#" for letter in row] for row in rows])


def instances_of(
    label: str, object_id: int, mask: Mask, score: float = 0.5, how: Instances = "one"
) -> list[Instance]:
    return [Instance(label, object_id, score, cutout) for cutout in split_instances(mask, how)]


def image_of(
    image_id: str, masks: Mapping[int, Mask], size: tuple[int, int], how: Instances = "one"
) -> ExportedImage:
    instances = [
        found
        for key, mask in masks.items()
        for found in instances_of(default_spec(key).name, key, mask, how=how)
    ]
    name = output_names([image_id])[image_id]
    return ExportedImage(image_id, *size, tuple(instances), name)


def set_of(*images: ExportedImage) -> ExportedSet:
    ids = sorted({found.object_id for image in images for found in image.instances})
    return ExportedSet(images, tuple(default_spec(key) for key in ids))


@st.composite
def exported_sets(
    draw: st.DrawFn, names: st.SearchStrategy[str], disjoint: bool = False
) -> ExportedSet:
    """Sets with negatives, overlaps, holes and single pixels, ids up to 255 and any names."""
    ids = sorted(draw(st.sets(st.integers(1, 255), max_size=3)))
    labels = draw(st.lists(names, min_size=len(ids), max_size=len(ids), unique=True))
    specs = [
        ObjectSpec(key, label, default_spec(key).color)
        for key, label in zip(ids, labels, strict=True)
    ]
    image_ids = draw(st.lists(st.sampled_from(FILE_NAMES), min_size=1, max_size=4, unique=True))
    unique = output_names(image_ids)
    how = draw(st.sampled_from(get_args(Instances)))
    images = []
    for image_id in image_ids:
        size = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
        taken = np.zeros(size, np.bool_)
        instances: list[Instance] = []
        for spec in specs:
            mask = draw(hnp.arrays(np.bool_, size))
            if disjoint:
                mask &= ~taken
            taken |= mask
            instances += instances_of(spec.name, spec.object_id, mask, 0.25, how)
        images.append(ExportedImage(image_id, *size, tuple(instances), unique[image_id]))
    return ExportedSet(images, tuple(specs))


def masks_by_label(image: ReadImage | ExportedImage) -> dict[str, Mask]:
    """The union of all instances of each class."""
    found: dict[str, Mask] = {}
    pairs = (
        [(thing.label, thing.cutout.on(image.size)) for thing in image.instances]
        if isinstance(image, ExportedImage)
        else [(shape.label, shape.mask) for shape in image.objects if shape.mask is not None]
    )
    for label, mask in pairs:
        found[label] = found.get(label, np.zeros(image.size, np.bool_)) | mask
    return found


def assert_same_masks(
    actual: Iterable[ReadImage], expected: Iterable[ReadImage | ExportedImage]
) -> None:
    by_id = {image.image_id: image for image in actual}
    wanted = {image.image_id: image for image in expected}
    assert by_id.keys() == wanted.keys()
    for image_id, image in wanted.items():
        found, masks = masks_by_label(by_id[image_id]), masks_by_label(image)
        assert found.keys() == masks.keys(), image_id
        for label, mask in masks.items():
            np.testing.assert_array_equal(found[label], mask, f"{image_id}: {label}")
