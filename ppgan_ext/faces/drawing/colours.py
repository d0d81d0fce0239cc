"""Colours of a drawing: RGB from 0 to 255, and CIE Lab (D65; L from 0 to 100), as float32."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.types import FloatArray, Image

Colour = npt.NDArray[np.float32]  # (3,)
Picture = npt.NDArray[np.float32]  # (H, W, 3)


def picture_to_lab(image: Image | FloatArray) -> Picture:
    """Convert a picture (H, W, 3) from RGB."""
    return np.asarray(cv2.cvtColor(np.asarray(image, np.float32) / np.float32(255), cv2.COLOR_RGB2LAB), np.float32)


def lab_to_picture(lab: FloatArray) -> Picture:
    """Convert a picture (H, W, 3) to RGB; colours outside it are clipped."""
    rgb = cv2.cvtColor(np.asarray(lab, np.float32), cv2.COLOR_LAB2RGB)
    return np.asarray(np.clip(rgb, 0, 1) * np.float32(255), np.float32)


def to_lab(colour: FloatArray) -> Colour:
    """Convert a colour (3,) from RGB."""
    return picture_to_lab(np.asarray(colour, np.float32)[None, None])[0, 0]


def to_rgb(lab: FloatArray) -> Colour:
    """Convert a colour (3,) to RGB, clipped."""
    return lab_to_picture(np.asarray(lab, np.float32)[None, None])[0, 0]


def median_lab(lab: FloatArray, chosen: FloatArray) -> Colour | None:
    """Return the median colour of a picture in CIE Lab where a mask (H, W) is above a half; None if it nowhere is."""
    inside = lab[chosen > 0.5]
    return np.asarray(np.median(inside, axis=0), np.float32) if len(inside) else None


def shade(colour: FloatArray, factor: float) -> Colour:
    """Return an RGB colour with its lightness times a factor, its hue a little warmer."""
    light, red, yellow = to_lab(colour)
    return to_rgb(np.array((light * factor, red + 6 * (1 - factor), yellow + 2 * (1 - factor))))


def lighter(colour: FloatArray, by: float) -> Colour:
    """Return an RGB colour, lighter by so many units of CIE Lab."""
    return to_rgb(to_lab(colour) + np.array((by, 0, 0), np.float32))
