"""Where the password comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskcast.errors import SettingsError
from maskcast.ui.web.guard import Password
from maskcast.ui.web.options import AUTH_VARIABLE, read_password


def test_the_flag_wins_over_the_file_and_the_file_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text("lee:in:file\nsecond line\n", "utf-8")
    assert read_password(None, None) is None
    monkeypatch.setenv(AUTH_VARIABLE, "env:three")
    assert read_password(None, None) == Password("env", "three")
    assert read_password(None, file) == Password("lee", "in:file")
    assert read_password("kim:one", file) == Password("kim", "one")


@pytest.mark.parametrize("text", ["kim", "kim:", ":secret", ""])
def test_half_a_password_is_an_error(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="--auth: expected user:password"):
        read_password(text, None)
    (tmp_path / "password").write_text(text, "utf-8")
    with pytest.raises(SettingsError, match="password: expected"):
        read_password(None, tmp_path / "password")
    monkeypatch.setenv(AUTH_VARIABLE, text)
    with pytest.raises(SettingsError, match=f"{AUTH_VARIABLE}: expected"):
        read_password(None, None)


def test_a_password_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_password(None, tmp_path / "none")
