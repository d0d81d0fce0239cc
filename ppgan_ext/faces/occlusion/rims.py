"""The rims of glasses as closed curves: a frame of many colours shows as a line in places only, but it has no gaps."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.head.facial_hair import brow_weight
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.occlusion.frame_lines import lines_of
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray

# Lengths are pixels of the network's copy, if nothing else is said.
_WORKING = 2.4  # of a photo's pixels for one of the copy, at most
_LENS, _LEAST_LENS = 0.5, 60.0  # chance and size of a lens
# Around a lens: the number of directions, the distances from its middle, as shares of its half width and height, the
# number of steps between them, and by how many of these a rim moves from one direction to the next.
_DIRECTIONS, _DISTANCES, _STEPS, _MOVES = 180, (0.6, 1.55), 80, 2
_MOVE_COST = 0.12
_LINE = 18.0  # levels of Lab of a line that surely is one
_CHANCE = (0.12, 0.4)  # of a frame: none, and one
_LEAST_RIM = 0.3  # mean of both along a rim
_BROW, _NO_FRAME, _BROW_WIDER = 0.2, 0.3, 1.0  # of a brow: its hair, the chance of a frame there, and its edge
_EDGE = 0.5  # share of a line's strength at which a rim ends
_HALF_WIDTH = (1.2, 3.0)  # how far it reaches beyond its middle, at least and at most
_UNEVEN = 1.7  # and as a multiple of what it does in most directions
# Of a frame's weight: from which it is seen in a direction; in which share of these it must be; and how many may follow
# each other in which it is not.
_SEEN, _LEAST_SEEN, _LONGEST_GAP = 0.5, 0.4, 32
# How near the rim it lies, how far within it the glass begins, and over how many directions to each side it is evened.
_NEAR, _GLASS, _EVEN_OVER = 4.0, 1.0, 5


class Rims(NamedTuple):
    """The rims of glasses, (h, w) each.

    Attributes:
        around: bool, where rims are; wider than they are.
        gaps: float32 in [0, 1], the rims where the frame is not seen: between two ends of it, as wide as it is.
        glass: float32 in [0, 1], what lies within a frame that is seen.
    """

    around: npt.NDArray[np.bool_]
    gaps: npt.NDArray[np.float32]
    glass: npt.NDArray[np.float32]


def find_rims(
    part: npt.NDArray, frame: FloatArray, lens: FloatArray, landmarks: FloatArray, scale: float, seen: FloatArray
) -> Rims:
    """Find the rims around lenses.

    Around the middle of a lens the rim is the closed curve that is likeliest, by the network and by the lines in the
    photo (the shortest path by dynamic programming; Viterbi, 1967).

    Args:
        part: (h, w, 3) RGB, 0 to 255.
        frame: (h, w) in [0, 1], the network's chance of a frame.
        lens: (h, w), its chance of a lens.
        landmarks: (68, 2) in the part.
        scale: pixels of the network's copy for one of the part's.
        seen: (h, w) in [0, 1], where a frame is seen (`frame_lines.frame_weight`).
    """
    height, width = lens.shape
    factor = min(1.0, _WORKING * scale)
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    pixel = factor / scale
    small, chance, glass, weight = (
        cv2.resize(np.asarray(a), size, interpolation=cv2.INTER_AREA)
        for a in (from_levels(part.astype(np.float32)), frame, lens, seen)
    )
    points = (landmarks + 0.5) * (np.array(size) / (width, height)) - 0.5
    lines = lines_of(small, pixel)
    likely = np.clip((chance - np.float32(_CHANCE[0])) / np.float32(np.ptp(_CHANCE)), 0.0, 1.0)
    line = np.clip(lines / np.float32(_LINE), 0.0, 1.0) * likely
    drawn = [np.zeros(glass.shape, np.uint8) for _ in Rims._fields]
    _, pieces, stats, middles = cv2.connectedComponentsWithStats((glass > _LENS).astype(np.uint8))
    for piece in range(1, len(stats)):
        if stats[piece, cv2.CC_STAT_AREA] > _LEAST_LENS * pixel * pixel:
            inside = pieces == piece
            _draw_rim(drawn, inside, middles[piece], (line, likely, weight), points, pixel)
    # A brow right above a frame may be taken for its edge.
    brow = (brow_weight(small, points) > _BROW) & (chance < _NO_FRAME)
    drawn[0][cv2.dilate(brow.astype(np.uint8), disc(_BROW_WIDER * pixel)) > 0] = 0
    around, gaps, within = (cv2.resize(each, (width, height), interpolation=cv2.INTER_LINEAR) for each in drawn)
    return Rims(around > 0, gaps / np.float32(255.0), within / np.float32(255.0))


def _draw_rim(
    drawn: list[npt.NDArray[np.uint8]],
    inside: npt.NDArray[np.bool_],
    middle: FloatArray,
    evidence: tuple[npt.NDArray[np.float32], ...],
    landmarks: FloatArray,
    pixel: float,
) -> None:
    """Draw the rim of one lens into ``drawn``, (h, w) each, in the order of `Rims`."""
    across = landmarks[45] - landmarks[36]
    across = across / max(float(np.hypot(*across)), 1e-6)
    turn = np.array([[across[0], -across[1]], [across[1], across[0]]])
    y, x = np.nonzero(inside)
    half = np.abs((np.column_stack([x, y]) - middle) @ turn)
    half = np.quantile(half, 0.97, axis=0) + 0.5
    angles = np.arange(_DIRECTIONS) * (2.0 * np.pi / _DIRECTIONS)
    far = np.linspace(*_DISTANCES, _STEPS)
    rays = (np.column_stack([np.cos(angles), np.sin(angles)]) * half) @ turn.T
    places = (middle + far[None, :, None] * rays[:, None, :]).astype(np.float32)
    line, likely, weight = (cv2.remap(each, places[..., 0], places[..., 1], cv2.INTER_LINEAR) for each in evidence)
    path = _closed_path(1.0 - 0.5 * (line + likely))
    at = np.arange(_DIRECTIONS)
    if float((0.5 * (line + likely))[at, path].mean()) < _LEAST_RIM:
        return
    step = np.hypot(*rays.T) * (far[1] - far[0])
    ends = [_extent(line, path, step, sign, pixel) for sign in (-1, 1)]
    inner, outer = (
        rays * (far[path] + sign * width / np.hypot(*rays.T))[:, None]
        for sign, width in zip((-1, 1), ends, strict=True)
    )
    for one in range(_DIRECTIONS):
        other = (one + 1) % _DIRECTIONS
        corners = middle + np.array([inner[one], inner[other], outer[other], outer[one]])
        cv2.fillConvexPoly(drawn[0], np.rint(corners * 16).astype(np.int32), 1, cv2.LINE_8, 4)
    _close_gaps(drawn, weight, path, middle, rays, pixel)


def _close_gaps(
    drawn: list[npt.NDArray[np.uint8]],
    weight: npt.NDArray[np.float32],
    path: npt.NDArray[np.int64],
    middle: FloatArray,
    rays: FloatArray,
    pixel: float,
) -> None:
    """Draw the gaps of a frame along the rim of one lens, and the glass within, as `Rims` names them.

    Args:
        drawn: (h, w) each, in the order of `Rims`.
        weight: (T, R) in [0, 1], the frame along each ray.
        path: (T,), where the rim is on each.
        middle: (2,), from which the rays start.
        rays: (T, 2), to the distance 1.
        pixel: working pixels for one of the network's copy.
    """
    far, length = np.linspace(*_DISTANCES, _STEPS), np.hypot(*rays.T)
    near = np.abs(far - far[path][:, None]) * length[:, None] <= _NEAR * pixel
    on_rim = weight * near
    seen = on_rim.max(axis=1) > _SEEN
    if seen.mean() < _LEAST_SEEN:
        return
    sums = np.maximum(on_rim.sum(axis=1), 1e-6)
    places = (on_rim * far).sum(axis=1) / sums
    at = np.flatnonzero(seen)
    half = 0.5 * float(np.median(sums[seen] * length[seen])) * (far[1] - far[0])
    radius = np.interp(np.arange(-_EVEN_OVER, len(path) + _EVEN_OVER), at, places[at], period=len(path))
    radius = np.array([np.median(radius[i : i + 2 * _EVEN_OVER + 1]) for i in range(len(path))])
    inner, outer, glass = (
        middle + rays * (radius + side / length)[:, None] for side in (-half, half, -half - _GLASS * pixel)
    )
    _fill(drawn[2], glass)
    for gap in _gaps(seen):
        _fill(drawn[1], np.vstack([inner[gap], outer[gap][::-1]]))


def _gaps(seen: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """Return the gaps between places that are seen around a closed curve, (T,), with one of these at each end."""
    count, at = len(seen), np.flatnonzero(seen)
    gaps = [np.arange(one, other + 1) % count for one, other in zip(at, [*at[1:], at[0] + count], strict=True)]
    return [gap for gap in gaps if 2 < len(gap) <= _LONGEST_GAP]


def _fill(drawn: npt.NDArray[np.uint8], outline: FloatArray) -> None:
    """Draw what lies within an outline, (N, 2), into a map, softly."""
    new = np.zeros_like(drawn)
    cv2.fillPoly(new, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    np.maximum(drawn, new, out=drawn)


def _extent(
    line: npt.NDArray[np.float32], path: npt.NDArray[np.int64], step: FloatArray, sign: int, pixel: float
) -> FloatArray:
    """Return how far a rim reaches from its path to one side, pixels by direction."""
    at = np.arange(len(path))
    strength = line[at, path]
    reach = np.full(len(path), _HALF_WIDTH[0] * pixel)
    open_ = np.ones(len(path), bool)
    for count in range(1, _STEPS):
        place = path + sign * count
        open_ &= (place >= 0) & (place < _STEPS) & (count * step <= _HALF_WIDTH[1] * pixel)
        open_ &= line[at, np.clip(place, 0, _STEPS - 1)] > _EDGE * np.maximum(strength, 0.6)
        reach[open_] = np.maximum(reach, count * step)[open_]
    # Between a frame and a brow skin stands out as a line, too; and single directions end early, or follow a wrinkle.
    reach = np.minimum(reach, _UNEVEN * np.median(reach))
    around = np.concatenate([reach[-4:], reach, reach[:4]])
    return np.array([np.median(around[i : i + 9]) for i in range(len(path))])


def _closed_path(cost: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return the cheapest closed path through a cost (T, R), (T,) indices: the middle of a path twice around."""
    total = np.concatenate([cost, cost])
    moves = range(-_MOVES, _MOVES + 1)
    back = np.zeros(total.shape, np.int64)
    best = total[0].astype(np.float64)
    for row in range(1, len(total)):
        from_ = np.full((len(moves), total.shape[1]), np.inf)
        for n, move in enumerate(moves):
            low, high = max(0, -move), total.shape[1] - max(0, move)
            from_[n, low:high] = best[low + move : high + move] + _MOVE_COST * abs(move)
        choice = from_.argmin(axis=0)
        back[row] = np.arange(total.shape[1]) + choice - _MOVES
        best = from_.min(axis=0) + total[row]
    path = np.zeros(len(total), np.int64)
    path[-1] = int(best.argmin())
    for row in range(len(total) - 1, 0, -1):
        path[row - 1] = back[row, path[row]]
    count = len(cost)
    start = count // 2
    return np.concatenate([path[count : count + start], path[start:count]])
