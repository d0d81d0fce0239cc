"""Editing every chosen face of a whole photo: what ageing and other edits share."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, Generic, NamedTuple, TypeVar

from ppgan_ext import images, pictures
from ppgan_ext.apps.batch import BatchResult, Job
from ppgan_ext.apps.codes import inversion
from ppgan_ext.apps.codes.encoded_face import EncodedFace, choose_faces, encode_face
from ppgan_ext.apps.films import FRAMES_PER_SECOND, film_kinds
from ppgan_ext.apps.photo.animation import draw_frames
from ppgan_ext.apps.photo.options import PhotoOptions
from ppgan_ext.apps.photo.plan import EditedPhoto, EditPlan, PhotoEdit
from ppgan_ext.apps.photo.result_images import comparison_strip, covered_notes, paste_faces
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.apps.results import Made, ResultFolder
from ppgan_ext.apps.shown_results import ShownResult
from ppgan_ext.faces.descriptor import face_descriptor
from ppgan_ext.faces.preview import numbered_preview
from ppgan_ext.images import ImageSource, Photo
from ppgan_ext.transparency import show_on_white, solid_picture
from ppgan_ext.types import Face, FloatArray, Image

PhotoOptionsT = TypeVar("PhotoOptionsT", bound=PhotoOptions)


class _PreviewFields(NamedTuple):
    preview: Image
    faces: list[Face]


class FacePreview(ShownResult, _PreviewFields):
    """The photo with its faces numbered, and the faces, largest first."""

    __slots__ = ()

    @property
    def image(self) -> Image:
        """The preview."""
        return self.preview


class UnseenTuningWarning(UserWarning):
    """The model is to be tuned, but the result will not show it."""


class PhotoPredictor(Predictor, Generic[PhotoOptionsT]):
    """Base of the predictors that edit the faces of whole photos; a subclass makes the plan.

    Attributes:
        edit_name: part of the names of strip and animation.
    """

    edit_name: ClassVar[str]

    def plan(self, options: PhotoOptionsT) -> EditPlan:
        """Load the directions and settle what is to be made of a photo.

        Raises:
            ConfigError: an unknown direction or layer, or nothing to do.
        """
        raise NotImplementedError

    def strip_name(self, options: PhotoOptionsT) -> str:
        """Return the part of the names of strip and animation that tells these options from others."""
        return self.edit_name

    def list_faces(
        self, image: ImageSource | Sequence[ImageSource], recursive: bool = False
    ) -> FacePreview | BatchResult[FacePreview]:
        """Find the faces, write ``<stem>.faces.png`` with their numbers, and return both.

        Args:
            image: a path, PIL image or RGB uint8 array; or a list of them, or a folder: then the result is a
                `BatchResult`, and a failure ends only its own photo.
            recursive: search subfolders too.

        Raises:
            InputError: the picture cannot be read.
            NoFaceError: it shows no face.
        """
        return self.run_inputs(self.open_inputs(image, recursive), self.number_faces)

    def number_faces(self, job: Job) -> Made[FacePreview]:
        """Number the faces of one photo."""
        results = self.open_results(job)
        photo = images.read_image(job.source)
        faces = choose_faces(photo, "all", job.source)
        preview = numbered_preview(photo, faces)
        results.image(f"{job.stem}.faces.png", preview)
        return results.made(FacePreview(preview, faces))

    def edit_photo(self, job: Job, options: PhotoOptionsT) -> Made[PhotoEdit]:
        """Edit one photo: read it, encode its faces, edit the codes, paste the faces, write the results.

        Ctrl-C ends a tuning early; the faces that follow are then drawn by the model itself.

        Raises:
            InputError: the picture cannot be read.
            NoFaceError: no face, or not the one asked for.
            ConfigError: the model cannot do it, or an unknown direction.
        """
        results = self.open_results(job, options=options)
        original = images.read_photo(job.source)
        chosen_faces = choose_faces(original.image, options.faces, job.source, self._people(options.faces_like))
        plan = self.plan(options)
        faces = self._encode(solid_picture(original), chosen_faces, options)
        return self._edit(job.stem, options, results, original, plan, faces)

    def encode_photo(self, job: Job, options: PhotoOptionsT) -> list[EncodedFace]:
        """Encode the chosen faces of a photo, for `edit_encoded`.

        Raises:
            InputError: the picture cannot be read.
            NoFaceError: no face, or not the one asked for.
            ConfigError: the model cannot do it.
        """
        original = images.read_photo(job.source)
        chosen_faces = choose_faces(original.image, options.faces, job.source, self._people(options.faces_like))
        return self._encode(solid_picture(original), chosen_faces, options)

    def edit_encoded(self, job: Job, options: PhotoOptionsT, faces: Sequence[EncodedFace]) -> Made[PhotoEdit]:
        """Edit a photo whose faces are encoded already: the generator runs, the encoder does not.

        Args:
            job: the photo.
            options: as for `edit_photo`, which makes the same bytes; those about the encoding are not looked at.
            faces: of `encode_photo`.

        Raises:
            InputError: the picture cannot be read.
            ConfigError: an unknown direction.
        """
        results = self.open_results(job, options=options)
        return self._edit(job.stem, options, results, images.read_photo(job.source), self.plan(options), faces)

    def _edit(
        self,
        stem: str,
        options: PhotoOptionsT,
        results: ResultFolder,
        original: Photo,
        plan: EditPlan,
        faces: Sequence[EncodedFace],
    ) -> Made[PhotoEdit]:
        """Edit the codes, paste the faces, write the results."""
        photo = solid_picture(original)
        edited: list[EditedPhoto] = []
        for done, variant in enumerate(plan.variants):
            self.progress("editing", done, len(plan.variants))
            codes = [variant.edit(face.w_plus) for face in faces]
            drawn = [face.draw(self.engine, code.w_plus) for face, code in zip(faces, codes, strict=True)]
            pasted = paste_faces(photo, faces, drawn, options.blend)
            complete = plan.complete(pasted, photo, faces, [code.years for code in codes])
            edited.append(EditedPhoto(variant, codes, show_on_white(complete, photo, original)))
            name = f"{stem}.{variant.name}.{options.photo_format}"
            results.image(name, edited[-1].image, pictures.NOTE, original)
        labels = [
            [plan.describe(face.w_plus), *(result.codes[number].label for result in edited)]
            for number, face in enumerate(faces)
        ]
        strip = comparison_strip(original.image, [result.image for result in edited], faces, labels)
        made = PhotoEdit(original.image, plan, list(faces), edited, strip)
        self._write(made, stem, options, results)
        return results.made(made, any(face.interrupted for face in faces), covered_notes(faces))

    def check_before_edits(self, options: PhotoOptionsT) -> None:
        """Find faults that would fail every photo of a batch alike: output folder, model, directions, layers.

        Raises:
            PpganExtError: the first fault.
        """
        self.check_before_batch()
        self.plan(options)
        self._people(options.faces_like)

    def _warn_of_unseen_tuning(self, options: PhotoOptionsT) -> None:
        """Tell the caller of `run` what the command tells before its work."""
        if options.tuning_note:
            warnings.warn(options.tuning_note, UnseenTuningWarning, stacklevel=4)

    def _people(self, paths: Sequence[str]) -> list[FloatArray]:
        """Return the descriptor, (128,), of the largest face of each photo."""
        for path in paths:
            if path not in self._known_people:
                photo = images.read_image(path)
                (face,) = choose_faces(photo, "largest", path)
                self._known_people[path] = face_descriptor(photo, face)
        return [self._known_people[path] for path in paths]

    @cached_property
    def _known_people(self) -> dict[str, FloatArray]:
        return {}

    def _encode(self, photo: Image, chosen_faces: Sequence[Face], options: PhotoOptionsT) -> list[EncodedFace]:
        """Encode the chosen faces, and tune the model to each where that is asked for and counts."""
        faces: list[EncodedFace] = []
        for done, face in enumerate(chosen_faces):
            self.progress("reading faces", done, len(chosen_faces))
            refine = inversion.refiner(self, options, face.number)
            tune = None
            if options.tunes and not any(face.interrupted for face in faces):
                tune = inversion.tuner(self, options, f"tuning to face {face.number}")
            faces.append(encode_face(self.engine, photo, face, refine, tune, even_exposure=True))
        return faces

    def _write(self, made: PhotoEdit, stem: str, options: PhotoOptionsT, results: ResultFolder) -> None:
        """Write the strip and the codes, and on request tuned models and animations."""
        name = self.strip_name(options)
        results.image(f"{stem}.{name}.strip.png", made.strip)
        for face in made.faces:
            face_stem = f"{stem}.face{face.face.number}" if len(made.faces) > 1 else stem
            results.code(f"{face_stem}.npy", face.w_plus)
            if options.save_tuned:
                inversion.save_tuned(results, face_stem, self.engine, face.tuning, [face])
        kinds = film_kinds(options.save_gif, options.save_mp4)
        if kinds and results.folder is not None:
            films = draw_frames(self.engine, made, kinds, options.blend, self.progress)
            for kind, frames in zip(kinds, films, strict=True):
                results.animation(f"{stem}.{name}.{kind}", frames, FRAMES_PER_SECOND)
