"""What is no cover and may look like one: hair, hats, make-up, shadows, jewellery; and other light and sharpness."""

from __future__ import annotations

import cv2
import numpy as np
from canvas import SHAPE, UNIT, Face, Map, covered, filled, shaded, soft, stroked, texture, wavy

_LUMA = np.array([0.3, 0.6, 0.1], np.float32)
_HAIR = (
    (0.05, 0.045, 0.04),
    (0.15, 0.1, 0.07),
    (0.3, 0.2, 0.13),
    (0.65, 0.5, 0.3),
    (0.45, 0.22, 0.12),
    (0.8, 0.8, 0.8),
)


def disguise(face: Face, others: list[Map], rng: np.random.Generator) -> Face:
    """Change a face by some things that are no covers."""
    for chance, change in (
        (0.25, _strands),
        (0.12, _hat),
        (0.2, _sockets),
        (0.3, _half_shadow),
        (0.1, _jewels),
        (0.1, _beard),
    ):
        if rng.random() < chance:
            face = change(face, others, rng)
    return face


def photographed(face: Face, rng: np.random.Generator) -> Face:
    """Change light, colour, sharpness, noise; turn, scale, shift and mirror by a little."""
    return _moved(relit(face, rng), rng)


def relit(face: Face, rng: np.random.Generator) -> Face:
    """Change light, colour, sharpness and noise."""
    picture = face.picture
    picture = np.clip(picture, 0, 1) ** np.exp(rng.normal(0, 0.3))
    picture = picture * np.exp(rng.normal(0, 0.1, 3)) * np.exp(rng.normal(-0.05, 0.2))
    mean = picture.mean(axis=2, keepdims=True)
    picture = np.clip(mean + (picture - mean) * np.exp(rng.normal(0, 0.35)), 0, 1).astype(np.float32)
    if rng.random() < 0.12:
        picture = np.repeat((picture @ _LUMA)[..., None], 3, axis=2)
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.5))
    picture = picture + rng.normal(0, rng.uniform(0, 0.025), picture.shape)
    if rng.random() < 0.25:
        _, coded = cv2.imencode(".jpg", np.clip(picture * 255, 0, 255).astype(np.uint8), [1, int(rng.integers(30, 90))])
        picture = cv2.imdecode(coded, 1) / np.float32(255)
    return face._replace(picture=np.clip(picture, 0, 1).astype(np.float32))


def _moved(face: Face, rng: np.random.Generator) -> Face:
    size = SHAPE[::-1]
    matrix = cv2.getRotationMatrix2D((71.5, 70), rng.normal(0, 4), float(np.exp(rng.normal(0, 0.07))))
    matrix[:, 2] += rng.normal(0, 2.5, 2)
    if rng.random() < 0.5:
        matrix = matrix @ np.array([[-1.0, 0, SHAPE[1] - 1], [0, 1, 0], [0, 0, 1]])
    picture, inside, labels, counts = (
        cv2.warpAffine(a, matrix, size) for a in (face.picture, face.inside, face.labels, face.counts)
    )
    return face._replace(picture=picture, inside=inside, labels=labels, counts=counts)


def _strands(face: Face, others: list[Map], rng: np.random.Generator) -> Face:
    """Hang locks and single hairs over forehead and cheeks."""
    lines, widths = [], []
    for _ in range(rng.integers(1, 14)):
        x = rng.uniform(0, SHAPE[1])
        start, end = np.array([x, -5.0]), np.array([x + rng.normal(0, 25), rng.uniform(10, 110)])
        lines.append(wavy(start + np.linspace(0, 1, 12)[:, None] * (end - start), rng, 4.0))
        widths.append(float(rng.choice([rng.uniform(0.5, 1.5), rng.uniform(1.5, 9)])))
    colour = np.float32(_HAIR[rng.integers(len(_HAIR))]) * np.exp(rng.normal(0, 0.2)).astype(np.float32)
    return covered(
        face,
        stroked(lines, widths) * np.float32(rng.uniform(0.5, 1)),
        shaded(np.ones_like(face.picture) * colour, rng),
        None,
    )


