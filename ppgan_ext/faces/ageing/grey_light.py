"""How linear light of hair changes when it turns grey: its colour is lost evenly, its light gained strand by strand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.light import luminance
from ppgan_ext.types import FloatArray

GREY = 0.30  # light of grey hair as a share of a white surface's in the same light
WHITE = 0.62
# How far the hair's mean goes towards grey, in log light, by the share of grey hair: black hair is steel grey at first.
# The hair of 22 old portraits has an L of 60 on average, what was dark at more than 44 years 36 with 0.8 at any age.
_RISE = (0.5, 0.9), (0.8, 0.95)
# But it gains no more than white hairs reflect more light than black ones: hair that is darker is not lit, and stays in
# the dark as grey hair would. Beyond it black hair looks like clay, and in a dark room like a cap.
_MOST_RISE = 2.2
_ON = 0.2  # how far light hair goes on towards white
# How much less light is gained, by the log light of the slow shading, in shadows and in lights, and by that of a strand
# above the shading; of the head's hair, and of brows and beards, between whose hairs is skin.
_LESS_LIGHT = {True: (0.0, 0.35, 0.3), False: (-0.2, 0.6, 0.6)}
# The same two of lights in black hair, from which log light of its mean to which: what little light it has is gloss,
# which lies on grey hair no brighter; otherwise it looks like foil.
_OF_BLACK, _BLACK, _MOST_SHADE = (0.75, 0.5), (-2.8, -4.2), 3.0
_COLOUR = 0.88  # share of the colour that grey hair has lost
_LEAST_GAIN = 0.7  # log light that is gained, from which the loss of colour is told
_LEAST = 0.005  # of grey hair's light, added before the logarithm: noise in black hair is not made into strands
_UNSEEN = -3.3  # slow shading below which black hair shows no strands, in log light over grey's
_MOST = 3.6  # log of the largest factor, without strands that are drawn
_KNEE, _ABOVE_KNEE = 0.55, 0.4  # log light below white from which lights are compressed, and the slope there
_ABOVE_WHITE = 0.7  # the slope of single strands beyond white


class Hair(NamedTuple):
    """Of all the hair: the mean of its log light over that of grey hair, the share that turns grey, and its place."""

    centre: float
    amount: float
    of_head: bool

    @property
    def rise(self) -> float:
        """Log light that hair of the mean gains: dark hair goes most of the way to grey, light hair a little on."""
        goal = float(np.log(WHITE / GREY))
        dark = max(-self.centre, 0.0)
        rise = min(float(np.interp(self.amount, *_RISE)) * dark, _MOST_RISE) if self.of_head else _RISE[1][0] * dark
        return rise + _ON * min(max(goal - max(self.centre, 0.0), 0.0), goal)

    @property
    def less_light(self) -> tuple[float, float, float]:
        """How much less light is gained in shadows, in lights and on light strands, see `_LESS_LIGHT`."""
        in_shadow, *of_lights = _LESS_LIGHT[self.of_head]
        if not self.of_head:
            return in_shadow, of_lights[0], of_lights[1]
        black = float(np.interp(-self.centre, (-_BLACK[0], -_BLACK[1]), (0.0, 1.0)))
        in_light, on_strand = (own + black * (most - own) for own, most in zip(of_lights, _OF_BLACK, strict=True))
        return in_shadow, in_light, on_strand

    @property
    def lost(self) -> float:
        """Share of the colour that is lost, evenly.

        On the head that of the light which does not come from grey strands stays; brows and beards show skin as well.
        """
        if not self.of_head:
            return _COLOUR * self.amount
        grey = self.amount * float(np.exp(max(self.rise, _LEAST_GAIN)))
        return _COLOUR * grey / max(grey + 1.0 - self.amount, 1e-6)


def turn_grey(
    light: FloatArray,
    slow: FloatArray,
    drawn: FloatArray,
    turned: FloatArray,
    weight: FloatArray,
    hair: Hair,
    grey: FloatArray,
) -> npt.NDArray[np.float32]:
    """Return light (N, 3) of hair that is grey in part.

    Colour is lost evenly, so that none is left in patches; light is gained strand by strand.

    Args:
        light: (N, 3) linear RGB.
        slow: (N,), the shading of the hair, in log light over that of ``grey``.
        drawn: (N,), log light of strands that the photo lacks.
        turned: (N,), share of a pixel's light that comes from grey strands.
        weight: (N,), how far a pixel is hair.
        hair: all the hair.
        grey: (3,) linear RGB of grey hair.
    """
    level = float(luminance(grey))
    bright = luminance(light)
    logs = log_over_grey(bright, level)
    shade = np.clip(slow - hair.centre, -_MOST_SHADE, _MOST_SHADE)
    in_shadow, in_light, on_strand = (np.float32(share) for share in hair.less_light)
    gain = np.clip(hair.rise + np.where(shade < 0.0, in_shadow, -in_light) * shade, 0.0, _MOST)
    # Lights are compressed by their shading, not by their own light, so that no strands are lost.
    top = np.float32(np.log(WHITE / GREY) - _KNEE)
    gain = np.maximum(gain - (1.0 - _ABOVE_KNEE) * np.maximum(slow + gain - top, 0.0), 0.0)
    slow_gain = gain
    # What is brighter than the strands around is gloss: it gains less, but no two strands become one.
    gain = gain + drawn - on_strand * np.maximum(logs - slow, 0.0)
    # Grey strands and those that are not yet lie side by side: their light adds up.
    # Black of a whole place is hair without its strands; black between strands is a gap, and stays dark.
    unseen = np.float32(_LEAST * level) * np.clip(np.float32(_UNSEEN) - slow, 0.0, 1.0)
    raised = bright + turned * ((bright + unseen) * np.exp(np.maximum(gain, 0.0)) - bright)
    white = np.float32(level * WHITE / GREY)
    # A whole place that is lit is compressed as one; its strands keep most of their contrast.
    lit = np.float32(level) * np.exp(np.minimum(slow + slow_gain, np.float32(_MOST)))
    raised *= np.maximum(lit / white, 1.0) ** np.float32(_ABOVE_KNEE - 1.0)
    raised = np.maximum(raised * np.maximum(raised / white, 1.0) ** np.float32(_ABOVE_WHITE - 1.0), bright)
    least = np.float32(_LEAST) * grey
    own = (light + least) / (bright[..., None] + np.float32(_LEAST * level))
    tone = own * np.float32(1.0 - hair.lost) + grey / np.float32(level) * np.float32(hair.lost)
    return light + weight[..., None] * (tone * raised[..., None] - light)


def log_over_grey(bright: FloatArray, grey: float) -> npt.NDArray[np.float32]:
    """Return the logarithm of luminance (...) over that of grey hair, with a little added against noise."""
    return np.log(np.asarray(bright, np.float32) / np.float32(max(grey, 1e-5)) + np.float32(_LEAST))
