"""Put one person's face into another's photo, at the photo's pose, expression, light and tone of skin."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from ppgan_ext import images
from ppgan_ext.apps.batch import BatchResult, Job
from ppgan_ext.apps.call_signatures import options_as_arguments
from ppgan_ext.apps.films import FRAMES_PER_SECOND, LONGEST_SIDE
from ppgan_ext.apps.fusion.face_window import FaceWindow, open_window
from ppgan_ext.apps.fusion.latent_method import fuse_in_latent_space
from ppgan_ext.apps.fusion.method_choice import choose_method
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.fusion.photo_pairs import Pair, open_pairs, same_file
from ppgan_ext.apps.fusion.pose_transfer import choose_turn
from ppgan_ext.apps.fusion.remarks import fusion_notes
from ppgan_ext.apps.options import FaceWord
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.apps.result_names import result_stem
from ppgan_ext.apps.results import Made, ResultFolder
from ppgan_ext.apps.shown_results import ShownResult
from ppgan_ext.errors import ConfigError, InputError, NoFaceError
from ppgan_ext.faces.choice import choose, main_face
from ppgan_ext.faces.descriptor import face_descriptor
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.landmarks import features_seen
from ppgan_ext.faces.pose import head_pose
from ppgan_ext.faces.preview import numbered_preview
from ppgan_ext.faces.swap.composite import Fusion
from ppgan_ext.faces.swap.reshape import morph
from ppgan_ext.faces.swap.sides import Portrait, SeenPerson, see_person
from ppgan_ext.faces.swap.warp_method import finish_face, plan_face
from ppgan_ext.images import ImageSource, Photo
from ppgan_ext.transparency import show_on_white, solid_picture
from ppgan_ext.types import Face, FloatArray, Image, Pose

NOTE = "Not a real photo: another person's face was put in"
SMALLEST_FACE = 32  # pixels
# How sure the features of a face must be. Of 402 faces on photos of people 20 are below it; about 15 are in profile or
# covered, with landmarks beside what they name.
LEAST_SEEN = 0.55
_FRAMES = 24
_SIDES = {"photo": "the photo", "person": "the person's photo"}


class _FusedFaceFields(NamedTuple):
    source_pose: Pose
    target_pose: Pose
    matched_pose: Pose
    identity_to_target: float
    identity_to_source: float
    border_step: float
    border_step_before: float
    images: dict[str, Image]
    terms: dict[str, float]
    method: str
    reason: str
    kept_covers: tuple[str, ...]
    dropped_covers: tuple[str, ...]


class FusedFace(ShownResult, _FusedFaceFields):
    """Figures and pictures of one face that was replaced.

    Attributes:
        source_pose: head pose of the face in the photo.
        target_pose: that of the face that was put in, in its own photo.
        matched_pose: that of the face in the result, measured there.
        identity_to_target: distance of dlib's descriptors, result to target; below 0.6 it is the same person.
        identity_to_source: the same, result to source.
        border_step: mean colour step across the mask's border, CIE76.
        border_step_before: the photo's own, at the same places.
        images: intermediate pictures by name, in the order they were made, (H, W, 3) RGB uint8.
        terms: value of each term of the refinement, without its weight; empty without refinement.
        method: "warp" or "latent".
        reason: why this method was used.
        kept_covers: what of the photo lies over the fused face: "glasses", "sunglasses", "an object".
        dropped_covers: what covers the person's face, and was not taken along.
    """

    __slots__ = ()
    note = NOTE

    @property
    def image(self) -> Image:
        """The last of the intermediate pictures."""
        return list(self.images.values())[-1]


class _FusionFields(NamedTuple):
    image: Image
    source_pose: Pose
    target_pose: Pose
    matched_pose: Pose
    identity_to_target: float
    identity_to_source: float
    images: dict[str, Image]
    terms: dict[str, float]
    mask: FloatArray
    faces: list[FusedFace]


class FusionResult(ShownResult, _FusionFields):
    """The fusion of a pair of photos. Fields that `FusedFace` has too are those of the first face.

    Attributes:
        image: the source photo with the target's face, (H, W, 3) RGB uint8.
        mask: (H, W) float32; where it is 0 the photo's bits are kept.
        faces: all faces that were replaced.
    """

    __slots__ = ()
    note = NOTE

    @property
    def image(self) -> Image:
        """The source photo with the target's face, (H, W, 3) RGB uint8."""
        return self[0]


