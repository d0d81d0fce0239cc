"""Match the colours of one picture of a face to those of another.

After Reinhard et al., Color Transfer between Images (IEEE CG&A, 2001). In CIE Lab the three channels of skin are nearly
independent, so shifting and stretching each is enough. Means and deviations exclude the darkest and brightest tails,
which contain highlights, hair and teeth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ppgan_ext.types import FloatArray, Image

_TAIL = 0.1  # share of the pixels left out at either end of each channel
_MIN_PIXELS = 16
_MAX_STRETCH = 1.5
_FLAT = 0.5  # added to both deviations, so that a flat patch is not stretched to noise


@dataclass(frozen=True, eq=False)
class ColorTransfer:
    """A shift and a stretch for each Lab channel.

    Attributes:
        source_mean, target_mean: (3,) L, a, b.
        stretch: (3,) factors.
    """

    source_mean: FloatArray
    target_mean: FloatArray
    stretch: FloatArray

    def apply(self, image: FloatArray) -> FloatArray:
        """Transfer the colours of an image.

        Args:
            image: (H, W, 3) RGB float32, 0 to 255.

        Returns:
            (H, W, 3) RGB float32; values may be slightly outside 0 to 255.
        """
        return to_rgb((_to_lab(image) - self.source_mean) * self.stretch + self.target_mean)


def fit_color_transfer(source: FloatArray, target: FloatArray, mask: FloatArray) -> ColorTransfer:
    """Return the transfer that gives ``source`` the colours of ``target``.

    Args:
        source: (H, W, 3) RGB float32, 0 to 255.
        target: (H, W, 3) RGB float32, 0 to 255.
        mask: (H, W); only pixels above 0.5 count. If there are too few, the transfer changes nothing.
    """
    inside = mask > 0.5
    if np.count_nonzero(inside) < _MIN_PIXELS:
        return ColorTransfer(np.zeros(3), np.zeros(3), np.ones(3))
    source_mean, source_deviation = _statistics(_to_lab(source)[inside])
    target_mean, target_deviation = _statistics(_to_lab(target)[inside])
    stretch = (target_deviation + _FLAT) / (source_deviation + _FLAT)
    return ColorTransfer(source_mean, target_mean, np.clip(stretch, 1 / _MAX_STRETCH, _MAX_STRETCH))


def to_lab(image: Image | FloatArray) -> FloatArray:
    """Convert RGB (H, W, 3), clipped to 0 to 255, to CIE Lab, (H, W, 3) float32."""
    return _to_lab(np.clip(image, 0, 255).astype(np.float32))


def to_rgb(lab: FloatArray) -> FloatArray:
    """Convert CIE Lab (H, W, 3) to RGB, (H, W, 3) float32, 0 to 255."""
    return cv2.cvtColor(np.asarray(lab, np.float32), cv2.COLOR_LAB2RGB) * np.float32(255.0)


def _to_lab(image: FloatArray) -> FloatArray:
    """Convert RGB (H, W, 3) to CIE Lab, (H, W, 3) float32, without clipping."""
    return cv2.cvtColor(np.asarray(image, np.float32) * np.float32(1 / 255), cv2.COLOR_RGB2LAB)


def _statistics(lab: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the trimmed mean and deviation of each channel of (N, 3) values, (3,) each."""
    low, high = np.quantile(lab, (_TAIL, 1 - _TAIL), axis=0)
    trimmed = np.ma.masked_array(lab, (lab < low) | (lab > high))
    return np.asarray(trimmed.mean(axis=0), np.float64), np.asarray(trimmed.std(axis=0), np.float64)
