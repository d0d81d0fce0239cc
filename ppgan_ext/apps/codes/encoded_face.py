"""From the faces of a photo to their latent codes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ppgan_ext import images
from ppgan_ext.apps.options import FaceWord
from ppgan_ext.errors import NoFaceError
from ppgan_ext.faces.align import crop_face
from ppgan_ext.faces.choice import choose, most_alike
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.light import normal_exposure, to_linear, to_srgb
from ppgan_ext.faces.paste import FaceBefore, look_before
from ppgan_ext.types import Crop, Face, FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.latents.tuning import Tuning

Refine: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]
Tune: TypeAlias = "Callable[[FloatArray, FloatArray], Tuning]"


@dataclass(frozen=True, eq=False)
class EncodedFace:
    """One face of a photo, its latent code, and how the model draws it.

    Attributes:
        face: where it is in the photo.
        crop: the aligned square, of the model's size and template.
        w_plus: its code, (n_latent, 512).
        pixels: the code rendered, (1, 3, S, S), about [-1, 1].
        encoded: the encoder's first estimate, by which a tuned model recognises the face, (n_latent, 512); None where
            the code itself is the encoder's.
        exposure: factor of linear light from the photo's face to `pixels`, see `light.normal_exposure`.
        tuning: a generator tuned to this face, which then draws it; None for the model's own.
    """

    face: Face
    crop: Crop
    w_plus: FloatArray
    pixels: FloatArray
    encoded: FloatArray | None = None
    exposure: float = 1.0
    tuning: Tuning | None = None

    def draw(self, engine: Engine, w_plus: FloatArray) -> FloatArray:
        """Render another code of this face, (n_latent, 512), as pixels, (1, 3, S, S)."""
        return render_pixels(engine if self.tuning is None else self.tuning, w_plus)

    def as_in_photo(self, drawn: FloatArray) -> Image:
        """Return what `draw` rendered, (1, 3, S, S), in the photo's exposure, (S, S, 3) RGB uint8."""
        return images.to_image(expose(drawn, 1.0 / self.exposure))

    @property
    def reconstruction(self) -> Image:
        """The code rendered in the photo's exposure, (S, S, 3) RGB uint8."""
        return self.as_in_photo(self.pixels)

    @cached_property
    def before(self) -> FaceBefore:
        """What is found in it before its edits, for `faces.paste.paste_back`."""
        return look_before(self.crop, self.pixels, self.face.landmarks)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the tuning to this face early."""
        return self.tuning is not None and self.tuning.interrupted


def choose_faces(
    photo: Image, which: FaceWord | Sequence[int], source: object = None, people: Sequence[FloatArray] = ()
) -> list[Face]:
    """Find the faces of a photo and keep those asked for; numbers count from 1, the largest.

    Args:
        photo: (H, W, 3) RGB.
        which: a word, or numbers, see `faces.choice.choose`.
        source: where the photo comes from; a path is named in errors.
        people: descriptors, (128,) each; if there are any, the faces of these people are kept instead.

    Raises:
        NoFaceError: no face, no face of such a number, or nobody of those asked for.
    """
    with _naming(source):
        faces = find_faces(photo)
        if not people:
            return choose(faces, which if isinstance(which, str) else list(which))
        alike = [most_alike(photo, faces, person) for person in people]
        return [face for number, face in enumerate(alike) if not any(face is other for other in alike[:number])]


def choose_face(photo: Image, number: int, source: object = None) -> tuple[Face, int]:
    """Find one face of a photo by its number, from 1, the largest, and how many there are; as `choose_faces`."""
    with _naming(source):
        faces = find_faces(photo)
        (face,) = choose(faces, [number])
        return face, len(faces)


@contextlib.contextmanager
def _naming(source: object) -> Iterator[None]:
    """Name a photo, if it has a path, in an error about its faces."""
    try:
        yield
    except NoFaceError as error:
        where = source if isinstance(source, (str, os.PathLike)) else None
        raise NoFaceError(error.what, where=where, cure=error.cure) from error


def encode_face(
    engine: Engine,
    photo: Image,
    face: Face,
    refine: Refine | None = None,
    tune: Tune | None = None,
    even_exposure: bool = False,
) -> EncodedFace:
    """Crop a face, find its code and render it.

    Args:
        engine: a model with an encoder.
        photo: (H, W, 3) RGB.
        face: one face of it.
        refine: computes a better code from the crop's pixels, (1, 3, S, S), and the encoder's code.
        tune: tunes a copy of the generator that draws these pixels from the code.
        even_exposure: show a dark or glaring photo to the networks in the exposure of the faces that they know.

    Raises:
        ConfigError: the model has no encoder.
    """
    synthesizer = engine.synthesizer
    crop = crop_face(photo, face, template=engine.face_model.record.crop, size=synthesizer.size)
    exposure = _exposure(engine, photo, crop) if even_exposure else 1.0
    pixels = expose(images.to_pixels(crop.image), exposure)
    encoded = engine.encode(pixels, num_passes=1)[0]
    tuned_before = engine.face_model.tuned
    pivot = None if tuned_before is None else tuned_before.pivot_of(encoded)
    w_plus = engine.correct(encoded[None])[0] if pivot is None else pivot
    if refine is not None:
        w_plus = refine(pixels, w_plus)
    tuning = None if tune is None else tune(pixels, w_plus)
    drawn = render_pixels(engine, w_plus) if tuning is None else tuning.pixels
    return EncodedFace(face, crop, w_plus, drawn, encoded, exposure, tuning)


def _exposure(engine: Engine, photo: Image, crop: Crop) -> float:
    """Return the factor of light to a normal exposure; 1 where the model is tuned to the photo as it is."""
    exposure = normal_exposure(photo, crop.image)
    tuned = engine.face_model.tuned
    if tuned is None or exposure == 1.0:
        return exposure
    as_it_is = engine.encode(images.to_pixels(crop.image), num_passes=1)[0]
    return exposure if tuned.pivot_of(as_it_is) is None else 1.0


def expose(pixels: FloatArray, factor: float) -> FloatArray:
    """Multiply the linear light of pixels, (N, 3, H, W) in [-1, 1], by a factor; highlights are clipped."""
    if factor == 1.0:
        return pixels
    levels = (np.asarray(pixels, np.float32) + 1.0) * np.float32(127.5)
    return to_srgb(to_linear(levels) * np.float32(factor)) / np.float32(127.5) - np.float32(1.0)


def render_image(engine: Engine | Tuning, w_plus: FloatArray) -> Image:
    """Render one code, (n_latent, 512), as an image, (S, S, 3) RGB uint8."""
    return images.to_image(render_pixels(engine, w_plus))


def render_pixels(engine: Engine | Tuning, w_plus: FloatArray) -> FloatArray:
    """Render one code, (n_latent, 512), as pixels, (1, 3, S, S), about [-1, 1]: not rounded before they are pasted."""
    return engine.synthesizer.render(np.ascontiguousarray(w_plus, dtype=np.float32)[None])
