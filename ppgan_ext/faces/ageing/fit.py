"""Fitting a model of ageing to portraits of known age and sex.

Every map is a regression over all faces and their mirror images on age, sex, both together, and the lift and opening of
the mouth and its width, which are expression and not age; the coefficient of age is kept. Pixels that hair or glasses
cover do not count, and a face far from the regression at some place counts less there (Huber, Robust Statistics,
1981), so no single face shows in the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import InputError
from ppgan_ext.faces.ageing import frame
from ppgan_ext.faces.ageing.model import NUM_MAPS, NUM_VARIATIONS, SEXES, VARIED_BANDS, AgeingModel
from ppgan_ext.faces.axes import eye_distance, level
from ppgan_ext.faces.head import bands, parts
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.faces.mask import face_mask
from ppgan_ext.types import FloatArray, Image

YOUNG, OLD = 25.0, 75.0  # an amount of 1 leads from here to there
_OLD_FROM = 60.0  # faces that show wrinkles
_MOST_TURNED = 0.25  # distance of the nose's tip from the outline's middle, as `_turn` tells it
_SMALLEST_EYES = 85.0  # pixels between the eyes: a smaller face has no fine lines to learn from
_LEAST_FACES = 12
_RIDGE = np.diag([0.0, 0.3, 0.3, 1.0, 1.0, 1.0, 1.0])
_NUM_ROUNDS = 4
_FAR = 1.3  # standard deviations of a place beyond which a face counts less
_FARTHEST = 0.35


@dataclass(frozen=True, eq=False)
class Sample:
    """A face of known age, drawn in the frame.

    Attributes:
        landmarks: (68, 2) in its photo.
        age: years.
        is_female: the sex.
        maps: (8, H, W) float16, six bands of log light, then a* and b*.
        seen: (H, W), how far each pixel is the face and nothing that covers it.
        skin: (H, W), bare skin.
    """

    landmarks: FloatArray
    age: float
    is_female: bool
    maps: npt.NDArray[np.float16]
    seen: npt.NDArray[np.float16]
    skin: npt.NDArray[np.float16]


def is_usable(landmarks: FloatArray) -> bool:
    """Return whether a face is seen from the front, and large enough to learn from."""
    return _turn(landmarks) < _MOST_TURNED and eye_distance(landmarks) > _SMALLEST_EYES


def measure_sample(photo: Image, landmarks: FloatArray, age: float, is_female: bool, mean_face: FloatArray) -> Sample:
    """Draw a face in the frame and separate its light and colour."""
    placement = frame.Placement.of(landmarks, mean_face)
    picture = np.clip(frame.draw(photo, placement.field_to_frame()), 0.0, 255.0)
    shape = picture.shape[:2]
    area = parts.skin_area(mean_face, shape)
    skin = parts.skin_weight(picture, area)
    covered = bands.blur((area > 0.5) * (1.0 - skin), 2.0)
    face = np.asarray(face_mask(mean_face, shape, feather=0.05) * np.clip(1.0 - covered, 0.0, 1.0), np.float32)
    neck = parts.neck(picture, mean_face, skin)
    seen = np.maximum(face, neck)
    light = to_linear(picture)
    known = skin > 0.7
    skin_light = float(np.median(luminance(light)[known])) if known.any() else 0.2
    maps = [*bands.split_parts(bands.log_light(light, skin_light), [face, neck], frame.EYES)]
    lab = cv2.cvtColor(picture / np.float32(255.0), cv2.COLOR_RGB2LAB)
    for channel in (lab[..., 1], lab[..., 2]):
        fine, coarse = (bands.local_mean(channel, seen, width * frame.EYES) for width in (0.016, 0.26))
        maps.append(fine - coarse)
    return Sample(
        np.asarray(landmarks), age, is_female, np.stack(maps).astype(np.float16), seen.astype(np.float16),
        np.maximum(skin, neck).astype(np.float16),
    )  # fmt: skip


def fit_model(
    samples: Sequence[Sample], mean_face: FloatArray, on_step: Callable[[int, int], None] | None = None
) -> AgeingModel:
    """Fit a model of ageing.

    Args:
        samples: at least a dozen faces, young and old, of both sexes; more are better.
        mean_face: (68, 2), the mean face in the frame, with which the samples were measured.
        on_step: called with the steps done and their number.

    Raises:
        InputError: too few faces, or only young, or only old ones.
    """
    old = [sample for sample in samples if sample.age >= _OLD_FROM]
    if len(samples) < _LEAST_FACES or min(len(old), len(samples) - len(old)) < 3:
        what = f"{len(samples)} usable faces, {len(old)} of {_OLD_FROM:g} years or more"
        raise InputError(what, cure=f"Give at least {_LEAST_FACES} portraits seen from the front, young and old")
    total = NUM_MAPS + len(SEXES) + 1
    marks = np.empty((len(SEXES), NUM_MAPS, *mean_shape()), np.float32)
    energy_of_young = np.zeros((3, *mean_shape()), np.float32)
    design = _design(samples)
    for number in range(NUM_MAPS):
        coefficients, rest = _regress(design, samples, number)
        marks[:, number] = [_symmetric(coefficients[1] + half * coefficients[3]) for half in (0.5, -0.5)]
        if number < 3:
            young = np.array([sample.age < (YOUNG + OLD) / 2 for sample in samples for _ in (0, 1)])
            energy_of_young[number] = np.mean(rest[young] ** 2, axis=0)
        if on_step is not None:
            on_step(number + 1, total)
    variations, depth = [], []
    for number, is_female in enumerate((True, False)):
        own = [sample for sample in old if sample.is_female == is_female] or old
        variations.append(_variations(own))
        depth.append(_depth(own, energy_of_young))
        if on_step is not None:
            on_step(NUM_MAPS + number + 1, total)
    model = AgeingModel(
        mean_face, _fit_shape(samples), (marks[0], marks[1]), (variations[0], variations[1]), _crease_angle(old),
        (depth[0], depth[1]),
    )  # fmt: skip
    if on_step is not None:
        on_step(total, total)
    return model


def mean_shape() -> tuple[int, int]:
    """Return rows and columns of the frame."""
    return frame.SIZE[1], frame.SIZE[0]


def _turn(landmarks: FloatArray) -> float:
    right, left = (float(np.linalg.norm(landmarks[30] - landmarks[side])) for side in (2, 14))
    return abs(right - left) / (right + left)


def _design(samples: Sequence[Sample]) -> FloatArray:
    """Return the regressors, (2 N, 7): each sample, then its mirror image."""
    rows = []
    for sample in samples:
        points, eyes = sample.landmarks, eye_distance(sample.landmarks)
        lift = ((points[62] + points[66]) / 2 - (points[48] + points[54]) / 2)[1] / eyes
        opening = (points[66] - points[62])[1] / eyes
        width = float(np.linalg.norm(points[54] - points[48])) / eyes
        age = np.clip((sample.age - YOUNG) / (OLD - YOUNG), 0.0, 1.2)
        sex = 0.5 if sample.is_female else -0.5
        rows.append([1.0, age, sex, age * sex, 10 * lift, 10 * opening, 5 * width])
    design = np.repeat(np.array(rows), 2, axis=0)
    design[:, 4:] -= design[:, 4:].mean(axis=0)
    return design


def _both(samples: Sequence[Sample], number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return one map of all samples and of their mirror images, and what is seen of it; (2 N, H, W) each."""
    maps = np.stack([one for sample in samples for one in (sample.maps[number], sample.maps[number][:, ::-1])])
    seen = np.stack([one for sample in samples for one in (sample.seen, sample.seen[:, ::-1])])
    return maps.astype(np.float32), seen.astype(np.float32)


