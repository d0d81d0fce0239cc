"""The processes of a run: the shards that each of them computes, and the exchange of gradients, numbers and errors.

Data parallel over `paddle.distributed` (gloo on CPUs, NCCL on GPUs). Every process has all networks, computes its own
shards of an iteration, and uses the mean gradient of all shards, so the networks stay equal bit by bit.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ppgan_ext import runtime
from ppgan_ext.launcher import launched_rank, launched_size
from ppgan_ext.training.peer_messages import MAX_BYTES, PeerError, PeerMessages

if TYPE_CHECKING:
    import paddle
    from paddle import nn

# Gradients are concatenated into buffers of about this many numbers: few calls, little extra memory.
_BUFFER_NUMBERS = 2**24
# What Paddle raises from a collective call if another process has ended.
_LOST_PROCESS = (RuntimeError, OSError, ValueError, SystemError)

Result = TypeVar("Result")


class Processes:
    """The processes of a run, as one of them sees it.

    Attributes:
        rank: rank of this process, from 0.
        size: number of processes.
        accumulate: shards per process and iteration.
        device: "cpu" or "gpu:N", as Paddle spells it.
    """

    def __init__(self, rank: int = 0, size: int = 1, accumulate: int = 1, device: str = "cpu") -> None:
        self.rank, self.size, self.accumulate, self.device = rank, size, accumulate, device
        self._peers: PeerMessages | None = None

    @classmethod
    def join(cls, accumulate: int = 1, cpu: bool = False) -> Processes:
        """Choose the device, and connect to the other processes if a launcher has started several.

        Raises:
            ConfigError: Paddle is not installed.
        """
        paddle = runtime.import_paddle()
        size = launched_size()
        device = runtime.choose_device(cpu)
        if size > 1 and device != "cpu":
            device = f"gpu:{os.environ.get('FLAGS_selected_gpus', '0').partition(',')[0]}"
        paddle.set_device(device)
        if size > 1:
            os.environ.setdefault("PADDLE_DISTRI_BACKEND", "gloo" if device == "cpu" else "nccl")
            paddle.distributed.init_parallel_env()
        processes = cls(launched_rank() if size > 1 else 0, size, accumulate, device)
        if size > 1:
            processes._peers = PeerMessages(processes.rank, size, paddle.base.core.create_or_get_global_tcp_store())
        return processes

    @property
    def first_shard(self) -> int:
        """Number of this process's first shard within an iteration."""
        return self.rank * self.accumulate

    @property
    def shards(self) -> range:
        """Numbers of this process's shards within an iteration."""
        return range(self.first_shard, self.first_shard + self.accumulate)

    @property
    def num_shards_total(self) -> int:
        """Shards of an iteration, over all processes."""
        return self.size * self.accumulate

    @property
    def is_writer(self) -> bool:
        """Whether this process writes the files and the messages of the run."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[paddle.Tensor]) -> None:
        """Replace each parameter's gradient, a sum over this process's shards, by the mean over all shards.

        Call `backward` once per shard, unscaled, then this, then the optimiser's step. Parameters without a gradient
        are skipped; they must be the same ones in every process.

        Args:
            parameters: tensors with a ``grad``, in the same order in every process.
        """
        if self.num_shards_total == 1:
            return
        import paddle

        share = 1.0 / self.num_shards_total
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        with paddle.no_grad():
            if self.size == 1:
                for gradient in gradients:
                    gradient.scale_(share)
                return
            for group in _groups(gradients):
                buffer = paddle.concat([gradient.reshape([-1]) for gradient in group])
                with self._collective():
                    paddle.distributed.all_reduce(buffer)
                buffer.scale_(share)
                parts = paddle.split(buffer, [gradient.size for gradient in group]) if len(group) > 1 else [buffer]
                for gradient, part in zip(group, parts, strict=True):
                    paddle.assign(part.reshape(gradient.shape), output=gradient)

    def mean(self, numbers: Mapping[str, float] | Sequence[Mapping[str, float]]) -> dict[str, float]:
        """Average named numbers over all shards, or over the processes if each of them passes a single mapping.

        Args:
            numbers: one mapping per shard of this process, or one mapping; the same names everywhere.
        """
        shards = [numbers] if isinstance(numbers, Mapping) else list(numbers)
        names = list(shards[0])
        table = np.array([[float(shard[name]) for name in names] for shard in shards], np.float64).reshape(
            -1, len(names)
        )
        total = self.sum(table.sum(axis=0)) / (len(shards) * self.size)
        return dict(zip(names, total.tolist(), strict=True))

    def sum(self, array: np.ndarray) -> np.ndarray:
        """Add small arrays of one shape and type over all processes, in the order of the ranks."""
        messages = self._exchange(array.tobytes())
        return np.sum([np.frombuffer(item, array.dtype).reshape(array.shape) for item in messages], 0)

    def gather(self, message: bytes) -> list[bytes]:
        """Return the messages of all processes in the order of the ranks; an empty list except in the writer."""
        return [message] if self._peers is None else self._peers.gather(message)

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process; the result is the same in all of them."""
        return b"1" in self._exchange(b"1" if flag else b"0")

    def broadcast(self, network: nn.Layer) -> None:
        """Copy the parameters and buffers of the first process to all others."""
        if self.size == 1:
            return
        import paddle

        with self._collective():
            for tensor in network.state_dict().values():
                paddle.distributed.broadcast(tensor, src=0)

    def run_on_writer(self, work: Callable[[], Result]) -> Result | None:
        """Call a function in the writer; the other processes wait for it without a time limit.

        Returns:
            The function's result; None in the other processes.

        Raises:
            PeerError: in the other processes, if the function raised.
        """
        result = None
        if self.is_writer:
            try:
                result = work()
            except BaseException as error:
                self.report_failure(error)
                raise
        self._exchange()
        return result

    def raise_together(self, error: Exception | None) -> None:
        """Raise in every process if any of them failed; all of them call this after work that each did on its own.

        Args:
            error: the error of this process, if it failed.

        Raises:
            Exception: in the writer, its own error.
            PeerError: in every other case, with the text of the first error by rank.
        """
        texts = self._exchange(b"" if error is None else self._describe(error).encode()[: MAX_BYTES // self.size])
        if error is not None and self.is_writer:
            raise error
        failures = [text for text in texts if text]
        if failures:
            raise PeerError(failures[0].decode("utf-8", "ignore")) from error

    def report_failure(self, error: BaseException) -> None:
        """Send the error that ends this process to the others."""
        if self._peers is not None:
            self._peers.report_failure(self._describe(error))

    def close(self) -> None:
        """Close the connections to the other processes."""
        if self._peers is not None:
            self._peers.close()

    def _describe(self, error: BaseException) -> str:
        text = str(error) or type(error).__name__
        return text if self.is_writer else f"process {self.rank}: {text}"

    def _exchange(self, message: bytes = b"") -> list[bytes]:
        return [message] if self._peers is None else self._peers.exchange(message)

    @contextlib.contextmanager
    def _collective(self) -> Iterator[None]:
        """Wait for all processes before a collective call, and report a lost process as a `PeerError`."""
        self._exchange()
        try:
            yield
        except _LOST_PROCESS as error:
            cure = "Its own log may contain the reason"
            raise PeerError("another process of the run has ended", cure=cure) from error


def _groups(tensors: Sequence[Any]) -> Iterable[list[Any]]:
    """Split a list into groups of one type and about `_BUFFER_NUMBERS` numbers each, in order."""
    group: list[Any] = []
    for tensor in tensors:
        if group and (tensor.dtype != group[0].dtype or sum(item.size for item in group) >= _BUFFER_NUMBERS):
            yield group
            group = []
        group.append(tensor)
    if group:
        yield group
