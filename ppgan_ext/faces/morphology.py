"""Shapes by which masks grow and shrink, and the pieces of which they are made."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt


def disc(radius: float) -> npt.NDArray[np.uint8]:
    """Return a disc for morphology, 0 and 1, of at least one pixel's radius."""
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def pieces_at(mask: npt.NDArray[np.bool_], places: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return those pieces of a mask (H, W) of which some pixel is among the places (H, W)."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    return np.asarray(np.isin(labels, np.setdiff1d(labels[places], [0])))
