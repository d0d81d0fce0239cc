"""The window of inversion: from a photo to its latent code, by the encoder or step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ppgan_ext.apps.codes.encode import Pixel2Style2PixelPredictor
from ppgan_ext.apps.codes.fit import StyleGANv2FittingPredictor
from ppgan_ext.apps.codes.options import EncodeOptions, FitOptions
from ppgan_ext.apps.options import Options
from ppgan_ext.apps.predictor import Progress
from ppgan_ext.apps.results import Made
from ppgan_ext.config import load_options
from ppgan_ext.web.controls import make_controls, option_names, read_controls
from ppgan_ext.web.photo_input import PhotoInput
from ppgan_ext.web.recipes import Recipe
from ppgan_ext.web.results_panel import Reader, Readers, ResultsPanel
from ppgan_ext.web.sessions import Session
from ppgan_ext.web.site import Outcome, Site, Updates, Work
from ppgan_ext.web.tabs.window import StartRow, result_image

PLACE = "invert"
ENCODER, FIT = "encode", "fit"
_HEIGHT = 300


def build_invert(site: Site, readers: Readers) -> Callable[[ResultsPanel], None]:
    """Draw the window; return the function that connects it."""
    say = site.say
    with gr.Row(equal_height=False, elem_classes="pe-window"):
        with gr.Column(scale=5, min_width=300):
            photo = PhotoInput(site, PLACE, say("photo"), say("choose_photo"), one_face=True)
            way = gr.Radio(
                [(say("by_encoder"), ENCODER), (say("by_fit"), FIT)], value=ENCODER, label=say("invert_way"),
                elem_id="invert-way",
            )  # fmt: skip
            row = StartRow(site, PLACE, say("start_invert"), [photo])
        with gr.Column(scale=6, min_width=300):
            aligned = result_image(say("invert_face"), "invert-face", _HEIGHT)
            drawn = result_image(say("invert_result"), "invert-result", _HEIGHT)
            code = gr.DownloadButton(say("download_code"), visible=False, elem_id="download-code")
    with gr.Accordion(say("options"), open=False, elem_classes="pe-options", visible=False) as accordion:
        controls = make_controls(FitOptions, option_names(FitOptions), site.language)

    def prepare(visit: Session, values: Sequence[Any]) -> Work:
        upload = site.upload(visit, PLACE)
        chosen, how, *rest = values
        given: dict[str, Any] = {"face": photo.numbers(upload, chosen)[0]}
        if how == FIT:
            given |= {"need_align": True, **read_controls(controls, rest)}
        model: type[EncodeOptions] | type[FitOptions] = FitOptions if how == FIT else EncodeOptions
        options = load_options(model, overrides=given)

        def work(progress: Progress) -> Outcome:
            folder = visit.new_folder()
            made: Made[Any]
            if isinstance(options, FitOptions):
                fitter = site.page.model.predictor(StyleGANv2FittingPredictor, folder, progress)
                made = fitter.work_on(fitter.open_inputs(upload.path).jobs[0], lambda job: fitter.fit(job, options))
            else:
                encoder = site.page.model.predictor(Pixel2Style2PixelPredictor, folder, progress)
                assert isinstance(options, EncodeOptions)
                wanted = options
                job = encoder.open_inputs(upload.path).jobs[0]
                made = encoder.work_on(job, lambda one: encoder.encode(one, wanted))
            before, after, latent = made.files[:3]
            recipe = Recipe(str(how), options, {"input_image": upload.path.name})
            items = site.keep(folder, [(after, say("inverted"))], before, recipe)
            shown = {aligned: str(before), drawn: str(after), code: gr.update(value=str(latent), visible=True)}
            return Outcome(items, shown, made.all_notes, made.interrupted)

        return work

    def show_fit(options: Options) -> Updates:
        return {
            way: FIT, accordion: gr.update(visible=True),
            **{control.component: control.show(options) for control in controls},
        }  # fmt: skip

    def show_encoder(options: Options) -> Updates:
        return {way: ENCODER, accordion: gr.update(visible=False)}

    components = [control.component for control in controls]
    readers.by_command["fit"] = Reader(PLACE, say("tab_invert"), show_fit, [way, accordion, *components])
    readers.by_command["encode"] = Reader(PLACE, say("tab_invert"), show_encoder, [way, accordion])

    def wire(panel: ResultsPanel) -> None:
        photo.wire(row.status)
        way.input(
            lambda how: gr.update(visible=how == FIT), way, accordion, queue=False, show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip
        row.wire(prepare, [photo.chosen, way, *components], [aligned, drawn, code], panel)

    return wire
