"""A face seen in the frame: where its skin is bare, and its light by size of structure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.frame import Placement, draw
from ppgan_ext.faces.head import bands, parts
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.types import FloatArray, Image

_NECK = 0.8  # the neck ages by this share, as its place varies more between people
_LEAST_SKIN = 0.02  # share of the frame that must show bare skin


class Cover(NamedTuple):
    """What covers a face: how far it covers each pixel of a copy, (h, w) in [0, 1], and the landmarks (68, 2) there."""

    weight: npt.NDArray[np.float32]
    landmarks: FloatArray


class SkinView(NamedTuple):
    """A face in the frame, and its light by bands.

    Attributes:
        placement: where the frame lies in the photo.
        picture: (H, W, 3) RGB float32, 0 to 255.
        skin: (H, W) in [0, 1], bare skin.
        bands: (6, H, W) of log light.
        weight: (H, W) in [0, 1], where marks of age may lie: skin, and partly lids, whites of the eyes, brows, lips.
        skin_light: median luminance of the skin, linear.
    """

    placement: Placement
    picture: npt.NDArray[np.float32]
    skin: npt.NDArray[np.float32]
    bands: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    skin_light: float


def view_skin(
    photo: Image,
    landmarks: FloatArray,
    mean_face: FloatArray,
    scale: float,
    covers: Sequence[Cover] = (),
    with_neck: bool = True,
) -> SkinView | None:
    """Draw a face in the frame and separate its light into bands; None if there is no bare skin to speak of.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2), photo pixels.
        mean_face: (68, 2), the mean face in the frame.
        scale: frame pixels per pixel of the plain frame.
        covers: what covers the face: a beard, a mask, a hand, sunglasses.
        with_neck: marks lie on what the frame shows of the neck, too.
    """
    placement = Placement.of(landmarks, mean_face, scale)
    picture = np.clip(draw(photo, placement.field_to_frame()), 0.0, 255.0)
    eyes, shape = placement.eyes, picture.shape[:2]
    area = parts.skin_area(placement.frame_landmarks, shape)
    bare = _bare(placement, covers)
    # What covers the face has no say in what its skin looks like.
    hard = parts.without_crumbs(parts.skin_weight(picture, area * bare), eyes)
    neck = _NECK * parts.neck(picture, placement.frame_landmarks, hard) if with_neck else np.zeros_like(hard)
    face, skin = bands.blur(hard, 0.015 * eyes), bands.blur(np.maximum(hard, neck), 0.015 * eyes)
    if np.count_nonzero(skin > 0.6) < _LEAST_SKIN * skin.size:
        return None
    light = to_linear(picture)
    skin_light = float(np.median(luminance(light)[skin > 0.6]))
    separated = bands.split_parts(bands.log_light(light, skin_light), [face, neck], eyes)
    covered = bands.blur(np.clip(area - hard, 0.0, 1.0), 0.015 * eyes)
    weight = parts.mark_weight(placement.frame_landmarks, shape) * np.clip(1.0 - 1.4 * covered, 0.0, 1.0) * bare
    weight = np.maximum(weight, bands.blur(neck, 0.015 * eyes))
    return SkinView(placement, picture, skin, separated, weight.astype(np.float32), skin_light)


def _bare(placement: Placement, covers: Sequence[Cover]) -> npt.NDArray[np.float32]:
    """Return how far each pixel of the frame is not covered, (H, W) in [0, 1]."""
    bare = np.ones(placement.frame_size[::-1], np.float32)
    for cover in covers:
        if cover.weight.any():
            field = placement._replace(landmarks=cover.landmarks).field_to_frame()
            bare *= 1.0 - np.clip(1.3 * draw(cover.weight, field), 0.0, 1.0)
    return bare
