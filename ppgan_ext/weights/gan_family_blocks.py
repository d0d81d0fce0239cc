"""From the arrays of a network of the GAN family to its block: its name in the table and its arguments.

What leaves no trace in the arrays is not in the block: dropout of a U-Net, the size of a light U-GAT-IT.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]
Block = dict[str, Any]


def block_of(state: Arrays) -> Block | None:
    """Return the block of the network that arrays belong to, None if it is none of the family.

    Args:
        state: name -> array, under PaddleGAN's names; without the constants of instance normalisation if they come
            from PyTorch.
    """
    for marks, describe in _KINDS:
        if all(_has(state, mark) for mark in marks):
            return describe(state)
    return None


def _has(state: Arrays, mark: str) -> bool:
    return mark in state and state[mark].size > 0


def _shape(state: Arrays, name: str, axis: int) -> int:
    return int(state[name].shape[axis])


def _numbers(state: Arrays, pattern: str) -> list[int]:
    """Return the sorted numbers in the names that match a pattern; no network has a thousand layers."""
    found = {int(match[1]) for name in state if (match := re.fullmatch(pattern, name)) and len(match[1]) <= 3}
    return sorted(found)


def _norm(state: Arrays, layer: str, conv_bias: str) -> str:
    """Return the kind of a normalisation layer; of PyTorch's instance normalisation only the bias before it tells."""
    if f"{layer}.scale" in state:
        return "instance"
    if f"{layer}.weight" in state or f"{layer}._mean" in state:
        return "batch"
    return "instance" if conv_bias in state else "none"


def _resnet(state: Arrays) -> Block:
    last = max(_numbers(state, r"model\.(\d+)\.weight"))
    blocks = _numbers(state, r"model\.(\d+)\.conv_block\.\d+\.weight")
    inside = f"model.{blocks[0]}.conv_block"
    convs = [n for n in _numbers(state, rf"{inside}\.(\d+)\.weight") if state[f"{inside}.{n}.weight"].ndim == 4]
    ngf = _shape(state, "model.1.weight", 0)
    up = state[f"model.{blocks[-1] + 1}.weight"]
    return {
        "name": "ResnetGenerator",
        "input_nc": _shape(state, "model.1.weight", 1),
        "output_nc": _shape(state, f"model.{last}.weight", 0),
        "ngf": ngf,
        "norm_type": _norm(state, "model.2", "model.1.bias"),
        "use_dropout": convs[1] - convs[0] == (4 if convs[0] == 0 else 5),
        "n_blocks": len(blocks),
        "padding_type": "zero" if convs[0] == 0 else "reflect",
        "upsample": "transposed" if up.shape[0] == 4 * ngf else "resize",
    }


def _unet(state: Arrays) -> Block:
    prefix, num_downs = "model.model.1", 2
    while f"{prefix}.model.3.model.1.weight" in state:
        prefix, num_downs = f"{prefix}.model.3", num_downs + 1
    last = state["model.model.3.weight"]
    transposed = last.shape[2] == 4
    return {
        "name": "UnetGenerator",
        "input_nc": _shape(state, "model.model.0.weight", 1),
        "output_nc": int(last.shape[1 if transposed else 0]),
        "num_downs": num_downs,
        "ngf": _shape(state, "model.model.0.weight", 0),
        "norm_type": _norm(state, "model.model.1.model.2", "model.model.0.bias"),
        "upsample": "transposed" if transposed else "resize",
    }


def _ugatit(state: Arrays) -> Block:
    ngf = _shape(state, "DownBlock.1.weight", 0)
    last = max(_numbers(state, r"UpBlock2\.(\d+)\.weight"))
    return {
        "name": "ResnetUGATITGenerator",
        "input_nc": _shape(state, "DownBlock.1.weight", 1),
        "output_nc": _shape(state, f"UpBlock2.{last}.weight", 0),
        "ngf": ngf,
        "n_blocks": len(_numbers(state, r"UpBlock1_(\d+)\.conv1\.weight")),
        **_style(state, 4 * ngf),
        "norm_type": _norm(state, "DownBlock.2", "DownBlock.1.bias"),
    }


def _cartoon(state: Arrays) -> Block:
    ngf = _shape(state, "DownBlock.1.weight", 0)
    last = max(_numbers(state, r"UpBlock\.(\d+)\.weight"))
    return {
        "name": "ResnetUGATITP2CGenerator",
        "input_nc": _shape(state, "DownBlock.1.weight", 1),
        "output_nc": _shape(state, f"UpBlock.{last}.weight", 0),
        "ngf": ngf,
        "n_blocks": len(_numbers(state, r"DecodeBlock(\d+)\.conv1\.weight")),
        **_style(state, 4 * ngf),
        "linear_bias": "gap_fc.bias" in state,
    }


