"""The two irises of a fused face alike: side light on the person, which the photo has not, makes one of them pale."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.light import to_linear, to_srgb
from ppgan_ext.faces.swap.gaze import IRIS, eye_axis, find_iris
from ppgan_ext.types import FloatArray

# Lengths are shares of an eye's width, light is in natural logarithms.
_PUPIL = 0.45  # share of an iris' radius within which its pupil, and mostly a glint, are
_SOFT = 0.03  # of the edge of an iris and of the lids
_FLOOR = 1e-3  # added to light before logarithms
_ALIKE, _MOST = 0.25, 0.5  # difference of two irises that stays, and by how much each of them changes at most
_FEW = 12


class _Iris(NamedTuple):
    """An iris in a picture: its weight (H, W) in [0, 1], and the logarithm of its middle light (3,)."""

    weight: npt.NDArray[np.float32]
    light: npt.NDArray[np.float32]


def even_irises(face: FloatArray, photo: FloatArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Take from the irises of a face what makes them differ more than those of the photo, half of it from each.

    Args:
        face: (H, W, 3) RGB, 0 to 255, in the photo's light.
        photo: (H, W, 3) RGB, 0 to 255, with the same landmarks.
        landmarks: (68, 2) of both.

    Returns:
        (H, W, 3) RGB float32; the face itself where an iris is not found.
    """
    face = np.asarray(face, np.float32)
    own = [_look_at(face, landmarks[eye]) for eye in (RIGHT_EYE, LEFT_EYE)]
    others = [_look_at(photo, landmarks[eye]) for eye in (RIGHT_EYE, LEFT_EYE)]
    right, left = own
    if right is None or left is None or others[0] is None or others[1] is None:
        return face
    apart, usual = left.light - right.light, others[1].light - others[0].light
    # Where the photo's light makes its irises differ in the same sense, so may the face's.
    excess = apart - np.clip(usual, np.minimum(apart, 0.0), np.maximum(apart, 0.0))
    excess = np.clip(np.sign(excess) * np.maximum(np.abs(excess) - _ALIKE, 0.0) / 2.0, -_MOST, _MOST)
    if not excess.any():
        return face
    change = (right.weight - left.weight)[..., None] * excess.astype(np.float32)
    lit = to_srgb(to_linear(face) * np.exp(change))
    return np.where((change != 0.0).any(axis=2, keepdims=True), lit, face).astype(np.float32)


def _look_at(picture: FloatArray, eye: FloatArray) -> _Iris | None:
    """Find the iris of an eye, (6, 2); None where it is not sure."""
    place = find_iris(picture, eye)
    if place is None:
        return None
    first, across, width = eye_axis(eye)
    middle = first + place * width * across
    down = np.array([-across[1], across[0]])
    middle = middle + down * float(((eye - first) @ down).mean())
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    distance = np.hypot(x - np.float32(middle[0]), y - np.float32(middle[1])) / np.float32(IRIS * width)
    lids = np.zeros(picture.shape[:2], np.float32)
    cv2.fillPoly(lids, [np.rint(eye * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
    ring = (lids > 0) & (distance > _PUPIL) & (distance < 0.95)
    if np.count_nonzero(ring) < _FEW:
        return None
    light = np.median(np.log(to_linear(np.asarray(picture[ring], np.float32)) + np.float32(_FLOOR)), axis=0)
    drawn = lids * (distance < 1.0)
    return _Iris(cv2.GaussianBlur(drawn, (0, 0), max(0.5, _SOFT * width)), np.asarray(light, np.float32))
