"""Small image-to-image checkpoints of real networks, as training writes them."""

from __future__ import annotations

from pathlib import Path

from ppgan_ext.networks.network_table import build
from ppgan_ext.weights import readers
from tests.reference.toy import fill

SIZE = 32  # pixels of its training images
CARTOON = {"name": "ResnetUGATITP2CGenerator", "ngf": 4}
RESNET = {"name": "ResnetGenerator", "input_nc": 3, "output_nc": 3, "ngf": 4, "n_blocks": 1}
UNET = {"name": "UnetGenerator", "input_nc": 3, "output_nc": 3, "num_downs": 6, "ngf": 4, "use_dropout": True}


def state_of(block):
    network = build(block)
    fill(network)
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def write_translators(path: Path, blocks: dict[str, dict]) -> Path:
    """Write a checkpoint of networks, name -> block, with the record that training leaves of its translators."""
    directions = {"netG_A": "a2b", "netG_B": "b2a", "genA2B": "a2b", "genB2A": "b2a", "netG": "a2b"}
    records = {
        name: {
            "direction": directions[name],
            "network": block,
            "transforms": [{"name": "Resize", "size": [SIZE, SIZE]}],
        }
        for name, block in blocks.items()
    }
    states = {name: state_of(block) for name, block in blocks.items()}
    readers.write(path, {**states, "ppgan_ext": {"format": 1, "translators": records}})
    return path
