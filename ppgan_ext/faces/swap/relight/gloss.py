"""Gloss: light that skin reflects without colouring it. It adds to the light that comes from within the skin.

On dark skin the same highlight stands out several times more than on pale skin. It must therefore be taken off before
skin is made paler or darker by a factor. After Shafer, Using Color to Separate Reflection Components (1985).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.light import LUMINANCE, luminance
from ppgan_ext.types import FloatArray

_SHARES = (0.2, 0.6)  # of the skin by brightness between which its own colour is taken
_FEW = 40
_LEAST_COLOR = 0.12  # red less blue as a share of luminance: greyer skin does not tell gloss from light
_MOST = 0.75  # share of a pixel's light that may be gloss
_FREE = 0.06  # what exceeds the matte skin's field by less than this share is no gloss


def find_gloss(
    light: FloatArray, shading: FloatArray, skin: FloatArray, where: FloatArray, lamp: FloatArray, pixel: float
) -> npt.NDArray[np.float32]:
    """Return the gloss on skin, (H, W), linear light.

    What is brighter than the field of matte skin is gloss as far as it is less colourful than the skin.

    Args:
        light: (H, W, 3), linear.
        shading: (H, W, 3), linear, the field of matte skin.
        skin: (H, W), weight of what surely is skin.
        where: (H, W), weight of what may be.
        lamp: (3,), the lamp's colour, of luminance 1.
        pixel: width of the noise of colours, pixels.
    """
    none = np.zeros(light.shape[:2], np.float32)
    inside = skin > 0.5
    if np.count_nonzero(inside) < _FEW:
        return none
    bright = luminance(light)
    light, shading = light / lamp, shading / lamp
    low, high = np.quantile(bright[inside], _SHARES)
    own = np.median(light[inside & (bright >= low) & (bright <= high)], axis=0)
    own = own / max(float(own @ LUMINANCE), 1e-6)
    colorful = float(own[0] - own[2])
    if colorful < _LEAST_COLOR:
        return none
    smooth = cv2.GaussianBlur(np.asarray(light, np.float32), (0, 0), max(0.5, pixel))
    matte = (smooth[..., 0] - smooth[..., 2]) / np.float32(colorful)
    uncolored = luminance(smooth) - np.maximum(matte, 0.0)
    above = bright - np.float32(1.0 + _FREE) * luminance(shading * lamp)
    gloss = np.clip(np.minimum(uncolored, above), 0.0, _MOST * light.min(axis=2))
    return np.asarray(gloss * np.clip(2.0 * where, 0.0, 1.0), np.float32)