class _ChosenFaces(NamedTuple):
    """A photo, and its faces that were chosen."""

    original: Photo
    faces: list[Face]

    @property
    def photo(self) -> Image:
        """The photo's pixels, (H, W, 3) RGB uint8."""
        return self.original.image


class _FaceInPhoto(NamedTuple):
    """A photo, (H, W, 3) RGB uint8, and one of its faces."""

    photo: Image
    face: Face


class _Person(NamedTuple):
    """The person who is put in.

    Attributes:
        window: the face with its surroundings.
        pose: its pose in its own photo.
        descriptor: dlib's, (128,).
        seen: what their photo shows.
    """

    window: FaceWindow
    pose: Pose
    descriptor: FloatArray
    seen: SeenPerson


class _FaceFusion(NamedTuple):
    """The fusion of one face.

    Attributes:
        fusion: the photo with the face in it.
        fused: figures and intermediate pictures.
        face: the face in the result.
        interrupted: whether Ctrl-C ended the tuning or the refinement early.
    """

    fusion: Fusion
    fused: FusedFace
    face: Face
    interrupted: bool


class FaceFusionPredictor(Predictor):
    """Fuses the faces of two people.

    Use it on people who agreed to it. The result is marked as not real in its metadata.

    Example:
        >>> FaceFusionPredictor().run("photo_a.jpg", "person_b.jpg")  # doctest: +SKIP
    """

    @options_as_arguments(
        FuseOptions,
        positional=("identity",),
        keyword=(
            "method", "shape", "skin", "pairs", "photo_face", "person_face", "pose_method", "rotator_path", "refine",
            "weights", "fit_steps", "tune", "photo_format", "save_steps", "save_mp4", "recursive",
        ),
        none_by_default=("identity", "method", "skin", "pairs", "pose_method", "refine"),
    )  # fmt: skip
    def run(
        self,
        photo: ImageSource | Sequence[ImageSource],
        person: ImageSource | Sequence[ImageSource],
        options: FuseOptions,
    ) -> FusionResult | BatchResult[FusionResult]:
        """Put the face of ``person`` into ``photo``, for one pair of photos or several.

        Writes for ``a.jpg`` and ``b.jpg``: ``a+b.fused.png``, and on request the folder ``a+b.steps`` and
        ``a+b.fused.mp4``. ``tune`` tunes one copy of the model to both faces. The arguments may also be called
        ``source`` and ``target``, ``source_face`` and ``target_face``.

        Args:
            photo: the photo that is kept: a path, PIL image or RGB uint8 array; or a list of them, or a folder: then
                the result is a `BatchResult`, and a failure ends only its own pair.
            person: the photo of the person whose face is put in, alike.
            options: see `FuseOptions`.

        Raises:
            InputError: a picture cannot be read, both are the same file, or a face is smaller than 32 pixels or seen
                from the side.
            NoFaceError: no face, or not the one asked for.
            ConfigError: an argument that cannot be used, or several faces without a choice.
        """
        pairs = open_pairs(photo, person, options.pairs, options.recursive, self.output_path)
        return self.run_inputs(pairs, lambda job: self.fuse_pair(job, options))

    def fuse_pair(self, job: Job, options: FuseOptions) -> Made[FusionResult]:
        """Fuse one pair of photos."""
        pair: Pair = job.source
        results = self.open_results(job, options=options)
        if same_file(*pair):
            raise InputError("photo and person are the same photo", where=_path(pair.source), cure="Give two people")
        source = _open_photo("photo", pair.source, options.photo_face, results)
        target = _open_photo("person", pair.target, options.person_face, results)
        _check_partners(source.faces, target.faces, pair)
        person = solid_picture(target.original)
        # One person may take the place of all.
        repeats = len(source.faces) // len(target.faces)
        others = [_describe_person(person, face) for face in target.faces] * repeats
        widths = [(a.box.width, b.box.width) for a, b in zip(source.faces, target.faces * repeats, strict=True)]
        other_photo = target.photo if options.save_steps else None
        del target, person  # a large photo need not be kept in memory
        solid = solid_picture(source.original)
        photo, mask = solid.copy(), np.zeros(solid.shape[:2], np.float32)
        fusions: list[_FaceFusion] = []
        for number, (face, other) in enumerate(zip(source.faces, others, strict=True), start=1):
            self.progress("fusing faces", number - 1, len(others))
            interrupted = any(fusion.interrupted for fusion in fusions)
            fusions.append(self._fuse_face((photo, mask), face, other, options, job.stem, interrupted))
        shown = show_on_white(photo, solid, source.original)
        result = _result(shown, mask, [fusion.fused for fusion in fusions])
        self._write(job.stem, source, other_photo, result, [fusion.face for fusion in fusions], options, results)
        notes = fusion_notes(result.faces, options.identity, widths)
        return results.made(result, any(fusion.interrupted for fusion in fusions), notes)

    def check_before_pairs(self, options: FuseOptions) -> None:
        """Find faults that would fail every pair alike: the output folder, and the model where one is needed.

        Raises:
            PpganExtError: the first fault.
        """
        if options.method == "warp" or (options.method == "auto" and not options.asks_for_the_model):
            self.open_results()
            return
        self.check_before_batch()
        self.directions(None, ("yaw", "pitch"))
        choose_turn(self, options)

    def _fuse_face(
        self,
        result: tuple[Image, FloatArray],
        face: Face,
        other: _Person,
        options: FuseOptions,
        name: str,
        interrupted: bool,
    ) -> _FaceFusion:
        """Put one face on another, and measure the result.

        Args:
            result: the photo, (H, W, 3) RGB uint8, and the mask of what has been replaced in it, (H, W) float32; both
                are changed in place.
            face: the face to replace.
            other: the person to put in.
            options: method, shares, steps.
            name: name of the pair, for warnings.
            interrupted: whether Ctrl-C has ended the work on an earlier face early.
        """
        photo, mask = result
        terms: dict[str, float] = {}
        source = _FaceInPhoto(photo, face)
        source_pose, of_source = _pose(source), face_descriptor(*source)
        window, target = open_window(photo, face), other.window
        below = Portrait(window.image, window.face.landmarks)
        plan = plan_face(below, other.seen, options.whole_shape * options.identity)
        method, reason = choose_method(options, plan)
        if method == "warp":
            fusion = finish_face(plan, identity=options.identity, skin=options.swap_skin, box=window.face.box)
            steps = fusion.images
        else:
            fusion, _, steps, terms, interrupted = fuse_in_latent_space(
                self, window.image, window.face, target.image, target.face, options, name, plan, interrupted
            )
        fusion = window.put_back(fusion, photo, mask)
        placed = _FaceInPhoto(photo, Face(face.box, fusion.landmarks if fusion.found is None else fusion.found))
        descriptor = face_descriptor(*placed)
        fused = FusedFace(
            source_pose, other.pose, _pose(placed),
            float(np.linalg.norm(descriptor - other.descriptor)), float(np.linalg.norm(descriptor - of_source)),
            fusion.step.result, fusion.step.photo, steps, terms, method, reason,
            plan.kept_covers, plan.dropped_covers,
        )  # fmt: skip
        return _FaceFusion(fusion, fused, placed.face, interrupted)

    def _write(
        self,
        stem: str,
        source: _ChosenFaces,
        other: Image | None,
        result: FusionResult,
        result_faces: Sequence[Face],
        options: FuseOptions,
        results: ResultFolder,
    ) -> None:
        """Write the result, and on request the intermediate pictures and a video."""
        results.image(f"{stem}.fused.{options.photo_format}", result.image, NOTE, source.original)
        if other is not None:
            steps = results.subfolder(f"{stem}.steps")
            for number, (name, image) in enumerate(_steps(source.photo, other, result), start=1):
                steps.image(f"{number:02d}.{name}.png", image, NOTE)
        if options.save_mp4:
            frames = self._morph(source, result.image, result_faces)
            results.animation(f"{stem}.fused.mp4", frames, FRAMES_PER_SECOND, NOTE)

    def _morph(self, source: _ChosenFaces, result: Image, result_faces: Sequence[Face]) -> Iterator[Image]:
        """Pass from the source photo to the result, with a soft start and end; small enough for a video."""
        height, width = result.shape[:2]
        factor = min(1.0, LONGEST_SIDE["mp4"] / max(height, width))
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        scale = np.array(size) / (width, height)
        first, last = images.resize(source.photo, size), images.resize(result, size)
        before, after = (
            [(face.landmarks + 0.5) * scale - 0.5 for face in faces] for faces in (source.faces, result_faces)
        )
        for frame in range(_FRAMES + 1):
            self.progress("drawing the MP4", frame, _FRAMES + 1)
            yield morph(first, before, last, after, 0.5 - 0.5 * np.cos(np.pi * frame / _FRAMES))


