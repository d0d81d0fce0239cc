"""A small convolutional network that learns the classes of small pictures, such as digits, in seconds."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import paddle
import paddle.nn.functional as F
from paddle import nn

from ppgan_ext.types import FloatArray

_SIDE = 28
_BATCH = 64
_RATE = 2e-3
_WIDTHS = (16, 32, 64)
_APPLY_BATCH = 256


class SmallClassifier:
    """Three convolutions that halve the sides, and a linear layer on their outputs; trained by Adam.

    Its weights are drawn by NumPy, so that training it leaves Paddle's generator, and a run that measures, unchanged.

    Args:
        num_classes: number of classes.
        seed: of the weights.

    Attributes:
        num_features: number of channels that `features` averages.
    """

    num_features = _WIDTHS[-1]

    def __init__(self, num_classes: int, seed: int = 0) -> None:
        self.num_classes = num_classes
        rng = np.random.default_rng(seed)
        layers: list[nn.Layer] = []
        num_in = 1
        for num_out in _WIDTHS:
            weights = _normal(rng, (num_out, num_in, 3, 3), num_in * 9)
            layers += [nn.Conv2D(num_in, num_out, 3, 2, 1, weight_attr=_start(weights), bias_attr=_zeros()), nn.ReLU()]
            num_in = num_out
        self._maps = nn.Sequential(*layers)
        side = -(-_SIDE // 8)
        weights = _normal(rng, (num_in * side * side, num_classes), num_in * side * side)
        last = nn.Linear(*weights.shape, weight_attr=_start(weights), bias_attr=_zeros())
        self._network = nn.Sequential(self._maps, nn.Flatten(), last)

    def train(self, images: npt.NDArray[np.uint8], labels: npt.NDArray, epochs: int, seed: int = 0) -> None:
        """Learn from images (N, S, S) and their classes (N,).

        Args:
            images: grey, of any one size.
            labels: integers below `num_classes`.
            epochs: passes over them.
            seed: of their order.
        """
        pixels, rng = _pixels(images), np.random.default_rng(seed)
        optimizer = paddle.optimizer.Adam(_RATE, parameters=self._network.parameters())
        for epoch in range(epochs):
            optimizer.set_lr(_RATE * (1 - epoch / epochs))
            order = rng.permutation(len(pixels))
            for first in range(0, len(order), _BATCH):
                rows = order[first : first + _BATCH]
                scores = self._network(paddle.to_tensor(pixels[rows]))
                F.cross_entropy(scores, paddle.to_tensor(labels[rows].astype(np.int64))).backward()
                optimizer.step()
                optimizer.clear_grad()

    def classify(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """Return the classes of images (N, S, S), (N,)."""
        return self._apply(images, lambda pixels: self._network(pixels).argmax(axis=1))

    def features(self, images: npt.NDArray[np.uint8]) -> FloatArray:
        """Return the means of the last convolution's channels of images (N, S, S), (N, `num_features`)."""
        return self._apply(images, lambda pixels: self._maps(pixels).mean(axis=[2, 3]))

    @paddle.no_grad()
    def _apply(self, images: npt.NDArray[np.uint8], layers: Callable[[paddle.Tensor], paddle.Tensor]) -> npt.NDArray:
        pixels = _pixels(images)
        parts = [pixels[first : first + _APPLY_BATCH] for first in range(0, len(pixels), _APPLY_BATCH)]
        return np.concatenate([layers(paddle.to_tensor(part)).numpy() for part in parts])


def _pixels(images: npt.NDArray[np.uint8]) -> FloatArray:
    """Bring grey images (N, S, S) to the classifier's size and range, (N, 1, 28, 28) in [-1, 1]."""
    if images.shape[1:] != (_SIDE, _SIDE):
        interpolation = cv2.INTER_AREA if images.shape[1] > _SIDE else cv2.INTER_LINEAR
        images = np.stack([cv2.resize(image, (_SIDE, _SIDE), interpolation=interpolation) for image in images])
    return images[:, None].astype(np.float32) / np.float32(127.5) - np.float32(1)


def _normal(rng: np.random.Generator, shape: tuple[int, ...], num_inputs: int) -> FloatArray:
    """Draw weights that keep the variance through a ReLU (arXiv 1502.01852, Eq. 10)."""
    return (rng.standard_normal(shape) * np.sqrt(2 / num_inputs)).astype(np.float32)


def _start(weights: FloatArray) -> paddle.ParamAttr:
    return paddle.ParamAttr(initializer=nn.initializer.Assign(weights))


def _zeros() -> paddle.ParamAttr:
    return paddle.ParamAttr(initializer=nn.initializer.Constant(0.0))
