"""A person's fringe: what it leaves of their forehead is strands and their shade, so the photo's forehead stays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.mask import face_mask, height_above_brows
from ppgan_ext.faces.swap.brows import BROWS, brow_place
from ppgan_ext.types import FloatArray

# Heights above the brows are shares of the size of the landmarks' hull.
_FOREHEAD, _BEGINS = 0.03, (0.005, 0.025)  # where a forehead is told from brows; where it is hidden first, and fully
# Share of a forehead that is covered: it is known, and not. Of 81 portraits half have no hair there, three quarters at
# most a tenth; of 12 with a fringe the least is 0.31.
_COVERED = (0.25, 0.4)
_BROW_COVERED = 0.15  # share of a brow from which on it is not known, and so neither is the other
_FACE_EDGE = 0.02


def hidden_forehead(landmarks: FloatArray, hanging: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far a forehead, with its brows or without, counts as not shown, (H, W) in [0, 1].

    Args:
        landmarks: (68, 2).
        hanging: (H, W) in [0, 1], hair and headwear over the face.
    """
    above = height_above_brows(landmarks, hanging.shape)
    forehead = (above > _FOREHEAD) & (face_mask(landmarks, hanging.shape, _FACE_EDGE) > 0.5)
    share = float(np.mean(hanging[forehead] > 0.5)) if forehead.any() else 0.0
    hidden = np.interp(share, _COVERED, (0.0, 1.0)).astype(np.float32)
    if hidden == 0.0:
        return np.zeros(hanging.shape, np.float32)
    places = [brow_place(landmarks, hanging.shape, brow) for brow in BROWS]
    covered = max(float((hanging * place).sum() / max(float(place.sum()), 1e-6)) for place in places)
    brows = np.maximum(*places)
    begins = np.clip((above - _BEGINS[0]) / (_BEGINS[1] - _BEGINS[0]), 0.0, 1.0)
    shown = np.maximum(begins, brows) if covered > _BROW_COVERED else begins * (1.0 - brows)
    return np.asarray(hidden * shown, np.float32)
