"""From the tabs to Gradio's blocks: the page in Chinese at the root, in English at /en."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from ppgan_ext.web import markup
from ppgan_ext.web.languages import Language
from ppgan_ext.web.results_panel import Readers, ResultsPanel
from ppgan_ext.web.site import Page, Site
from ppgan_ext.web.tabs.about import build_about
from ppgan_ext.web.tabs.age import build_age
from ppgan_ext.web.tabs.cartoon import build_cartoon
from ppgan_ext.web.tabs.edit import build_edit
from ppgan_ext.web.tabs.fusion import build_fusion
from ppgan_ext.web.tabs.generate import build_generate
from ppgan_ext.web.tabs.invert import build_invert
from ppgan_ext.web.tabs.mix import build_mix

ENGLISH = "en"
_TABS: tuple[tuple[str, Callable[[Site, Readers], Callable[[ResultsPanel], None]]], ...] = (
    ("age", build_age),
    ("fusion", build_fusion),
    ("edit", build_edit),
    ("mix", build_mix),
    ("cartoon", build_cartoon),
    ("invert", build_invert),
    ("generate", build_generate),
    ("about", build_about),
)


def build_page(page: Page) -> gr.Blocks:
    """Build both languages, which share one queue."""
    with gr.Blocks(analytics_enabled=False, title=page.title("zh"), delete_cache=(300, 3300)) as blocks:
        _build(page, "zh")
    with blocks:

        def leave(request: gr.Request) -> None:
            page.sessions.end(request.session_hash)

        blocks.unload(leave)
    with blocks.route("English", f"/{ENGLISH}", show_in_navbar=False):
        _build(page, "en")
    return blocks


def _build(page: Page, language: Language) -> None:
    site = Site(page, language)
    gr.Navbar(visible=False)
    gr.HTML(markup.head(page.title(language), site.say, _other_page(page, language)), padding=False)
    wires = []
    with gr.Tabs(selected=_TABS[0][0]) as tabs:
        readers = Readers(tabs)
        for name, build in _TABS:
            with gr.Tab(site.say(f"tab_{name}"), id=name):
                wires.append(build(site, readers))
    panel = ResultsPanel(site)
    for wire in wires:
        wire(panel)
    panel.wire(readers)
    gr.HTML(f'<div class="pe-foot">{site.say("mark")}</div>', padding=False)


def _other_page(page: Page, language: Language) -> str:
    """Return the address of the page in the other language; without a known prefix, a relative one."""
    root = (page.options.root_path or "").rstrip("/")
    if root:
        return f"{root}/" if language == "en" else f"{root}/{ENGLISH}"
    return "./" if language == "en" else ENGLISH
