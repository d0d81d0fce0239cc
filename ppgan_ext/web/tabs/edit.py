"""The window of edits: sliders for all directions. The photo is encoded once; then a slider runs the generator only."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import gradio as gr

from ppgan_ext.apps.options import Options
from ppgan_ext.apps.photo.direction_table import DirectionInfo, describe_model_directions
from ppgan_ext.apps.photo.edit import StyleGANv2EditingPredictor
from ppgan_ext.apps.photo.options import EditOptions
from ppgan_ext.config import load_options
from ppgan_ext.web.controls import Control, make_controls, option_names, read_controls
from ppgan_ext.web.option_texts import UNITS, direction_name, direction_names
from ppgan_ext.web.photo_input import PhotoInput
from ppgan_ext.web.results_panel import Reader, Readers, ResultsPanel
from ppgan_ext.web.sessions import Session
from ppgan_ext.web.site import Outcome, SayError, Site, Updates, Work
from ppgan_ext.web.tabs.editor import PLACE, Editor, describe_edit
from ppgan_ext.web.tabs.many import Batch, ManyPhotos
from ppgan_ext.web.tabs.window import StartRow, result_image
from ppgan_ext.web.uploads import Upload

# What most people look for; the other directions are shapes of single features.
_FIRST = ("smile", "yaw", "pitch", "mouth_open", "eyes_open", "gender", "roll")
# The generator's direction alone hardly ages anybody: the tab of ages draws wrinkles and grey hair too.
_ELSEWHERE = ("age",)
_HEIGHT, _FACE_HEIGHT = 400, 170


def build_edit(site: Site, readers: Readers) -> Callable[[ResultsPanel], None]:
    """Draw the window; return the function that connects it."""
    say = site.say
    described = describe_model_directions(site.page.options.model_type)
    infos = [info for info in described if info.name not in _ELSEWHERE]
    with gr.Row(equal_height=False, elem_classes=["pe-window", "pe-edit"]):
        with gr.Column(scale=5, min_width=300):
            photo = PhotoInput(site, PLACE, say("photo"), say("choose_photo"), height=260)
            how = f"{say('edit_how')}<br>{say('age_elsewhere')}" if infos else say("no_directions")
            gr.HTML(f'<div class="pe-hint">{how}</div>', padding=False)
            sliders = _make_sliders(site, infos)
            with gr.Row(elem_classes="pe-reset"):
                reset = gr.Button(say("reset_sliders"), elem_id="reset-sliders")
        with gr.Column(scale=6, min_width=300, elem_classes="pe-beside"):
            compare = gr.ImageSlider(
                label=say("edit_result"), type="filepath", interactive=False, buttons=["fullscreen"], height=_HEIGHT,
                max_height=_HEIGHT, elem_classes="pe-result", elem_id="edit-result",
            )  # fmt: skip
            face = result_image(say("edit_face"), "edit-face", _FACE_HEIGHT)
            row = StartRow(site, PLACE, say("keep"), [photo])
    with gr.Accordion(say("options"), open=False, elem_classes="pe-options"):
        names = option_names(EditOptions, without=("direction_name", "direction_offset", "edit"))
        controls = make_controls(EditOptions, names, site.language)
    many = ManyPhotos(site, PLACE)

    window = _Window(site, photo, sliders, controls, row, many, Editor(site, compare, face))
    readers.by_command["edit"] = Reader(PLACE, say("tab_edit"), window.show, window.components)
    return lambda panel: window.wire(panel, [compare, face, row.status], reset)


class _Window:
    """The components of the window, and what their events do."""

    def __init__(
        self,
        site: Site,
        photo: PhotoInput,
        sliders: dict[str, gr.Slider],
        controls: Sequence[Control],
        row: StartRow,
        many: ManyPhotos,
        editor: Editor,
    ) -> None:
        self._site, self._photo, self._sliders, self._controls = site, photo, sliders, controls
        self._row, self._many, self._editor = row, many, editor
        self.components = [*sliders.values(), *(control.component for control in controls)]

    def wire(self, panel: ResultsPanel, shown: Sequence[Any], reset: gr.Button) -> None:
        """Connect the events."""
        inputs = [self._photo.chosen, *self.components]
        settings: dict[str, Any] = {
            "show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None,
            "trigger_mode": "multiple",
        }  # fmt: skip
        for chosen in self._photo.wire(self._row.status):
            chosen.then(self._move, inputs, shown, **settings)
        sliders = list(self._sliders.values())
        gr.on(
            [self._photo.chosen.input, *(slider.release for slider in sliders)], self._move, inputs, shown, **settings
        )
        if sliders:
            reset.click(
                lambda: {slider: 0 for slider in sliders}, None, sliders, queue=False, show_progress="hidden",
                api_visibility="private",
            ).then(self._move, inputs, shown, **settings)  # fmt: skip
        self._row.wire(self._prepare_keeping, inputs, shown[:2], panel)
        self._many.wire(self._prepare_many, self.components, panel)

    def show(self, options: Options) -> Updates:
        """Show options that were read from a file."""
        assert isinstance(options, EditOptions)
        edits = dict(options.edit)
        if options.direction_name is not None:
            edits[options.direction_name] = options.direction_offset
        without_slider = [name for name, amount in edits.items() if amount and name not in self._sliders]
        if without_slider:
            raise SayError("no_slider", names=direction_names(without_slider, self._site.language))
        shown: Updates = {slider: edits.get(name, 0.0) for name, slider in self._sliders.items()}
        return {**shown, **{control.component: control.show(options) for control in self._controls}}

    def _read(self, values: Sequence[Any], upload: Upload) -> EditOptions:
        """Turn the values of all components into checked options."""
        chosen, *rest = values
        faces = self._photo.numbers(upload, chosen)
        return self._options(rest, faces=faces) if len(faces) < len(upload.boxes) else self._options(rest)

    def _options(self, values: Sequence[Any], **given: Any) -> EditOptions:
        """Turn the values of the sliders and of the options into checked options."""
        count = len(self._sliders)
        given |= read_controls(self._controls, values[count:])
        given["edit"] = {
            name: float(amount) for name, amount in zip(self._sliders, values[:count], strict=True) if amount
        }
        return load_options(EditOptions, overrides=given)

    async def _move(self, request: gr.Request, *values: Any) -> AsyncIterator[Updates]:
        """Draw the faces, which is quick, then the whole photo; a move that another one follows is dropped."""
        visit = self._site.visit(request)
        if PLACE not in visit.uploads or self._editor.is_drawn(visit, values):
            return
        move = self._editor.begin_move(visit, values)
        for step in (self._editor.prepare_face, self._editor.prepare_photo):
            prepare = functools.partial(step, visit, functools.partial(self._read, values), move)
            is_drawn = False
            try:
                async with contextlib.aclosing(self._site.run(visit, prepare)) as states:
                    async for state in states:
                        if not move.is_last:
                            return
                        if isinstance(state, Outcome):
                            is_drawn = True
                            yield state.updates
                        else:
                            yield {self._row.status: state}
            finally:
                move.is_at_work = False
                if not is_drawn:
                    move.values = None
            if not is_drawn:
                return

    def _prepare_keeping(self, visit: Session, values: Sequence[Any]) -> Work:
        upload = self._site.upload(visit, PLACE)
        if not self._read(values, upload).edit:
            raise SayError("nothing_to_edit")
        self._editor.begin_move(visit)  # the move at hand need not be shown: keeping shows it
        return self._editor.prepare_keeping(visit, functools.partial(self._read, values))

    def _prepare_many(self, values: Sequence[Any]) -> Batch:
        options = self._options(values)
        if not options.edit:
            raise SayError("nothing_to_edit")
        captions = [describe_edit(options, self._site.language)]
        opener = functools.partial(self._site.page.model.predictor, StyleGANv2EditingPredictor)
        return Batch("edit", opener, lambda editor, job: editor.edit_photo(job, options), options, captions)


def _make_sliders(site: Site, infos: Sequence[DirectionInfo]) -> dict[str, gr.Slider]:
    """Make a slider for each direction: the best known first, the shapes of single features folded away."""
    order = {name: number for number, name in enumerate(_FIRST)}
    first = sorted((info for info in infos if info.name in order), key=lambda info: order[info.name])
    rest = [info for info in infos if info.name not in order]
    sliders = {}
    with gr.Row(elem_classes="pe-sliders"):
        for info in first:
            sliders[info.name] = _make_slider(site, info)
    if rest:
        with (
            gr.Accordion(site.say("more_directions"), open=not first, elem_classes="pe-shapes"),
            gr.Row(elem_classes="pe-sliders"),
        ):
            for info in rest:
                sliders[info.name] = _make_slider(site, info)
    return sliders


def _make_slider(site: Site, info: DirectionInfo) -> gr.Slider:
    say = site.say
    unit = UNITS[info.unit].of(site.language) if info.unit in UNITS else f" {info.unit}"
    names = direction_names((effect.name for effect in info.side_effects), site.language)
    parts = [say("reach", reach=f"{info.reach:g}", unit=unit)] if unit else []  # a number without unit says nothing
    parts += [say("side_effects", effects=names)] if names else []
    text = ("。" if site.language == "zh" else ". ").join(parts)
    return gr.Slider(
        -info.reach, info.reach, 0, step=info.step, label=direction_name(info.name, site.language), info=text,
        elem_id=f"slider-{info.name}", min_width=200,
    )  # fmt: skip
