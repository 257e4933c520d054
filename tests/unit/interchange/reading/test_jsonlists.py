"""JSON whose lists are decoded an element at a time is JSON like any other."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maskcast.errors import AnnotationError
from maskcast.interchange.reading.jsonlists import JsonList, read_json_lists
from maskcast.io.jsonfile import Node

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
EXAMPLES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def whole(path: Path) -> Any:  # noqa: ANN401
    root = read_json_lists(path)
    if isinstance(root, Node):
        return root.value
    if isinstance(root, JsonList):
        return [node.value for node in root]
    return {
        key: member.value if isinstance(member, Node) else [node.value for node in member]
        for key, member in root.items()
    }


@EXAMPLES
@given(VALUES, st.sampled_from([None, 2]))
def test_it_holds_what_the_file_holds(tmp_path: Path, value: object, indent: int | None) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value, indent=indent), "utf-8")
    assert whole(path) == value


def test_elements_know_their_place(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"rows": [1, {"x": [NaN]}], "other": {"rows": [1]}}')
    root = read_json_lists(path)
    assert isinstance(root, dict)
    rows = root["rows"]
    assert isinstance(rows, JsonList)
    assert len(rows) == 2
    assert rows[1].member("x").elements()[0].where == f"{path}: rows[1].x[0]"
    assert math.isnan(rows[1].value["x"][0])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_of_windows(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes('[{"이름": "é"}]'.encode(encoding))
    assert whole(path) == [{"이름": "é"}]


NO_JSON = ["", "[", "[1,", "[1 2]", "[1]]", '{"a": [1}', '{"a" 1}', "{1: 2}", '{"a": 1, "a": 2}']
NO_JSON += ["[" * 9**5, '{"a": [1, 2', "nul", '[1, "', "[,1]", '{"a": 1,}']


@pytest.mark.parametrize("text", NO_JSON)
def test_what_is_no_json_is_refused_before_anything_is_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(AnnotationError, match=r"a\.json is not JSON"):
        read_json_lists(path)


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    for path in (Path("/dev/zero"), tmp_path, tmp_path / "none"):
        with pytest.raises(AnnotationError, match=r"is not a regular file|cannot be read"):
            read_json_lists(path)
