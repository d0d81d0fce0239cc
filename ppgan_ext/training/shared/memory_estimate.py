"""How much memory training needs, estimated from the networks before the first step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import paddle
from paddle import nn

from ppgan_ext.training.shared.evaluation import evaluating

_BYTES = 4  # of a float32
_COPIES = 4  # of a trained weight: itself, its gradient, Adam's two moments
_PREPARED = 2  # further copies of a convolution's weight on a CPU: arranged for oneDNN, forward and backward
_GB, _MB = 1e9, 1e6


def weight_bytes(network: nn.Layer, on_cpu: bool = False) -> int:
    """Return the bytes of a network's trained weights with their gradients and the state of Adam.

    Args:
        network: the network.
        on_cpu: add what a CPU keeps of the weights of convolutions.
    """
    trained = [parameter for parameter in network.parameters() if not parameter.stop_gradient]
    convolved = sum(int(parameter.size) for parameter in trained if parameter.ndim == 4) if on_cpu else 0
    return _BYTES * (_COPIES * sum(int(parameter.size) for parameter in trained) + _PREPARED * convolved)


@paddle.no_grad()
def feature_bytes(network: nn.Layer, images: paddle.Tensor) -> int:
    """Return the bytes of the features that one forward pass on images (1, C, H, W) keeps for its backward pass.

    These are the results of all layers; a convolution also keeps its input, which is the result of another.
    """
    sizes: list[int] = []

    def record(layer: Any, inputs: Any, output: Any) -> None:
        tensors = output if isinstance(output, tuple | list) else (output,)
        sizes.extend(int(tensor.size) for tensor in tensors)

    leaves = [layer for layer in network.sublayers() if not list(layer.children())]
    hooks = [layer.register_forward_post_hook(record) for layer in leaves]
    try:
        with evaluating(network):
            network(images)
    finally:
        for hook in hooks:
            hook.remove()
    return _BYTES * sum(sizes)


def describe_memory(
    networks: Mapping[str, nn.Layer],
    images: Mapping[str, paddle.Tensor],
    passes: Mapping[str, int],
    batch_size: int,
    on_cpu: bool,
) -> str:
    """Return a note on the memory that training needs.

    Args:
        networks: the networks that learn, by name.
        images: network -> an image as it sees them, (1, C, H, W).
        passes: network -> its forward passes whose features are kept at the same time.
        batch_size: images in a shard.
        on_cpu: whether the device is a CPU.
    """
    weights = sum(weight_bytes(network, on_cpu) for network in networks.values())
    measured: dict[tuple[Any, ...], int] = {}
    features = 0
    for name, network in networks.items():
        # Networks of one architecture keep the same.
        key = (type(network), weight_bytes(network), tuple(images[name].shape))
        if key not in measured:
            measured[key] = feature_bytes(network, images[name])
        features += passes[name] * batch_size * measured[key]
    height, width = next(iter(images.values())).shape[2:]
    count = "1 image" if batch_size == 1 else f"{batch_size} images"
    return (
        f"memory: about {_shown(weights)} for weights, gradients and optimisers, and {_shown(features)} for the "
        f"features of {count} of {width}x{height}"
    )


def _shown(num_bytes: int) -> str:
    return f"{num_bytes / _GB:.1f} GB" if num_bytes >= _GB / 10 else f"{num_bytes / _MB:.1f} MB"
