"""A project folder: its settings, its places, its object table.

::

    myproject/
    ├── maskcast.toml     settings, every key optional
    ├── references/       images, and annotations.json beside them
    ├── targets/          images, any depth
    ├── review/           what people decided of targets, kept for good
    ├── .bin/             references and targets that somebody removed
    └── output/           what a run writes
"""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from platformdirs import user_state_path

from maskcast.drawing.palette import default_spec, parse_hex_color
from maskcast.engines.base import Engine, EngineSettings, create_engine
from maskcast.errors import SettingsError
from maskcast.io.listing import FoundImages, ImageStream, find_images
from maskcast.io.storage import Place
from maskcast.project.annotations import AnnotationFile, read_annotations
from maskcast.project.settings import Settings, load_settings, usable_cores
from maskcast.types import ObjectSpec

ANNOTATIONS_NAME = "annotations.json"
LEDGER_NAME = "run.db"
REVIEW_NAME = "review"
"""The folder of decisions and corrections in a project; no run touches it."""
BIN_NAME = ".bin"
"""The folder of references and targets in a project that were removed; nothing lists it."""
TAUGHT_NAME = ".taught.json"
"""The annotations of targets that are references: in an output of those that it was made with, in
the review folder of those that the next one is made with."""

AUTO_ENGINE = "auto"
"""Instead of an engine's name: a run takes the best that is ready; see ``results.choosing``."""

_PROMPTED = "pixel"
"""With ``auto``, the engine that answers prompts in labelers."""

IDENTITY_NAME = ".run"
"""The file in an output that says of which run it is; see ``runs.identity``."""


