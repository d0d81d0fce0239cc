"""What lies over a face: it stays in the photo that is kept, and is not taken along from the person's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.beard import BeardCover, beard_chances, beard_covers
from ppgan_ext.faces.ageing.hair_network import hair_chances
from ppgan_ext.faces.ageing.head_patch import head_patch, patch_to_picture
from ppgan_ext.types import FloatArray, Image

_HAS_BEARD = (0.5, 0.8)  # chances of a part of a beard: the person has none, and has one
_HAIR = (0.3, 0.7)  # chances of hair: not covered, and covered


class Covers(NamedTuple):
    """What lies over a face.

    Attributes:
        hair: (H, W) float32 in [0, 1], hair of the head.
        beard: beard and moustache.
    """

    hair: npt.NDArray[np.float32]
    beard: BeardCover


def find_covers(picture: Image, landmarks: FloatArray, beard: Mapping[str, float] | None = None) -> Covers:
    """Find what lies over a face.

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.
        beard: how far each part of a beard counts, 0 to 1 by `ageing.beard.PARTS`; 1 where nothing is said.

    Raises:
        WeightsError: the networks' weights are missing or damaged.
    """
    return Covers(find_hair_over(picture, landmarks), beard_covers(picture, landmarks, beard))


def find_hair_over(picture: Image, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Find hair of the head, (H, W) in [0, 1]; as `find_covers`."""
    chances = hair_chances(head_patch(picture, landmarks))
    hair = np.clip((chances.hair - _HAIR[0]) / (_HAIR[1] - _HAIR[0]), 0.0, 1.0)
    return patch_to_picture(hair, landmarks, picture.shape)


def covers_that_stay(picture: Image, landmarks: FloatArray, person: Image, person_landmarks: FloatArray) -> Covers:
    """Find what of the photo lies over the person's face.

    A moustache without a beard stays if the person has none: two over each other are none. A beard reaches beyond the
    face that is put in, so all of it stays.

    Args:
        picture: (H, W, 3) RGB uint8, the photo.
        landmarks: (68, 2) in it.
        person: (H', W', 3) RGB uint8.
        person_landmarks: (68, 2) in it.
    """
    has, own = (
        {part: float(np.interp(chance, _HAS_BEARD, (0.0, 1.0))) for part, chance in beard_chances(*face).items()}
        for face in ((person, person_landmarks), (picture, landmarks))
    )
    beyond = max(own.get("goatee", 0.0), own.get("whiskers", 0.0))
    return find_covers(picture, landmarks, {"moustache": max(1.0 - has.get("moustache", 0.0), beyond)})
