"""The processes of a run: which part of an iteration is this one's, and how numbers meet.

Data parallel over `paddle.distributed` (gloo on CPUs, NCCL on GPUs). Every process holds all networks, sees its own
shards of an iteration, and takes the mean gradient of all shards, so all networks stay equal bit by bit.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ppgan_ext import runtime
from ppgan_ext.errors import TrainingError

if TYPE_CHECKING:
    import paddle
    from paddle import nn

# Gradients are joined to buffers of about this many numbers: few calls, little extra memory.
_BUFFER_NUMBERS = 2**24
_ERROR_BYTES = 2000
# While the writer works, the others hear from it this often: their wait for a message has a limit.
_BEAT_SECONDS = 20.0
_GOING, _DONE, _FAILED = 0, 1, 2
# What Paddle raises from a collective call when another process has gone.
_LOST = (RuntimeError, OSError, ValueError, SystemError)

Result = TypeVar("Result")


class PeerError(TrainingError):
    """Another process of the run failed; that one says why."""


def launched_rank() -> int:
    """Tell this process's rank from the launcher's environment, before any process has joined; 0 without a launcher."""
    return int(os.environ.get("PADDLE_TRAINER_ID", "0"))


def launched_size() -> int:
    """Tell the number of processes from the launcher's environment; 1 without a launcher."""
    return int(os.environ.get("PADDLE_TRAINERS_NUM", "1"))


class World:
    """The processes of a run, seen from one of them.

    Attributes:
        rank: of this process, from 0.
        size: number of processes.
        accumulate: shards per process and iteration.
        device: "cpu" or "gpu:N", as Paddle spells it.
    """

    def __init__(self, rank: int = 0, size: int = 1, accumulate: int = 1, device: str = "cpu") -> None:
        self.rank, self.size, self.accumulate, self.device = rank, size, accumulate, device

    @classmethod
    def join(cls, accumulate: int = 1, cpu: bool = False) -> World:
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
        return cls(launched_rank() if size > 1 else 0, size, accumulate, device)

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
                with _peers():
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
        """Add up arrays of the same shape over all processes, in their own type."""
        if self.size == 1:
            return array
        import paddle

        tensor = paddle.to_tensor(array)
        with _peers():
            paddle.distributed.all_reduce(tensor)
            return tensor.numpy()

    def any(self, flag: bool) -> bool:
        """Tell whether the flag is set in any process; all of them learn the same."""
        return bool(self.sum(np.array([int(flag)], np.int32))[0])

    def broadcast(self, network: nn.Layer) -> None:
        """Give all processes the first one's parameters and buffers."""
        if self.size == 1:
            return
        import paddle

        with _peers():
            for tensor in network.state_dict().values():
                paddle.distributed.broadcast(tensor, src=0)

    def by_writer(self, work: Callable[[Callable[[], None]], Result]) -> Result | None:
        """Let the writer do something that takes its time, while the other processes wait for its end.

        Args:
            work: given a function to call now and then, from its own thread, so that the others know it lives.

        Returns:
            What the work returns; None in the other processes.

        Raises:
            PeerError: in the others, when the work failed.
        """
        if self.size == 1:
            return work(lambda: None)
        if not self.is_writer:
            while (state := self._tell(_GOING)) == _GOING:
                pass
            if state == _FAILED:
                raise PeerError("the first process failed")
            return None
        spoken = time.monotonic()

        def beat() -> None:
            nonlocal spoken
            if time.monotonic() - spoken > _BEAT_SECONDS:
                self._tell(_GOING)
                spoken = time.monotonic()

        try:
            result = work(beat)
        except PeerError:
            raise
        except BaseException:
            self._tell(_FAILED)
            raise
        self._tell(_DONE)
        return result

    def together(self, error: BaseException | None) -> None:
        """Meet after something that every process did by itself: go on only if none of them failed.

        Raises:
            BaseException: the error itself, in the first process that had one.
            PeerError: in the others.
        """
        texts = self.errors(error)
        failed = [rank for rank, text in enumerate(texts) if text]
        if failed and error is not None and self.rank == failed[0]:
            raise error
        if failed:
            raise PeerError(f"process {failed[0]}: {texts[failed[0]]}")

    def _tell(self, state: int) -> int:
        return int(self.sum(np.array([state], np.int32))[0])

    def errors(self, error: BaseException | None) -> list[str]:
        """Exchange what went wrong: the text of each process's error, "" for one that has none.

        All processes must call it. Where all call it with None, nothing went wrong anywhere.
        """
        text = "" if error is None else (str(error) or type(error).__name__)
        table = np.zeros((self.size, _ERROR_BYTES), np.int32)
        data = text.encode()[:_ERROR_BYTES]
        table[self.rank, : len(data)] = np.frombuffer(data, np.uint8)
        return [bytes(row[row > 0].astype(np.uint8)).decode("utf-8", "ignore") for row in self.sum(table)]


@contextlib.contextmanager
def _peers() -> Iterator[None]:
    """Tell a lost process from other faults of a collective call."""
    try:
        yield
    except _LOST as error:
        raise PeerError("another process of the run has gone", cure="Its own message says why") from error


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
