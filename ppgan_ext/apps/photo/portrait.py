"""From a whole photo to the codes of its faces, and from changed codes back to the whole photo."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ppgan_ext import images, pictures
from ppgan_ext.errors import NoFaceError
from ppgan_ext.types import Crop, Face, FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.latents.tuning import Tuning

_STRIP_HEIGHT = 256
Refine: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]
Tune: TypeAlias = "Callable[[FloatArray, FloatArray], Tuning | None]"


@dataclass(frozen=True, eq=False)
class Portrait:
    """One face of a photo and what the model makes of it.

    Attributes:
        face: where it is.
        crop: the aligned square, of the model's size and template.
        w_plus: its code, (n_latent, 512).
        pixels: the code rendered, (1, 3, S, S), about [-1, 1].
        encoded: what the encoder said at first sight, (n_latent, 512); None: what it would say is the code.
        tuning: a generator tuned to this face, which then draws it; None for the model's own.
    """

    face: Face
    crop: Crop
    w_plus: FloatArray
    pixels: FloatArray
    encoded: FloatArray | None = None
    tuning: Tuning | None = None

    def draw(self, engine: Engine, w_plus: FloatArray) -> FloatArray:
        """Render another code of this face, (n_latent, 512), as pixels, (1, 3, S, S)."""
        return render_pixels(engine if self.tuning is None else self.tuning, w_plus)

    @property
    def reconstruction(self) -> Image:
        """The code rendered, (S, S, 3) RGB uint8."""
        return images.to_image(self.pixels)


def choose_faces(photo: Image, which: Literal["all", "largest"] | Sequence[int], source: object = None) -> list[Face]:
    """Find the faces of a photo and keep those asked for; numbers count from 1, the largest.

    Args:
        photo: (H, W, 3) RGB.
        which: "all", "largest", or numbers.
        source: where the photo comes from; a path is named in errors.

    Raises:
        NoFaceError: no face, or no face of such a number.
    """
    from ppgan_ext.faces.detect import choose, find_faces

    where = source if isinstance(source, (str, os.PathLike)) else None
    try:
        return choose(find_faces(photo), which if isinstance(which, str) else list(which))
    except NoFaceError as error:
        raise NoFaceError(error.what, where=where, cure=error.cure) from error


def invert(
    engine: Engine, photo: Image, face: Face, refine: Refine | None = None, tune: Tune | None = None
) -> Portrait:
    """Cut a face out, find its code and render it.

    Args:
        engine: a model with an encoder.
        photo: (H, W, 3) RGB.
        face: one face of it.
        refine: makes a better code from the crop's pixels, (1, 3, S, S), and the encoder's code.
        tune: makes a generator that draws these pixels from the code.

    Raises:
        ConfigError: the model has no encoder.
    """
    from ppgan_ext.faces.align import crop_face

    synthesizer = engine.synthesizer
    crop = crop_face(photo, face, template=engine.face_model.record.crop, size=synthesizer.size)
    pixels = images.to_pixels(crop.image)
    encoded = engine.encode(pixels, num_passes=1)[0]
    known = engine.face_model.tuned
    pivot = None if known is None else known.pivot_of(encoded)
    w_plus = engine.correct(encoded[None])[0] if pivot is None else pivot
    if refine is not None:
        w_plus = refine(pixels, w_plus)
    tuning = None if tune is None else tune(pixels, w_plus)
    drawn = render_pixels(engine, w_plus) if tuning is None else tuning.pixels
    return Portrait(face, crop, w_plus, drawn, encoded, tuning)


def render_image(engine: Engine | Tuning, w_plus: FloatArray) -> Image:
    """Render one code, (n_latent, 512), as an image."""
    return images.to_image(render_pixels(engine, w_plus))


def render_pixels(engine: Engine | Tuning, w_plus: FloatArray) -> FloatArray:
    """Render one code, (n_latent, 512), as pixels, (1, 3, S, S), about [-1, 1]: no rounding before they are pasted."""
    return engine.synthesizer.render(np.ascontiguousarray(w_plus, dtype=np.float32)[None])


def paste_all(photo: Image, portraits: Sequence[Portrait], edited: Sequence[FloatArray], blend: str) -> Image:
    """Put an edited face, (1, 3, S, S) pixels, back for each portrait; pixels outside the faces stay bit-equal."""
    from ppgan_ext.faces.paste import paste_back

    result = photo
    for portrait, face in zip(portraits, edited, strict=True):
        result = paste_back(result, portrait.crop, portrait.pixels, face, portrait.face.landmarks, blend=blend)
    return result


def shrink(photo: Image, portraits: Sequence[Portrait], longest: int) -> tuple[Image, list[Portrait]]:
    """Scale a photo down to ``longest`` pixels on its long side, and the places of its faces with it.

    Convention: pixel centres lie at integers, so x in the photo is (x + 0.5) * factor - 0.5 in the small photo.
    """
    height, width = photo.shape[:2]
    factor = min(1.0, longest / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    factors = np.array([size[0] / width, size[1] / height])
    small_to_photo = np.diag([*(1 / factors), 1.0])
    small_to_photo[:2, 2] = 0.5 / factors - 0.5
    small = []
    for portrait in portraits:
        matrix = portrait.crop.matrix_photo_to_crop @ small_to_photo
        landmarks = (portrait.face.landmarks + 0.5) * factors - 0.5
        crop = replace(portrait.crop, matrix_photo_to_crop=matrix)
        small.append(replace(portrait, crop=crop, face=replace(portrait.face, landmarks=landmarks)))
    return images.resize(photo, size), small


def comparison(
    photo: Image,
    edited: Sequence[Image],
    portraits: Sequence[Portrait],
    labels: Sequence[Sequence[str]],
    face_labels: Sequence[str],
) -> Image:
    """Draw a labelled row for each face: as in the photo, its reconstruction, then as in each edited photo.

    Args:
        photo: (H, W, 3) RGB.
        edited: for each variant the whole photo.
        portraits: the faces.
        labels: for each variant the label of each face.
        face_labels: for each face the label of its reconstruction.
    """
    from ppgan_ext.faces.align import crop_face

    rows = []
    for i, portrait in enumerate(portraits):
        before, *after = (
            crop_face(picture, portrait.face, template=portrait.crop.template, size=_STRIP_HEIGHT).image
            for picture in (photo, *edited)
        )
        tiles = [before, portrait.reconstruction, *after]
        rows.append(pictures.strip(tiles, ["photo", face_labels[i], *(label[i] for label in labels)], _STRIP_HEIGHT))
    return np.concatenate(rows, axis=0)