@dataclass(frozen=True)
class ProjectFolder:
    """A project folder with its settings.

    Attributes:
        root: the project folder.
        settings: ``maskcast.toml`` under the flags.
    """

    root: Path
    settings: Settings

    @classmethod
    def open(cls, root: Path, flags: Mapping[str, Any] | None = None) -> Self:
        """Open the project in ``root``.

        Raises:
            SettingsError: if the folder does not exist or ``maskcast.toml`` is not usable.
        """
        if not root.is_dir():
            raise SettingsError(
                f"the project folder {root} does not exist; create it or correct "
                "the path (maskcast demo makes an example)"
            )
        return cls(root, load_settings(root, flags or {}))

    @property
    def references_place(self) -> Place:
        """Where reference images and ``annotations.json`` are."""
        return self._place(self.settings.paths.references)

    @property
    def targets_place(self) -> Place:
        """Where target images are, at any depth."""
        return self._place(self.settings.paths.targets)

    @property
    def output_place(self) -> Place:
        """Where a run writes."""
        return self._place(self.settings.paths.output)

    @property
    def references_folder(self) -> Path:
        """``references_place``, where only a folder of this machine will do.

        Raises:
            SettingsError: if it is a URL.
        """
        return _folder(self.references_place)

    @property
    def targets_folder(self) -> Path:
        """``targets_place``; see ``references_folder``."""
        return _folder(self.targets_place)

    @property
    def output_folder(self) -> Path:
        """``output_place``; see ``references_folder``."""
        return _folder(self.output_place)

    @property
    def state_folder(self) -> Path:
        """Where lock and ledger of the output are: in it, or for a URL in the user's state folder.

        The same URL has the same state folder in every project.
        """
        output = self.output_place
        if isinstance(output, Path):
            return output
        readable = re.sub(r"[^A-Za-z0-9]+", "-", str(output))[-40:].strip("-")
        digest = hashlib.sha256(str(output).encode()).hexdigest()[:12]
        return user_state_path("maskcast", appauthor=False) / "runs" / f"{readable}-{digest}"

    @property
    def ledger_path(self) -> Path:
        """The record of the run."""
        given = self.settings.paths.ledger
        return self.state_folder / LEDGER_NAME if given is None else self.root / given

    @property
    def annotations_path(self) -> Path:
        """The annotation file."""
        return self.references_folder / ANNOTATIONS_NAME

    @property
    def review_folder(self) -> Path:
        """Where decisions are kept, whatever the output is."""
        return self.root / REVIEW_NAME

    def _place(self, given: Place) -> Place:
        return self.root / given if isinstance(given, Path) else given

    def _annotations(self) -> AnnotationFile:
        return read_annotations(self.references_place / ANNOTATIONS_NAME)

    @property
    def workers(self) -> int:
        """CPU threads to use."""
        return self.settings.workers or usable_cores()

    @property
    def engine_settings(self) -> EngineSettings:
        """What the engine is built with."""
        options = dict(self.settings.engines.get(self._engine_name, {}))
        if self.settings.weights is not None:
            options["weights"] = self.settings.weights
        return EngineSettings(
            device=self.settings.device,
            threshold=self.settings.threshold,
            workers=self.workers,
            options=options,
        )

    def create_engine(self) -> Engine:
        """Build the engine that the settings name; ``pixel`` if they say ``auto``.

        Raises:
            SettingsError: if there is no such engine.
            EngineMissingError: if its extra or weights are missing.
        """
        return create_engine(self._engine_name, self.engine_settings)

    @property
    def _engine_name(self) -> str:
        named = self.settings.engine
        return _PROMPTED if named == AUTO_ENGINE else named

    def find_targets(self) -> FoundImages:
        """List the targets of a folder, ascending by image id.

        The output folder and all others that a run wrote are left out, moved aside or not.

        Raises:
            SettingsError: if the targets folder does not exist or is a URL.
        """
        self._check_targets()
        exclude = [place for place in self._excluded() if isinstance(place, Path)]
        return find_images(self.targets_folder, exclude, IDENTITY_NAME)

    def stream_targets(self) -> ImageStream:
        """List the targets folder by folder, here or in a store; see ``find_targets``.

        Raises:
            SettingsError: if the targets folder does not exist.
        """
        self._check_targets()
        return ImageStream(self.targets_place, self._excluded(), IDENTITY_NAME)

    def _check_targets(self) -> None:
        place = self.targets_place
        if isinstance(place, Path) and not place.is_dir():
            meant = self.root / place.name
            hint = (
                f"did you mean {meant}? Flags are paths from where you are"
                if meant.is_dir() and meant != place
                else "put images there or give --targets"
            )
            raise SettingsError(f"the targets folder {place} does not exist; {hint}")

    def _excluded(self) -> tuple[Place, ...]:
        output, removed = self.output_place, self.root / BIN_NAME
        if not isinstance(output, Path):
            return (output, removed)
        # Those that 0.1 moved aside carry no identity yet.
        aside = output.parent.glob(f"{glob.escape(output.name)}-*")
        return (output, removed, *filter(_is_output_of_0_1, aside))

    def object_specs(
        self,
        object_ids: Iterable[int],
        file: AnnotationFile | None = None,
    ) -> dict[int, ObjectSpec]:
        """Name and colour of each id: ``maskcast.toml`` first, then the annotation file.

        Args:
            object_ids: to be described; ids with a name of their own are added.
            file: the annotation file, if it was read already.

        Raises:
            AnnotationError: if the annotation file is not usable.
        """
        specs = {object_id: default_spec(object_id) for object_id in sorted(object_ids)}
        file = file or self._annotations()
        specs |= {spec.object_id: spec for spec in file.objects}
        for entry in self.settings.objects:
            base = specs.get(entry.id, default_spec(entry.id))
            color = parse_hex_color(entry.color) if entry.color is not None else base.color
            name = entry.name if entry.name is not None else base.name
            specs[entry.id] = ObjectSpec(entry.id, name, color)
        return dict(sorted(specs.items()))


def _is_output_of_0_1(folder: Path) -> bool:
    """Whether a folder, called as one that was moved aside, holds results."""
    return any((folder / name).exists() for name in (LEDGER_NAME, "bboxes", "shards"))


def _folder(place: Place) -> Path:
    if isinstance(place, Path):
        return place
    raise SettingsError(
        f"{place} is in a store, and this needs a folder of this machine; copy it here and give "
        "the copy"
    )
