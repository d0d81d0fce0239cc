"""The base class of the networks' options: the arguments of a constructor as a block of a YAML file."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

from ppgan_ext.networks.image_sizes import SizeRule
from ppgan_ext.option_types import Block

if TYPE_CHECKING:
    from paddle import nn


class NetworkOptions(Block, abc.ABC):
    """The block of a network, validated without importing Paddle.

    Attributes:
        name: a key of `networks.network_table.NETWORKS`; subclasses restrict it to their own names.
    """

    name: str

    @abc.abstractmethod
    def build(self, *args: Any, **context: Any) -> nn.Layer:
        """Create the network with random weights from Paddle's global generator.

        Args:
            *args: arguments that depend on other networks, such as an encoder's ``size``.
            **context: the same by name.
        """

    @property
    def size_rule(self) -> SizeRule:
        """The sizes of images that the network takes; any, unless a subclass says otherwise."""
        return SizeRule()

    def check_image_size(self, height: int, width: int) -> None:
        """Check that the network takes images of a size.

        Raises:
            ConfigError: it does not; the message names the nearest two sides that it takes.
        """
        self.size_rule.check(height, width, self.name)

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of the network's constructor: the block without its name."""
        return self.model_dump(exclude={"name"})
