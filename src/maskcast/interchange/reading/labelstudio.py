"""Reading Label Studio's exports: JSON, JSON-MIN, CSV and TSV."""

from __future__ import annotations

import base64
import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from maskcast.errors import AnnotationError
from maskcast.interchange.reading.entries import Entry, Part, ReadingOptions, Shape, Source
from maskcast.interchange.reading.jsonlists import JsonList, read_json_lists
from maskcast.interchange.reading.left_out import Kind, LeftOut, MisfitError
from maskcast.interchange.reading.numbers import declared_size
from maskcast.interchange.reading.shapes import Size
from maskcast.interchange.reading.source_files import files_of, read_text_file
from maskcast.interchange.reading.studio_shapes import LABEL_KEYS, region_labels, region_shapes
from maskcast.io.images import is_image_name
from maskcast.io.jsonfile import Node

_NO_SHAPES = frozenset(
    {"choices", "datetime", "number", "pairwise", "ranker", "rating", "relation", "taxonomy"}
    | {"textarea"}
)
"""Results that say something of the picture, or of a shape that has a result of its own."""

_OF_EXPORTS = ("annotator", "annotation_id", "lead_time", "updated_at")
"""What a row of JSON-MIN or CSV has beside the data, one of them at least."""

_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)


def read_labelstudio(source: Path, _: ReadingOptions, left_out: LeftOut) -> Source:
    """Read tasks, or the rows of JSON-MIN, CSV or TSV, from a file or all of those in a folder.

    Of a picture that was annotated several times the annotation counts that is marked as ground
    truth, or else the newest that was not cancelled; where there is none, the newest prediction.
    Brushes, polygons, ellipses and turned rectangles become masks, upright rectangles boxes, key
    points prompts; choices, texts and relations are passed over.

    Raises:
        AnnotationError: if there is no such file.
    """
    files = _files(source)
    notes: list[str] = []
    return Source(_entries(files, source, notes, left_out), notes=notes)


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    for pattern in ("*.json", "*.csv", "*.tsv"):
        files = files_of(source.glob(pattern))
        if files:
            return files
    raise AnnotationError(f"there is no JSON file of tasks in {source}; give its path")


@dataclass(frozen=True)
class _Made:
    """One annotation or prediction of a picture.

    Attributes:
        rank: by which the best is chosen.
        results: decodes its regions, or the row whose columns hold them.
    """

    rank: tuple[bool, datetime, int, int]
    results: Callable[[], Node]


@dataclass
class _Picture:
    """What was made of one picture."""

    address: Node
    uploaded: str | None = None
    annotations: list[_Made] = field(default_factory=list)
    predictions: list[_Made] = field(default_factory=list)
    cancelled: int = 0


def _entries(
    files: list[Path], source: Path, notes: list[str], left_out: LeftOut
) -> Iterator[Entry]:
    pictures: dict[str, _Picture] = {}
    found = False
    for path in files:
        rows = left_out.tried(partial(_rows, path, is_alone=source.is_file()))
        found |= rows is None or len(rows) > 0
        for index in range(len(rows or ())):
            left_out.tried(partial(_add, rows or (), index, pictures))
    if not found:
        raise AnnotationError(f"there is no JSON file of tasks in {source}; give its path")
    several: list[str] = []
    predicted: list[str] = []
    for picture in pictures.values():
        chosen = picture.annotations or ([] if picture.cancelled else picture.predictions)
        if not chosen:
            left_out.add(_not_annotated(picture))
            continue
        if len(chosen) > 1:
            several.append(picture.address.where)
        if not picture.annotations:
            predicted.append(picture.address.where)
        best = max(chosen, key=lambda made: made.rank)
        entry = left_out.tried(partial(_entry, picture, best))
        if entry is not None:
            yield entry
    notes += _told(several, predicted)


def _told(several: list[str], predicted: list[str]) -> Iterator[str]:
    if several:
        yield (
            f"{_images(several)} annotated several times, and the newest annotation counts, or the "
            f"one marked as ground truth: {several[0]}"
        )
    if predicted:
        yield f"{_images(predicted)} only predicted, and that counts: {predicted[0]}"


