"""Hair of the head over a face: it stays in the photo that is kept, and is not taken along from the person's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.hair_network import hair_chances
from ppgan_ext.faces.ageing.head_patch import head_patch, patch_to_picture
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
    """Find a head and its hair.

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.

    Raises:
        WeightsError: the networks' weights are missing or damaged.
    """
    chances = hair_chances(head_patch(picture, landmarks))
    hair, person = (
        np.clip((chance - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0)
        for chance, ends in ((chances.hair, _HAIR), (chances.person, _PERSON))
    )
    return Head(*(patch_to_picture(each, landmarks, picture.shape) for each in (hair, person)))


def find_hair_over(picture: Image, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Find hair of the head, (H, W) in [0, 1]; as `find_head`."""
    return find_head(picture, landmarks).hair
