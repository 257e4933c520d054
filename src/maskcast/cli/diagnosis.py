"""What a bug report needs to know of a machine: facts, each by its own, and nothing secret.

A fact that cannot be told says why; nothing here fails, nothing is downloaded, nothing stays
written.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from maskcast import __version__
from maskcast.errors import MaskcastError

Facts = dict[str, Any]

_SCRIPTS = {"Latin": "scratch", "Hangul": "한글", "Kana": "カナ", "Greek": "αβγ"}
_VARIABLES = re.compile(r"(MASKCAST_|HF_|CUDA_).*|OMP_NUM_THREADS|(WAYLAND_)?DISPLAY|MPLBACKEND")
_PLAIN_VARIABLES = frozenset({"CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "DISPLAY", "MPLBACKEND"})
"""Of the others only whether they are set is told."""

_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASS|AUTH|CREDENTIAL", re.IGNORECASE)
_LEAST_SECRET = 4
_EXTRA = re.compile(r"""extra\s*==\s*["'](?P<extra>[\w.-]+)["']""")
_PACKAGE = re.compile(r"[\w.-]+")
_GIB = 1 << 30
_DEFAULT_PORT = 7860


def diagnose(project: Path) -> Facts:
    """Everything, section by section; texts, numbers, and mappings of them.

    Args:
        project: a project folder, of which the folder itself is looked at.
    """
    sections: Mapping[str, Callable[[], Facts]] = {
        "versions": _versions,
        "machine": _machine,
        "packages": _packages,
        "extras": _extras,
        "engines": _engines,
        "devices": _devices,
        "folders": lambda: _folders(project),
        "fonts": _fonts,
        "display": _display,
        "ports": _ports,
        "environment": _environment,
    }
    told: Facts = _without_secrets({name: _tried(section) for name, section in sections.items()})
    return told


def _tried(section: Callable[[], Facts]) -> Facts:
    try:
        return section()
    except Exception as error:  # noqa: BLE001 - a report with a hole is worth more than none
        return {"cannot be told": f"{type(error).__name__}: {error}"}


def _versions() -> Facts:
    return {
        "maskcast": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": platform.platform(),
    }


def _machine() -> Facts:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts: Facts = {"architecture": platform.machine(), "processors": usable}
    if hasattr(os, "sysconf"):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        facts["memory, GiB"] = round(total / _GIB, 1)
    return facts


def _packages() -> Facts:
    return {name: _version(name) for name, extra in _requirements() if not extra}


def _extras() -> Facts:
    """Of each extra what is installed of it, and what is missing."""
    facts: Facts = {}
    for name, extra in _requirements():
        if extra and extra not in {"test", "dev"} and name != "maskcast":
            facts.setdefault(extra, {})[name] = _version(name)
    return facts


def _requirements() -> Iterator[tuple[str, str]]:
    """Name and extra of each package that maskcast asks for."""
    for text in importlib.metadata.requires("maskcast") or ():
        name, marker = _PACKAGE.match(text), _EXTRA.search(text)
        if name is not None:
            yield name[0], marker["extra"] if marker else ""


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _engines() -> Facts:
    from maskcast.engines.catalog import list_engines

    facts: Facts = {}
    for entry in list_engines():
        state = f"ready on {entry.device}" if entry.ready else f"not ready: {entry.next_step}"
        here = [offer.name for offer in entry.weights if offer.here]
        facts[entry.name] = state + (f"; weights here: {', '.join(here)}" if here else "")
    return facts


def _devices() -> Facts:
    if importlib.util.find_spec("torch") is None:
        return {"torch": "not installed, so everything computes on the CPU"}
    import torch

    facts: Facts = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    for number in range(torch.cuda.device_count()):
        seen = torch.cuda.get_device_properties(number)
        facts[f"cuda:{number}"] = f"{seen.name}, {seen.total_memory / _GIB:.0f} GiB"
    if torch.backends.mps.is_available():
        facts["mps"] = "available"
    return facts


def _folders(project: Path) -> Facts:
    from platformdirs import user_cache_path, user_state_path

    return {
        "project": f"{_folder(project)}, {_settings_of(project)}",
        "temporary": _folder(Path(tempfile.gettempdir())),
        "state": _folder(user_state_path("maskcast", appauthor=False)),
        "cache": _folder(user_cache_path("maskcast", appauthor=False)),
    }


def _settings_of(project: Path) -> str:
    from maskcast.project.folder import ProjectFolder

    try:
        ProjectFolder.open(project)
    except MaskcastError as error:
        return f"not usable: {error}"
    return "maskcast.toml is fine" if (project / "maskcast.toml").is_file() else "no maskcast.toml"


def _folder(path: Path) -> str:
    """Where it is, whether it can be written and how much space is left."""
    absolute = path.absolute()
    there = next(folder for folder in (absolute, *absolute.parents) if folder.is_dir())
    can = "can be written" if os.access(there, os.W_OK | os.X_OK) else "cannot be written"
    free = shutil.disk_usage(there).free / _GIB
    new = "" if there == absolute else "not there yet, "
    return f"{absolute}: {new}{can}, {free:.1f} GiB free"


def _fonts() -> Facts:
    from maskcast.drawing.fonts import font_for

    facts: Facts = {}
    for script, text in _SCRIPTS.items():
        font = font_for(text, 16)
        named = [] if font is None else [part for part in font.getname() if part]
        facts[script] = " ".join(named) or "none: names in it show as boxes"
    return facts


def _display() -> Facts:
    from maskcast.ui.desktop.windows import open_window

    try:
        open_window().close()
    except MaskcastError as error:
        return {"window": f"none: {error}"}
    return {"window": "opens"}


def _ports() -> Facts:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", _DEFAULT_PORT))
        except OSError as error:
            return {str(_DEFAULT_PORT): f"taken ({error.strerror}); give serve another --port"}
    return {str(_DEFAULT_PORT): "free"}


def _environment() -> Facts:
    return {
        name: value if name in _PLAIN_VARIABLES else "set"
        for name, value in sorted(os.environ.items())
        if _VARIABLES.fullmatch(name)
    }


def _without_secrets(value: Any) -> Any:  # noqa: ANN401 (what JSON holds)
    """The same without the home folder's name, credentials in URLs and values of secrets."""
    if isinstance(value, dict):
        return {key: _without_secrets(member) for key, member in value.items()}
    if not isinstance(value, str):
        return value
    secrets = (text for name, text in os.environ.items() if _SECRET.search(name))
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _LEAST_SECRET:
            value = value.replace(secret, "...")
    value = re.sub(r"://[^/@\s]+@", "://...@", value)
    home = str(Path.home())
    return value if len(home) < _LEAST_SECRET else value.replace(home, "~")
