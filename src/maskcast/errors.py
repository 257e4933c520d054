"""Every error maskcast raises on purpose.

::

    MaskcastError
    ├── SettingsError          a flag, maskcast.toml or the project folder is not usable
    ├── DisplayError           no window can be opened here
    ├── ImageError             a picture cannot be read (which file, why)
    ├── UploadError            a file that came by upload is not taken (which, why)
    ├── AnnotationError        annotations.json or imported annotations are not usable
    │   └── ConflictError          somebody else saved the same reference meanwhile
    ├── EngineError            an engine cannot do what was asked
    │   ├── EngineMissingError     it, its extra or its weights are not installed
    │   ├── PromptKindError        it does not take this kind of prompt
    │   └── ForeignBankError       the memory bank was made by another engine or options
    ├── RunError               a run cannot start or go on
    │   ├── FingerprintError       references, options or engine changed since the run began
    │   ├── IdentityError          output and ledger belong to different runs
    │   ├── RunLockedError         another run is writing to this output
    │   └── StorageError           the disk is full or the folder cannot be written
    ├── EvaluationError        the truth does not fit the results
    ├── ReviewError            a decision cannot be made, or the log of decisions is not usable
    └── ExportError            there is nothing to export, or its folder is not usable

The message is one sentence to a person: what, which file, what to do. The command line prints it
and exits with 1; ``--debug`` shows the traceback.
"""

from __future__ import annotations

from collections.abc import Sequence


class MaskcastError(Exception):
    """Base of all errors that maskcast raises on purpose."""


class SettingsError(MaskcastError):
    """A flag, ``maskcast.toml`` or the project folder is not usable."""


class DisplayError(MaskcastError):
    """No window can be opened: matplotlib, a toolkit or a display is missing."""


class ImageError(MaskcastError):
    """A picture cannot be read; the message names the file and the reason."""


class UploadError(MaskcastError):
    """A file that came by upload is not taken; nothing of it was kept."""


class AnnotationError(MaskcastError):
    """``annotations.json`` or imported annotations are not usable."""


class ConflictError(AnnotationError):
    """Somebody else saved the same reference meanwhile; nothing was written."""


class EngineError(MaskcastError):
    """An engine cannot do what was asked of it."""


class EngineMissingError(EngineError):
    """The engine, its extra or its weights are not installed; the message gives the next step."""


class PromptKindError(EngineError):
    """The engine does not take this kind of prompt; raised before any work."""


class ForeignBankError(EngineError):
    """The memory bank was made by another engine or with other options."""


class RunError(MaskcastError):
    """A run cannot start or go on."""


class FingerprintError(RunError):
    """References, options or engine changed since this output's run began.

    Attributes:
        changes: what differs, one phrase a topic.
    """

    def __init__(self, sentence: str, changes: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.changes = tuple(changes)


class IdentityError(RunError):
    """The output and the ledger belong to different runs."""


class RunLockedError(RunError):
    """Another live run is writing to the same output."""


class StorageError(RunError):
    """The disk is full or the folder cannot be written."""


class EvaluationError(MaskcastError):
    """The truth does not fit the results."""


class ReviewError(MaskcastError):
    """A decision cannot be made, or the log of decisions cannot be read or written."""


class ExportError(MaskcastError):
    """There is nothing to export, or the folder to export to is not usable."""
