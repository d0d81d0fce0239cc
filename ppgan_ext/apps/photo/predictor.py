"""Editing every chosen face of a whole photo: the course of events that ageing and other edits share."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ppgan_ext import images
from ppgan_ext.apps.batch import BatchResult, Job
from ppgan_ext.apps.codes import inversion
from ppgan_ext.apps.options import ModelOptions, PhotoOptions
from ppgan_ext.apps.photo import portrait as faces_of
from ppgan_ext.apps.photo.portrait import Portrait
from ppgan_ext.apps.predictor import Predictor, Results
from ppgan_ext.errors import ConfigError
from ppgan_ext.images import ImageSource
from ppgan_ext.types import Face, FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.latents.directions import Direction

FRAMES_BETWEEN_STOPS = 12
FRAMES_PER_SECOND = 12.0
LONGEST_SIDE = {"gif": 512, "mp4": 1024}


class FacePreview(NamedTuple):
    """The photo with its faces numbered, and the faces, largest first."""

    preview: Image
    faces: list[Face]


@dataclass(frozen=True, eq=False)
class Variant:
    """One result to make of a photo.

    Attributes:
        name: part of the file name, e.g. "age+20".
        label: under the tile of the strip; one for each face.
        codes: for each face the edited code, (n_latent, 512).
        position: place in the animation; the unedited photo stands at 0.
    """

    name: str
    label: list[str]
    codes: list[FloatArray]
    position: float


@dataclass(frozen=True, eq=False)
class PhotoEdit:
    """What came of a photo.

    Attributes:
        photo: the photo as read, upright.
        portraits: the chosen faces.
        variants: what was asked for.
        edited: for each variant the whole photo.
        strip: for each face a labelled row.
    """

    photo: Image
    portraits: list[Portrait]
    variants: list[Variant]
    edited: list[Image]
    strip: Image


class PhotoPredictor(Predictor):
    """Base of the predictors that edit the faces of whole photos."""

    strip_name = "edit"

    def list_faces(self, image: ImageSource | Sequence[ImageSource]) -> FacePreview | BatchResult[FacePreview]:
        """Find the faces, write ``<stem>.faces.png`` with their numbers, and return both."""
        return self.run_each(image, self.list_job)

    def list_job(self, job: Job) -> FacePreview:
        """List the faces of one photo."""
        from ppgan_ext.faces.preview import numbered_preview

        results = self.results()
        self.files = results.files
        photo = images.read_image(job.source)
        faces = faces_of.choose_faces(photo, "all", job.source)
        preview = numbered_preview(photo, faces)
        results.image(f"{job.stem}.faces.png", preview)
        return FacePreview(preview, faces)

    def wanted(self, options: PhotoOptions) -> list[str]:
        """Name the directions that the options ask for."""
        raise NotImplementedError

    def prepare(self, options: ModelOptions) -> None:
        """Check the directions and layers too."""
        assert isinstance(options, PhotoOptions)
        if options.list_faces:
            self.results()
            return
        super().prepare(options)
        self.directions(options.direction_path, self.wanted(options))
        layer_numbers(options.layers or [], self.n_latent)

    def variants(
        self, portraits: Sequence[Portrait], options: PhotoOptions, directions: Mapping[str, Direction]
    ) -> list[Variant]:
        """Say what is to be made of the faces."""
        raise NotImplementedError

    def edit_photo(self, job: Job, options: PhotoOptions) -> PhotoEdit:
        """Read, find, invert, edit, paste, write.

        Raises:
            InputError: the picture cannot be read.
            NoFaceError: no face, or not the one asked for.
            ConfigError: the model cannot do it, or an unknown direction.
        """
        results = self.results()
        self.files, self.interrupted = results.files, False
        photo = images.read_image(job.source)
        chosen = faces_of.choose_faces(photo, options.faces, job.source)
        directions = self.directions(options.direction_path, self.wanted(options))
        layer_numbers(options.layers or [], self.n_latent)
        portraits = []
        for number, face in enumerate(chosen, start=1):
            self.progress("reading faces", number - 1, len(chosen))
            refine = inversion.refiner(self, options, number)
            tune = inversion.tuner(self, options, f"tuning to face {number}")
            portraits.append(faces_of.invert(self.engine, photo, face, refine, tune))
        variants = self.variants(portraits, options, directions)
        edited = []
        for done, variant in enumerate(variants):
            self.progress("editing", done, len(variants))
            drawn = self._draw(portraits, variant.codes)
            edited.append(faces_of.paste_all(photo, portraits, drawn, options.blend))
            results.image(f"{job.stem}.{variant.name}.{options.photo_format}", edited[-1])
        labels = [variant.label for variant in variants]
        strip = faces_of.comparison(photo, edited, portraits, labels, self.face_labels(portraits, directions))
        results.image(f"{job.stem}.{self.strip_name}.strip.png", strip)
        for number, portrait in enumerate(portraits, start=1):
            suffix = f".face{number}" if len(portraits) > 1 else ""
            results.code(f"{job.stem}{suffix}.npy", portrait.w_plus)
            if options.save_tuned:
                inversion.save(results, f"{job.stem}{suffix}", self.engine, portrait.tuning, [portrait])
        self._animate(job, options, photo, portraits, variants, results)
        return PhotoEdit(photo, portraits, variants, edited, strip)

    def face_labels(self, portraits: Sequence[Portrait], directions: Mapping[str, Direction]) -> list[str]:
        """Text under each face's reconstruction."""
        return ["reconstruction"] * len(portraits)

    def _draw(self, portraits: Sequence[Portrait], codes: Sequence[FloatArray]) -> list[FloatArray]:
        """Render one code for each face, by the generator that was tuned to it where there is one."""
        return [portrait.draw(self.engine, code) for portrait, code in zip(portraits, codes, strict=True)]

    def _animate(
        self,
        job: Job,
        options: PhotoOptions,
        photo: Image,
        portraits: Sequence[Portrait],
        variants: Sequence[Variant],
        results: Results,
    ) -> None:
        """Write the animations that were asked for: there and back through all variants."""
        for kind, wanted in (("gif", options.save_gif), ("mp4", options.save_mp4)):
            if not wanted or results.folder is None:
                continue
            small, small_portraits = faces_of.shrink(photo, portraits, LONGEST_SIDE[kind])
            stops = animation_stops([portrait.w_plus for portrait in portraits], variants)
            paths = list(between(stops, FRAMES_BETWEEN_STOPS))
            frames = []
            for done, codes in enumerate(paths):
                self.progress(f"drawing the {kind.upper()}", done, len(paths))
                tiles = self._draw(portraits, codes)
                frames.append(faces_of.paste_all(small, small_portraits, tiles, options.blend))
            there_and_back = frames + frames[-2:0:-1]
            results.animation(f"{job.stem}.{self.strip_name}.{kind}", there_and_back, FRAMES_PER_SECOND)


