"""Options of the SAM engines: the table ``[engines.sam2]`` (or ``sam3``, ``edgetam``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from maskcast.engines.tables import parse_table

Probability = Annotated[float, Field(ge=0, lt=1)]


class SamOptions(BaseModel):
    """What can be set; the defaults are explained in ``docs/adr/0012-sam-options.md``.

    Attributes:
        weights: a checkpoint's name, a Hub repository, a folder or file; None = the default one.
        dtype: number format of the targets; ``auto`` = bf16 on CUDA, else fp32. References and
            prompts are always computed in fp32.
        compile: use ``torch.compile`` for what targets go through; ``graphs`` = and CUDA graphs.
        max_references: most references per object, the nearest to each target; None = all.
        augment_references: also remember mirrored (``flip``) or moved (``shift``) references.
        clean_references: whether clean references are remembered as showing nothing.
        presence: probability of presence above which an object is reported.
        bank_cache: folder where memory banks are kept; ``auto`` = the user's cache folder,
            False = nowhere.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: str | None = None
    dtype: Literal["auto", "fp32", "bf16"] = "auto"
    compile: bool | Literal["graphs"] = False
    max_references: Annotated[int, Field(gt=0)] | None = None
    augment_references: tuple[Literal["flip", "shift"], ...] = ()
    clean_references: bool = True
    presence: Probability = 0.5
    bank_cache: Path | Literal["auto", False] = "auto"

    @property
    def signature(self) -> dict[str, Any]:
        """The options that results depend on."""
        return self.model_dump(exclude={"weights", "compile", "bank_cache"}, mode="json")


def parse_options(engine: str, given: Mapping[str, Any]) -> SamOptions:
    """Check a table of options.

    Raises:
        SettingsError: naming the option that is wrong.
    """
    return parse_table(engine, given, SamOptions)
