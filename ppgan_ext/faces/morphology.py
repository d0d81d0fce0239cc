"""Shapes by which masks grow and shrink."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt


def disc(radius: float) -> npt.NDArray[np.uint8]:
    """Return a disc for morphology, 0 and 1, of at least one pixel's radius."""
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
