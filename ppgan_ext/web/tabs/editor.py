"""What the sliders of edits set off: the photo is encoded once, then edited again and again."""

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
from ppgan_ext.apps.predictor import Progress, take_turns
from ppgan_ext.images import grid
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
    """

    upload: Upload | None = None
    values: Sequence[Any] | None = None
    is_last: bool = True
    is_at_work: bool = False


@dataclass(frozen=True, eq=False)
class LastEdit:
    """The result that the sliders made last; it is kept on request."""

    upload: Upload
    options: EditOptions
    folder: Path
    file: Path
    notes: list[str]


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
            StoppedError: another move has followed it.
        """
        if not move.is_last:
            raise StoppedError
        upload = self._site.upload(visit, PLACE)
        options = read(upload)
        move.is_at_work = True
        return upload, options

    def prepare_face(self, visit: Session, read: Callable[[Upload], EditOptions], move: Move) -> Work:
        """Check the sliders, and return the work that draws the faces alone."""
        upload, options = self._check_move(visit, read, move)

        def work(progress: Progress) -> Outcome:
            predictor, encoded = self._open(visit, upload, options, visit.folder, progress)
            faces = take_turns(lambda: predictor.draw_faces(encoded.faces, options))
            path = visit.new_folder() / "face.png"
            pictures.write_image(path, grid(faces, len(faces)))
            self._forget(visit, "edit-preview", path.parent)
            return Outcome(updates={self._face: str(path)})

        return work

    def prepare_photo(self, visit: Session, read: Callable[[Upload], EditOptions], move: Move) -> Work:
        """Check the sliders, and return the work that edits the whole photo."""
        upload, options = self._check_move(visit, read, move)

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
            items = self._site.keep(
                last.folder, [(last.file, describe_edit(options, self._site.language))], upload.shown, recipe
            )
            return Outcome(items, {self._compare: (str(upload.shown), str(last.file))})

        return work

    def _edit(self, visit: Session, upload: Upload, options: EditOptions, progress: Progress) -> LastEdit:
        folder = visit.new_folder()
        predictor, encoded = self._open(visit, upload, options, folder, progress)
        job: Job = predictor.open_inputs(upload.path).jobs[0]
        made = take_turns(lambda: predictor.edit_encoded(job, options, encoded.faces))
        notes = [note for note in (options.tuning_note, *made.notes) if note]
        last = LastEdit(upload, options, folder, made.files[0], notes)
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


def describe_edit(options: EditOptions, language: Language) -> str:
    """Name the directions of an edit, and how far it goes."""
    return ", ".join(f"{direction_name(name, language)} {amount:+g}" for name, amount in options.edit.items())
