"""Which picture other tools mean: names matched as a person would match them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from maskcast.interchange.reading.entries import ANY_SUFFIX
from maskcast.interchange.reading.left_out import Kind, MisfitError
from maskcast.interchange.reading.shapes import Size
from maskcast.io.images import channel_notes_of, is_image_name
from maskcast.io.output_names import fold, output_names
from maskcast.io.rasters import read_raster
from maskcast.io.read_options import DEFAULT_OPTIONS, ReadOptions

_FOLDERS_OF_SETS = frozenset(
    {"annotations", "data", "default", "image", "images", "img", "imgs", "jpegimages", "labels"}
    | {"masks", "obj_train_data", "obj_valid_data", "obj_test_data", "segmentationclass", "test"}
    | {"train", "val", "valid", "validation"}
)
"""Folders that tools put pictures into; they say nothing about where a picture comes from."""

_SUFFIX = re.compile(r"\.(?=[0-9]*[a-z])[0-9a-z]{2,5}", re.IGNORECASE)
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?P<name>.+)", re.DOTALL)
"""Label Studio puts this before the name of a picture that was uploaded."""

_VERSION = re.compile(r"(?P<stem>.+)_(?P<suffix>[A-Za-z]{3,4})\.rf\.[0-9A-Za-z]{16,}", re.DOTALL)
"""Roboflow's name of a version of a picture, without its suffix."""

_MASK = (
    r"(gt|gtcoarse|gtfine|ground[ _-]?truth|(gt)?(annotation|annot|instance|label|mask|seg|"
    r"segmentation)(id)?s?)"
)
_ENDING = re.compile(rf"[ _.-](cp[ _-])?{_MASK}", re.IGNORECASE)
_BEGINNING = re.compile(rf"{_MASK}[ _.-](?=.)", re.IGNORECASE)
"""What tools and people put behind or before the name of a picture to name its mask."""

_MOST_NAMED = 5

_Spelling = Callable[[str], str]


@dataclass(frozen=True)
class Match:
    """A picture that a name means.

    Attributes:
        image_id: its POSIX path in its folder.
        distance: 0 if it is called exactly so; the more, the less alike the names are.
    """

    image_id: str
    distance: int


class _Index:
    """Pictures by their names in one spelling: whole paths, and what these end in."""

    def __init__(self) -> None:
        self._paths: dict[str, list[str]] = {}
        self._bare: dict[str, list[str]] = {}
        self._ends: dict[str, list[str]] = {}

    def add(self, names: Iterable[str], image_id: str) -> None:
        """Know a picture by several names."""
        known = [name.split("/") for name in sorted(set(names))]
        bare = {"/".join(parts[n:]) for parts in known for n in range(1, _leading(parts) + 1)}
        ends = {"/".join(parts[start:]) for parts in known for start in range(len(parts))}
        paths = {"/".join(parts) for parts in known}
        for found, where in ((paths, self._paths), (bare, self._bare), (ends, self._ends)):
            for name in found:
                where.setdefault(name, []).append(image_id)

    def by_path(self, path: str) -> list[str]:
        """Pictures of this path."""
        return self._paths.get(path, [])

    def by_bare_path(self, path: str) -> list[str]:
        """Pictures of this path in folders that tools put pictures into."""
        return self._bare.get(path, [])

    def by_end(self, path: str) -> list[str]:
        """Pictures whose path ends in this one."""
        return self._ends.get(path, [])


class NamedPictures:
    """Finds references by the names that other tools give them."""

    def __init__(self, paths: Mapping[str, Path], options: ReadOptions = DEFAULT_OPTIONS) -> None:
        """Know the references.

        Args:
            paths: image id -> file.
            options: larger pictures than these allow are refused.
        """
        self._paths = paths
        self._options = options
        self._sizes: dict[str, Size] = {}
        self._noted: dict[str, list[str]] = {}
        self._whole = [_Index() for _ in _SPELLINGS]
        self._stems = [_Index() for _ in _SPELLINGS]
        names = output_names(paths)
        for image_id in paths:
            stem, dot, suffix = image_id.rpartition(".")
            whole = {image_id, f"{names[image_id]}.{suffix}" if dot else image_id}
            stems = {stem or image_id, image_id, names[image_id]}
            for spelling, whole_index, stem_index in zip(
                _SPELLINGS, self._whole, self._stems, strict=True
            ):
                whole_index.add(map(spelling, whole), image_id)
                stem_index.add(map(spelling, stems), image_id)

    def find(self, names: Sequence[str], place: str) -> Match:
        """The picture that a file calls by one of these names.

        A name is taken as it is first, then without what tools put around it. Of each, the whole
        path counts before its last part, its own letters before others that look alike, and its
        suffix before any other. Leading folders that no picture has are ignored, and the picture
        may lie in further ones, if there is no other of that name in any. A name in another folder
        than the picture of that name is not: cameras call pictures the same in every folder.

        Args:
            names: the likeliest first; one that ends in ``.*`` has any suffix.
            place: file and place in it, for the sentence.

        Raises:
            MisfitError: if no picture is meant, or any of several could be.
        """
        distance = 0
        ambiguous: MisfitError | None = None
        for name in names:
            for owners in self._owners_of_variants(name):
                if len(owners) == 1:
                    return Match(owners[0], distance)
                if owners:
                    ambiguous = ambiguous or _ambiguous(owners, name, place)
                    break
                distance += 1
        raise ambiguous or _unmatched(names[0] if names else "", place)

    def size(self, image_id: str) -> Size:
        """(height, width) of the oriented picture.

        Raises:
            ImageError: if it cannot be read.
        """
        if image_id not in self._sizes:
            raster = read_raster(self._paths[image_id], self._options)
            self._sizes[image_id] = (raster.samples.shape[0], raster.samples.shape[1])
            for note in (*raster.notes, *channel_notes_of(raster, self._options)):
                self._noted.setdefault(note, []).append(image_id)
        return self._sizes[image_id]

    def notes(self) -> list[str]:
        """What is to be known of how the pictures were read that were looked at."""
        return [
            f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {note}"
            for note, names in self._noted.items()
        ]

    def _owners_of_variants(self, name: str) -> Iterator[list[str]]:
        """Whom a name may mean, as it is and without what tools put around it."""
        for variant in _variants(name):
            yield from self._owners(variant)

    def _owners(self, name: str) -> Iterator[list[str]]:
        """Whom a name may mean, the closest first."""
        stem = name.removesuffix(ANY_SUFFIX)
        yield self._whole[0].by_path(name)  # before any sign in it is taken for a slash
        if stem == name:
            yield from _lookups(self._whole, _parts(name))
        yield from _lookups(self._stems, _parts(stem))
        bare = _without_suffix(stem) if stem == name else stem
        if bare != stem:
            yield from _lookups(self._stems, _parts(bare))


