"""Estimate age and gender from pixels, by ridge regression.

An edit must not be judged by what produced it. So the regression uses pixels, not codes: histograms of oriented
gradients (Dalal and Triggs, CVPR 2005) and a small copy of the picture, which do not depend on any network of the
model. It is fitted on other faces than the directions, where their file records those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ppgan_ext.apps.studies.models.held_back import HeldBackFaces
from ppgan_ext.errors import InputError
from ppgan_ext.latents.regression import Basis, Ridge, fit_ridge, principal_basis, split_rows
from ppgan_ext.metrics.subject import spread
from ppgan_ext.types import FloatArray, Image

NAMES = ("age", "gender")
_SIDE, _SMALL_SIDE = 128, 24
_ORIENTATIONS, _CELL, _BLOCK = 9, 8, 2
_NUM_COMPONENTS = 600
_MIN_FACES = 200
_SPLIT = (0.1, 0.1)  # shares of the faces for validation and test
_SEED = 0


@dataclass(frozen=True, eq=False)
class AgeGenderRegression:
    """Regressions of age and gender on features of a picture.

    Attributes:
        basis: principal components of the features.
        ridges: regressions by name; their r2, mae and slope are measured on faces that they were not fitted on.
        num_faces: number of faces used.
    """

    basis: Basis
    ridges: dict[str, Ridge]
    num_faces: int

    def predict(self, image: Image) -> dict[str, float]:
        """Estimate age in years and gender (0 male, 1 female) of an aligned face, (S, S, 3) RGB uint8."""
        scores = self.basis.reduce(image_features(image)[None])[0]
        return {name: float(scores @ ridge.weights + ridge.bias) for name, ridge in self.ridges.items()}


def image_features(image: Image) -> FloatArray:
    """Return features of an aligned face: oriented gradients in grey at 128 px, and colours at 24 px; (F,) float32."""
    from skimage.feature import hog

    if image.shape[0] != _SIDE:
        shrinks = image.shape[0] > _SIDE
        image = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    gradients = hog(grey, _ORIENTATIONS, (_CELL, _CELL), (_BLOCK, _BLOCK))
    colours = cv2.resize(image, (_SMALL_SIDE, _SMALL_SIDE), interpolation=cv2.INTER_AREA).ravel() / 255.0
    return np.concatenate([gradients, colours]).astype(np.float32)


def training_rows(faces: HeldBackFaces, num: int, used: Sequence[int] | None) -> list[int]:
    """Choose labelled faces before the held-back ones, without those that the directions were fitted on.

    Args:
        faces: the faces.
        num: number of faces at most, evenly spread.
        used: rows that the directions were fitted on; None if unknown.
    """
    labels = faces.labels
    if labels is None or faces.first == 0:
        return []
    excluded = frozenset(used or ())
    labelled = np.flatnonzero(np.isfinite(labels[: faces.first]).all(axis=1))
    rows = [row for row in labelled if int(row) not in excluded]
    return [int(rows[place]) for place in spread(len(rows), num)]


def fit_age_gender(
    faces: HeldBackFaces, rows: Sequence[int], on_face: Callable[[int, int], None]
) -> AgeGenderRegression:
    """Fit the regressions.

    Args:
        faces: the faces.
        rows: rows to use, see `training_rows`.
        on_face: called with the number of faces done and the total.

    Raises:
        InputError: too few faces, or the labels do not vary.
    """
    if len(rows) < _MIN_FACES:
        cure = "Give a pack with labels in which other faces precede the held-back ones, or --num_learned 0"
        what = f"{len(rows)} labelled faces are too few to learn age and gender from"
        raise InputError(what, where=faces.source.path, cure=cure)
    features = []
    for done, row in enumerate(rows, 1):
        features.append(image_features(faces.image(row)))
        on_face(done, len(rows))
    labels = faces.labels
    assert labels is not None
    values = labels[list(rows)]
    matrix = np.stack(features)
    basis = principal_basis(matrix, min(_NUM_COMPONENTS, len(rows) // 2))
    part = split_rows(len(rows), *_SPLIT, _SEED)
    ridges = fit_ridge(basis.reduce(matrix), values, part)
    return AgeGenderRegression(basis, dict(zip(NAMES, ridges, strict=True)), len(rows))