def _images(places: list[str]) -> str:
    return "1 image was" if len(places) == 1 else f"{len(places)} images were"


def _not_annotated(picture: _Picture) -> MisfitError:
    where = picture.address.where
    return MisfitError(
        Kind.NOT_ANNOTATED,
        f"{where} {picture.address.value!r}",
        f"{where}: nobody has annotated {picture.address.value!r}; leave it out",
    )


def _rows(path: Path, *, is_alone: bool) -> list[Node] | JsonList:
    """Tasks or rows of a file; none if it holds something else and was not named."""
    if path.suffix.lower() in {".csv", ".tsv"}:
        return _table(path)
    root = read_json_lists(path)
    if isinstance(root, JsonList):
        return root
    if not isinstance(root, Node):  # one task, or an annotation as a storage gets it
        whole = {key: _whole(member) for key, member in root.items()}
        if {"data", "task"} & whole.keys():
            return [Node(whole, "", path)]
    if is_alone:
        raise AnnotationError(
            f"{path} holds no tasks of Label Studio; export them as JSON, JSON-MIN or CSV"
        )
    return []  # an export has other JSON files beside the tasks


def _whole(member: Node | JsonList) -> Any:  # noqa: ANN401
    return member.value if isinstance(member, Node) else [node.value for node in member]


def _table(path: Path) -> list[Node]:
    """The rows of a CSV or TSV file; what is JSON in them is decoded."""
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    before = csv.field_size_limit(sys.maxsize)  # brushes are long
    try:
        rows = list(csv.DictReader(io.StringIO(read_text_file(path)), delimiter=separator))
    except csv.Error as error:
        raise AnnotationError(f"{path} is not CSV ({error}); correct the file") from error
    finally:
        csv.field_size_limit(before)
    return [
        Node({key: _cell(text) for key, text in row.items() if key}, f"row {number}", path)
        for number, row in enumerate(rows, 1)
    ]


def _cell(text: Any) -> Any:  # noqa: ANN401
    if isinstance(text, str) and text.startswith("["):
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    return text


def _add(rows: Sequence[Node] | JsonList, index: int, pictures: dict[str, _Picture]) -> None:
    """Add what a task or row tells to its picture."""
    row = rows[index]
    known = dict(row.members())
    if "task" in known and "result" in known:  # an annotation as a storage gets it
        data, lists = known["task"].member("data"), {}
    elif "data" in known and isinstance(known["data"].value, dict):
        data = known["data"]
        lists = {key: _elements(row, key) for key in ("annotations", "completions", "predictions")}
    else:
        data, lists = row, {}
        if not (known.keys() & set(_OF_EXPORTS) or any(map(_is_regions, known.values()))):
            lists = {"annotations": []}
    address = _address(data)
    picture = pictures.setdefault(address.text(), _Picture(address))
    uploaded = row.member("file_upload").value
    if isinstance(uploaded, str) and is_image_name(uploaded):
        picture.uploaded = uploaded
    if not lists:
        _add_made(picture, picture.annotations, row, partial(_decoded, rows, index))
    for key, entries in lists.items():
        made = picture.predictions if key == "predictions" else picture.annotations
        for number, entry in enumerate(entries):
            _add_made(picture, made, entry, partial(_decoded, rows, index, key, number))


def _elements(task: Node, key: str) -> list[Node]:
    entries = task.member(key)
    return [] if entries.value is None else entries.elements()


def _add_made(
    picture: _Picture, made: list[_Made], entry: Node, results: Callable[[], Node]
) -> None:
    if entry.member("was_cancelled").value or entry.member("skipped").value:
        picture.cancelled += 1
        return
    moments = [_moment(entry.member(key).value) for key in ("updated_at", "created_at")]
    newest = next((moment for moment in moments if moment is not None), _EARLIEST)
    given = entry.member("id").value
    identity = given if type(given) is int else 0
    rank = (entry.member("ground_truth").value is True, newest, identity, len(made))
    made.append(_Made(rank, results))


