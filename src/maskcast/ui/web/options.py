"""How a project is served; nothing here needs Gradio, so that mistakes are told at once."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from maskcast.errors import SettingsError
from maskcast.ui.web.bounds import Bounds
from maskcast.ui.web.guard import Password
from maskcast.ui.web.uploads import UploadLimits

AUTH_VARIABLE: Final = "MASKCAST_AUTH"


@dataclass(frozen=True)
class ServeOptions:
    """How a project is served.

    Attributes:
        host: name or address to listen at.
        port: to listen at; 0 = any free one.
        password: asked of everybody; None = of nobody.
        lang: of the texts; None = as each browser asks.
        limits: of uploads.
        bounds: of all that is asked, together.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    password: Password | None = None
    lang: str | None = None
    limits: UploadLimits = field(default_factory=UploadLimits)
    bounds: Bounds = field(default_factory=Bounds)


def read_password(given: str | None, file: Path | None) -> Password | None:
    """The password from the flag, else the file's first line, else ``MASKCAST_AUTH``.

    Returns:
        None if none is given anywhere.

    Raises:
        SettingsError: if it is not ``user:password`` or the file cannot be read.
    """
    text, source = given, "--auth"
    if text is None and file is not None:
        source = str(file)
        try:
            text = (file.read_text("utf-8").splitlines() or [""])[0].strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"the password file {file} cannot be read: {error}") from error
    if text is None and AUTH_VARIABLE in os.environ:
        text, source = os.environ[AUTH_VARIABLE], AUTH_VARIABLE
    if text is None:
        return None
    user, _, secret = text.partition(":")
    if not user or not secret:
        raise SettingsError(f"{source}: expected user:password, both not empty")
    return Password(user, secret)
