"""The batches of a training run, the same for any number of processes and workers.

Positions count samples. With a constant batch size, the first position of shard i of iteration t (from 1) is
((t - 1) * num_shards_total + i) * batch_size.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from types import TracebackType

from ppgan_ext.data.assembly import Assembler, Batch, Dataset
from ppgan_ext.data.order import SampleOrder
from ppgan_ext.errors import ConfigError
from ppgan_ext.workers import Ticket, WorkerPool

_BATCHES_AHEAD = 2  # for each worker: one in progress and one waiting


class BadFileWarning(UserWarning):
    """A file of the data set cannot be read and is skipped."""


class Loader:
    """Loads the shards of one process for each iteration, ahead of time in worker processes.

    Worker processes start with the first batch and run until `close`, through any pause. A worker that dies is
    replaced. Bad files are skipped and replaced by other samples, with one warning for each (`BadFileWarning`).

    Args:
        dataset: the samples; with workers it must be picklable.
        batch_size: samples in a shard; or a function of the iteration, from 1, for schedules that grow.
        seed: seed of the order and of all randomness in the samples.
        num_workers: worker processes; 0 loads in the calling process.
        first_shard: this process's first shard of each iteration.
        num_shards: number of this process's shards.
        num_shards_total: shards of an iteration, over all processes.
        shuffle: False keeps the order of the data set.

    Attributes:
        bad_files: name -> reason, of the files so far that cannot be read.

    Raises:
        ConfigError: a number is too small.
        ValueError: this process's shards lie outside of the iteration's.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int | Callable[[int], int],
        *,
        seed: int,
        num_workers: int = 0,
        first_shard: int = 0,
        num_shards: int = 1,
        num_shards_total: int = 1,
        shuffle: bool = True,
    ) -> None:
        if not callable(batch_size):
            _check_at_least(1, batch_size=batch_size)
        _check_at_least(1, num_shards=num_shards)
        _check_at_least(0, num_workers=num_workers, first_shard=first_shard)
        if first_shard + num_shards > num_shards_total:
            raise ValueError(f"shards {first_shard} to {first_shard + num_shards - 1} of {num_shards_total}")
        self._assembler = Assembler(dataset, SampleOrder(len(dataset), seed, shuffle))
        self._size_of: Callable[[int], int] = batch_size if callable(batch_size) else lambda iteration: batch_size
        self._num_workers = num_workers
        self._shards = range(first_shard, first_shard + num_shards)
        self._num_shards_total = num_shards_total
        self._pool: WorkerPool | None = None
        self.bad_files: dict[str, str] = {}

    def batches(self, first_iteration: int = 1) -> Iterator[list[Batch]]:
        """Iterate over this process's shards of each iteration, endlessly.

        Args:
            first_iteration: number of the first iteration, from 1.

        Returns:
            An iterator over lists of ``num_shards`` batches: the data set's arrays, such as "A" (B, 3, H, W) float32,
            and "index" (B,) int64.

        Raises:
            InputError: no file can be read, or one differs in size from the others.
            ValueError: ``first_iteration`` is below 1.
            WorkerError: two workers died while loading the same batch.
        """
        if first_iteration < 1:
            raise ValueError(f"iterations count from 1, got {first_iteration}")
        return self._batches_from_pool(first_iteration) if self._num_workers else self._batches_here(first_iteration)

    def close(self) -> None:
        """Stop the worker processes; `batches` starts them again."""
        if self._pool is not None:
            self._pool.close()
        self._pool = None

    def __enter__(self) -> Loader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _batches_here(self, first_iteration: int) -> Iterator[list[Batch]]:
        places = self._places(first_iteration)
        while True:
            shards = []
            for _ in self._shards:
                batch, bad_files = self._assembler.batch_and_new_bad_files(next(places))
                self._report(bad_files)
                shards.append(batch)
            yield shards

    def _batches_from_pool(self, first_iteration: int) -> Iterator[list[Batch]]:
        if self._pool is None:
            self._pool = WorkerPool(self._assembler.batch_and_new_bad_files, self._num_workers)
        pool = self._pool
        places = self._places(first_iteration)
        tickets: deque[Ticket] = deque()
        num_ahead = len(self._shards) + _BATCHES_AHEAD * self._num_workers
        while True:
            tickets.extend(pool.ask(next(places)) for _ in range(num_ahead - len(tickets)))
            shards = []
            for _ in self._shards:
                batch, bad_files = pool.take(tickets.popleft())
                self._report(bad_files)
                shards.append(batch)
            yield shards

    def _places(self, first_iteration: int) -> Iterator[tuple[int, int]]:
        """Yield the first position and the size of each batch; positions count samples, whatever the sizes before."""
        start = sum(self._size_of(iteration) for iteration in range(1, first_iteration)) * self._num_shards_total
        for iteration in count(first_iteration):
            size = self._size_of(iteration)
            yield from ((start + shard * size, size) for shard in self._shards)
            start += self._num_shards_total * size

    def _report(self, bad_files: dict[str, str]) -> None:
        for name, reason in bad_files.items():
            if name not in self.bad_files:
                self.bad_files[name] = reason
                warnings.warn(f"{name}: {reason}; the file is skipped", BadFileWarning, stacklevel=3)


def _check_at_least(least: int, **numbers: int) -> None:
    for name, number in numbers.items():
        if number < least:
            raise ConfigError(f"must be at least {least}, got {number}", where=name)
