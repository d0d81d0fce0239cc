"""Hair beyond the outline of the person: strands in the light and ends that a network takes for the background.

What is missing there keeps its colour, and is seen as a coloured rim around grey hair.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.bare_skin import bare_skin, face_outline
from ppgan_ext.faces.head.skin_colour import ramp
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.types import FloatArray

# Lengths are shares of the eyes' distance.
_REACH = 0.3  # how far beyond known hair
_OWN, _OTHER = 0.12, 0.25  # widths of the Gaussians for the colours of hair and of what is behind it
_FACE = 0.2  # around the face is skin
_ABOVE_CHIN = (0.4, -0.1)  # there fully, and from there on not: below are clothes
_LIGHT = 0.25  # weight of CIE Lab's L beside a and b
_COLOURFUL = (5.0, 11.0)  # chroma of hair that needs no greying, and that does
_TELLS = (5.0, 10.0)  # distance of the two in a and b: not told apart, and well
_SHARE = (0.45, 0.75)  # of the way from the one to the other: not hair, and hair
_BESIDE = (0.35, 0.6)  # distance from that way, as a share of it: of hair, and of something else
_BROWN, _NO_LIGHT = (0.2, 0.28), 16.0  # chroma over light of brown hair, of grey hair at most 0.15; added to the light
_MOST_LIT = 3.0  # times the hair's colour that a strand in the light may have
_LEAST = 0.02


def outer_hair(picture: npt.NDArray, landmarks: FloatArray, hair: FloatArray) -> npt.NDArray[np.float32]:
    """Find hair around known hair that has its colour where what is behind has another.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in the picture.
        hair: (H, W) in [0, 1], the hair known.

    Returns:
        (H, W) in [0, 1], at least ``hair``.
    """
    eyes = eye_distance(landmarks)
    reach = max(1, round(_REACH * eyes))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    near = cv2.dilate((hair > 0.5).astype(np.float32), kernel)
    face = draw_part(face_outline(landmarks), hair.shape, _FACE * eyes)
    height = (np.float32(landmarks[8, 1]) - np.arange(hair.shape[0], dtype=np.float32)[:, None]) / np.float32(eyes)
    outside = _outside((hair > 0.5) | (face > 0.5) | (height < 0.0)) * (1.0 - bare_skin(picture, landmarks, hair))
    place = near * outside * ramp(height, _ABOVE_CHIN[::-1])
    behind = (1.0 - near) * outside
    lab = cv2.cvtColor(np.asarray(picture, np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    lab = cv2.GaussianBlur(lab, (0, 0), 0.7) * np.array((_LIGHT, 1.0, 1.0), np.float32)
    own, other = (
        colours_nearby(lab, weight, width * eyes)
        for weight, width in ((np.clip(2.0 * hair - 1.0, 0.0, 1.0), _OWN), (behind, _OTHER))
    )
    apart = own - other
    distance = np.maximum(np.sqrt((apart * apart).sum(axis=2)), 1e-3)
    way = ((lab - other) * apart).sum(axis=2) / distance**2
    beside = np.linalg.norm(lab - other - way[..., None] * apart, axis=2) / distance
    # A brown strand in the light has more of the hair's colour than the rest.
    chroma = np.linalg.norm(own[..., 1:], axis=2)
    brown = ramp(chroma / (own[..., 0] / np.float32(_LIGHT) + _NO_LIGHT), _BROWN)
    beside /= 1.0 + brown * (np.clip(way, 1.0, _MOST_LIT) - 1.0)
    colourful = ramp(chroma, _COLOURFUL)
    found = (
        colourful
        * ramp(way, _SHARE)
        * (1.0 - ramp(beside, _BESIDE))
        * ramp(np.linalg.norm(apart[..., 1:], axis=2), _TELLS)
        * place
    )
    both = np.maximum(hair, found)
    _, labels = cv2.connectedComponents((both > 0.5).astype(np.uint8))
    joined = np.isin(labels, np.setdiff1d(labels[hair > 0.5], [0])).astype(np.float32)
    return np.maximum(hair, found * cv2.dilate(joined, np.ones((3, 3)))).astype(np.float32)


def _outside(head: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return what is joined to the picture's border without crossing the head; a forehead under hair is not."""
    around = cv2.copyMakeBorder((~head).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, labels = cv2.connectedComponents(around, connectivity=4)
    return (labels == labels[0, 0])[1:-1, 1:-1].astype(np.float32)


def colours_nearby(lab: FloatArray, weight: FloatArray, width: float) -> npt.NDArray[np.float32]:
    """Return the mean colour of what has weight near each pixel, (H, W, 3), farther off where there is none."""
    mean = np.broadcast_to((lab * weight[..., None]).sum(axis=(0, 1)) / max(float(weight.sum()), 1e-3), lab.shape)
    for sigma in (4.0 * width, 2.0 * width, width):
        total = blur(weight, sigma)[..., None]
        mean = (blur(lab * weight[..., None], sigma) + np.float32(_LEAST) * mean) / (total + np.float32(_LEAST))
    return np.asarray(mean, np.float32)
