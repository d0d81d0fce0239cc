"""Paint glasses on faces: frames of many shapes, rimless and half-rimmed, clear, tinted and dark lenses."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from canvas import UNIT, Face, Map, covered, filled, shaded, shadow, soft, stroked, texture

FRAME, LENS, DARK = 0, 1, 2
# Metal and plastic: black, browns, gold, silver, red, blue, green, white, rose.
_COLOURS = (
    (0.03, 0.03, 0.03), (0.03, 0.03, 0.03), (0.08, 0.07, 0.07), (0.16, 0.09, 0.05), (0.3, 0.18, 0.1),
    (0.6, 0.48, 0.28), (0.65, 0.65, 0.67), (0.45, 0.08, 0.08), (0.1, 0.14, 0.4), (0.1, 0.3, 0.2),
    (0.85, 0.83, 0.8), (0.7, 0.45, 0.45), (0.35, 0.35, 0.38),
)  # fmt: skip


class Pair(NamedTuple):
    """Outlines of two lenses, right and left, (N, 2) each, from the temple on."""

    right: npt.NDArray
    left: npt.NDArray


def paint_glasses(face: Face, others: list[Map], rng: np.random.Generator, dark: bool) -> Face:
    """Paint a pair of glasses, with dark lenses or clear ones."""
    lenses = _outlines(face, rng)
    areas = [filled(lens) for lens in lenses]
    both = np.maximum(*areas)
    kind = rng.choice(["full", "half", "rimless"], p=[0.66, 0.2, 0.14])
    thickness = rng.choice([rng.uniform(0.7, 1.6), rng.uniform(1.4, 3.0), rng.uniform(2.5, 6.0)], p=[0.4, 0.35, 0.25])
    rim = _rim(lenses, kind, float(thickness), rng)
    rest = _bridge_and_temples(face, lenses, float(thickness) * rng.uniform(0.7, 1.2), rng)
    face = shadow(face, np.maximum(rim, rest), rng, 0.55)
    if not dark and rng.random() < 0.6:
        face = _refracted(face, lenses, both, rng)
    face = _with_lens(face, both, others, rng, dark)
    frame = np.maximum(rim, rest)
    colour = _frame_colour(face, others, rng)
    opacity = rng.uniform(0.35, 0.7) if rng.random() < 0.1 else rng.uniform(0.85, 1.0)
    labels = face.labels
    face = covered(face, frame * np.float32(opacity), colour, None)
    labels = labels * (1 - frame[..., None])
    labels[..., FRAME] = np.maximum(labels[..., FRAME], frame)
    if kind == "rimless":  # the lens' own edge
        edge = stroked(list(lenses), [rng.uniform(0.6, 1.3)] * 2, closed=True)
        tone = np.float32(rng.choice([0.15, 0.95], p=[0.6, 0.4]))
        face = face._replace(
            picture=face.picture + edge[..., None] * np.float32(rng.uniform(0.15, 0.5)) * (tone - face.picture)
        )
        labels[..., FRAME] = np.maximum(labels[..., FRAME], edge)
        labels[..., LENS:] *= 1 - edge[..., None]
    return face._replace(labels=labels)


def _outlines(face: Face, rng: np.random.Generator) -> Pair:
    """Return the lenses' outlines; the far one of a turned head is narrower."""
    points = face.points
    middle = points[27] + rng.uniform(0.0, 0.35) * (points[28] - points[27])
    across = points[42:48].mean(axis=0) - points[36:42].mean(axis=0)
    across = across / np.hypot(*across)
    down = np.array([-across[1], across[0]])
    sides = [max(abs(float((points[jaw] - middle) @ across)), 0.25 * UNIT) for jaw in (0, 16)]
    width, height = rng.uniform(0.62, 0.86), rng.uniform(0.36, 0.72) if rng.random() < 0.85 else rng.uniform(0.7, 1.0)
    gap, power = rng.uniform(0.1, 0.24), rng.choice([2.0, rng.uniform(2.2, 3.2), rng.uniform(3.0, 7.0)])
    low, narrow, raised, sag = (
        rng.uniform(-0.02, 0.16),
        rng.normal(0, 0.1),
        rng.normal(0, 0.06),
        rng.uniform(-0.02, 0.12),
    )
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / power)
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / power)
    x = x * (1 - narrow * y)  # wider above or below
    y = y + sag * (y > 0) * -x  # drops towards the nose or the cheek
    turn = rng.normal(0, 0.02)
    drawn = []
    for sign, side in zip((-1, 1), sides, strict=True):
        share = side / (1.12 * UNIT)
        u = sign * share * UNIT * (gap / 2 + width / 2 * (1 + x))
        v = UNIT * (low + height / 2 * y - raised * x) + turn * u
        drawn.append(middle + u[:, None] * across + v[:, None] * down)
    return Pair(*drawn)


def _rim(lenses: Pair, kind: str, thickness: float, rng: np.random.Generator) -> Map:
    if kind == "rimless":
        return np.zeros_like(filled(lenses[0]))
    upper = [lens[np.r_[20:40, 0:1]] for lens in lenses]
    if kind == "half":
        return stroked(upper, [thickness] * 2)
    heavy = thickness * (rng.uniform(1.2, 2.2) if rng.random() < 0.4 else 1.0)
    whole = stroked(list(lenses), [thickness] * 2, closed=True)
    return np.maximum(whole, stroked(upper, [heavy] * 2)) if heavy > thickness else whole


