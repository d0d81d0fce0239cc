"""Mattes of hair: solved on a reduced copy of a picture, and carried over to each of its pixels by its colour."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import splu

from ppgan_ext.types import FloatArray

_PIXELS = 9  # of a window
_EVEN = 1e-5  # variance of colour, 0 to 1, below which a window counts as even


def closed_form_matte(
    colour: FloatArray, given: FloatArray, trust: FloatArray, free: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Share out pixels whose colour may be mixed: in each window of 3 x 3 the share is a linear function of colour.

    A closed-form solution to natural image matting (Levin, Lischinski and Weiss, IEEE TPAMI 2008), equations 12 and 14.

    Args:
        colour: (H, W, 3), 0 to 1.
        given: (H, W) in [0, 1], the share where it is known, and elsewhere what it is where colours do not tell.
        trust: (H, W), weight of what is given where the share is not known, above 0.
        free: (H, W), where it is not known.

    Returns:
        (H, W) in [0, 1], ``given`` where the share is known.
    """
    result = np.array(given, np.float32)
    inside, outside = np.flatnonzero(free), np.flatnonzero(~free)
    if len(inside) == 0 or min(free.shape) < 3:
        return result
    equations = _laplacian(np.asarray(colour, np.float64), free)[inside]
    weight = np.asarray(trust, np.float64).ravel()[inside]
    wanted = weight * result.ravel()[inside] - equations[:, outside] @ result.ravel()[outside]
    system = equations[:, inside] + sparse.diags(weight)
    solved = splu(
        system.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    ).solve(wanted)
    result.ravel()[inside] = np.clip(solved, 0.0, 1.0)
    return result


def _laplacian(colour: FloatArray, free: npt.NDArray[np.bool_]) -> sparse.csr_matrix:
    """Return the matting Laplacian (H W, H W) of all windows that hold a free pixel."""
    height, width = free.shape
    centres = cv2.dilate(free.astype(np.uint8), np.ones((3, 3), np.uint8))
    centres[[0, -1]] = centres[:, [0, -1]] = 0
    steps = (np.arange(-1, 2)[:, None] * width + np.arange(-1, 2)).ravel()
    windows = np.flatnonzero(centres)[:, None] + steps
    colours = colour.reshape(-1, 3)[windows]
    colours -= colours.mean(axis=1, keepdims=True)
    transposed = colours.transpose(0, 2, 1)
    spread = transposed @ colours / _PIXELS + _EVEN / _PIXELS * np.eye(3)
    alike = (1.0 + colours @ np.linalg.solve(spread, transposed)) / _PIXELS
    values = np.eye(_PIXELS) - alike
    rows, columns = np.repeat(windows, _PIXELS, axis=1), np.tile(windows, (1, _PIXELS))
    shape = (height * width, height * width)
    return sparse.coo_matrix((values.ravel(), (rows.ravel(), columns.ravel())), shape=shape).tocsr()


def share_by_colour(colour: FloatArray, share: FloatArray, radius: int = 1) -> npt.NDArray[np.float32]:
    """Return the linear function of colour that a matte is around each pixel, (H, W, 4): three slopes and a constant.

    Guided image filtering (He, Sun and Tang, IEEE TPAMI 2013), equations 19 and 20.

    Args:
        colour: (H, W, 3), 0 to 1.
        share: (H, W), the matte.
        radius: of the windows, pixels.
    """
    size = (2 * radius + 1, 2 * radius + 1)

    def mean(values: FloatArray) -> npt.NDArray[np.float64]:
        return np.asarray(cv2.blur(np.asarray(values, np.float64), size, borderType=cv2.BORDER_REFLECT_101))

    colour = np.asarray(colour, np.float64)
    middle, level = mean(colour), mean(share)
    products = (colour[..., :, None] * colour[..., None, :]).reshape(*share.shape, 9)
    spread = np.stack([mean(products[..., i]) for i in range(9)], axis=-1).reshape(*share.shape, 3, 3)
    spread += _EVEN * np.eye(3) - middle[..., :, None] * middle[..., None, :]
    together = mean(colour * np.asarray(share, np.float64)[..., None]) - middle * level[..., None]
    slopes = np.linalg.solve(spread, together[..., None])[..., 0]
    constant = level - (slopes * middle).sum(axis=2)
    return mean(np.concatenate([slopes, constant[..., None]], axis=2)).astype(np.float32)
