"""The teacher that says where a photo shows hair: MediaPipe's hair segmentation (arXiv 1907.06740).

Its file is read with the package `tflite`, which training alone needs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import tflite
from augment import Map
from operators import Array, convolve, convolve_to_twice_the_size, pool, rectify, unpool

from ppgan_ext.faces.head.head_patch import SHAPE, patch_matrix

_SIDE = 512
_LOOKS = (240.0, 340.0)  # sides of the squares it sees, in pixels of the patch
_MIDDLE = ((SHAPE[1] - 1) / 2, (SHAPE[0] - 1) / 2)


class HairTeacher:
    """Looks at a head twice, from near and from farther off, and each time at its mirror image too."""

    def __init__(self, path: Path) -> None:
        self._graph = Graph(path)

    def __call__(self, photo: npt.NDArray, landmarks: npt.NDArray) -> Map:
        """Return how likely each pixel of the head patch shows hair, (240, 192) in [0, 1].

        Args:
            photo: (H, W, 3) RGB, 0 to 255.
            landmarks: (68, 2), photo pixels.
        """
        return np.mean([self._look(photo, landmarks, side) for side in _LOOKS], axis=0, dtype=np.float32)

    def _look(self, photo: npt.NDArray, landmarks: npt.NDArray, side: float) -> Map:
        scale = _SIDE / side
        of_patch = np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]])
        of_patch[:, 2] = _SIDE / 2 - scale * np.array(_MIDDLE)
        matrix = of_patch @ np.vstack([patch_matrix(landmarks), (0, 0, 1)])
        shrink = float(np.sqrt(np.linalg.det(matrix[:, :2])))
        smooth = cv2.GaussianBlur(photo, (0, 0), 0.4 / shrink) if shrink < 0.7 else photo
        seen = cv2.warpAffine(smooth, matrix, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE) / np.float32(255.0)
        chance = cv2.GaussianBlur((self._hair(seen) + self._hair(seen[:, ::-1])[:, ::-1]) / 2, (0, 0), 0.3 * scale)
        return cv2.warpAffine(chance, of_patch, SHAPE[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)

    def _hair(self, picture: Map) -> Map:
        """Return how likely each pixel is hair; a fourth channel is for what was found in a film's frame before."""
        logits = self._graph(np.dstack([picture, np.zeros((_SIDE, _SIDE), np.float32)]))
        return np.asarray(1 / (1 + np.exp(logits[..., 0] - logits[..., 1])), np.float32)


class Step(NamedTuple):
    """One operator of a graph: what it does, the numbers of what it takes and gives, and its weights by number."""

    run: Callable
    inputs: list[int]
    outputs: list[int]
    weights: dict[int, Array]


class Graph:
    """A TensorFlow Lite graph of one input and one output."""

    def __init__(self, path: Path) -> None:
        self._model = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
        self._graph = self._model.Subgraphs(0)
        self._steps = [self._step(self._graph.Operators(n)) for n in range(self._graph.OperatorsLength())]

    def __call__(self, picture: Array) -> Array:
        """Return the output (H, W, C) for an input (H, W, C)."""
        values: dict[int, npt.NDArray] = {int(self._graph.InputsAsNumpy()[0]): picture}
        for step in self._steps:
            found = step.run(*(step.weights[n] if n in step.weights else values[n] for n in step.inputs))
            values.update(zip(step.outputs, found if isinstance(found, tuple) else (found,), strict=True))
        return np.asarray(values[int(self._graph.OutputsAsNumpy()[0])], np.float32)

    def _step(self, operator: tflite.Operator) -> Step:
        inputs, outputs = operator.InputsAsNumpy().tolist(), operator.OutputsAsNumpy().tolist()
        weights = {n: array for n in inputs if (array := self._weights(n)) is not None}
        return Step(self._function(operator), inputs, outputs, weights)

    def _weights(self, number: int) -> Array | None:
        tensor = self._graph.Tensors(number)
        buffer = self._model.Buffers(tensor.Buffer())
        if not buffer.DataLength():
            return None
        return np.frombuffer(buffer.DataAsNumpy().tobytes(), np.float32).reshape(tensor.ShapeAsNumpy())

    def _function(self, operator: tflite.Operator) -> Callable:
        code = self._model.OperatorCodes(operator.OpcodeIndex())
        kind, options = code.BuiltinCode(), operator.BuiltinOptions()
        if kind == tflite.BuiltinOperator.CUSTOM:
            return _CUSTOM[code.CustomCode().decode()]
        depthwise = kind == tflite.BuiltinOperator.DEPTHWISE_CONV_2D
        if not depthwise and kind != tflite.BuiltinOperator.CONV_2D:
            return _BUILTIN[kind]
        settings = (tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions)()
        settings.Init(options.Bytes, options.Pos)
        return functools.partial(
            convolve,
            stride=settings.StrideH(),
            dilation=settings.DilationHFactor(),
            same=settings.Padding() == tflite.Padding.SAME,
            depthwise=depthwise,
        )


_BUILTIN: dict[int, Callable] = {
    tflite.BuiltinOperator.ADD: np.add,
    tflite.BuiltinOperator.CONCATENATION: lambda *parts: np.concatenate(parts, axis=-1),
    tflite.BuiltinOperator.PRELU: rectify,
}
_CUSTOM: dict[str, Callable] = {
    "MaxPoolingWithArgmax2D": pool,
    "MaxUnpooling2D": unpool,
    "Convolution2DTransposeBias": convolve_to_twice_the_size,
}
