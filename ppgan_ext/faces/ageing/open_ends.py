"""Where a map of hair ends amid its colour: more hair, clothes or a dark room; grey that ended there would be a patch.

Where hair ends before skin, a wall or the sky, the photo itself changes, and grey may end there as well. Where it does
not change, the outline of the person tells the end of hair before a background. On the person, where more hair or
clothes follow, nothing tells it; so grey fades out before it, as that of hair that has been dyed does.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.bare_skin import bare_skin, face_outline
from ppgan_ext.faces.head.outer_hair import colours_nearby
from ppgan_ext.faces.head.skin_colour import ramp
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.types import FloatArray

# Lengths are shares of the eyes' distance, colours are CIE Lab.
_OWN = 0.2  # width of the Gaussian for the hair's colour nearby
_LIGHT = 0.6  # weight of L beside a and b
_ALIKE = (6.0, 14.0)  # distance of colours that are alike, and of those that are not
_FADES = 0.3  # width of the Gaussian over which grey fades
_NOTHING, _ALL = 0.06, 0.45  # share of what is around that is alike: grey stays, and is gone
_COLOURLESS = (4.0, 9.0)  # chroma of what has no colour to lose, and of what has
_FACE = 0.05  # around the face is skin, whatever its colour


class Ends(NamedTuple):
    """How far hair may turn grey, each (H, W) in [0, 1], 1 where it ends before something else.

    Attributes:
        colour: how far it may lose its colour; black cloth beside it has none to lose.
        light: how far it may become lighter.
    """

    colour: npt.NDArray[np.float32]
    light: npt.NDArray[np.float32]


def closed_ends(picture: npt.NDArray, landmarks: FloatArray, hair: FloatArray, person: FloatArray) -> Ends:
    """Tell how far hair may turn grey: less the nearer it is to where it goes on, or seems to.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in the picture.
        hair: (H, W) in [0, 1], the hair known.
        person: (H, W) in [0, 1], where a person is.
    """
    eyes = eye_distance(landmarks)
    lab = cv2.cvtColor(np.asarray(picture, np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    lab = cv2.GaussianBlur(lab, (0, 0), 1.0) * np.array((_LIGHT, 1.0, 1.0), np.float32)
    own = colours_nearby(lab, np.clip(2.0 * hair - 1.0, 0.0, 1.0), _OWN * eyes)
    face = draw_part(face_outline(landmarks), hair.shape, _FACE * eyes)
    other = (1.0 - hair) * (1.0 - bare_skin(picture, landmarks, hair)) * (face < 0.5)
    alike = other * (1.0 - ramp(np.linalg.norm(lab - own, axis=2), _ALIKE))
    colourful = ramp(np.linalg.norm(lab[..., 1:], axis=2), _COLOURLESS)
    return Ends(*(_closed(one, person, _FADES * eyes) for one in (alike * colourful, alike)))


def _closed(alike: FloatArray, person: FloatArray, width: float) -> npt.NDArray[np.float32]:
    on_person, behind = (
        ramp(blur(alike * part, width), (_NOTHING, _ALL)) for part in (person, np.float32(1.0) - person)
    )
    return np.asarray((1.0 - on_person) * (1.0 - behind * (1.0 - person)), np.float32)
