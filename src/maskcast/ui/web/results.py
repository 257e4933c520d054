"""The Results tab: its page, scripts and texts; its module talks to the routes in ``routes.py``."""

from __future__ import annotations

import gradio as gr

from maskcast.interchange.formats import FORMATS
from maskcast.ui.controls import page_controls
from maskcast.ui.web.assets import asset, page_scripts
from maskcast.ui.web.texts import Texts


def build(texts: Texts, key: str) -> None:
    """Put the tab's component where the caller is.

    Args:
        texts: that it speaks.
        key: under which a browser keeps how somebody looks at this project.
    """
    gr.HTML(
        html_template=asset("results/results.html"),
        css_template=asset("results/results.css"),
        js_on_load=page_scripts().loader("results/main.js"),
        apply_default_css=False,
        elem_id="maskcast-results",
        texts=texts.tables("shared.", "results."),
        controls=page_controls(),
        lang=texts.lang or "",
        project=key,
        formats=list(FORMATS),
    )
