"""The Review tab: its page, scripts and texts; its module talks to ``review_routes.py``."""

from __future__ import annotations

import gradio as gr

from maskcast.ui.controls import page_controls
from maskcast.ui.web.assets import asset, page_scripts
from maskcast.ui.web.texts import Texts


def build(texts: Texts, key: str) -> None:
    """Put the tab's component where the caller is; see ``results.build``."""
    canvas = asset("annotate/annotate.html").replace('id="mc-', 'id="mc-fix-')
    canvas = canvas.replace('by="mc-', 'by="mc-fix-')  # the Annotate tab has the others
    gr.HTML(
        html_template=asset("review/review.html").replace("<!--canvas-->", canvas),
        css_template=asset("annotate/annotate.css") + asset("review/review.css"),
        js_on_load=page_scripts().loader("review/main.js"),
        apply_default_css=False,
        elem_id="maskcast-review",
        texts=texts.tables("shared.", "review.", "annotate."),
        controls=page_controls(),
        project=key,
        lang=texts.lang or "",
    )
