"""Reading COCO instances, as pandas, Matlab, Roboflow, CVAT and others write them."""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from maskcast.errors import AnnotationError
from maskcast.interchange.reading.areas import Area
from maskcast.interchange.reading.entries import Entry, ReadingOptions, Shape, Source
from maskcast.interchange.reading.jsonlists import JsonList, Member, read_json_lists
from maskcast.interchange.reading.left_out import Kind, LeftOut, MisfitError
from maskcast.interchange.reading.numbers import (
    corners,
    declared_size,
    node_numbers,
    plain_id,
    whole,
)
from maskcast.interchange.reading.shapes import Size, box_prompts, ring_area, shown_area
from maskcast.interchange.reading.source_files import files_of
from maskcast.io.jsonfile import Node
from maskcast.masks import RunLengths

_Id = int | str
_EXPECTED = 'an object with "images", "annotations" and "categories", as COCO instances have'


def read_coco(source: Path, _: ReadingOptions, left_out: LeftOut) -> Source:
    """Read a JSON file of instances, or all of those in a folder.

    Masks may be run-length codes, compressed or not, or polygons; an annotation without either is
    a box. Several annotations of one category on an image are instances of one class.

    Raises:
        AnnotationError: if there is no such file, or none that can be read.
    """
    paths = _json_files(source)
    files = []
    for path in paths:
        try:
            files.append(_CocoFile.read(path, left_out))
        except AnnotationError as error:
            if len(paths) == 1:
                raise
            left_out.add(MisfitError(Kind.FILE, str(error), str(error)))
    labels = list(dict.fromkeys(label for file in files for label in file.labels.values()))
    entries = (entry for file in files for entry in file.entries(left_out))
    return Source(entries, labels, total=sum(len(file.images) for file in files))


def _json_files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    # A folder of official sets, FiftyOne's, any file, Roboflow's.
    for pattern in ("annotations/*.json", "labels.json", "*/labels.json", "*.json", "*/*.json"):
        files = files_of(source.glob(pattern))
        # Beside instances there may be captions, key points and other files of the same images.
        instances = [path for path in files if path.name.startswith("instances_")]
        if files:
            return instances or files
    raise AnnotationError(f"there is no COCO file in {source}; give the JSON file or its folder")


class _CocoFile:
    """One file; of its annotations only where they begin is kept."""

    def __init__(self, images: JsonList, annotations: JsonList, labels: Mapping[_Id, str]) -> None:
        self.images = images
        self.labels = labels
        self._annotations = annotations

    @classmethod
    def read(cls, path: Path, left_out: LeftOut) -> _CocoFile:
        """Find the parts of a file.

        Raises:
            AnnotationError: if it is no COCO file.
        """
        root = read_json_lists(path)
        if isinstance(root, JsonList | Node):
            raise AnnotationError(f"{path}: expected {_EXPECTED}; give another file")
        images = _list(root, path, "images")
        # Files of pictures that nobody has annotated lack the rest, or have null there.
        annotations, categories = (
            _list(root, path, name, may_lack=True) for name in ("annotations", "categories")
        )
        return cls(images, annotations, _labels(categories, left_out))

    def entries(self, left_out: LeftOut) -> Iterator[Entry]:
        """One entry for each image."""
        names, disputed = _names_by_id(self.images)
        owned = self._annotations_by_image(left_out)
        for image in self.images:
            entry = left_out.tried(partial(self._entry, image, owned, names, disputed))
            if entry is not None:
                yield entry
        for indexes in owned.values():  # of images that are not listed
            owner = self._annotations[indexes[0]].member("image_id")
            left_out.add(_no_owner(owner), len(indexes))

    def _annotations_by_image(self, left_out: LeftOut) -> dict[_Id, array[int]]:
        """Numbers of the annotations of each image."""
        owned: dict[_Id, array[int]] = {}
        for index, node in enumerate(self._annotations):
            key = left_out.tried(lambda: _id(node.member("image_id")))  # noqa: B023
            if key is not None:
                owned.setdefault(key, array("Q")).append(index)
        return owned

    def _entry(
        self,
        image: Node,
        owned: dict[_Id, array[int]],
        names: dict[_Id, object],
        disputed: Container[_Id],
    ) -> Entry | None:
        where = image.member("id")
        key = _id(where)
        indexes = owned.pop(key, ())
        if key in disputed:
            raise _malformed(where, "an id that no other entry has")
        if key not in names:  # the same entry again
            return None
        del names[key]
        name = image.member("file_name")
        height, width = declared_size(image.member("height").value, image.member("width").value)
        parts = (partial(self._shapes, index) for index in indexes)
        return Entry((name.text(),), name.where, parts, height, width)

    def _shapes(self, index: int, size: Size) -> Iterator[Shape]:
        node = self._annotations[index]
        category = node.member("category_id")
        label = self.labels.get(_id(category))
        if label is None:
            raise MisfitError(
                Kind.CLASS,
                f"{category.where} {category.value!r}",
                str(category.error("the id of a category in this file")),
            )
        box = node.member("bbox")
        area = _area(node.member("segmentation"), size, has_box=bool(box.value))
        if area is not None:
            yield Shape(label, area)
            return
        numbers = node_numbers(box, "x, y, width and height")
        if len(numbers) != 4:
            raise box.error("x, y, width and height")
        x, y, width, height = numbers
        yield Shape(label, prompts=box_prompts((x, y, x + width, y + height), size, box.where))


