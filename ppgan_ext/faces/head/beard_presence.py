"""Whether a face has a beard at all: shade under a lip is as dark as a goatee, but not as rough, nor is it everywhere.

One part alone does not tell: of 226 faces without a beard on photos of people, 5% had a part that was taken for one.
All parts together do, by a logistic regression: 1%.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.head.hair_texture import roughness
from ppgan_ext.types import FloatArray

# Fitted by tools/hair_model/fit_beard.py: a constant, and the weights of what `presence_figures` measures of each part.
_CONSTANT = -2.138
_WEIGHTS = {
    "moustache": (-1.085, -0.328, -0.163, -0.345, 9.681, 1.383),
    "goatee": (-0.831, -0.189, -1.805, -0.208, 13.682, 1.606),
    "whiskers": (0.601, 0.085, -0.665, -0.507, -0.794, 1.002),
}


def beard_presence(
    copy: npt.NDArray, landmarks: FloatArray, outlines: Mapping[str, FloatArray], figures: Mapping[str, FloatArray]
) -> float:
    """Return how likely a face has a beard, 0 to 1.

    Args:
        copy: (H, W, 3) RGB, 0 to 255, about 72 pixels between the eyes.
        landmarks: (68, 2) in it.
        outlines: by the names of the parts, where each grows, (H, W) in [0, 1].
        figures: likewise, its figures (4,), see `beard.beard_regions`.
    """
    total = _CONSTANT
    for part, measured in presence_figures(copy, landmarks, outlines, figures).items():
        total += float(measured @ np.array(_WEIGHTS[part]))
    return float(1.0 / (1.0 + np.exp(-total)))


def presence_figures(
    copy: npt.NDArray, landmarks: FloatArray, outlines: Mapping[str, FloatArray], figures: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """Return the figures of each part, (6,): the four that are known, its roughness, and that over the skin's.

    The arguments are those of `beard_presence`.
    """
    rough = roughness(copy, landmarks)
    measured = {}
    for part, outline in outlines.items():
        inside = outline > 0.5
        means = (0.0, 0.0) if rough is None else (float(one[inside].mean()) for one in rough)
        measured[part] = np.array([*figures[part], *means])
    return measured
