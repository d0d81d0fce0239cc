"""Landmarks by a cascade of regression trees (Kazemi and Sullivan, CVPR 2014), for many boxes at once.

The trees of a step see only the pixels that the step before has placed, so all trees of a step, and all boxes, are
walked down together. dlib's `shape_predictor` computes the same for one box, to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ppgan_ext.types import FloatArray, Image


class TreeEnsemble:
    """A trained cascade.

    Args:
        arrays: as `weights.readers.dlib_predictor` reads them; the leaves may be mapped from a file.
    """

    def __init__(self, arrays: Mapping[str, npt.NDArray]) -> None:
        self._initial = arrays["initial"]
        self._anchors = arrays["anchors"].astype(np.intp)
        self._deltas = arrays["deltas"]
        num_steps, num_trees, num_leaves = arrays["leaves"].shape[:3]
        # All splits of a step one after another, (steps, trees * splits).
        self._thresholds = arrays["thresholds"].reshape(num_steps, -1)
        self._first, self._second = arrays["pixels"].astype(np.intp).reshape(num_steps, -1, 2).transpose(2, 0, 1).copy()
        self._roots = np.arange(num_trees) * (num_leaves - 1)
        # All leaves of a step below one another, (steps, trees * leaves, 2 N).
        self._leaves = arrays["leaves"].reshape(num_steps, num_trees * num_leaves, -1)
        self._first_leaf = np.arange(num_trees) * num_leaves
        self._depth = num_leaves.bit_length() - 1

    def predict(self, images: npt.NDArray[np.uint8], corners: FloatArray) -> FloatArray:
        """Predict the points in every box.

        Args:
            images: (B, H, W) grey, one for each box; see `to_grey`.
            corners: (B, 4), the boxes' left, top, right and bottom pixel, all inside.

        Returns:
            (B, N, 2) float64, (x, y), rounded to whole pixels, as dlib's are.
        """
        low, extent = corners[:, None, :2], (corners[:, 2:] - corners[:, :2])[:, None]
        shapes = np.repeat(self._initial[None], len(corners), axis=0)
        # A pixel's place is rounded, so the last bit of a sum can decide what is seen. In float32, with the shape as
        # the first summand, and one tree after another, as NumPy adds along this axis, the sums are dlib's.
        summands = np.empty((len(corners), 1 + len(self._first_leaf), self._initial.size), np.float32)
        for step in range(len(self._leaves)):
            seen = self._look(step, images, shapes, low, extent)
            summands[:, 0] = shapes.reshape(len(shapes), -1)
            for row, leaves in zip(summands, self._walk(step, seen), strict=True):
                self._leaves[step].take(leaves, axis=0, out=row[1:], mode="clip")  # other modes copy once more
            shapes = summands.sum(axis=1).reshape(shapes.shape)
        return np.floor(shapes.astype(np.float64) * extent + low + 0.5)

    def _look(
        self, step: int, images: npt.NDArray[np.uint8], shapes: FloatArray, low: FloatArray, extent: FloatArray
    ) -> npt.NDArray[np.float32]:
        """Return what the step's pixels show, (B, P); pixels move with the points, turned and scaled as the shape."""
        linear = _similarities(self._initial, shapes).astype(np.float32)
        anchors = self._anchors[step]
        dx, dy = self._deltas[step].T
        turned = linear[:, :, 0, None] * dx + linear[:, :, 1, None] * dy  # not matmul, which may fuse the two
        places = (turned.transpose(0, 2, 1) + shapes[:, anchors]).astype(np.float64)
        x, y = np.moveaxis(np.floor(places * extent + low + 0.5).astype(np.intp), 2, 0)
        height, width = images.shape[1:]
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        first = np.arange(len(images))[:, None] * (height * width)  # of each image's pixels
        values = images.reshape(-1).take(np.where(inside, y * width + x, 0) + first)
        return np.where(inside, values, 0).astype(np.float32)

    def _walk(self, step: int, seen: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
        """Return the leaf that each tree reaches, (B, trees), numbered over all trees."""
        values, first = seen.reshape(-1), np.arange(len(seen))[:, None] * seen.shape[1]
        node = np.zeros((len(seen), len(self._roots)), np.intp)
        for _ in range(self._depth):
            split = node + self._roots
            ones, others = (values.take(side[step].take(split) + first) for side in (self._first, self._second))
            node = 2 * node + 2 - (ones - others > self._thresholds[step].take(split))
        return self._first_leaf + node - (2**self._depth - 1)


class DlibTrees:
    """dlib's own `shape_predictor`, with the same method.

    Args:
        model: a `dlib.shape_predictor`.
    """

    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, images: npt.NDArray[np.uint8], corners: FloatArray) -> FloatArray:
        """Predict the points in every box; see `TreeEnsemble.predict`."""
        import dlib

        boxes = [dlib.rectangle(*(int(side) for side in box)) for box in corners]
        shapes = [self._model(image, box) for image, box in zip(images, boxes, strict=True)]
        return np.array([[(part.x, part.y) for part in shape.parts()] for shape in shapes], np.float64)


def to_grey(image: Image) -> npt.NDArray[np.uint8]:
    """Return the mean of red, green and blue, rounded down, as dlib makes a picture grey; (..., 3) to (...)."""
    return (image.sum(axis=-1, dtype=np.uint16) // 3).astype(np.uint8)


def _similarities(source: FloatArray, targets: FloatArray) -> FloatArray:
    """Return the (B, 2, 2) linear parts of the similarities that map a shape best onto others (least squares)."""
    centred = source.astype(np.float64) - source.mean(axis=0, dtype=np.float64)
    others = targets.astype(np.float64) - targets.mean(axis=1, keepdims=True, dtype=np.float64)
    a, b = centred[:, 0] + 1j * centred[:, 1], others[..., 0] + 1j * others[..., 1]
    factor = (b @ a.conj()) / np.vdot(a, a).real
    return np.stack([np.stack([factor.real, -factor.imag], -1), np.stack([factor.imag, factor.real], -1)], axis=-2)
