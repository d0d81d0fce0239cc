"""Sideburns: hair between the face and its ears, below the hair of the head as a network sees it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance, upwards
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.facial_hair import reduced, shading, whole
from ppgan_ext.faces.head.skin_colour import SkinColour, ramp
from ppgan_ext.faces.light import to_linear
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.faces.morphology import disc, pieces_at
from ppgan_ext.types import FloatArray

_JAW = (range(3), range(16, 13, -1))  # landmarks beside the ears, from above
# All lengths are shares of the eyes' distance: how far sideburns reach above the jaw's ends, into the face and
# outwards, how softly they end, half the width of the shade beside an ear, and how near to known hair they begin.
_ABOVE, _INTO, _OUTWARDS, _SOFT, _SHADE, _NEXT = 0.35, 0.24, 0.03, 0.03, 0.01, 0.12
_DARKER = (0.35, 0.9)  # log light below the skin around: shade, and hair
_COLOUR = (0.6, 0.95)  # share of the skin's colour: of hair, and of skin in shade


def sideburns(picture: npt.NDArray, landmarks: FloatArray, hair: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far each pixel is hair of sideburns that go on from known hair.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in the picture.
        hair: (H, W) in [0, 1], the hair known, of head and beard.

    Returns:
        (H, W) in [0, 1]; 0 everywhere if the face shows too little skin, or has no colour.
    """
    copy, points = reduced(picture, landmarks)
    colour, eyes = SkinColour.of(copy, points), eye_distance(points)
    if colour is None:
        return np.zeros(hair.shape, np.float32)
    values, around, _ = shading(copy, points)
    likely = ramp(around - values, _DARKER) * (1.0 - ramp(colour.share(to_linear(copy)), _COLOUR))
    likely *= _place(points, copy.shape)
    kernel = disc(_SHADE * eyes)
    opened = cv2.dilate(cv2.morphologyEx(likely, cv2.MORPH_OPEN, kernel), kernel)
    likely = np.minimum(likely, opened)
    known = cv2.resize(np.asarray(hair, np.float32), copy.shape[1::-1], interpolation=cv2.INTER_AREA)
    joined = pieces_at(likely > 0.3, cv2.dilate((known > 0.5).astype(np.uint8), disc(_NEXT * eyes)) > 0)
    joined = cv2.dilate(joined.astype(np.float32), np.ones((3, 3)))
    return whole(likely * joined, picture)


def _place(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw where sideburns grow, softly, (H, W) in [0, 1]."""
    eyes, up, drawn = eye_distance(landmarks), upwards(landmarks), np.zeros(shape[:2], np.float32)
    for jaw in _JAW:
        beside = landmarks[list(jaw)]
        line = np.vstack([beside[0] + _ABOVE * eyes * up, beside])
        into = landmarks[27] - beside[0]
        into = into / max(float(np.linalg.norm(into)), 1e-6)
        edges = np.vstack([line + _INTO * eyes * into, line - _OUTWARDS * eyes * into])
        drawn = np.maximum(drawn, blur(draw_part(edges, shape, 0.0), _SOFT * eyes))
    return drawn
