"""The window of samples: faces of people who do not exist, and mixtures of them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ppgan_ext.apps.codes.generate import StyleGANv2Predictor
from ppgan_ext.apps.codes.options import GenerateOptions
from ppgan_ext.apps.options import Options
from ppgan_ext.apps.predictor import Progress, take_turns
from ppgan_ext.config import load_options
from ppgan_ext.seeding import MAX_SEED
from ppgan_ext.web.controls import make_controls, option_names, read_controls
from ppgan_ext.web.recipes import Recipe
from ppgan_ext.web.results_panel import Reader, Readers, ResultsPanel
from ppgan_ext.web.sessions import Session
from ppgan_ext.web.site import Outcome, Site, Updates, Work
from ppgan_ext.web.tabs.window import StartRow, result_image

_HEIGHT = 460


def build_generate(site: Site, readers: Readers) -> Callable[[ResultsPanel], None]:
    """Draw the window; return the function that connects it."""
    say = site.say
    with gr.Row(equal_height=False, elem_classes="pe-window"):
        with gr.Column(scale=5, min_width=300):
            gr.HTML(f'<div class="pe-hint">{say("generate_how")}</div>', padding=False)
            controls = make_controls(GenerateOptions, option_names(GenerateOptions, also=("seed",)), site.language)
            row = StartRow(site, "generate", say("start_generate"))
        with gr.Column(scale=6, min_width=300):
            sheet = result_image(say("samples"), "generate-result", _HEIGHT)

    def prepare(visit: Session, values: Sequence[Any]) -> Work:
        given = read_controls(controls, values)
        given.setdefault("seed", secrets.randbelow(MAX_SEED + 1))  # so that the result can be made again
        options = load_options(GenerateOptions, overrides=given)

        def work(progress: Progress) -> Outcome:
            folder = visit.new_folder()
            predictor = site.page.model.predictor(StyleGANv2Predictor, folder, progress, seed=options.seed)
            made = take_turns(lambda: predictor.generate(options))
            pictures = [file for file in made.files if file.suffix == ".png"]
            captions = [say("samples"), say("mixing_coarse"), say("mixing_middle")]
            recipe = Recipe("generate", options, {})
            items = site.keep(folder, list(zip(pictures, captions, strict=True)), None, recipe)
            return Outcome(items, {sheet: str(pictures[0])}, made.all_notes, made.interrupted)

        return work

    def show(options: Options) -> Updates:
        return {control.component: control.show(options) for control in controls}

    components = [control.component for control in controls]
    readers.by_command["generate"] = Reader("generate", say("tab_generate"), show, components)

    def wire(panel: ResultsPanel) -> None:
        row.wire(prepare, components, [sheet], panel)

    return wire
