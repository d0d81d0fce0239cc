"""Skin made darker, lighter and of another colour by marks of age, as light does it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.light import to_linear, to_srgb
from ppgan_ext.types import FloatArray, Image

KEPT_COLOUR = np.array([[0.38, 0.42], [0.45, 0.40]], np.float32)
"""A factor on light changes colour in equal steps for the eye, skin does not: light comes through a fold, and what is
lit shines. On 40 faces beyond 60 years a* falls by 0.12 of the chroma for each unit of log light, in all that is
narrower than a fold, and b* by 0.08, on the dark side as on the lit one.

(2, 2): in logarithms of a* and of b*, by logarithms of light; where it becomes darker, and where lighter."""

# Shadows of skin are warm: what is darker loses less red than blue.
_SHADOW = np.array([0.92, 1.03, 1.06], np.float32)
# Dark yellow is seen as olive and dark orange as rust, so of skin that is more colourful than this, in chroma, less of
# its a* and b* stays where it becomes darker, and less colour is added, by these exponents.
_USUAL_COLOUR, _LESS_COLOUR = 22.0, np.array([0.75, 1.5], np.float32)
_COLOURFUL = 12.0  # chroma of skin from which colours change fully; a photo without colour stays without
_FULL_COLOUR = 24.0  # the same from which it takes all of the colour that age adds
USUAL_LIGHT = 62.0  # L* of skin for which the changes of colour are told
_TOUCHED = 1e-3  # change below which a pixel keeps its bits


def kept_colour(tone: float) -> npt.NDArray[np.float32]:
    """Return `KEPT_COLOUR` for skin of a tone, 1 pale and more for dark, see `marks.tone_factor`.

    In the folds of dark faces (two of those 40) a* gains a third of what it does in those of pale ones.
    """
    return (KEPT_COLOUR / np.array([[tone], [1.0]])).astype(np.float32)


def colourful_share(picture: FloatArray, skin: FloatArray, full: float = _COLOURFUL) -> float:
    """Return 1 for a photo in colour, 0 for one without.

    Args:
        picture: (H, W, 3) RGB float32, 0 to 255.
        skin: (H, W) in [0, 1].
        full: median chroma of the skin for 1.
    """
    lab = cv2.cvtColor(np.asarray(picture, np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)[skin > 0.6]
    return float(np.clip(np.median(np.hypot(lab[:, 1], lab[:, 2])) / full, 0.0, 1.0)) if len(lab) else 0.0


def taken_colour(picture: FloatArray, skin: FloatArray) -> float:
    """Return the share of the colour that age adds, 0 to 1, that skin takes: pale skin less.

    The same step of a* is a blush on the one and paint on the other. The colours of the model were measured on skin of
    a chroma of 24 and more. The arguments are as `colourful_share`'s.
    """
    return colourful_share(picture, skin, _FULL_COLOUR)


def change_skin(part: Image, change: FloatArray, colourful: float, kept: FloatArray = KEPT_COLOUR) -> None:
    """Change a part of a photo in place; pixels that hardly change keep their bits.

    Args:
        part: (H, W, 3) RGB uint8.
        change: (H, W, 3), of log light, and of a* and b* in a photo in colour.
        colourful: the photo's `colourful_share`.
        kept: as `KEPT_COLOUR`.
    """
    change = change * np.array([1.0, colourful, colourful], np.float32)
    touched = np.abs(change).max(axis=2) > _TOUCHED
    if touched.any():
        shadow = np.float32(1.0) + np.float32(colourful) * (_SHADOW - np.float32(1.0))
        part[touched] = _changed(part, change, shadow, kept)[touched]


def _changed(part: Image, local: FloatArray, shadow: FloatArray, kept: FloatArray) -> Image:
    light = local[..., :1]
    factor = np.exp(light * np.where(light < 0, shadow, np.float32(1.0)))
    picture = to_srgb(to_linear(part) * factor)
    lab = cv2.cvtColor(picture / np.float32(255.0), cv2.COLOR_RGB2LAB)
    chroma = np.hypot(lab[..., 1], lab[..., 2])[..., None]
    usual = (np.float32(_USUAL_COLOUR) / np.maximum(chroma, np.float32(_USUAL_COLOUR))) ** _LESS_COLOUR
    darker, lighter = kept
    stays = np.where(light < 0, usual * darker, lighter)
    lab[..., 1:] *= np.exp(-stays * light)
    lab[..., 1:] += usual[..., 1:] * local[..., 1:] * (lab[..., :1] / np.float32(USUAL_LIGHT))
    rgb = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB) * np.float32(255.0)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
