"""Converting a checkpoint of any known layout and format to a file that this package and PaddleGAN can load."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.untrusted import door
from ppgan_ext.weights import readers
from ppgan_ext.weights.load import read_checkpoint
from ppgan_ext.weights.network_builders import build_lazily, network_builders
from ppgan_ext.weights.recognise import Checkpoint
from ppgan_ext.weights.rename import State, check_match, check_numbers

DTYPES = ("float16", "float32")
_CURE = "Give a complete checkpoint of one of the known layouts"
# pSp's prefixes, which PaddleGAN expects.
_PSP_PREFIX = {"encoder": "encoder.", "generator": "decoder."}


@dataclass(frozen=True)
class Report:
    """The result of a conversion.

    Attributes:
        source: the recognised format and layout.
        written: part -> number of arrays.
        num_values: number of elements in all arrays.
        left_out: entries of the source that are not in the output.
        output: the written file.
        names: part -> the name of its network in the source, if it had another.
    """

    source: str
    written: Mapping[str, int]
    num_values: int
    left_out: tuple[str, ...]
    output: Path
    names: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = ", ".join(f"{self._origin(part)} ({count} arrays)" for part, count in self.written.items())
        left = f"; left out: {', '.join(self.left_out)}" if self.left_out else ""
        return f"recognised: {self.source}\nwritten: {parts}, {self.num_values:,} numbers, to {self.output}{left}"

    def _origin(self, part: str) -> str:
        """Return a part with the network that it was, such as an average that is written in its network's place."""
        return f"{part} from {self.names[part]}" if part in self.names else part


def convert(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    net_name: str | None = None,
    dtype: str | None = None,
) -> Report:
    """Convert a checkpoint; the names in the source must match its networks exactly.

    Args:
        source: a file of any format and layout that :func:`ppgan_ext.weights.load.load_face_model` accepts.
        output: ``.pdparams`` or ``.safetensors``. A generator is written as PaddleGAN's flat state dict, with the
            source's ``latent_avg``, if any; networks of pix2pix, CycleGAN, U-GAT-IT, Photo2Cartoon and DCGAN under
            their names in the source, or flat if there is one without a name or it is selected; a pSp model as
            PaddleGAN's ``encoder.*``, ``decoder.*``, ``latent_avg`` and ``opts`` (in the header of a
            ``.safetensors``); the package's own model keeps its layout.
        net_name: the network to select from a checkpoint of several; by default the averaged generator.
        dtype: store floating-point arrays as "float16" or "float32"; None keeps their types.

    Raises:
        ConfigError: the dtype or the suffix is unknown.
        WeightsError: the source cannot be read or recognised, does not fit its network, or contains NaN, infinite
            numbers, or numbers that are too large for the dtype.
        OutputError: the output cannot be written.
    """
    if dtype is not None and dtype not in DTYPES:
        raise ConfigError(f"unknown dtype '{dtype}'", where="dtype", cure=f"Choose from: {', '.join(DTYPES)}")
    path = Path(source)
    checkpoint, _ = read_checkpoint(path, net_name)
    if checkpoint.gan_networks:
        return _convert_gan_family(checkpoint, path, Path(output), net_name, dtype)
    with door(path, WeightsError, _CURE, what="contains no networks that can be built"):
        for part, build in network_builders(checkpoint, path).items():
            check_match(
                {name: array.shape for name, array in checkpoint.parts[part].items()},
                {name: tuple(tensor.shape) for name, tensor in build_lazily(build).state_dict().items()},
                path,
                unknown=checkpoint.unknown.get(part, ()),
                cure=_CURE,
            )
    state, options, written = _arranged(checkpoint)
    check_numbers(state, path)
    state = {name: _cast(name, array, dtype, path) for name, array in state.items()}
    _write(Path(output), state, options)
    left_out = [part for part in checkpoint.parts if part not in written] + checkpoint.ignored
    counts = {part: len(checkpoint.parts[part]) for part in written}
    num_values = sum(array.size for array in state.values())
    names = {part: checkpoint.names[part] for part in written if checkpoint.names.get(part, part) != part}
    layout = f"{readers.identify(path)}, {checkpoint.layout}"
    return Report(layout, counts, num_values, tuple(left_out), Path(output), names)


