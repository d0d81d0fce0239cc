"""Values that continue their surroundings: Poisson's equation on a grid, solved by conjugate gradients."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.types import FloatArray

_STEPS = 80
_ENOUGH = 3e-3  # of the first residual


def fill_seamlessly(
    values: FloatArray, known: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Return values that continue those around a region.

    Between two known pixels of the region differences are kept; between all others in it values differ as little as
    they can. Outside the region the values stay.

    Args:
        values: (H, W, C).
        known: (H, W), where the values mean something.
        inside: (H, W), the region; what is not known belongs to it, too.

    Returns:
        (H, W, C) float32.
    """
    values = np.asarray(values, np.float32)
    free = inside | ~known
    # Where nothing is known around, there is nothing to continue.
    if not free.any() or free.all():
        return values
    guides = []
    for axis in (0, 1):
        both = _pairs(known, axis)
        guides.append(np.diff(values, axis=axis) * (both[0] & both[1])[..., None])
    start = np.where(known[..., None], values, _spread(values, ~free)).astype(np.float32)
    mask = free[..., None].astype(np.float32)

    def laplacian(field: FloatArray) -> npt.NDArray[np.float32]:
        return _divergence([np.diff(field, axis=axis) for axis in (0, 1)], field.shape) * mask

    wanted = _divergence(guides, values.shape) * mask
    return start + _conjugate_gradients(laplacian, wanted - laplacian(start))


def _pairs(known: npt.NDArray[np.bool_], axis: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    return (known[:-1], known[1:]) if axis == 0 else (known[:, :-1], known[:, 1:])


def _divergence(steps: list[npt.NDArray[np.float32]], shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return the sum of what flows out of each pixel minus what flows in, negative: a positive definite Laplacian."""
    result = np.zeros(shape, np.float32)
    result[:-1] -= steps[0]
    result[1:] += steps[0]
    result[:, :-1] -= steps[1]
    result[:, 1:] += steps[1]
    return result


def _spread(values: npt.NDArray[np.float32], known: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return a first guess: means of known pixels over wider and wider surroundings."""
    result = np.zeros_like(values)
    weight = known.astype(np.float32)
    for sigma in (32.0, 8.0, 3.0):
        total = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
        sums = cv2.GaussianBlur(values * weight[..., None], (0, 0), sigma).reshape(values.shape)
        mean = sums / np.maximum(total, 1e-6)
        share = np.clip(total / 0.05, 0.0, 1.0)
        result = result + (share if sigma < 32.0 else 1.0) * (mean - result)
    return result


def _conjugate_gradients(
    apply: Callable[[FloatArray], npt.NDArray[np.float32]], residual: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Solve for each channel (Hestenes and Stiefel, 1952)."""
    result, direction = np.zeros_like(residual), residual.copy()
    strength = first = np.square(residual).sum(axis=(0, 1))
    for _ in range(_STEPS):
        if (strength <= _ENOUGH**2 * first).all():
            break
        turned = apply(direction)
        step = (strength / np.maximum((direction * turned).sum(axis=(0, 1)), 1e-20)).astype(np.float32)
        result += step * direction
        residual = residual - step * turned
        before, strength = strength, np.square(residual).sum(axis=(0, 1))
        direction = residual + (strength / np.maximum(before, 1e-20)).astype(np.float32) * direction
    return result
