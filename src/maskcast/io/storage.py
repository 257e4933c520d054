"""Places in stores: ``s3://``, ``gs://``, ``az://`` and, for reading, ``http(s)://``.

A ``Url`` offers the few things that maskcast does with a place, over fsspec. Objects are put whole,
so they appear whole or not at all. Credentials come from the environment that each store's own
tools use; a URL that holds any is refused, so that none can end in a ledger, a log or a message.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote
from urllib.request import url2pathname

from maskcast.errors import SettingsError, StorageError

Tag = int | str | None
"""What a listing tells of a file beside its size, so that a changed one is noticed: nanoseconds of
the last change of a file, a text of an object in a store; None if nothing."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_EXTRAS = {"s3": "s3", "gs": "gcs", "az": "azure", "http": "http", "https": "http", "memory": ""}
_READ_ONLY = frozenset({"http", "https"})
_QUERY = re.compile(r"\?[^/?]+=")
_SECRETS = re.compile(r"(?<=://)[^/@\s]+@|(?<=\S)[?#][^\s'\"()<>]+=[^\s'\"()<>]*")
_TAGS = ("ETag", "etag", "md5Hash", "LastModified", "last_modified", "updated", "mtime", "created")
_REFUSED = frozenset({401, 403})
_KINDS = (FileNotFoundError, PermissionError)


@dataclass(frozen=True)
class Entry:
    """What a folder of a store holds.

    Attributes:
        url: of the object or folder.
        is_folder: whether it has entries itself.
        size: bytes of an object; None if the store does not tell.
        tag: another one once the object was replaced; None if the store does not tell.
    """

    url: Url
    is_folder: bool
    size: int | None = None
    tag: Tag = None


@dataclass(frozen=True)
class Url:
    """A place in a store; ``str()`` gives it as a user writes it.

    Attributes:
        protocol: such as ``s3``.
        path: what fsspec calls the path: bucket and key, or for HTTP the whole URL.
    """

    protocol: str
    path: str

    @classmethod
    def parse(cls, text: str) -> Url:
        """Read a URL.

        Raises:
            SettingsError: if its kind is not known or it holds credentials; they are not repeated.
        """
        protocol, _, rest = text.partition("://")
        protocol = protocol.lower()
        is_web = protocol in _READ_ONLY
        if protocol not in _EXTRAS:
            kinds = ", ".join(f"{kind}://" for kind in _EXTRAS if kind != "memory")
            raise SettingsError(
                f"{protocol}:// is no kind of place that maskcast knows; known are file://, {kinds}"
            )
        authority = rest.partition("/")[0]
        if "@" in authority or _QUERY.search(rest) or (is_web and set("?#") & set(rest)):
            raise SettingsError(
                f"the {protocol}:// place that was given holds a user, password or token; take "
                "that out and give credentials by the store's own environment variables or files"
            )
        if not authority:
            what = "host" if is_web else "bucket or container"
            raise SettingsError(f"{text} names no {what}; give {protocol}://NAME/FOLDER")
        path = rest.rstrip("/")
        return cls(protocol, f"{protocol}://{path}" if is_web else path)

    def __str__(self) -> str:
        return self.path if self.protocol in _READ_ONLY else f"{self.protocol}://{self.path}"

    def __truediv__(self, relative: str) -> Url:
        inner = quote(relative) if self.protocol in _READ_ONLY else relative
        return Url(self.protocol, f"{self.path}/{inner}")

    @property
    def name(self) -> str:
        """The last part."""
        last = self.path.rpartition("/")[2]
        return unquote(last) if self.protocol in _READ_ONLY else last

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be written there."""
        return self.protocol in _READ_ONLY

    def read_bytes(self) -> bytes:
        """The whole object.

        Raises:
            FileNotFoundError: if there is none.
            PermissionError: if the store does not give it.
            OSError: if it cannot be read.
        """
        with _errors_in_words():
            content: bytes = self._system.cat_file(self.path)
        return content

    def write_bytes(self, data: bytes) -> None:
        """Put a whole object, replacing what is there.

        Raises:
            StorageError: if the store does not take it.
        """
        self._write("pipe_file", self.path, data)

    def write_all(self, files: Mapping[str, bytes]) -> None:
        """Put whole objects below this place, side by side where the store's client can.

        Args:
            files: relative path -> content.

        Raises:
            StorageError: if the store does not take them; some may be there.
        """
        self._write("pipe", {(self / relative).path: data for relative, data in files.items()})

    def upload(self, file: Path) -> None:
        """Put a whole file of this machine; see ``write_bytes``."""
        self._write("put_file", str(file), self.path)

    def download(self, file: Path) -> bool:
        """Copy to a file of this machine; False if there is no such object.

        Raises:
            StorageError: if it cannot be read.
        """
        try:
            self._attempt("get_file", self.path, str(file))
        except FileNotFoundError:
            return False
        return True

    def exists(self) -> bool:
        """Whether there is such an object or folder.

        Raises:
            StorageError: if the store does not tell.
        """
        try:
            with _errors_in_words():
                return bool(self._system.exists(self.path))
        except OSError as error:
            raise StorageError(
                f"{self} cannot be reached ({error}); check credentials and connection"
            ) from error

    def remove(self) -> None:
        """Remove the object; see ``write_bytes``."""
        self._write("rm_file", self.path)

    def entries(self) -> Iterator[Entry]:
        """What is in this folder, as the store lists it; nothing if there is no such folder.

        S3 is listed page by page; of other stores a whole folder is held at a time. The name of
        an entry is whatever the store says, ``..`` and the empty name included.

        Raises:
            PermissionError: if the store does not let it be listed.
            OSError: if it cannot be listed.
        """
        system = self._system
        with contextlib.suppress(FileNotFoundError), _errors_in_words():
            if self.protocol == "s3":
                yield from self._s3_entries(system)
            else:
                yield from self._listed(system.ls(self.path, detail=True))

    def _listed(self, found: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
        for info in found:
            path = str(info["name"]).rstrip("/")
            if path.strip("/") != self.path.strip("/") and "?" not in path:
                path = path if self.protocol in _READ_ONLY else path.lstrip("/")
                url = Url(self.protocol, path)
                yield Entry(
                    url,
                    info["type"] == "directory",
                    info.get("size"),
                    _tag_of(info),
                )

    def _s3_entries(self, system: Any) -> Iterator[Entry]:  # noqa: ANN401 (fsspec is untyped)
        bucket, _, key = self.path.partition("/")
        prefix = f"{key}/" if key else ""
        going_on: dict[str, str] = {}
        while True:
            page = system.call_s3(
                "list_objects_v2", Bucket=bucket, Prefix=prefix, Delimiter="/", **going_on
            )
            for content in page.get("Contents", ()):
                if content["Key"] != prefix:
                    url = Url("s3", f"{bucket}/{content['Key']}")
                    yield Entry(url, False, content["Size"], _tag_of(content))
            for prefix_entry in page.get("CommonPrefixes", ()):
                yield Entry(Url("s3", f"{bucket}/{prefix_entry['Prefix'].removesuffix('/')}"), True)
            if not page.get("IsTruncated"):
                return
            going_on = {"ContinuationToken": page["NextContinuationToken"]}

    def _write(self, operation: str, *arguments: object) -> None:
        try:
            self._attempt(operation, *arguments)
        except FileNotFoundError:
            raise StorageError(f"there is no place {self}; make its bucket first") from None

    def _attempt(self, operation: str, *arguments: object) -> None:
        try:
            with _errors_in_words():
                getattr(self._system, operation)(*arguments)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(
                f"{self} cannot be reached or written ({error}); check credentials and "
                "connection, then start the same run again: it goes on where it stopped"
            ) from error

    @property
    def _system(self) -> Any:  # noqa: ANN401
        """The file system, which fsspec keeps and shares."""
        try:
            import fsspec

            return fsspec.filesystem(self.protocol, use_listings_cache=False)
        except ImportError as error:
            extra = _EXTRAS[self.protocol] or "s3"
            raise SettingsError(
                f"{self.protocol}:// needs a package that is not installed; run: "
                f"pip install 'maskcast[{extra}]'"
            ) from error


def _tag_of(details: Mapping[str, Any]) -> Tag:
    """What a store calls an object's content, or else the time at which it was put there."""
    found = next((details[key] for key in _TAGS if details.get(key) is not None), None)
    return None if found is None else str(found).strip('"')


