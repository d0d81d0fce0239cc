"""The window of cartoons: a photo at the left; the drawn face above, the photo with all drawn faces below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from ppgan_ext.apps.options import Options
from ppgan_ext.apps.predictor import Progress
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.translation.cartoon import Photo2CartoonPredictor
from ppgan_ext.apps.translation.options import CartoonOptions
from ppgan_ext.config import load_options
from ppgan_ext.web.controls import make_controls, option_names, read_controls
from ppgan_ext.web.photo_input import PhotoInput
from ppgan_ext.web.recipes import Recipe
from ppgan_ext.web.results_panel import Reader, Readers, ResultsPanel
from ppgan_ext.web.sessions import Session
from ppgan_ext.web.site import Outcome, Site, Updates, Work
from ppgan_ext.web.tabs.many import Batch, ManyPhotos
from ppgan_ext.web.tabs.window import StartRow, result_image

PLACE = "cartoon"
_HEIGHT = 380


def build_cartoon(site: Site, readers: Readers) -> Callable[[ResultsPanel], None]:
    """Draw the window; return the function that connects it."""
    say = site.say
    with gr.Row(equal_height=False, elem_classes="pe-window"):
        with gr.Column(scale=5, min_width=300):
            photo = PhotoInput(site, PLACE, say("photo"), say("choose_photo"))
            row = StartRow(site, PLACE, say("start_cartoon"), [photo])
        with gr.Column(scale=6, min_width=300):
            face = result_image(say("cartoon_result"), "cartoon-result", _HEIGHT)
            whole = result_image(say("cartoon_pasted"), "cartoon-pasted", _HEIGHT)
    with gr.Accordion(say("options"), open=False, elem_classes="pe-options"):
        names = option_names(CartoonOptions, without=("faces", "paste"))
        controls = make_controls(CartoonOptions, names, site.language)
    many = ManyPhotos(site, PLACE)

    def open_predictor(folder: Path, progress: Progress) -> Photo2CartoonPredictor:
        return Photo2CartoonPredictor(folder, cpu=site.page.options.cpu, progress=progress)

    def read(values: Sequence[Any], faces: str | list[int]) -> CartoonOptions:
        return load_options(
            CartoonOptions, overrides={"faces": faces, "paste": True, **read_controls(controls, values)}
        )

    def prepare(visit: Session, values: Sequence[Any]) -> Work:
        upload = site.upload(visit, PLACE)
        chosen, *rest = values
        options = read(rest, photo.numbers(upload, chosen) or "all")

        def work(progress: Progress) -> Outcome:
            folder = visit.new_folder()
            predictor = open_predictor(folder, progress)
            job = predictor.open_inputs(upload.path).jobs[0]
            made = predictor.work_on(job, lambda one: predictor.draw(one, options))
            before, cartoon, *_, pasted = made.files
            recipe = Recipe("cartoon", options, {"input_image": upload.path.name})
            results = list(zip((cartoon, pasted), captions, strict=True))
            items = site.keep(folder, results, before, recipe)
            shown = {face: str(cartoon), whole: str(pasted)}
            # The only note is for those who may choose the network, which the page does not offer.
            return Outcome(items, shown, interrupted=made.interrupted)

        return work

    def prepare_many(values: Sequence[Any]) -> Batch:
        options = read(values, "all")
        return Batch("cartoon", open_predictor, lambda drawer, job: drawn(drawer.draw(job, options)), options, captions)

    def show(options: Options) -> Updates:
        return {control.component: control.show(options) for control in controls}

    captions = [say("cartoon_result"), say("cartoon_pasted")]
    components = [control.component for control in controls]
    readers.by_command["cartoon"] = Reader(PLACE, say("tab_cartoon"), show, components)

    def wire(panel: ResultsPanel) -> None:
        photo.wire(row.status)
        row.wire(prepare, [photo.chosen, *components], [face, whole], panel)
        many.wire(prepare_many, components, panel)

    return wire


def drawn(made: Made[Any]) -> Made[Any]:
    """Leave out the files that are no results: the cut-out photos, and the cartoons that the whole photo shows."""
    _, cartoon, *_, pasted = made.files
    return replace(made, files=(cartoon, pasted))
