"""Skin that has lost colour to light: where a lamp is mirrored, and where a photo is overexposed.

How colour gets lost is the photo's own: its skin tells which colour goes with which lightness, from where red comes
near the end of its range. What becomes darker there goes back along that curve; darker alone, it would be grey. And
what is as bright as the photo can show becomes hardly brighter: its red could not follow, and it would turn blue.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.skin_change import USUAL_LIGHT
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.skin_colour import ramp
from ppgan_ext.types import FloatArray

_BEGINS = (215.0, 235.0)  # levels of the brightest channel of skin between which it begins to lose colour
_KNOTS, _AROUND, _FEWEST = 9, 3.0, 24  # of the curve; L* around each, and pixels there
_CLIPPED, _BRIGHTER_STAYS = (225.0, 253.0), 0.25  # levels of the brightest channel; share of light still gained there
_WHITE, _DARKER_STAYS = (93.0, 99.5), 0.1  # L* of skin of which hardly anything is left, and share of what it loses


class Shine(NamedTuple):
    """Where skin has lost its colour.

    Attributes:
        lightness: (H, W), L*.
        curve: (N, 3), the colour of the skin by its lightness: L*, rising, a* and b*; before the first nothing is lost.
        brighter: (H, W), share of a brighter change that the photo can show, 0 to 1.
        darker: (H, W), the same of a darker one: white is so bright that shade does not reach it.
    """

    lightness: npt.NDArray[np.float32]
    curve: npt.NDArray[np.float64]
    brighter: npt.NDArray[np.float32]
    darker: npt.NDArray[np.float32]

    @classmethod
    def of(cls, picture: npt.NDArray[np.float32], skin: FloatArray, width: float) -> Shine:
        """Look at skin.

        Args:
            picture: (H, W, 3) RGB, 0 to 255.
            skin: (H, W) in [0, 1].
            width: of the Gaussian over which it is looked at, in pixels.
        """
        soft = blur(picture, width)
        lab = cv2.cvtColor(soft / np.float32(255.0), cv2.COLOR_RGB2LAB)
        brightest, sure = soft.max(axis=2), skin > 0.6
        return cls(
            lab[..., 0],
            _curve(lab[sure], brightest[sure]),
            1.0 - np.float32(1.0 - _BRIGHTER_STAYS) * ramp(brightest, _CLIPPED),
            1.0 - np.float32(1.0 - _DARKER_STAYS) * ramp(lab[..., 0], _WHITE),
        )

    def limited(self, light: FloatArray) -> npt.NDArray[np.float32]:
        """Return of a change of log light (H, W) what the photo can show."""
        return np.asarray(light * np.where(light > 0, self.brighter, self.darker), np.float32)

    def uncovered(self, light: FloatArray) -> npt.NDArray[np.float32]:
        """Return the colour, (H, W, 2) for `change_skin`, that a change of log light (H, W) brings back."""
        darker = np.exp(np.minimum(light, 0.0) / np.float32(3.0))
        after = (self.lightness + np.float32(16.0)) * darker - np.float32(16.0)
        levels, *colours = self.curve.T
        gained = [np.interp(after, levels, one) - np.interp(self.lightness, levels, one) for one in colours]
        return np.asarray(np.dstack(gained) * (USUAL_LIGHT / np.maximum(after, USUAL_LIGHT))[..., None], np.float32)


def _curve(lab: FloatArray, brightest: FloatArray) -> npt.NDArray[np.float64]:
    """Return the `Shine.curve` of pixels of skin, (N, 3) and (N,); white has no colour."""
    white = np.array([[100.0, 0.0, 0.0]])
    begins = lab[(brightest > _BEGINS[0]) & (brightest < _BEGINS[1]), 0]
    if len(begins) < _FEWEST:
        return np.concatenate([white - [[1.0, 0.0, 0.0]], white])
    knots = []
    for level in np.linspace(float(np.median(begins)), 100.0, _KNOTS)[:-1]:
        here = lab[np.abs(lab[:, 0] - level) < _AROUND]
        if len(here) >= _FEWEST:
            knots.append([level, *np.median(here[:, 1:], axis=0)])
    return np.concatenate([np.array(knots).reshape(-1, 3), white])
