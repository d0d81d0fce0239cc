"""From a checkpoint's arrays to functions that build the networks they belong to."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ppgan_ext import runtime, seeding
from ppgan_ext.errors import WeightsError
from ppgan_ext.weights import architecture
from ppgan_ext.weights.architecture import Architecture
from ppgan_ext.weights.rename import State

if TYPE_CHECKING:
    from ppgan_ext.weights.recognise import Checkpoint

NOISE_SEED = 0
# encoder_type in a checkpoint's options -> the network that has the same arrays.
_E4E_OF = {"Encoder4Editing": "PSPEncoder", "LightEncoder4Editing": "LightEncoder"}


def network_builders(checkpoint: Checkpoint, where: object) -> dict[str, Callable[[], Any]]:
    """Return part -> a function that builds its network, with the architecture inferred from the arrays.

    If a generator's file lacks fixed noise, as early PyTorch files do, it is added to ``checkpoint.parts``.

    Raises:
        WeightsError: the architecture is not one of the package's, or the parts do not belong together.
    """
    runtime.import_paddle()
    from ppgan_ext import networks

    result: dict[str, Callable[[], Any]] = {}
    parts, shape = checkpoint.parts, None
    if "generator" in parts:
        shape = architecture.generator_architecture(parts["generator"], where)
        if not any(name.startswith("noises.") for name in parts["generator"]):
            parts["generator"] = parts["generator"] | _seeded_noise(shape)
        result["generator"] = _builder("StyleGANv2Generator", shape.arguments(), "is_concat")
    if "encoder" in parts:
        style_dim = 512 if shape is None else shape.style_dim
        name, arguments = architecture.encoder_arguments(parts["encoder"], style_dim, where)
        size = arguments.setdefault("size", 1024 if shape is None else shape.size)
        if shape is not None and size != shape.size:
            cure = "Give a checkpoint whose encoder and generator were trained together"
            raise WeightsError(f"its encoder is for {size} px, its generator for {shape.size}", where=where, cure=cure)
        # e4e's arrays have the names of the plain encoder's, so only the options distinguish them.
        if _E4E_OF.get(str(checkpoint.options.get("encoder_type"))) == name:
            arguments["code"] = "e4e"
        result["encoder"] = _builder(name, arguments, "size", "style_dim", "input_nc")
    if "discriminator" in parts:
        arguments = architecture.discriminator_arguments(parts["discriminator"], where)
        result["discriminator"] = _builder("StyleGANv2Discriminator", arguments)
    if "identity" in parts:
        result["identity"] = functools.partial(networks.ArcFaceBackbone, architecture.arcface_width(parts["identity"]))
    return result


def _builder(name: str, arguments: Mapping[str, Any], *context: str) -> Callable[[], Any]:
    """Return a function that builds a network of the table; ``context`` names arguments outside of its block."""
    from ppgan_ext import networks

    block = {"name": name, **{key: value for key, value in arguments.items() if key not in context}}
    return functools.partial(networks.build, block, **{key: arguments[key] for key in context if key in arguments})


def build_lazily(build: Callable[[], Any]) -> Any:
    """Build a network with empty parameters, without initialising them or changing the random state."""
    import paddle

    state = seeding.save_state()
    try:
        with paddle.LazyGuard():
            return build()
    finally:
        seeding.restore_state(state)


def _seeded_noise(shape: Architecture) -> State:
    """Return fixed noise that is the same at every load."""
    rng = seeding.generator(NOISE_SEED)
    sides = [2 ** ((index + 5) // 2) for index in range(shape.n_latent - 1)]
    return {
        f"noises.noise_{index}": rng.standard_normal((1, 1, side, side), np.float32) for index, side in enumerate(sides)
    }
