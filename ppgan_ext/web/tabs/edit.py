"""The window of edits: sliders for all directions. The photo is encoded once; then a slider runs the generator only."""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from ppgan_ext import pictures
from ppgan_ext.apps.batch import Job
from ppgan_ext.apps.codes.encoded_face import EncodedFace
from ppgan_ext.apps.options import Options
from ppgan_ext.apps.photo.direction_table import DirectionInfo, describe_model_directions
from ppgan_ext.apps.photo.edit import StyleGANv2EditingPredictor
from ppgan_ext.apps.photo.options import EditOptions
from ppgan_ext.apps.predictor import Progress, take_turns
from ppgan_ext.config import load_options
from ppgan_ext.images import grid
from ppgan_ext.web import markup
from ppgan_ext.web.controls import Control, make_controls, option_names, read_controls
from ppgan_ext.web.message_texts import tell_note
from ppgan_ext.web.option_texts import UNITS, direction_name
from ppgan_ext.web.photo_input import PhotoInput
from ppgan_ext.web.recipes import Recipe
from ppgan_ext.web.results_panel import Reader, Readers, ResultsPanel
from ppgan_ext.web.sessions import Session
from ppgan_ext.web.site import Outcome, SayError, Site, Updates, Work
from ppgan_ext.web.tabs.window import StartRow, result_image
from ppgan_ext.web.uploads import Upload

PLACE = "edit"
# What most people look for; the other directions are shapes of single features.
_FIRST = ("age", "smile", "yaw", "pitch", "mouth_open", "eyes_open", "gender", "roll")
_HEIGHT, _FACE_HEIGHT = 400, 170
# Options of the encoding: with other values of these, the photo is encoded anew.
_OF_ENCODING = ("faces", "fit_steps", "tune")


@dataclass(frozen=True, eq=False)
class Encoded:
    """The faces of a photo, encoded.

    Attributes:
        upload: the photo.
        settings: the options that the encoding depends on.
        faces: the faces.
    """

    upload: Upload
    settings: tuple[str, ...]
    faces: list[EncodedFace]


@dataclass(frozen=True, eq=False)
class LastEdit:
    """The result that the sliders made last; it is kept on request."""

    upload: Upload
    options: EditOptions
    folder: Path
    file: Path
    notes: list[str]


