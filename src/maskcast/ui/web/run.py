"""The Run tab: its page, scripts and texts; its module talks to the routes in ``routes.py``."""

from __future__ import annotations

import gradio as gr

from maskcast.ui.web.assets import asset, page_scripts
from maskcast.ui.web.texts import Texts


def build(texts: Texts) -> None:
    """Put the tab's component where the caller is."""
    gr.HTML(
        html_template=asset("run/run.html"),
        css_template=asset("run/run.css"),
        js_on_load=page_scripts().loader("run/main.js"),
        apply_default_css=False,
        elem_id="maskcast-run",
        texts=texts.tables("shared.", "run."),
        lang=texts.lang or "",
    )
