"""Hair over the forehead: a network that knows heads by their outline takes it for face."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance, upwards
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.parts import skin_area, skin_weight
from ppgan_ext.faces.landmarks import BOTH_BROWS, BROWS
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.faces.morphology import disc, pieces_at
from ppgan_ext.types import FloatArray

# Lengths are shares of the eyes' distance.
_HEIGHT, _WIDER, _BROW_WIDTH = 1.1, 0.15, 0.1
_NEARBY = 0.3  # width of the Gaussian for the hair's light and colour nearby
_NEXT = 0.06  # how near to known hair a fringe begins
_LIGHTER = (0.5, 1.0)  # log light above the hair's nearby: hair, and something else
_COLOUR = (9.0, 16.0)  # distance of CIE Lab's a and b, likewise
_DARKER = (0.9, 1.3)  # log light by which hair must be darker than skin to be told from it
_FLOOR = 0.02
_LEAST = 0.02  # weight of hair nearby below which its colour is not known


def fringe(picture: npt.NDArray, landmarks: FloatArray, hair: FloatArray, skin: FloatArray) -> npt.NDArray[np.float32]:
    """Find hair over the forehead that is joined to known hair, and has its colour.

    Only hair that is clearly darker than the face's skin is found.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in the picture.
        hair: (H, W) in [0, 1], the hair known.
        skin: (H, W) in [0, 1], bare skin, see `bare_skin`.

    Returns:
        (H, W) in [0, 1], how far each pixel is hair of a fringe; 0 where it is known hair or no forehead.
    """
    none = np.zeros(hair.shape, np.float32)
    eyes = eye_distance(landmarks)
    face = skin_weight(picture, skin_area(landmarks, hair.shape)) > 0.6
    if not face.any() or not (hair > 0.5).any():
        return none
    lab = cv2.cvtColor(np.asarray(picture, np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    light = luminance(cv2.GaussianBlur(to_linear(picture), (0, 0), 0.7))
    tone = max(float(np.median(light[face])), 1e-4)
    logs = np.log(light / np.float32(tone) + np.float32(_FLOOR))
    weight = blur(hair, _NEARBY * eyes)
    near = [
        blur(values * hair, _NEARBY * eyes) / np.maximum(weight, 1e-4) for values in (logs, lab[..., 1], lab[..., 2])
    ]
    alike = _falling(logs - near[0], _LIGHTER)
    alike *= _falling(np.hypot(lab[..., 1] - near[1], lab[..., 2] - near[2]), _COLOUR)
    alike *= 1.0 - _falling(-near[0], _DARKER)
    found = alike * (1.0 - skin) * (weight > _LEAST) * _forehead(landmarks, hair.shape)
    return (found * _joined(np.maximum(found, hair), hair, max(1, round(_NEXT * eyes)))).astype(np.float32)


def _forehead(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw the forehead without the brows, (H, W) in [0, 1]."""
    eyes, brows = eye_distance(landmarks), landmarks[BOTH_BROWS]
    drawn = blur(
        draw_part(np.vstack([brows, brows + _HEIGHT * eyes * upwards(landmarks)]), shape, _WIDER * eyes), 0.03 * eyes
    )
    for brow in BROWS:
        drawn *= 1.0 - blur(draw_part(landmarks[brow], shape, _BROW_WIDTH * eyes), 0.02 * eyes)
    return drawn


def _joined(likely: FloatArray, hair: FloatArray, near: int) -> npt.NDArray[np.float32]:
    """Return where what is likely hair is joined to known hair."""
    whole = pieces_at(likely > 0.4, cv2.dilate((hair > 0.5).astype(np.uint8), disc(near)) > 0)
    return cv2.dilate(whole.astype(np.float32), np.ones((3, 3), np.float32))


def _falling(values: FloatArray, limits: tuple[float, float]) -> npt.NDArray[np.float32]:
    """Fall from 1 at the first limit to 0 at the second."""
    low, high = limits
    return np.asarray(np.clip((high - values) / (high - low), 0.0, 1.0), np.float32)
