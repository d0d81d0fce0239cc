"""All of a head's hair turned grey: on the head, in the brows, in the beard."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.facial_hair import beard_weight, brow_weight, darkness
from ppgan_ext.faces.ageing.greying import grey_hair, white_light
from ppgan_ext.faces.ageing.hair import Refusal, find_hair
from ppgan_ext.faces.ageing.hair_network import hair_chances
from ppgan_ext.faces.ageing.head_patch import head_patch, region_of
from ppgan_ext.types import FloatArray

# How far brows and beards go with the hair of the head.
_BROWS = 0.6
_BEARD = 0.85


class Greyed(NamedTuple):
    """A picture with grey hair.

    Attributes:
        picture: (H, W, 3), 0 to 255.
        refusal: why the hair of the head is unchanged, or None.
    """

    picture: npt.NDArray
    refusal: Refusal | None


def grey_head(picture: npt.NDArray, landmarks: FloatArray, amount: float, seed: int = 0) -> Greyed:
    """Turn the hair of one head grey.

    Args:
        picture: (H, W, 3) sRGB, 0 to 255.
        landmarks: (68, 2) in the picture.
        amount: how grey, 0 to 1; see `greying.grey_amount`.
        seed: decides which strands turn first.
    """
    if amount <= 0.0:
        return Greyed(picture, None)
    left, top, right, bottom = region_of(landmarks, picture.shape)
    part, points = picture[top:bottom, left:right], np.asarray(landmarks, np.float64) - (left, top)
    chances = hair_chances(head_patch(part, points))
    matte = find_hair(part, points, chances)
    white = white_light(part, points)
    hair = np.zeros(part.shape[:2], np.float32)
    x, y = matte.region[:2]
    hair[y : y + matte.alpha.shape[0], x : x + matte.alpha.shape[1]] = matte.alpha * np.float32(matte.confidence)
    brows = brow_weight(part, points) * (1.0 - hair)
    beard = beard_weight(part, points, chances)
    if beard.any():
        beard *= darkness(part, points) * (1.0 - hair)
    changed = part
    # One after the other, since each has a light of its own.
    for weight, share in ((hair, 1.0), (brows, _BROWS), (beard, _BEARD)):
        changed = grey_hair(changed, weight, share * min(amount, 1.0), points, seed, white)
    result = picture.copy()
    result[top:bottom, left:right] = changed
    return Greyed(result, matte.refusal)
