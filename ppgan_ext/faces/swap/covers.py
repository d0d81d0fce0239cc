"""Hair of the head over a face: it stays in the photo that is kept, and is not taken along from the person's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.hair_network import hair_chances
from ppgan_ext.faces.ageing.head_patch import head_patch, patch_to_picture
from ppgan_ext.types import FloatArray, Image

_HAIR = (0.3, 0.7)  # chances of hair: not covered, and covered


def find_hair_over(picture: Image, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Find hair of the head, (H, W) in [0, 1].

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.

    Raises:
        WeightsError: the networks' weights are missing or damaged.
    """
    chances = hair_chances(head_patch(picture, landmarks))
    hair = np.clip((chances.hair - _HAIR[0]) / (_HAIR[1] - _HAIR[0]), 0.0, 1.0)
    return patch_to_picture(hair, landmarks, picture.shape)
