"""What lies over a face: it stays in the photo that is kept, and is not taken along from the person's."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.facial_hair import beard_weight
from ppgan_ext.faces.ageing.hair_network import hair_chances
from ppgan_ext.faces.ageing.head_patch import head_patch, patch_to_picture
from ppgan_ext.types import FloatArray, Image

_HAIR = (0.3, 0.7)  # chances of hair: not covered, and covered


class Covers(NamedTuple):
    """What lies over a face, (H, W) float32 in [0, 1] each.

    Attributes:
        hair: hair of the head.
        beard: beard and moustache.
    """

    hair: npt.NDArray[np.float32]
    beard: npt.NDArray[np.float32]

    @property
    def kept(self) -> npt.NDArray[np.float32]:
        """What of the photo lies over the fused face, (H, W)."""
        return np.maximum(self.hair, self.beard)


def find_covers(picture: Image, landmarks: FloatArray) -> Covers:
    """Find what lies over a face.

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.

    Raises:
        WeightsError: the networks' weights are missing or damaged.
    """
    chances = hair_chances(head_patch(picture, landmarks))
    hair = np.clip((chances.hair - _HAIR[0]) / (_HAIR[1] - _HAIR[0]), 0.0, 1.0)
    return Covers(patch_to_picture(hair, landmarks, picture.shape), beard_weight(picture, landmarks, chances))
