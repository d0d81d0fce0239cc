"""The frame of glasses at the photo's resolution: lines that stand out where the network expects a frame."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import across_eyes
from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.faces.morphology import disc
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray

# Lengths are pixels of the network's copy.
_WORKING = 2.4  # of a photo's pixels for one of the copy, at most
_WIDEST = 13.0  # window of the median: what is narrower than its half is a line
_REACH, _EXPECTED, _EXPECTED_SHARE = 2.0, 0.3, 0.25  # of a line so much lies so near to such a chance of a frame
_WIDE_REACH, _WIDE = 1.5, 0.3  # around everything that may be glasses lines are followed, but not to the brows
_INSIDE_LENS = (0.25, 0.5)  # by which a lens is likelier than a frame: there are no lines of it
_ELSEWHERE = 0.1
# A line begins at so many levels of Lab, and so many deviations of the skin, and is whole so many levels above.
_STANDS_OUT, _DEVIATIONS, _RISE = 9.0, 3.5, 10.0
_PLAIN_FRAME = (0.75, 0.95)  # chances from which on a frame needs no line
_BRIDGE_GAP = 0.02  # of what is bridged, as a share of the distance between the eyes
_BEYOND = 0.1  # how far beyond the eyes' inner corners the line leads, alike
_NOSE_TIP = slice(30, 36)
_ROOM = 1.5
_SHORTEST = 11.0
_GAP = 1.0  # half of what is bridged in a frame whose colour changes


def frame_weight(
    part: npt.NDArray,
    frame: npt.NDArray[np.float32],
    lens: npt.NDArray[np.float32],
    points: FloatArray,
    scale: float,
) -> npt.NDArray[np.float32]:
    """Return how much of each pixel is a frame, (h, w) float32 in [0, 1].

    A median over a window that is wider than a frame shows the face without it; what differs from it, in brightness or
    colour, is a line. Of these count the ones that the network expects in part, outside eyes, lenses and nose.

    Args:
        part: (h, w, 3) RGB, 0 to 255.
        frame: (h, w), the network's chance of a frame.
        lens: (h, w), its chance of a lens.
        points: (68, 2) landmarks in the part.
        scale: pixels of the network's copy for one of the part's.
    """
    height, width = frame.shape
    factor = min(1.0, _WORKING * scale)
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    pixel = factor / scale  # of the working copy for one of the network's
    small, frame, lens = (
        cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in (from_levels(part.astype(np.float32)), frame, lens)
    )
    lines = lines_of(small, pixel)
    glasses = np.maximum(frame, lens)
    elsewhere = glasses < _ELSEWHERE
    noise = float(np.median(lines[elsewhere])) if elsewhere.any() else 0.0
    least = max(_STANDS_OUT, _DEVIATIONS * noise)
    lines = _between(lines, (least, least + _RISE))
    near = np.clip(cv2.dilate(glasses, disc(_WIDE_REACH * pixel)) / _WIDE - 1.0, 0.0, 1.0)
    near *= 1.0 - _between(lens - frame, _INSIDE_LENS)
    inner = (points + 0.5) * (np.array(size) / (width, height)) - 0.5
    for feature in (RIGHT_EYE, LEFT_EYE, _NOSE_TIP):
        near *= 1.0 - draw_part(inner[feature], small.shape, _ROOM * pixel)
    expected = cv2.dilate(frame, disc(_REACH * pixel)) > _EXPECTED
    result = np.maximum(_followed(lines * near, expected, pixel), _between(frame, _PLAIN_FRAME))
    return np.clip(cv2.resize(result, (width, height), interpolation=cv2.INTER_CUBIC), 0.0, 1.0)


def has_bridge(weight: npt.NDArray[np.float32], points: FloatArray) -> bool:
    """Return whether one line leads from one eye to the other over the nose, as that of every pair of glasses does.

    Args:
        weight: (h, w), from `frame_weight`.
        points: (68, 2) landmarks, its pixels.
    """
    across = across_eyes(points)
    apart = max(float(np.hypot(*across)), 1.0)
    side = 2 * max(1, round(_BRIDGE_GAP * apart)) + 1
    joined = cv2.dilate((weight > 0.3).astype(np.uint8), np.ones((side, side), np.uint8))
    _, pieces = cv2.connectedComponents(joined)
    y, x = np.nonzero(joined)
    place = (np.column_stack([x, y]) - (points[39] + points[42]) / 2) @ across / apart**2
    inner = 0.5 * float((points[42] - points[39]) @ across) / apart**2 + _BEYOND
    both = [set(pieces[y, x][sign * place > inner].tolist()) for sign in (-1, 1)]
    return bool(both[0] & both[1])


def _between(values: npt.NDArray[np.float32], limits: tuple[float, float]) -> npt.NDArray[np.float32]:
    return np.asarray(np.clip((values - limits[0]) / (limits[1] - limits[0]), 0.0, 1.0), np.float32)


def lines_of(picture: npt.NDArray[np.uint8], pixel: float) -> npt.NDArray[np.float32]:
    """Return how far each pixel is from the median around it, in levels of Lab."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)
    side = 2 * round(_WIDEST * pixel / 2) + 1
    around = cv2.medianBlur(lab, side)
    apart = lab.astype(np.float32) - around
    return np.asarray(np.sqrt((np.square(apart) * (0.5, 1.0, 1.0)).sum(axis=2)), np.float32)


def _followed(
    weight: npt.NDArray[np.float32], expected: npt.NDArray[np.bool_], pixel: float
) -> npt.NDArray[np.float32]:
    """Keep lines of which a part is expected, and which are longer than wrinkles and spots."""
    joined = cv2.dilate((weight > 0.3).astype(np.uint8), disc(_GAP * pixel))
    number, pieces, stats, _ = cv2.connectedComponentsWithStats(joined)
    length = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    inside = np.bincount(pieces[expected], minlength=number)
    keep = (length >= _SHORTEST * pixel) & (inside >= _EXPECTED_SHARE * stats[:, cv2.CC_STAT_AREA])
    keep[0] = True
    return np.where(keep[pieces], weight, np.float32(0.0))
