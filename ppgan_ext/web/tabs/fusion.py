"""The window of fusion: two photos, one result."""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.fusion.photo_pairs import open_pairs
from ppgan_ext.apps.fusion.predictor import FaceFusionPredictor, FusionResult
from ppgan_ext.apps.options import Options
from ppgan_ext.apps.predictor import Progress
from ppgan_ext.config import load_options
from ppgan_ext.web.controls import make_controls, option_names, read_controls
from ppgan_ext.web.message_texts import FACE, tell_note
from ppgan_ext.web.photo_input import PhotoInput
from ppgan_ext.web.recipes import Recipe
from ppgan_ext.web.results_panel import Reader, Readers, ResultsPanel
from ppgan_ext.web.sessions import Session
from ppgan_ext.web.site import Outcome, SayError, Site, Updates, Work
from ppgan_ext.web.tabs.window import StartRow, result_image
from ppgan_ext.web.uploads import Upload

_HEIGHT, _INPUT_HEIGHT = 500, 240


def build_fusion(site: Site, readers: Readers) -> Callable[[ResultsPanel], None]:
    """Draw the window; return the function that connects it."""
    say = site.say
    with gr.Row(equal_height=False, elem_classes="pe-window"):
        with gr.Column(scale=6, min_width=300):
            result = result_image(say("fusion_result"), "fusion-result", _HEIGHT)
        with gr.Column(scale=5, min_width=300):
            with gr.Row(equal_height=False):
                with gr.Column(min_width=140):
                    photo = PhotoInput(
                        site, "fusion-1", say("fusion_photo"), say("choose_photo_1"), height=_INPUT_HEIGHT
                    )
                with gr.Column(min_width=140):
                    person = PhotoInput(
                        site, "fusion-2", say("fusion_person"), say("choose_photo_2"), one_face=True,
                        height=_INPUT_HEIGHT,
                    )  # fmt: skip
            consent = gr.Checkbox(False, label=say("consent"), elem_id="consent")
            row = StartRow(site, "fusion", say("start_fusion"), [photo, person])
    with gr.Accordion(say("options"), open=False, elem_classes="pe-options"):
        controls = make_controls(FuseOptions, option_names(FuseOptions), site.language)

    def prepare(visit: Session, values: Sequence[Any]) -> Work:
        uploads = (site.upload(visit, "fusion-1", "no_photo_1"), site.upload(visit, "fusion-2", "no_photo_2"))
        agreed, chosen, chosen_person, *rest = values
        if agreed is not True:
            raise SayError("consent_needed")
        if filecmp.cmp(uploads[0].path, uploads[1].path, shallow=False):
            raise SayError("same_photo")
        given = read_controls(controls, rest)
        for name, where, upload, choice in (
            ("photo_face", photo, uploads[0], chosen), ("person_face", person, uploads[1], chosen_person),
        ):  # fmt: skip
            if len(upload.boxes) > 1:
                given[name] = where.numbers(upload, choice)
        return _Fusing(site, visit, uploads, load_options(FuseOptions, overrides=given), result).run

    def show(options: Options) -> Updates:
        return {control.component: control.show(options) for control in controls}

    components = [control.component for control in controls]
    readers.by_command["fuse"] = Reader("fusion", say("tab_fusion"), show, components)

    def wire(panel: ResultsPanel) -> None:
        photo.wire(row.status)
        person.wire(row.status)
        row.wire(prepare, [consent, photo.chosen, person.chosen, *components], [result], panel)

    return wire


class _Fusing:
    """The work of one click."""

    def __init__(
        self, site: Site, visit: Session, uploads: tuple[Upload, Upload], options: FuseOptions, place: Any
    ) -> None:
        self._site, self._visit, self._uploads, self._options, self._place = site, visit, uploads, options, place

    def run(self, progress: Progress) -> Outcome:
        """Fuse the two photos."""
        options, site = self._options, self._site
        photo, person = self._uploads
        folder = self._visit.new_folder()
        predictor = site.page.model.predictor(
            FaceFusionPredictor, folder, progress, needs_model=options.method != "warp"
        )
        pairs = open_pairs(str(photo.path), str(person.path), options.pairs, False, folder)
        made = predictor.work_on(pairs.jobs[0], lambda job: predictor.fuse_pair(job, options))
        recipe = Recipe("fuse", options, {"photo": photo.path.name, "person": person.path.name})
        file = made.files[0]
        notes = [tell_note(note, site.language) for note in made.all_notes]
        items = site.keep(folder, [(file, site.say("fused"))], photo.shown, recipe)
        return Outcome(items, {self._place: str(file)}, [*_likenesses(site, made.result), *notes], made.interrupted)


def _likenesses(site: Site, fused: FusionResult) -> list[str]:
    """Tell of each face how near it is to both people."""
    told = []
    for number, face in enumerate(fused.faces, start=1):
        who = FACE.of(site.language, number=number) if len(fused.faces) > 1 else ""
        person, photo = f"{face.identity_to_target:.2f}", f"{face.identity_to_source:.2f}"
        told.append(who + site.say("likeness", person=person, photo=photo))
    return told
