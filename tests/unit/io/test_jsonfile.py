"""JSON files that somebody made to take long, or that are no files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from limited import run_limited
from maskcast.errors import AnnotationError
from maskcast.io.jsonfile import read_json

_READ = """
import sys
from pathlib import Path
from maskcast.errors import AnnotationError
from maskcast.io.jsonfile import read_json
try:
    print(read_json(Path(sys.argv[1])).value)
except AnnotationError as error:
    print(error)
"""


def test_a_key_that_occurs_twice_among_many_is_found_in_linear_time(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    keys = [f"k{number}" for number in range(200_000)]
    path.write_text("{" + ",".join(f"{json.dumps(key)}:1" for key in [*keys, keys[-1]]) + "}")
    assert 'the key "k199999" occurs twice in one object' in run_limited(_READ, path, seconds=10)


def test_a_pipe_in_place_of_the_file_does_not_hang(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    os.mkfifo(path)
    assert run_limited(_READ, path, seconds=10) == (
        f"{path} cannot be read (it is not a regular file): correct that.\n"
    )


def test_a_device_in_place_of_the_file_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.symlink_to("/dev/zero")
    assert "it is not a regular file" in run_limited(_READ, path, seconds=10)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 50_000 + "]" * 50_000])
def test_deep_nesting_is_said_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(AnnotationError, match="nested too deeply; correct the file"):
        read_json(path)
