"""Paint masks, hands, microphones, cups and other things over faces."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from canvas import SHAPE, UNIT, Face, Map, covered, filled, shaded, shadow, skin_colour, soft, stroked, texture, wavy

OTHER = 3
_CLOTH = (
    (0.55, 0.72, 0.85),
    (0.85, 0.88, 0.9),
    (0.9, 0.9, 0.88),
    (0.06, 0.06, 0.07),
    (0.6, 0.8, 0.75),
    (0.9, 0.7, 0.75),
)


def paint_mask(face: Face, others: list[Map], rng: np.random.Generator) -> Face:
    """Paint a surgical mask, a cloth mask, a respirator or a veil over nose and mouth, with folds and straps."""
    points = face.points
    top_share, side = rng.uniform(-0.1, 0.75), rng.integers(1, 4)
    if rng.random() < 0.12:
        top_share = rng.uniform(1.3, 2.0)  # worn below the nose
    nose = points[28] + top_share * (points[30] - points[28])
    reach = rng.uniform(0.9, 1.1)
    jaw = points[8] + reach * (points[side : 17 - side] - points[8]) + (0, rng.uniform(-2, 7))
    low = rng.uniform(0.0, 0.16) * UNIT
    jaw[2:-2, 1] += low * np.sin(np.linspace(0, np.pi, len(jaw) - 4))
    left_top, right_top = jaw[-1], jaw[0]
    upper = [left_top, (left_top + nose) / 2 + rng.normal(0, 2, 2) + (0, rng.uniform(-5, 3)), nose]
    upper += [(right_top + nose) / 2 + rng.normal(0, 2, 2) + (0, rng.uniform(-5, 3)), right_top]
    outline = np.concatenate([_smooth(np.array(upper), 24), jaw])
    area = filled(outline)
    colour = np.float32(_CLOTH[rng.integers(len(_CLOTH))]) * np.exp(rng.normal(0, 0.12, 3)).astype(np.float32)
    cloth = np.ones_like(face.picture) * colour if rng.random() < 0.65 else texture(others, rng)
    bright = np.float32(np.clip(np.median(face.picture) / 0.5, 0.35, 1.3))
    cloth = shaded(cloth * bright, rng, 0.2)
    if rng.random() < 0.7:
        cloth = cloth * _roundness(face, area)[..., None]
    if rng.random() < 0.65:
        cloth = cloth * _folds(jaw, nose, rng)[..., None]
    cloth = cloth * (1 + rng.normal(0, rng.uniform(0, 0.03), cloth.shape[:2]))[..., None]
    face = shadow(face, area, rng, 0.4)
    if rng.random() < 0.75:
        face = _straps(face, right_top, left_top, jaw, cloth, rng)
    return covered(face, area, np.clip(cloth, 0, 1.1).astype(np.float32), OTHER)


def _smooth(line: npt.NDArray, number: int) -> npt.NDArray:
    t = np.linspace(0, len(line) - 1, number)
    even = np.column_stack([np.interp(t, np.arange(len(line)), line[:, k]) for k in (0, 1)])
    even[2:-2] = (even[:-4] + even[1:-3] + even[2:-2] + even[3:-1] + even[4:]) / 5
    return even


def _roundness(face: Face, area: Map) -> Map:
    """Darken a mask's sides, as on a round surface."""
    x = np.arange(SHAPE[1], dtype=np.float32)[None]
    return (1 - 0.35 * np.clip(np.abs(x - face.points[30, 0]) / (1.0 * UNIT), 0, 1) ** 2) * np.ones_like(area)


