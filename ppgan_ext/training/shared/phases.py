"""The phases of an iteration: which networks learn, in which order, how often, and on which batches.

A task returns its phases once; `run_phases` runs them. In each phase the gradients of every shard are computed and
averaged over all shards of all processes; then the optimisers of the phase's networks make a step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ppgan_ext.training.shared.averaged_weights import ShardStatistics
from ppgan_ext.training.tensors import from_array

if TYPE_CHECKING:
    import paddle
    from paddle import nn

    from ppgan_ext.training.random_streams import RandomStreams
    from ppgan_ext.training.task import Batch, Task

Value = TypeVar("Value")


@dataclass(eq=False)
class Shard:
    """A part of an iteration: the samples of one forward and backward pass.

    Attributes:
        iteration: number of the iteration, from 1.
        number: number among the shards of all processes, from 0; the shard's random numbers depend on it.
        batch: the samples, stacked under their names; "A" are images (B, 3, H, W) in [-1, 1].
        random: the random numbers of the run.
        results: tensors that a phase passes to later phases of the iteration, such as generated images.
    """

    iteration: int
    number: int
    batch: Batch
    random: RandomStreams
    results: dict[str, Any] = field(default_factory=dict)
    _tensors: dict[str, paddle.Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.batch.values())))

    def tensor(self, key: str = "A") -> paddle.Tensor:
        """Return an array of the batch as a tensor on the current device."""
        if key not in self._tensors:
            self._tensors[key] = from_array(self.batch[key])
        return self._tensors[key]

    def generator(self, stream: str) -> np.random.Generator:
        """Return this shard's random generator for a purpose; every call returns a generator in the same state."""
        return self.random.generator(stream, self.iteration, self.number)

    def normal(self, stream: str, shape: tuple[int, ...]) -> paddle.Tensor:
        """Draw standard normal numbers of a shape for a purpose, float32; every call returns the same numbers."""
        return from_array(self.random.normal(stream, self.iteration, self.number, shape))

    def once(self, name: str, make: Callable[[], Value]) -> Value:
        """Return ``results[name]``; the first call computes it."""
        if name not in self.results:
            self.results[name] = make()
        return self.results[name]


@dataclass(frozen=True, eq=False)
class Phase:
    """One kind of optimiser step within an iteration.

    Attributes:
        name: name of the phase.
        networks: the networks that learn, by their names in a checkpoint.
        work: computes the gradients of one shard by calling ``backward``; returns the shard's numbers for the log.
        frozen: networks whose parameters get no gradients in this phase; gradients still pass through them.
        every: the phase runs in iterations first, first + every, first + 2 * every, ...
        first: number of the first iteration in which the phase runs, from 1.
        steps: optimiser steps in an iteration, each on a new batch.
        normalised: networks that run in training mode in this phase and so update their statistics, of batch
            normalisation or of spectral normalisation.
        after: called after each step with the numbers, averaged over all shards.
    """

    name: str
    networks: tuple[str, ...]
    work: Callable[[Shard], dict[str, float]]
    frozen: tuple[str, ...] = ()
    every: int = 1
    steps: int = 1
    normalised: tuple[str, ...] = ()
    after: Callable[[dict[str, float]], None] | None = None
    first: int = 1

    def is_due(self, iteration: int) -> bool:
        """Return whether the phase runs in an iteration, counted from 1."""
        return iteration >= self.first and (iteration - self.first) % self.every == 0


def join_phases(name: str, phases: Sequence[Phase]) -> Phase:
    """Join phases into one, so that one optimiser can update all their networks, such as CycleGAN's discriminators.

    Args:
        name: name of the joint phase.
        phases: the phases, all with the same ``every`` and ``steps``.
    """
    first = phases[0]
    schedules = {(phase.every, phase.first, phase.steps) for phase in phases}
    assert len(schedules) == 1, "schedules differ"

    def work(shard: Shard) -> dict[str, float]:
        return {key: value for phase in phases for key, value in phase.work(shard).items()}

    def after(numbers: dict[str, float]) -> None:
        for phase in phases:
            if phase.after is not None:
                phase.after(numbers)

    return Phase(
        name,
        _union(phase.networks for phase in phases),
        work,
        _union(phase.frozen for phase in phases),
        first.every,
        first.steps,
        _union(phase.normalised for phase in phases),
        after,
        first.first,
    )


def with_statistics(phase: Phase, *networks: str) -> Phase:
    """Return a phase in which these networks run in training mode and so update their statistics."""
    return replace(phase, normalised=networks)


def _union(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in names for name in group))


def split_optimizers(phases: Sequence[Phase], net_names: Mapping[str, Sequence[str]]) -> list[str]:
    """List the optimisers of which only some networks learn in a phase.

    The step of such an optimiser would also change the other networks, although they have no new gradients.

    Args:
        phases: the phases of a task.
        net_names: optimiser -> its networks.
    """
    return [
        name
        for name, networks in net_names.items()
        if any(0 < len(set(networks) & set(phase.networks)) < len(set(networks)) for phase in phases)
    ]


def num_batches(phases: Sequence[Phase]) -> int:
    """Return the number of batches that a shard needs in an iteration: the steps of the phase with the most."""
    return max((phase.steps for phase in phases), default=1)


def make_shards(task: Task, batches: Sequence[Batch], iteration: int) -> list[list[Shard]]:
    """Make the shards of an iteration, numbered over all processes.

    Args:
        task: the task whose phases will run.
        batches: the batches of this process, shard after shard.
        iteration: number of the iteration, from 1.

    Returns:
        For each step of a phase the shards of this process.
    """
    count = num_batches(task.phases)
    first = task.processes.first_shard * count
    shards = [Shard(iteration, first + index, batch, task.random) for index, batch in enumerate(batches)]
    return [shards[step::count] for step in range(count)]


def run_phases(task: Task, shards: Sequence[Sequence[Shard]], iteration: int) -> dict[str, float]:
    """Run the phases that are due in an iteration.

    Args:
        task: the task with its phases, networks and optimisers.
        shards: as `make_shards` returns them.
        iteration: number of the iteration, from 1.

    Returns:
        The numbers of all phases, averaged over all shards; for several steps, those of the last.
    """
    numbers: dict[str, float] = {}
    for phase in task.phases:
        if phase.is_due(iteration):
            for step in range(phase.steps):
                numbers |= _run(task, phase, shards[step])
    return numbers


def _run(task: Task, phase: Phase, shards: Sequence[Shard]) -> dict[str, float]:
    statistics = None
    if phase.normalised:
        statistics = ShardStatistics(task.processes, *(task.networks[name] for name in phase.normalised))
    numbers = []
    with frozen(*(task.networks[name] for name in phase.frozen)):
        for shard in shards:
            with contextlib.nullcontext() if statistics is None else statistics.shard():
                numbers.append(phase.work(shard))
    if statistics is not None:
        statistics.average()
    task.move(*phase.networks)
    mean = task.processes.mean(numbers)
    if phase.after is not None:
        phase.after(mean)
    return mean


@contextlib.contextmanager
def frozen(*networks: nn.Layer) -> Iterator[None]:
    """Return a context without gradients of the networks' parameters; gradients still pass through the networks."""
    parameters = [item for network in networks for item in network.parameters() if not item.stop_gradient]
    for parameter in parameters:
        parameter.stop_gradient = True
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.stop_gradient = False
