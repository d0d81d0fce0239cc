"""How much a face changes for so many years: none below 22, most between 40 and 75."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Strength(NamedTuple):
    """Amounts of ageing.

    Attributes:
        marks: share of the marks of 50 years; negative makes younger.
        shape: share of the change of shape of 50 years; negative makes younger.
        features: how far lips and eyes change, see `shape.moved_landmarks`; it costs no likeness.
        sag: how far upper lids come down and jowls hang, see `lids` and `shape`; less in a face that has it already.
        wrinkles: as marks, for wrinkles, lines, pores and colour, which cost little likeness.
        deepest: share of new marks where the face has as much already.
        forward: how far marks are brought forward, see `marks.older`.
    """

    marks: float
    shape: float
    features: float
    sag: float
    wrinkles: float
    deepest: float
    forward: float = 0.0

    def held_back(self, held: float) -> Strength:
        """Return weaker amounts, which keep a face more recognisable.

        Args:
            held: 0 for all of it to 1; below 0, down to -1, marks and shape are brought forward instead.
        """
        if held < 0:
            # A face that shows its age already has less to gain.
            forward = -held * float(np.interp(self.deepest, _DEEPEST, _FORWARD))
            ahead = 1.0 + _SHAPE_FORWARD * forward
            return self._replace(forward=forward, shape=ahead * self.shape, sag=min(_MOST_SAG, ahead * self.sag))
        return self._replace(
            marks=(1.0 - _MARKS_HELD * held) * self.marks,
            shape=(1.0 - _SHAPE_HELD * held) * self.shape,
            wrinkles=(1.0 - _WRINKLES_HELD * held) * self.wrinkles,
        )


_FIRST_LINES = 22.0
_SPAN = 50.0  # years until a face has the marks that the model calls 1
_MOST = 1.35
# A face shows part of its marks in the photo already: what it has is not drawn again.
_SHOWN = 0.6
_GAIN = 1.15
_EARLY = 0.85  # exponent: the first marks show more than the later ones
_SHAPE = 0.8
_SHAPE_YOUNGER = 0.3
# What is taken back of a face that would not be recognised: the shape costs most of all for the years that it adds.
_MARKS_HELD = 0.75
_WRINKLES_HELD = 0.25
_SHAPE_HELD = 0.8
_DEEPEST = (0.4, 0.9)  # in an old face, and in a young one
_SAGS = (0.3, 1.0)  # share of what hangs that comes to it, in the same
_MOST_SAG = 1.0
_FORWARD = (0.25, 1.0)  # how far marks are brought forward at most, in the same
_SHAPE_FORWARD = 0.6  # how much more of the shape changes then


def strength_of(age: float, years: float, detail: float) -> Strength:
    """Return how much to change a face.

    Args:
        age: apparent age in the photo, years.
        years: years to add, negative for younger.
        detail: the user's factor, 1 as calibrated.
    """
    after = age + years
    if years >= 0:
        marks = _GAIN * (_lines(after) - _SHOWN * _lines(age))
        marks = max(0.0, min(marks, _GAIN * (_lines(after) - _lines(age)) * 1.6 + 0.02 * years))
        marks = marks**_EARLY
        shape = _SHAPE * years / _SPAN
    else:
        marks = min(0.0, _lines(after) - _lines(age))
        shape = _SHAPE_YOUNGER * years / _SPAN
    deepest = float(np.interp(age, (35.0, 60.0), _DEEPEST[::-1]))
    shape *= min(detail, 1.2)
    features = max(0.0, shape)
    sag = min(_MOST_SAG, features * float(np.interp(deepest, _DEEPEST, _SAGS)))
    return Strength(detail * marks, shape, features, sag, detail * marks, deepest)


def _lines(age: float) -> float:
    return float(np.clip((age - _FIRST_LINES) / _SPAN, 0.0, _MOST))
