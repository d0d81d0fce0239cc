"""What lies over a face, in the photo that is kept and in the person's: it stays in the one, and is not taken along.

Hair is told by the head's network, glasses, masks, hands and other things by `cover_network`, beards by their darkness
or greyness. Glasses that leave the eyes visible are painted over in the person's photo; what else covers the person is
not known.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.facial_hair import beard_weight
from ppgan_ext.faces.ageing.frame import eye_distance
from ppgan_ext.faces.ageing.hair_network import hair_chances
from ppgan_ext.faces.ageing.head_patch import head_patch, patch_to_picture
from ppgan_ext.types import FloatArray, Image

_SURE = (0.35, 0.65)  # chances of being covered: none and full
_HAIR = (0.3, 0.7)
_DARK_GLASS = 0.5  # share of the eyes that a dark glass covers
_LEAST_GLASSES = 0.02  # area of a frame, in squared distances of the eyes
_LEAST_OBJECT = 0.06  # area of an object, likewise
_WIDER = 0.02  # by which a frame is widened before it is painted over, in distances of the eyes
_PAINTED_EYES = 110.0  # distance of the eyes in the copy in which it is painted over


class Covers(NamedTuple):
    """What lies over a face, (H, W) float32 in [0, 1] each.

    Attributes:
        hair: hair of the head.
        beard: beard and moustache.
        frame: glasses through which the eyes are seen; 0 for dark ones.
        objects: dark glasses, masks, hands, other things.
    """

    hair: npt.NDArray[np.float32]
    beard: npt.NDArray[np.float32]
    frame: npt.NDArray[np.float32]
    objects: npt.NDArray[np.float32]

    @property
    def kept(self) -> npt.NDArray[np.float32]:
        """What of the photo lies over the fused face, (H, W)."""
        return np.maximum.reduce([self.hair, self.beard, self.frame, self.objects])

    @property
    def hidden(self) -> npt.NDArray[np.float32]:
        """What of the person is not known, (H, W)."""
        return np.maximum(self.hair, self.objects)


def find_covers(picture: Image, landmarks: FloatArray) -> Covers:
    """Find what lies over a face.

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.

    Raises:
        WeightsError: the networks' weights are missing or damaged.
    """
    eyes = eye_distance(landmarks)
    chances = hair_chances(head_patch(picture, landmarks))
    hair = patch_to_picture(_ramp(chances.hair, _HAIR), landmarks, picture.shape)
    beard = beard_weight(picture, landmarks, chances)
    nothing = np.zeros_like(hair)
    return Covers(hair, beard, nothing, nothing)


def without_frame(picture: Image, landmarks: FloatArray, frame: FloatArray) -> Image:
    """Paint over the frame of glasses with the skin around it (Telea, Journal of Graphics Tools 2004).

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.
        frame: (H, W) in [0, 1], from `find_covers`.

    Returns:
        A new picture; bit-equal away from the frame.
    """
    if not frame.any():
        return picture
    eyes = eye_distance(landmarks)
    left, top, width, height = cv2.boundingRect((frame > 0).astype(np.uint8))
    margin = round(0.3 * eyes)
    rows = slice(max(0, top - margin), top + height + margin)
    columns = slice(max(0, left - margin), left + width + margin)
    part, weight = picture[rows, columns], frame[rows, columns]
    shrink = min(1.0, _PAINTED_EYES / eyes)
    size = (max(1, round(part.shape[1] * shrink)), max(1, round(part.shape[0] * shrink)))
    reach = 2 * max(1, round(_WIDER * eyes * shrink)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    hole = cv2.dilate((cv2.resize(weight, size, interpolation=cv2.INTER_AREA) > 0.15).astype(np.uint8), kernel)
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    painted = cv2.resize(
        cv2.inpaint(small, hole, reach, cv2.INPAINT_TELEA), part.shape[1::-1], interpolation=cv2.INTER_CUBIC
    )
    share = cv2.resize(hole.astype(np.float32), part.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    share = cv2.GaussianBlur(share, (0, 0), max(0.5, 0.01 * eyes))[..., None]
    result = picture.copy()
    result[rows, columns] = np.rint(part + share * (painted.astype(np.float32) - part)).astype(np.uint8)
    return result


def _ramp(chance: FloatArray, ends: tuple[float, float]) -> npt.NDArray[np.float32]:
    return np.clip((chance - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0).astype(np.float32)