class BystandersWarning(UserWarning):
    """A photo shows small faces beside the one that is taken."""


def _open_photo(
    side: Literal["photo", "person"],
    source: Any,
    which: FaceWord | list[int] | None,
    results: ResultFolder,
) -> _ChosenFaces:
    """Read a photo and choose its faces.

    Args:
        side: which of the two, for messages.
        source: the photo.
        which: faces to choose; None for the only one, or that beside which the others are bystanders.
        results: where a preview is written if there are several to choose from.

    Raises:
        InputError: it cannot be read, or a chosen face is too small or its features are not found.
        NoFaceError: no face, or not the one asked for.
        ConfigError: several faces, and none chosen.
    """
    original = images.read_photo(source)
    faces = find_faces(original.image)
    if which is None and len(faces) > 1:
        if main_face(faces) is None:
            raise _several_faces(side, source, original.image, faces, results)
        warnings.warn(
            f"{_path(source) or _SIDES[side]}: {len(faces)} faces; the largest by far is taken, --{side}_face chooses",
            BystandersWarning,
            stacklevel=2,
        )
    try:
        chosen_faces = choose(faces, which or "largest")
    except NoFaceError as error:
        raise NoFaceError(error.what, where=_path(source) or _SIDES[side], cure=error.cure) from error
    smallest = min(chosen_faces, key=lambda face: face.box.width)
    if smallest.box.width < SMALLEST_FACE:
        raise InputError(
            f"the face in {_SIDES[side]} is {smallest.box.width:.0f} pixels wide, which is too small to work on",
            where=_path(source),
            cure=f"Give a photo in which it has at least {SMALLEST_FACE}",
        )
    if min(features_seen(face.certainty) for face in chosen_faces) < LEAST_SEEN:
        raise InputError(
            f"the face in {_SIDES[side]} is seen from the side or covered, so its features are not found",
            where=_path(source),
            cure="Give a photo in which it looks towards the camera, by half at least",
        )
    return _ChosenFaces(original, chosen_faces)