def _folds(jaw: npt.NDArray, nose: npt.NDArray, rng: np.random.Generator) -> Map:
    number, lines = rng.integers(2, 5), []
    for k in range(number):
        share = (k + 1) / (number + 1)
        y = nose[1] + share * (jaw[:, 1].max() - nose[1]) + rng.normal(0, 2)
        ends = np.array([[jaw[:, 0].min(), y - 4], [nose[0], y + 4], [jaw[:, 0].max(), y - 4]])
        lines.append(wavy(_smooth(ends, 16), rng, 1.0))
    drawn = soft(stroked(lines, [rng.uniform(0.7, 1.6)] * number), rng.uniform(0.3, 1.2))
    return 1 - np.float32(rng.uniform(0.1, 0.45)) * drawn


def _straps(
    face: Face, right: npt.NDArray, left: npt.NDArray, jaw: npt.NDArray, cloth: Map, rng: np.random.Generator
) -> Face:
    points, lines = face.points, []
    for corner, ear, low in (
        (right, points[0] - (5, 4), jaw[min(3, len(jaw) - 1)]),
        (left, points[16] + (5, -4), jaw[-4]),
    ):
        for start in (corner, low):
            end = ear + rng.normal(0, 2, 2)
            lines.append(np.array([start, (start + end) / 2 + rng.normal(0, 1.5, 2), end]))
    drawn = stroked(lines, [rng.uniform(0.8, 2.2)] * len(lines))
    return covered(face, drawn, np.clip(cloth.mean(axis=(0, 1)) * np.float32(rng.uniform(0.7, 1.3)), 0, 1), OTHER)


def paint_hand(face: Face, rng: np.random.Generator) -> Face:
    """Paint fingers, and often the palm, that come into the face from below or from a side."""
    x, y = rng.uniform(-0.85, 0.85) * UNIT, rng.uniform(-0.3, 1.75) * UNIT
    tip = np.array([71.5 + x, 50.0 + y])
    angle = np.arctan2(1.0, rng.normal(0, 0.9) + 1.2 * x / UNIT)
    along, number = np.array([np.cos(angle), np.sin(angle)]), rng.integers(1, 6)
    across, width = np.array([-along[1], along[0]]), rng.uniform(0.17, 0.3) * UNIT
    skin = skin_colour(face) * np.exp(rng.normal(0, 0.16) + rng.normal(0, 0.05, 3)).astype(np.float32)
    palm_start = rng.uniform(0.7, 1.3) * UNIT
    if number > 1 and rng.random() < 0.75:
        face = _palm(face, tip + along * palm_start, along, across, number * width, skin, rng)
    for k in rng.permutation(number):
        offset = (k - (number - 1) / 2) * width * rng.uniform(0.92, 1.15)
        reach = rng.uniform(-0.12, 0.2) * UNIT + 0.06 * UNIT * abs(k - 1)
        start, end = (
            tip + across * offset + along * reach,
            tip + across * offset * rng.uniform(0.8, 1.3) + along * 1.5 * UNIT,
        )
        line = wavy(start + np.linspace(0, 1, 10)[:, None] * (end - start), rng, 1.5)
        face = _finger(face, line, width * rng.uniform(0.85, 1.1), skin, rng)
    return face


def _finger(face: Face, line: npt.NDArray, width: float, skin: Map, rng: np.random.Generator) -> Face:
    area = stroked([line], [width])
    inner = soft(stroked([line], [width * 0.55]), 0.16 * width)
    light = 0.68 + rng.uniform(0.25, 0.45) * inner
    colour = _skin_surface(skin, rng) * light[..., None]
    if rng.random() < 0.6:  # a nail and the joints
        nail = soft(stroked([line[:2]], [width * 0.45]), 0.8)[..., None] * np.float32(rng.uniform(0.1, 0.5))
        colour = colour + nail * (np.clip(skin * np.float32([1.25, 1.1, 1.1]), 0, 1) - colour)
        creases = stroked([p + np.array([[-width / 3, 0], [width / 3, 0]]) for p in line[4:6]], [0.8] * 2)
        colour = colour * (1 - 0.2 * creases[..., None])
    return covered(shadow(face, area, rng, 0.6), area, np.clip(colour, 0, 1).astype(np.float32), OTHER)


