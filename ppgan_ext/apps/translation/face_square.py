"""Faces cut out for a network that was trained on aligned ones, and its results pasted back into the photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ppgan_ext.faces.align import crop_matrix
from ppgan_ext.faces.cartoon_crop import cartoon_matrix
from ppgan_ext.faces.head.head_matte import head_matte
from ppgan_ext.faces.warp import invert, rectangle_around, transform_points, warp
from ppgan_ext.types import Face, FloatArray, Image

# Share of the square over which a pasted result fades at its border, which a tight one has on skin and hair.
_FADE = {"ffhq": 0.05, "cartoon": 0.05, "tight": 0.15}
_WHITE = 255.0


@dataclass(frozen=True, eq=False)
class FaceSquare:
    """A face cut out of a photo.

    Attributes:
        image: (S, S, 3) RGB uint8, as the photo shows it.
        seen: the same as the network gets it: with white behind the head if asked for.
        matrix: (2, 3), from photo pixels to the square's.
        matte: (S, S) in [0, 1], what belongs to the person.
        fade: share of the square over which a pasted result fades at its border.
    """

    image: Image
    seen: Image
    matrix: FloatArray
    matte: FloatArray
    fade: float


def cut_face(
    photo: Image, face: Face, crop: str, size: int, white: bool, person: FloatArray | None = None
) -> FaceSquare:
    """Cut a face out of a photo.

    Args:
        photo: (H, W, 3) RGB uint8.
        face: one face of it.
        crop: "ffhq", "tight" or "cartoon".
        size: side of the square.
        white: put white behind the person. Outside the photo it is white then and in cartoons' squares, else the
            photo's reflection.
        person: the `head_matte` of the face, if it is known already, (H, W).
    """
    if crop == "cartoon":
        matrix = cartoon_matrix(face.landmarks, size)
    else:
        matrix = crop_matrix(face.landmarks, crop, size)
    outside = _WHITE if white or crop == "cartoon" else None
    image = warp(photo, matrix, (size, size), outside)
    person = head_matte(photo, face.landmarks) if person is None else person
    matte = np.clip(warp(person, matrix, (size, size), 0.0), 0.0, 1.0)
    return FaceSquare(image, on_white(image, matte) if white else image, matrix, matte, _FADE[crop])


def on_white(image: Image, matte: FloatArray) -> Image:
    """Put white where the matte, (S, S), is 0."""
    share = matte[..., None]
    return np.rint(image * share + np.float32(_WHITE) * (1 - share)).astype(np.uint8)


def paste_square(photo: Image, square: FaceSquare, translated: Image) -> Image:
    """Paste a translated face back, within the person and fading at the square's border.

    Args:
        photo: (H, W, 3) RGB uint8.
        square: the face as it was cut out.
        translated: (S, S, 3) RGB uint8.

    Returns:
        A new photo; where the square does not reach, its bits are unchanged.
    """
    size = translated.shape[0]
    corners = np.array([[-0.5, -0.5], [size - 0.5, -0.5], [-0.5, size - 0.5], [size - 0.5, size - 0.5]])
    left, top, right, bottom = rectangle_around(transform_points(corners, invert(square.matrix)), photo.shape)
    result = photo.copy()
    if left >= right or top >= bottom:
        return result
    shift = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top]])
    back = invert(square.matrix)
    to_part = np.hstack([back[:, :2], back[:, 2:] + shift[:, 2:]])
    part = (right - left, bottom - top)
    mask = _border(size, square.fade) * square.matte
    share = np.clip(warp(mask.astype(np.float32), to_part, part, 0.0), 0.0, 1.0)[..., None]
    drawn = warp(translated.astype(np.float32), to_part, part)
    before = photo[top:bottom, left:right].astype(np.float32)
    mixed = np.rint(np.clip(before + (drawn - before) * share, 0.0, 255.0)).astype(np.uint8)
    result[top:bottom, left:right] = np.where(share > 0, mixed, photo[top:bottom, left:right])
    return result


def _border(size: int, fade: float) -> FloatArray:
    """Return 1 inside a square and a smooth fall to 0 at its border, (size, size)."""
    distance = np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5
    ramp = np.minimum(distance / (fade * size), 1.0)
    ramp = ramp * ramp * (3 - 2 * ramp)
    return np.outer(ramp, ramp).astype(np.float32)
