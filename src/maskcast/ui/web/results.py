"""The Results tab: its page, scripts and texts; the scripts talk to the routes in ``api.py``."""

from __future__ import annotations

from typing import Final

import gradio as gr

from maskcast.interchange.formats import FORMATS
from maskcast.ui.web.assets import asset
from maskcast.ui.web.texts import Texts

_SCRIPTS: Final = ("shared/shared.js", "results/gallery.js", "results/large.js")


def build(texts: Texts) -> None:
    """Put the tab's component where the caller is."""
    gr.HTML(
        html_template=asset("results/results.html"),
        css_template=asset("results/results.css"),
        js_on_load="\n".join(asset(name) for name in _SCRIPTS),
        apply_default_css=False,
        elem_id="maskcast-results",
        texts=texts.tables("shared.", "results."),
        lang=texts.lang or "",
        formats=list(FORMATS),
    )
