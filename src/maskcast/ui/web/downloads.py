"""Results as ZIP. The results themselves are packed while they are sent, with no copy on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Final
from zipfile import ZIP_DEFLATED

from zipstream import ZipStream

from maskcast.errors import RunError
from maskcast.interchange.exporting import export_project
from maskcast.interchange.options import options_from_texts
from maskcast.project.folder import ProjectFolder
from maskcast.runs.copies import opened_ledger
from maskcast.runs.outputs import OutputFolders
from maskcast.runs.shards import FOLDER
from maskcast.ui.web.fence import Fence

_CHUNK: Final = 1 << 18


@dataclass(frozen=True)
class Archive:
    """A ZIP on its way.

    Attributes:
        name: of the file, for the browser.
        size: bytes, known before the first one is sent.
        chunks: its bytes. If a file changes meanwhile the iterator raises, and so the download
            breaks instead of being wrong.
    """

    name: str
    size: int
    chunks: Iterator[bytes]


def zip_results(project: ProjectFolder, part: str | None = None) -> Archive:
    """Everything that is done, or one of its folders; of a run into shards, the shards.

    Entries are not compressed: PNG and JPEG are already. Files that somebody removed, or that are
    links out of the output folder, are left out, and so are overlays of targets that are links out
    of the targets folder (not of those in shards).

    Args:
        project: whose output.
        part: one of ``PARTS``; None = all of them.

    Raises:
        RunError: if nothing is done yet, its files are not there or not in folders of their own,
            or the ledger cannot be read.
        SettingsError: if the output is in a store.
    """
    output = project.output_folder
    fence = Fence(output)
    stream = ZipStream(sized=True)
    for path in _result_files(project, whole=part is None):
        inside = path.relative_to(output)
        if part in {None, inside.parts[0]} and fence.admits(path):
            stream.add_path(path, inside.as_posix())
    if stream.is_empty():
        raise RunError(
            f"there are no {part or 'result'} files in {output}: they were moved; take them from "
            "there"
        )
    label = f"{project.root.resolve().name}-{part or 'output'}.zip"
    return Archive(label, len(stream), iter(stream))


def zip_export(
    project: ProjectFolder, format_name: str, texts: Mapping[str, str] | None = None
) -> Archive:
    """The results in the format of another tool, without the pictures.

    These are texts and much smaller than the results: they are written to a temporary folder and
    packed into a temporary file that ends with the download.

    Args:
        project: whose output.
        format_name: one of ``formats.FORMATS``.
        texts: options as a form sends them, see ``options.options_from_texts``; pictures are
            never packed.

    Raises:
        SettingsError: if there is no such format or option.
        ExportError, RunError, StorageError: see ``exporting.export_project``.
    """
    with TemporaryDirectory(prefix="maskcast-export-") as temporary:
        folder = Path(temporary) / format_name
        # Files that name a picture then name it beside themselves, and no path of this machine.
        options = replace(options_from_texts(texts or {}), pictures="link")
        export_project(project, format_name, folder, options)
        stream = ZipStream(compress_type=ZIP_DEFLATED)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                stream.add_path(path, path.relative_to(folder).as_posix())
        file = TemporaryFile()  # noqa: SIM115  # closed by who reads it to its end
        size = sum(map(file.write, stream))
    file.seek(0)
    label = f"{project.root.resolve().name}-{format_name}.zip"
    return Archive(label, size, _read_to_end(file))


def _read_to_end(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _result_files(project: ProjectFolder, *, whole: bool) -> Iterator[Path]:
    """Where results should be, a target after the other, or a shard."""
    with opened_ledger(project) as ledger:
        if ledger is None:
            raise RunError("there are no results yet; start a run first")
        names = {name: image_id for image_id, (name, _) in ledger.done().items()}
        shards = sorted(ledger.shards())
    if not names:
        raise RunError("there are no results yet; wait for the first target")
    if shards and not whole:
        raise RunError(
            "the results are packed in shards, each with all files of its targets; download all "
            "results, or an export"
        )
    if shards:
        yield from (project.output_folder / FOLDER / name for name in shards)
        return
    folders, targets = OutputFolders(project.output_folder), project.targets_folder
    fence = Fence(targets)
    for name, image_id in sorted(names.items()):
        hidden = None if fence.encloses(targets / image_id) else folders.overlay(name)
        yield from (path for path in folders.files(name) if path != hidden)
