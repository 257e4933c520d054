"""What a run is busy with, for programs that show it and for people who read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StageName = Literal["reading", "drawing", "learning", "masking", "cutting"]


@dataclass(frozen=True)
class RunStage:
    """A part of a run.

    Attributes:
        name: ``reading`` the references, ``drawing`` again what has other names or colours now,
            ``learning`` from the references, ``masking`` the targets, or
            ``cutting`` masks anew out of kept probabilities.
        references: how many are learned from; 0 while they are being read.
        engine: that learns and masks; empty while that is not known.
    """

    name: StageName
    references: int = 0
    engine: str = ""

    def __str__(self) -> str:
        """A few words for a person."""
        match self.name:
            case "reading":
                return "reading the references"
            case "drawing":
                return "drawing results again, with new names and colours"
            case "learning":
                return f"learning from {self.references} references with {self.engine}"
            case "cutting":
                return "cutting masks anew out of kept probabilities"
            case "masking":
                return "masking the targets"
