"""A person's fringe: what it leaves of their forehead is strands and their shade, so the photo's forehead stays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.faces.mask import face_mask, height_above_brows
from ppgan_ext.faces.skin import bare_skin
from ppgan_ext.faces.swap.brows import BROWS, brow_place
from ppgan_ext.types import FloatArray, Image

# Heights above the brows are shares of the size of the landmarks' hull.
_FOREHEAD, _BEGINS = 0.03, (0.005, 0.025)  # where a forehead is told from brows; where it is hidden first, and fully
# Share of a forehead that is covered: it is known, and not. Of 81 portraits half have no hair there, three quarters at
# most a tenth; of 12 with a fringe the least is 0.31.
_COVERED = (0.25, 0.4)
_BROW_COVERED = 0.15  # share of a brow from which on it is not known, and so neither is the other
_FACE_EDGE = 0.02
# A forehead is lighter than cheeks or as light. By how much log light one is darker that is skin in the shade, and one
# of hair that is taken for skin; of 175 faces five are darker than by 0.5, four with a fringe and one with a scarf, and
# the others at most by 0.35. And where both are seen.
_DARKER, _OF_FOREHEAD, _CHEEKS, _SURELY_SKIN, _FEW = (0.5, 0.75), (0.05, 0.22), -0.15, 0.8, 50
# The same of the lightest quarter of both brows, if they are below a fringe: two had 0.63 and 0.85, above 0.58 none.
_DARK_BROW, _FLOOR = 0.6, 1e-3


def hidden_forehead(picture: Image, landmarks: FloatArray, hanging: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far a forehead, with its brows or without, counts as not shown, (H, W) in [0, 1].

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.
        hanging: (H, W) in [0, 1], hair and headwear over the face.
    """
    above = height_above_brows(landmarks, hanging.shape)
    forehead = (above > _FOREHEAD) & (face_mask(landmarks, hanging.shape, _FACE_EDGE) > 0.5)
    share = float(np.mean(hanging[forehead] > 0.5)) if forehead.any() else 0.0
    skin = bare_skin(landmarks, picture.shape) > _SURELY_SKIN
    cheeks, middle = skin & (above < _CHEEKS), skin & (above > _OF_FOREHEAD[0]) & (above < _OF_FOREHEAD[1])
    dark = float(np.interp(_darkness(picture, cheeks, middle, 50.0), _DARKER, (0.0, 1.0)))
    hidden = np.float32(max(np.interp(share, _COVERED, (0.0, 1.0)), dark))
    if hidden == 0.0:
        return np.zeros(hanging.shape, np.float32)
    places = [brow_place(landmarks, hanging.shape, brow) for brow in BROWS]
    covered = max(float((hanging * place).sum() / max(float(place.sum()), 1e-6)) for place in places)
    brows = np.maximum(*places)
    begins = np.clip((above - _BEGINS[0]) / (_BEGINS[1] - _BEGINS[0]), 0.0, 1.0)
    # Skin shows between the hairs of brows.
    reached = covered > _BROW_COVERED or (
        dark > 0.5 and min(_darkness(picture, cheeks, place > 0.5, 75.0) for place in places) > _DARK_BROW
    )
    return np.asarray(hidden * (np.maximum(begins, brows) if reached else begins * (1.0 - brows)), np.float32)


def _darkness(picture: Image, cheeks: npt.NDArray[np.bool_], part: npt.NDArray[np.bool_], percentile: float) -> float:
    """Return how much darker a percentile of a part's light is than the cheeks' median, in logarithms."""
    if min(np.count_nonzero(cheeks), np.count_nonzero(part)) < _FEW:
        return 0.0
    light, other = luminance(to_linear(picture[cheeks])), luminance(to_linear(picture[part]))
    return float(np.log((np.median(light) + _FLOOR) / (np.percentile(other, percentile) + _FLOOR)))