def _bridge_and_temples(face: Face, lenses: Pair, thickness: float, rng: np.random.Generator) -> Map:
    points = face.points
    outer, inner = [lens[[39, 0, 1]].mean(axis=0) for lens in lenses], [lens[18:23].mean(axis=0) for lens in lenses]
    height = np.ptp(lenses.right[:, 1])
    rise = rng.uniform(-0.1, 0.35) * height
    ends = [end - (0, rise) for end in inner]
    middle = np.mean(ends, axis=0) - (0, rng.uniform(0.0, 0.2) * height)
    lines, widths = [_curve(ends[0], middle, ends[1])], [max(0.7, thickness * rng.uniform(0.7, 1.3))]
    if rng.random() < 0.12:
        lines.append(lines[0] - (0, rng.uniform(3, 7)))
        widths.append(max(0.7, thickness * 0.8))
    lift = rng.uniform(0.1, 0.45) * height
    for jaw, end, sign in ((0, outer[0], -1), (16, outer[1], 1)):
        start, ear = end - (0, lift), points[jaw] + (sign * rng.uniform(-2, 8), rng.uniform(-14, 2))
        if (ear[0] - start[0]) * sign > 1:
            lines.append(_curve(start, (start + ear) / 2 - (0, rng.uniform(-1, 3)), ear))
            widths.append(max(0.7, thickness * rng.uniform(0.7, 1.6)))
    return stroked(lines, widths)


def _curve(start: npt.NDArray, middle: npt.NDArray, end: npt.NDArray) -> npt.NDArray:
    t = np.linspace(0, 1, 12)[:, None]
    return start * (1 - t) ** 2 + (2 * middle - (start + end) / 2) * 2 * t * (1 - t) + end * t**2


def _frame_colour(face: Face, others: list[Map], rng: np.random.Generator) -> Map:
    base = np.float32(_COLOURS[rng.integers(len(_COLOURS))]) * np.exp(rng.normal(0, 0.2, 3)).astype(np.float32)
    colour = np.ones_like(face.picture) * base
    if rng.random() < 0.15:  # tortoise
        colour = colour + np.float32(0.35) * (texture(others, rng) - colour)
    bright = np.float32(np.clip(face.picture.mean() / 0.45, 0.4, 1.4))
    shine = soft(rng.random(colour.shape[:2]).astype(np.float32), 3.0)
    shine = np.clip((shine - shine.mean()) / (shine.std() + 1e-6) - 1.2, 0, 1) * np.float32(rng.uniform(0, 0.6))
    return shaded(colour * bright, rng, 0.3) + shine[..., None]


def _refracted(face: Face, lenses: Pair, both: Map, rng: np.random.Generator) -> Face:
    """Make what is behind the lenses smaller or larger."""
    power = rng.normal(0, 0.04)
    picture = face.picture
    for lens in lenses:
        middle = lens.mean(axis=0)
        matrix = cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), 0, 1 + power)
        moved = cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
        area = filled(lens)[..., None]
        picture = picture + area * (moved - picture)
    return face._replace(picture=picture)


def _with_lens(face: Face, both: Map, others: list[Map], rng: np.random.Generator, dark: bool) -> Face:
    y = np.linspace(-0.5, 0.5, both.shape[0], dtype=np.float32)[:, None, None]
    if dark:
        colour = rng.uniform(0, 0.15, 3) if rng.random() < 0.7 else rng.uniform(0, 0.5, 3)
        glass = np.ones_like(face.picture) * colour.astype(np.float32) + y * np.float32(rng.uniform(-0.2, 0.8))
        if rng.random() < 0.4:
            glass = glass + np.float32(rng.uniform(0.05, 0.6)) * soft_picture(texture(others, rng), rng)
        opacity = rng.uniform(0.72, 1.0)
        face = covered(face, both * np.float32(opacity), np.clip(shaded(glass, rng), 0, 1), None)
    else:
        tint = np.exp(rng.normal(-0.05, 0.05) + rng.normal(0, 0.05, 3)).astype(np.float32)
        face = face._replace(picture=face.picture * (1 + both[..., None] * (np.minimum(tint, 1.1) - 1)))
    face = _reflections(face, both, rng, 0.35 if dark else 0.4)
    labels = face.labels * (1 - both[..., None])
    labels[..., DARK if dark else LENS] = both
    return face._replace(labels=labels)


def soft_picture(picture: Map, rng: np.random.Generator) -> Map:
    """Blur a picture by a random amount."""
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 4))


def _reflections(face: Face, both: Map, rng: np.random.Generator, chance: float) -> Face:
    picture = face.picture
    while rng.random() < chance:
        corners = rng.uniform((20, 30), (124, 75)) + rng.normal(0, rng.uniform(2, 14), (4, 2))
        light = soft(filled(cv2.convexHull(corners.astype(np.float32))[:, 0]), rng.uniform(0.4, 4)) * both
        colour = np.clip(rng.normal(0.9, 0.15, 3), 0, 1.2).astype(np.float32)
        picture = picture + light[..., None] * np.float32(rng.uniform(0.1, 0.85)) * (colour - picture)
    return face._replace(picture=picture)
