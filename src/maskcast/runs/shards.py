"""Results packed in tar files of many targets, so that a store is not flooded with small objects.

A shard is a WebDataset: members that share a key belong to one target. The key is the target's
output name, dots and percent signs of its last part quoted as in URLs, because WebDataset cuts the
key at the first dot::

    lot 1/a.json              {"image_id": ..., "name": ..., "files": {member's suffix: path}}
    lot 1/a.1.id_mask.png     binary mask of object 1
    lot 1/a.mask.png          label map
    lot 1/a.overlay.jpg
    lot 1/a.boxes.csv

A shard appears whole, and only then are its targets recorded. Its name starts with the id of the
run's ledger: a shard of this run that the ledger does not know was left by a killed process.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from maskcast.errors import RunError, StorageError
from maskcast.io.atomic import write_atomically
from maskcast.io.storage import Place
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow

FOLDER = "shards"
_NAME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{16}\.tar")
_ID_MASK = re.compile(r"id_masks/.*/(\d+)\.png", re.DOTALL)
_SUFFIXES = {"masks": "mask.png", "overlays": "overlay.jpg", "bboxes": "boxes.csv"}


@dataclass(frozen=True)
class ShardPlan:
    """How results are packed.

    Attributes:
        output: the output place.
        run_id: of the ledger.
        size: most targets in a shard.
    """

    output: Place
    run_id: str
    size: int

    def name_of(self, rows: Sequence[TargetRow]) -> str:
        """The name of the shard that holds these targets."""
        digest = hashlib.sha256("\n".join(sorted(row.image_id for row in rows)).encode())
        return f"{self.run_id}-{digest.hexdigest()[:16]}.tar"

    def write(self, rows: Sequence[TargetRow], results: Mapping[str, Mapping[str, bytes]]) -> str:
        """Put a whole shard; returns its name.

        Args:
            rows: of the targets in it.
            results: output name -> POSIX path in the output -> content.

        Raises:
            StorageError: if nothing more can be written.
        """
        name = self.name_of(rows)
        data = pack((row.image_id, row.name, results[row.name]) for row in rows)
        path = self.output / f"{FOLDER}/{name}"
        if isinstance(path, Path):
            write_atomically(path, data, self.run_id)
        else:
            path.write_bytes(data)
        return name


class Gathered:
    """A sink that keeps results until their shard is full."""

    def __init__(self) -> None:
        self.results: dict[str, Mapping[str, bytes]] = {}
        self._turn = threading.Lock()

    def put(self, name: str, files: Mapping[str, bytes]) -> None:
        """See ``Sink``."""
        with self._turn:
            self.results[name] = files


def pack(targets: Iterable[tuple[str, str, Mapping[str, bytes]]]) -> bytes:
    """A tar of targets, given as image id, output name and files; the same ones, the same bytes."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for image_id, name, files in sorted(targets, key=lambda target: target[0]):
            suffixes = {_suffix(path): path for path in files}
            head = {"image_id": image_id, "name": name, "files": suffixes}
            members = {"json": json.dumps(head, ensure_ascii=False).encode()}
            members |= {suffix: files[path] for suffix, path in suffixes.items()}
            for suffix, data in members.items():
                member = tarfile.TarInfo(f"{_key(name)}.{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def member_name(name: str, path: str) -> str:
    """What a file is called in its shard, by the target's output name and its path."""
    return f"{_key(name)}.{_suffix(path)}"


def unpack(data: bytes) -> dict[str, bytes]:
    """POSIX path in the output -> content, of all targets of a shard.

    Raises:
        RunError: if it is no shard or a path in it leads out of the output.
    """
    files: dict[str, bytes] = {}
    paths: dict[str, str] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                content = tar.extractfile(member)
                read = b"" if content is None else content.read()
                if member.name.endswith(".json"):
                    stem = member.name.removesuffix("json")
                    named = json.loads(read)["files"]
                    paths |= {stem + suffix: path for suffix, path in named.items()}
                else:
                    files[paths[member.name]] = read
    except (tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"this is no shard of maskcast ({_line(error)}); fetch it again") from error
    for path in files:
        parts = PurePosixPath(path).parts
        if path.startswith("/") or ".." in parts or parts[0] not in {"id_masks", *_SUFFIXES}:
            raise RunError(f"a shard holds {path!r}, which is no result; fetch it again")
    return files


def reconcile(output: Place, ledger: Ledger) -> int:
    """Make shards and ledger agree, before a run goes on or after it.

    Targets whose recorded shard is gone are forgotten, so that they are done again. Shards some of
    whose targets were done again, and are in another one now, are written anew without them.
    Shards of this run of which nothing is recorded are removed: a killed process left them, or
    all of their targets were done again.

    Returns:
        How many targets were forgotten.
    """
    present = _present(output / FOLDER)
    forgotten = ledger.forget_shards(ledger.shards() - present)
    for name in ledger.worn_shards():
        _write_anew(output, ledger, name)
    for name in present - ledger.shards():
        if _NAME.fullmatch(name) and name.startswith(f"{ledger.run_id}-"):
            path = output / f"{FOLDER}/{name}"
            if isinstance(path, Path):
                path.unlink()
            else:
                path.remove()
    return forgotten


def _write_anew(output: Place, ledger: Ledger, name: str) -> None:
    """Put what is recorded of a shard into a new one."""
    rows = ledger.rows_in_shard(name)
    if not rows:
        ledger.rename_shard(name, name)
        return
    path = output / f"{FOLDER}/{name}"
    try:
        files = unpack(path.read_bytes())
    except OSError as error:
        raise StorageError(
            f"{path} cannot be read ({error.strerror or error}); make it readable"
        ) from error
    results = {
        row.name: {inside: files[inside] for inside in paths_of(row) if inside in files}
        for row in rows
    }
    ledger.rename_shard(name, ShardPlan(output, ledger.run_id, len(rows)).write(rows, results))


def paths_of(row: TargetRow) -> Iterator[str]:
    """POSIX paths in the output of all files of a target that is done, in the order of writing."""
    for found in row.objects:
        yield f"id_masks/{row.name}/{found.object_id}.png"
    yield f"masks/{row.name}.png"
    yield f"overlays/{row.name}.jpg"
    yield f"bboxes/{row.name}.csv"


def _present(folder: Place) -> set[str]:
    if isinstance(folder, Path):
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return {entry.url.name for entry in folder.entries()}


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _suffix(path: str) -> str:
    match = _ID_MASK.fullmatch(path)
    return f"{match[1]}.id_mask.png" if match else _SUFFIXES[path.partition("/")[0]]


def _key(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.replace("%", "%25").replace(".", "%2E")
