"""The hairline of grey hair: dark hair that thins out on the forehead becomes as light as the skin that shows through.

It is too thin to be told as hair, and left dark it looks like the edge of a cap.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.lighter_hair import lighten_hair
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.bare_skin import face_outline
from ppgan_ext.faces.head.facial_hair import brow_place, reduced
from ppgan_ext.faces.head.head_places import beside_jaw_rows
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.types import FloatArray, Image

# Lengths are shares of the eyes' distance.
_EYES = 72.0  # pixels between the eyes of the copy on which the hairline is drawn
_WIDTH, _REACH = 0.07, 0.2  # of the Gaussian over which hair ends, and how far from the face's outline it does
_STEEP = 3.0  # how soon the place for it is full, from hair and from bare skin
_ON_HAIR = 0.5  # how much less hair that is told as such changes


def soften_hairline(
    picture: Image, hair: FloatArray, landmarks: FloatArray, amount: float, grey: FloatArray, skin: FloatArray
) -> Image:
    """Lighten what is darker than the skin around where the hair of the head ends on the face.

    Args:
        picture: (H, W, 3) RGB uint8, whose hair is grey already.
        hair: (H, W) in [0, 1], how far each pixel is hair.
        landmarks: (68, 2) in the picture.
        amount: share of the hair that is grey, 0 to 1.
        grey: (3,) linear light of white hairs.
        skin: (3,) linear light of the colour of the skin.

    Returns:
        (H, W, 3) uint8; away from the hairline the picture as it was.
    """
    copy, points = reduced(picture, landmarks, _EYES)
    small = cv2.resize(np.asarray(hair, np.float32), copy.shape[1::-1], interpolation=cv2.INTER_AREA)
    place = cv2.resize(_hairline(small, points), picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(lighten_hair(picture, place, landmarks, amount, grey, skin), np.uint8)


def _hairline(hair: FloatArray, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Draw where the hair ends on forehead and temples, softly, (H, W) in [0, 1]."""
    eyes = eye_distance(landmarks)
    face = draw_part(face_outline(landmarks), hair.shape, _REACH * eyes)
    _, labels = cv2.connectedComponents(((face > 0.5) & (hair < 0.5)).astype(np.uint8), connectivity=4)
    x, y = np.clip(landmarks[30].round().astype(int), 0, (hair.shape[1] - 1, hair.shape[0] - 1)).tolist()
    # Not what lies beyond the hair at the temples.
    bare = np.float32((labels == labels[y, x]) & (labels > 0)) * (1.0 - hair)
    near, skin = blur(hair, _WIDTH * eyes), blur(bare, _WIDTH * eyes)
    edge = np.clip(_STEEP * near, 0.0, 1.0) * np.clip(_STEEP * skin, 0.0, 1.0) * (1.0 - _ON_HAIR * hair)
    above = 1.0 - beside_jaw_rows(landmarks, hair.shape)
    return (edge * above * (1.0 - brow_place(landmarks, hair.shape))).astype(np.float32)
