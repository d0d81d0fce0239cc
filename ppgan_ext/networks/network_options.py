"""The base of every network's options: the arguments of its constructor as a block of a YAML file."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

from ppgan_ext.option_types import Block

if TYPE_CHECKING:
    from paddle import nn


class NetworkOptions(Block, abc.ABC):
    """The block of one network, checked without importing Paddle.

    Attributes:
        name: the class of the network, a key of `networks.table.NETWORKS`; subclasses narrow it to their own names.
    """

    name: str

    @abc.abstractmethod
    def build(self, *args: Any, **context: Any) -> nn.Layer:
        """Make the network, with fresh weights from Paddle's global generator.

        Args:
            *args: arguments that follow from the networks around it, such as an encoder's ``size``.
            **context: the same by name.
        """

    def arguments(self) -> dict[str, Any]:
        """Return the block without its name: keyword arguments of the network's constructor."""
        return self.model_dump(exclude={"name"})
