"""People told from the background on a head patch, by a small network and the patch's own colours.

The network's weights ship as ``person.safetensors``. It is unsure beside the hair, where a pixel more is already seen
in the result; there the outline is drawn by `grab_cut`.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.grab_cut import foreground, grab_cut
from ppgan_ext.faces.head.head_patch import CENTRE, EYES, SHAPE, HeadPatch
from ppgan_ext.faces.head.unet import run_unet
from ppgan_ext.faces.landmarks import JAW_AND_BROWS
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.types import FloatArray

NUM_CHANNELS = 8
"""How many channels `head_channels` returns."""
_FILE = Path(__file__).parent / "person.safetensors"
_WHITE = 0.8  # the brightest twentieth of the patch, after its light is evened out
_MOST = 1.3
_SURELY_NOT, _SURELY = 0.05, 0.95
_LEAST_PIXELS = 50  # of person and of background: their colours are known
_LUMA = np.array([0.3, 0.6, 0.1], np.float32)


def person_chance(patch: HeadPatch, seen: FloatArray) -> npt.NDArray[np.float32]:
    """Return how likely each pixel shows a person, (240, 192) in [0, 1]; 0 outside the photo.

    Args:
        patch: the head.
        seen: its `head_channels`.

    Raises:
        WeightsError: the weights are missing or damaged.
    """
    chance = run_unet(_FILE, seen)[0] * patch.inside
    return np.asarray(_cut_out(patch, chance) * patch.inside, np.float32)


def _cut_out(patch: HeadPatch, chance: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Decide what is unsure by the colours of what is sure and by edges; the chance itself if too little is sure."""
    kinds = np.where(chance > 0.5, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    kinds[chance > _SURELY] = cv2.GC_FGD
    kinds[chance < _SURELY_NOT] = cv2.GC_BGD
    if min(np.count_nonzero(kinds == cv2.GC_FGD), np.count_nonzero(kinds == cv2.GC_BGD)) < _LEAST_PIXELS:
        return chance
    colours = np.clip(patch.picture, 0.0, 255.0).astype(np.uint8)
    grab_cut(colours, kinds, 1)
    return foreground(kinds)


def head_channels(patch: HeadPatch) -> npt.NDArray[np.float32]:
    """Return what every network sees of a patch, (8, 240, 192).

    Colour in evened light (3), the photo's extent, position (2), the face and its features.
    """
    colour = patch.picture / np.float32(255.0)
    inside = patch.inside
    light = (colour @ _LUMA)[inside > 0.5]
    bright = float(np.percentile(light, 95)) if light.size else 1.0
    even = np.clip(colour * np.float32(_WHITE / max(bright, 0.05)), 0.0, _MOST)
    down, across = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    face, features = (
        cv2.GaussianBlur(draw_part(patch.landmarks[points], SHAPE, 0), (0, 0), 2.0)
        for points in (JAW_AND_BROWS, slice(36, 68))
    )
    shown = (even - np.float32(0.5)) * inside[..., None]
    rest = [inside, (across - CENTRE[0]) / EYES / 3.0, (down - CENTRE[1]) / EYES / 4.0, face, features]
    return np.concatenate([shown.transpose(2, 0, 1), np.stack(rest)]).astype(np.float32)
