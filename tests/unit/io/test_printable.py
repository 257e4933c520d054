"""No name of a file can make a terminal do or seem anything."""

from __future__ import annotations

import pytest

from maskcast.io.printable import printable, printable_lines


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[2Jgone.png", r"\x1b[2Jgone.png"),
        ("\x1b]0;title\x07.png", r"\x1b]0;title\x07.png"),
        ("a.png failed: no\nnote: all done", r"a.png failed: no\nnote: all done"),
        ("a\r\tb", r"a\r\tb"),
        ("gnp.\u202eexe", r"gnp.\u202eexe"),
        ("a\u2066b\u200fc\u200bd\ufeff", r"a\u2066b\u200fc\u200bd\ufeff"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("line\u2028end", r"line\u2028end"),
        ("not unicode \udcff", r"not unicode \udcff"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(name: str, shown: str) -> None:
    assert printable(name) == shown


@pytest.mark.parametrize(
    "name",
    ["", "lot 1/a_b-c.png", "입자 ü é", "C:\\a.png", "Screenshot 3.45\u202fPM", "क्\u200dष"],
)
def test_names_of_people_stay_as_they_are(name: str) -> None:
    assert printable(name) == name


def test_lines_of_our_own_stay_lines() -> None:
    assert printable_lines("done 1\nfailed \x1b[1m") == "done 1\nfailed \\x1b[1m"
