"""Inferring a network's architecture from the names and shapes of its arrays (in PaddleGAN's naming)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import WeightsError

_DEFAULT_BLUR = (1.0, 3.0, 3.0, 1.0)


@dataclass(frozen=True)
class Architecture:
    """The architecture of a StyleGAN2 generator.

    Attributes:
        size: side of its images.
        style_dim: length of w.
        n_mlp: layers of the mapping network.
        channels: resolution -> channels, 4 to ``size``.
        is_concat: noise is concatenated (GPEN).
        blur_kernel: taps of its resampling filters, scaled so that the smallest is 1.
    """

    size: int
    style_dim: int
    n_mlp: int
    channels: Mapping[int, int]
    is_concat: bool = False
    blur_kernel: tuple[float, ...] = _DEFAULT_BLUR

    @property
    def n_latent(self) -> int:
        """Rows of a w_plus code."""
        return 2 * (self.size.bit_length() - 1) - 2

    def arguments(self) -> dict[str, Any]:
        """Return the keyword arguments that build this generator.

        Raises:
            WeightsError: its channels follow neither law of :func:`channel_law`.
        """
        extra: dict[str, Any] = {"is_concat": True} if self.is_concat else {}
        if self.blur_kernel != _DEFAULT_BLUR:
            extra["blur_kernel"] = self.blur_kernel
        basics = {"size": self.size, "style_dim": self.style_dim, "n_mlp": self.n_mlp}
        return {**basics, **channel_law(self.channels), **extra}

    def flags(self) -> str:
        """Return the command-line flags that describe it."""
        law = channel_law(self.channels)
        multiplier = f" --channel_multiplier {law['channel_multiplier']:g}" if "channel_multiplier" in law else ""
        return f"--size {self.size}{multiplier} --style_dim {self.style_dim} --n_mlp {self.n_mlp}"

    def __str__(self) -> str:
        law = ", ".join(f"{key} {value:g}" for key, value in channel_law(self.channels).items())
        return f"{self.size} px, {law}, style_dim {self.style_dim}, n_mlp {self.n_mlp}".replace("_", " ")


def generator_architecture(state: Mapping[str, npt.NDArray], where: object) -> Architecture:
    """Infer the architecture of a generator from its state.

    Args:
        state: name -> array.
        where: the file, for messages.

    Raises:
        WeightsError: an array that determines the architecture is missing.
    """
    try:
        num_blocks = _count(state, r"to_rgbs\.(\d+)\.bias")
        channels = {4: _side(state, "input.input", 1)}
        for block in range(num_blocks):
            channels[8 << block] = _side(state, f"convs.{2 * block + 1}.conv.weight", 1)
        first = _side(state, "conv1.conv.weight", 1)
        return Architecture(
            size=4 << num_blocks,
            style_dim=_side(state, "conv1.conv.modulation.weight", 0),
            n_mlp=len([name for name in state if re.fullmatch(r"style\.\d{1,3}\.weight", name)]),
            channels=channels,
            is_concat=_side(state, "conv1.activate.bias", 0) == 2 * first,
            blur_kernel=_taps(state.get("to_rgbs.0.upsample.kernel")),
        )
    except (KeyError, IndexError) as error:
        what = f"contains no complete StyleGAN2 generator ({_reason(error)})"
        raise WeightsError(what, where=where, cure="Give a complete checkpoint") from error


def channel_law(channels: Mapping[int, int]) -> dict[str, Any]:
    """Return the arguments with which ``networks.sizes.channel_table`` yields these channels.

    Args:
        channels: resolution -> number of channels.

    Returns:
        ``{"channel_multiplier": m}`` (config F: 512 up to 32 px, then 16384 m / resolution), or ``channel_base`` and
        ``channel_cap`` for ``min(base // resolution, cap)``.

    Raises:
        WeightsError: neither law fits.
    """
    wide = {res: count for res, count in channels.items() if res > 32}
    if all(channels[res] == 512 for res in channels if res <= 32):
        multiplier = next((count * res / 16384 for res, count in wide.items()), 2.0)
        if all(int(16384 // res * multiplier) == count for res, count in wide.items()):
            return {"channel_multiplier": int(multiplier) if multiplier == int(multiplier) else multiplier}
    cap = max(channels.values())
    low = _channel_base(channels)
    high = min((count * res + res - 1 for res, count in channels.items() if count < cap), default=low)
    if low > high:
        cure = "Only channels of config F, or of a base and a cap, are supported"
        raise WeightsError(f"channels {dict(channels)} follow no known law", cure=cure)
    return {"channel_base": low, "channel_cap": cap}


def discriminator_arguments(state: Mapping[str, npt.NDArray], where: object) -> dict[str, Any]:
    """Return the keyword arguments of the StyleGANv2Discriminator that a state belongs to.

    Args:
        state: name -> array.
        where: the file, for messages.

    Raises:
        WeightsError: an array that determines the architecture is missing.
    """
    size, channels = _trunk(state, where)
    return {"size": size, **channel_law(channels)}


def encoder_arguments(state: Mapping[str, npt.NDArray], style_dim: int, where: object) -> tuple[str, dict[str, Any]]:
    """Return the name and keyword arguments of the encoder network that a state belongs to.

    Args:
        state: name -> array.
        style_dim: of the generator it belongs to.
        where: the file, for messages.

    Returns:
        A key of ``networks.NETWORKS`` and the arguments, without ``size`` if the state does not determine it (an
        encoder to a single w).

    Raises:
        WeightsError: the state belongs to none of the known encoders.
    """
    try:
        if "heads.0.0.weight" in state:
            size, channels = _trunk(state, where)
            rows = [_side(state, f"heads.{index}.1.weight", 1) // style_dim for index in range(2)]
            law = {"channel_base": _channel_base(channels), "channel_cap": max(channels.values())}
            return "LightEncoder", {"size": size, **law, "style_dim": style_dim, "coarse": rows[0], "middle": rows[1]}
        common = {"input_nc": _side(state, "input_layer.0.weight", 1), "style_dim": style_dim}
        if "styles.0.linear.weight" in state:
            return "PSPEncoder", {"size": _size_for(_count(state, r"styles\.(\d+)\.linear\.weight")), **common}
        num_rows = _side(state, "linear.weight", 1) // style_dim
        if "output_layer_2.3.weight" in state:
            return "BackboneEncoderUsingLastLayerIntoWPlus", {"size": _size_for(num_rows), **common}
        return "BackboneEncoderUsingLastLayerIntoW", common
    except (KeyError, IndexError) as error:
        what = f"contains no complete encoder ({_reason(error)})"
        raise WeightsError(what, where=where, cure="Give a complete checkpoint") from error


def arcface_width(state: Mapping[str, npt.NDArray]) -> int:
    """Return the first width of the ArcFace network that a state belongs to, or the published one if it is unclear."""
    first = state.get("input_layer.0.weight", np.zeros(0))
    return int(first.shape[0]) if first.size and first.shape[0] % 16 == 0 else 64


def _channel_base(channels: Mapping[int, int]) -> int:
    """Return the base of ``min(base // resolution, cap)``; if all channels equal the cap, the smallest possible one."""
    return max(count * res for res, count in channels.items())


def _trunk(state: Mapping[str, npt.NDArray], where: object) -> tuple[int, dict[int, int]]:
    """Return the size and the channels of a residual trunk, from the image down to 4 pixels."""
    try:
        num_blocks = max(_count(state, r"convs\.(\d+)\.conv1\.0\.weight") - 1, 1)
        size = 4 << num_blocks
        channels = {size: _side(state, "convs.0.0.weight", 0)}
        for block in range(1, num_blocks + 1):
            channels[size >> block] = _side(state, f"convs.{block}.conv2.1.weight", 0)
        return size, channels
    except (KeyError, IndexError) as error:
        what = f"contains no complete residual trunk ({_reason(error)})"
        raise WeightsError(what, where=where, cure="Give a complete checkpoint") from error


def _reason(error: KeyError | IndexError) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else "an array has too few axes or elements"


def _side(state: Mapping[str, npt.NDArray], name: str, axis: int) -> int:
    """Return the length of an array's axis; an array without elements could state any length and is refused."""
    array = state[name]
    if not array.size:
        raise IndexError(f"{name} has no elements")
    return int(array.shape[axis])


def _count(state: Mapping[str, npt.NDArray], pattern: str) -> int:
    """Return one more than the highest number in the names that match the pattern; no network has a thousand."""
    numbers = [int(match[1]) for name in state if (match := re.fullmatch(pattern, name)) and len(match[1]) <= 3]
    return max(numbers) + 1 if numbers else 0


def _size_for(n_latent: int) -> int:
    return 2 ** (n_latent // 2 + 1)


def _taps(kernel: npt.NDArray | None) -> tuple[float, ...]:
    """Return the taps, smallest 1, whose outer product the kernel is, up to a factor; config F's if there are none."""
    if kernel is None or kernel.ndim != 2 or not np.asarray(kernel).any():
        return _DEFAULT_BLUR
    row = np.asarray(kernel, np.float64).sum(axis=0)
    outer = np.outer(row, row) / row.sum()
    if not np.allclose(kernel, outer, rtol=1e-3) or not row.all():
        return _DEFAULT_BLUR
    return tuple(round(float(tap), 3) for tap in row / np.abs(row).min())
