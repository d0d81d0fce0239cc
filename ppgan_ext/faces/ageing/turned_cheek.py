"""The cheek of a turned head that is nearer to the camera: in the photo it is wider than in the frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.frame import Placement
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.skin_colour import ramp

# How much farther the mouth's corner is from the jaw than in the frame, in distances of the eyes: as it is drawn, and
# stretched so far that lines become broad strokes. Of 41 portraits the most is 1.6; five heads turned by 30 degrees and
# more had 1.7 to 2.7.
_STRETCHED = (1.5, 2.1)
_SIDES = ((48, 4), (54, 12))  # corner of the mouth and point of the jaw, the right of the person and the left
_MIDDLE = 0.3  # half the width over which one side goes over into the other, in distances of the eyes


def stretched(placement: Placement) -> npt.NDArray[np.float32]:
    """Return how far each column of the frame is stretched in the photo, (1, W) in [0, 1]."""
    eyes = eye_distance(placement.landmarks), placement.eyes
    ratios = []
    for corner, jaw in _SIDES:
        here, there = (
            float(np.hypot(*(points[corner] - points[jaw]))) / scale
            for points, scale in zip((placement.landmarks, placement.frame_landmarks), eyes, strict=True)
        )
        ratios.append(here / max(there, 1e-6))
    right, left = (float(ramp(np.float32(ratio), _STRETCHED)) for ratio in ratios)
    width = placement.frame_size[0]
    across = (np.arange(width) - placement.frame_landmarks[27:31, 0].mean()) / placement.eyes
    return np.interp(across, (-_MIDDLE, _MIDDLE), (right, left)).astype(np.float32)[None]