def _lookups(indexes: Sequence[_Index], parts: Sequence[str]) -> Iterator[list[str]]:
    tails = ["/".join(parts[start:]) for start in range(len(parts))]
    for tail in tails:
        for spelling, index in zip(_SPELLINGS, indexes, strict=True):
            yield index.by_path(spelling(tail))
    for start, tail in enumerate(tails):
        for spelling, index in zip(_SPELLINGS, indexes, strict=True):
            if start <= _leading(parts):
                yield index.by_end(spelling(tail))
            yield index.by_bare_path(spelling(tail))


def _leading(parts: Sequence[str]) -> int:
    """How many of the first folders tell nothing; the last part is the picture itself."""
    return next(
        (
            number
            for number, part in enumerate(parts)
            if number == len(parts) - 1 or part.lower() not in _FOLDERS_OF_SETS
        ),
        0,
    )


def without_folders_of_sets(path: str) -> str:
    """A path without the leading folders that tools put pictures into."""
    parts = _parts(path)
    return "/".join(parts[_leading(parts) :])


def _parts(name: str) -> list[str]:
    """The folders and the last name of a path, Windows' too."""
    parts = name.replace("\\", "/").split("/")
    return [part for part in parts if part not in {"", ".", ".."}]


def _variants(name: str) -> Iterator[str]:
    """A name as it is, then without what tools put around it."""
    seen: set[str] = set()
    for plain in (name, name.strip(), _path_of_url(name), unquote(name)):
        folder, slash, last = plain.replace("\\", "/").rpartition("/")
        ending = ANY_SUFFIX if last.endswith(ANY_SUFFIX) else ""
        bare = last.removesuffix(ANY_SUFFIX)
        # A mask may be called a.jpg.png, a label file a.jpg.txt.
        inner = [bare.rpartition(".")[0]] if ending and is_image_name(bare) else []
        for original in (bare, *inner, *_originals(bare)):
            variant = plain if original == bare else f"{folder}{slash}{original}{ending}"
            if variant not in seen:
                seen.add(variant)
                yield variant


def _path_of_url(name: str) -> str:
    """The path in a URL, decoded."""
    if "://" not in name:
        return name
    try:
        return unquote(urlsplit(name).path)
    except ValueError:  # what is no URL after all
        return name


def _originals(name: str) -> Iterator[str]:
    """What a picture may have been called before a tool or a person named something after it."""
    uploaded = _UPLOADED.fullmatch(name)
    if uploaded:
        yield uploaded["name"]
        name = uploaded["name"]
    stem = _without_suffix(name)
    suffix = name[len(stem) :]
    version = _VERSION.fullmatch(stem) or _VERSION.fullmatch(name)
    if version:
        yield f"{version['stem']}.{version['suffix']}"
    yield from (shorter + suffix for shorter in _without_endings(stem))
    beginning = _BEGINNING.match(stem)
    if beginning:
        yield stem[beginning.end() :] + suffix


def _without_endings(stem: str) -> Iterator[str]:
    while ends := [end for end in range(len(stem) - 1, 0, -1) if _ENDING.fullmatch(stem, end)]:
        yield from (stem[:end] for end in ends)
        stem = stem[: ends[-1]]


def _without_suffix(name: str) -> str:
    """The name without a suffix that may be that of a picture; ``0.25`` has none."""
    stem, dot, suffix = name.rpartition(".")
    return stem if stem and _SUFFIX.fullmatch(dot + suffix) else name


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _as_file_name(name: str) -> str:
    """As web servers rename uploaded files: blanks are ``_``, other signs are left out."""
    return re.sub(r"[^-\w./]", "", fold(name).replace(" ", "_"))


_SPELLINGS: tuple[_Spelling, ...] = (str, _normal, fold, _as_file_name)
"""Ways to spell a name, each loses more than the one before."""


def _ambiguous(owners: Sequence[str], name: str, place: str) -> MisfitError:
    shown = name.removesuffix(ANY_SUFFIX)
    return MisfitError(
        Kind.AMBIGUOUS,
        f"{shown} ({' or '.join(owners[:_MOST_NAMED])})",
        f"{place} could belong to {' or '.join(owners[:_MOST_NAMED])}; use the whole name with "
        "folder and suffix",
    )


def _unmatched(name: str, place: str) -> MisfitError:
    shown = name.removesuffix(ANY_SUFFIX)
    suffix = ", whatever the suffix" if name != shown else ""
    return MisfitError(
        Kind.PICTURE,
        shown,
        f"{place} belongs to no image: no reference is called {shown!r}{suffix}; put it into the "
        "references folder or leave it out",
    )
