"""Age and gender of a picture, by regression on what the picture looks like.

The judge of an edit must be another than what made it. So this sees pixels, not codes: histograms of oriented
gradients (Dalal and Triggs, CVPR 2005) and a small copy of the picture, which no network of the model has touched; and
it learns from other faces than the directions were fitted on, where their file says which those were.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ppgan_ext.apps.studies.models.faces import HeldBack
from ppgan_ext.errors import InputError
from ppgan_ext.latents.regression import Basis, Ridge, fit_ridge, principal_basis, split_rows
from ppgan_ext.metrics.model_outputs import spread
from ppgan_ext.types import FloatArray, Image

NAME = "hog-ridge"
NAMES = ("age", "gender")
_SIDE, _SMALL = 128, 24
_ORIENTATIONS, _CELL, _BLOCK = 9, 8, 2
_COMPONENTS = 600
_FEWEST = 200
_SPLIT = (0.1, 0.1)
_SEED = 0


@dataclass(frozen=True, eq=False)
class Learned:
    """Regressions on pictures.

    Attributes:
        basis: principal components of the features.
        ridges: by name; r2, mae and slope are of faces that they were not fitted on.
        num_faces: learned from.
    """

    basis: Basis
    ridges: dict[str, Ridge]
    num_faces: int

    def tell(self, image: Image) -> dict[str, float]:
        """Estimate age in years and gender (0 male, 1 female) of an aligned face, (S, S, 3) RGB uint8."""
        scores = self.basis.reduce(features(image)[None])[0]
        return {name: float(scores @ ridge.weights + ridge.bias) for name, ridge in self.ridges.items()}


def features(image: Image) -> FloatArray:
    """Describe an aligned face: oriented gradients of its grey values at 128 px, and its colours at 24 px; float32."""
    from skimage.feature import hog

    if image.shape[0] != _SIDE:
        shrinks = image.shape[0] > _SIDE
        image = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    gradients = hog(grey, _ORIENTATIONS, (_CELL, _CELL), (_BLOCK, _BLOCK))
    colours = cv2.resize(image, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA).ravel() / 255.0
    return np.concatenate([gradients, colours]).astype(np.float32)


def learnable_rows(faces: HeldBack, num: int, used: Sequence[int] | None) -> list[int]:
    """Choose labelled faces before the held-back ones, none of those that the directions were fitted on.

    Args:
        faces: the source.
        num: at most so many, evenly spread.
        used: rows of the directions' faces; None where they are not known.
    """
    labels = faces.labels
    if labels is None or faces.first == 0:
        return []
    taken = frozenset(used or ())
    known = np.flatnonzero(np.isfinite(labels[: faces.first]).all(axis=1))
    rows = [row for row in known if int(row) not in taken]
    return [int(rows[place]) for place in spread(len(rows), num)]


def learn(faces: HeldBack, rows: Sequence[int], on_face: Callable[[int, int], None]) -> Learned:
    """Fit the regressions.

    Args:
        faces: the source.
        rows: see `learnable_rows`.
        on_face: called with the number of faces done and in all.

    Raises:
        InputError: too few faces, or the labels do not vary.
    """
    if len(rows) < _FEWEST:
        cure = "Give a pack with labels in which other faces come before the held-back ones, or --num_learned 0"
        what = f"{len(rows)} labelled faces are too few to learn to tell age and gender from"
        raise InputError(what, where=faces.source.path, cure=cure)
    described = []
    for done, row in enumerate(rows, 1):
        described.append(features(faces.image(row)))
        on_face(done, len(rows))
    labels = faces.labels
    assert labels is not None
    values = labels[list(rows)]
    matrix = np.stack(described)
    basis = principal_basis(matrix, min(_COMPONENTS, len(rows) // 2))
    part = split_rows(len(rows), *_SPLIT, _SEED)
    ridges = fit_ridge(basis.reduce(matrix), values, part)
    return Learned(basis, dict(zip(NAMES, ridges, strict=True)), len(rows))