def _style(state: Arrays, width: int) -> Block:
    """Tell a light generator from a full one, whose first layer reads all features of its only size."""
    num_inputs = _shape(state, "FC.0.weight", 0)
    if num_inputs == width:
        return {"light": True}
    return {"light": False, "img_size": 4 * math.isqrt(num_inputs // width)}


def _ugatit_critic(state: Arrays) -> Block:
    return {
        "name": "UGATITDiscriminator",
        "input_nc": _shape(state, "model.1.weight_orig", 1),
        "ndf": _shape(state, "model.1.weight_orig", 0),
        "n_layers": len(_numbers(state, r"model\.(\d+)\.weight_orig")) + 1,
    }


def _spectral_patches(state: Arrays) -> Block:
    return {
        "name": "NLayerDiscriminator",
        "input_nc": _shape(state, "model.0.weight_orig", 1),
        "ndf": _shape(state, "model.0.weight_orig", 0),
        "n_layers": len(_numbers(state, r"model\.(\d+)\.weight_orig")) - 2,
        "norm_type": "spectral",
    }


def _patches(state: Arrays) -> Block:
    """Tell PatchGAN from DCGAN's discriminator: with instance normalisation, only the former has biases before it."""
    convs = [n for n in _numbers(state, r"model\.(\d+)\.weight") if state[f"model.{n}.weight"].ndim == 4]
    sizes = {"input_nc": _shape(state, "model.0.weight", 1), "ndf": _shape(state, "model.0.weight", 0)}
    norm = _norm(state, f"model.{convs[1] + 1}", f"model.{convs[1]}.bias")
    middle_bias = f"model.{convs[1]}.bias" in state
    if (norm == "batch" and middle_bias) or (norm == "instance" and not middle_bias):
        return {"name": "DCDiscriminator", **sizes, "norm_type": norm}
    first_bias = "model.0.bias" in state and norm != "instance"
    n_layers = len(convs) - 2
    return {"name": "NLayerDiscriminator", **sizes, "n_layers": n_layers, "norm_type": norm, "first_bias": first_bias}


def _dcgan(state: Arrays) -> Block:
    channels = _shape(state, "model.12.weight", 1)
    return {
        "name": "DCGenerator",
        "input_nz": _shape(state, "model.0.weight", 0),
        "input_nc": channels,
        "output_nc": channels,
        "ngf": _shape(state, "model.12.weight", 0),
        "norm_type": _norm(state, "model.1", "model.0.bias"),
    }


def _deep_conv(state: Arrays) -> Block:
    """Describe a plain generator; the classes of a conditional one count as part of z."""
    ngf = _shape(state, "conv_blocks.6.weight", 0)
    return {
        "name": "DeepConvGenerator",
        "latent_dim": _shape(state, "l1.0.weight", 0),
        "output_nc": _shape(state, "conv_blocks.9.weight", 0),
        "size": 4 * math.isqrt(_shape(state, "l1.0.weight", 1) // (2 * ngf)),
        "ngf": ngf,
    }


# Arrays that a network must have -> its block. The first row whose arrays are all there applies.
_KINDS: tuple[tuple[tuple[str, ...], Callable[[Arrays], Block]], ...] = (
    (("DownBlock.1.weight", "DecodeBlock1.norm1.w_gamma", "FC.0.weight", "UpBlock.13.weight"), _cartoon),
    (("DownBlock.1.weight", "UpBlock1_1.conv1.weight", "FC.0.weight", "UpBlock2.11.weight"), _ugatit),
    (("gap_fc.weight_orig", "model.1.weight_orig"), _ugatit_critic),
    (("model.0.weight_orig", "model.0.spectral_norm.weight_u"), _spectral_patches),
    (("model.model.0.weight", "model.model.3.weight", "model.model.1.model.1.weight"), _unet),
    (("model.1.weight", "model.10.conv_block.1.weight", "model.4.weight"), _resnet),
    (("model.1.weight", "model.10.conv_block.0.weight", "model.4.weight"), _resnet),
    (("l1.0.weight", "conv_blocks.6.weight", "conv_blocks.9.weight"), _deep_conv),
    (("model.0.weight", "model.2.weight", "model.5.weight"), _patches),
    (("model.0.weight", "model.3.weight", "model.6.weight", "model.9.weight", "model.12.weight"), _dcgan),
)
