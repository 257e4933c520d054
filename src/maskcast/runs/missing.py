"""Result files that somebody deleted, found without opening any."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from maskcast.errors import StorageError
from maskcast.io.storage import Place
from maskcast.runs.comparing import Compared
from maskcast.runs.ledger import Ledger

_FILES: Final = {"masks": ".png", "overlays": ".jpg", "bboxes": ".csv"}


@dataclass(frozen=True)
class ResultCheck:
    """Tells of which targets that are done a file is missing.

    Of an output in a store only the label maps are looked for: listing all its objects would take
    longer than masking many a target.

    Attributes:
        output: results are files in it, not shards.
        ledger: open to be read.
    """

    output: Place
    ledger: Ledger

    def missing_in(self, compared: Compared) -> Iterator[str]:
        """Image ids, each once."""
        if compared.known:
            for images in compared.folders:
                yield from self._missing_below(images.relative)

    def _missing_below(self, folder: str) -> Iterator[str]:
        names = self.ledger.names_in(folder)
        kinds = _FILES if isinstance(self.output, Path) else {"masks": ".png"}
        there = {kind: self._names_in(f"{kind}/{folder}") for kind in kinds} if names else {}
        wanted = self.ledger.objects_in(folder) if isinstance(self.output, Path) else {}
        for image_id, name in names.items():
            last = PurePosixPath(name).name
            if any(f"{last}{kinds[kind]}" not in there[kind] for kind in kinds) or not all(
                os.access(f"{self.output}/id_masks/{name}/{object_id}.png", os.F_OK)
                for object_id in wanted.get(image_id, ())
            ):
                yield image_id

    def _names_in(self, relative: str) -> frozenset[str]:
        folder = self.output / relative.rstrip("/")
        try:
            if isinstance(folder, Path):
                with os.scandir(folder) as entries:
                    return frozenset(entry.name for entry in entries)
            return frozenset(entry.url.name for entry in folder.entries())
        except (FileNotFoundError, NotADirectoryError):
            return frozenset()
        except OSError as error:
            raise StorageError(
                f"the results in {folder} cannot be listed ({error.strerror or error}); make the "
                "folder readable, or check credentials and connection"
            ) from error
