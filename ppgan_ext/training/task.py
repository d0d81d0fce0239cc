"""What the loop asks of a model family: a task holds the networks and knows one iteration; the loop knows the rest."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ppgan_ext.errors import ConfigError, WeightsError, nearest
from ppgan_ext.option_types import Block
from ppgan_ext.training import optimizers
from ppgan_ext.training.processes import World
from ppgan_ext.types import Image

if TYPE_CHECKING:
    from paddle import nn

    from ppgan_ext.metrics import Subject
    from ppgan_ext.training.random_streams import Draws
    from ppgan_ext.training.schema import Settings

Batch = dict[str, np.ndarray]


class Task(abc.ABC):
    """A model family in training.

    A subclass makes its networks in `make_networks`, from Paddle's global generator, which the loop has seeded; all
    other randomness comes from `draws`. Numbers that no network holds go through `extra_state`.

    Attributes:
        Options: pydantic model of the configuration's `model:` block.
        load_names: network -> other names under which `--load` finds its weights in a file, in order of preference.
        settings: the whole configuration.
        world: the processes of the run.
        draws: all randomness of training.
        networks: under their names in a checkpoint: gen, disc, gen_ema.
        optimizers: under their names in the configuration: optimG, optimD.
        rate_scales: optimiser name -> what the schedule's learning rate is multiplied by; 1 where it is missing.
    """

    Options: ClassVar[type[Block]]
    load_names: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __init__(self, settings: Settings, world: World, draws: Draws) -> None:
        self.settings, self.world, self.draws = settings, world, draws
        self.rate_scales: dict[str, float] = {}
        self.networks: dict[str, nn.Layer] = self.make_networks()
        optimizers.name_parameters(self.networks)
        for network in self.networks.values():
            world.broadcast(network)
        self.optimizers: dict[str, Any] = self.make_optimizers()

    @classmethod
    def check(cls, settings: Settings) -> list[str]:
        """List the mistakes that only show when several blocks are seen together, each ``key: what is wrong``."""
        return []

    @abc.abstractmethod
    def make_networks(self) -> dict[str, nn.Layer]:
        """Make the networks under their names in a checkpoint; called once, by the constructor."""

    def make_optimizers(self) -> dict[str, Any]:
        """Make the configuration's optimisers, each for the networks in its `net_names`.

        Raises:
            ConfigError: it names a network that the task does not have.
        """
        made = {}
        for name, options in self.settings.optimizer.items():
            made[name] = optimizers.make_optimizer(self.adjust(name, options), self._parameters(name, options))
        return made

    def adjust(self, name: str, options: optimizers.OptimizerOptions) -> optimizers.OptimizerOptions:
        """Change an optimiser's options before it is made, as lazy regularisation does with its betas."""
        return options

    @abc.abstractmethod
    def step(self, batches: list[Batch], iteration: int) -> dict[str, float]:
        """Do one iteration on this process's shards.

        Args:
            batches: one per shard of this process, `world.accumulate` in all; "A" holds images (B,3,H,W) in [-1,1].
            iteration: from 1.

        Returns:
            Numbers for the log, averaged over all shards; the losses among them must be finite.
        """

    @abc.abstractmethod
    def pictures(self, iteration: int) -> dict[str, Image]:
        """Draw what shows how far training is, by name, for visual_train."""

    @abc.abstractmethod
    def subject(self, real: Any) -> Subject:
        """Say what is measured.

        Args:
            real: the data set of real images.
        """

    def extra_state(self) -> dict[str, Any]:
        """Return the numbers and arrays that no network or optimiser holds, for the checkpoint."""
        return {}

    def load_extra_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `extra_state` gave.

        Raises:
            WeightsError: names that this task does not know.
        """
        if state:
            raise WeightsError(f"holds numbers that this task has no use for: {', '.join(sorted(state))}")

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Compute in bfloat16 within the block, where --amp asks for it and the device is a GPU."""
        if self.settings.amp is None or self.world.device == "cpu":
            return contextlib.nullcontext()
        import paddle

        return paddle.amp.auto_cast(level=self.settings.amp, dtype="bfloat16")

    def move(self, *networks: str) -> None:
        """Make a step of every optimiser that has one of these networks, with the gradients of all processes."""
        for name, options in self.settings.optimizer.items():
            if set(networks) & set(options.net_names):
                self.world.average_gradients(self._parameters(name, options))
                self.optimizers[name].step()
                self.optimizers[name].clear_grad()

    def numbered(self, items: Sequence[Any]) -> enumerate[Any]:
        """Number this process's shards over all processes."""
        return enumerate(items, self.world.first_shard)

    def _parameters(self, name: str, options: optimizers.OptimizerOptions) -> list[Any]:
        unknown = [net for net in options.net_names if net not in self.networks]
        if unknown:
            raise ConfigError(
                f"there is no network '{unknown[0]}'",
                where=f"optimizer.{name}.net_names",
                cure=nearest(unknown[0], self.networks),
            )
        return [parameter for net in options.net_names for parameter in self.networks[net].parameters()]