def _palm(
    face: Face,
    middle: npt.NDArray,
    along: npt.NDArray,
    across: npt.NDArray,
    width: float,
    skin: Map,
    rng: np.random.Generator,
) -> Face:
    turn = np.linspace(0, 2 * np.pi, 24)[:, None]
    outline = middle + np.cos(turn) * across * width * 0.6 + np.sin(turn) * along * UNIT * rng.uniform(0.5, 0.8)
    area = filled(wavy(outline, rng, 1.5))
    light = 0.75 + 0.25 * soft(area, 8)
    return covered(shadow(face, area, rng, 0.5), area, _skin_surface(skin, rng) * light[..., None], OTHER)


def _skin_surface(skin: Map, rng: np.random.Generator) -> Map:
    grain = soft(rng.normal(0, 1, SHAPE).astype(np.float32), 0.8) * np.float32(rng.uniform(0, 0.06))
    return shaded(np.ones((*SHAPE, 3), np.float32) * skin, rng, 0.12) * (1 + grain)[..., None]


def paint_thing(face: Face, others: list[Map], rng: np.random.Generator) -> Face:
    """Paint a microphone, a cup, a telephone, or a thing of any form before the face."""
    place = np.array([71.5, 50.0]) + rng.uniform((-0.8, 0.2), (0.8, 1.9)) * UNIT
    kind = rng.integers(4)
    if kind == 0:
        return _microphone(face, place, rng)
    size = rng.uniform(0.25, 0.8, 2) * UNIT
    if kind == 1:  # a cup: round below
        corners = np.array([[-1, -1], [1, -1], [rng.uniform(0.5, 1), 1.6], [-rng.uniform(0.5, 1), 1.6]])
    elif kind == 2:  # a telephone or a book
        corners = np.array([[-1, -1], [1, -1], [1, 1.6], [-1, 1.6]])
    else:
        turn = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(5, 12)))[:, None]
        corners = np.hstack([np.cos(turn), np.sin(turn)]) * rng.uniform(0.5, 1.2, (len(turn), 1))
    angle = rng.normal(0, 0.4)
    turned = corners * size @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    area = soft(filled(place + turned), rng.uniform(0.3, 0.8))
    colour = np.clip(shaded(texture(others, rng), rng, 0.3), 0, 1).astype(np.float32)
    return covered(shadow(face, area, rng, 0.6), area, colour, OTHER)


def _microphone(face: Face, place: npt.NDArray, rng: np.random.Generator) -> Face:
    radius, direction = rng.uniform(0.13, 0.33) * UNIT, rng.normal(0, 0.7)
    end = place + UNIT * 2.2 * np.array([np.sin(direction), np.cos(direction)])
    handle = stroked([np.array([place, end])], [radius * rng.uniform(0.5, 1.4)])
    head = stroked([np.array([place, place + 0.3 * (end - place) / np.hypot(*(end - place)) * radius])], [2 * radius])
    grey = np.float32(rng.uniform(0.02, 0.25) if rng.random() < 0.7 else rng.uniform(0.3, 0.8))
    metal = shaded(np.ones_like(face.picture) * grey, rng, 0.4)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    mesh = 1 + np.float32(rng.uniform(0, 0.5)) * np.sin(x * rng.uniform(1, 3)) * np.sin(y * rng.uniform(1, 3))
    shine = soft(stroked([np.array([place - radius * 0.35, place - radius * 0.3])], [radius * 0.6]), radius * 0.25)
    face = shadow(face, np.maximum(handle, head), rng, 0.6)
    face = covered(face, handle, metal * np.float32(rng.uniform(0.5, 1.5)), OTHER)
    ball = metal * mesh[..., None] + shine[..., None] * np.float32(rng.uniform(0, 0.4))
    return covered(face, head, np.clip(ball, 0, 1).astype(np.float32), OTHER)
