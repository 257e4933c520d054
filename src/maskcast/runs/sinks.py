"""Where the files of finished targets go: folders, or objects of a store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from maskcast.io.atomic import write_atomically
from maskcast.io.storage import Place, Url


class Sink(Protocol):
    """Takes results; can be sent to another machine."""

    def put(self, name: str, files: Mapping[str, bytes]) -> None:
        """Store all files of one target, each whole or not at all.

        Args:
            name: the target's output name.
            files: POSIX path in the output -> content.

        Raises:
            StorageError: if nothing more can be written.
            OSError: if this target's files cannot be written.
        """


@dataclass(frozen=True)
class FolderSink:
    """The four folders, on this machine.

    Attributes:
        root: the output folder.
        run_id: of the run, whose temporaries these are.
    """

    root: Path
    run_id: str = ""

    def put(self, name: str, files: Mapping[str, bytes]) -> None:
        """See ``Sink``; binary masks of objects that are not found any more are removed."""
        for relative, data in files.items():
            write_atomically(self.root / relative, data, self.run_id)
        folder = self.root / "id_masks" / name
        if folder.is_dir():
            for path in folder.iterdir():
                if path.is_file() and is_stale(name, path.name, files):
                    path.unlink()


@dataclass(frozen=True)
class StoreSink:
    """The four folders, in a store; every file is one object that is put whole.

    Attributes:
        root: the output place.
    """

    root: Url

    def put(self, name: str, files: Mapping[str, bytes]) -> None:
        """See ``FolderSink``."""
        self.root.write_all(files)
        for entry in (self.root / f"id_masks/{name}").entries():
            if not entry.is_folder and is_stale(name, entry.url.name, files):
                entry.url.remove()


def is_stale(name: str, file_name: str, files: Mapping[str, bytes]) -> bool:
    """Whether a file beside a target's binary masks is one that an earlier attempt left."""
    stem = file_name.removesuffix(".png")
    is_ours = file_name.endswith(".png") and stem.isascii() and stem.isdigit() and stem[0] != "0"
    return is_ours and len(stem) <= 3 and f"id_masks/{name}/{file_name}" not in files


def sink_for(output: Place, run_id: str) -> Sink:
    """The sink of an output place, for a run."""
    return FolderSink(output.absolute(), run_id) if isinstance(output, Path) else StoreSink(output)
