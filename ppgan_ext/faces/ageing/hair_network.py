"""Where a head patch shows hair and beard, found by a small network whose weights ship as ``hair.safetensors``."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.head_patch import SHAPE, HeadPatch
from ppgan_ext.faces.ageing.parts import skin_area, skin_weight
from ppgan_ext.faces.ageing.person import NUM_CHANNELS, head_channels, person_chance
from ppgan_ext.faces.ageing.unet import run_unet

_FILE = Path(__file__).parent / "hair.safetensors"
_FEW = 40  # pixels of skin that suffice to know its colour


class Chances(NamedTuple):
    """How likely each pixel of a patch is hair of the head, of a beard, or any of a person.

    All are (240, 192) in [0, 1], and 0 outside the photo.
    """

    hair: npt.NDArray[np.float32]
    beard: npt.NDArray[np.float32]
    person: npt.NDArray[np.float32]


def hair_chances(patch: HeadPatch) -> Chances:
    """Run the network."""
    values = channels(patch)
    hair, beard = run_unet(_FILE, values) * patch.inside
    return Chances(hair, beard, values[NUM_CHANNELS])


def channels(patch: HeadPatch) -> npt.NDArray[np.float32]:
    """Return what the network sees, (10, 240, 192).

    The channels of `head_channels` (8), the person, and how far the colour is from the face's skin.
    """
    seen = head_channels(patch)
    return np.concatenate([seen, person_chance(patch, seen)[None], _unlike_skin(patch)[None]])


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
