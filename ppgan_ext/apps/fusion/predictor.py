"""Put one person's face into another's photo, at the photo's pose, expression, light and tone of skin."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from ppgan_ext import images, pictures
from ppgan_ext.apps.batch import BatchResult, Job, run_batch
from ppgan_ext.apps.fusion.latent_method import fuse_in_latent_space
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.fusion.photo_pairs import Pair, is_many, make_pairs, same_file
from ppgan_ext.apps.fusion.pose_transfer import choose_turn
from ppgan_ext.apps.options import ModelOptions
from ppgan_ext.apps.photo.predictor import FRAMES_PER_SECOND, LONGEST_SIDE
from ppgan_ext.apps.predictor import Predictor, Results
from ppgan_ext.errors import ConfigError, InputError, NoFaceError
from ppgan_ext.images import ImageSource
from ppgan_ext.types import Face, FloatArray, Image, Pose

if TYPE_CHECKING:
    from ppgan_ext.faces.swap.composite import Fusion

NOTE = "Not a real photo: another person's face was put in"
SMALLEST_FACE = 32  # pixels
_FRAMES = 24


class FusedFace(NamedTuple):
    """What became of one face of the photo.

    Attributes:
        source_pose: head pose of the face in the photo.
        target_pose: that of the face that was put in, in its own photo.
        matched_pose: that of the face in the result, measured anew.
        identity_to_target: distance of dlib's descriptors, result to target; below 0.6 it is the same person.
        identity_to_source: the same, result to source.
        border_step: mean colour step across the mask's border, CIE76.
        border_step_before: the photo's own, at the same places.
        images: intermediate pictures by name, in the order they were made, (H, W, 3) RGB uint8.
        terms: what each term of the refinement came to, without its weight; empty without refinement.
    """

    source_pose: Pose
    target_pose: Pose
    matched_pose: Pose
    identity_to_target: float
    identity_to_source: float
    border_step: float
    border_step_before: float
    images: dict[str, Image]
    terms: dict[str, float]


class FusionResult(NamedTuple):
    """What came of a pair of photos. All but ``image``, ``mask`` and ``faces`` are of the first face, see `FusedFace`.

    Attributes:
        image: the source photo with the target's face, (H, W, 3) RGB uint8.
        mask: (H, W) float32; where it is 0 the photo's bits are kept.
        faces: all faces that were replaced.
    """

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


class _Setting(NamedTuple):
    """A photo and the faces of it that are meant."""

    photo: Image
    faces: list[Face]


class FaceFusionPredictor(Predictor):
    """Fuses the faces of two people.

    Use it on people who agreed to it. The result is marked as not real in its metadata.

    Example:
        >>> FaceFusionPredictor().run("photo_a.jpg", "person_b.jpg", identity=0.8)  # doctest: +SKIP
    """

    def run(
        self,
        source: ImageSource | Sequence[ImageSource],
        target: ImageSource | Sequence[ImageSource],
        identity: float | None = None,
        *,
        method: Literal["latent", "warp"] | None = None,
        shape: float | None = None,
        skin: Literal["source", "mix", "target"] | None = None,
        pairs: Literal["name", "all"] | None = None,
        source_face: Literal["all", "largest"] | int | Sequence[int] | None = None,
        target_face: Literal["all", "largest"] | int | Sequence[int] | None = None,
        pose_method: Literal["linear", "rotator"] | None = None,
        rotator_path: str | os.PathLike[str] | None = None,
        refine: int | None = None,
        weights: Mapping[str, float] | None = None,
        fit_steps: int = 0,
        tune: int = 0,
        photo_format: str = "png",
        save_steps: bool = False,
        save_mp4: bool = False,
    ) -> FusionResult | BatchResult[FusionResult]:
        """Fuse one pair of photos, or several.

        Writes for ``a.jpg`` and ``b.jpg``: ``a+b.fused.png``, and on request the folder ``a+b.steps`` and ``a+b.mp4``.

        Args:
            source: the photo that is kept: a path, PIL image or RGB uint8 array; or a list of them, or a folder: then a
                `BatchResult` comes back, and a failure ends only its own pair.
            target: the photo of the person whose face is put in, alike.
            identity: share of the target's face, 0 to 1; by default 1.
            method: "latent" turns the target's face in the model's latent space; "warp" warps its picture.
            shape: share of the target's shape of face, 0 to 1; the photo's head is reshaped round it, as far as half of
                it for "latent". By default 1 for "latent", 0.5 for "warp".
            skin: whose tone of skin the result has.
            pairs: of two folders, "name" or "all".
            source_face: faces to replace; by default the only one.
            target_face: face to put in; by default the only one.
            pose_method: how the latent method turns a face: "linear" along the model's directions, "rotator" by a
                network trained for it.
            rotator_path: file of that network; by default the model's own.
            refine: refine the fused code by so many steps.
            weights: of the refinement's terms, by name.
            fit_steps: refine each face's code by so many steps before.
            tune: tune a copy of the model to both faces by so many steps before.
            photo_format: "png", "jpg" or "webp".
            save_steps: write every intermediate picture.
            save_mp4: write a video from the source photo to the result.

        Raises:
            InputError: a picture cannot be read, both are the same file, or a face is smaller than 32 pixels.
            NoFaceError: no face, or not the one asked for.
            ConfigError: an argument that cannot be used, or several faces without a choice.
        """
        options = self.check(
            FuseOptions, identity=identity, method=method, shape=shape, skin=skin, pairs=pairs, source_face=source_face,
            target_face=target_face, pose_method=pose_method,
            rotator_path=None if rotator_path is None else os.fspath(rotator_path), refine=refine, weights=weights,
            fit_steps=fit_steps, tune=tune, photo_format=photo_format, save_steps=save_steps, save_mp4=save_mp4,
        )  # fmt: skip
        jobs = make_pairs(source, target, options.pairs)
        if is_many(source) or is_many(target):
            return BatchResult(run_batch(jobs, lambda job: self.run_job(job, options)))
        return self.run_job(jobs[0], options)

    def run_job(self, job: Job, options: FuseOptions) -> FusionResult:
        """Fuse one pair of photos with validated options."""
        pair: Pair = job.source
        results = self.results()
        self.files = results.files
        if same_file(*pair):
            raise InputError("source and target are the same photo", where=_name(pair.source), cure="Give two people")
        source = self._open("source", pair.source, options, results)
        target = self._open("target", pair.target, options, results)
        partners = _partners(source.faces, target.faces, pair)
        photo, mask = source.photo, np.zeros(source.photo.shape[:2], np.float32)
        faces, seen = [], []
        for number, (face, partner) in enumerate(zip(source.faces, partners, strict=True), start=1):
            self.progress("fusing faces", number - 1, len(partners))
            fusion, fused, found = self._fuse(photo, face, target.photo, partner, options, job.stem)
            photo, mask = fusion.image, np.maximum(mask, fusion.mask)
            faces.append(fused)
            seen.append(found)
        result = _result(photo, mask, faces)
        self._write(job.stem, source, target.photo, result, seen, options, results)
        return result

    def prepare(self, options: ModelOptions) -> None:
        """Find what would fail every pair alike: the output folder, and the model where one is needed."""
        assert isinstance(options, FuseOptions)
        self.results()
        if options.method == "latent":
            super().prepare(options)
            self.directions(None, ("yaw", "pitch"))
            choose_turn(self, options)

    def _open(self, side: str, given: Any, options: FuseOptions, results: Results) -> _Setting:
        """Read a photo and choose its faces.

        Raises:
            InputError: it cannot be read, or a chosen face is too small.
            NoFaceError: no face, or not the one asked for.
            ConfigError: several faces, and none chosen.
        """
        from ppgan_ext.faces.detect import choose, find_faces

        photo = images.read_image(given)
        faces = find_faces(photo)
        which = options.source_face if side == "source" else options.target_face
        if which is None and len(faces) > 1:
            raise self._several(side, given, photo, faces, results)
        try:
            chosen = choose(faces, which or "largest")
        except NoFaceError as error:
            cure = (error.cure or "").replace("--list_faces", "'ppgan-ext age --list_faces'")
            raise NoFaceError(error.what, where=_name(given) or f"the {side}", cure=cure) from error
        smallest = min(chosen, key=lambda face: face.box.width)
        if smallest.box.width < SMALLEST_FACE:
            raise InputError(
                f"the {side}'s face is {smallest.box.width:.0f} pixels wide, which is too small to work on",
                where=_name(given),
                cure=f"Give a photo in which it has at least {SMALLEST_FACE}",
            )
        return _Setting(photo, chosen)

    def _several(self, side: str, given: Any, photo: Image, faces: Sequence[Face], results: Results) -> ConfigError:
        """Draw the numbers of the faces, and say where they can be seen."""
        from ppgan_ext.faces.preview import numbered_preview

        cure = f"Choose with --{side}_face 1 to {len(faces)}, or largest"
        if results.folder is not None:
            stem = side if _name(given) is None else os.path.splitext(os.path.basename(given))[0]  # noqa: PTH119, PTH122
            preview = pictures.write_image(results.folder / f"{stem}.faces.png", numbered_preview(photo, faces))
            cure += f"; the numbers are drawn in {preview}"
        return ConfigError(f"the {side} shows {len(faces)} faces", where=_name(given), cure=cure)

    def _fuse(
        self, photo: Image, face: Face, other: Image, other_face: Face, options: FuseOptions, name: str
    ) -> tuple[Fusion, FusedFace, Face]:
        """Put one face on another; give the fusion, what is to be said of it, and the face in it."""
        from ppgan_ext.faces.descriptor import face_descriptor
        from ppgan_ext.faces.swap.warp_method import fuse_by_warp

        terms: dict[str, float] = {}
        if options.method == "warp":
            fusion = fuse_by_warp(
                photo, face.landmarks, other, other_face.landmarks,
                identity=options.identity, shape=0.5 if options.shape is None else options.shape, skin=options.skin,
            )  # fmt: skip
            pictures = fusion.images
        else:
            latent = fuse_in_latent_space(self, photo, face, other, other_face, options, name, self.interrupted)
            fusion, pictures, terms, self.interrupted = latent.fusion, latent.images, latent.terms, latent.interrupted
        seen = _look(fusion.image, face, fusion.landmarks)
        person, wanted, before = (
            face_descriptor(*shown) for shown in ((fusion.image, seen), (other, other_face), (photo, face))
        )
        to_target, to_source = (float(np.linalg.norm(person - known)) for known in (wanted, before))
        fused = FusedFace(
            _pose(photo, face), _pose(other, other_face), _pose(fusion.image, seen), to_target, to_source,
            fusion.step.result, fusion.step.photo, pictures, terms,
        )  # fmt: skip
        return fusion, fused, seen

    def _write(
        self,
        stem: str,
        source: _Setting,
        other: Image,
        result: FusionResult,
        seen: Sequence[Face],
        options: FuseOptions,
        results: Results,
    ) -> None:
        """Write the result, and what else was asked for."""
        if results.folder is None:
            return
        results.image(f"{stem}.fused.{options.photo_format}", result.image, NOTE)
        if options.save_steps:
            steps = self.results(f"{stem}.steps")
            for number, (name, image) in enumerate(_steps(source.photo, other, result), start=1):
                steps.image(f"{number:02d}.{name}.png", image, NOTE)
            results.files += steps.files
        if options.save_mp4:
            frames = self._morph(source, result.image, seen)
            results.animation(f"{stem}.fused.mp4", frames, FRAMES_PER_SECOND, NOTE)

    def _morph(self, source: _Setting, result: Image, seen: Sequence[Face]) -> Iterator[Image]:
        """Pass from the source photo to the result, with a soft start and end; small enough for a video."""
        from ppgan_ext.faces.swap.reshape import morph

        height, width = result.shape[:2]
        factor = min(1.0, LONGEST_SIDE["mp4"] / max(height, width))
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        scale = np.array(size) / (width, height)
        first, last = images.resize(source.photo, size), images.resize(result, size)
        before, after = ([(face.landmarks + 0.5) * scale - 0.5 for face in faces] for faces in (source.faces, seen))
        for frame in range(_FRAMES + 1):
            self.progress("drawing the MP4", frame, _FRAMES + 1)
            yield morph(first, before, last, after, 0.5 - 0.5 * np.cos(np.pi * frame / _FRAMES))


def _partners(faces: Sequence[Face], others: Sequence[Face], pair: Pair) -> list[Face]:
    """Give each face of the source the one that takes its place."""
    if len(others) == 1:
        return list(others) * len(faces)
    if len(others) == len(faces):
        return list(others)
    raise ConfigError(
        f"{len(others)} faces cannot take the place of {len(faces)}",
        where=_name(pair.target),
        cure="Choose one with --target_face, or as many as --source_face chooses",
    )


def _result(image: Image, mask: FloatArray, faces: list[FusedFace]) -> FusionResult:
    first = faces[0]
    return FusionResult(
        image, first.source_pose, first.target_pose, first.matched_pose, first.identity_to_target,
        first.identity_to_source, first.images, first.terms, mask, faces,
    )  # fmt: skip


def _steps(photo: Image, other: Image, result: FusionResult) -> Iterator[tuple[str, Image]]:
    """Name the pictures that led to a result, in order."""
    yield "source", photo
    yield "target", other
    for number, face in enumerate(result.faces, start=1):
        prefix = f"face{number}." if len(result.faces) > 1 else ""
        for name, image in face.images.items():
            yield prefix + name, image
    yield "mask", np.repeat(np.rint(result.mask * 255).astype(np.uint8)[..., None], 3, axis=2)
    yield "result", result.image


def _name(given: object) -> str | None:
    """Give the path of an input; None for one in memory."""
    return str(given) if isinstance(given, (str, os.PathLike)) else None


def _look(image: Image, face: Face, placed: FloatArray) -> Face:
    """Find the landmarks of a face that was put into a photo; where they are in doubt, those it was put to."""
    from ppgan_ext.faces.landmarks import sure_landmarks

    landmarks = sure_landmarks(image, face.box)
    return Face(face.box, placed if landmarks is None else landmarks)


def _pose(image: Image, face: Face) -> Pose:
    from ppgan_ext.faces.pose import head_pose

    return head_pose(face.landmarks, (image.shape[1], image.shape[0]))
