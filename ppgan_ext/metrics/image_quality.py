"""Peak signal-to-noise ratio and structural similarity (Wang et al., IEEE Trans. Image Processing 13(4), 2004)."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from pydantic import Field

from ppgan_ext.errors import InputError
from ppgan_ext.metrics.base import Figures, OnProgress
from ppgan_ext.metrics.model_outputs import ModelOutputs
from ppgan_ext.metrics.paired_images import PairMetric, PairOptions, mean_figure
from ppgan_ext.types import FloatArray, Image

_PEAK = 255.0
_TAPS, _SIGMA = 11, 1.5
_K1, _K2 = 0.01, 0.03
# ITU-R BT.601 luma of 8-bit RGB, in [16, 235].
_LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)
_LUMA_OFFSET = 16.0


def psnr(image: FloatArray | Image, reference: FloatArray | Image) -> float:
    """Return the peak signal-to-noise ratio in dB, 10 log10(255^2 / mean squared error); infinite for equal images.

    Args:
        image: of any shape, 0 to 255.
        reference: of the same shape.

    Raises:
        InputError: the shapes differ, the images are empty, or values lie outside of 0 to 255.
    """
    ours, theirs = _checked(image, reference)
    error = float(np.square(ours - theirs).mean())
    return float("inf") if error == 0 else float(10 * np.log10(_PEAK**2 / error))


def ssim(image: FloatArray | Image, reference: FloatArray | Image) -> float:
    """Return the mean structural similarity, at most 1: Gaussian window of 11x11, deviation 1.5, K = (0.01, 0.03).

    The window stays inside the image; variances are those of the population; channels are averaged. It equals
    scikit-image's ``structural_similarity`` with ``gaussian_weights=True, sigma=1.5, use_sample_covariance=False``.

    Args:
        image: (H, W, C), 0 to 255, sides of at least 11.
        reference: of the same shape.

    Raises:
        InputError: the shapes differ, the images are too small, or values lie outside of 0 to 255.
    """
    ours, theirs = _checked(image, reference)
    if ours.ndim != 3 or min(ours.shape[:2]) < _TAPS:
        raise InputError(f"expected (H, W, C) with sides of at least {_TAPS}, got {ours.shape}", where="SSIM")
    mean_x, mean_y = _local_mean(ours), _local_mean(theirs)
    variance_x = _local_mean(ours * ours) - mean_x * mean_x
    variance_y = _local_mean(theirs * theirs) - mean_y * mean_y
    covariance = _local_mean(ours * theirs) - mean_x * mean_y
    c1, c2 = (_K1 * _PEAK) ** 2, (_K2 * _PEAK) ** 2
    # Equation 13
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return float((above / below).mean())


def luma(image: Image) -> FloatArray:
    """Return the luma of an image (H, W, 3) as super-resolution papers compare it: (H, W, 1) float64 in [16, 235]."""
    return np.asarray(image, np.float64) @ np.reshape(_LUMA, (3, 1)) + _LUMA_OFFSET


def _checked(image: FloatArray | Image, reference: FloatArray | Image) -> tuple[FloatArray, FloatArray]:
    ours, theirs = _on_255(image), _on_255(reference)
    if ours.shape != theirs.shape or not ours.size:
        what = f"shapes {ours.shape} and {theirs.shape} cannot be compared"
        raise InputError(what, where="images", cure="Give two images of the same shape")
    return ours, theirs


def _on_255(image: FloatArray | Image) -> FloatArray:
    levels = np.asarray(image, np.float64)
    if levels.size and not (levels.min() >= 0 and levels.max() <= _PEAK):  # NaN fails too
        what = f"expected values from 0 to 255, got {levels.min():.3g} to {levels.max():.3g}"
        raise InputError(what, where="images", cure="Convert pixels in [-1, 1] with images.to_image")
    return levels


def _local_mean(image: FloatArray) -> FloatArray:
    """Average (H, W, C) under the Gaussian over every window that lies inside, (H - 10, W - 10, C)."""
    kernel = cv2.getGaussianKernel(_TAPS, _SIGMA, cv2.CV_64F)
    inner = _TAPS // 2
    planes = [
        cv2.sepFilter2D(np.ascontiguousarray(image[:, :, c]), cv2.CV_64F, kernel, kernel) for c in range(image.shape[2])
    ]
    return np.stack(planes, axis=2)[inner:-inner, inner:-inner]


class ImageQualityOptions(PairOptions):
    """Options of :class:`PSNR` and :class:`SSIM`, under PaddleGAN's names.

    Attributes:
        crop_border: number of pixels left out at each border.
        test_y_channel: compare only luma.
        input_order: accepted and without effect: images are HWC here.
    """

    crop_border: int = Field(0, ge=0)
    test_y_channel: bool = False
    input_order: Literal["HWC", "CHW"] = "HWC"


class _ImageQuality(PairMetric):
    Options = ImageQualityOptions

    def _mean(self, outputs: ModelOutputs, on_progress: OnProgress | None, name: str) -> Figures:
        measure = {"psnr": psnr, "ssim": ssim}[name]
        figures = Figures()
        values = [
            measure(self._cropped(copy), self._cropped(photo))
            for photo, copy in self.pairs(outputs, figures, on_progress)
        ]
        return mean_figure(f"{name}_y" if self.options.test_y_channel else name, values, figures)

    def _cropped(self, image: Image) -> FloatArray | Image:
        border = self.options.crop_border
        if 2 * border >= image.shape[0]:
            what = f"a border of {border} leaves nothing of {image.shape[0]} pixels"
            raise InputError(what, where="crop_border", cure="Give a smaller border")
        inner = image[border : image.shape[0] - border, border : image.shape[1] - border]
        return luma(inner) if self.options.test_y_channel else inner


class PSNR(_ImageQuality):
    """Mean peak signal-to-noise ratio of reconstructions in dB, "psnr"; for luma "psnr_y"."""

    def compute(self, outputs: ModelOutputs, on_progress: OnProgress | None = None) -> Figures:
        """Compute the figures; see :meth:`Metric.compute`."""
        return self._mean(outputs, on_progress, "psnr")


class SSIM(_ImageQuality):
    """Mean structural similarity of reconstructions, "ssim"; for luma "ssim_y"."""

    def compute(self, outputs: ModelOutputs, on_progress: OnProgress | None = None) -> Figures:
        """Compute the figures; see :meth:`Metric.compute`."""
        return self._mean(outputs, on_progress, "ssim")
