"""Where a face is covered, found by a small network whose weights ship as ``covers.safetensors``.

Convention: the network sees an upright copy of the face of `SHAPE` pixels (height, width) with `EYES` pixels between
the centres of the eyes; the point between them is at `CENTRE`. `docs/models/covers.md` is the network's card.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_centres, levelling
from ppgan_ext.faces.head.unet import run_unet
from ppgan_ext.faces.landmarks import LIPS
from ppgan_ext.faces.warp import warp
from ppgan_ext.types import FloatArray

EYES = 52.0
SHAPE = (160, 144)
CENTRE = (71.5, 50.0)
KINDS = ("frame", "lens", "dark_lens", "other")
"""The network's maps, in their order."""
NUM_CHANNELS = 6
_FILE = Path(__file__).parent / "covers.safetensors"
_WHITE, _MOST = 0.8, 1.3  # the brightest twentieth after the light is evened out, and the brightest pixel


class CoverChances(NamedTuple):
    """How likely each pixel of the copy shows a cover, (160, 144) float32 in [0, 1] each; 0 outside the photo.

    Attributes:
        frame: rims, bridge and temples of glasses.
        lens: a lens through which the face can be seen.
        dark_lens: a lens that hides the eye.
        other: a mask, a hand, a microphone or another object.
    """

    frame: npt.NDArray[np.float32]
    lens: npt.NDArray[np.float32]
    dark_lens: npt.NDArray[np.float32]
    other: npt.NDArray[np.float32]


def crop_matrix(landmarks: FloatArray) -> FloatArray:
    """Return the (2, 3) similarity from the photo to the network's copy."""
    points = np.asarray(landmarks, np.float64)
    right, left = eye_centres(points)
    # On a turned head the eyes are close together: then the way from them down to the mouth tells the size.
    down = points[LIPS].mean(axis=0) - (right + left) / 2
    across = left - right
    length = max(float(np.hypot(*across)), 0.9 * float(np.hypot(*down)), 1e-6)
    across = across / max(float(np.hypot(*across)), 1e-6)
    turn = EYES / length * levelling(across)
    return np.column_stack([turn, np.array(CENTRE) - turn @ ((right + left) / 2)])


def cover_chances(photo: npt.NDArray, landmarks: FloatArray) -> CoverChances:
    """Run the network on one face.

    Args:
        photo: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2), photo pixels.

    Raises:
        WeightsError: the weights are missing or damaged.
    """
    matrix, size = crop_matrix(landmarks), (SHAPE[1], SHAPE[0])
    picture = warp(np.asarray(photo, np.float32), matrix, size)
    ones = np.ones(photo.shape[:2], np.float32)
    inside = cv2.warpAffine(ones, matrix, size, flags=cv2.INTER_LINEAR)
    return CoverChances(*(run_unet(_FILE, channels(picture, inside)) * inside))


def channels(picture: FloatArray, inside: FloatArray) -> npt.NDArray[np.float32]:
    """Return what the network sees, (6, 160, 144): colour in evened light (3), the photo's extent, position (2).

    Args:
        picture: (160, 144, 3) RGB float32, 0 to 255.
        inside: (160, 144), 1 where the photo is.
    """
    colour = np.asarray(picture, np.float32) / np.float32(255.0)
    shown = inside > 0.5
    bright = float(np.percentile(colour.max(axis=2)[shown], 95)) if shown.any() else 1.0
    even = np.clip(colour * np.float32(_WHITE / max(bright, 0.05)), 0.0, _MOST)
    down, across = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    seen = (even - np.float32(0.5)) * inside[..., None]
    rest = [inside, (across - CENTRE[0]) / EYES, (down - CENTRE[1]) / EYES]
    return np.concatenate([seen.transpose(2, 0, 1), np.stack(rest)]).astype(np.float32)
