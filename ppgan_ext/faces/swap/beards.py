"""Whose beard a fused face has: the photo's stays whole, or else the person's goes along whole."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.head.beard import PARTS, tells_beard, told_chances
from ppgan_ext.faces.head.facial_hair import reduced
from ppgan_ext.faces.head.head_places import beyond_jaw
from ppgan_ext.faces.head.skin_colour import ramp
from ppgan_ext.faces.skin import bare_skin, even_lab, face_size
from ppgan_ext.types import FloatArray, Image

_NONE = dict.fromkeys(PARTS, 0.0)
_HAS_BEARD = (0.4, 0.7)  # chances of its likeliest part: there is no beard, or a trace that is better left out; and one
_HAS_WHISKERS = (0.2, 0.7)  # the same of a beard's stubble on the jaw
_ENDS = (-0.06, 0.04)  # from the jaw's outline, over which a beard ends, in distances of the eyes: below is shade
_COLOUR = (2.5, 4.5)  # deviations from the colour of the face's skin: skin beside and below it, and cloth or background
_SPREAD = (3.0, 4.5)  # of that colour, in Lab, at least and at most
_PALE = (5.0, 20.0)  # Lab's lightness over the skin's: as bright as skin, and brighter
_SOFT = 0.015  # width of the Gaussian by which a beard ends at what is no skin, a share of the face's size
_MIN_PIXELS = 24


class Beards(NamedTuple):
    """How far each part of two people's beards is drawn on a fused face, 0 to 1 by `head.beard.PARTS`.

    Attributes:
        photo: of the photo's, whose hairs grow on the person's skin.
        person: of the person's, which goes on beyond the face that is put in.
    """

    photo: dict[str, float]
    person: dict[str, float]


def share_beards(photo: Image, landmarks: FloatArray, person: Image, person_landmarks: FloatArray) -> Beards:
    """Decide whose beard a fused face has.

    The photo's beard reaches beyond the face that is put in, so all of it stays. A moustache without a beard stays if
    the person has none: two over each other are none. Where no beard stays, the person's goes along, if their skin lets
    it be told from shade.

    Args:
        photo: (H, W, 3) RGB uint8, the photo that is kept.
        landmarks: (68, 2) in it.
        person: (H', W', 3) RGB uint8.
        person_landmarks: (68, 2) in it.
    """
    own, theirs = ({**_NONE, **told_chances(*face)} for face in ((photo, landmarks), (person, person_landmarks)))
    beard = _has(own["goatee"], own["whiskers"])
    moustache = _has(own["moustache"]) * (1.0 - _has(theirs["moustache"]))
    along = (1.0 - beard) * _has(*theirs.values())
    if along > 0.0:
        along *= tells_beard(*reduced(person, person_landmarks))
    stays, goes = _whole(own, beard), _whole(theirs, along)
    return Beards({**stays, "moustache": max(beard, moustache)}, {**goes, "moustache": along * (1.0 - moustache)})


def _whole(chances: dict[str, float], share: float) -> dict[str, float]:
    """Return the parts of a beard, of which none is half: who has stubble around the mouth has it on the jaw, too."""
    jaw = max(chances["whiskers"], min(chances["moustache"], chances["goatee"]))
    return {"moustache": share, "goatee": share, "whiskers": share * float(np.interp(jaw, _HAS_WHISKERS, (0.0, 1.0)))}


def _has(*chances: float) -> float:
    return float(np.interp(max(chances), _HAS_BEARD, (0.0, 1.0)))


def within_jaw(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw where a beard that goes along may grow, (H, W) in [0, 1]: beyond the jaw's outline lies the neck's shade."""
    return np.asarray(1.0 - ramp(beyond_jaw(landmarks, shape), _ENDS), np.float32)


def skin_colour(photo: Image, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far each pixel has the colour of the face's skin, in any light, (H, W) in [0, 1].

    Scarf, collar, hair and background have another.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.
    """
    expected = bare_skin(landmarks, photo.shape)
    inside = expected > 0.5
    if np.count_nonzero(inside) < _MIN_PIXELS:
        return expected
    lab = even_lab(photo, expected)
    light, colours = lab[..., 0], lab[..., 1:]
    middle = np.median(colours[inside], axis=0)
    spread = np.clip(1.4826 * np.median(np.abs(colours[inside] - middle), axis=0), *_SPREAD)
    apart = (np.abs(colours - middle) / spread).max(axis=2)
    # Brighter than skin, and with little of its colour, are white cloth, a wall and the sky.
    share = np.clip(colours @ middle / max(float(middle @ middle), 1e-3), 0.0, 1.0)
    pale = np.clip((light - float(np.median(light[inside])) - _PALE[0]) / np.ptp(_PALE), 0.0, 1.0)
    like = np.clip((_COLOUR[1] - apart) / np.ptp(_COLOUR), 0.0, 1.0) * (1.0 - pale * (1.0 - share))
    like = like.astype(np.float32)
    width = max(0.5, _SOFT * face_size(landmarks))
    return np.asarray(np.minimum(like, cv2.GaussianBlur(like, (0, 0), width)), np.float32)
