"""dlib's ``.dat`` of a network, as written by its ``serialize``, read into arrays; nothing in it is run.

The format is defined in dlib's serialize.h, float_details.h, cuda/tensor.h and dnn/. An integer is a control byte and
its magnitude, little-endian; the lowest four bits of the control byte are the number of bytes that follow, its highest
bit is the sign. A float is a mantissa and a power of two, both integers. A layer writes its version, then the layer
below it, then itself. A file therefore contains the loss, the versions of all layers from the output down, the input's
record, and all layers from the input up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import WeightsError
from ppgan_ext.untrusted import shown
from ppgan_ext.weights.readers.records import Reading

Arrays: TypeAlias = dict[str, npt.NDArray]

_MAX_LAYERS = 1000
_MAX_TEXT = 64
# float_details.h: exponents from this one on encode infinities and NaN.
_NOT_A_NUMBER = 32000
_TENSOR_VERSION, _ALIAS_VERSION, _LOSS_VERSION = 2, 1, 1
# Versions of a layer: 1 for tags and skips, which have no content; 2 for layers; 2 or 3 for the lowest layer, which
# contains the input layer.
_WITHOUT_CONTENT, _WITH_CONTENT, _WITH_EXPANSION = 1, 2, 3


def is_network(head: bytes) -> bool:
    """Return whether a file's first bytes are those of a network: version 1, then the name of a loss layer."""
    return head[:3] == b"\x01\x01\x01" and head[4:9] == b"loss_"


def read(path: Path, reading: Reading) -> dict[str, Any]:
    """Read a network.

    Returns:
        ``layers``: the kinds of the layers from the input up, "tag" for a tag or a skip. Then arrays, numbered by kind
        in that order: ``con1.weight`` (filters, channels, rows, columns), ``con1.bias`` (filters,), ``con1.geometry``
        and the same for pooling layers (rows, columns, stride y and x, padding y and x; 0 rows mean all),
        ``affine1.weight`` and ``.bias`` (channels,), ``fc1.weight`` (inputs, outputs); ``input.mean``
        (red, green, blue) and ``input.size`` (rows, columns). float32 (read-only) and int64.

    Raises:
        ValueError: the file is truncated or inconsistent.
        WeightsError: a layer is not supported.
    """
    reading.budget.allocate(path.stat().st_size)
    stream = _Stream(path.read_bytes(), path)
    stream.expect(_LOSS_VERSION, "loss layer")
    stream.lookup(_LOSSES, "loss")(stream)
    versions: list[int] = []
    while (number := stream.integer()) in (_WITHOUT_CONTENT, _WITH_CONTENT, _WITH_EXPANSION):
        versions.append(number)
        if len(versions) > _MAX_LAYERS:
            raise ValueError(f"more than {_MAX_LAYERS} layers")
    if not versions or versions[-1] == _WITHOUT_CONTENT:
        raise ValueError("a network without a first layer")
    content = {f"input.{name}": array for name, array in stream.lookup(_INPUTS, "input", number)(stream).items()}
    kinds: list[str] = []
    for depth, version in enumerate(reversed(versions)):
        if version == _WITHOUT_CONTENT:
            kinds.append("tag")
            continue
        kind, arrays = _layer(stream)
        kinds.append(kind)
        content |= {f"{kind}{kinds.count(kind)}.{name}": array for name, array in arrays.items()}
        _skip_state(stream)
        if depth == 0 and version == _WITH_EXPANSION:
            stream.integer()  # the number of samples per image
    stream.end()
    return {"layers": kinds, **content}


def _layer(stream: _Stream) -> tuple[str, Arrays]:
    """Read a layer's own record: its kind and its arrays."""
    name = stream.text(stream.integer())
    if name not in _LAYERS:
        raise stream.unsupported("layer", name)
    kind, parse = _LAYERS[name]
    return kind, parse(stream, int(name[-1]) if name[-1].isdigit() else 1)


def _skip_state(stream: _Stream) -> None:
    """Skip the state that a layer keeps between passes: three flags and three tensors, empty in a cleaned file."""
    for _ in range(3):
        stream.flag()
    for _ in range(3):
        stream.tensor()


def _convolution(stream: _Stream, version: int) -> Arrays:
    numbers = stream.tensor().reshape(-1)
    stream.integer()  # the number of filters, which their shape contains too
    geometry = np.array([stream.integer() for _ in range(6)])
    filters, biases = stream.alias(), stream.alias()
    stream.skip_numbers(4)  # learning rates and decays
    if version >= 5:
        stream.flag()  # whether there are biases; if not, their shape is empty
    if version >= 6:
        stream.refuse_flag("a convolution with a built-in activation")
    weight, bias = _cut(numbers, filters, biases)
    if not bias.size:
        bias = np.zeros(filters[0], np.float32)
    return {"weight": weight.reshape(filters), "bias": bias, "geometry": geometry}


def _affine(stream: _Stream, version: int) -> Arrays:
    numbers = stream.tensor().reshape(-1)
    weight, bias = _cut(numbers, stream.alias(), stream.alias())
    if stream.integer() != 0:
        raise ValueError("an affine layer without one number per channel")
    _disabled(stream, version)
    return {"weight": weight, "bias": bias}


def _disabled(stream: _Stream, version: int) -> Arrays:
    """Read the flag of layers since version 2 that disables them."""
    if version >= 2:
        stream.refuse_flag("a disabled layer")
    return {}


def _pooling(stream: _Stream, version: int) -> Arrays:
    return {"geometry": np.array([stream.integer() for _ in range(6)])}


def _nothing(stream: _Stream, version: int) -> Arrays:
    return {}


