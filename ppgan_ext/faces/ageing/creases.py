"""Wrinkles that are nobody's own: curves along the directions in which the wrinkles of old faces run.

A model of many faces says how wrinkles run at each place, how sure that is and how deep they are (`CreaseField`).
Curves are started at random, follow the field (streamlines, evenly spaced as by Jobard and Lefer, Eurographics
Workshop on Visualization in Scientific Computing 1997), and are drawn as valleys with a bright lower wall, since light
comes from above. Coarse curves come first; finer ones lie between them. The seed decides everything, so two people do
not get the same lines.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.morphology import disc
from ppgan_ext.types import FloatArray


class CreaseField(NamedTuple):
    """Where wrinkles lie and how they run, (H, W) each, in the frame.

    Attributes:
        double_angle: (H, W, 2) cosine and sine of twice the angle of the wrinkles' direction, as long as it is sure: 0
            to 1.
        depth: root mean square of the wrinkles in log light.
    """

    double_angle: npt.NDArray[np.float32]
    depth: npt.NDArray[np.float32]


class Level(NamedTuple):
    """One size of wrinkles; lengths as shares of the eyes' distance.

    Attributes:
        width: standard deviation of a valley's cross-section.
        spacing: least distance between two curves.
        length: length of a curve where the direction is sure.
        wander: how far the direction strays from the field, in radians.
        share: share of the depth that is drawn by this level.
        least_sure: curves end where the direction is less sure than this, 0 to 1.
    """

    width: float
    spacing: float
    length: float
    wander: float
    share: float
    least_sure: float


LEVELS = (
    Level(width=0.0140, spacing=0.150, length=1.60, wander=0.10, share=1.25, least_sure=0.5),
    Level(width=0.0085, spacing=0.095, length=1.15, wander=0.11, share=1.2, least_sure=0.35),
    Level(width=0.0060, spacing=0.048, length=0.40, wander=0.22, share=0.75, least_sure=0.25),
    Level(width=0.0034, spacing=0.022, length=0.14, wander=0.5, share=0.55, least_sure=0.0),
)
_STEP = 0.5  # of a level's width
# A valley's cross-section: Gaussians by width, weight and distance below the valley's bottom, in widths of the valley.
# Dark and sharp at the bottom, with soft shoulders; the lower wall is bright; the weights add up to nothing.
_PROFILE = ((1.0, -2.7, 0.0), (2.6, -1.0, -0.5), (1.5, 1.6, 1.7), (4.0, 2.1, 1.5))
_LEAST_DEPTH = 0.012


def draw_creases(field: CreaseField, weight: FloatArray, eyes: float, seed: int) -> npt.NDArray[np.float32]:
    """Draw wrinkles.

    Args:
        field: where they lie; (H, W).
        weight: (H, W) in [0, 1], where there is skin to draw on.
        eyes: the eyes' distance in the frame, in pixels.
        seed: decides which wrinkles.

    Returns:
        (H, W), a change of log light; valleys are negative.
    """
    result = np.zeros(field.depth.shape, np.float32)
    taken = np.zeros(field.depth.shape, np.uint8)
    for number, level in enumerate(LEVELS):
        rng = np.random.default_rng([seed, number])
        paths = _paths(field, weight, eyes, level, rng)
        kept = _spaced(paths, taken, level, eyes)
        result += _draw_valleys(kept, field, level, eyes, rng)
    return result


def _paths(
    field: CreaseField, weight: FloatArray, eyes: float, level: Level, rng: np.random.Generator
) -> list[npt.NDArray[np.float32]]:
    """Follow the field from random places, all curves at once; return them as (N, 2) places, the deepest first."""
    width = field.depth.shape[1]
    chance = np.asarray(field.depth * weight, np.float64)
    sure = np.hypot(field.double_angle[..., 0], field.double_angle[..., 1])
    # Where directions of many faces meet, a curve would curl.
    chance[(field.depth * weight < _LEAST_DEPTH) | (sure < level.least_sure)] = 0.0
    total = float(chance.sum())
    if total <= 0.0:
        return []
    area = float(np.count_nonzero(chance))
    num = int(min(4000, 2.5 * area / (level.spacing * level.length * 0.6 * eyes * eyes)))
    starts = rng.choice(chance.size, size=max(num, 8), p=chance.ravel() / total)
    places = (
        np.stack([starts % width, starts // width], axis=1).astype(np.float32)
        + rng.random((len(starts), 2), np.float32)
        - 0.5
    )
    angle = _strayed_angle(field, level, eyes, rng)
    step = max(0.7, _STEP * level.width * eyes)
    first = _sample(sure, places)
    lengths = level.length * eyes * (0.35 + 0.65 * first) * rng.uniform(0.5, 1.25, len(places))
    num_steps = int(np.ceil(float(lengths.max()) / 2 / step))
    halves = [_follow(places, angle, chance.astype(np.float32), step, num_steps, sign) for sign in (1.0, -1.0)]
    keep_steps = np.maximum(2, (lengths / 2 / step).astype(int))
    paths = []
    for index in range(len(places)):
        ahead, back = (half[0][: min(int(keep_steps[index]), int(half[1][index])), index] for half in halves)
        path = np.concatenate([back[::-1], places[index][None], ahead])
        if len(path) * step > 0.3 * level.length * eyes * 0.5:
            paths.append(path)
    return paths


def _strayed_angle(field: CreaseField, level: Level, eyes: float, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return twice the angle as a unit vector, (H, W, 2), strayed smoothly from the field where that is not sure."""
    shape = field.depth.shape
    noise = blur(rng.standard_normal(shape, np.float32), 0.10 * eyes)
    noise /= max(float(noise.std()), 1e-6)
    fine = blur(rng.standard_normal(shape, np.float32), 0.025 * eyes)
    fine /= max(float(fine.std()), 1e-6)
    sure = np.hypot(field.double_angle[..., 0], field.double_angle[..., 1])
    stray = 2.0 * level.wander * (noise * (1.25 - sure) + 0.35 * fine)
    twice = np.arctan2(field.double_angle[..., 1], field.double_angle[..., 0]) + stray
    return np.stack([np.cos(twice), np.sin(twice)], axis=2).astype(np.float32)


