"""The Run tab: its page, scripts and texts; the scripts talk to the routes in ``api.py``."""

from __future__ import annotations

from typing import Final

import gradio as gr

from maskcast.ui.web.assets import asset
from maskcast.ui.web.texts import Texts

_SCRIPTS: Final = ("shared/shared.js", "shared/files.js", "run/run.js")


def build(texts: Texts) -> None:
    """Put the tab's component where the caller is."""
    gr.HTML(
        html_template=asset("run/run.html"),
        css_template=asset("run/run.css"),
        js_on_load="\n".join(asset(name) for name in _SCRIPTS),
        apply_default_css=False,
        elem_id="maskcast-run",
        texts=texts.tables("shared.", "run."),
        lang=texts.lang or "",
    )
