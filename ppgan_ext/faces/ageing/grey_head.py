"""All of a head's hair turned grey: on the head, in the brows, in the beard."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.facial_hair import beard_weight, brow_weight, darkness
from ppgan_ext.faces.ageing.greying import grey_amount, grey_hair, white_light
from ppgan_ext.faces.ageing.hair import Refusal, find_hair
from ppgan_ext.faces.ageing.hair_network import hair_chances
from ppgan_ext.faces.ageing.head_patch import head_patch, region_of
from ppgan_ext.types import FloatArray, Image

# How far brows and beards go with the hair of the head.
_BROWS = 0.35
_BEARD = 0.85


class HeadOfHair(NamedTuple):
    """The hair of a head, in a region of the photo; (bottom - top, right - left) in [0, 1] each.

    Attributes:
        region: (left, top, right, bottom) in photo pixels, right and bottom outside.
        hair: how far each pixel is hair of the head.
        brows: how far each pixel is hair of the brows.
        beard: how far each pixel is covered by a beard.
        refusal: why the hair of the head is left alone, or None.
    """

    region: tuple[int, int, int, int]
    hair: npt.NDArray[np.float32]
    brows: npt.NDArray[np.float32]
    beard: npt.NDArray[np.float32]
    refusal: Refusal | None


def find_head_of_hair(photo: Image, landmarks: FloatArray, femininity: float) -> HeadOfHair:
    """Find hair, brows and beard of a face.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2), photo pixels.
        femininity: 0 male, 1 female; a woman's face has no beard.
    """
    region = region_of(landmarks, photo.shape)
    left, top, right, bottom = region
    part, points = photo[top:bottom, left:right], np.asarray(landmarks, np.float64) - (left, top)
    chances = hair_chances(head_patch(part, points))
    matte = find_hair(part, points, chances)
    hair = np.zeros(part.shape[:2], np.float32)
    x, y = matte.region[:2]
    hair[y : y + matte.alpha.shape[0], x : x + matte.alpha.shape[1]] = matte.alpha * np.float32(matte.confidence)
    brows = brow_weight(part, points) * (1.0 - hair)
    beard = beard_weight(part, points, chances) * np.float32(1.0 - femininity)
    return HeadOfHair(region, hair, brows, beard, matte.refusal)


def grey_head(photo: Image, head: HeadOfHair, landmarks: FloatArray, age: float, amount: float, seed: int) -> Image:
    """Make the hair of a head as grey as it is at an age; what is grey already stays so.

    Args:
        photo: (H, W, 3) RGB uint8.
        head: its hair.
        landmarks: (68, 2), photo pixels.
        age: the age to show, years.
        amount: the user's factor, 0 to 1.
        seed: decides which strands turn first.
    """
    share = grey_amount(age, amount)
    if share <= 0.0:
        return photo
    left, top, right, bottom = head.region
    part, points = photo[top:bottom, left:right], np.asarray(landmarks, np.float64) - (left, top)
    white = white_light(part, points)
    beard = head.beard * darkness(part, points) * (1.0 - head.hair) if head.beard.any() else head.beard
    changed = part
    # One after the other, since each has a light of its own.
    for weight, of_hair in ((head.hair, 1.0), (head.brows, _BROWS), (beard, _BEARD)):
        changed = grey_hair(changed, weight, of_hair * share, points, seed, white)
    result = photo.copy()
    result[top:bottom, left:right] = changed
    return result