def animation_stops(original: Sequence[FloatArray], variants: Sequence[Variant]) -> list[list[FloatArray]]:
    """Order the codes that an animation passes through, the unedited ones included unless a variant stands at 0."""
    stops = [(variant.position, variant.codes) for variant in variants]
    if all(position != 0.0 for position, _ in stops):
        stops.append((0.0, list(original)))
    return [codes for _, codes in sorted(stops, key=lambda stop: stop[0])]


def between(stops: Sequence[Sequence[FloatArray]], num_frames: int) -> Iterator[list[FloatArray]]:
    """Pass through ``stops`` in straight lines with a soft start and end at each, ``num_frames`` from stop to stop.

    Args:
        stops: for each stop the codes of all faces.
        num_frames: frames from one stop up to, not including, the next.

    Yields:
        The codes of all faces for each frame, the last stop included.
    """
    for first, second in itertools.pairwise(stops):
        for frame in range(num_frames):
            share = 0.5 - 0.5 * np.cos(np.pi * frame / num_frames)
            yield [a + np.float32(share) * (b - a) for a, b in zip(first, second, strict=True)]
    yield list(stops[-1])


def apply_edits(
    w_plus: FloatArray, directions: Mapping[str, Direction], edits: Mapping[str, float], layers: Sequence[str] | None
) -> FloatArray:
    """Apply edits to a code, (n_latent, 512), on the layers asked for."""
    from ppgan_ext.latents.directions import apply

    chosen = None if layers is None else layer_numbers(layers, len(w_plus))
    return apply(w_plus, directions, dict(edits), layers=chosen)


def layer_numbers(layers: Sequence[str], n_latent: int) -> list[int]:
    """Turn layer numbers, ranges and level names into sorted numbers.

    Example:
        >>> layer_numbers(["1", "middle", "9-"], 12)
        [1, 4, 5, 6, 7, 9, 10, 11]

    Raises:
        ConfigError: a layer that the model does not have, or a range that runs backwards.
    """
    from ppgan_ext.latents.mixing import LEVELS, level_layers

    chosen: set[int] = set()
    for item in layers:
        if item in LEVELS:
            chosen.update(level_layers(item, n_latent))
            continue
        first, dash, last = item.partition("-")
        start, stop = int(first), int(last) if last else (n_latent - 1 if dash else int(first))
        if not start <= stop < n_latent:
            cure = f"Choose from 0 to {n_latent - 1}, or coarse, middle, fine"
            raise ConfigError(f"there is no layer '{item}' in this model", where="layers", cure=cure)
        chosen.update(range(start, stop + 1))
    return sorted(chosen)
