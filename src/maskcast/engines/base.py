"""The engine seam: what every engine offers, and how engines are found.

An engine turns prompts into masks (``segment``), references into a memory bank (``memorize``) and
a memory bank plus targets into masks (``propagate``). The run, the labelers and the tests know
engines only through this page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, runtime_checkable

import numpy as np

from maskcast.engines.planes import Calibration
from maskcast.errors import (
    EngineMissingError,
    ForeignBankError,
    PromptKindError,
    SettingsError,
)
from maskcast.types import Mask, MemoryBank, Prompts, Reference, RgbImage, Segmentation

ENTRY_POINT_GROUP = "maskcast.engines"

MOST_POINTS = 1000
"""Of the points of one object the first so many shape its mask: no person sets more, and an
annotation file with hundreds of thousands then takes seconds and not hours."""


@dataclass(frozen=True)
class EngineInfo:
    """What an engine is and takes.

    Attributes:
        name: as given to ``--engine``.
        prompt_kinds: of ``box``, ``point``, ``brush``.
        max_batch: most targets that ``propagate`` takes profitably in one call.
        device: where it computes, e.g. ``cpu``, ``cuda:0``.
        needs_weights: whether trained weights must be downloaded first.
        signature: JSON-able facts that its results depend on (version, options, weights digest);
            part of the fingerprint.
        seconds_per_target: how long a target takes here at least, where that is worth a warning;
            None where it is not.
        faster: names of engines to offer in that warning.
    """

    name: str
    prompt_kinds: frozenset[str]
    max_batch: int
    device: str
    needs_weights: bool
    signature: Mapping[str, Any] = field(default_factory=dict)
    seconds_per_target: float | None = None
    faster: tuple[str, ...] = ()


@dataclass(frozen=True)
class WeightsOffer:
    """Weights that an engine can use; an engine's class may list them as ``list_weights()``.

    Attributes:
        name: as given to ``--weights`` and to ``maskcast engines pull``.
        licence: of the weights.
        megabytes: to download, about.
        here: whether they are on this machine.
        repository: on the Hugging Face Hub, ``owner/name``.
    """

    name: str
    licence: str
    megabytes: int
    here: bool
    repository: str


@dataclass(frozen=True)
class EngineSettings:
    """What a user may choose about any engine.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda``, ``mps`` or with an index.
        threshold: probability in (0, 1) above which a pixel is the object; None = the engine's own
            calibrated value.
        workers: CPU threads the engine may use.
        options: engine-specific keys, from the engine's own table in ``maskcast.toml``.
    """

    device: str = "auto"
    threshold: float | None = None
    workers: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)


class Engine(Protocol):
    """The seam. Implementations are made by ``Engine(settings)`` and are not thread-safe."""

    info: EngineInfo

    def segment(self, image: RgbImage, prompts: Mapping[int, Prompts]) -> dict[int, Mask]:
        """Turn prompts into masks.

        A mask to start from comes back as it is unless a box adds to it, or a point adds a piece
        to it or takes one away; brush strokes go on top.

        Args:
            image: uint8 (H, W, 3) RGB.
            prompts: object id -> its prompts, in pixels of ``image``.

        Returns:
            Object id -> bool (H, W), one for each key of ``prompts``.

        Raises:
            PromptKindError: before any work, if a kind of prompt is not supported.
        """

    def memorize(self, references: Sequence[Reference]) -> MemoryBank:
        """Turn references into a memory bank.

        Raises:
            EngineError: if no reference shows an object.
        """

    def propagate(self, bank: MemoryBank, images: Sequence[RgbImage]) -> list[Segmentation]:
        """Mask targets, in input order; the result of one never depends on the others.

        Args:
            bank: made by this engine's ``memorize``; not modified.
            images: uint8 (H, W, 3) RGB each, sizes may differ.

        Raises:
            ForeignBankError: if the bank was made by another engine.
        """

    def close(self) -> None:
        """Release threads and devices; the engine is not used afterwards."""


@runtime_checkable
class CrossFitted(Protocol):
    """An engine that knows from memorizing what it would find in references it never learned."""

    def held_out(self, bank: MemoryBank) -> list[Segmentation]:
        """Per reference, in the order they were memorized: what is found where it is left out.

        With a single reference, its halves are left out in turn.
        """


@runtime_checkable
class Probabilistic(Protocol):
    """An engine that can tell how probable it is of each pixel that it is the object."""

    def calibration(self, bank: MemoryBank) -> Calibration:
        """How the engine itself makes masks of planes."""

    def propagate_with_planes(
        self, bank: MemoryBank, images: Sequence[RgbImage]
    ) -> list[Segmentation]:
        """What ``propagate`` gives, with the planes of all objects that the bank knows.

        A plane agrees with its mask, see ``planes.agreeing``.
        """


@runtime_checkable
class QuickLearner(Protocol):
    """An engine with a quick way to learn, for trying references out while they are annotated."""

    def memorize_quickly(self, references: Sequence[Reference]) -> MemoryBank:
        """A rougher memory bank in a part of the time; no run is made with it.

        Raises:
            EngineError: if no reference shows an object.
        """


def segment_things(engine: Engine, image: RgbImage, prompts: Prompts) -> Mask:
    """The mask of an object of several things, each of which the engine is asked for by itself.

    Points that are in no box correct the mask to start from, if there is one, and so do points
    that are not on the object, in a box or not.

    Args:
        engine: is asked.
        image: uint8 (H, W, 3) RGB.
        prompts: of the object; brush strokes are left out.

    Returns:
        bool (H, W): what any of the things covers.

    Raises:
        PromptKindError: if the engine does not support a kind of prompt.
    """
    things = list(prompts.things)
    mask = np.zeros(image.shape[:2], np.bool_)
    if prompts.start is not None:
        begun = _from_start(prompts)
        mask |= engine.segment(image, {1: begun})[1] if begun.kinds else prompts.start
        things = [thing for thing in things if thing.box is not None]
    for thing in things:
        mask |= engine.segment(image, {1: thing})[1]
    return mask


def _from_start(prompts: Prompts) -> Prompts:
    """The mask to start from and the points that correct it."""
    chosen = [
        (thing.points[counts], thing.point_labels[counts])
        for thing in prompts.things
        for counts in (
            ~thing.point_labels if thing.box is not None else np.ones(len(thing.points), np.bool_),
        )
    ]
    points = [points for points, _ in chosen] or [np.zeros((0, 2), np.float32)]
    labels = [labels for _, labels in chosen] or [np.zeros(0, np.bool_)]
    return Prompts(
        points=np.concatenate(points), point_labels=np.concatenate(labels), start=prompts.start
    )


def installed_engines() -> dict[str, EntryPoint]:
    """All engines on this machine by name, not imported yet."""
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def create_engine(name: str, settings: EngineSettings) -> Engine:
    """Import and build the engine called ``name``.

    Raises:
        SettingsError: if no engine has that name.
        EngineMissingError: if its extra or its weights are not installed.
    """
    known = installed_engines()
    if name not in known:
        raise SettingsError(
            f"there is no engine {name!r}; installed are: {', '.join(sorted(known))} "
            "(see maskcast engines)"
        )
    try:
        factory = known[name].load()
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("maskcast"):
            raise
        raise EngineMissingError(
            f"the engine {name!r} needs the package {error.name!r}, which is not installed; "
            f"run: pip install {error.name}"
        ) from error
    engine: Engine = factory(settings)
    return engine


def check_prompt_kinds(info: EngineInfo, prompts: Mapping[int, Prompts]) -> None:
    """Raise ``PromptKindError`` if any prompt is of a kind the engine does not take."""
    for object_id, prompt in prompts.items():
        unsupported = sorted(prompt.kinds - info.prompt_kinds)
        if unsupported:
            raise PromptKindError(
                f"the engine {info.name!r} does not take {' and '.join(unsupported)} prompts "
                f"(object {object_id}); it takes: {', '.join(sorted(info.prompt_kinds))}"
            )


def check_bank(info: EngineInfo, bank: MemoryBank) -> None:
    """Raise ``ForeignBankError`` if ``bank`` was made by another engine."""
    if bank.engine != info.name:
        raise ForeignBankError(
            f"this memory bank was made by the engine {bank.engine!r}, not by {info.name!r}; "
            "memorize the references again"
        )


def shown_object_ids(references: Sequence[Reference]) -> tuple[int, ...]:
    """Ids with at least one pixel in any reference, ascending."""
    return tuple(
        sorted(
            {
                object_id
                for reference in references
                for object_id, mask in reference.masks.items()
                if mask.any()
            }
        )
    )


def reference_digest(reference: Reference) -> str:
    """sha256 (hex) of a reference's pixels, masks and unknown pixels; its name does not count."""
    digest = hashlib.sha256(repr(reference.image.shape).encode())
    digest.update(np.ascontiguousarray(reference.image).tobytes())
    for object_id, mask in sorted(reference.masks.items()):
        if mask.any():
            digest.update(f"object {object_id}".encode())
            digest.update(np.packbits(mask).tobytes())
    if reference.unknown is not None and reference.unknown.any():
        digest.update(b"unknown")
        digest.update(np.packbits(reference.unknown).tobytes())
    return digest.hexdigest()


def bank_fingerprint(info: EngineInfo, references: Sequence[Reference]) -> str:
    """sha256 (hex) over the references, the engine and all its results depend on."""
    content = {
        "engine": info.name,
        "signature": dict(info.signature),
        "references": sorted(reference_digest(reference) for reference in references),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