def _regress(design: FloatArray, samples: Sequence[Sample], number: int) -> tuple[FloatArray, npt.NDArray[np.float32]]:
    """Return the coefficients (7, H, W) of a robust regression of one map, and what it leaves (2 N, H, W)."""
    maps, seen = _both(samples, number)
    if number >= NUM_MAPS - 2:
        limit: FloatArray | float = 20 * _FARTHEST
    else:
        limit = _FARTHEST
    solve = np.linalg.solve(design.T @ design + _RIDGE, design.T).astype(np.float32)
    predicted = np.broadcast_to((maps * seen).sum(axis=0) / (seen.sum(axis=0) + 0.5), maps.shape)
    for _ in range(_NUM_ROUNDS):
        kept = predicted + np.clip(maps - predicted, -limit, limit) * seen
        coefficients = np.tensordot(solve, kept, axes=1)
        predicted = np.tensordot(design.astype(np.float32), coefficients, axes=1)
        rest = (maps - predicted) * seen
        limit = _FAR * np.sqrt((rest * rest).sum(axis=0) / (seen.sum(axis=0) + 0.5)) + 1e-4
    return coefficients, np.clip(rest, -2 * limit, 2 * limit)


def _variations(old: Sequence[Sample]) -> npt.NDArray[np.float32]:
    """Return the principal components of the folds of old faces, each of one standard deviation."""
    parts_of = []
    for band in VARIED_BANDS:
        maps, _ = _both(old, band)
        skin = np.stack([one for sample in old for one in (sample.skin, sample.skin[:, ::-1])]).astype(np.float32)
        mean = (maps * skin).sum(axis=0) / (skin.sum(axis=0) + 0.5)
        rest = (maps - mean) * skin
        parts_of.append(np.clip(rest, -3 * rest.std(), 3 * rest.std()))
    rest = np.stack(parts_of, axis=1)
    flat = rest.reshape(len(rest), -1)
    values, vectors = np.linalg.eigh(flat @ flat.T)
    order = np.argsort(-values)[:NUM_VARIATIONS]
    drawn = np.zeros((NUM_VARIATIONS, *rest.shape[1:]), np.float32)
    found = (vectors[:, order].T @ flat / np.sqrt(len(flat))).reshape(len(order), *rest.shape[1:])
    drawn[: len(order)] = found
    return drawn