def _convert_gan_family(
    checkpoint: Checkpoint, path: Path, output: Path, net_name: str | None, dtype: str | None
) -> Report:
    """Write one network as a flat state dict, and several under their names, as PaddleGAN stores them."""
    states: dict[str, State] = {}
    for network in checkpoint.gan_networks:
        with door(path, WeightsError, _CURE, what="contains no networks that can be built"):
            _, state = network.completed(path)
        check_numbers(state, path)
        states[network.net_name] = {name: _cast(name, array, dtype, path) for name, array in state.items()}
    if output.suffix.lower() == ".safetensors":
        dots = {name: f"{name}." if len(states) > 1 else "" for name in states}
        flat = {f"{dots[name]}{key}": array for name, state in states.items() for key, array in state.items()}
        _write(output, flat, {})
    else:
        is_flat = len(states) == 1 and (net_name is not None or "" in states)
        readers.write(output, next(iter(states.values())) if is_flat else states)
    counts = {network.title: len(states[network.net_name]) for network in checkpoint.gan_networks}
    num_values = sum(array.size for state in states.values() for array in state.values())
    source = f"{readers.identify(path)}, {checkpoint.layout}"
    return Report(source, counts, num_values, tuple(checkpoint.ignored), output)


def _arranged(checkpoint: Checkpoint) -> tuple[State, dict[str, Any], list[str]]:
    """Return the flat arrays under the output's names, the options to store with them, and the written parts."""
    parts, mean = checkpoint.parts, checkpoint.latent_avg
    if "encoder" in parts and "generator" in parts and "input_layer.0.weight" in parts["encoder"]:
        written = ["encoder", "generator"]
        state = {f"{_PSP_PREFIX[part]}{name}": array for part in written for name, array in parts[part].items()}
        if mean is not None:
            state["latent_avg"] = mean[None]
        return state, _psp_options(checkpoint), written
    if "encoder" in parts and "generator" in parts:
        state = {f"{part}.{name}": array for part in parts for name, array in parts[part].items()}
        written = list(parts)
        options = {str(key): _plain(value) for key, value in checkpoint.options.items()}
    else:
        written = ["generator"] if "generator" in parts else [next(iter(parts))]
        state, options = dict(parts[written[0]]), {}
    if mean is not None and "generator" in written:
        state["latent_avg"] = mean
    return state, options, written


def _psp_options(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the options that PaddleGAN reads, and all others of the source, converted to plain values."""
    first = checkpoint.parts["encoder"]
    has_rows = "styles.0.linear.weight" in first
    flat = "BackboneEncoderUsingLastLayerIntoW" + ("Plus" if "output_layer_2.3.weight" in first else "")
    mean = checkpoint.latent_avg
    defaults = {
        "encoder_type": "GradualStyleEncoder" if has_rows else flat,
        "input_nc": int(first["input_layer.0.weight"].shape[1]),
        "start_from_latent_avg": mean is not None,
        "learn_in_w": mean is not None and mean.ndim == 1,
    }
    return defaults | {str(key): _plain(value) for key, value in checkpoint.options.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _cast(name: str, array: np.ndarray, dtype: str | None, path: Path) -> np.ndarray:
    if dtype is None or array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        cast = array.astype(dtype)
    if not np.isfinite(cast).all():
        raise WeightsError(f"{name} has numbers too large for {dtype}", where=path, cure="Keep float32")
    return cast


def _write(output: Path, state: State, options: dict[str, Any]) -> None:
    if output.suffix.lower() == ".safetensors":
        notes = {"format": "ppgan_ext"} | ({"opts": json.dumps(options)} if options else {})
        readers.write(output, state, notes)
    else:
        readers.write(output, {**state, "opts": options} if options else state)
