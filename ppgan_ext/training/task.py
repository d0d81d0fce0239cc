"""The interface between the training loop and a model family.

A task holds the networks and knows one iteration; the loop knows the rest: data, order, log, checkpoints, metrics.
"""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ppgan_ext.errors import ConfigError, WeightsError, nearest
from ppgan_ext.training import optimizers
from ppgan_ext.types import Image

if TYPE_CHECKING:
    from paddle import nn

    from ppgan_ext.metrics import ModelOutputs
    from ppgan_ext.training.processes import Processes
    from ppgan_ext.training.random_streams import RandomStreams
    from ppgan_ext.training.samples import SampleSets
    from ppgan_ext.training.settings import Settings
    from ppgan_ext.training.shared.averaged_weights import Averaged
    from ppgan_ext.training.shared.phases import Phase

Batch = dict[str, np.ndarray]


class Stage(NamedTuple):
    """What an iteration trains on, for schedules that grow.

    Attributes:
        size: side of the images, in pixels; None: as the data set makes them.
        batch_size: samples of a shard.
    """

    size: int | None
    batch_size: int


class Task(abc.ABC):
    """A model family in training.

    Its life: the constructor takes what it is given; `build` makes networks, optimisers and phases; weights are loaded
    or restored; `after_load` completes what depends on them; then `step` follows `step`. `pictures`, `outputs` and the
    states may be asked for after `after_load` at any time.

    Networks start from Paddle's global generator, which the loop has seeded; all other randomness comes from `random`.

    Attributes:
        load_names: network -> further names under which ``--load`` finds its weights, in order of preference.
        settings: the whole configuration.
        options: its ``model`` block.
        processes: of the run.
        random: all random numbers of training.
        samples: the data sets of the run.
        networks: under their names in a checkpoint: gen, disc, gen_ema.
        optimizers: under their names in the configuration: optimG, optimD.
        rate_scales: optimiser -> factor of the schedule's learning rate, 1 where it is missing.
        phases: of an iteration, in order.
        averaged: running averages of weights, updated after each iteration; None: there are none.
    """

    load_names: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __init__(
        self, settings: Settings, processes: Processes, random: RandomStreams, samples: SampleSets | None = None
    ) -> None:
        self.settings, self.processes, self.random = settings, processes, random
        self.options: Any = settings.model
        self._samples = samples
        self.rate_scales: dict[str, float] = {}
        self.networks: dict[str, Any] = {}
        self.optimizers: dict[str, Any] = {}
        self.phases: list[Phase] = []
        self.averaged: Averaged | None = None

    @property
    def samples(self) -> SampleSets:
        """The data sets of the run."""
        assert self._samples is not None, "this task was made without data"
        return self._samples

    # ---- a task's life

    def build(self) -> Task:
        """Make networks, optimisers and phases, equal in all processes.

        Raises:
            PpganExtError: networks or files that do not go together.
        """
        self.networks = self.make_networks()
        optimizers.name_parameters(self.networks)
        for network in self.networks.values():
            self.processes.broadcast(network)
        self.optimizers = self._make_optimizers()
        self.phases = self.make_phases()
        self._check_optimizers()
        self.averaged = self.make_averages()
        return self

    @abc.abstractmethod
    def make_networks(self) -> dict[str, nn.Layer]:
        """Make the networks under their names in a checkpoint."""

    @abc.abstractmethod
    def make_phases(self) -> list[Phase]:
        """List the phases of an iteration; the networks exist by now."""

    def make_averages(self) -> Averaged | None:
        """Say which networks are running averages of others."""
        return None

    def adjust(self, name: str, options: optimizers.OptimizerOptions) -> optimizers.OptimizerOptions:
        """Change an optimiser's options before it is made, as lazy regularisation does with Adam's betas."""
        return options

    def after_load(self) -> None:  # noqa: B027 - most families have nothing to complete
        """Complete what depends on the weights, whether fresh, loaded or restored.

        Raises:
            PpganExtError: the weights cannot be used.
        """

    # ---- an iteration

    def step(self, batches: Sequence[Batch], iteration: int) -> dict[str, float]:
        """Do one iteration on this process's shards.

        Args:
            batches: `num_batches` per shard of this process, those of a shard one after another.
            iteration: from 1.

        Returns:
            Numbers for the log, averaged over all shards; they must be finite.
        """
        from ppgan_ext.training.shared import phases

        shards = phases.make_shards(self, batches, iteration)
        numbers = phases.run_phases(self, shards, iteration)
        num_images = sum(len(shard) for shard in shards[0]) * self.processes.size
        if self.averaged is not None:
            self.averaged.update(num_images, iteration)
        return numbers | self.after_iteration(numbers, num_images, iteration)

    def after_iteration(self, numbers: Mapping[str, float], num_images: int, iteration: int) -> dict[str, float]:
        """Update what changes once an iteration; return further numbers for the log.

        Args:
            numbers: of the phases.
            num_images: of the iteration, over all processes.
            iteration: from 1.
        """
        return {}

    @property
    def num_batches(self) -> int:
        """Batches that each shard needs in an iteration."""
        from ppgan_ext.training.shared import phases

        return phases.num_batches(self.phases)

    def stage(self, iteration: int) -> Stage:
        """Return the size and number of the images of an iteration, from 1; schedules that grow override it."""
        return Stage(None, self.settings.batch_size)

    def move(self, *networks: str) -> None:
        """Make a step of every optimiser that has one of these networks, with the mean gradients of all shards."""
        for name, options in self.settings.optimizer.items():
            if set(networks) & set(options.net_names):
                self.processes.average_gradients(self._parameters(name, options))
                self.optimizers[name].step()
                self.optimizers[name].clear_grad()

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Compute in bfloat16 within the block, where --amp asks for it and the device is a GPU."""
        if self.settings.amp is None or self.processes.device == "cpu":
            return contextlib.nullcontext()
        import paddle

        return paddle.amp.auto_cast(level=self.settings.amp, dtype="bfloat16")

    # ---- what is shown, measured and kept

    @abc.abstractmethod
    def pictures(self, iteration: int) -> dict[str, Image]:
        """Draw pictures that show the progress of training, by name, for visual_train."""

    @abc.abstractmethod
    def outputs(self) -> ModelOutputs:
        """Return the model as functions from numbers to images, beside the real images, for metrics."""

    def extra_state(self) -> dict[str, Any]:
        """Return numbers and arrays that no network or optimiser holds and that all processes share."""
        return {}

    def load_extra_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `extra_state` returned.

        Raises:
            WeightsError: names that this task does not know.
        """
        if state:
            raise WeightsError(f"holds numbers that this task does not use: {', '.join(sorted(state))}")

    def shard_state(self, shard: int) -> dict[str, np.ndarray]:
        """Return the arrays that belong to one shard, such as a pool of earlier images.

        Args:
            shard: number among the shards of all processes; one of this process's.
        """
        return {}

    def load_shard_state(self, shard: int, state: Mapping[str, np.ndarray]) -> None:
        """Restore what `shard_state` returned for this shard.

        Raises:
            WeightsError: names that this task does not know.
        """
        if state:
            raise WeightsError(f"holds arrays of shards that this task does not use: {', '.join(sorted(state))}")

    # ---- parts

    def _check_optimizers(self) -> None:
        from ppgan_ext.training.shared import phases

        net_names = {name: options.net_names for name, options in self.settings.optimizer.items()}
        for name in phases.split_optimizers(self.phases, net_names):
            what = f"{', '.join(net_names[name])} do not learn in the same step"
            raise ConfigError(what, where=f"optimizer.{name}.net_names", cure="Give each of them its own optimiser")

    def _make_optimizers(self) -> dict[str, Any]:
        """Make the configuration's optimisers, each for the networks in its `net_names`.

        Raises:
            ConfigError: one names a network that the task does not have.
        """
        made = {}
        for name, options in self.settings.optimizer.items():
            made[name] = optimizers.make_optimizer(self.adjust(name, options), self._parameters(name, options))
        return made

    def _parameters(self, name: str, options: optimizers.OptimizerOptions) -> list[Any]:
        unknown = [net for net in options.net_names if net not in self.networks]
        if unknown:
            raise ConfigError(
                f"there is no network '{unknown[0]}'",
                where=f"optimizer.{name}.net_names",
                cure=nearest(unknown[0], self.networks),
            )
        return [parameter for net in options.net_names for parameter in self.networks[net].parameters()]
