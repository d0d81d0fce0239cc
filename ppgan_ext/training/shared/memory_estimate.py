"""How much memory training needs, told before the first step: counted from the networks and from one forward pass.

What a CPU needs beyond that was measured for CycleGAN, U-GAT-IT and pix2pix; docs/gans.md tells how well it fits.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from typing import Any

import paddle
from paddle import nn

from ppgan_ext.machine import free_memory
from ppgan_ext.nn.forms import Form
from ppgan_ext.training.log import memory_mb
from ppgan_ext.training.shared.evaluation import evaluating

_BYTES = 4  # of a float32
_COPIES = 4  # of a trained weight: itself, its gradient, Adam's two moments
# Further copies of a convolution's weight on a CPU: oneDNN arranges it anew for the output and for both gradients.
_PREPARED = 4
# Freed features stay with the program, and their gaps do not always fit what comes next (`runtime.MALLOC_SETTINGS`).
_GAPS = 1.65
_RUN = 40e6  # what pictures, log and checkpoints add to the program
_GB, _MB = 1e9, 1e6
_PAUSE, _SETTLED, _MOST_LOOKS = 0.01, 4, 100  # seconds between looks at the allocated bytes, equal ones, and all


def weight_bytes(network: nn.Layer, on_cpu: bool = False) -> int:
    """Return the bytes of a network's trained weights with their gradients and the state of Adam.

    Args:
        network: the network.
        on_cpu: add what a CPU keeps of the weights of convolutions.
    """
    trained = [parameter for parameter in network.parameters() if not parameter.stop_gradient]
    convolved = sum(int(parameter.size) for parameter in trained if parameter.ndim == 4) if on_cpu else 0
    return _BYTES * (_COPIES * sum(int(parameter.size) for parameter in trained) + _PREPARED * convolved)


def feature_bytes(network: nn.Layer, images: paddle.Tensor, form: Form) -> int:
    """Return the bytes that one forward pass on images (1, C, H, W) keeps for its backward pass; it is run for that."""
    before = settled_bytes(images)
    with evaluating(network), paddle.enable_grad():
        results = network(images, form=form)
    kept = settled_bytes(images) - before
    del results
    return max(kept, 0)


def settled_bytes(like: paddle.Tensor) -> int:
    """Return `allocated_bytes` when a thread of Paddle's has freed what programs no longer need."""
    gc.collect()
    seen = [allocated_bytes(like)]
    while len(seen) < _MOST_LOOKS and seen[-_SETTLED:] != [seen[-1]] * _SETTLED:
        time.sleep(_PAUSE)
        seen.append(allocated_bytes(like))
    return seen[-1]


def allocated_bytes(like: paddle.Tensor) -> int:
    """Return the bytes of all tensors that exist on the device of a tensor."""
    if like.place.is_cpu_place():
        return int(paddle.base.core.host_memory_stat_current_value("Allocated", 0))
    return int(paddle.device.cuda.memory_allocated())


def describe_memory(
    networks: Mapping[str, nn.Layer],
    images: Mapping[str, paddle.Tensor],
    passes: Mapping[str, int],
    batch_size: int,
    form: Form,
    cure: str = "",
) -> str:
    """Return a note on the memory that training needs, and how to need less where the device has less.

    Args:
        networks: the networks that learn, by name.
        images: network -> an image as it sees them, (1, C, H, W).
        passes: network -> its forward passes whose features are kept at the same time.
        batch_size: images in a shard.
        form: the form that is trained.
        cure: how to need less.
    """
    first = next(iter(images.values()))
    on_cpu = first.place.is_cpu_place()
    program = max(memory_mb() * 2**20 - allocated_bytes(first), 0.0) + _RUN if on_cpu else 0.0
    weights = sum(weight_bytes(network, on_cpu) for network in networks.values())
    measured: dict[tuple[Any, ...], int] = {}
    features = 0.0
    for name, network in networks.items():
        # Networks of one architecture keep the same.
        key = (type(network), weight_bytes(network), tuple(images[name].shape))
        if key not in measured:
            measured[key] = feature_bytes(network, images[name], form)
        features += passes[name] * batch_size * measured[key]
    features *= _GAPS if on_cpu else 1
    height, width = first.shape[2:]
    count = "1 image" if batch_size == 1 else f"{batch_size} images"
    needed, left = program + weights + features, _device_bytes(first)
    short = left is not None and needed > left
    return (
        f"memory: about {_shown(needed)}: {_shown(weights)} for weights, gradients and "
        f"optimisers, {_shown(features)} for the features of {count} of {width}x{height}"
        + (f", {_shown(program)} for the program" if on_cpu else "")
        + (f". There are {_shown(left or 0)}. {cure}" if short else "")
    )


def _device_bytes(like: paddle.Tensor) -> float | None:
    """Return what this process can have of the memory of a tensor's device, what it has included; None: unknown."""
    if like.place.is_cpu_place():
        free = free_memory()
        return None if free is None else free + memory_mb() * 2**20
    return float(paddle.device.cuda.get_device_properties().total_memory)


def _shown(num_bytes: float) -> str:
    if num_bytes >= _GB:
        return f"{num_bytes / _GB:.1f} GB"
    return f"{num_bytes / _MB:.0f} MB" if num_bytes >= _MB * 10 else f"{num_bytes / _MB:.1f} MB"