def _follow(
    places: FloatArray, twice: FloatArray, chance: FloatArray, step: float, num_steps: int, sign: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Walk along a field of double angles.

    Returns:
        walked: (num_steps, N, 2) places.
        alive: (N,), how many of them lie where wrinkles are.
    """
    place = places.copy()
    heading = _direction(_sample(twice, place)) * np.float32(sign)
    walked = np.empty((num_steps, *places.shape), np.float32)
    alive = np.zeros(len(places), np.int64)
    going = np.ones(len(places), bool)
    for number in range(num_steps):
        place = place + heading * np.float32(step)
        ahead = _direction(_sample(twice, place))
        ahead *= np.where((ahead * heading).sum(axis=1) < 0, -1.0, 1.0)[:, None].astype(np.float32)
        heading = ahead
        walked[number] = place
        going &= _sample(chance, place) > _LEAST_DEPTH
        alive += going
    return walked, alive


def _direction(twice: FloatArray) -> npt.NDArray[np.float32]:
    half = np.arctan2(twice[:, 1], twice[:, 0]) / 2
    return np.stack([np.cos(half), np.sin(half)], axis=1).astype(np.float32)


def _sample(values: FloatArray, places: FloatArray) -> npt.NDArray[np.float32]:
    """Interpolate values (H, W) or (H, W, C) at places (N, 2)."""
    points = np.ascontiguousarray(places, np.float32)[None]
    drawn = cv2.remap(np.asarray(values, np.float32), points, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(drawn[0], np.float32)


def _spaced(
    paths: list[npt.NDArray[np.float32]], taken: npt.NDArray[np.uint8], level: Level, eyes: float
) -> list[npt.NDArray[np.float32]]:
    """Keep curves that do not come too near to those before them; marks them in ``taken``.

    A curve is cut where it comes near another, and kept if what is left is long enough.
    """
    height, width = taken.shape
    radius = max(1, round(level.spacing * eyes))
    near = cv2.dilate(taken, disc(radius // 2))
    kept = []
    least = max(4, int(0.3 * level.length / (_STEP * level.width) * 0.5))
    for path in paths:
        inside = np.rint(path).astype(int)
        ok = (inside >= 0).all(axis=1) & (inside[:, 0] < width) & (inside[:, 1] < height)
        ok[ok] &= near[inside[ok, 1], inside[ok, 0]] == 0
        first, last = _longest_run(ok)
        if last - first < least:
            continue
        path = path[first:last]
        points = [np.rint(path * 16).astype(np.int32)]
        cv2.polylines(near, points, False, 1, max(1, radius), cv2.LINE_8, 4)
        cv2.polylines(taken, points, False, 1, 1, cv2.LINE_8, 4)
        kept.append(path)
    return kept


def _longest_run(ok: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return first and end of the longest run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], ok.astype(np.int8), [0]])))
    if len(edges) == 0:
        return 0, 0
    runs = edges.reshape(-1, 2)
    best = runs[int(np.argmax(runs[:, 1] - runs[:, 0]))]
    return int(best[0]), int(best[1])


def _draw_valleys(
    paths: list[npt.NDArray[np.float32]], field: CreaseField, level: Level, eyes: float, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Draw curves as valleys, each fading towards its ends, uneven along its way."""
    height, width = field.depth.shape
    sigma = max(0.6, level.width * eyes)
    step = max(0.7, _STEP * level.width * eyes)
    ink = np.zeros((height + 2, width + 2), np.float32)
    depth_at = field.depth * np.float32(level.share)
    for path in paths:
        along = np.linspace(0.0, 1.0, len(path), dtype=np.float32)
        fade = np.clip(np.minimum(along, 1.0 - along) * 4.0, 0.0, 1.0) ** 0.7
        uneven = np.interp(along, np.linspace(0, 1, 7), rng.uniform(0.55, 1.25, 7)).astype(np.float32)
        depth = _sample(depth_at, path) * fade * uneven * np.float32(rng.uniform(0.5, 1.35))
        _splat(ink, path + 1.0, depth * np.float32(step))
    ink = ink[1:-1, 1:-1]
    # A line of ink blurred by sigma has a peak of ink / (sqrt(2 pi) sigma).
    peak = np.float32(np.sqrt(2 * np.pi) * sigma)
    profile = np.zeros((height, width), np.float32)
    for factor, share, drop in _PROFILE:
        part = blur(ink, factor * sigma)
        if drop:
            move = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, drop * sigma]])
            part = cv2.warpAffine(part, move, (width, height), flags=cv2.INTER_LINEAR)
        profile += np.float32(share) * part
    return profile * peak


def _splat(ink: npt.NDArray[np.float32], path: FloatArray, amount: FloatArray) -> None:
    """Add amounts at places between pixels, shared out bilinearly."""
    corner = np.floor(path).astype(int)
    part = (path - corner).astype(np.float32)
    height, width = ink.shape
    for dx in (0, 1):
        for dy in (0, 1):
            x, y = corner[:, 0] + dx, corner[:, 1] + dy
            share = (part[:, 0] if dx else 1 - part[:, 0]) * (part[:, 1] if dy else 1 - part[:, 1])
            ok = (x >= 0) & (y >= 0) & (x < width) & (y < height)
            np.add.at(ink, (y[ok], x[ok]), (amount * share)[ok])
