"""Lips that turn pale: with age they lose red, and come nearer to the skin around.

On 122 portraits women's lips are redder than their cheeks by 11 of a* up to 40 years and by 7 beyond 60, men's by 8 and
by 2, and in comparison with the cheeks they become lighter. Lipstick is worn at any age, so what is very red stays so.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.skin_view import SkinView
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.landmarks import INNER_LIPS, LIPS
from ppgan_ext.faces.mask import draw_part

_SOFT, _AROUND_OPENING = 0.02, 0.012  # of the eyes' distance
_LOST = 0.28  # share of what lips have more of than skin, in a* and b*, that goes
_REDDER = (0.0, 6.0)  # so much redder than the skin are lips, in a*
_LIGHTER = 0.06  # log light
_BARE = 0.25  # weight of marks on lips that nothing covers, at least


def pale_lips(view: SkinView) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return what age brings to the lips of a face: log light (H, W), and colour (H, W, 2) in a* and b*."""
    points, shape, eyes = view.placement.frame_landmarks, view.skin.shape, view.placement.eyes
    lips = blur(draw_part(points[LIPS], shape, 0.0), _SOFT * eyes)
    lips = lips * (1.0 - blur(draw_part(points[INNER_LIPS], shape, _AROUND_OPENING * eyes), _AROUND_OPENING * eyes))
    # What covers the mouth keeps its colour.
    lips = lips * np.clip(view.weight / np.float32(_BARE), 0.0, 1.0)
    lab = cv2.cvtColor(view.picture / np.float32(255.0), cv2.COLOR_RGB2LAB)[..., 1:]
    apart = lab - np.median(lab[view.skin > 0.6], axis=0).astype(np.float32)
    low, high = _REDDER
    red = lips * np.clip((apart[..., 0] - low) / (high - low), 0.0, 1.0)
    red = np.asarray(red, np.float32)
    return np.float32(_LIGHTER) * red, np.float32(-_LOST) * red[..., None] * apart