def _decoded(
    rows: Sequence[Node] | JsonList, index: int, key: str | None = None, number: int = 0
) -> Node:
    """The regions of an annotation, or the row whose columns hold them."""
    entry = rows[index] if key is None else rows[index].member(key).elements()[number]
    results = entry.member("result")
    return entry if key is None and results.value is None else results


def _moment(value: object) -> datetime | None:
    """A point in time; without a zone it is taken as UTC."""
    if not isinstance(value, str):
        return None
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return None


def _is_regions(node: Node) -> bool:
    value = node.value
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(region, dict) for region in value)
        and any(key in region for region in value for key in (*LABEL_KEYS, "original_width"))
    )


def _address(data: Node) -> Node:
    """Where the picture is; labeling setups call it as they like, most ``image``."""
    if isinstance(data.member("image").value, str):
        return data.member("image")
    texts = [node for _, node in data.members() if isinstance(node.value, str)]
    pictures = [node for node in texts if is_image_name(_picture_name(node.value))]
    if len(pictures) == 1:
        return pictures[0]
    return texts[0] if len(texts) == 1 else data.member("image")


def _picture_name(address: str) -> str:
    """The name of the picture in a URL of local files, of a storage or of any other kind."""
    try:
        parts = urlsplit(address)
    except ValueError:  # no URL after all
        return address
    query = parse_qs(parts.query)
    if "d" in query:
        return query["d"][0]
    if "fileuri" in query:
        with suppress(ValueError):
            return _picture_name(base64.urlsafe_b64decode(query["fileuri"][0]).decode())
    return unquote(parts.path).lstrip("/")


def _entry(picture: _Picture, made: _Made) -> Entry:
    """An entry of an annotation's results, or of a row whose columns hold regions."""
    results = made.results()
    if isinstance(results.value, dict):
        columns = [node for _, node in results.members() if _is_regions(node)]
        regions = [(region, region) for column in columns for region in column.elements()]
    else:
        regions = [(result, result.member("value")) for result in _shown(results)]
    sizes = [
        declared_size(holder.member("original_height").value, holder.member("original_width").value)
        for holder, _ in regions
    ]
    size = next((size for size in sizes if None not in size), (None, None))
    address = picture.address
    named = (_picture_name(address.text()), address.text(), picture.uploaded)
    names = tuple(name for name in named if name is not None)
    return Entry(names, address.where, _parts(regions, sizes), *size)


def _shown(results: Node) -> Iterator[Node]:
    """The results that are shapes, each once.

    A region that was drawn with one tag and labeled with another comes with each.
    """
    every = [result for result in results.elements() if not _is_no_shape(result)]
    with_label = [bool(region_labels(result.member("value"))) for result in every]
    ids = [json.dumps(result.member("id").value) for result in every]
    labeled = {key for key, has_label in zip(ids, with_label, strict=True) if has_label}
    for result, key, has_label in zip(every, ids, with_label, strict=True):
        if has_label or key == "null" or key not in labeled:
            yield result


def _is_no_shape(result: Node) -> bool:
    kind = result.member("type").value
    return isinstance(kind, str) and kind in _NO_SHAPES


def _parts(
    regions: Iterable[tuple[Node, Node]], sizes: list[tuple[int | None, int | None]]
) -> Iterator[Part]:
    for (holder, value), declared in zip(regions, sizes, strict=True):
        yield partial(_shapes, holder, value, declared)


def _shapes(
    holder: Node, value: Node, declared: tuple[int | None, int | None], size: Size
) -> Iterator[Shape]:
    if any(given not in (None, side) for given, side in zip(declared, size, strict=True)):
        raise MisfitError(
            Kind.SIZE,
            f"{holder.where} is {declared[1]} x {declared[0]}",
            f"{holder.where}: it was drawn on {declared[1]} x {declared[0]} pixels and the picture "
            f"has {size[1]} x {size[0]}; annotate the picture at its own size",
        )
    if holder.member("image_rotation").value:
        raise MisfitError(
            Kind.TURNED_PICTURE,
            holder.where,
            f"{holder.where}: expected no rotation of the image; turn it back and draw it again",
        )
    yield from region_shapes(value, size)
