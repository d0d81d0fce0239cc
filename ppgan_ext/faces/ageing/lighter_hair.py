"""Dark hair on skin that grows lighter with age, as brows do: what is darker than the skin around comes nearer to it.

On 122 portraits the darkest fifth of a brow is 1.4 below the skin around in log light at 30 years and 0.9 at 80. What
changes is only what is darker than the skin around, so no veil lies on the skin between the hairs; white hairs that are
drawn on it show on dark hair only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.bands import local_mean
from ppgan_ext.faces.ageing.facial_hair import NO_LIGHT, reduced, shading
from ppgan_ext.faces.ageing.frame import eye_distance
from ppgan_ext.faces.ageing.skin_colour import ramp
from ppgan_ext.faces.ageing.strips import enlarge, strips
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from ppgan_ext.types import FloatArray

# Log light below the skin around: how much of it stays where it is little, and the most that is left.
_SLOPE, _MOST = 0.7, 1.6
_NEARBY = 0.07  # width of the Gaussian over which a hair's darkness is told, in distances of the eyes
_FULL = 0.5  # share of grey hair at which hair changes by all of that
_SKIN, _HAIR = 0.15, 0.45  # log light below the skin around: skin in shade, and hair
_RISE = 1.25  # times what hair gains, over which that begins: less of it would draw a rim around the brow
_COLOURLESS = (0.3, 1.1), 0.65  # where hair has lost colour, likewise; share of it that is lost
_ON_HAIR = (0.3, 1.0)  # log light below the skin around from which white hairs show: nowhere on skin
_WHITE, _LIT = 0.55, (0.1, 1.5)  # light of white hairs over that of a white surface; limits of the skin's over its mean
_LEAST_WEIGHT = 0.004  # below, the photo's bits stay


def lighten_hair(
    picture: npt.NDArray,
    weight: FloatArray,
    landmarks: FloatArray,
    amount: float,
    grey: FloatArray,
    white: npt.NDArray[np.uint8] | None = None,
) -> npt.NDArray:
    """Make brows or a moustache lighter and greyer.

    Args:
        picture: (H, W, 3) RGB uint8, a face.
        weight: (H, W) in [0, 1], where they are.
        landmarks: (68, 2) in the picture.
        amount: share of the head's hair that is grey, 0 to 1.
        grey: (3,) linear light of grey hair.
        white: (H, W), 0 to 255, how far white hairs cover each pixel, if they do.

    Returns:
        (H, W, 3) uint8; where ``weight`` is 0 the picture as it was.
    """
    result = picture.copy()
    copy, points = reduced(picture, landmarks)
    values, around, tone = shading(copy, points)
    dark = np.maximum(around - values, 0.0)
    hair = ramp(dark, (_SKIN, _HAIR))
    usual = local_mean(dark, hair, _NEARBY * eye_distance(points))
    shrinks = usual - _MOST * (1.0 - np.exp(-_SLOPE / _MOST * usual))
    of_full = min(1.0, amount / _FULL)
    colour = np.asarray(grey, np.float32) / np.float32(max(float(luminance(grey)), 1e-6))
    for start, stop in strips(weight.shape):
        here = weight[start:stop] > _LEAST_WEIGHT
        if not here.any():
            continue
        light = to_linear(picture[start:stop][here])
        bright = luminance(light)
        skin, less = (enlarge(one, weight.shape, (start, stop))[here] for one in (around, shrinks))
        below = skin - np.log(bright / np.float32(tone) + NO_LIGHT)
        share = weight[start:stop][here] * of_full
        gain = share * less * np.clip((below - _SKIN) / np.maximum(_RISE * less, _HAIR - _SKIN), 0.0, 1.0)
        # The light that a logarithm with `NO_LIGHT` added gains.
        raised = (bright + NO_LIGHT * tone) * np.exp(gain) - NO_LIGHT * tone
        lost = (_COLOURLESS[1] * share * ramp(below, _COLOURLESS[0]))[:, None]
        least = np.float32(NO_LIGHT * tone)
        own = (light + least * colour) / (bright + least)[:, None]
        changed = raised[:, None] * (own + lost * (colour - own))
        if white is not None:
            cover = white[start:stop][here] * (share * ramp(below, _ON_HAIR) * np.float32(1.0 / 255.0))
            lit = np.clip(np.exp(skin) - NO_LIGHT, *_LIT)[:, None] * np.asarray(grey, np.float32) * np.float32(_WHITE)
            changed += cover[:, None] * np.maximum(lit - changed, 0.0)
        touched = (gain > 0.0) | (lost[:, 0] > 0.0)
        part = result[start:stop]
        part[here] = np.where(touched[:, None], np.rint(to_srgb(changed)), part[here]).astype(np.uint8)
    return result
