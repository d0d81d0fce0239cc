"""Light and colour as factors: linear light, luminance, chromaticity.

A camera's exposure multiplies linear light, and a coloured lamp multiplies its channels. What is described as a factor
of linear light therefore looks the same in a dark, a bright or a tinted photo; a difference of sRGB levels does not.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from ppgan_ext.types import FloatArray, Image

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of linear sRGB, ITU-R BT.709

_SAMPLES = 256
_DARK_LEVEL, _BRIGHT_LEVEL, _MAX_GAIN = 110.0, 220.0, 16.0
_BRIGHT_PERCENT, _BRIGHT = 95.0, 0.72  # the median of 24 well exposed photos
_DARKEST_FACE, _BRIGHTEST_FACE = 0.05, 0.5  # medians of the face's luminance in them: 0.04 to 0.55
_LEAST_LIGHT = 1e-3
_NORMAL = (0.65, 1.55)  # factors that such photos have: their codes stay the encoder's
_COLOR_FLOOR = 0.03  # of the median luminance: darker colours are noise
_COLOR_SOFT = 0.03  # Gaussian over which colour is averaged before it is judged, as a share of the picture's side
_COLOR_SAMPLES = 64  # along a side
_TONES = 10  # classes of luminance within which the variety of colour is measured
_FEW_PIXELS = 40
_COLORLESS, _COLORFUL = 0.2, 0.5  # variety of a photo's colours, as shares of the reconstruction's


def to_linear(levels: Image | FloatArray) -> FloatArray:
    """Decode sRGB levels, 0 to 255, to linear light, 0 to 1, float32 (IEC 61966-2-1)."""
    if levels.dtype == np.uint8:
        return cast(FloatArray, _LINEAR[cast(Image, levels)])
    encoded = np.clip(levels, 0.0, 255.0).astype(np.float32) / np.float32(255.0)
    power = cv2.pow((encoded + np.float32(0.055)) / np.float32(1.055), 2.4).reshape(encoded.shape)
    return np.where(encoded <= 0.04045, encoded / np.float32(12.92), power)


def to_srgb(light: FloatArray) -> FloatArray:
    """Encode linear light, 0 to 1, as sRGB levels, 0 to 255, float32, not rounded; light beyond is clipped."""
    clipped = np.clip(light, 0.0, 1.0).astype(np.float32)
    power = cv2.pow(clipped, 1 / 2.4).reshape(clipped.shape) * np.float32(1.055) - np.float32(0.055)
    return np.where(clipped <= 0.0031308, clipped * np.float32(12.92), power) * np.float32(255.0)


def luminance(light: FloatArray) -> FloatArray:
    """Return the luminance (H, W) of linear light (H, W, 3)."""
    return light @ LUMINANCE


def log_luminance(light: FloatArray, median: float, floor: float) -> FloatArray:
    """Return the natural logarithm of the luminance (H, W) over ``median``; ``floor`` flattens it far below 1.

    Cubic resampling makes light beside a black line negative; that counts as none.
    """
    return np.log(np.maximum(luminance(light), 0.0) / np.float32(median) + np.float32(floor))


def log_color(light: FloatArray, median: float) -> FloatArray:
    """Return the logarithm of each channel over the luminance (H, W, 3): 0 is grey, whatever the exposure.

    Args:
        light: (H, W, 3), linear.
        median: median luminance of the face, the scale below which colour is noise.
    """
    floor = np.float32(_COLOR_FLOOR * median)
    return np.log((np.maximum(light, 0.0) + floor) / (np.maximum(luminance(light), 0.0) + floor)[..., None])


def normal_exposure(photo: Image, face: Image) -> float:
    """Return the factor of linear light that gives a photo a common exposure; 1 for one that is near it.

    The bright parts of the photo become light grey, unless the face would then be darker or brighter than faces are in
    well exposed photos. All is measured in ratios: a photo of half the exposure has twice the factor, so the networks
    see the same face. A face that is dark in a bright photo stays dark.

    Args:
        photo: (H, W, 3) RGB uint8.
        face: (S, S, 3) RGB uint8, the aligned crop.
    """
    step = max(1, min(photo.shape[:2]) // _SAMPLES)
    bright = float(np.percentile(luminance(to_linear(photo[::step, ::step])), _BRIGHT_PERCENT))
    side = face.shape[0]
    inner = face[side // 4 : -side // 8, side // 5 : -side // 5]
    median = float(np.median(luminance(to_linear(inner))))
    if median < _LEAST_LIGHT:
        return 1.0
    factor = min(max(_BRIGHT / max(bright, _LEAST_LIGHT), _DARKEST_FACE / median), _BRIGHTEST_FACE / median)
    return 1.0 if _NORMAL[0] <= factor <= _NORMAL[1] else factor


def brightened(picture: Image) -> Image:
    """Return a dark picture multiplied to a normal exposure, as networks know it; others as they are.

    Args:
        picture: (H, W, 3); its brightest hundredth decides.
    """
    brightest = float(np.percentile(picture[::4, ::4], 99))
    if brightest >= _DARK_LEVEL:
        return picture
    return cast(Image, cv2.convertScaleAbs(picture, alpha=min(_BRIGHT_LEVEL / max(brightest, 1.0), _MAX_GAIN)))


def color_share(photo: FloatArray, reconstruction: FloatArray, inside: FloatArray) -> float:
    """Return how much of the generator's colour a photo can take, 0 to 1.

    A toned photo, grey or sepia, has one colour for each luminance; skin, lips and eyes have several. So the variety of
    colours within classes of luminance is compared.

    Args:
        photo: (H, W, 3), linear light.
        reconstruction: (H, W, 3), linear light, the same face drawn by the generator.
        inside: (H, W) of the face.
    """
    step = max(1, photo.shape[0] // _COLOR_SAMPLES)
    here = inside[::step, ::step] > 0.5
    own, generated = (
        _variety(cv2.GaussianBlur(light, (0, 0), _COLOR_SOFT * light.shape[0])[::step, ::step][here])
        for light in (photo, reconstruction)
    )
    return float(np.clip((own / max(generated, 1e-3) - _COLORLESS) / (_COLORFUL - _COLORLESS), 0.0, 1.0))


def match_light(
    light: FloatArray, photo: FloatArray, reconstruction: FloatArray, inside: FloatArray, share: float
) -> FloatArray:
    """Give a generator's picture the exposure, the cast and the tone of a photo.

    Args:
        light: (H, W, 3), linear light, another picture by the generator than the reconstruction.
        photo: (S, S, 3), linear light.
        reconstruction: (S, S, 3), linear light, the generator's picture of the photo.
        inside: (S, S) of the face.
        share: of the generator's colours that the photo takes, see `color_share`; the rest has the photo's mean tone.

    Returns:
        (H, W, 3).
    """
    here = inside > 0.5
    if not here.any():
        return light
    own, drawn = (np.maximum(np.median(picture[here], axis=0), 1e-4) for picture in (photo, reconstruction))
    in_color = light * (own / drawn)
    toned = luminance(in_color)[..., None] * (own / float(own @ LUMINANCE))
    return np.float32(share) * in_color + np.float32(1.0 - share) * toned


def _variety(light: FloatArray) -> float:
    """Return the deviation of colours (N, 3) from the mean of their class of luminance."""
    if len(light) < _FEW_PIXELS:
        return 0.0
    brightness = luminance(light)
    colors = log_color(light, float(np.median(brightness)))
    classes = np.array_split(colors[np.argsort(brightness, kind="stable")], _TONES)
    return float(np.sqrt(np.mean([part.var(axis=0).sum() for part in classes])))


def _decode_all() -> FloatArray:
    encoded = np.arange(256) / 255.0
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _decode_all()
