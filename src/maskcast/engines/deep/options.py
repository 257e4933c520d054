"""Options of the engine ``deep``: the table ``[engines.deep]``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class DeepOptions(BaseModel):
    """What can be set.

    Attributes:
        weights: an encoder's name, a Hub repository, a folder, or weights of a SAM engine; None =
            the default encoder.
        dtype: number format of the encoder; ``auto`` = bf16 where the hardware multiplies it, else
            fp32.
        kept_tokens: folder where references' tokens are kept for the next run, a gigabyte at most;
            ``auto`` = the user's cache folder, ``false`` = nowhere.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: str | None = None
    dtype: Literal["auto", "fp32", "bf16"] = "auto"
    kept_tokens: Path | Literal["auto", False] = "auto"
