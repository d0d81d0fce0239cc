"""The colour of a face's skin, whatever the light that falls on it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.parts import skin_area, skin_weight
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.types import FloatArray

# Of the skin's colour, in logarithms of the ratios red to green and green to blue; highlights have less of it.
_COLOUR = (0.15, 0.30)
_OTHER = (0.25, 0.50)  # distance from the line between the skin's colour and grey
_EYES = 128.0  # pixels between the eyes that suffice
_NO_LIGHT = 0.004  # of the skin's light, added before the logarithm
_LEAST_PIXELS = 40
_LEAST_COLOUR = 0.12  # a photo with less is black and white: there colours tell nothing


class SkinColour(NamedTuple):
    """What is known of the colour of a face's skin.

    Attributes:
        tone: (2,) logarithms of the ratios red to green and green to blue.
        level: median luminance, linear.
        face: (H, W) where it was seen, in the picture or the smaller copy of it.
    """

    tone: npt.NDArray[np.float32]
    level: float
    face: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, picture: npt.NDArray, landmarks: FloatArray) -> SkinColour | None:
        """See the skin of a face in a picture (H, W, 3) RGB, 0 to 255; None if little shows, or it has no colour.

        Of a large picture every second, third, ... pixel is looked at.
        """
        step = max(1, round(eye_distance(landmarks) / _EYES))
        picture, landmarks = picture[::step, ::step], landmarks / step
        face = skin_weight(picture, skin_area(landmarks, picture.shape)) > 0.6
        if np.count_nonzero(face) < _LEAST_PIXELS:
            return None
        seen = to_linear(picture[face])
        level = max(float(np.median(luminance(seen))), 1e-5)
        tone = np.median(_colours(seen, level), axis=0).astype(np.float32)
        return cls(tone, level, face) if float(np.hypot(*tone)) >= _LEAST_COLOUR else None

    def share(self, light: FloatArray) -> npt.NDArray[np.float32]:
        """Return how much of the skin's colour linear light (..., 3) has: skin 1, grey 0."""
        return np.asarray(_colours(light, self.level) @ self.tone / float(self.tone @ self.tone), np.float32)

    def likeness(self, light: FloatArray) -> npt.NDArray[np.float32]:
        """Return how far linear light (..., 3) has the colour of the skin, 0 to 1; black and grey have not."""
        across = np.array([self.tone[1], -self.tone[0]]) / float(np.hypot(*self.tone))
        beside = np.abs(_colours(light, self.level) @ across)
        return (ramp(self.share(light), _COLOUR) * (1.0 - ramp(beside, _OTHER))).astype(np.float32)

    def turned(self, light: FloatArray) -> float:
        """Return by how many degrees the hue of linear light (N, 3), as a whole, differs from the skin's."""
        red, blue = np.median(_colours(light, self.level), axis=0)
        angle = np.degrees(np.arctan2(blue, red) - np.arctan2(self.tone[1], self.tone[0]))
        return float((angle + 180.0) % 360.0 - 180.0)


def _colours(light: FloatArray, level: float) -> npt.NDArray[np.float32]:
    logs = np.log(np.asarray(light, np.float32) + np.float32(_NO_LIGHT * level))
    return np.stack([logs[..., 0] - logs[..., 1], logs[..., 1] - logs[..., 2]], axis=-1)


def ramp(values: FloatArray, limits: tuple[float, float]) -> npt.NDArray[np.float32]:
    """Rise from 0 at the first limit to 1 at the second."""
    low, high = limits
    return np.asarray(np.clip((values - low) / (high - low), 0.0, 1.0), np.float32)
