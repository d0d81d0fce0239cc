"""Renaming the arrays of the PyTorch twins, with which the bundled model is trained, to the package's names.

The twins export one array per parameter under PyTorch's names. Linear weights are transposed from (out, in) to
(in, out), modulated filters gain a leading axis, and the up-sampling filter, which the twins do not store, is added.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from ppgan_ext.errors import ConfigError, WeightsError, nearest
from ppgan_ext.types import FloatArray

Part: TypeAlias = Literal["generator", "discriminator", "encoder"]


def _keep(array: FloatArray) -> FloatArray:
    return array


def _transpose(array: FloatArray) -> FloatArray:
    return array.T


def _lead(array: FloatArray) -> FloatArray:
    return array[None]


class _Rule(NamedTuple):
    """One row of a table; ``#`` stands for a number, which in the target is larger by ``shift``."""

    source: str
    target: str
    change: Callable[[FloatArray], FloatArray] = _keep
    shift: int = 0


def _linear(source: str, target: str, shift: int = 0) -> list[_Rule]:
    return [
        _Rule(f"{source}.weight", f"{target}.weight", _transpose, shift),
        _Rule(f"{source}.bias", f"{target}.bias", _keep, shift),
    ]


def _styled(source: str, target: str, shift: int = 0) -> list[_Rule]:
    return [
        _Rule(f"{source}.weight", f"{target}.conv.weight", _lead, shift),
        *_linear(f"{source}.modulation", f"{target}.conv.modulation", shift),
        _Rule(f"{source}.noise_strength", f"{target}.noise.weight", _keep, shift),
        _Rule(f"{source}.bias", f"{target}.activate.bias", _keep, shift),
    ]


def _to_rgb(source: str, target: str, shift: int = 0) -> list[_Rule]:
    return [
        _Rule(f"{source}.weight", f"{target}.conv.weight", lambda array: array[None, :, :, None, None], shift),
        *_linear(f"{source}.modulation", f"{target}.conv.modulation", shift),
        _Rule(f"{source}.bias", f"{target}.bias", lambda array: array.reshape(1, -1, 1, 1), shift),
    ]


_TRUNK = [
    _Rule("from_rgb.weight", "convs.0.0.weight"),
    _Rule("from_rgb.bias", "convs.0.1.bias"),
    _Rule("blocks.#.conv1.weight", "convs.#.conv1.0.weight", shift=1),
    _Rule("blocks.#.conv1.bias", "convs.#.conv1.1.bias", shift=1),
    _Rule("blocks.#.conv2.weight", "convs.#.conv2.1.weight", shift=1),
    _Rule("blocks.#.conv2.bias", "convs.#.conv2.2.bias", shift=1),
    _Rule("blocks.#.skip.weight", "convs.#.skip.1.weight", shift=1),
]

# The first rule that matches a name applies.
TWIN_RULES: dict[str, list[_Rule]] = {
    "generator": [
        *_linear("mapping_layers.#", "style.#", shift=1),
        _Rule("const", "input.input"),
        *_styled("convs.0", "conv1"),
        *_styled("convs.#", "convs.#", shift=-1),
        *_to_rgb("rgbs.0", "to_rgb1"),
        *_to_rgb("rgbs.#", "to_rgbs.#", shift=-1),
        _Rule("noise_#", "noises.noise_#"),
        _Rule("w_avg", "w_avg"),
    ],
    "discriminator": [
        *_TRUNK,
        _Rule("final_conv.weight", "final_conv.0.weight"),
        _Rule("final_conv.bias", "final_conv.1.bias"),
        *_linear("final_linear.#", "final_linear.#"),
    ],
    "encoder": [
        *_TRUNK,
        *_linear("heads.0.#", "heads.0.#"),
        *_linear("heads.1.#", "heads.1.#"),
        *_linear("heads.2.#", "heads.2.#"),
    ],
}

_UP_FILTER = np.outer([1.0, 3.0, 3.0, 1.0], [1.0, 3.0, 3.0, 1.0]).astype(np.float32) / 16.0


def rename_twin(part: Part, state: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Rename and reshape the arrays of one twin.

    Args:
        part: "generator" (for ``StyleGANv2Generator``), "discriminator" (``StyleGANv2Discriminator``) or "encoder"
            (``LightEncoder``).
        state: PyTorch name -> array. Arrays without elements (the head of a level that has no styles) are left out.

    Returns:
        The package's name -> array, complete for strict loading. A generator's include ``w_avg`` if the twin's do;
        this is not part of the network's state: remove it and pass it to ``set_w_avg``.

    Raises:
        ConfigError: there is no such part.
        WeightsError: no rule matches some of the names; all of these are listed.
    """
    if part not in get_args(Part):
        raise ConfigError(f"unknown part {part!r}", where="part", cure=nearest(str(part), get_args(Part)))
    renamed: dict[str, FloatArray] = {}
    unknown = []
    for name, array in state.items():
        rule = _apply(TWIN_RULES[part], name)
        if rule is None:
            unknown.append(name)
        elif array.size:
            target, change = rule
            renamed[target] = np.ascontiguousarray(change(array))
    if unknown:
        cure = f"Give the arrays of a {part}"
        raise WeightsError(f"names that the {part} does not have: {', '.join(sorted(unknown))}", cure=cure)
    for name in [name for name in renamed if re.fullmatch(r"to_rgbs\.\d+\.bias", name)]:
        renamed[name.replace("bias", "upsample.kernel")] = _UP_FILTER.copy()
    return renamed


def _apply(rules: list[_Rule], name: str) -> tuple[str, Callable[[FloatArray], FloatArray]] | None:
    for rule in rules:
        match = re.fullmatch(re.escape(rule.source).replace(r"\#", r"(\d+)"), name)
        if match:
            number = str(int(match.group(1)) + rule.shift) if match.groups() else ""
            return rule.target.replace("#", number), rule.change
    return None
