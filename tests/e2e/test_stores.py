"""Runs from and to stores: a real S3 server on loopback, and HTTP for reading."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

from maskcast.errors import StorageError
from maskcast.io.listing import ImageStream
from maskcast.io.storage import Entry, Url
from maskcast.runs.identity import run_of_output
from maskcast.runs.ledger import Ledger
from maskcast.runs.ledger_rows import TargetRow
from support import MakeProject, Maskcast, result_digests

pytest.importorskip("s3fs", reason="needs the extra s3")
SECRET = "a-secret-that-nobody-may-see"  # noqa: S105 (of a server of our own)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An S3 server; its address."""
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer("127.0.0.1", 0)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A new bucket, with credentials in the environment as users have them."""
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }.items():
        monkeypatch.setenv(name, value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    system.mkdir("lab")
    yield "lab"
    system.rm("lab", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def upload(folder: Path, place: str) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            Url.parse(f"{place}/{path.relative_to(folder).as_posix()}").upload(path)


def download(place: str, folder: Path) -> Path:
    def below(url: Url, target: Path) -> None:
        target.mkdir(parents=True, exist_ok=True)
        for entry in url.entries():
            inner = target / entry.url.name
            below(entry.url, inner) if entry.is_folder else entry.url.download(inner)

    below(Url.parse(place), folder)
    return folder


def rows(path: Path) -> list[TargetRow]:
    with Ledger.open(path) as ledger:
        return list(ledger.rows())


def test_a_run_from_a_bucket_to_a_bucket_goes_on_on_another_machine_and_gives_the_same_bytes(
    bucket: str,
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = make_project(8)
    (project / "targets" / "lot 1").mkdir()
    (project / "targets" / "0003.png").rename(project / "targets" / "lot 1" / "a#ü.png")
    assert maskcast("run", project, "--engine", "fake").returncode == 0
    upload(project / "targets", f"s3://{bucket}/in/targets")
    upload(project / "references", f"s3://{bucket}/in/references")
    places = ["--targets", f"s3://{bucket}/in/targets", "--output", f"s3://{bucket}/out"]
    command = ["run", tmp_path / "empty", "--engine", "fake", *places]
    command += ["--references", f"s3://{bucket}/in/references"]
    (tmp_path / "empty").mkdir()
    texts = []
    begun = maskcast(*command, "--limit", "3", "--json")
    assert begun.returncode == 0, begun.stderr
    assert json.loads(begun.stdout)["pending"] == 5
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine"))
    ended = maskcast(*command, "--json", "--debug")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["finished_now"] == 5, "the other machine began anew"
    told = maskcast("status", tmp_path / "empty", *places)
    assert "done 8" in told.stdout, told.stderr
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "a third machine"))
    assert maskcast("status", tmp_path / "empty", *places).stdout == told.stdout
    flags = ["--truth", tmp_path / "truth", "--json"]
    compared = maskcast("evaluate", tmp_path / "empty", *places[2:], *flags)
    here = maskcast("evaluate", project, *flags)
    assert json.loads(here.stdout)["targets"] == 7, "one was renamed and has no truth"
    assert json.loads(compared.stdout)["overall"] == json.loads(here.stdout)["overall"]
    for root, where in ((project, []), (tmp_path / "empty", places)):
        folder = tmp_path / f"coco of {root.name}"
        exported = maskcast("export", "coco", folder, "--project", root, *where)
        assert exported.returncode == 0, exported.stderr
    of_bucket = result_digests(tmp_path / "coco of empty")
    assert of_bucket == result_digests(tmp_path / "coco of project")
    texts += [begun.stdout, begun.stderr, ended.stdout, ended.stderr, told.stdout]

    copy = download(f"s3://{bucket}/out", tmp_path / "copy")
    assert result_digests(copy) == result_digests(project / "output")
    local = rows(project / "output" / "run.db")
    tags = {row.image_id: row.tag for row in rows(copy / "run.db")}
    assert all(isinstance(tag, str) for tag in tags.values()), "an ETag tells a changed object"
    assert rows(copy / "run.db") == [replace(row, tag=tags[row.image_id]) for row in local]
    assert SECRET not in "".join(texts)
    assert SECRET.encode() not in (copy / "run.db").read_bytes()


@pytest.mark.parametrize(("kept", "again"), [((".run", "masks"), 0), ((".run",), 2), ((), 2)])
def test_an_output_that_was_removed_is_begun_anew_and_one_that_lost_its_ledger_is_gone_on_with(
    bucket: str, make_project: MakeProject, maskcast: Maskcast, kept: tuple[str, ...], again: int
) -> None:
    import s3fs

    command = ["run", make_project(2), "--engine", "fake", "--output", f"s3://{bucket}/out"]
    assert maskcast(*command).returncode == 0
    before = run_of_output(Url.parse(f"s3://{bucket}/out"))
    for entry in Url.parse(f"s3://{bucket}/out").entries():
        if entry.url.name not in kept:
            s3fs.S3FileSystem().rm(str(entry.url), recursive=True)
    ran = maskcast(*command, "--json")
    assert json.loads(ran.stdout)["finished_now"] == again, ran.stderr
    assert (run_of_output(Url.parse(f"s3://{bucket}/out")) == before) == (".run" in kept)
    assert Url.parse(f"s3://{bucket}/out/run.db").exists()


def test_other_settings_are_refused_in_a_store_as_well(
    bucket: str,
    make_project: MakeProject,
    maskcast: Maskcast,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    command = ["run", make_project(2), "--engine", "fake", "--output", f"s3://{bucket}/out"]
    assert maskcast(*command).returncode == 0
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine"))
    refused = maskcast(*command, "--threshold", "0.7")
    assert refused.returncode == 1
    assert "holds results of other settings" in refused.stderr
    fresh = maskcast(*command, "--threshold", "0.7", "--fresh")
    assert fresh.returncode == 1
    assert "another --output" in fresh.stderr


def test_a_bucket_that_does_not_exist_is_a_sentence(
    bucket: str, make_project: MakeProject, maskcast: Maskcast
) -> None:
    command = ["run", make_project(1), "--engine", "fake", "--output", f"s3://no-{bucket}/out"]
    refused = maskcast(*command)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert f"s3://no-{bucket}/out" in refused.stderr


def test_a_long_folder_in_s3_is_listed_page_by_page(bucket: str) -> None:
    import s3fs

    names = {f"many/{number:05}.png" for number in range(1003)}
    s3fs.S3FileSystem().pipe({f"{bucket}/{name}": b"x" for name in names})
    entries = Url.parse(f"s3://{bucket}/many").entries()
    assert {f"many/{entry.url.name}" for entry in entries} == names


def test_keys_that_are_no_file_names_are_told_and_lead_nowhere(bucket: str) -> None:
    import s3fs

    keys = ("ok.png", "a/ok.png", "a//twice.png", "../out.png", "a/../../out.png", "b\\c.png")
    s3fs.S3FileSystem().pipe({f"{bucket}/in/{key}": b"x" for key in keys})
    stream = ImageStream(Url.parse(f"s3://{bucket}/in"))
    found = [one for group in stream.groups() for images in group for one in images.image_ids()]
    assert found == ["ok.png", "a/ok.png"]
    assert "4 names" in stream.sentences()[0]


@pytest.mark.parametrize("place", ["s3://{}/typo", "s3://no-{}/in"])
def test_targets_that_are_not_there_are_an_error(
    bucket: str, make_project: MakeProject, maskcast: Maskcast, place: str
) -> None:
    place = place.format(bucket)
    refused = maskcast("run", make_project(1), "--engine", "fake", "--targets", place)
    assert refused.returncode == 1
    assert f"there is nothing at {place}" in refused.stderr


def test_a_store_that_cannot_be_reached_does_not_look_like_an_empty_one(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    s3fs.S3FileSystem().pipe({f"{bucket}/in/{key}": b"x" for key in ("a.png", "deep/b.png")})
    listed = Url.entries

    def entries(url: Url) -> Iterator[Entry]:
        if url.name == "deep":
            raise error
        return listed(url)

    monkeypatch.setattr(Url, "entries", entries)
    stream = ImageStream(Url.parse(f"s3://{bucket}/in"))
    error: OSError = PermissionError("it is somebody else's")
    assert [len(images.names) for group in stream.groups() for images in group] == [1, 0]
    assert stream.sentences() == (
        f"the folder s3://{bucket}/in/deep cannot be listed (it is somebody else's)",
    )
    error = TimeoutError("no answer")
    with pytest.raises(StorageError, match="no answer"):
        list(stream.groups())


def test_on_ray_workers_write_to_the_store_themselves(
    bucket: str, make_project: MakeProject, maskcast: Maskcast, tmp_path: Path
) -> None:
    if find_spec("ray") is None:
        pytest.skip("needs the extra ray")
    project = make_project(5)
    assert maskcast("run", project, "--engine", "fake").returncode == 0
    upload(project / "targets", f"s3://{bucket}/targets")
    places = ["--targets", f"s3://{bucket}/targets", "--output", f"s3://{bucket}/out"]
    finished = maskcast("run", project, "--engine", "fake", "--executor", "ray", *places)
    assert finished.returncode == 0, finished.stderr
    copy = download(f"s3://{bucket}/out", tmp_path / "copy")
    assert result_digests(copy) == result_digests(project / "output")


def test_targets_are_read_by_http_and_nothing_is_written_there(
    make_project: MakeProject, maskcast: Maskcast
) -> None:
    pytest.importorskip("aiohttp", reason="needs the extra http")
    project = make_project(3)
    (project / "targets" / "lot 1").mkdir()
    (project / "targets" / "0001.png").rename(project / "targets" / "lot 1" / "a b.png")
    assert maskcast("run", project, "--engine", "fake").returncode == 0
    handler = partial(_QuietHandler, directory=str(project / "targets"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{web.server_port}"
        output = project / "from web"
        flags = ["run", project, "--engine", "fake", "--targets", place]
        finished = maskcast(*flags, "--output", output)
        refused = maskcast(*flags, "--output", f"{place}/out")
        web.shutdown()
    assert finished.returncode == 0, finished.stderr
    assert result_digests(output) == result_digests(project / "output")
    assert refused.returncode == 1
    assert "can only be read" in refused.stderr


def test_a_signature_that_a_server_adds_is_not_told(
    make_project: MakeProject, maskcast: Maskcast
) -> None:
    pytest.importorskip("aiohttp", reason="needs the extra http")
    project = make_project(1)
    with ThreadingHTTPServer(("127.0.0.1", 0), _SigningHandler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        flags = ["--engine", "fake", "--targets", f"http://127.0.0.1:{web.server_port}"]
        finished = maskcast("run", project, *flags, "--debug")
        web.shutdown()
    assert finished.returncode == 3, finished.stderr
    told = finished.stderr + repr(rows(project / "output" / "run.db"))
    assert "403" in told
    assert SECRET not in told


class _SigningHandler(BaseHTTPRequestHandler):
    """Passes pictures on to addresses with a signature, and refuses those."""

    def do_GET(self) -> None:  # the name that the base class asks for
        if self.path == "/":
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b'<a href="a.png">a</a>')
        elif "?" in self.path:
            self.send_error(403)
        else:
            self.send_response(302)
            self.send_header("Location", f"{self.path}?sig={SECRET}")
            self.end_headers()

    do_HEAD = do_GET  # noqa: N815 (of the base class)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing on stderr."""


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing on stderr."""
