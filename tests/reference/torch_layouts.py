"""Checkpoints as PyTorch projects lay them out, built backwards from a Paddle network's state (NumPy only)."""

from __future__ import annotations

import re

import numpy as np

# 2-D weights of fully connected layers, which PyTorch stores (out, in).
_LINEAR = re.compile(
    r"(style\.\d+|.*\.modulation|final_linear\.\d+|styles\.\d+\.linear|linear|output_layer(?:_2)?\.3)\.weight"
)
_KERNEL = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32)


def generator(state):
    """rosinality's Generator: linear weights turned, the filter of every up-sampling convolution stored."""
    torch_state = {name: _turned(name, array) for name, array in state.items()}
    for name in list(torch_state):
        match = re.fullmatch(r"convs\.(\d+)\.conv\.weight", name)
        if match and int(match.group(1)) % 2 == 0:
            torch_state[f"convs.{match.group(1)}.conv.blur.kernel"] = _KERNEL / 16
    return torch_state


def discriminator(state):
    """rosinality's Discriminator: linear weights turned, two filters per block stored."""
    torch_state = {name: _turned(name, array) for name, array in state.items()}
    for block in {name.split(".")[1] for name in state if ".skip." in name}:
        torch_state[f"convs.{block}.conv2.0.kernel"] = _KERNEL / 64
        torch_state[f"convs.{block}.skip.0.kernel"] = _KERNEL / 64
    return torch_state


def encoder(state):
    """pSp's encoders: linear weights turned, batch normalisation and PReLU under PyTorch's names, counters stored."""
    torch_state = {}
    for name, array in state.items():
        if name.endswith("._mean"):
            torch_state[name.replace("._mean", ".num_batches_tracked")] = np.array(7, np.int64)
        torch_name = name.replace("._mean", ".running_mean").replace("._variance", ".running_var")
        torch_state[torch_name.replace("._weight", ".weight")] = _turned(name, array)
    return torch_state


def identity(state):
    """InsightFace_Pytorch's IR-SE-50: what was said of pSp's encoders holds here."""
    return encoder(state)


def psp(encoder_state, decoder_state, latent_avg, options):
    """The checkpoint that pSp's and e4e's training writes."""
    state = {f"encoder.{name}": array for name, array in encoder(encoder_state).items()}
    state |= {f"decoder.{name}": array for name, array in generator(decoder_state).items()}
    tree = {"state_dict": state, "opts": options}
    return tree if latent_avg is None else tree | {"latent_avg": latent_avg}


def _turned(name, array):
    return np.ascontiguousarray(array.T) if _LINEAR.fullmatch(name) else array