def _depth(old: Sequence[Sample], energy_of_young: FloatArray) -> npt.NDArray[np.float32]:
    """Return how deep the wrinkles of old faces are, beyond the structure of young skin, (H, W)."""
    excess = np.zeros(mean_shape(), np.float32)
    for band in (1, 2):
        maps, seen = _both(old, band)
        mean = (maps * seen).sum(axis=0) / (seen.sum(axis=0) + 0.5)
        limit = 3 * np.sqrt((((maps - mean) * seen) ** 2).sum(axis=0) / (seen.sum(axis=0) + 0.5))
        energy = (np.clip(maps - mean, -limit, limit) ** 2 * seen).sum(axis=0) / (seen.sum(axis=0) + 0.5)
        excess += energy - energy_of_young[band]
    return _symmetric(np.sqrt(np.maximum(bands.blur(excess, 0.03 * frame.EYES), 0.0)))


def _crease_angle(old: Sequence[Sample]) -> npt.NDArray[np.float32]:
    """Return how wrinkles run, by the structure tensor of each old face (Foerstner and Guelch, 1987), averaged."""
    total = np.zeros((*mean_shape(), 3), np.float32)
    for band in (1, 2):
        maps, _ = _both(old, band)
        skin = np.stack([one for sample in old for one in (sample.skin, sample.skin[:, ::-1])]).astype(np.float32)
        for one, weight in zip(maps, skin, strict=True):
            x, y = (cv2.Sobel(one, cv2.CV_32F, *order) / 8 for order in ((1, 0), (0, 1)))
            tensor = np.stack([x * x - y * y, 2 * x * y, x * x + y * y], axis=2)
            slope = np.sqrt(bands.blur(tensor[..., 2], 0.05 * frame.EYES)) + 0.004
            # Each face counts by its slope up to a limit, not by its contrast squared.
            total += (weight * np.minimum(slope, 0.03) / slope**2)[..., None] * tensor
    total = np.stack([bands.blur(total[..., i], 0.03 * frame.EYES) for i in range(3)], axis=2)
    across = total[..., :2] / (total[..., 2:] + 1e-6)
    mirrored = across[:, ::-1] * np.array([1.0, -1.0], np.float32)
    # A wrinkle runs across its slope: twice the angle turns by 180 degrees.
    return np.clip(-(across + mirrored) / 2, -1.0, 1.0).astype(np.float32)


def _fit_shape(samples: Sequence[Sample]) -> FloatArray:
    """Return how landmarks move from young to old, expression apart, (68, 2) in shares of the eyes' distance."""
    rows = []
    for sample in samples:
        rows += [level(sample.landmarks).ravel(), level(frame.mirror(sample.landmarks)).ravel()]
    design = _design(samples)
    move = np.linalg.solve(design.T @ design + _RIDGE, design.T @ np.array(rows))[1].reshape(68, 2)
    # The outline and the brows depend on pose and fat more than on age.
    move[:27] *= 0.6
    return np.asarray(move)


def _symmetric(values: FloatArray) -> npt.NDArray[np.float32]:
    return np.asarray((values + values[..., ::-1]) / 2, np.float32)
