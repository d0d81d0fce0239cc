"""Paddle's tensors as NumPy arrays without a copy, and threads that share the work of the CPU operators.

NumPy and OpenCV release the interpreter's lock, so plain threads run in parallel.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import paddle

from ppgan_ext import runtime
from ppgan_ext.types import FloatArray

# With fewer numbers, the work is done before a second thread has started.
_WORTH_A_THREAD = 1 << 17


def runs_on_cpu(*tensors: paddle.Tensor) -> bool:
    """Return whether NumPy can work on these tensors: in dygraph, on the CPU, all float32 or all float64."""
    dtypes = {tensor.dtype for tensor in tensors}
    return (
        paddle.in_dynamic_mode()
        and (dtypes == {paddle.float32} or dtypes == {paddle.float64})
        and all(tensor.place.is_cpu_place() for tensor in tensors)
    )


def view(x: paddle.Tensor) -> FloatArray:
    """Return a tensor's numbers as a read-only array of the same shape; a copy if Paddle or NumPy offers no view."""
    try:
        return np.asarray(np.from_dlpack(x.detach().contiguous()), dtype=dtype_name(x))
    except (AttributeError, TypeError, BufferError, RuntimeError):
        return x.numpy()


def dtype_name(x: paddle.Tensor) -> str:
    """Return NumPy's name of a tensor's type, e.g. "float32"."""
    return str(x.dtype).rpartition(".")[2]


class Result:
    """A new tensor, to be filled through its attribute ``array``.

    Args:
        shape: of the tensor.
        like: a tensor of the same type and place.
    """

    def __init__(self, shape: list[int], like: paddle.Tensor) -> None:
        self._tensor: paddle.Tensor | None = paddle.empty(shape, dtype=like.dtype)
        self._place = like.place
        array = view(self._tensor)
        if not (array.flags.writeable and array.ctypes.data == self._tensor.data_ptr()):  # a copy, or NumPy 1
            self._tensor, array = None, np.empty(shape, dtype_name(like))
        self.array = array

    def tensor(self) -> paddle.Tensor:
        """Return the tensor, once ``array`` is filled."""
        return paddle.to_tensor(self.array, place=self._place) if self._tensor is None else self._tensor


def to_tensor(array: FloatArray, like: paddle.Tensor) -> paddle.Tensor:
    """Convert a small array to a tensor of the same shape, with the type and place of another tensor.

    Each call of ``paddle.to_tensor`` leaks 112 bytes (Paddle 3.3), and a training step would make hundreds of calls.
    """
    result = Result(list(array.shape), like)
    result.array[...] = array
    return result.tensor()


def for_each_plane(num_planes: int, plane_size: int, work: Callable[[int], None]) -> None:
    """Call ``work`` with 0, 1, ... ``num_planes - 1``, on several threads if that is faster.

    Args:
        num_planes: the number of calls.
        plane_size: how many numbers one call processes.
        work: each call must write to memory of its own; an error in it is raised here.
    """
    num_threads = 1 if num_planes * plane_size < _WORTH_A_THREAD else min(runtime.num_threads(), num_planes)

    def share(first: int) -> None:
        for index in range(first, num_planes, num_threads):
            work(index)

    if num_threads <= 1:
        share(0) if num_planes else None
        return
    with ThreadPoolExecutor(num_threads) as pool:
        list(pool.map(share, range(num_threads)))
