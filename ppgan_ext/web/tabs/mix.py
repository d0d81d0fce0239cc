"""The window of style mixing: two photos, three shares, one result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ppgan_ext.apps.codes.mix import StyleGANv2MixingPredictor
from ppgan_ext.apps.codes.options import MixOptions
from ppgan_ext.apps.options import Options
from ppgan_ext.apps.predictor import Progress, take_turns
from ppgan_ext.config import load_options
from ppgan_ext.web.controls import make_controls, option_names, read_controls
from ppgan_ext.web.message_texts import tell_note
from ppgan_ext.web.photo_input import PhotoInput
from ppgan_ext.web.recipes import Recipe
from ppgan_ext.web.results_panel import Reader, Readers, ResultsPanel
from ppgan_ext.web.sessions import Session
from ppgan_ext.web.site import Outcome, Site, Updates, Work
from ppgan_ext.web.tabs.window import StartRow, result_image

# Level -> the share of the first photo at the beginning: the first one's shape, the second one's colours.
_SHARES = {"coarse": 1.0, "middle": 0.5, "fine": 0.0}
_HEIGHT, _INPUT_HEIGHT = 420, 240


def build_mix(site: Site, readers: Readers) -> Callable[[ResultsPanel], None]:
    """Draw the window; return the function that connects it."""
    say = site.say
    with gr.Row(equal_height=False, elem_classes="pe-window"):
        with gr.Column(scale=5, min_width=300):
            with gr.Row(equal_height=False):
                photos = []
                for number in (1, 2):
                    with gr.Column(min_width=140):
                        label, button = say(f"photo_{number}"), say(f"choose_photo_{number}")
                        photos.append(
                            PhotoInput(site, f"mix-{number}", label, button, one_face=True, height=_INPUT_HEIGHT)
                        )
            shares = {
                level: gr.Slider(0, 1, share, step=0.05, label=say(f"share_{level}"), elem_id=f"share-{level}")
                for level, share in _SHARES.items()
            }
            row = StartRow(site, "mix", say("start_mix"), photos)
        with gr.Column(scale=6, min_width=300):
            result = result_image(say("mix_result"), "mix-result", _HEIGHT)
    with gr.Accordion(say("options"), open=False, elem_classes="pe-options"):
        names = option_names(MixOptions, without=("weights", "levels"))
        controls = make_controls(MixOptions, names, site.language)

    def prepare(visit: Session, values: Sequence[Any]) -> Work:
        first, second = (site.upload(visit, f"mix-{number}") for number in (1, 2))
        chosen, rest = values[: len(photos)], values[len(photos) :]
        given: dict[str, Any] = {"levels": {level: float(value) for level, value in zip(shares, rest, strict=False)}}
        given |= read_controls(controls, rest[len(shares) :])
        for number, (upload, photo, choice) in enumerate(zip((first, second), photos, chosen, strict=True), start=1):
            given[f"face{number}"] = photo.numbers(upload, choice)[0]
        options = load_options(MixOptions, overrides=given)

        def work(progress: Progress) -> Outcome:
            folder = visit.new_folder()
            predictor = site.page.model.predictor(StyleGANv2MixingPredictor, folder, progress)
            made = take_turns(lambda: predictor.mix(str(first.path), str(second.path), options))
            before, _, file, *_ = made.files
            recipe = Recipe("mix", options, {"latent1": first.path.name, "latent2": second.path.name})
            items = site.keep(folder, [(file, say("mix_of"))], before, recipe)
            notes = [tell_note(note, site.language) for note in made.all_notes]
            return Outcome(items, {result: str(file)}, notes, made.interrupted)

        return work

    def show(options: Options) -> Updates:
        assert isinstance(options, MixOptions)
        levels = options.levels or {}
        shown: Updates = {slider: levels.get(level, _SHARES[level]) for level, slider in shares.items()}
        return {**shown, **{control.component: control.show(options) for control in controls}}

    components = [*shares.values(), *(control.component for control in controls)]
    readers.by_command["mix"] = Reader("mix", say("tab_mix"), show, components)

    def wire(panel: ResultsPanel) -> None:
        for photo in photos:
            photo.wire(row.status)
        row.wire(prepare, [*(photo.chosen for photo in photos), *components], [result], panel)

    return wire