def _fully_connected(stream: _Stream, version: int) -> Arrays:
    for _ in range(2):
        stream.integer()  # the numbers of outputs and inputs, which the weights' shape contains too
    numbers = stream.tensor().reshape(-1)
    weights, biases = stream.alias(), stream.alias()
    has_bias = stream.integer() == 0
    stream.skip_numbers(4)
    if version >= 3:
        has_bias = stream.flag() and has_bias
    weight, bias = _cut(numbers, weights, biases)
    arrays = {"weight": weight.reshape(weights[0], -1)}
    return {**arrays, "bias": bias} if has_bias else arrays


def _cut(numbers: npt.NDArray, first: tuple[int, ...], second: tuple[int, ...]) -> tuple[npt.NDArray, npt.NDArray]:
    """Split a layer's numbers into its two arrays."""
    middle = math.prod(first)
    if middle + math.prod(second) != len(numbers):
        raise ValueError("a layer whose numbers do not fit its shapes")
    return numbers[:middle], numbers[middle:]


def _metric_loss(stream: _Stream) -> None:
    stream.skip_numbers(2)  # margin and distance threshold


def _image_input(stream: _Stream) -> Arrays:
    return {"mean": np.array([stream.number() for _ in range(3)], np.float32)}


def _sized_image_input(stream: _Stream) -> Arrays:
    return {**_image_input(stream), "size": np.array([stream.integer(), stream.integer()])}


class _Stream:
    """The file's bytes and a position; every read is checked against the end of the file."""

    def __init__(self, data: bytes, path: Path) -> None:
        self._data, self._path, self._at = data, path, 0

    def _take(self, count: int) -> int:
        """Advance by ``count`` bytes and return the previous position."""
        start = self._at
        if not 0 <= count <= len(self._data) - start:
            raise ValueError(f"it ends at byte {len(self._data):,}, but needs {count:,} bytes from {start:,} on")
        self._at = start + count
        return start

    def integer(self) -> int:
        control = self._data[self._take(1)]
        size = control & 0x0F
        if not 1 <= size <= 8 or control & 0x70:
            raise ValueError(f"no integer at byte {self._at - 1:,}")
        start = self._take(size)
        value = int.from_bytes(self._data[start : start + size], "little")
        return -value if control & 0x80 else value

    def number(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        if exponent >= _NOT_A_NUMBER:
            raise ValueError("a number that is not finite")
        return math.ldexp(mantissa, exponent)

    def skip_numbers(self, count: int) -> None:
        for _ in range(count):
            self.number()

    def flag(self) -> bool:
        byte = self._data[self._take(1)]
        if byte not in b"01":
            raise ValueError(f"no flag at byte {self._at - 1:,}")
        return byte == ord("1")

    def refuse_flag(self, what: str) -> None:
        if self.flag():
            cure = "Give dlib's own file"
            raise WeightsError(f"contains {what}, which is not supported", where=self._path, cure=cure)

    def text(self, length: int) -> str:
        if not 0 <= length <= _MAX_TEXT:
            raise ValueError(f"a name of {length:,} characters")
        start = self._take(length)
        return self._data[start : start + length].decode("ascii")

    def tensor(self) -> npt.NDArray[np.float32]:
        """Read four sizes and that many float32; memory is allocated only if the file has enough bytes."""
        self.expect(_TENSOR_VERSION, "tensor")
        shape = self._sizes()
        count = math.prod(shape)
        start = self._take(4 * count)
        return np.frombuffer(self._data, "<f4", count, start).astype(np.float32, copy=False).reshape(shape)

    def alias(self) -> tuple[int, ...]:
        """Read the shape of one part of a layer's numbers."""
        self.expect(_ALIAS_VERSION, "part of a tensor")
        return self._sizes()

    def _sizes(self) -> tuple[int, ...]:
        sizes = tuple(self.integer() for _ in range(4))
        if min(sizes) < 0:
            raise ValueError(f"a tensor of {sizes}")
        return sizes

    def expect(self, version: int, what: str) -> None:
        actual = self.integer()
        if actual != version:
            raise ValueError(f"a {what} of version {actual} instead of {version}")

    def lookup(self, table: dict[str, Callable[[_Stream], Any]], what: str, length: int | None = None) -> Callable:
        """Read a name, whose length may have been read already, and return its entry in a table."""
        name = self.text(self.integer() if length is None else length)
        if name not in table:
            raise self.unsupported(what, name)
        return table[name]

    def unsupported(self, what: str, name: str) -> WeightsError:
        """Return the error for a layer that dlib's face recognition networks do not have."""
        message = f"contains the {what} '{shown(name)}', which is not supported"
        return WeightsError(message, where=self._path, cure="Give dlib_face_recognition_resnet_model_v1.dat")

    def end(self) -> None:
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data) - self._at:,} bytes follow its end")


_LOSSES: dict[str, Callable[[_Stream], Any]] = {"loss_metric_": lambda stream: None, "loss_metric_2": _metric_loss}
_INPUTS: dict[str, Callable[[_Stream], Any]] = {
    "input_rgb_image": _image_input,
    "input_rgb_image_sized": _sized_image_input,
}
_LAYERS: dict[str, tuple[str, Callable[[_Stream, int], Arrays]]] = {
    "con_4": ("con", _convolution),
    "con_5": ("con", _convolution),
    "con_6": ("con", _convolution),
    "affine_": ("affine", _affine),
    "affine_2": ("affine", _affine),
    "relu_": ("relu", _disabled),
    "relu_2": ("relu", _disabled),
    "max_pool_2": ("max_pool", _pooling),
    "avg_pool_2": ("avg_pool", _pooling),
    "add_prev_": ("add_prev", _nothing),
    "fc_2": ("fc", _fully_connected),
    "fc_3": ("fc", _fully_connected),
}