def _hat(face: Face, others: list[Map], rng: np.random.Generator) -> Face:
    """Put a hat's brim or a scarf's edge over the forehead."""
    low = face.points[17:27, 1].min() - rng.uniform(2, 20)
    line = np.array([[-5.0, low + rng.normal(0, 8)], [72.0, low + rng.normal(0, 4)], [150.0, low + rng.normal(0, 8)]])
    area = filled(np.concatenate([line, [[150.0, -9.0], [-5.0, -9.0]]]))
    return covered(face, area, np.clip(shaded(texture(others, rng), rng), 0, 1).astype(np.float32), None)


def _sockets(face: Face, others: list[Map], rng: np.random.Generator) -> Face:
    """Darken the eyes' sockets, as make-up and deep shadow do; sometimes bags below the eyes."""
    points = face.points
    drawn = np.zeros(SHAPE, np.float32)
    for eye, brow in ((slice(36, 42), slice(17, 22)), (slice(42, 48), slice(22, 27))):
        around = np.concatenate([points[eye], points[brow] + (0, 3)])
        around = around.mean(axis=0) + rng.uniform(0.9, 1.3) * (around - around.mean(axis=0))
        drawn = np.maximum(drawn, filled(cv2.convexHull(around.astype(np.float32))[:, 0]))
    dark = 1 - np.float32(rng.uniform(0.1, 0.65)) * soft(drawn, rng.uniform(1.5, 5))
    tint = np.exp(rng.normal(0, 0.1, 3)).astype(np.float32)
    return face._replace(picture=face.picture * (dark[..., None] ** tint))


def _half_shadow(face: Face, others: list[Map], rng: np.random.Generator) -> Face:
    """Let hard light leave a part of the face in shadow."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    side = (x - rng.uniform(40, 104)) * np.cos(angle) + (y - rng.uniform(20, 120)) * np.sin(angle)
    side = side + 6 * cv2.resize(
        rng.normal(0, 1, (5, 5)).astype(np.float32), SHAPE[::-1], interpolation=cv2.INTER_CUBIC
    )
    weight = 1 / (1 + np.exp(-np.clip(side / rng.uniform(0.7, 12), -30, 30)))
    return face._replace(
        picture=face.picture * (1 - np.float32(rng.uniform(0.1, 0.7)) * weight[..., None]).astype(np.float32)
    )


def _jewels(face: Face, others: list[Map], rng: np.random.Generator) -> Face:
    """Paint a bindi, rings, piercings and paint."""
    places = face.points[rng.integers(0, 68, rng.integers(1, 5))] + rng.normal(0, 4, 2)
    if rng.random() < 0.4:
        places[0] = face.points[[21, 22]].mean(axis=0) + rng.normal(0, 2, 2)
    drawn = stroked([np.array([p, p + 0.5]) for p in places], list(rng.uniform(1, 5, len(places))))
    return covered(face, drawn, np.clip(rng.random(3), 0, 1).astype(np.float32), None)


def _beard(face: Face, others: list[Map], rng: np.random.Generator) -> Face:
    """Grow hair around mouth and chin."""
    points = face.points
    outline = np.concatenate([points[3:14], points[[35, 33, 31]] + (0, 4)])
    area = filled(outline) * (1 - filled(points[48:60]))
    hair = soft(rng.normal(0, 1, SHAPE).astype(np.float32), 0.7) * 0.5 + 0.9
    colour = np.float32(_HAIR[rng.integers(len(_HAIR))]) * np.clip(hair, 0.3, 2)[..., None]
    return covered(
        face, soft(area, rng.uniform(1, 4)) * np.float32(rng.uniform(0.2, 0.95)), colour.astype(np.float32), None
    )


def at_eyes(face: Face, rng: np.random.Generator) -> Face:
    """Shift a face's landmarks a little, so that painters differ from detectors."""
    return face._replace(points=face.points + rng.normal(0, 0.012 * UNIT, face.points.shape))
