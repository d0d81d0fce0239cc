"""What the sliders of edits set off: the photo is encoded once, then edited again and again.

A move is to be looked at: its photo is a JPEG, which is written in a twentieth of the time of a PNG. What a visitor
keeps is made as the command makes it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppgan_ext import pictures
from ppgan_ext.apps.batch import Job
from ppgan_ext.apps.codes.encoded_face import EncodedFace
from ppgan_ext.apps.photo.edit import StyleGANv2EditingPredictor
from ppgan_ext.apps.photo.options import EditOptions
from ppgan_ext.apps.predictor import Progress
from ppgan_ext.apps.results import Made
from ppgan_ext.images import grid
from ppgan_ext.types import FloatArray, Image
from ppgan_ext.web.jobs import StoppedError
from ppgan_ext.web.languages import Language
from ppgan_ext.web.message_texts import tell_note
from ppgan_ext.web.option_texts import direction_name
from ppgan_ext.web.recipes import Recipe
from ppgan_ext.web.sessions import Session
from ppgan_ext.web.site import Outcome, Site, Work
from ppgan_ext.web.uploads import Upload

PLACE = "edit"
# Options of the encoding: with other values of these, the photo is encoded anew.
_OF_ENCODING = ("faces", "fit_steps", "tune", "tunes")


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


@dataclass(eq=False)
class Move:
    """One move of the sliders.

    Attributes:
        upload: the photo.
        values: of all components; None where they are not to be drawn, or could not be.
        is_last: whether no other one has followed it.
        is_at_work: whether the visit's job is its own.
        drawn: its faces, for its photo.
    """

    upload: Upload | None = None
    values: Sequence[Any] | None = None
    is_last: bool = True
    is_at_work: bool = False
    drawn: Sequence[FloatArray] = ()


class Editor:
    """Encodes the photo of a visit once, and edits it again and again.

    Args:
        site: the page.
        compare: shows before and after.
        face: shows the edited faces as the generator draws them.
    """

    def __init__(self, site: Site, compare: Any, face: Any) -> None:
        self._site, self._compare, self._face = site, compare, face

    def is_drawn(self, visit: Session, values: Sequence[Any]) -> bool:
        """Return whether the last move has drawn these values, or is about to: Enter is followed by leaving a field."""
        last = visit.kept.get("edit-move")
        return isinstance(last, Move) and last.upload is visit.uploads[PLACE] and last.values == values

    def begin_move(self, visit: Session, values: Sequence[Any] | None = None) -> Move:
        """Return a new move, and drop the one before: its work stops, and what it has queued does not begin."""
        before = visit.kept.get("edit-move")
        move = visit.kept["edit-move"] = Move(visit.uploads.get(PLACE), values)
        if isinstance(before, Move):
            before.is_last = False
            if before.is_at_work and visit.job is not None:
                visit.job.stop()
        return move

    def _check_move(
        self, visit: Session, read: Callable[[Upload], EditOptions], move: Move
    ) -> tuple[Upload, EditOptions]:
        """Return photo and options of a move whose turn has come.

        Raises:
            StoppedError: another move has followed it, or another photo has come.
        """
        upload = self._site.upload(visit, PLACE)
        if not move.is_last or upload is not move.upload:
            raise StoppedError
        options = read(upload)
        move.is_at_work = True
        return upload, options

    def prepare_face(self, visit: Session, read: Callable[[Upload], EditOptions], move: Move) -> Work:
        """Check the sliders, and return the work that draws the faces, and shows them alone."""
        upload, options = self._check_move(visit, read, move)

        def work(progress: Progress) -> Outcome:
            predictor, job, faces = self._open(visit, upload, options, visit.folder, progress)
            move.drawn = predictor.work_on(job, lambda one: predictor.draw_faces(faces, options))
            images = [face.as_in_photo(drawn) for face, drawn in zip(faces, move.drawn, strict=True)]
            return Outcome(updates={self._face: str(_write(visit, "edit-face", "face.png", grid(images, len(images))))})

        return work

    def prepare_photo(self, visit: Session, read: Callable[[Upload], EditOptions], move: Move) -> Work:
        """Check the sliders, and return the work that puts the drawn faces into the photo."""
        upload, options = self._check_move(visit, read, move)

        def work(progress: Progress) -> Outcome:
            if not options.edit:
                return Outcome(updates={self._compare: (str(upload.shown), str(upload.shown))})
            predictor, job, faces = self._open(visit, upload, options, visit.folder, progress)
            made = predictor.work_on(job, lambda one: predictor.paste_drawn(one, options, faces, move.drawn))
            file = _write(visit, "edit-photo", f"{job.stem}.preview.jpg", made.result)
            return Outcome(updates={self._compare: (str(upload.shown), str(file))}, notes=self._notes(options, made))

        return work

    def prepare_keeping(self, visit: Session, read: Callable[[Upload], EditOptions]) -> Work:
        """Check the sliders, and return the work that puts the edited photo among the visitor's results."""
        upload = self._site.upload(visit, PLACE)
        options = read(upload)

        def work(progress: Progress) -> Outcome:
            folder = visit.new_folder()
            predictor, job, faces = self._open(visit, upload, options, folder, progress)
            made = predictor.work_on(job, lambda one: predictor.edit_encoded(one, options, faces))
            file = made.files[0]
            recipe = Recipe("edit", options, {"input_image": upload.path.name})
            items = self._site.keep(folder, [(file, describe_edit(options, self._site.language))], upload.shown, recipe)
            return Outcome(items, {self._compare: (str(upload.shown), str(file))}, self._notes(options, made))

        return work

    def _notes(self, options: EditOptions, made: Made[Any]) -> list[str]:
        return [tell_note(note, self._site.language) for note in (options.tuning_note, *made.all_notes) if note]

    def _open(
        self, visit: Session, upload: Upload, options: EditOptions, folder: Path, progress: Progress
    ) -> tuple[StyleGANv2EditingPredictor, Job, list[EncodedFace]]:
        """Return a predictor, the photo as its input, and its faces, encoded now if they are not yet."""
        predictor = self._site.page.model.predictor(StyleGANv2EditingPredictor, folder, progress)
        job: Job = predictor.open_inputs(upload.path).jobs[0]
        settings = tuple(repr(getattr(options, name)) for name in _OF_ENCODING)
        encoded = visit.kept.get(PLACE)
        if not isinstance(encoded, Encoded) or encoded.upload is not upload or encoded.settings != settings:
            faces = predictor.work_on(job, lambda one: predictor.encode_photo(one, options))
            encoded = visit.kept[PLACE] = Encoded(upload, settings, faces)
        return predictor, job, encoded.faces


def _write(visit: Session, key: str, name: str, image: Image) -> Path:
    """Write a picture to be looked at, in place of the one before; it says that it was edited as results do."""
    path = pictures.write_image(visit.new_folder() / name, image)
    before = visit.kept.get(key)
    if before is not None:
        shutil.rmtree(before.parent, ignore_errors=True)
    visit.kept[key] = path
    return path


def describe_edit(options: EditOptions, language: Language) -> str:
    """Name the directions of an edit, and how far it goes."""
    return ", ".join(f"{direction_name(name, language)} {amount:+g}" for name, amount in options.edit.items())
