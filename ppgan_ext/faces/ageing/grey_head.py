"""Greying the hair, the brows and the beard of a head."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing import bands
from ppgan_ext.faces.ageing.facial_hair import beard_weight, brow_weight
from ppgan_ext.faces.ageing.greying import grey_amount, grey_hair, white_light
from ppgan_ext.faces.ageing.hair import Refusal, find_hair
from ppgan_ext.faces.ageing.hair_network import hair_chances
from ppgan_ext.faces.ageing.head_patch import head_patch
from ppgan_ext.types import FloatArray, Image

# Brows turn grey late, beards early.
_BROWS = 0.6
_BEARD = 0.9


class HeadOfHair(NamedTuple):
    """The hair of a head, in a region of the photo.

    Attributes:
        region: (left, top, right, bottom) in photo pixels, right and bottom outside.
        weight: (bottom - top, right - left) in [0, 1], how far each pixel turns grey.
        beard: of the same size, how far each pixel is a beard.
        refusal: why the hair of the head is left alone, or None.
    """

    region: tuple[int, int, int, int]
    weight: npt.NDArray[np.float32]
    beard: npt.NDArray[np.float32]
    refusal: Refusal | None


def find_head_of_hair(photo: Image, landmarks: FloatArray, femininity: float) -> HeadOfHair:
    """Find hair, brows and beard of a face.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2), photo pixels.
        femininity: 0 male, 1 female; a woman's face has no beard.
    """
    chances = hair_chances(head_patch(photo, landmarks))
    matte = find_hair(photo, landmarks, chances)
    left, top, right, bottom = matte.region
    part, points = photo[top:bottom, left:right], landmarks - np.array([left, top])
    beard = beard_weight(part, points, chances) * np.float32(1.0 - femininity)
    brows = brow_weight(part, points)
    weight = np.maximum(np.maximum(matte.alpha, np.float32(_BROWS) * brows), np.float32(_BEARD) * beard)
    return HeadOfHair(matte.region, weight, beard, matte.refusal)


def grey_head(photo: Image, hair: HeadOfHair, landmarks: FloatArray, age: float, amount: float, seed: int) -> Image:
    """Make the hair of a head as grey as it is at an age; what is grey already stays so.

    Args:
        photo: (H, W, 3) RGB uint8.
        hair: its hair.
        landmarks: (68, 2), photo pixels.
        age: the age to show, years.
        amount: the user's factor, 0 to 1.
        seed: decides which strands turn first.
    """
    share = grey_amount(age, amount)
    if share <= 0.0:
        return photo
    left, top, right, bottom = hair.region
    part, points = photo[top:bottom, left:right], landmarks - np.array([left, top])
    changed = grey_hair(part, hair.weight, share, points, seed, white_light(bands.linear(part), points))
    result = photo.copy()
    result[top:bottom, left:right] = np.clip(np.rint(changed), 0, 255).astype(np.uint8)
    return result
