"""The page: four tabs over one workspace."""

from __future__ import annotations

from html import escape
from typing import Final

import gradio as gr

from maskcast.ui.web import annotate, results, review, run
from maskcast.ui.web.assets import asset, page_scripts
from maskcast.ui.web.texts import Texts
from maskcast.ui.web.workspace import Workspace

_FONTS: Final = ("system-ui", "-apple-system", "Segoe UI", "Noto Sans KR", "sans-serif")
_MONO: Final = ("ui-monospace", "Consolas", "monospace")


def build_app(workspace: Workspace, lang: str | None = None) -> gr.Blocks:
    """The Gradio app of one project.

    Args:
        workspace: what is served.
        lang: ``en`` or ``ko`` for everybody; None = as each browser asks.

    Raises:
        SettingsError: if there are no texts in ``lang``.
    """
    texts = Texts(lang)
    title = f"maskcast · {workspace.project.root.name}"
    app: gr.Blocks = gr.Blocks(title=title, analytics_enabled=False, fill_width=True)
    with app:
        _build_heading(title, texts)
        _build_tabs(texts, workspace.key)
    return app


def _build_heading(title: str, texts: Texts) -> None:
    gr.HTML(
        html_template=f"<h1>{escape(title)}</h1>",
        js_on_load=page_scripts().loader("page/main.js"),
        apply_default_css=False,
        elem_id="maskcast-heading",
        texts=texts.tables("shared."),
    )


def _build_tabs(texts: Texts, key: str) -> None:
    with gr.Tabs(elem_id="maskcast-tabs"):
        with gr.Tab(texts["tab.annotate"], id="annotate", elem_id="maskcast-annotate-tab"):
            annotate.build(texts, key)
        with gr.Tab(texts["tab.run"], id="run", elem_id="maskcast-run-tab"):
            run.build(texts)
        with gr.Tab(texts["tab.results"], id="results", elem_id="maskcast-results-tab"):
            results.build(texts, key)
        with gr.Tab(texts["tab.review"], id="review", elem_id="maskcast-review-tab"):
            review.build(texts, key)


def theme() -> gr.themes.Base:
    """Calm and dense, with fonts of the machine: nothing is fetched from another host."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="slate",
        spacing_size="sm",
        radius_size="sm",
        text_size="sm",
        font=list(_FONTS),
        font_mono=list(_MONO),
    )


def page_css() -> str:
    """What applies to the whole page."""
    return asset("page.css")


def page_head() -> str:
    """What the page's head has beside Gradio's: all scripts, and how large everything is."""
    return f"{page_scripts().preloads()}\n<style>{asset('root.css')}</style>"