def build_edit(site: Site, readers: Readers) -> Callable[[ResultsPanel], None]:
    """Draw the window; return the function that connects it."""
    say = site.say
    infos = describe_model_directions(site.page.options.model_type)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=300):
            photo = PhotoInput(site, PLACE, say("photo"), say("choose_photo"), height=260)
            gr.HTML(f'<div class="pe-hint">{say("edit_how" if infos else "no_directions")}</div>', padding=False)
            sliders = _make_sliders(site, infos)
            with gr.Row():
                reset = gr.Button(say("reset_sliders"), elem_id="reset-sliders")
        with gr.Column(scale=6, min_width=300):
            compare = gr.ImageSlider(
                label=say("edit_result"), type="filepath", interactive=False, buttons=["fullscreen"], height=_HEIGHT,
                max_height=_HEIGHT, elem_classes="pe-result", elem_id="edit-result",
            )  # fmt: skip
            face = result_image(say("edit_face"), "edit-face", _FACE_HEIGHT)
            row = StartRow(site, PLACE, say("keep"))
            with gr.Accordion(say("options"), open=False, elem_classes="pe-options"):
                names = option_names(EditOptions, without=("direction_name", "direction_offset", "edit"))
                controls = make_controls(EditOptions, names, site.language)

    window = _Window(site, photo, sliders, controls, row, Editor(site, compare, face))
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
        editor: Editor,
    ) -> None:
        self._site, self._photo, self._sliders, self._controls = site, photo, sliders, controls
        self._row, self._editor = row, editor
        self.components = [*sliders.values(), *(control.component for control in controls)]

    def wire(self, panel: ResultsPanel, shown: Sequence[Any], reset: gr.Button) -> None:
        """Connect the events."""
        inputs = [self._photo.chosen, *self.components]
        settings: dict[str, Any] = {
            "show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None,
            "trigger_mode": "always_last",
        }  # fmt: skip
        for chosen in self._photo.wire():
            chosen.then(self._move, inputs, shown, **settings)
        sliders = list(self._sliders.values())
        if sliders:
            gr.on([slider.release for slider in sliders], self._move, inputs, shown, **settings)
            reset.click(
                lambda: {slider: 0 for slider in sliders}, None, sliders, queue=False, show_progress="hidden",
                api_visibility="private",
            ).then(self._move, inputs, shown, **settings)  # fmt: skip
        self._row.wire(self._prepare_keeping, inputs, shown[:2], panel)

    def show(self, options: Options) -> Updates:
        """Show options that were read from a file."""
        assert isinstance(options, EditOptions)
        edits = dict(options.edit)
        if options.direction_name is not None:
            edits[options.direction_name] = options.direction_offset
        shown: Updates = {slider: edits.get(name, 0.0) for name, slider in self._sliders.items()}
        return {**shown, **{control.component: control.show(options) for control in self._controls}}

    def _read(self, values: Sequence[Any], upload: Upload) -> EditOptions:
        """Turn the values of all components into checked options."""
        chosen, *rest = values
        count = len(self._sliders)
        given = read_controls(self._controls, rest[count:])
        given["edit"] = {
            name: float(amount) for name, amount in zip(self._sliders, rest[:count], strict=True) if amount
        }
        faces = self._photo.numbers(upload, chosen)
        if len(faces) < len(upload.boxes):
            given["faces"] = faces
        return load_options(EditOptions, overrides=given)

    async def _move(self, request: gr.Request, *values: Any) -> AsyncIterator[Updates]:
        """Draw the faces, which is quick, then the whole photo."""
        visit = self._site.visit(request)
        if PLACE not in visit.uploads:
            return
        for step in (self._editor.prepare_face, self._editor.prepare_photo):
            prepare = functools.partial(step, visit, functools.partial(self._read, values))
            failed = False
            async with contextlib.aclosing(self._site.run(visit, prepare)) as states:
                async for state in states:
                    if isinstance(state, Outcome):
                        yield state.updates
                    else:
                        failed = markup.is_error(state)
                        yield {self._row.status: state}
            if failed:
                return

    def _prepare_keeping(self, visit: Session, values: Sequence[Any]) -> Work:
        upload = self._site.upload(visit, PLACE)
        if not self._read(values, upload).edit:
            raise SayError("nothing_to_edit")
        return self._editor.prepare_keeping(visit, functools.partial(self._read, values))


