"""Skin where something was taken away from a face: the colours around it go on, with the grain of the nearest skin."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.occlusion.seamless_fill import fill_seamlessly
from ppgan_ext.types import Image

FLOOR = 4.0  # levels, added before logarithms
_GRAIN = 12.0  # levels; edges of brows and lids are no grain


def window_around(mask: npt.NDArray[np.bool_], margin: float) -> tuple[slice, slice] | None:
    """Return the rows and columns of a mask with a margin; None for an empty mask."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    room = math.ceil(margin)
    if not width:
        return None
    return slice(max(0, top - room), top + height + room), slice(max(0, left - room), left + width + room)


def widened(mask: npt.NDArray[np.bool_], width: float) -> npt.NDArray[np.uint8]:
    """Return a mask (H, W), widened by ``width`` pixels, of 0 and 1."""
    return cv2.dilate(mask.astype(np.uint8), disc(width))


def continue_skin(
    part: Image, hidden: npt.NDArray[np.uint8], lens: npt.NDArray[np.uint8], scale: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Continue skin under what hides it, and through glass that tints it.

    Args:
        part: (h, w, 3) RGB uint8.
        hidden: (h, w), 1 where something hides the skin.
        lens: (h, w), 1 where it is hidden or seen through glass.
        scale: of the copy on which this is solved.

    Returns:
        By how much the logarithm of light changes, and the colours of the hidden pixels, (h, w, 3) each.
    """
    height, width = hidden.shape
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    bare = (1 - hidden).astype(np.float32)
    # Averages of what is not hidden: no colour of the frame enters the copy.
    sums, total = (cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in (part * bare[..., None], bare))
    light = np.log(sums / np.maximum(total, 1e-3)[..., None] + np.float32(FLOOR))
    inside = cv2.resize(lens.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.0
    solved = fill_seamlessly(light, total > 0.5, inside)
    shift = np.where((total > 0.5)[..., None], solved - light, 0.0).astype(np.float32)
    # The change is smooth: under the frame it is that of the pixels around.
    known = (total > 0.5).astype(np.float32)
    around = cv2.GaussianBlur(shift * known[..., None], (0, 0), 2.0) / (
        cv2.GaussianBlur(known, (0, 0), 2.0)[..., None] + np.float32(1e-3)
    )
    shift = np.where(known[..., None] > 0, shift, around)
    filled = np.exp(solved) - np.float32(FLOOR)
    larger = [
        cv2.resize(np.asarray(a, np.float32), (width, height), interpolation=cv2.INTER_CUBIC) for a in (shift, filled)
    ]
    return larger[0], larger[1]


def grain_around(part: Image, hidden: npt.NDArray[np.uint8], pixel: float) -> npt.NDArray[np.float32]:
    """Return fine detail for the hidden pixels: that of the nearest ones which are not, mirrored at the border."""
    known = 1 - hidden
    weight = known.astype(np.float32)
    sums, total = (cv2.GaussianBlur(a, (0, 0), max(1.0, 0.5 * pixel)) for a in (part * weight[..., None], weight))
    detail = (part - sums / (total[..., None] + np.float32(1e-3))) * weight[..., None]
    _, labels = cv2.distanceTransformWithLabels(hidden, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    places = np.zeros((int(labels.max()) + 1, 2), np.int64)
    rows, columns = np.nonzero(known)
    places[labels[rows, columns]] = np.column_stack([rows, columns])
    y, x = np.nonzero(hidden)
    mirrored = np.clip(2 * places[labels[y, x]] - np.column_stack([y, x]), 0, np.array(hidden.shape) - 1)
    found = np.zeros_like(detail)
    found[y, x] = np.clip(detail[mirrored[:, 0], mirrored[:, 1]], -_GRAIN, _GRAIN)
    return found
