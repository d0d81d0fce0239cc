"""Where a head patch shows hair, found by a small network whose weights ship as ``hair.safetensors``.

It was distilled from MediaPipe's hair segmentation (Tkachenka et al., arXiv 1907.06740); `docs/models/hair.md` is its
card.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.head.head_patch import SHAPE, HeadPatch
from ppgan_ext.faces.head.parts import skin_area, skin_weight
from ppgan_ext.faces.head.person import head_channels, person_chance
from ppgan_ext.faces.head.unet import run_unet
from ppgan_ext.types import FloatArray

NUM_CHANNELS = 10
"""How many channels `channels` returns."""
_FILE = Path(__file__).parent / "hair.safetensors"
_FEW = 40  # pixels of skin that suffice to know its colour


class Chances(NamedTuple):
    """How likely each pixel of a patch is hair of the head, or any of a person.

    Both are (240, 192) in [0, 1], and 0 outside the photo.
    """

    hair: npt.NDArray[np.float32]
    person: npt.NDArray[np.float32]


def hair_chances(patch: HeadPatch) -> Chances:
    """Run the network.

    Raises:
        WeightsError: the weights are missing or damaged.
    """
    person = person_chance(patch, head_channels(patch))
    hair = run_unet(_FILE, channels(patch, person))[0] * patch.inside
    return Chances(hair, person)


def channels(patch: HeadPatch, person: FloatArray) -> npt.NDArray[np.float32]:
    """Return what the network sees, (10, 240, 192).

    The channels of `head_channels` (8), the person, and how far the colour is from the face's skin.
    """
    return np.concatenate([head_channels(patch), person[None], _unlike_skin(patch)[None]]).astype(np.float32)


def _unlike_skin(patch: HeadPatch) -> npt.NDArray[np.float32]:
    """Return the distance from the colour of the face's skin, (240, 192); 1 is eight robust deviations or more."""
    lab = cv2.cvtColor(patch.picture / np.float32(255.0), cv2.COLOR_RGB2LAB)
    skin = skin_weight(patch.picture, skin_area(patch.landmarks, SHAPE)) > 0.6
    if np.count_nonzero(skin) < _FEW:
        return np.zeros(SHAPE, np.float32)
    middle = np.median(lab[skin], axis=0)
    spread = np.maximum(1.5 * np.median(np.abs(lab[skin] - middle), axis=0), (5.0, 2.5, 2.5))
    apart = np.abs((lab - middle) / spread).max(axis=2)
    return np.asarray(np.minimum(apart / 8.0, 1.0), np.float32)
