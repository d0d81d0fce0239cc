"""3x3 convolutions of stride 1 with a quarter of the products: Winograd's F(4x4, 3x3) (arXiv 1509.09308, 4.3).

For an output of 4x4 pixels, the 36 pixels of the input and the 9 numbers of the filter are both mapped to 36 numbers,
which are multiplied one by one and summed over the channels: 36 products instead of 144. The maps are products with
constant matrices; the sums over the channels are 36 matrix products. With many channels this takes two
thirds of the time of oneDNN's direct convolution, and so do the gradients of features and filters.

The maps belong to points at which polynomials are evaluated (the Toom-Cook algorithm). With 0, +-3/4, +-3/2 and
infinity, which are exact in binary, results differ from exact ones by 3e-6 of the largest; the paper's 0, +-1, +-2 have
four times that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache

import numpy as np
import paddle
from numpy.lib.stride_tricks import as_strided

from ppgan_ext.nn.cpu_planes import Result, for_each_plane, view
from ppgan_ext.nn.cpu_route import Route
from ppgan_ext.types import FloatArray

_POINTS = (Fraction(0), Fraction(3, 4), Fraction(-3, 4), Fraction(3, 2), Fraction(-3, 2))
_TILE, _SIDE = 4, 3  # sides of an output's tile and of the filter
_READ = _TILE + _SIDE - 1  # side of the input that a tile depends on
_NUM_PRODUCTS = _READ * _READ
_FEWEST_CHANNELS, _FEWEST_TILES = 128, 36  # with fewer, the maps take longer than what they save
_MOST_TILES = 512  # at a time, so that their numbers stay in the processor's cache


def pays(route: Route, filters: Sequence[int], num_images: int, height: int, width: int) -> bool:
    """Return whether a convolution is faster this way.

    The answer depends on shapes alone, so that the same call always computes the same bytes.

    Args:
        route: the convolution.
        filters: their shape, (O, I, k, k).
        num_images: images in the batch.
        height: rows of the features, N x I x H x W.
        width: columns of the features.
    """
    if filters[2] != _SIDE or min(filters[:2]) < _FEWEST_CHANNELS:
        return False
    if route.stride > 1 or route.up or route.taps or route.padding >= _SIDE:
        return False
    rows, columns = (-(-(side + 2 * route.padding - _SIDE + 1) // _TILE) for side in (height, width))
    return num_images * rows * columns >= _FEWEST_TILES


@paddle.no_grad()
def output(x: paddle.Tensor, weight: paddle.Tensor, padding: int) -> paddle.Tensor:
    """Convolve, without a derivative.

    Args:
        x: features, (N, I, H, W), float32 on the CPU.
        weight: filters, (O, I, 3, 3).
        padding: zeros on all four sides, at most 2.

    Returns:
        (N, O, H + 2 padding - 2, W + 2 padding - 2).
    """
    return _convolve(x, _mapped(weight.transpose([1, 0, 2, 3]), _maps(_TILE, _SIDE)[1]), padding)


@paddle.no_grad()
def of_features(gradient: paddle.Tensor, weight: paddle.Tensor, padding: int) -> paddle.Tensor:
    """Return the gradient of the features: a convolution with the filters turned by half a turn.

    Args:
        gradient: of the output, (N, O, H', W').
        weight: filters, (O, I, 3, 3).
        padding: that of the convolution, at most 2.

    Returns:
        (N, I, H' + 2 - 2 padding, W' + 2 - 2 padding).
    """
    return _convolve(gradient, _mapped(weight, _map_of_turned()), _SIDE - 1 - padding)


@paddle.no_grad()
def of_filters(x: paddle.Tensor, gradient: paddle.Tensor, padding: int) -> paddle.Tensor:
    """Return the gradient of the filters, (O, I, 3, 3).

    Here the gradient's 4x4 pixels are the filter, and 3x3 numbers are the result; the input is mapped as above.

    Args:
        x: features, (N, I, H, W).
        gradient: of the output, (N, O, H', W').
        padding: that of the convolution, at most 2.
    """
    num_in, num_out = x.shape[1], gradient.shape[1]
    of_input, of_gradient, of_result = _maps(_SIDE, _TILE)
    read, seen = _Tiles(x, padding, gradient.shape[2:], _READ), _Tiles(gradient, 0, gradient.shape[2:], _TILE)
    products: paddle.Tensor | None = None
    for rows in read.parts():
        inputs = paddle.matmul(of_input, read.gather(rows)).reshape([_NUM_PRODUCTS, -1, num_in])
        gradients = paddle.matmul(of_gradient, seen.gather(rows)).reshape([_NUM_PRODUCTS, -1, num_out])
        part = paddle.matmul(gradients, inputs, transpose_x=True)
        products = part if products is None else products.add_(part)
    assert products is not None
    filters = paddle.matmul(products.reshape([_NUM_PRODUCTS, -1]), of_result, transpose_x=True, transpose_y=True)
    return filters.reshape([num_out, num_in, _SIDE, _SIDE])


def _mapped(weight: paddle.Tensor, of_filter: paddle.Tensor) -> paddle.Tensor:
    """Map filters (C, D, 3, 3) to (36, C, D)."""
    channels = weight.shape[:2]
    filters = weight.reshape([-1, _SIDE * _SIDE])
    return paddle.matmul(of_filter, filters, transpose_y=True).reshape([_NUM_PRODUCTS, *channels])


def _convolve(x: paddle.Tensor, filters: paddle.Tensor, padding: int) -> paddle.Tensor:
    """Convolve (N, C, H, W) with mapped filters, (36, C, D)."""
    of_input, _, of_result = _maps(_TILE, _SIDE)
    height, width = (side + 2 * padding - _SIDE + 1 for side in x.shape[2:])
    result = Result([x.shape[0], filters.shape[2], height, width], x)
    tiles = _Tiles(x, padding, (height, width), _READ)
    for rows in tiles.parts():
        inputs = paddle.matmul(of_input, tiles.gather(rows)).reshape([_NUM_PRODUCTS, -1, x.shape[1]])
        products = paddle.matmul(inputs, filters)
        outputs = paddle.matmul(of_result, products.reshape([_NUM_PRODUCTS, -1]))
        tiles.scatter(view(outputs), rows, result.array)
    return result.tensor()


class _Tiles:
    """Features, cut into squares that overlap.

    Args:
        x: features, (N, C, H, W).
        padding: zeros on all four sides.
        shape: rows and columns of the result, each tile of which has 4x4 pixels.
        side: of the squares, 4 or 6; they are 4 pixels apart.
    """

    def __init__(self, x: paddle.Tensor, padding: int, shape: tuple[int, int] | list[int], side: int) -> None:
        self._like, self._side = x, side
        self._num_rows, self._num_columns = (-(-length // _TILE) for length in shape)
        batch, channels, height, width = x.shape
        # The channels come last, so that everything that follows copies rows of them.
        sides = [
            max((num - 1) * _TILE + side, length + 2 * padding)
            for num, length in ((self._num_rows, height), (self._num_columns, width))
        ]
        padded = np.zeros((batch, *sides, channels), np.float32)
        inner = padded[:, padding : padding + height, padding : padding + width]
        array = view(x)
        for_each_plane(batch, array[0].size, lambda i: np.copyto(inner[i], array[i].transpose(1, 2, 0)))
        of_image, of_row, of_column, of_channel = padded.strides
        self._squares = as_strided(
            padded,
            (side, side, batch, self._num_rows, self._num_columns, channels),
            (of_row, of_column, of_image, _TILE * of_row, _TILE * of_column, of_channel),
        )

    def parts(self) -> Iterator[tuple[slice, slice]]:
        """Cut the work into parts: images, and rows of tiles."""
        at_once = max(_MOST_TILES // self._num_columns, 1)
        if at_once >= self._num_rows:
            step = at_once // self._num_rows
            for first in range(0, self._squares.shape[2], step):
                yield slice(first, first + step), slice(None)
            return
        for image in range(self._squares.shape[2]):
            for first in range(0, self._num_rows, at_once):
                yield slice(image, image + 1), slice(first, first + at_once)

    def gather(self, part: tuple[slice, slice]) -> paddle.Tensor:
        """Return the squares of a part, (side * side, tiles * C)."""
        squares = self._squares[:, :, part[0], part[1]]
        result = Result([self._side * self._side, int(np.prod(squares.shape[2:]))], self._like)
        target = result.array.reshape(squares.shape)
        for_each_plane(self._side, squares[0].size, lambda row: np.copyto(target[row], squares[row]))
        return result.tensor()

    def scatter(self, outputs: FloatArray, part: tuple[slice, slice], into: FloatArray) -> None:
        """Write the outputs of a part, (16, tiles * D), into (N, D, H', W')."""
        images = into[part[0]]
        num_rows = len(range(*part[1].indices(self._num_rows)))
        first = (part[1].start or 0) * _TILE
        tiles = outputs.reshape(_TILE, _TILE, len(images), num_rows, self._num_columns, into.shape[1])
        for image in range(len(images)):
            squares = tiles[:, :, image].transpose(4, 2, 0, 3, 1)  # channel, row of tiles, row, column of tiles, column
            target = images[image][:, first : first + num_rows * _TILE]
            if target.shape[1:] == (num_rows * _TILE, self._num_columns * _TILE):
                target.reshape(squares.shape)[...] = squares
            else:
                whole = squares.reshape(into.shape[1], num_rows * _TILE, self._num_columns * _TILE)
                target[...] = whole[:, : target.shape[1], : target.shape[2]]


@cache
def _maps(num_out: int, num_taps: int) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
    """Return the maps of input, filter and products for squares of ``num_out`` outputs and ``num_taps`` taps a side.

    Returns:
        (36, 36), (36, num_taps**2) and (num_out**2, 36).
    """
    maps = one_dimensional_maps(num_out, num_taps)
    place = paddle.CPUPlace()
    first, second, third = (paddle.to_tensor(np.kron(a, a).astype(np.float32), place=place) for a in maps)
    return first, second, third


@cache
def _map_of_turned() -> paddle.Tensor:
    """Return the map of filters that are to be turned by half a turn, (36, 9)."""
    return _maps(_TILE, _SIDE)[1].flip([1])


def one_dimensional_maps(num_out: int, num_taps: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return B, G and A, with which the correlation of d with g is A ((G g) * (B d)), for float64 columns.

    A product of polynomials is found from its values at the points and its highest coefficient; correlation is the
    transposed map. The paper writes B and A transposed.

    Args:
        num_out: numbers of the result.
        num_taps: numbers of g; together 7.

    Returns:
        (6, 6), (6, num_taps) and (num_out, 6).
    """
    of_input, of_filter, of_result = [], [], []
    for point in _POINTS:
        others = [other for other in _POINTS if other != point]
        scale = math.prod(point - other for other in others)
        of_input.append([*_coefficients(others), Fraction(0)])
        of_filter.append([point**power / scale for power in range(num_taps)])
        of_result.append([point**power for power in range(num_out)])
    of_input.append(_coefficients(_POINTS))
    of_filter.append([Fraction(power == num_taps - 1) for power in range(num_taps)])
    of_result.append([Fraction(power == num_out - 1) for power in range(num_out)])
    first, second, third = (np.array(rows, np.float64) for rows in (of_input, of_filter, of_result))
    return first, second, third.T


def _coefficients(roots: Sequence[Fraction]) -> list[Fraction]:
    """Return the coefficients of the polynomial with these roots, lowest first."""
    numbers = [Fraction(1)]
    for root in roots:
        numbers = [
            before - root * here for before, here in zip([Fraction(0), *numbers], [*numbers, Fraction(0)], strict=True)
        ]
    return numbers
