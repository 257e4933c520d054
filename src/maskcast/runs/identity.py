"""An output and its ledger belong together: both carry the identity of their run.

The ledger has a row for it, the output a file ``.run``, or an object of that name in a store. An
output of 0.1 has none yet. It is taken for the ledger's if the two plainly belong together: the
ledger lies in the output, or results that it records are there.
"""

from __future__ import annotations

import json
import re
import time
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

from maskcast.errors import IdentityError, RunError, StorageError
from maskcast.io.atomic import write_atomically
from maskcast.io.on_disk import settle
from maskcast.io.storage import Place, Url
from maskcast.project.folder import IDENTITY_NAME, LEDGER_NAME
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from maskcast.runs.shards import FOLDER

_FORMAT: Final = "maskcast-output-1"
_RUN_ID: Final = re.compile(r"[0-9a-f]{8}")
_MOST_BYTES: Final = 10_000
_ROWS_LOOKED_AT: Final = 20
_IN_A_STORE: Final = 3
_STORE_ASKED_EVERY_S: Final = 30


def run_of_output(output: Place) -> str | None:
    """The identity that an output carries; None if it carries none, as one of 0.1.

    Raises:
        RunError: if the file that says it is damaged.
        StorageError: if the store cannot be read.
    """
    path = output / IDENTITY_NAME
    content = _read(path)
    if content is None:
        return None
    try:
        found: Any = json.loads(content)
        run_id = found["run"]
        if found["format"] == _FORMAT and _RUN_ID.fullmatch(run_id):
            return str(run_id)
    except (ValueError, KeyError, TypeError):
        pass
    raise RunError(
        f"{path} does not say of which run the output is; restore it, or remove it if the ledger "
        "beside it is that of these results"
    )


def put_identity(output: Place, run_id: str) -> None:
    """Let an output carry the identity of a run.

    Raises:
        StorageError: if it cannot be written.
    """
    data = (json.dumps({"format": _FORMAT, "run": run_id}) + "\n").encode()
    put_file(output / IDENTITY_NAME, data, run_id)


def put_file(place: Place, data: bytes, run_id: str) -> None:
    """Write a file about a whole output.

    Raises:
        StorageError: if it cannot be written.
    """
    if isinstance(place, Path):
        write_atomically(place, data, run_id)
        settle(place.parent, lambda: [place])
    else:
        place.write_bytes(data)


def check_identity(output: Place, ledger: Ledger) -> bool:
    """Refuse an output and a ledger of different runs.

    Returns:
        Whether the output carries the identity; if not, the two plainly belong together.

    Raises:
        IdentityError: if they do not belong together; the sentence names both.
        RunError, StorageError: if the output does not say what it is.
    """
    found = run_of_output(output)
    if found is not None and found == ledger.run_id:
        return True
    if found is not None:
        told = f"the ledger {ledger.path} is that of run {ledger.run_id or 'of an older version'}"
        raise IdentityError(f"{told}, and {output} holds the results of run {found}; {_ADVICE}")
    if not _belong_together(output, ledger):
        raise IdentityError(
            f"the ledger {ledger.path} records {ledger.counts().done} results of run "
            f"{ledger.run_id}, and {output} does not hold them; {_ADVICE}"
        )
    return False


def check_no_ledger_is_missing(output: Place, path: Path) -> None:
    """Refuse an output of a run whose ledger is not there.

    Raises:
        IdentityError: if the output carries the identity of a run.
        RunError, StorageError: if the output does not say what it is.
    """
    found = run_of_output(output)
    if found is not None:
        raise IdentityError(
            f"{output} holds the results of run {found}, and its ledger is not in {path}; give it "
            "with --ledger, give another --output, or start again with --fresh, which moves the "
            "old output aside"
        )


_ADVICE: Final = (
    "give the --output and the --ledger that belong together, or start again with --fresh, which "
    "moves both aside"
)


def check_identity_of_results(output: Place, ledger: Ledger) -> None:
    """As ``check_identity``, for whoever reads often: a store is asked now and then only."""
    if isinstance(output, Path):
        check_identity(output, ledger)
    else:
        moment = int(time.monotonic() // _STORE_ASKED_EVERY_S)
        _check_store(output, ledger.path, ledger.run_id, moment)


@lru_cache(maxsize=8)
def _check_store(output: Url, path: Path, run_id: str, moment: int) -> None:  # noqa: ARG001
    with Ledger.read(path) as ledger:
        check_identity(output, ledger)


def _read(path: Place) -> bytes | None:
    if isinstance(path, Path):
        if not path.is_file():
            return None
        try:
            with path.open("rb") as file:
                return file.read(_MOST_BYTES)
        except OSError as error:
            raise StorageError(f"{path} cannot be read ({error.strerror})") from error
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(
            f"{path} cannot be read ({error}); check credentials and connection"
        ) from error


def _belong_together(output: Place, ledger: Ledger) -> bool:
    done = [row for row in islice(ledger.rows(), 10 * _ROWS_LOOKED_AT) if row.state == "done"]
    if not done:
        return not ledger.counts().done
    if isinstance(output, Url):
        if (output / LEDGER_NAME).exists():
            return True
        return all(_is_there(output, row) for row in done[:_IN_A_STORE])
    if ledger.path.parent.resolve() == output.resolve():
        return True
    looked_at = [_fits(output, row) for row in done[:_ROWS_LOOKED_AT]]
    return True in looked_at and False not in looked_at


def _is_there(output: Place, row: TargetRow) -> bool:
    path = output / (f"{FOLDER}/{row.shard}" if row.shard else f"masks/{row.name}.png")
    return path.exists()


def _fits(output: Path, row: TargetRow) -> bool | None:
    """Whether an output holds the very objects that a row records; None if it has no such files.

    Outputs of one project look alike, so that names alone tell nothing.
    """
    if not _is_there(output, row):
        return None
    if row.shard is not None:
        return True
    expected = {f"{found.object_id}.png" for found in row.objects}
    folder = output / "id_masks" / row.name
    there = {path.name for path in folder.glob("*.png") if path.is_file()}
    return there == expected