class Editor:
    """Encodes the photo of a visit once, and edits it again and again.

    Args:
        site: the page.
        compare: shows before and after.
        face: shows the edited faces as the generator draws them.
    """

    def __init__(self, site: Site, compare: Any, face: Any) -> None:
        self._site, self._compare, self._face = site, compare, face

    def prepare_face(self, visit: Session, read: Callable[[Upload], EditOptions]) -> Work:
        """Check the sliders, and return the work that draws the faces alone."""
        upload = self._site.upload(visit, PLACE)
        options = read(upload)

        def work(progress: Progress) -> Outcome:
            predictor, encoded = self._open(visit, upload, options, visit.folder, progress)
            faces = take_turns(lambda: predictor.draw_faces(encoded.faces, options))
            path = visit.new_folder() / "face.png"
            pictures.write_image(path, grid(faces, len(faces)))
            self._forget(visit, "edit-preview", path.parent)
            return Outcome(updates={self._face: str(path)})

        return work

    def prepare_photo(self, visit: Session, read: Callable[[Upload], EditOptions]) -> Work:
        """Check the sliders, and return the work that edits the whole photo."""
        upload = self._site.upload(visit, PLACE)
        options = read(upload)

        def work(progress: Progress) -> Outcome:
            if not options.edit:
                visit.kept.pop("edit-last", None)
                return Outcome(updates={self._compare: (str(upload.shown), str(upload.shown))})
            last = self._edit(visit, upload, options, progress)
            notes = [tell_note(note, self._site.language) for note in last.notes]
            return Outcome(updates={self._compare: (str(upload.shown), str(last.file))}, notes=notes)

        return work

    def prepare_keeping(self, visit: Session, read: Callable[[Upload], EditOptions]) -> Work:
        """Check the sliders, and return the work that puts the edited photo among the visitor's results."""
        upload = self._site.upload(visit, PLACE)
        options = read(upload)

        def work(progress: Progress) -> Outcome:
            last = visit.kept.get("edit-last")
            if not isinstance(last, LastEdit) or last.upload is not upload or last.options != options:
                last = self._edit(visit, upload, options, progress)
            visit.kept.pop("edit-last", None)
            visit.kept.pop("edit-folder", None)
            recipe = Recipe("edit", options, {"input_image": upload.path.name})
            items = self._site.keep(last.folder, [(last.file, self._caption(options))], upload.shown, recipe)
            return Outcome(items, {self._compare: (str(upload.shown), str(last.file))})

        return work

    def _edit(self, visit: Session, upload: Upload, options: EditOptions, progress: Progress) -> LastEdit:
        folder = visit.new_folder()
        predictor, encoded = self._open(visit, upload, options, folder, progress)
        job: Job = predictor.open_inputs(upload.path).jobs[0]
        made = take_turns(lambda: predictor.edit_encoded(job, options, encoded.faces))
        last = LastEdit(upload, options, folder, made.files[0], list(made.notes))
        self._forget(visit, "edit-folder", folder)
        visit.kept["edit-last"] = last
        return last

    def _open(
        self, visit: Session, upload: Upload, options: EditOptions, folder: Path, progress: Progress
    ) -> tuple[StyleGANv2EditingPredictor, Encoded]:
        """Return a predictor, and the photo's faces, encoded now if they are not yet."""
        predictor = self._site.page.model.predictor(StyleGANv2EditingPredictor, folder, progress)
        settings = tuple(repr(getattr(options, name)) for name in _OF_ENCODING)
        encoded = visit.kept.get(PLACE)
        if not isinstance(encoded, Encoded) or encoded.upload is not upload or encoded.settings != settings:
            job: Job = predictor.open_inputs(upload.path).jobs[0]
            encoded = Encoded(upload, settings, take_turns(lambda: predictor.encode_photo(job, options)))
            visit.kept[PLACE] = encoded
        return predictor, encoded

    def _forget(self, visit: Session, key: str, folder: Path) -> None:
        """Delete the files that the sliders made before, and remember those that they make now."""
        before = visit.kept.get(key)
        if before is not None:
            shutil.rmtree(before, ignore_errors=True)
        visit.kept[key] = folder

    def _caption(self, options: EditOptions) -> str:
        edits = options.edit.items()
        return ", ".join(f"{direction_name(name, self._site.language)} {amount:+g}" for name, amount in edits)


def _make_sliders(site: Site, infos: Sequence[DirectionInfo]) -> dict[str, gr.Slider]:
    """Make a slider for each direction: the best known first, the shapes of single features folded away."""
    order = {name: number for number, name in enumerate(_FIRST)}
    first = sorted((info for info in infos if info.name in order), key=lambda info: order[info.name])
    rest = [info for info in infos if info.name not in order]
    sliders = {}
    with gr.Column(elem_classes="pe-sliders"):
        for info in first:
            sliders[info.name] = _make_slider(site, info)
    if rest:
        with gr.Accordion(site.say("more_directions"), open=not first), gr.Column(elem_classes="pe-sliders"):
            for info in rest:
                sliders[info.name] = _make_slider(site, info)
    return sliders


def _make_slider(site: Site, info: DirectionInfo) -> gr.Slider:
    unit = UNITS[info.unit].of(site.language) if info.unit in UNITS else f" {info.unit}"
    effects = "、" if site.language == "zh" else ", "
    names = effects.join(direction_name(effect.name, site.language) for effect in info.side_effects)
    text = site.say("side_effects" if names else "no_side_effects", reach=f"{info.reach:g}", unit=unit, effects=names)
    return gr.Slider(
        -info.reach, info.reach, 0, step=info.step, label=direction_name(info.name, site.language), info=text,
        elem_id=f"slider-{info.name}",
    )  # fmt: skip
