"""URLs as places: what is taken, what is refused, and that no secret is repeated."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from maskcast.errors import SettingsError, StorageError
from maskcast.io.storage import Url, parse_place
from maskcast.project.folder import ProjectFolder
from maskcast.project.settings import load_settings


@pytest.mark.parametrize(
    ("text", "place", "shown"),
    [
        ("targets", Path("targets"), "targets"),
        ("C:/targets", Path("C:/targets"), "C:/targets"),
        ("file:///lab/a%20b", Path("/lab/a b"), "/lab/a b"),
        ("file://localhost/lab/a#b?c", Path("/lab/a#b?c"), "/lab/a#b?c"),
        ("s3://lab/in/", Url("s3", "lab/in"), "s3://lab/in"),
        ("GS://lab", Url("gs", "lab"), "gs://lab"),
        ("https://host/in/", Url("https", "https://host/in"), "https://host/in"),
    ],
)
def test_places_are_paths_or_urls(text: str, place: object, shown: str) -> None:
    assert parse_place(text) == place
    assert str(parse_place(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://me:hush@host/in",
        "s3://key:hush@lab/in",
        "https://host/in?token=hush",
        "https://host/in#hush",
        "s3://lab/in?X-Amz-Signature=hush",
        "AZ://container/in?sv=2026&sig=hush",
    ],
)
def test_a_url_with_credentials_is_refused_without_repeating_them(text: str) -> None:
    with pytest.raises(SettingsError, match="environment") as refused:
        parse_place(text)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("text", ["s3://", "s3:///in", "gs://", "https:///in"])
def test_a_url_without_a_bucket_or_host_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="names no"):
        parse_place(text)


@pytest.mark.parametrize("text", ["file://data/in", "file://me:hush@data/in", "file://"])
def test_a_file_url_that_names_a_machine_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="three slashes") as refused:
        parse_place(text)
    assert "hush" not in str(refused.value)


def test_what_a_client_says_is_told_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    from fsspec import AbstractFileSystem

    class Client(AbstractFileSystem):  # type: ignore[misc]
        error: Exception

        def cat_file(self, *_: object, **__: object) -> bytes:
            raise self.error

        ls = pipe_file = cat_file

    client = Client()
    monkeypatch.setattr("fsspec.filesystem", lambda *_, **__: client)
    place = Url.parse("https://host/in")
    said = "GET https://me:hush@proxy:80/x?a=b&sig=hush#key=hush\n (403, url='http://h/y?k=hush')"
    for raised, told in (
        (OSError(said), OSError),
        (RuntimeError(said), OSError),
        (PermissionError(said), PermissionError),
        (_refused(said), PermissionError),
    ):
        client.error = raised
        for action in (place.read_bytes, lambda: list(place.entries())):
            with pytest.raises(told) as caught:
                action()
            assert str(caught.value) == "GET https://proxy:80/x (403, url='http://h/y')"
            assert "hush" not in "".join(traceback.format_exception(caught.value))
        with pytest.raises(StorageError) as refused:
            place.write_bytes(b"")
        assert "hush" not in str(refused.value)
        assert "hush" not in "".join(traceback.format_exception(refused.value))
    client.error = FileNotFoundError(said)
    assert list(place.entries()) == []


def _refused(said: str) -> Exception:
    """What aiohttp raises when a server refuses."""
    error = RuntimeError(said)
    error.status = 403  # type: ignore[attr-defined]
    return error


def test_an_unknown_kind_of_url_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"ftp:// .* known are file://, s3://"):
        parse_place("ftp://host/in")


def test_names_in_http_are_quoted_and_back() -> None:
    assert str(Url.parse("http://host") / "lot 1/a#b.png") == "http://host/lot%201/a%23b.png"
    assert (Url.parse("http://host") / "lot 1/a#b.png").name == "a#b.png"
    assert str(Url.parse("s3://lab") / "lot 1/a#b.png") == "s3://lab/lot 1/a#b.png"


def test_the_settings_file_takes_urls_and_other_commands_say_they_need_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "maskcast.toml").write_text('[paths]\noutput = "s3://lab/out"\n')
    assert load_settings(tmp_path, {}).paths.output == Url("s3", "lab/out")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    project = ProjectFolder.open(tmp_path)
    assert project.output_place == Url("s3", "lab/out")
    assert project.ledger_path.is_relative_to(tmp_path / "state")
    with pytest.raises(SettingsError, match="copy it here"):
        _ = project.output_folder


def test_objects_in_memory_are_written_listed_read_and_removed() -> None:
    pytest.importorskip("fsspec")
    place = Url.parse("memory://unit")
    (place / "a/b.png").write_bytes(b"content")
    (folder,) = place.entries()
    assert (folder.url.name, folder.is_folder) == ("a", True)
    (found,) = folder.url.entries()
    assert (found.url, found.is_folder, found.size) == (place / "a/b.png", False, 7)
    assert found.url.read_bytes() == b"content"
    found.url.remove()
    with pytest.raises(FileNotFoundError):
        found.url.read_bytes()
    assert not found.url.download(Path("never written"))