Place = Path | Url
"""A folder or file, here or in a store."""


class Readable(Protocol):
    """A file to be read, wherever it is; ``str()`` names it to a person."""

    def read_bytes(self) -> bytes:
        """The whole file.

        Raises:
            FileNotFoundError: if there is none.
            OSError: if it cannot be read.
        """


def parse_place(text: str | Path) -> Place:
    """A path, or a URL; ``file://`` is a path.

    Raises:
        SettingsError: if the URL is not usable.
    """
    if isinstance(text, Path) or not _URL.match(text):
        return Path(text)
    if text.lower().startswith("file://"):
        host, slash, path = text[len("file://") :].partition("/")
        if host not in {"", "localhost"} or not slash:
            raise SettingsError(
                "a file:// place names no machine and begins with three slashes; give "
                f"file:///{path}"
            )
        return Path(url2pathname(slash + path))
    return Url.parse(text)


@contextlib.contextmanager
def _errors_in_words() -> Iterator[None]:
    """Whatever a store's client raises, as an ``OSError`` of its kind that tells no secret.

    What the client said itself is not chained: it would be shown with ``--debug``.
    """
    try:
        yield
    except (SettingsError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 (clients of stores raise what they like)
        kind = next((kind for kind in _KINDS if isinstance(error, kind)), OSError)
        if getattr(error, "status", None) in _REFUSED:
            kind = PermissionError
        raise kind(_reason(error)) from None


def _reason(error: Exception) -> str:
    """What a store's client says, on one line, without what may hold a password or a token.

    A server may pass a request on to an address with a signature in it, and an endpoint or a proxy
    may be set with a password; clients repeat such addresses.
    """
    return _SECRETS.sub("", " ".join(str(error).split())) or type(error).__name__
