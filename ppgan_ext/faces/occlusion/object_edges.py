"""Where an object before a face ends, by its colours and by edges."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.grab_cut import foreground, grab_cut
from ppgan_ext.images import from_levels

_WORKING = 1.4  # of a photo's pixels for one of the network's copy, at most
_SURELY, _PERHAPS, _SURELY_NOT = 0.75, 0.35, 0.01
_REACH = 20.0  # pixels of the network's copy around what is perhaps an object, where it may go on
_STEPS = 3
_LEAST_PIXELS = 30
_SOFT = 0.5  # pixels of the network's copy


def object_weight(part: npt.NDArray, chance: npt.NDArray[np.float32], scale: float) -> npt.NDArray[np.float32]:
    """Return how much of each pixel is an object, (h, w) float32 in [0, 1].

    Args:
        part: (h, w, 3) RGB, 0 to 255.
        chance: (h, w), the network's chance of an object.
        scale: pixels of the network's copy for one of the part's.
    """
    height, width = chance.shape
    factor = min(1.0, _WORKING * scale)
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    pixel = factor / scale
    small, likely = (
        cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in (from_levels(part.astype(np.float32)), chance)
    )
    side = 2 * round(_REACH * pixel) + 1
    reach = cv2.dilate((likely > _PERHAPS).astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    kinds = np.where(likely > _PERHAPS, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    kinds[likely > max(_PERHAPS, min(_SURELY, 0.9 * float(likely.max())))] = cv2.GC_FGD
    kinds[(likely < _SURELY_NOT) | (reach == 0)] = cv2.GC_BGD
    if min(np.count_nonzero(kinds == kind) for kind in (cv2.GC_FGD, cv2.GC_BGD)) >= _LEAST_PIXELS:
        grab_cut(small, kinds, _STEPS)
    inside = cv2.GaussianBlur(foreground(kinds), (0, 0), max(0.5, _SOFT * pixel))
    return np.clip(cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR), 0.0, 1.0)
