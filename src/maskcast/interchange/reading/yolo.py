"""Reading YOLO's text files, as Ultralytics, Roboflow, CVAT, labelImg and numpy write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from maskcast.errors import AnnotationError
from maskcast.interchange.reading.entries import (
    ANY_SUFFIX,
    Entry,
    Part,
    ReadingOptions,
    Shape,
    Source,
)
from maskcast.interchange.reading.left_out import Kind, LeftOut, MisfitError
from maskcast.interchange.reading.numbers import finite, whole
from maskcast.interchange.reading.shapes import Size, box_prompts, ring_area, share_ring
from maskcast.interchange.reading.source_files import files_of, read_file, read_text_file

_NAME_LISTS = ("classes.txt", "obj.names")
_OTHER_TEXTS = frozenset({*_NAME_LISTS, "train.txt", "val.txt", "valid.txt", "test.txt"})
"""Texts beside labels that are none: names of classes, and lists of pictures."""

_MOVED = re.compile("images_+")
"""What ``write_yolo`` makes of a folder called ``images``."""

_LOWEST, _HIGHEST = -1.0, 2.0
"""Shares beyond these are no shares of a picture but something else, pixels say. Those between are
of shapes that stick out."""

_PLAIN_TAGS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("seq", "map", "str", "int"))
_PLAIN_TAGS += tuple(f"tag:yaml.org,2002:{kind}" for kind in ("bool", "float", "null", "timestamp"))
"""Of what a name or a list of names may look like; other tags make objects of Python."""

_EXPECTED = "a class and 4 numbers of a box, or x and y of at least 3 corners"
_SHOWN = 60


def read_yolo(source: Path, _: ReadingOptions, __: LeftOut) -> Source:
    """Read a folder with ``data.yaml``, or the path of the YAML file.

    Label files lie in ``labels/``, or in a ``labels/`` inside each part, or beside the pictures.
    Instead of ``data.yaml`` there may be another YAML file, or ``classes.txt`` or ``obj.names``
    with a name on each line, in ``labels/`` too. A row of five numbers is a box, a longer one an
    outline.

    Raises:
        AnnotationError: if there are no label files or no names of classes.
    """
    root, names = _read_names(source)
    folder = root / "labels" if (root / "labels").is_dir() else root
    inner = [path for path in sorted(folder.glob("*/labels")) if path.is_dir()]
    inside = inner if folder == root and inner else [folder]
    files = [path for part in inside for path in files_of(part.rglob("*.txt"))]
    labels = [path for path in files if not _is_other_text(path)]
    if not files:
        raise AnnotationError(f"there is no label file in {folder}; give the folder of data.yaml")
    others = [path for path in files if _is_other_text(path)]
    entries = (_entry(path, folder, names) for path in [*labels, *others])
    return Source(entries, [name for name in names.values() if name], total=len(files))


def _is_other_text(path: Path) -> bool:
    return path.name in _OTHER_TEXTS or path.name.startswith("README.")


def _entry(path: Path, folder: Path, names: Mapping[int, str]) -> Entry:
    # labels/<split>/<name>.txt belongs to images/<split>/<name>.<any suffix>.
    stem = path.relative_to(folder).as_posix().removesuffix(".txt")
    called = tuple(dict.fromkeys(f"{name}{ANY_SUFFIX}" for name in (_original(stem), stem)))
    return Entry(called, str(path), _parts(path, names), is_optional=_is_other_text(path))


def _parts(path: Path, names: Mapping[int, str]) -> Iterator[Part]:
    try:
        lines = read_text_file(path).splitlines()
    except AnnotationError as error:
        raise MisfitError(Kind.FILE, str(error), str(error)) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield partial(_shapes, line, f"{path}: line {number}", names)


def _original(stem: str) -> str:
    """The stem before ``write_yolo`` changed folders called ``images``."""
    *folders, name = stem.split("/")
    known = (part[:-1] if _MOVED.fullmatch(part) else part for part in folders)
    return "/".join([*known, name])


def _shapes(line: str, place: str, names: Mapping[int, str], size: Size) -> Iterator[Shape]:
    number, *texts = line.split()
    values = [_share(text, line, place) for text in texts]
    if len(values) != 4 and (len(values) < 6 or len(values) % 2):
        raise MisfitError(
            Kind.MALFORMED,
            f"{place}: {len(values)} numbers",
            f"{place}: expected {_EXPECTED}, got {len(values)} numbers",
        )
    label = names.get(_number(number, line, place))
    if not label:
        raise MisfitError(
            Kind.CLASS,
            f"{place}: class {number}",
            f"{place}: class {number} is not among the names of data.yaml",
        )
    if not all(_LOWEST <= value <= _HIGHEST for value in values):
        raise MisfitError(
            Kind.SHARE,
            f"{place}: {line.strip()[:_SHOWN]}",
            f"{place}: expected shares of the picture in 0..1; correct the row",
        )
    if len(values) == 4:
        yield Shape(label, prompts=box_prompts(_edges(values, size), size, place))
    else:
        yield Shape(label, ring_area([share_ring(values, size)], size, place))


def _edges(values: list[float], size: Size) -> list[float]:
    """Edges in pixels, of middle and extent in shares."""
    scale = np.array([size[1], size[0]])
    middle, extent = np.array(values[:2]) * scale, np.array(values[2:]) * scale
    return [*(middle - extent / 2).tolist(), *(middle + extent / 2).tolist()]


def _share(text: str, line: str, place: str) -> float:
    try:
        float(text)
    except ValueError as error:
        raise _not_a_row(line, place) from error
    return finite(text, place, "a share of the picture")


def _number(text: str, line: str, place: str) -> int:
    """The number of a class, which numpy writes as 0.000000e+00."""
    try:
        float(text)
    except ValueError as error:
        raise _not_a_row(line, place) from error
    return whole(text, place, "the number of a class")


def _not_a_row(line: str, place: str) -> MisfitError:
    shown = repr(line.strip()[:_SHOWN])
    return MisfitError(
        Kind.MALFORMED, f"{place}: {shown}", f"{place}: expected {_EXPECTED}, got {shown}"
    )


def _read_names(source: Path) -> tuple[Path, Mapping[int, str]]:
    """The folder, and class names by number."""
    above = source.parent / "data.yaml"
    if source.name == "labels" and not list(source.glob("*.y*ml")) and above.is_file():
        source = source.parent
    path = source if source.is_file() else source / "data.yaml"
    lists = [source / folder / name for folder in ("", "labels") for name in _NAME_LISTS]
    for names in lists:
        if not path.is_file() and names.is_file():
            lines = read_text_file(names).split("\n")
            return source, dict(enumerate(line.strip() for line in lines))
    others = [] if path.is_file() else files_of([*source.glob("*.yaml"), *source.glob("*.yml")])
    path = others[0] if len(others) == 1 else path
    if path.suffix not in {".yaml", ".yml"} or not path.is_file():
        raise AnnotationError(
            f"there is no data.yaml in {source}, which holds the names of the classes; "
            "add it or give its path"
        )
    return path.parent, _parse_yaml(path)


def _parse_yaml(path: Path) -> Mapping[int, str]:
    """Class names by number; a plain word is what it says: ``no`` is a name, not false."""
    try:
        root = yaml.compose(read_file(path), yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        detail = " ".join(str(error).split())
        raise AnnotationError(f"{path} is not YAML ({detail}); correct the file") from error
    members = dict(_members(root))
    if "kpt_shape" in members:
        raise AnnotationError(f"{path} is of key points, which are no masks; give a set of masks")
    given = members.get("names")
    if isinstance(given, yaml.SequenceNode):
        pairs = [(str(number), node) for number, node in enumerate(given.value)]
    else:
        pairs = list(_members(given))
        is_table = isinstance(given, yaml.MappingNode) and len(pairs) == len(given.value)
        pairs = pairs if is_table else [("", None)]
    names = {key: node.value for key, node in pairs if isinstance(node, yaml.ScalarNode)}
    numbers = {key: _class_number(key) for key in names}
    nodes = [given, *(node for _, node in pairs)]
    is_plain = all(node is not None and node.tag.startswith(_PLAIN_TAGS) for node in nodes)
    if len(names) < len(pairs) or None in numbers.values() or not is_plain:
        raise AnnotationError(f"{path}: names: expected the names of the classes by number")
    numbered = ((number, names[key]) for key, number in numbers.items() if number is not None)
    return dict(sorted(numbered))


def _members(node: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Name and value of each member of a mapping in YAML; none if it is something else."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key.value, value


def _class_number(text: str) -> int | None:
    try:
        return whole(text, "", "")
    except MisfitError:
        return None
