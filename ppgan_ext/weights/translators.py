"""Loading image-to-image generators from checkpoints: built, filled strictly, and what the file says of their use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.files import expand_user
from ppgan_ext.untrusted import door
from ppgan_ext.weights import readers, store
from ppgan_ext.weights.gan_family import DIRECTIONS, TRANSLATORS, Direction, FoundNetwork, choose_translator
from ppgan_ext.weights.load import load_into
from ppgan_ext.weights.recognise import recognise

if TYPE_CHECKING:
    from paddle import nn

    from ppgan_ext.networks.network_options import NetworkOptions

_OWN_KEY, _RECORDS = "ppgan_ext", "translators"


@dataclass(frozen=True, eq=False)
class Translator:
    """A generator that translates images, and how its training applied it.

    Attributes:
        network: in evaluation mode.
        options: its options, whose `size_rule` says which images it takes.
        net_name: its name in the file; empty if the file contains only this network.
        direction: "a2b", "b2a", or empty if the file does not tell.
        training_size: side of the images of training, or None if the file does not tell.
        weights_hash: sha256 of the file, in hexadecimal.
        path: the file.
    """

    network: nn.Layer
    options: NetworkOptions
    net_name: str
    direction: str
    training_size: int | None
    weights_hash: str
    path: Path

    @property
    def input_channels(self) -> int:
        """Channels of the images that it takes."""
        return int(self.options.arguments()["input_nc"])

    @property
    def output_channels(self) -> int:
        """Channels of the images that it makes."""
        return int(self.options.arguments()["output_nc"])


def load_translator(
    weight_path: str | os.PathLike[str],
    direction: Direction | None = None,
    net_name: str | None = None,
    **arguments: Any,
) -> Translator:
    """Load an image-to-image generator of PaddleGAN, junyanz, UGATIT-pytorch, minivision or this package.

    Args:
        weight_path: a file of one network, or a checkpoint of several.
        direction: which of a checkpoint's generators; None: a to b, or the only one.
        net_name: the same by name, such as "netG_A" or "genB2A".
        **arguments: arguments of the network that its arrays do not tell, such as ``use_dropout`` of a U-Net; those
            that are None are left out.

    Raises:
        WeightsError: the file cannot be read, is of another family (which is named), or does not fit its network.
        ConfigError: an argument is not one of this network.
    """
    path = expand_user(weight_path)
    tree = readers.read(path)
    with door(path, WeightsError, "Give a complete checkpoint", what="contains no networks that can be built"):
        checkpoint = recognise(tree, path)
        records = _records(tree)
        if not checkpoint.gan_networks:
            cure = "Give a checkpoint of pix2pix, CycleGAN, U-GAT-IT or Photo2Cartoon"
            raise WeightsError(f"contains no image-to-image generator ({checkpoint.layout})", where=path, cure=cure)
        told = {name: str(record["direction"]) for name, record in records.items() if "direction" in record}
        found = choose_translator(checkpoint.gan_networks, direction, net_name, path, told)
        record = records.get(found.net_name, {})
        network, state, options = _built(found, record, arguments, path)
        load_into(network, state, path, consume=True)
    network.eval()
    own_direction = {**DIRECTIONS, **told}.get(found.net_name, "")
    return Translator(network, options, found.net_name, own_direction, _side(record), store.file_hash(path), path)


def translator_names(weight_path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the names of the image-to-image generators in a file; "" is one that is alone in it.

    Raises:
        WeightsError: the file cannot be read.
    """
    path = expand_user(weight_path)
    tree = readers.read(path)
    with door(path, WeightsError, "Give a complete checkpoint", what="contains no networks that can be built"):
        networks = recognise(tree, path).gan_networks
        return tuple(network.net_name for network in networks if network.block["name"] in TRANSLATORS)


def _built(
    found: FoundNetwork, record: Mapping[str, Any], arguments: Mapping[str, Any], path: Path
) -> tuple[nn.Layer, dict[str, Any], NetworkOptions]:
    """Build the network with what the arrays, the file's record and the caller say, the last one first."""
    from ppgan_ext.networks.network_table import NETWORKS, options_of

    given = {key: value for key, value in arguments.items() if value is not None}
    known = NETWORKS[found.block["name"]].model_fields
    unknown = [key for key in given if key not in known]
    if unknown:
        what = f"{found.block['name']} has no option {', '.join(unknown)}"
        raise ConfigError(what, where=path, cure="Leave it out for this checkpoint")
    told = record.get("network")
    told = told if isinstance(told, Mapping) and told.get("name") == found.block["name"] else {}
    extra = {key: value for key, value in {**told, **given}.items() if key in known and key not in found.block}
    network, state = found.completed(path, **extra)
    return network, state, options_of({**found.block, **extra})


def _records(tree: Any) -> Mapping[str, Mapping[str, Any]]:
    """Return what a checkpoint of this package says of its translators: network -> direction, options, transforms."""
    own = tree.get(_OWN_KEY) if isinstance(tree, Mapping) else None
    records = own.get(_RECORDS) if isinstance(own, Mapping) else None
    if not isinstance(records, Mapping):
        return {}
    return {str(name): record for name, record in records.items() if isinstance(record, Mapping)}


def _side(record: Mapping[str, Any]) -> int | None:
    """Return the shorter side of training's images, which the last transform that resizes or crops sets."""
    transforms = record.get("transforms")
    for transform in reversed(transforms if isinstance(transforms, list) else []):
        size = transform.get("size") if isinstance(transform, Mapping) else None
        sides = size if isinstance(size, list | tuple) else [size]
        if sides and all(isinstance(side, int) and side > 0 for side in sides):
            return min(sides)
    return None
