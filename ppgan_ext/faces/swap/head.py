"""The head around a face: its hair stays in the photo that is kept, and is not taken along from the person's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.head.hair import find_hair
from ppgan_ext.faces.head.hair_network import hair_chances
from ppgan_ext.faces.head.head_patch import head_patch, patch_to_picture
from ppgan_ext.types import FloatArray, Image

_HAIR = (0.3, 0.7)  # chances of hair: not covered, and covered
_PERSON = (0.7, 0.95)  # chances of a person, and not of what is behind: not sure, and sure


class Head(NamedTuple):
    """A head in a picture, (H, W) float32 in [0, 1] each.

    Attributes:
        hair: of the head.
        person: what surely belongs to the person, with neck and clothes.
    """

    hair: npt.NDArray[np.float32]
    person: npt.NDArray[np.float32]


def find_head(picture: Image, landmarks: FloatArray) -> Head:
    """Find a head and its hair: what the network sees, and what is joined to it in its colour, as fringes are.

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.

    Raises:
        WeightsError: the networks' weights are missing or damaged.
    """
    patch = head_patch(picture, landmarks)
    chances = hair_chances(patch)
    hair, person = (
        patch_to_picture(np.clip((chance - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0), landmarks, picture.shape)
        for chance, ends in ((chances.hair, _HAIR), (chances.person, _PERSON))
    )
    matte = find_hair(picture, landmarks, patch, chances)
    left, top, right, bottom = matte.region
    region = hair[top:bottom, left:right]
    region[:] = np.maximum(region, matte.alpha)
    return Head(hair, person)


def find_hair_over(picture: Image, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Find hair of the head, (H, W) in [0, 1]; as `find_head`."""
    return find_head(picture, landmarks).hair
