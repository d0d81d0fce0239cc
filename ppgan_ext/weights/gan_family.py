"""Finding the networks of DCGAN, pix2pix, CycleGAN, U-GAT-IT and Photo2Cartoon in checkpoints of any project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ppgan_ext.errors import ConfigError, WeightsError, nearest
from ppgan_ext.weights.gan_family_blocks import block_of
from ppgan_ext.weights.network_builders import build_lazily
from ppgan_ext.weights.rename import State, check_match
from ppgan_ext.weights.rename_gan_family import complete, from_torch, has_torch_layout

if TYPE_CHECKING:
    from paddle import nn

Direction: TypeAlias = Literal["a2b", "b2a"]
TRANSLATORS = ("ResnetGenerator", "UnetGenerator", "ResnetUGATITGenerator", "ResnetUGATITP2CGenerator")
# The direction of a generator by its name in checkpoints; that of pix2pix, "netG", is up to its configuration.
DIRECTIONS = {"netG_A": "a2b", "genA2B": "a2b", "netG_B": "b2a", "genB2A": "b2a"}
_CURE = "Give a checkpoint of PaddleGAN, junyanz's CycleGAN and pix2pix, UGATIT-pytorch, photo2cartoon, or ppgan_ext"


@dataclass
class FoundNetwork:
    """A network of the family in a file.

    Attributes:
        net_name: its name in the file; empty if the file contains only this network.
        block: its name in `networks.NETWORKS` and the arguments that its arrays tell.
        state: name -> array, under the package's names; the constants of instance normalisation may be missing.
        torch: whether the arrays come from PyTorch.
    """

    net_name: str
    block: dict[str, Any]
    state: State
    torch: bool

    @property
    def title(self) -> str:
        """The network in words, such as "ResnetGenerator (netG_A)"."""
        return f"{self.block['name']} ({self.net_name})" if self.net_name else str(self.block["name"])

    def completed(self, where: object, **options: Any) -> tuple[nn.Layer, State]:
        """Build the network, with empty parameters, and check its arrays.

        Args:
            where: the file, for messages.
            **options: arguments that the arrays do not tell, such as ``use_dropout`` of a U-Net.

        Returns:
            The network, and all of its arrays.

        Raises:
            WeightsError: arrays are missing, left over or of another shape; all are listed.
            ConfigError: an option is not one of the network.
        """
        from ppgan_ext import networks

        network = build_lazily(lambda: networks.build({**self.block, **options}))
        shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        state = complete(self.state, shapes, shapes)
        check_match({name: array.shape for name, array in state.items()}, shapes, where, cure=_CURE)
        return network, state


def find_networks(nets: Mapping[str, Mapping[str, Any]]) -> list[FoundNetwork]:
    """Return the networks of the family among the networks of a file, in its order.

    Args:
        nets: name in the file -> its arrays under their names there.
    """
    found = (_describe(name, state) for name, state in nets.items())
    return [network for network in found if network is not None]


def _describe(net_name: str, state: Mapping[str, Any]) -> FoundNetwork | None:
    arrays = {str(name): array for name, array in state.items() if isinstance(array, np.ndarray)}
    minivision = "HourGlass1.HG.1.ConvBlock1.3.weight" in arrays
    torch = minivision or has_torch_layout(arrays)
    try:
        renamed = from_torch(arrays) if torch else arrays
        block = block_of(renamed)
    except (KeyError, IndexError, ValueError, ZeroDivisionError):
        return None  # the marks of a network without the rest of it
    if block is None:
        return None
    if torch and block["name"] == "ResnetUGATITGenerator":
        block["norm_type"] = "instance"  # of which PyTorch stores nothing
    return FoundNetwork(net_name, block, renamed, torch)


def choose_translator(
    found: Iterable[FoundNetwork],
    direction: Direction | None,
    net_name: str | None,
    where: object,
    directions: Mapping[str, str] | None = None,
) -> FoundNetwork:
    """Return the image-to-image generator that a user wants of a file.

    Args:
        found: the networks of the file.
        direction: "a2b" or "b2a"; None: a to b, or the only generator of the file.
        net_name: the network's name in the file; None: decided by the direction.
        where: the file, for messages.
        directions: network -> direction, where the file tells more than the names do.

    Raises:
        WeightsError: there is no image-to-image generator, none for the direction, or none of that name.
        ConfigError: both a direction and a name are given.
    """
    found = list(found)
    translators = [network for network in found if network.block["name"] in TRANSLATORS]
    if not translators:
        contents = ", ".join(network.title for network in found) or "none of the known networks"
        raise WeightsError(f"contains no image-to-image generator, but {contents}", where=where, cure=_CURE)
    names = [network.net_name for network in translators]
    if net_name is not None:
        if direction is not None:
            raise ConfigError("a network's name leaves no direction to choose", where="direction", cure="Leave it out")
        chosen = [network for network in translators if network.net_name == net_name]
        if not chosen:
            what = f"contains no image-to-image generator '{net_name}', but {', '.join(filter(None, names)) or 'one'}"
            raise WeightsError(what, where=where, cure=nearest(net_name, names))
        return chosen[0]
    wanted = direction or "a2b"
    known = {**DIRECTIONS, **(directions or {})}
    chosen = [network for network in translators if known.get(network.net_name, wanted) == wanted]
    if not chosen and direction is None and len(translators) == 1:
        return translators[0]
    if not chosen:
        what = f"contains no generator for the direction {wanted}, but {', '.join(names)}"
        raise WeightsError(what, where=where, cure="Choose the other direction, or name the network with --net_name")
    return chosen[0]
