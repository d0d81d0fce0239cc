"""Names of the PyTorch twins that the bundled model is trained with, turned into the package's names.

The twins export one array per parameter under PyTorch's names. Linear weights are transposed, (out, in) to (in, out);
modulated filters gain a leading axis; the up-sampling filter, which the twins do not store, is added.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from ppgan_ext.errors import ConfigError, WeightsError, nearest
from ppgan_ext.types import FloatArray

Part: TypeAlias = Literal["generator", "discriminator", "encoder"]
_Change: TypeAlias = Callable[[FloatArray], FloatArray]
_Rule: TypeAlias = tuple[str, str, _Change]


def _keep(array: FloatArray) -> FloatArray:
    return array


def _transpose(array: FloatArray) -> FloatArray:
    return array.T


def _lead(array: FloatArray) -> FloatArray:
    return array[None]


def _pixel_bias(array: FloatArray) -> FloatArray:
    return array.reshape(1, -1, 1, 1)


def _pixel_filter(array: FloatArray) -> FloatArray:
    return array[None, :, :, None, None]


def _later(group: int, shift: int, template: str) -> Callable[[re.Match[str]], str]:
    """Build a replacement in which a captured number is shifted."""

    def replace(match: re.Match[str]) -> str:
        groups = list(match.groups())
        groups[group] = str(int(groups[group]) + shift)
        return template.format(*groups)

    return replace


def _styled(source: str, target: str) -> list[_Rule]:
    return [
        (rf"{source}\.weight", f"{target}.conv.weight", _lead),
        (rf"{source}\.modulation\.weight", f"{target}.conv.modulation.weight", _transpose),
        (rf"{source}\.modulation\.bias", f"{target}.conv.modulation.bias", _keep),
        (rf"{source}\.noise_strength", f"{target}.noise.weight", _keep),
        (rf"{source}\.bias", f"{target}.activate.bias", _keep),
    ]


def _to_rgb(source: str, target: str) -> list[_Rule]:
    return [
        (rf"{source}\.weight", f"{target}.conv.weight", _pixel_filter),
        (rf"{source}\.modulation\.weight", f"{target}.conv.modulation.weight", _transpose),
        (rf"{source}\.modulation\.bias", f"{target}.conv.modulation.bias", _keep),
        (rf"{source}\.bias", f"{target}.bias", _pixel_bias),
    ]
