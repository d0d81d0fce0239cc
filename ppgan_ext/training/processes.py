"""The processes of a run: which part of an iteration is this one's, and how numbers meet.

Data parallel over `paddle.distributed` (gloo on CPUs, NCCL on GPUs). Every process holds all networks, sees its own
shards of an iteration, and takes the mean gradient of all shards, so all networks stay equal bit by bit.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ppgan_ext import runtime
from ppgan_ext.training.peer_messages import MAX_BYTES, PeerError, PeerMessages

if TYPE_CHECKING:
    import paddle
    from paddle import nn

# Gradients are joined to buffers of about this many numbers: few calls, little extra memory.
_BUFFER_NUMBERS = 2**24
# What Paddle raises from a collective call when another process has gone.
_LOST = (RuntimeError, OSError, ValueError, SystemError)

Result = TypeVar("Result")


def launched_rank() -> int:
    """Tell this process's rank from the launcher's environment, before any process has joined; 0 without a launcher."""
    return int(os.environ.get("PADDLE_TRAINER_ID", "0"))


def launched_size() -> int:
    """Tell the number of processes from the launcher's environment; 1 without a launcher."""
    return int(os.environ.get("PADDLE_TRAINERS_NUM", "1"))


class Processes:
    """The processes of a run, seen from one of them.

    Attributes:
        rank: of this process, from 0.
        size: number of processes.
        accumulate: shards per process and iteration.
        device: "cpu" or "gpu:N", as Paddle spells it.
    """

    def __init__(self, rank: int = 0, size: int = 1, accumulate: int = 1, device: str = "cpu") -> None:
        self.rank, self.size, self.accumulate, self.device = rank, size, accumulate, device
        self._peers: PeerMessages | None = None

    @classmethod
    def join(cls, accumulate: int = 1, cpu: bool = False) -> Processes:
        """Choose the device, and join the other processes if a launcher has started several.

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
    def num_shards_total(self) -> int:
        """Shards of an iteration, over all processes."""
        return self.size * self.accumulate

    @property
    def is_writer(self) -> bool:
        """Whether this process writes files and speaks to the user."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[paddle.Tensor]) -> None:
        """Turn each parameter's gradient, summed over this process's shards, into the mean over all shards.

        The task calls `backward` once per shard, unscaled, then this, then the optimiser's step. A parameter without a
        gradient is left alone; it must have none in every process.
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
        """Average named numbers over all shards, or over processes where one mapping stands for a whole process.

        Args:
            numbers: one mapping per shard of this process, or one in all; the same names everywhere.
        """
        shards = [numbers] if isinstance(numbers, Mapping) else list(numbers)
        names = list(shards[0])
        table = np.array([[float(shard[name]) for name in names] for shard in shards], np.float64).reshape(
            -1, len(names)
        )
        total = self.sum(table.sum(axis=0)) / (len(shards) * self.size)
        return dict(zip(names, total.tolist(), strict=True))

    def sum(self, array: np.ndarray) -> np.ndarray:
        """Add up small arrays of one shape and type over all processes, in the order of the ranks."""
        return np.sum(
            [np.frombuffer(one, array.dtype).reshape(array.shape) for one in self._exchange(array.tobytes())], 0
        )

    def gather(self, message: bytes) -> list[bytes]:
        """Bring a message of every process to the writer, in the order of the ranks; the others get an empty list."""
        return [message] if self._peers is None else self._peers.gather(message)

    def any(self, flag: bool) -> bool:
        """Tell whether the flag is set in any process; all of them learn the same."""
        return b"1" in self._exchange(b"1" if flag else b"0")

    def broadcast(self, network: nn.Layer) -> None:
        """Give all processes the first one's parameters and buffers."""
        if self.size == 1:
            return
        import paddle

        with self._collective():
            for tensor in network.state_dict().values():
                paddle.distributed.broadcast(tensor, src=0)

    def by_writer(self, work: Callable[[], Result]) -> Result | None:
        """Let the writer do something, however long it takes, while the other processes wait for its end.

        Returns:
            What the work returns; None in the other processes.

        Raises:
            PeerError: in the others, when the work failed.
        """
        result = None
        if self.is_writer:
            try:
                result = work()
            except BaseException as error:
                self.leave_word(error)
                raise
        self._exchange()
        return result

    def together(self, error: Exception | None) -> None:
        """Meet after something that every process did by itself; go on only if none of them failed.

        Raises:
            Exception: in the writer, its own error.
            PeerError: in all processes where another failed, with the text of the first error.
        """
        texts = self._exchange(b"" if error is None else self._signed(error).encode()[: MAX_BYTES // self.size])
        if error is not None and self.is_writer:
            raise error
        failed = [text for text in texts if text]
        if failed:
            raise PeerError(failed[0].decode("utf-8", "ignore")) from error

    def leave_word(self, error: BaseException) -> None:
        """Tell the other processes why this one ends."""
        if self._peers is not None:
            self._peers.fail(self._signed(error))

    def leave(self) -> None:
        """Close the connections to the other processes."""
        if self._peers is not None:
            self._peers.close()

    def _signed(self, error: BaseException) -> str:
        text = str(error) or type(error).__name__
        return text if self.is_writer else f"process {self.rank}: {text}"

    def _exchange(self, message: bytes = b"") -> list[bytes]:
        return [message] if self._peers is None else self._peers.exchange(message)

    @contextlib.contextmanager
    def _collective(self) -> Iterator[None]:
        """Come together for a collective call, and tell a lost process from other faults of the call."""
        self._exchange()
        try:
            yield
        except _LOST as error:
            raise PeerError("another process of the run has gone", cure="Its own log may say why") from error


def _groups(tensors: Sequence[Any]) -> Iterable[list[Any]]:
    """Cut a list into runs of one type and about `_BUFFER_NUMBERS` numbers each, in order."""
    group: list[Any] = []
    for tensor in tensors:
        if group and (tensor.dtype != group[0].dtype or sum(item.size for item in group) >= _BUFFER_NUMBERS):
            yield group
            group = []
        group.append(tensor)
    if group:
        yield group
