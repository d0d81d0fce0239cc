"""Conversion of arrays to tensors without Paddle's memory leak, for long training runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy.typing as npt

if TYPE_CHECKING:
    import paddle


def from_array(array: npt.NDArray) -> paddle.Tensor:
    """Copy an array of any shape into a tensor of the same dtype on the current device, as `paddle.to_tensor` does.

    Each call of `paddle.to_tensor` leaks 112 bytes (Paddle 3.3): about 900 MB over 800,000 iterations of ten calls.
    This function leaks nothing.
    """
    import paddle

    tensor = paddle.empty(list(array.shape), dtype=str(array.dtype))
    tensor.set_value(array)
    return tensor
