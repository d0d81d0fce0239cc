"""The window of ages: a photo at the left; younger above, older below, always both."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ppgan_ext.apps.options import Options
from ppgan_ext.apps.photo.age import AgeEditingPredictor
from ppgan_ext.apps.photo.options import AgeOptions
from ppgan_ext.apps.predictor import Progress
from ppgan_ext.config import load_options
from ppgan_ext.web.controls import make_controls, option_names, read_controls
from ppgan_ext.web.message_texts import tell_note
from ppgan_ext.web.option_texts import direction_names
from ppgan_ext.web.photo_input import PhotoInput
from ppgan_ext.web.recipes import Recipe
from ppgan_ext.web.results_panel import Reader, Readers, ResultsPanel
from ppgan_ext.web.sessions import Session
from ppgan_ext.web.site import Outcome, SayError, Site, Updates, Work
from ppgan_ext.web.tabs.many import Batch, ManyPhotos
from ppgan_ext.web.tabs.window import StartRow, result_image
from ppgan_ext.web.uploads import Upload

YOUNGER, OLDER = 20, 30
_MOST_YEARS = 60
_HEIGHT = 300


def build_age(site: Site, readers: Readers) -> Callable[[ResultsPanel], None]:
    """Draw the window; return the function that connects it."""
    say = site.say
    with gr.Row(equal_height=False, elem_classes="pe-window"):
        with gr.Column(scale=5, min_width=300):
            photo = PhotoInput(site, "age", say("photo"), say("choose_photo"))
            row = StartRow(site, "age", say("start_age"), [photo])
        with gr.Column(scale=6, min_width=300, elem_classes="pe-beside"):
            above = result_image(say("younger_result"), "age-younger", _HEIGHT)
            below = result_image(say("older_result"), "age-older", _HEIGHT)
    with gr.Accordion(say("options"), open=False, elem_classes="pe-options"):
        with gr.Row():
            younger = gr.Slider(1, _MOST_YEARS, value=YOUNGER, step=1, label=say("years_younger"), min_width=200)
            older = gr.Slider(1, _MOST_YEARS, value=OLDER, step=1, label=say("years_older"), min_width=200)
        names = option_names(AgeOptions, without=("years", "target_age", "edit"))
        controls = make_controls(AgeOptions, names, site.language)
    many = ManyPhotos(site, "age")

    def read(values: Sequence[Any], **given: Any) -> AgeOptions:
        less, more, *rest = values
        given |= {"years": [-abs(float(less)), abs(float(more))], **read_controls(controls, rest)}
        return load_options(AgeOptions, overrides=given)

    def prepare(visit: Session, values: Sequence[Any]) -> Work:
        upload = site.upload(visit, "age")
        chosen, *rest = values
        faces = photo.numbers(upload, chosen)
        options = read(rest, faces=faces) if len(faces) < len(upload.boxes) else read(rest)
        return _Ageing(site, visit, upload, options, (above, below)).run

    def prepare_many(values: Sequence[Any]) -> Batch:
        options = read(values)
        captions = [_caption(site, years) for years in options.years or ()]
        opener = functools.partial(site.page.model.predictor, AgeEditingPredictor)
        return Batch("age", opener, lambda ager, job: ager.edit_ages(job, options), options, captions)

    def show(options: Options) -> Updates:
        assert isinstance(options, AgeOptions)
        if options.edit:
            raise SayError("no_slider", names=direction_names(options.edit, site.language))
        years = options.years or []
        less = [-value for value in years if value < 0]
        more = [value for value in years if value > 0]
        return {
            younger: less[0] if less else YOUNGER,
            older: more[0] if more else OLDER,
            **{control.component: control.show(options) for control in controls},
        }

    components = [younger, older, *(control.component for control in controls)]
    readers.by_command["age"] = Reader("age", say("tab_age"), show, components)

    def wire(panel: ResultsPanel) -> None:
        photo.wire(row.status)
        row.wire(prepare, [photo.chosen, *components], [above, below], panel)
        many.wire(prepare_many, components, panel)

    return wire


class _Ageing:
    """The work of one click."""

    def __init__(
        self, site: Site, visit: Session, upload: Upload, options: AgeOptions, places: tuple[Any, Any]
    ) -> None:
        self._site, self._visit, self._upload, self._options, self._places = site, visit, upload, options, places

    def run(self, progress: Progress) -> Outcome:
        """Make both ages."""
        options, site = self._options, self._site
        folder = self._visit.new_folder()
        predictor = site.page.model.predictor(AgeEditingPredictor, folder, progress)
        job = predictor.open_inputs(self._upload.path).jobs[0]
        made = None
        with contextlib.suppress(KeyboardInterrupt):  # what has been written is whole
            made = predictor.work_on(job, lambda one: predictor.edit_ages(one, options))
        files = [(folder / f"{job.stem}.age{years:+g}.{options.photo_format}", years) for years in options.years or ()]
        results = [(file, _caption(site, years)) for file, years in files if file.is_file()]
        if not results:
            raise KeyboardInterrupt
        notes = made.all_notes if made else []
        recipe = Recipe("age", options, {"input_image": self._upload.path.name})
        return Outcome(
            site.keep(folder, results, self._upload.shown, recipe),
            {
                place: str(file) if file.is_file() else None
                for place, (file, _) in zip(self._places, files, strict=True)
            },
            [tell_note(note, site.language) for note in (options.tuning_note, *notes) if note],
            made is None or made.interrupted,
        )


def _caption(site: Site, years: float) -> str:
    return site.say("younger" if years < 0 else "older", years=f"{abs(years):g}")
