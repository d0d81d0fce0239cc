"""The phases of an iteration: which networks learn in which order, how often, on which batches.

A task lists its phases once; `run_phases` carries them out. In each phase every shard computes its gradients, which are
averaged over all shards of all processes, and then the optimisers of the phase's networks make a step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
        iteration: from 1.
        number: among the shards of all processes, from 0; it keys the shard's random numbers.
        batch: the samples, stacked under their names: "A" holds images (B, 3, H, W) in [-1, 1].
        random: the random numbers of the run.
        results: what an earlier phase of this iteration left for later ones, such as generated images.
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
        """Return this shard's random generator for a purpose; the same one whenever it is asked for."""
        return self.random.generator(stream, self.iteration, self.number)

    def normal(self, stream: str, shape: tuple[int, ...]) -> paddle.Tensor:
        """Draw standard normal numbers for a purpose."""
        return from_array(self.random.normal(stream, self.iteration, self.number, shape))

    def once(self, name: str, make: Callable[[], Value]) -> Value:
        """Return ``results[name]``; make it when it is first asked for."""
        if name not in self.results:
            self.results[name] = make()
        return self.results[name]


@dataclass(frozen=True, eq=False)
class Phase:
    """One kind of optimiser step within an iteration.

    Attributes:
        name: for messages.
        networks: the networks that learn, by their names in a checkpoint.
        work: computes the gradients of one shard, by calling ``backward``, and returns the shard's numbers for the log.
        frozen: networks whose parameters get no gradients meanwhile; gradients still pass through them.
        every: the phase takes place in iterations 1, 1 + every, 1 + 2 * every, ...
        steps: optimiser steps in an iteration, each on a new batch.
        normalised: networks that compute in training mode here and so update the statistics of their batch
            normalisation.
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

    def is_due(self, iteration: int) -> bool:
        """Whether the phase takes place in an iteration, counted from 1."""
        return (iteration - 1) % self.every == 0


def join_phases(name: str, phases: Sequence[Phase]) -> Phase:
    """Join phases into one, whose networks one optimiser can move, such as CycleGAN's two discriminators.

    Args:
        name: of the joint phase.
        phases: those that take place in the same iterations, with as many steps.
    """
    first = phases[0]
    assert all((phase.every, phase.steps) == (first.every, first.steps) for phase in phases), "of one rhythm"

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
    )


def _union(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in names for name in group))


def split_optimizers(phases: Sequence[Phase], net_names: Mapping[str, Sequence[str]]) -> list[str]:
    """List optimisers that move only a part of their networks in some phase.

    Such an optimiser would also step the others, with the zero gradients of an earlier phase.

    Args:
        phases: of a task.
        net_names: optimiser -> its networks.
    """
    return [
        name
        for name, networks in net_names.items()
        if any(0 < len(set(networks) & set(phase.networks)) < len(set(networks)) for phase in phases)
    ]


def num_batches(phases: Sequence[Phase]) -> int:
    """Count the batches that a shard needs in an iteration: as many as the phase with the most steps."""
    return max((phase.steps for phase in phases), default=1)


def make_shards(task: Task, batches: Sequence[Batch], iteration: int) -> list[list[Shard]]:
    """Number an iteration's batches over all processes, in groups of one batch for each step of a phase.

    Args:
        task: whose phases are run.
        batches: of this process; those of one shard stand one after another.
        iteration: from 1.

    Returns:
        For each step its shards, one for each shard of this process.
    """
    count = num_batches(task.phases)
    first = task.processes.first_shard * count
    shards = [Shard(iteration, first + index, batch, task.random) for index, batch in enumerate(batches)]
    return [shards[step::count] for step in range(count)]


def run_phases(task: Task, shards: Sequence[Sequence[Shard]], iteration: int) -> dict[str, float]:
    """Carry out the phases that are due.

    Args:
        task: its phases, networks and optimisers.
        shards: as `make_shards` returns them.
        iteration: from 1.

    Returns:
        The phases' numbers, averaged over all shards; of several steps those of the last.
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
        statistics.settle()
    task.move(*phase.networks)
    mean = task.processes.mean(numbers)
    if phase.after is not None:
        phase.after(mean)
    return mean


@contextlib.contextmanager
def frozen(*networks: nn.Layer) -> Iterator[None]:
    """Compute no gradients of the networks' parameters within the block; gradients still pass through the networks."""
    parameters = [item for network in networks for item in network.parameters() if not item.stop_gradient]
    for parameter in parameters:
        parameter.stop_gradient = True
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.stop_gradient = False
