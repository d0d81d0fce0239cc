"""The interface between the training loop and a model family.

A task has the networks and performs one iteration; the loop does everything else: data, log, checkpoints, metrics.
"""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ppgan_ext.errors import ConfigError, InputError, WeightsError, nearest
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
    """Size and number of the images of an iteration, for families whose images or batches grow.

    Attributes:
        size: side of the images in pixels; None: the size of the data set's images.
        batch_size: number of samples in a shard.
    """

    size: int | None
    batch_size: int


class Task(abc.ABC):
    """A model family in training.

    The order of calls: the constructor only stores its arguments; `build` creates networks, optimisers and phases;
    weights are loaded or restored; `after_load` completes the state that depends on them; then `step` is called once
    per iteration. `pictures`, `outputs` and the states may be requested at any time after `after_load`.

    Networks are initialised from Paddle's global generator, which `run.open_run` seeds; all other random numbers come
    from `random`.

    Args:
        settings: the whole configuration.
        processes: the processes of the run.
        random: the random numbers of the run.
        samples: the data sets of the run; None: the task is used without data.

    Attributes:
        load_names: network -> further names under which ``--load`` looks for its weights, in order of preference.
        settings: the whole configuration.
        options: its ``model`` block.
        processes: the processes of the run.
        random: the random numbers of the run.
        samples: the data sets of the run.
        networks: the networks by their names in a checkpoint, such as gen, disc, gen_ema.
        optimizers: the optimisers by their names in the configuration, such as optimG, optimD.
        rate_scales: optimiser -> factor of the schedule's learning rate; 1 if it is missing.
        phases: the phases of an iteration, in order.
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
        assert self._samples is not None, "this task was created without data"
        return self._samples

    # ---- construction

    def build(self) -> Task:
        """Create networks, optimisers and phases, equal in all processes, and return the task.

        Raises:
            PpganExtError: networks or files do not fit each other, or a file cannot be read.
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
        """Create the networks, by their names in a checkpoint."""

    @abc.abstractmethod
    def make_phases(self) -> list[Phase]:
        """Return the phases of an iteration, in order; called after `make_networks`."""

    def make_averages(self) -> Averaged | None:
        """Return the networks that are running averages of others; None: there are none."""
        return None

    def adjust(self, name: str, options: optimizers.OptimizerOptions) -> optimizers.OptimizerOptions:
        """Return the options that an optimiser is created with; lazy regularisation changes Adam's betas here.

        Args:
            name: name of the optimiser in the configuration.
            options: its options in the configuration.
        """
        return options

    def after_load(self) -> None:  # noqa: B027 - most families have nothing to complete
        """Complete the state that depends on the weights, whether they are initial, loaded or restored.

        Raises:
            PpganExtError: the weights do not fit the configuration.
        """

    def notes(self) -> list[str]:
        """Return what users should know before the first step, such as the memory needed; called after `after_load`."""
        return []

    # ---- an iteration

    def step(self, batches: Sequence[Batch], iteration: int) -> dict[str, float]:
        """Train for one iteration on this process's shards.

        Args:
            batches: `num_batches` batches for each shard of this process, shard after shard.
            iteration: number of the iteration, from 1.

        Returns:
            Numbers for the log by name, averaged over all shards; the loop stops the run if one is not finite.
        """
        from ppgan_ext.training.shared import phases

        shards = phases.make_shards(self, batches, iteration)
        numbers = phases.run_phases(self, shards, iteration)
        num_images = sum(len(shard) for shard in shards[0]) * self.processes.size
        if self.averaged is not None:
            self.averaged.update(num_images, iteration)
        return numbers | self.after_iteration(numbers, num_images, iteration)

    def after_iteration(self, numbers: Mapping[str, float], num_images: int, iteration: int) -> dict[str, float]:
        """Update state that changes once per iteration, and return further numbers for the log.

        Args:
            numbers: the numbers that the phases returned, averaged over all shards.
            num_images: number of images in the iteration, over all processes.
            iteration: number of the iteration, from 1.
        """
        return {}

    @property
    def num_batches(self) -> int:
        """Number of batches that each shard needs in an iteration."""
        from ppgan_ext.training.shared import phases

        return phases.num_batches(self.phases)

    def stage(self, iteration: int) -> Stage:
        """Return size and number of the images of an iteration, counted from 1; families that grow override it."""
        return Stage(None, self.settings.batch_size)

    def move(self, *networks: str) -> None:
        """Step every optimiser of these networks with the mean gradients of all shards, and clear the gradients."""
        for name, options in self.settings.optimizer.items():
            if set(networks) & set(options.net_names):
                self.processes.average_gradients(self._parameters(name, options))
                self.optimizers[name].step()
                self.optimizers[name].clear_grad()

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Return a context that computes in bfloat16 if the configuration sets ``amp`` and the device is a GPU."""
        if self.settings.amp is None or self.processes.device == "cpu":
            return contextlib.nullcontext()
        import paddle

        return paddle.amp.auto_cast(level=self.settings.amp, dtype="bfloat16")

    # ---- pictures, metrics and state

    @abc.abstractmethod
    def pictures(self, iteration: int) -> dict[str, Image]:
        """Return pictures that show the progress of training, by name: (H, W, 3) RGB uint8."""

    def test_results(self, iteration: int, leave_out: Callable[[InputError], None]) -> Iterator[tuple[str, Image]]:
        """Yield what the networks make of the test set, as names and pictures (H, W, 3) RGB uint8.

        These are the sheets of `pictures`; families that translate images yield the translation of every test image.

        Args:
            iteration: number of the iteration.
            leave_out: called with the error of every test image that cannot be read.
        """
        yield from self.pictures(iteration).items()

    @abc.abstractmethod
    def outputs(self) -> ModelOutputs:
        """Return the model's functions that make images, and the real images to compare with, for the metrics."""

    def translators(self) -> dict[str, dict[str, Any]]:
        """Return how to apply the networks that translate images: network -> direction, options, preprocessing.

        The files of weights and the checkpoints carry it, so that translating does what training did.
        """
        return {}

    def extra_state(self) -> dict[str, Any]:
        """Return the numbers and arrays, equal in all processes, that belong to no network or optimiser."""
        return {}

    def load_extra_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `extra_state` returned.

        Raises:
            WeightsError: the state has names that this task does not use.
        """
        _reject_unused("state", state)

    def shard_state(self, shard: int) -> dict[str, np.ndarray]:
        """Return the arrays that belong to one shard, such as a pool of earlier images.

        Args:
            shard: number of the shard, counted over all processes; one of this process's shards.
        """
        return {}

    def load_shard_state(self, shard: int, state: Mapping[str, np.ndarray]) -> None:
        """Restore what `shard_state` returned for this shard.

        Raises:
            WeightsError: the state has names that this task does not use.
        """
        _reject_unused("shard state", state)

    # ---- helpers

    def _check_optimizers(self) -> None:
        """Check that the networks of each optimiser learn in the same phases."""
        from ppgan_ext.training.shared import phases

        net_names = {name: options.net_names for name, options in self.settings.optimizer.items()}
        for name in phases.split_optimizers(self.phases, net_names):
            what = f"{', '.join(net_names[name])} do not learn in the same step"
            raise ConfigError(what, where=f"optimizer.{name}.net_names", cure="Define an optimiser for each of them")

    def _make_optimizers(self) -> dict[str, Any]:
        """Create the configuration's optimisers, each for the networks in its `net_names`.

        Raises:
            ConfigError: an optimiser names a network that the task does not have.
        """
        return {
            name: optimizers.make_optimizer(self.adjust(name, options), self._parameters(name, options))
            for name, options in self.settings.optimizer.items()
        }

    def _parameters(self, name: str, options: optimizers.OptimizerOptions) -> list[Any]:
        unknown = [net for net in options.net_names if net not in self.networks]
        if unknown:
            raise ConfigError(
                f"there is no network '{unknown[0]}'",
                where=f"optimizer.{name}.net_names",
                cure=nearest(unknown[0], self.networks),
            )
        return [parameter for net in options.net_names for parameter in self.networks[net].parameters()]


def _reject_unused(kind: str, state: Mapping[str, Any]) -> None:
    if state:
        what = f"contains {kind} that this task does not use: {', '.join(sorted(state))}"
        raise WeightsError(what, cure="Resume with the configuration that the checkpoint was written with")
