"""What painters of covers share: a face to paint on, drawing at three times the size, textures."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.occlusion.cover_network import EYES, SHAPE

Map = npt.NDArray[np.float32]
FINE = 3
_SIZE = (SHAPE[1], SHAPE[0])


class Face(NamedTuple):
    """A face in the network's copy.

    Attributes:
        picture: (160, 144, 3) RGB float32, 0 to 1.
        inside: (160, 144), 1 where the photo is.
        points: (68, 2) landmarks.
        labels: (160, 144, 4) in [0, 1], where it is covered by the four kinds.
        counts: (160, 144), how much each pixel counts.
    """

    picture: Map
    inside: Map
    points: npt.NDArray[np.float64]
    labels: Map
    counts: Map


def covered(face: Face, alpha: Map, colour: Map, kind: int | None) -> Face:
    """Put a colour over a face, and say what it is; None: it belongs to the face."""
    picture = face.picture + alpha[..., None] * (colour - face.picture)
    labels = face.labels * (1 - alpha[..., None])
    if kind is not None:
        labels[..., kind] = np.maximum(labels[..., kind], alpha)
    return face._replace(picture=picture.astype(np.float32), labels=labels)


def filled(outline: npt.NDArray) -> Map:
    """Fill an outline (N, 2), (160, 144) in [0, 1]."""
    drawn = np.zeros((SHAPE[0] * FINE, SHAPE[1] * FINE), np.uint8)
    cv2.fillPoly(drawn, [_fine(outline)], 255, cv2.LINE_AA, 4)
    return _shrunk(drawn)


def stroked(lines: list[npt.NDArray], widths: list[float], closed: bool = False) -> Map:
    """Draw lines (N, 2) of some widths in pixels, (160, 144) in [0, 1]."""
    drawn = np.zeros((SHAPE[0] * FINE, SHAPE[1] * FINE), np.uint8)
    for line, width in zip(lines, widths, strict=True):
        cv2.polylines(drawn, [_fine(line)], closed, 255, max(1, round(width * FINE)), cv2.LINE_AA, 4)
    return _shrunk(drawn)


def _fine(points: npt.NDArray) -> npt.NDArray[np.int32]:
    return np.rint(((np.asarray(points) + 0.5) * FINE - 0.5) * 16).astype(np.int32)


def _shrunk(drawn: npt.NDArray[np.uint8]) -> Map:
    small = cv2.resize(drawn, _SIZE, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def soft(mask: Map, sigma: float) -> Map:
    """Blur a map."""
    return cv2.GaussianBlur(np.asarray(mask, np.float32), (0, 0), sigma)


def shadow(face: Face, cover: Map, rng: np.random.Generator, depth: float = 0.5) -> Face:
    """Let a cover cast a shadow on the face."""
    shift = rng.normal((0, 1.5), 2.5)
    moved = cv2.warpAffine(cover, np.float32([[1, 0, shift[0]], [0, 1, shift[1]]]), _SIZE)
    dark = 1 - rng.uniform(0, depth) * soft(moved, rng.uniform(0.6, 3.5))
    return face._replace(picture=face.picture * dark[..., None])


def skin_colour(face: Face) -> Map:
    """Return the median colour of the cheeks, (3,)."""
    cheeks = np.rint([face.points[[31, 2, 48]].mean(axis=0), face.points[[35, 14, 54]].mean(axis=0)]).astype(int)
    parts = [face.picture[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5].reshape(-1, 3) for x, y in cheeks]
    found = np.concatenate(parts)
    return np.median(found, axis=0).astype(np.float32) if len(found) else np.full(3, 0.5, np.float32)


def texture(others: list[Map], rng: np.random.Generator) -> Map:
    """Return a picture of anything (160, 144, 3): one colour, blotches, stripes, checks, or part of another photo."""
    kind, base = rng.integers(6), rng.random(3).astype(np.float32)
    if rng.random() < 0.4:  # greys
        base = base[:1].repeat(3) + rng.normal(0, 0.03, 3).astype(np.float32)
    if kind <= 1:
        return np.ones((*SHAPE, 3), np.float32) * base
    if kind == 2:
        coarse = rng.random((*rng.integers(3, 30, 2), 3)).astype(np.float32)
        return np.clip(base * 0.6 + cv2.resize(coarse, _SIZE, interpolation=cv2.INTER_CUBIC) * 0.5, 0, 1)
    if kind in (3, 4):
        angle, often = rng.random() * np.pi, rng.uniform(0.15, 1.2)
        y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
        stripe = 0.5 + 0.5 * np.sin((x * np.cos(angle) + y * np.sin(angle)) * often)
        if kind == 4:
            stripe *= 0.5 + 0.5 * np.sin((x * np.sin(angle) - y * np.cos(angle)) * often)
        return base + stripe[..., None] * (rng.random(3).astype(np.float32) - base)
    other = others[rng.integers(len(others))]
    matrix = cv2.getRotationMatrix2D((72, 80), rng.uniform(0, 360), rng.uniform(0.7, 2.5))
    return cv2.warpAffine(other, matrix, _SIZE, borderMode=cv2.BORDER_REFLECT)


def shaded(colour: Map, rng: np.random.Generator, strength: float = 0.25) -> Map:
    """Vary the light over a surface slowly."""
    coarse = rng.normal(0, strength, (4, 4)).astype(np.float32)
    return np.clip(colour * np.exp(cv2.resize(coarse, _SIZE, interpolation=cv2.INTER_CUBIC))[..., None], 0, 1.2)


def wavy(line: npt.NDArray, rng: np.random.Generator, amount: float) -> npt.NDArray:
    """Move a line's points a little, neighbours alike."""
    phase = np.linspace(0, 1, len(line))
    bend = sum(
        rng.normal(0, amount / k, (1, 2)) * np.sin(np.pi * k * phase + rng.uniform(0, 6))[:, None] for k in (1, 2, 3)
    )
    return line + bend


UNIT = EYES  # lengths of painters are shares of the distance between the eyes
