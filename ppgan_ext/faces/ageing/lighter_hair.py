"""Dark hair on skin that grows lighter with age, as brows do: what is darker than the skin around comes nearer to it.

On 122 portraits the darkest fifth of a brow is 1.4 below the skin around in log light at 30 years and 0.9 at 80, but a
brow is no greyer then: it has 0.7 of the skin's chroma at 30 years and 0.8 at 75, since hair that thins lets skin shine
through. So the light that is gained has the skin's colour, some hairs stay as dark as they were, and what is grey is
white hairs, one by one. What changes is only what is darker than the skin around, so no veil lies on the skin between.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.bands import local_mean
from ppgan_ext.faces.head.facial_hair import NO_LIGHT, reduced, shading
from ppgan_ext.faces.head.skin_colour import ramp
from ppgan_ext.faces.head.strips import enlarge, strips
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from ppgan_ext.types import FloatArray

# Log light below the skin around: how much of it stays where it is little, and the most that is left.
_SLOPE, _MOST = 0.75, 1.9
_NEARBY = 0.07  # width of the Gaussian over which a hair's darkness is told, in distances of the eyes
_FULL = 0.5  # share of grey hair at which hair changes by all of that
_SKIN, _HAIR = 0.15, 0.45  # log light below the skin around: skin in shade, and hair
_RISE = 1.25  # times what hair gains, over which that begins: less of it would draw a rim around the brow
_SHINES = (0.1, 0.7), 0.4  # where the hair's own light takes the skin's colour, likewise; share of it
_STAYS = 0.75  # share of the gain that hairs miss which stay dark
_ON_HAIR = (0.3, 1.0)  # log light below the skin around from which white hairs show: nowhere on skin
_WHITE, _LIT = 0.55, (0.1, 1.5)  # light of white hairs over that of a white surface; limits of the skin's over its mean
_LEAST_WEIGHT = 0.004  # below, the photo's bits stay


def lighten_hair(
    picture: npt.NDArray,
    weight: FloatArray,
    landmarks: FloatArray,
    amount: float,
    grey: FloatArray,
    skin: FloatArray,
    white: npt.NDArray[np.uint8] | None = None,
    dark: npt.NDArray[np.uint8] | None = None,
) -> npt.NDArray:
    """Make brows or a moustache lighter, with white hairs.

    Args:
        picture: (H, W, 3) RGB uint8, a face.
        weight: (H, W) in [0, 1], where they are.
        landmarks: (68, 2) in the picture.
        amount: share of the head's hair that is grey, 0 to 1.
        grey: (3,) linear light of white hairs.
        skin: (3,) linear light of the colour of the skin around.
        white: (H, W), 0 to 255, how far white hairs cover each pixel, if they do.
        dark: the same of hairs that stay dark.

    Returns:
        (H, W, 3) uint8; where ``weight`` is 0 the picture as it was.
    """
    result = picture.copy()
    copy, points = reduced(picture, landmarks)
    values, around, tone = shading(copy, points)
    deeper = np.maximum(around - values, 0.0)
    hair = ramp(deeper, (_SKIN, _HAIR))
    usual = local_mean(deeper, hair, _NEARBY * eye_distance(points))
    shrinks = usual - _MOST * (1.0 - np.exp(-_SLOPE / _MOST * usual))
    of_full = min(1.0, amount / _FULL)
    colour = np.asarray(skin, np.float32) / np.float32(max(float(luminance(skin)), 1e-6))
    for start, stop in strips(weight.shape):
        here = weight[start:stop] > _LEAST_WEIGHT
        if not here.any():
            continue
        light = to_linear(picture[start:stop][here])
        bright = luminance(light)
        level, less = (enlarge(one, weight.shape, (start, stop))[here] for one in (around, shrinks))
        below = level - np.log(bright / np.float32(tone) + NO_LIGHT)
        share = weight[start:stop][here] * of_full
        gain = share * less * np.clip((below - _SKIN) / np.maximum(_RISE * less, _HAIR - _SKIN), 0.0, 1.0)
        if dark is not None:
            gain *= 1.0 - np.float32(_STAYS / 255.0) * dark[start:stop][here]
        # The light that a logarithm with `NO_LIGHT` added gains.
        shines = (_SHINES[1] * share * ramp(below, _SHINES[0]))[:, None]
        changed = light + shines * (bright[:, None] * colour - light)
        changed += ((bright + NO_LIGHT * tone) * (np.exp(gain) - 1.0))[:, None] * colour
        if white is not None:
            cover = white[start:stop][here] * (share * ramp(below, _ON_HAIR) * np.float32(1.0 / 255.0))
            lit = np.clip(np.exp(level) - NO_LIGHT, *_LIT)[:, None] * np.asarray(grey, np.float32) * np.float32(_WHITE)
            changed += cover[:, None] * np.maximum(lit - changed, 0.0)
        part = result[start:stop]
        part[here] = np.where((gain > 0.0)[:, None], np.rint(to_srgb(changed)), part[here]).astype(np.uint8)
    return result
