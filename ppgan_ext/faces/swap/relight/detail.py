"""Detail of skin, band by band, with the contrast that it has on skin of the photo's tone and in its light."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.light import LUMINANCE
from ppgan_ext.faces.swap.relight.shading import slow_rest
from ppgan_ext.types import FloatArray

# Widths of the Gaussians between which bands lie, as shares of the face's size, from the coarsest; the last band is
# all that is finer.
WIDTHS = (0.1, 0.05, 0.025, 0.0125)
# Of each band, of logarithms: the spread that any skin may have, and the limits of the gain.
_USUAL = (0.07, 0.05, 0.035, 0.03, 0.04)
_LEAST = (0.25, 0.45, 0.65, 0.8, 0.85)
_MOST = (1.0, 1.15, 1.15, 1.1, 1.0)
_BENT_LESS = 3.0  # factor of these on skin that does not become paler
_COLOR_KEPT = (0.3, 0.4, 0.6, 0.9, 1.0)  # share of colours
_KEPT = 0.9  # least gain of colours that are drawn on darker skin
_RAISED = 0.25  # by which the gain of detail may be more there
_DARKER = 0.6  # logarithm by which skin becomes darker from which nothing is lowered
_COLOR_GAINS = (0.2, 1.0)
_MOST_SHARE, _LEAST_MOST = 0.95, 0.08  # of the photo's skin: its strongest differences of colour
_LIKE = 0.8  # least gain on skin of a like tone
_PALER = 0.22  # power of the ratio of both skins' light by which lifting lowers contrast
_SOFT_FROM = (1.6, 2.2)  # spreads from which bright and dark detail is compressed
_MIN_PIXELS = 24


def bands(values: FloatArray, skin: FloatArray, size: float) -> list[npt.NDArray[np.float32]]:
    """Separate values (H, W, C) into bands, (H, W, C) each, without what is no skin; their sum is the values."""
    result, before = [], np.asarray(values, np.float32)
    rest = before
    for width in WIDTHS:
        sigma = max(0.4, width * size)
        after = slow_rest(rest, skin, sigma)
        result.append(after)
        rest = rest - after
    result.append(rest)
    return result


def fit_detail(
    details: tuple[FloatArray, FloatArray],
    skins: tuple[FloatArray, FloatArray],
    near: tuple[FloatArray, FloatArray],
    size: float,
    lifted: float,
) -> npt.NDArray[np.float32]:
    """Return a face's detail on skin, (H, W, 3), as contrasty and as colourful as the photo's may be.

    Args:
        details: (H, W, 3) each, the face's and the photo's, logarithms of matte light less the slow part.
        skins: (H, W) each, weight of skin in the face and in the photo.
        near: (H, W) each, weight of skin and of what is as skin up to the edges of eyes, brows and lips.
        size: of the face, pixels.
        lifted: logarithm of the photo's skin over the face's, of one exposure.
    """
    inside = [skin > 0.5 for skin in skins]
    own, other = details
    light, color = np.zeros(own.shape[:2], np.float32), np.zeros_like(own)
    usual_color = np.zeros_like(other)
    paler = float(np.exp(-_PALER * max(lifted, 0.0)))
    kept = share_darker(lifted)
    bend = float(np.interp(lifted, (0.0, _DARKER), (_BENT_LESS, 1.0)))
    pairs = zip(bands(own, near[0], size), bands(other, near[1], size), strict=True)
    for k, (band, usual) in enumerate(pairs):
        brightness, light_of = band @ LUMINANCE, usual @ LUMINANCE
        has, wanted = _spread(brightness[inside[0]]), max(_spread(light_of[inside[1]]), _USUAL[k])
        least = float(np.interp(lifted, (0.0, _DARKER), (max(_LEAST[k], _LIKE), _LEAST[k])))
        gain = float(np.clip(wanted / max(has, 1e-4), paler * max(least, kept), _MOST[k] + _RAISED * kept))
        gain = min(gain, max(paler, gain if has < _USUAL[k] else 0.0))
        most = bend * np.where(brightness > 0, *_SOFT_FROM) * max(gain * has, _USUAL[k])
        light += _compressed(gain * brightness, most)
        color += np.float32(_COLOR_KEPT[k]) * (band - brightness[..., None])
        usual_color += np.float32(_COLOR_KEPT[k]) * (usual - light_of[..., None])
    return light[..., None] + _as_colorful(color, usual_color, inside, kept)


def share_darker(lifted: float) -> float:
    """Return how far skin becomes darker, 0 to 1, of the logarithm by which it becomes paler."""
    return float(np.clip(-lifted / _DARKER, 0.0, 1.0))


def _as_colorful(
    color: FloatArray, usual: FloatArray, inside: list[npt.NDArray[np.bool_]], kept: float
) -> npt.NDArray[np.float32]:
    """Lower differences of colour, (H, W, 3), to the spread of the photo's, and bend strong ones down."""
    norms = [np.linalg.norm(which, axis=2) for which in (color, usual)]
    has, wanted = (float(np.median(norm[i])) for norm, i in zip(norms, inside, strict=True))
    gain = float(np.clip(wanted / max(has, 1e-4), *_COLOR_GAINS))
    gain = max(gain, _KEPT * kept)
    most = max(float(np.quantile(norms[1][inside[1]], _MOST_SHARE)), _LEAST_MOST)
    strength = np.maximum(gain * norms[0], 1e-6)
    return np.asarray(color * (gain * _compressed(strength, 0.5 * most) / strength)[..., None], np.float32)


def _spread(values: FloatArray) -> float:
    """Return a robust deviation of values (N,), which few strong ones raise in part."""
    if len(values) < _MIN_PIXELS:
        return 0.0
    low, high = np.quantile(values, (0.1, 0.9))
    return float(high - low) / 2.56


def _compressed(values: FloatArray, most: FloatArray | float) -> npt.NDArray[np.float32]:
    """Bend values beyond a limit towards twice that limit."""
    size = np.abs(values)
    bent = np.minimum(size, most) + most * np.tanh(np.maximum(size - most, 0.0) / (2 * most))
    return np.asarray(np.sign(values) * bent, np.float32)