def _list(root: Mapping[str, Member], path: Path, name: str, *, may_lack: bool = False) -> JsonList:
    member = root.get(name)
    if isinstance(member, JsonList):
        return member
    if may_lack and (member is None or member.value is None):
        return JsonList.empty(path, name)
    raise AnnotationError(f"{path}: {name}: expected {_EXPECTED}; give another file")


def _labels(categories: JsonList, left_out: LeftOut) -> dict[_Id, str]:
    """Class name by id; an id that two names are given for has none."""
    labels: dict[_Id, str] = {}
    disputed: set[_Id] = set()

    def add(node: Node) -> None:
        key, name = _id(node.member("id")), _label(node.member("name"))
        if labels.setdefault(key, name) != name:
            disputed.add(key)
            raise _malformed(node.member("id"), "an id that no other entry has")

    for node in categories:
        left_out.tried(partial(add, node))
    return {key: name for key, name in labels.items() if key not in disputed}


def _label(node: Node) -> str:
    """A class name; numbers are names too."""
    value = node.value
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(plain_id(value))
    raise node.error("a name")


def _names_by_id(images: JsonList) -> tuple[dict[_Id, object], set[_Id]]:
    """Name of the picture of each id, and the ids that several pictures have."""
    names: dict[_Id, object] = {}
    disputed: set[_Id] = set()
    for node in images:
        if isinstance(node.value, dict):
            key, name = plain_id(node.value.get("id")), node.value.get("file_name")
            if key is not None and names.setdefault(key, name) != name:
                disputed.add(key)
    return names, disputed


def _id(node: Node) -> _Id:
    """A number, as COCO has it, or a text, as some tools write it."""
    key = plain_id(node.value)
    if key is None:
        raise _malformed(node, "an id, a whole number or a text")
    return key


def _malformed(node: Node, expected: str) -> MisfitError:
    return MisfitError(Kind.MALFORMED, node.where, str(node.error(expected)))


def _no_owner(node: Node) -> MisfitError:
    sentence = str(node.error("the id of an image in this file"))
    return MisfitError(Kind.OWNER, f"{node.where} {node.value!r}", sentence)


def _area(node: Node, size: Size, *, has_box: bool) -> Area | None:
    """The pixels of a segmentation; None if there is none, or a box and no ring of 3 corners."""
    if isinstance(node.value, dict):
        return _decoded(node, size)
    rings = _rings(node)
    if has_box and all(len(ring) < 3 for ring in rings):
        return None
    return ring_area(rings, size, node.where) if rings else None


def _rings(node: Node) -> list[list[tuple[float, float]]]:
    """Corners of each ring; empty rings are left out."""
    if node.value is None:
        return []
    values = node.items()
    if values and not any(isinstance(value, list) for value in values):
        return [_ring(node)]  # one ring, not in a list of its own
    if len(values) >= 3 and all(_is_corner(value) for value in values):
        return [[_corner(element) for element in node.elements()]]
    return [_ring(element) for element in node.elements() if element.value]


def _is_corner(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and not isinstance(value[0], list)


def _ring(node: Node) -> list[tuple[float, float]]:
    values = node.items()
    if values and all(_is_corner(value) for value in values):
        return [_corner(element) for element in node.elements()]
    numbers = node_numbers(node, "a list of numbers")
    if len(numbers) % 2:
        raise node.error("x and y of at least three corners")
    return corners(numbers)


def _corner(node: Node) -> tuple[float, float]:
    x, y = node_numbers(node, "x and y")
    return x, y


def _decoded(node: Node, size: Size) -> Area:
    """The pixels of a run-length code."""
    where = node.member("size")
    given = [whole(side, where.where, "height and width") for side in where.items()]
    if given != list(size):
        raise _damaged(node, f"a run-length code of size {list(size)}")
    counts = node.member("counts").value
    if isinstance(counts, list):
        counts = _whole_counts(counts)
    try:
        code = RunLengths.parse({"size": given, "counts": counts})
    except ValueError as error:
        raise _damaged(node, f"a run-length code of {size[0]} x {size[1]} pixels") from error
    starts, ends = code.runs()
    return shown_area(Area(starts, ends, size), node.where)


def _whole_counts(counts: Sequence[object]) -> object:
    """Counts that were written as 12.0 as whole numbers; others as they are."""
    if all(type(count) is int for count in counts):
        return counts
    return [
        int(count) if isinstance(count, float) and count.is_integer() else count for count in counts
    ]


def _damaged(node: Node, expected: str) -> MisfitError:
    return MisfitError(Kind.CODE, node.where, str(node.error(expected)))
