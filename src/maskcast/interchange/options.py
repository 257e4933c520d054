"""The options of an export, spelled once: names, words, choices, defaults and bounds.

The command line makes its flags from them, the Python API takes them by name, and the web reads
them from what a page sends. Nothing heavy is imported here, so that ``maskcast --help`` is quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from math import inf
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from maskcast.errors import SettingsError

Only = Literal["all", "accepted", "reviewed"]
PictureMode = Literal["none", "copy", "link"]
InstanceChoice = Literal["auto", "components", "touching", "one"]
"""How instances are told apart; ``auto`` as the format is meant, else see
``results.instances.Instances``."""

MOST_SHARES = 3
"""Train, val and test."""


@dataclass(frozen=True)
class Spelling:
    """How an option is shown to a person.

    Attributes:
        label: a few words, for a form.
        help: one sentence or two.
        flags: of a choice, a flag of its own for a value -> its help; empty = one flag that takes
            the value.
    """

    label: str
    help: str
    flags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Option:
    """One of the options: what ``ExportOptions`` says of a field.

    Attributes:
        name: of the field.
        kind: its type.
        choices: the texts it may be; empty if it is no choice.
        default: what it is unless it is given.
        spelling: how it is shown.
    """

    name: str
    kind: Any
    choices: tuple[str, ...]
    default: Any
    spelling: Spelling


@dataclass(frozen=True)
class ExportOptions:
    """What to export and how.

    Attributes:
        only: ``all`` exports every target that is done; objects below ``min_score`` are left out
            of it. ``reviewed`` exports those that a person accepted, corrected or rejected.
            ``accepted`` exports these, and of those nobody looked at the ones on which every score
            reaches ``min_score``, if that is above 0. It leaves out whole targets, because what is
            left out of a picture counts as background in training.
        min_score: in [0, 1].
        instances: see ``InstanceChoice``.
        min_area: pixels.
        split: shares of train, val and test, or of train and val; None does not split.
        seed: of the split.
        pictures: whether the targets are copied or linked into the export. Copies are turned as
            EXIF says, because many tools do not look at that.
        include_gone: also targets that are no more in the targets folder.
        polygons: outlines instead of masks, where masks are the default.
        tolerance: how far an outline may leave out corners, pixels; 0 keeps every pixel.

    Raises:
        SettingsError: if a value is out of range.
    """

    only: Annotated[
        Only,
        Spelling(
            "targets",
            "all targets that are done; reviewed: those a person accepted, corrected or rejected; "
            "accepted: these, and those unseen on which every score reaches --min-score.",
        ),
    ] = "all"
    min_score: Annotated[
        float, Spelling("least score", "Leave out objects with a lower score, 0 to 1.")
    ] = 0.0
    instances: Annotated[
        InstanceChoice,
        Spelling(
            "instances",
            "components: one for each connected region, as in output/bboxes; touching: regions "
            "that touch are split too; one: all of an object in an image. auto is components, and "
            "one for masks.",
        ),
    ] = "auto"
    min_area: Annotated[int, Spelling("least area", "Leave out instances of fewer pixels.")] = 0
    split: Annotated[
        tuple[float, ...] | None,
        Spelling("split", "Shares of train, val and test that add up to 1, such as 0.8 0.1 0.1."),
    ] = None
    seed: Annotated[int, Spelling("seed", "Of the split.")] = 0
    pictures: Annotated[
        PictureMode,
        Spelling(
            "pictures",
            "Whether the targets are copied or linked into the export.",
            {
                "copy": "Copy the targets too, turned as EXIF says.",
                "link": "Link to the targets instead of copying them.",
            },
        ),
    ] = "none"
    include_gone: Annotated[
        bool, Spelling("gone targets", "Also results of targets that are no more there.")
    ] = False
    polygons: Annotated[
        bool,
        Spelling(
            "outlines", "Outlines instead of masks: coco, labelme, cvat, labelstudio, fiftyone."
        ),
    ] = False
    tolerance: Annotated[
        float,
        Spelling(
            "tolerance", "Pixels by which outlines may leave the border; 0 keeps every pixel."
        ),
    ] = 0.0

    def __post_init__(self) -> None:
        if self.split is not None:
            object.__setattr__(self, "split", tuple(self.split))
        for name, option in options_by_name().items():
            value = getattr(self, name)
            if option.choices and value not in option.choices:
                raise SettingsError(
                    f"{_shown(name)}: expected {' or '.join(option.choices)}, got {value!r}"
                )
        if not 0 <= self.min_score <= 1:
            raise SettingsError(f"min-score: expected 0 to 1, got {self.min_score}")
        if self.min_area < 0:
            raise SettingsError(f"min-area: expected 0 or more pixels, got {self.min_area}")
        if not 0 <= self.tolerance < inf:
            raise SettingsError(f"tolerance: expected 0 or more, got {self.tolerance}")
        if self.split is not None and not (
            2 <= len(self.split) <= MOST_SHARES
            and all(share >= 0 for share in self.split)
            and abs(sum(self.split) - 1) < 1e-6
        ):
            raise SettingsError(
                "split: expected two or three shares that add up to 1, such as 0.8 0.1 0.1, got "
                f"{' '.join(map(str, self.split))}"
            )


@cache
def options_by_name() -> Mapping[str, Option]:
    """Every option by the name of its field, in order."""
    hints = get_type_hints(ExportOptions, include_extras=True)
    found = {}
    for described in fields(ExportOptions):
        kind, spelling = get_args(hints[described.name])
        choices = get_args(kind) if get_origin(kind) is Literal else ()
        found[described.name] = Option(described.name, kind, choices, described.default, spelling)
    return found


def options_from_texts(texts: Mapping[str, str]) -> ExportOptions:
    """Options from what a form sends: names of fields and their values as text.

    Args:
        texts: numbers as such, ``true`` and ``false``, shares with blanks between them; an option
            that is left out or empty is as it is by default.

    Raises:
        SettingsError: if there is no such option or a value is not what it can be.
    """
    known = options_by_name()
    for name in texts:
        if name not in known:
            raise SettingsError(
                f"there is no option {name!r} of an export; there are: {', '.join(known)}"
            )
    given: dict[str, Any] = {
        name: _parsed(known[name], text.strip()) for name, text in texts.items() if text.strip()
    }
    return ExportOptions(**given)


def _parsed(option: Option, text: str) -> object:
    try:
        if option.choices:
            return text
        if option.kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if option.kind in {int, float}:
            return option.kind(text)
        return tuple(float(share) for share in text.split())
    except (KeyError, ValueError) as error:
        raise SettingsError(f"{_shown(option.name)}: {text!r} is not what it can be") from error


def _shown(name: str) -> str:
    return name.replace("_", "-")
