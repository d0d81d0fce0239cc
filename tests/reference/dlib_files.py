"""dlib's ``.dat`` of a network, written after dlib's own headers, and what such a network computes, in NumPy."""

from __future__ import annotations

import math

import numpy as np

from tests.reference import numpy_ops
from tests.reference.toy import numbers

NUM_BLOCKS = ((1, 3, False), (2, 4, True), (4, 3, True), (8, 3, True), (8, 1, True))


def integer(value):
    size = max(1, (abs(value).bit_length() + 7) // 8)
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def number(value):
    mantissa, exponent = math.frexp(value)
    return integer(int(mantissa * 2**53)) + integer(exponent - 53)


def text(value):
    return integer(len(value)) + value.encode("ascii")


def tensor(array):
    array = np.asarray(array, "<f4")
    sizes = b"".join(integer(side) for side in array.shape)
    return integer(2) + sizes + array.tobytes()


EMPTY = integer(2) + 4 * integer(0)


def alias(*shape):
    return integer(1) + b"".join(integer(side) for side in shape)


def con(weight, bias, geometry, version=4):
    """``bias`` None: switched off, as dlib 19.23 and later can (con_5)."""
    parts = [weight.reshape(-1)] if bias is None else [weight.reshape(-1), bias]
    params = np.concatenate(parts).reshape(-1, 1, 1, 1)
    record = text(f"con_{version}") + tensor(params) + integer(len(weight))
    record += b"".join(integer(side) for side in geometry) + alias(*weight.shape)
    record += alias(0, 0, 0, 0) if bias is None else alias(1, len(bias), 1, 1)
    record += number(1.0) + number(1.0) + number(1.0) + number(0.0)
    record += (b"0" if bias is None else b"1") if version >= 5 else b""
    return record + (b"0" if version >= 6 else b"")


def affine(weight, bias, version=1, disabled=b"0"):
    name = "affine_" if version == 1 else "affine_2"
    params = np.concatenate([weight, bias]).reshape(2, -1, 1, 1)
    shape = alias(1, len(weight), 1, 1)
    return text(name) + tensor(params) + 2 * shape + integer(0) + (disabled if version == 2 else b"")


def relu(version=1):
    return text("relu_") if version == 1 else text("relu_2") + b"0"


def pool(kind, geometry):
    return text(f"{kind}_2") + b"".join(integer(side) for side in geometry)


def fc(weight, version=2):
    rows, columns = weight.shape
    record = text(f"fc_{version}") + integer(columns) + integer(rows) + tensor(weight.reshape(rows, columns, 1, 1))
    record += alias(rows, columns, 1, 1) + alias(0, 0, 0, 0) + integer(1)
    return record + 2 * (number(1.0) + number(0.0)) + (b"0" if version >= 3 else b"")


ADD_PREV = text("add_prev_")
MEAN = (122.782, 117.001, 104.298)


def image_input(mean=MEAN, rows=150, columns=150):
    return text("input_rgb_image_sized") + b"".join(map(number, mean)) + integer(rows) + integer(columns)


def network(records, first=None, loss=None):
    """Put a file together from the layers' records, input first; None is a tag."""
    versions = [1 if record is None else 2 for record in records]
    versions[0] = 3
    data = integer(1) + (loss or text("loss_metric_2") + number(0.04) + number(0.6))
    data += b"".join(integer(version) for version in reversed(versions)) + (first or image_input())
    for index, record in enumerate(records):
        if record is not None:
            data += record + b"100" + 3 * EMPTY
        if index == 0:
            data += integer(1)
    return data


class ToyFaceNet:
    """dlib's face network of another width, with numbers of its own.

    Attributes:
        records: of the layers, input first.
        arrays: what a reader should find.
        layers: their kinds.
    """

    def __init__(self, width, versions=(4, 1, 1, 2)):
        self._con, self._affine, self._relu, self._fc = versions
        self.records, self.arrays, self.layers = [], {}, []
        self._convolution(3, width, (7, 7, 2, 2, 0, 0))
        self._add("relu", relu(self._relu))
        self._pool("max_pool", (3, 3, 2, 2, 0, 0))
        num_in = width
        for factor, count, halves in NUM_BLOCKS:
            for index in range(count):
                self._block(num_in, factor * width, halves and index == 0)
                num_in = factor * width
        self._pool("avg_pool", (0, 0, 1, 1, 0, 0))
        weight = numbers("fc", [num_in, 4 * width])
        self._add("fc", fc(weight, self._fc), weight=weight)
        self.arrays |= {"input.mean": np.float32(MEAN), "input.size": np.array([150, 150])}

    def write(self, path):
        path.write_bytes(network(self.records))
        return path

    def _block(self, num_in, num_out, halves):
        self._add("tag", None)
        self._convolution(num_in, num_out, (3, 3, 2, 2, 0, 0) if halves else (3, 3, 1, 1, 1, 1))
        self._add("relu", relu(self._relu))
        self._convolution(num_out, num_out, (3, 3, 1, 1, 1, 1))
        if halves:
            self._add("tag", None)
            self._add("tag", None)
            self._pool("avg_pool", (2, 2, 2, 2, 0, 0))
        self._add("add_prev", ADD_PREV)
        self._add("relu", relu(self._relu))

    def _convolution(self, num_in, num_out, geometry):
        name = f"con{self.layers.count('con') + 1}"
        weight = numbers(f"{name}w", [num_out, num_in, *geometry[:2]]) / np.float32(math.sqrt(num_in) * geometry[0])
        bias = 0.3 * numbers(f"{name}b", [num_out])
        scale, shift = 0.7 + 0.5 * np.abs(numbers(f"{name}s", [num_out])), 0.3 * numbers(f"{name}h", [num_out])
        given = None if self._con >= 5 else bias
        record = con(weight, given, geometry, self._con)
        kept = np.zeros(num_out, np.float32) if given is None else bias
        self._add("con", record, weight=weight, bias=kept, geometry=np.array(geometry))
        self._add("affine", affine(scale, shift, self._affine), weight=scale, bias=shift)

    def _pool(self, kind, geometry):
        self._add(kind, pool(kind, geometry), geometry=np.array(geometry))

    def _add(self, kind, record, **arrays):
        self.layers.append(kind)
        self.records.append(record)
        number_of_kind = self.layers.count(kind)
        self.arrays |= {f"{kind}{number_of_kind}.{name}": array for name, array in arrays.items()}


def descriptors(layers, arrays, image):
    """Run the layers of a file one by one.

    Args:
        layers: kinds, input first.
        arrays: the file's.
        image: (N, 3, H, W), 0 to 255, RGB.
    """
    x = (image - arrays["input.mean"].astype(np.float64)[:, None, None]) / 256
    tagged, last, counts = [], "", {}
    for kind in layers:
        counts[kind] = counts.get(kind, 0) + 1
        found = {part: arrays.get(f"{kind}{counts[kind]}.{part}") for part in ("weight", "bias", "geometry")}
        if kind == "tag":
            # Of two tags in a row the second is a skip: it goes back to what was tagged before.
            if last == "tag":
                x = tagged[-2]
            else:
                tagged.append(x)
        elif kind == "con":
            padding, stride = found["geometry"][4], found["geometry"][2]
            x = numpy_ops.conv2d(x, found["weight"].astype(np.float64), stride, padding)
            x = x + found["bias"][:, None, None]
        elif kind == "affine":
            x = x * found["weight"][:, None, None] + found["bias"][:, None, None]
        elif kind == "relu":
            x = np.maximum(x, 0)
        elif kind in ("max_pool", "avg_pool"):
            x = _pooled(x, found["geometry"], np.max if kind == "max_pool" else np.mean)
        elif kind == "add_prev":
            x = _added(x, tagged[-1])
        elif kind == "fc":
            x = x.reshape(len(x), -1) @ found["weight"]
        last = kind
    return x


def _pooled(x, geometry, reduce):
    rows, columns, stride = geometry[0] or x.shape[2], geometry[1] or x.shape[3], geometry[2]
    heights = range(0, x.shape[2] - rows + 1, stride)
    widths = range(0, x.shape[3] - columns + 1, stride)
    return np.stack(
        [np.stack([reduce(x[:, :, i : i + rows, j : j + columns], axis=(2, 3)) for j in widths], -1) for i in heights],
        axis=2,
    )


def _added(one, other):
    total = np.zeros((len(one), *np.maximum(one.shape[1:], other.shape[1:])))
    for term in (one, other):
        total[:, : term.shape[1], : term.shape[2], : term.shape[3]] += term
    return total


def small_number(value):
    """A float32 as dlib writes it: trailing zero bytes of the mantissa go into the exponent."""
    mantissa, exponent = math.frexp(float(np.float32(value)))
    mantissa, exponent = int(mantissa * 2**24), exponent - 24
    for _ in range(8):
        if mantissa & 0xFF:
            break
        mantissa, exponent = mantissa >> 8, exponent + 8
    return integer(mantissa) + integer(exponent)


def predictor(arrays):
    """A shape predictor's file with the arrays that `weights.readers.dlib_predictor` returns."""

    def column(points):
        return integer(-points.size) + integer(-1) + b"".join(map(small_number, points.reshape(-1)))

    def tree(pixels, thresholds, leaves):
        splits = b"".join(
            integer(int(a)) + integer(int(b)) + small_number(threshold)
            for (a, b), threshold in zip(pixels, thresholds, strict=True)
        )
        return integer(len(pixels)) + splits + integer(len(leaves)) + b"".join(map(column, leaves))

    def forest(*parts):
        return integer(len(parts[0])) + b"".join(map(tree, *parts))

    def row(items, write):
        return integer(len(items)) + b"".join(map(write, items))

    forests = b"".join(map(forest, arrays["pixels"], arrays["thresholds"], arrays["leaves"]))
    return b"".join(
        [
            integer(1),
            column(arrays["initial"]),
            integer(len(arrays["leaves"])) + forests,
            row(arrays["anchors"], lambda anchors: row([int(i) for i in anchors], integer)),
            row(arrays["deltas"], lambda deltas: row(deltas, lambda delta: b"".join(map(small_number, delta)))),
        ]
    )


def toy_predictor(num_steps=2, num_trees=3, num_splits=3, num_points=4, num_pixels=6, seed=0):
    """Arrays of a predictor of toy size; mantissas of one to three bytes."""
    generator = np.random.default_rng(seed)

    def floats(*shape):
        values = generator.normal(0, 1, shape).astype(np.float32)
        return np.where(generator.random(shape) < 0.3, np.round(values), values)

    return {
        "initial": floats(num_points, 2),
        "pixels": generator.integers(0, num_pixels, (num_steps, num_trees, num_splits, 2)).astype(np.uint16),
        "thresholds": floats(num_steps, num_trees, num_splits),
        "leaves": floats(num_steps, num_trees, num_splits + 1, num_points, 2),
        "anchors": generator.integers(0, num_points, (num_steps, num_pixels)).astype(np.uint16),
        "deltas": floats(num_steps, num_pixels, 2),
    }