def _several_faces(
    side: Literal["photo", "person"], source: Any, photo: Image, faces: Sequence[Face], results: ResultFolder
) -> ConfigError:
    """Write a preview with the faces numbered, and return the error that names it."""
    path = _path(source)
    cure = f"Choose with --{side}_face 1 to {len(faces)}, or largest"
    if results.folder is not None:
        stem = side if path is None else result_stem(Path(path).name)
        results.image(f"{stem}.faces.png", numbered_preview(photo, faces))
        cure += f"; the numbers are drawn in {results.files[-1]}"
    return ConfigError(f"{_SIDES[side]} shows {len(faces)} faces", where=path, cure=cure)


def _check_partners(faces: Sequence[Face], others: Sequence[Face], pair: Pair) -> None:
    """Check that each face of the source has one that takes its place."""
    if len(others) not in (1, len(faces)):
        raise ConfigError(
            f"{len(others)} faces cannot take the place of {len(faces)}",
            where=_path(pair.target),
            cure="Choose one with --person_face, or as many as --photo_face chooses",
        )


def _describe_person(photo: Image, face: Face) -> _Person:
    window = open_window(photo, face)
    seen = see_person(Portrait(window.image, window.face.landmarks))
    return _Person(window, _pose(_FaceInPhoto(photo, face)), face_descriptor(photo, face), seen)


def _result(image: Image, mask: FloatArray, faces: list[FusedFace]) -> FusionResult:
    first = faces[0]
    return FusionResult(
        image, first.source_pose, first.target_pose, first.matched_pose, first.identity_to_target,
        first.identity_to_source, first.images, first.terms, mask, faces,
    )  # fmt: skip


# Files are called as the options are; `FusionResult.images` says "source" and "target", as ever.
_FILE_NAMES = {"source": "photo", "target": "person"}


def _steps(photo: Image, other: Image, result: FusionResult) -> Iterator[tuple[str, Image]]:
    """Yield the pictures that led to a result with their names, in order."""
    yield "photo", photo
    yield "person", other
    for number, face in enumerate(result.faces, start=1):
        prefix = f"face{number}." if len(result.faces) > 1 else ""
        for name, image in face.images.items():
            side, dot, rest = name.partition(".")
            yield f"{prefix}{_FILE_NAMES.get(side, side)}{dot}{rest}", image
    yield "mask", np.repeat(np.rint(result.mask * 255).astype(np.uint8)[..., None], 3, axis=2)
    yield "result", result.image


def _path(source: object) -> str | None:
    """Return the path of an input; None for one in memory."""
    return str(source) if isinstance(source, (str, os.PathLike)) else None


def _pose(shown: _FaceInPhoto) -> Pose:
    return head_pose(shown.face.landmarks, (shown.photo.shape[1], shown.photo.shape[0]))
