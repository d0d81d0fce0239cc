"""What a neck loses when it becomes younger: the depth of its own lines, bands and crepe, and its blotches."""

from __future__ import annotations

import cv2
import numpy as np

from ppgan_ext.faces.ageing.marks import Marks
from ppgan_ext.faces.ageing.neck import Neck
from ppgan_ext.faces.head import bands
from ppgan_ext.faces.light import to_linear

_SMOOTHED = (0.2, 0.6, 0.8, 0.7, 0.35)  # share of the neck's own structure that is taken away at most, by band
_RIDGES = 0.6  # the same of what is lit, as a share of what is dark
# Log light beyond which a step is the chin's shadow, a chain or a strand of hair rather than a line of the skin.
_DEEPEST = (0.10, 0.16, 0.20, 0.20, 0.16)
_BLOTCHES, _COLOUR, _MOST_COLOUR = (0.012, 0.10), 0.7, 6.0  # widths between which they lie; share; a* and b*


def younger_neck(neck: Neck, share: float) -> Marks:
    """Take so much of age's marks away from a neck.

    Args:
        neck: as it is in the photo.
        share: 0 for nothing to 1 for all that can be taken; light and shade that are no marks stay.
    """
    light = bands.log_light(to_linear(neck.picture), neck.level)
    change = np.zeros(light.shape, np.float32)
    separated = bands.split(light, neck.skin, neck.scale, len(_SMOOTHED))
    for amount, deepest, band in zip(_SMOOTHED, _DEEPEST, separated, strict=True):
        mark = np.float32(deepest) * np.tanh(band / np.float32(deepest))
        change -= np.float32(share * amount) * np.where(band < 0, mark, np.float32(_RIDGES) * mark)
    lab = cv2.cvtColor(neck.picture / np.float32(255.0), cv2.COLOR_RGB2LAB)[..., 1:]
    fine, coarse = (
        np.dstack([bands.local_mean(lab[..., i], neck.skin, width * neck.scale) for i in (0, 1)]) for width in _BLOTCHES
    )
    colour = np.float32(-_COLOUR * share) * np.clip(fine - coarse, -_MOST_COLOUR, _MOST_COLOUR)
    return Marks(change * neck.skin, np.asarray(colour * neck.skin[..., None], np.float32))
