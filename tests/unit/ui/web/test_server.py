"""What a person is told of where the server listens."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from maskcast.errors import SettingsError
from maskcast.project.folder import ProjectFolder
from maskcast.ui.web import server
from maskcast.ui.web.guard import Password
from maskcast.ui.web.options import ServeOptions
from maskcast.ui.web.workspace import Workspace

KIM = Password("kim", "secret")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(ProjectFolder.open(tmp_path))


@pytest.mark.parametrize(
    ("host", "password", "warned"),
    [
        ("127.0.0.1", None, False),
        ("localhost", None, False),
        ("::1", None, False),
        ("192.168.7.7", None, True),
        ("::", None, True),
        ("example.org", None, True),
        ("192.168.7.7", KIM, False),
    ],
)
def test_listening_wider_without_a_password_is_warned_of(
    workspace: Workspace, host: str, password: Password | None, warned: bool
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        said = server._announcement(workspace, ServeOptions(host, 0, password), listener)
    assert ("warning" in said[0]) is warned
    assert ("--auth-file" in said[0]) is warned
    assert "--auth " not in said[0], "the list of processes shows it to everybody"
    assert "is served at http://" in said[-1]
    assert "secret" not in " ".join(said)


def test_an_unknown_host_is_one_sentence() -> None:
    options = ServeOptions(host="no such host.invalid")
    with pytest.raises(SettingsError, match="is unknown"), server._listening(options):
        pass


def test_an_address_with_colons_is_shown_as_browsers_want_it(workspace: Workspace) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        said = server._announcement(workspace, ServeOptions("::1", 0), listener)
    assert f"http://[::1]:{port} " in said[-1]


def test_a_place_in_a_store_is_refused(tmp_path: Path) -> None:
    opened = ProjectFolder.open(tmp_path, {"paths": {"targets": "s3://bucket/targets"}})
    with pytest.raises(SettingsError, match="works in folders of this machine"):
        server.serve(Workspace(opened), ServeOptions(port=0))
