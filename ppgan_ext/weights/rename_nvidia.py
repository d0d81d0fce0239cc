"""Converting NVIDIA's StyleGAN2 networks (stylegan2-ada-pytorch, stylegan3) to the package's names and conventions.

The conventions differ, but the converted networks compute the same numbers:

* NVIDIA's fully connected layers store (out, in), the package's (in, out). Both scale weights by ``lr / sqrt(in)`` and
  biases by ``lr``. The package's mapping network has ``lr`` 0.01; another value is multiplied into weights and biases.
* NVIDIA does not scale modulated 3x3 weights by ``1 / sqrt(9 in)``, the package does. Demodulation cancels any constant
  (arXiv 1912.04958, Eq. 3), apart from its epsilon of 1e-8 next to a sum of thousands.
* NVIDIA's up-sampling convolution *omits* the flip that correlation needs, since a transposed correlation is a
  convolution. Its weights are those of the package's transposed convolution, unflipped.
* NVIDIA's noise images are (r, r), their strength has no axis, and the constant input has no batch axis.
* NVIDIA's filter that doubles the image sums to 1 and is scaled by 4 when used; the package stores it scaled.

Settings that the package's networks lack and that would change the images are refused, all of them in one error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import WeightsError
from ppgan_ext.weights.readers.nvidia_pkl import PickledNetwork
from ppgan_ext.weights.rename import State

LR_MAPPING = 0.01
# NVIDIA clamps activations at 256 so that float16 cannot overflow. The package's float32 cannot overflow, so this bound
# may be dropped; a network with a lower bound would change.
MIN_CLAMP = 256
MAX_SIZE = 1024
_CURE = "Only StyleGAN2's config F is supported: skip generator, residual discriminator, no labels"
_LAYERS = frozenset(
    "Generator MappingNetwork SynthesisNetwork SynthesisBlock SynthesisLayer ToRGBLayer Discriminator "
    "DiscriminatorBlock DiscriminatorEpilogue MinibatchStdLayer Conv2dLayer FullyConnectedLayer".split()
)
_DEFAULT_FILTER = np.outer([1.0, 3.0, 3.0, 1.0], [1.0, 3.0, 3.0, 1.0]) / 64.0

# Source name -> target name and the conversion of the array.
_Table: TypeAlias = dict[str, tuple[str, Callable[[npt.NDArray], npt.NDArray]]]


class Translated(NamedTuple):
    """A network under the package's names.

    Attributes:
        part: "generator" or "discriminator".
        state: name -> array.
        w_avg: (style_dim,) mean w of the training, if a generator has one; else None.
        unknown: names of arrays that no rule matches.
        notes: settings that are dropped because they have no visible effect.
    """

    part: str
    state: State
    w_avg: npt.NDArray | None
    unknown: list[str]
    notes: list[str]


def translate(network: PickledNetwork, where: object) -> Translated:
    """Translate a generator or discriminator.

    Args:
        network: from :func:`ppgan_ext.weights.readers.nvidia_pkl.read`.
        where: the file, for messages.

    Raises:
        WeightsError: the network is of another kind (StyleGAN3, a fork), or has settings that change its results and
            that the package's networks lack; all of them are listed.
    """
    _check_kind(network, where)
    try:
        if network.class_name == "Generator":
            return _generator(network, where)
        return _discriminator(network, where)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        what = f"contains no complete StyleGAN2 {network.class_name.lower()} ({type(error).__name__}: {error})"
        raise WeightsError(what, where=where, cure="Give a snapshot written by NVIDIA's training") from error


def _check_kind(network: PickledNetwork, where: object) -> None:
    kinds = {str(options["class_name"]) for options in network.layers.values()}
    if "SynthesisInput" in kinds:
        raise WeightsError("is a StyleGAN3 network (it has a SynthesisInput)", where=where, cure=_CURE)
    if network.class_name not in ("Generator", "Discriminator"):
        raise WeightsError(
            f"contains a {network.class_name[:60]}, which is not a supported network", where=where, cure=_CURE
        )
    if kinds - _LAYERS:
        named = ", ".join(sorted(kinds - _LAYERS)[:5])[:200]
        what = f"is not a StyleGAN2 network of NVIDIA's code (it has layers {named})"
        raise WeightsError(what, where=where, cure=_CURE)


def _generator(network: PickledNetwork, where: object) -> Translated:
    layers, arrays, root = network.layers, network.arrays, network.layers[""]
    resolutions = _resolutions(root["img_resolution"])
    # The block's own filter doubles the image; the filter of its first convolution doubles the features.
    taps = _common_filter(arrays, [name for res in resolutions[1:] for name in _up(res)])
    clamps = _clamps(layers)
    num_mapping = layers["mapping"]["num_layers"]
    if type(num_mapping) is not int or not 0 < num_mapping < len(layers):
        raise ValueError("wrong number of mapping layers")
    mapping = [f"mapping.fc{index}" for index in range(num_mapping)]
    widths = {side for name in mapping for side in arrays[f"{name}.weight"].shape}
    faults = [
        (root["c_dim"] != 0, f"labels of {root['c_dim']} classes"),
        (root["img_channels"] != 3, f"images of {root['img_channels']} channels"),
        (widths != {root["w_dim"]}, f"mapping layers of {_shown(widths)} numbers for w of {root['w_dim']}"),
        (root["z_dim"] != root["w_dim"], f"z of {root['z_dim']} numbers and w of {root['w_dim']}"),
        *_architecture_faults(layers, "SynthesisBlock", "skip"),
        *_activation_faults(layers, set(mapping), {"SynthesisLayer"}),
        (taps is None, "resampling filters that differ or are not separable"),
        *_clamp_faults(clamps),
    ]
    _refuse(faults, where)
    table: _Table = {"synthesis.b4.const": ("input.input", lambda array: array[None])}
    for index, source in enumerate(mapping):
        _add_linear(table, layers, source, f"style.{index + 1}", LR_MAPPING)
    for index, source in enumerate(_conv_names(resolutions)):
        target = "conv1" if index == 0 else f"convs.{index - 1}"
        _add_styled(table, layers, source, target, index)
    for index, res in enumerate(resolutions):
        _add_to_rgb(table, layers, f"synthesis.b{res}.torgb", "to_rgb1" if index == 0 else f"to_rgbs.{index - 1}")
    state, unknown = _apply(table, arrays, ignored={"mapping.w_avg"})
    for index, source in enumerate(_conv_names(resolutions)):
        if not layers[source]["use_noise"]:
            state |= _silent_noise(index)
    for index in range(len(resolutions) - 1):
        state[f"to_rgbs.{index}.upsample.kernel"] = (np.asarray(taps) * 4).astype(np.float32)
    return Translated("generator", state, arrays.get("mapping.w_avg"), unknown, _clamp_notes(clamps))


def _discriminator(network: PickledNetwork, where: object) -> Translated:
    layers, arrays, root = network.layers, network.arrays, network.layers[""]
    resolutions = _resolutions(root["img_resolution"])
    taps = _common_filter(arrays, [name for res in resolutions[1:] for name in _down(res)])
    clamps = _clamps(layers)
    deviation = layers.get("b4.mbstd", {"num_channels": 0})
    convs = {name for name, options in layers.items() if options["class_name"] == "Conv2dLayer" and "skip" not in name}
    faults = [
        (root["c_dim"] != 0, f"labels of {root['c_dim']} classes"),
        (root["img_channels"] != 3, f"images of {root['img_channels']} channels"),
        *_architecture_faults(layers, "DiscriminatorBlock", "resnet"),
        *_activation_faults(layers, convs | {"b4.fc"}, set()),
        (taps is None or taps.shape != (4, 4) or not np.allclose(taps, _DEFAULT_FILTER), "a filter other than 1 3 3 1"),
        (deviation["num_channels"] != 1, f"{deviation['num_channels']} channels of minibatch deviation"),
        *_clamp_faults(clamps),
    ]
    _refuse(faults, where)
    size = resolutions[-1]
    table: _Table = {}
    _add_conv(table, f"b{size}.fromrgb", "convs.0.0", "convs.0.1")
    for index, res in enumerate(reversed(resolutions[1:]), 1):
        _add_conv(table, f"b{res}.conv0", f"convs.{index}.conv1.0", f"convs.{index}.conv1.1")
        _add_conv(table, f"b{res}.conv1", f"convs.{index}.conv2.1", f"convs.{index}.conv2.2")
        _add_conv(table, f"b{res}.skip", f"convs.{index}.skip.1", None)
    _add_conv(table, "b4.conv", "final_conv.0", "final_conv.1")
    _add_linear(table, layers, "b4.fc", "final_linear.0", 1.0)
    _add_linear(table, layers, "b4.out", "final_linear.1", 1.0)
    state, unknown = _apply(table, arrays)
    notes = _clamp_notes(clamps)
    if deviation["group_size"] != 4:
        group = "the whole batch" if deviation["group_size"] is None else deviation["group_size"]
        notes.append(f"minibatch deviation over {group} images (here over 4)")
    return Translated("discriminator", state, None, unknown, notes)


# ---- unsupported settings


def _refuse(faults: Iterable[tuple[bool, str]], where: object) -> None:
    present = [what for is_wrong, what in faults if is_wrong]
    if present:
        what = f"has settings that the networks here do not support: {'; '.join(present)}"
        raise WeightsError(what, where=where, cure=_CURE)


def _architecture_faults(layers: Mapping[str, Any], kind: str, expected: str) -> list[tuple[bool, str]]:
    names = {options["architecture"] for options in layers.values() if options["class_name"] == kind}
    return [(names != {expected}, f"architecture {_shown(names)} instead of {expected}")]


def _activation_faults(layers: Mapping[str, Any], names: set[str], kinds: set[str]) -> list[tuple[bool, str]]:
    active = [options for name, options in layers.items() if name in names or options["class_name"] in kinds]
    odd = {options["activation"] for options in active} - {"lrelu"}
    return [(bool(odd), f"activation {_shown(odd)} instead of lrelu")]


def _clamps(layers: Mapping[str, Any]) -> list[float]:
    clamps = {options["conv_clamp"] for options in layers.values() if "conv_clamp" in options}
    return sorted(float(value) for value in clamps if value is not None)


def _clamp_faults(clamps: list[float]) -> list[tuple[bool, str]]:
    return [(not value >= MIN_CLAMP, f"activations clamped at {value:g}") for value in clamps]


def _clamp_notes(clamps: list[float]) -> list[str]:
    return [f"the clamping of activations at {value:g}" for value in clamps]


def _shown(values: Iterable[Any]) -> str:
    return ", ".join(sorted(str(value)[:40] for value in values))


def _resolutions(size: Any) -> list[int]:
    if type(size) is not int or not 8 <= size <= MAX_SIZE or size & (size - 1):
        raise ValueError("impossible image size")
    return [2**log for log in range(2, size.bit_length())]


def _up(res: int) -> tuple[str, str]:
    return f"synthesis.b{res}", f"synthesis.b{res}.conv0"


def _down(res: int) -> tuple[str, str]:
    return f"b{res}.conv1", f"b{res}.skip"


def _common_filter(arrays: Mapping[str, npt.NDArray], names: Iterable[str]) -> npt.NDArray | None:
    """Return the common filter of the layers, a matrix of sum 1; None if they differ or it is not an outer product."""
    filters = [arrays[f"{name}.resample_filter"] for name in names if f"{name}.resample_filter" in arrays]
    # Long filters are stored as one row.
    planes = [np.outer(array, array) if array.ndim == 1 else array for array in filters]
    first = planes[0].astype(np.float64)
    row = first.sum(axis=0)
    same = all(np.array_equal(plane, planes[0]) for plane in planes)
    fits = first.shape == (row.size, row.size) and row.all() and np.allclose(first, np.outer(row, row), rtol=1e-4)
    return first if same and fits else None


# ---- tables


def _conv_names(resolutions: list[int]) -> list[str]:
    """Return the names of the generator's convolutions from small to large, which is also the order of their noise."""
    pairs = [[f"synthesis.b{res}.conv0", f"synthesis.b{res}.conv1"] for res in resolutions]
    return [name for pair in pairs for name in pair][1:]


def _add_linear(table: _Table, layers: Mapping[str, Any], source: str, target: str, lr: float) -> None:
    """Add a fully connected layer, scaled by the ratio of its multipliers to the package's."""
    bias = float(layers[source]["bias_gain"]) / lr
    gain = float(layers[source]["weight_gain"]) / lr
    table[f"{source}.weight"] = (
        f"{target}.weight",
        lambda array: _scaled(array.T, gain * math.sqrt(array.shape[1])),
    )
    table[f"{source}.bias"] = (f"{target}.bias", lambda array: _scaled(array, bias))


def _scaled(array: npt.NDArray, factor: float) -> npt.NDArray:
    return array if math.isclose(factor, 1.0, rel_tol=1e-6) else (array * factor).astype(array.dtype)


def _add_styled(table: _Table, layers: Mapping[str, Any], source: str, target: str, index: int) -> None:
    table[f"{source}.weight"] = (f"{target}.conv.weight", lambda array: array[None])
    _add_linear(table, layers, f"{source}.affine", f"{target}.conv.modulation", 1.0)
    table[f"{source}.noise_strength"] = (f"{target}.noise.weight", lambda array: array.reshape(1))
    table[f"{source}.noise_const"] = (f"noises.noise_{index}", lambda array: array[None, None])
    table[f"{source}.bias"] = (f"{target}.activate.bias", np.asarray)


def _add_to_rgb(table: _Table, layers: Mapping[str, Any], source: str, target: str) -> None:
    table[f"{source}.weight"] = (f"{target}.conv.weight", lambda array: array[None])
    _add_linear(table, layers, f"{source}.affine", f"{target}.conv.modulation", 1.0)
    table[f"{source}.bias"] = (f"{target}.bias", lambda array: array.reshape(1, -1, 1, 1))


def _add_conv(table: _Table, source: str, weight: str, bias: str | None) -> None:
    table[f"{source}.weight"] = (f"{weight}.weight", np.asarray)
    if bias is not None:
        table[f"{source}.bias"] = (f"{bias}.bias", np.asarray)


def _apply(table: _Table, arrays: Mapping[str, npt.NDArray], ignored: Iterable[str] = ()) -> tuple[State, list[str]]:
    state: State = {}
    unknown = []
    for source, array in arrays.items():
        if source in table:
            target, change = table[source]
            state[target] = np.asarray(change(array), order="C")
        elif source not in ignored and not source.endswith("resample_filter"):
            unknown.append(source)
    return state, unknown


def _silent_noise(index: int) -> State:
    """Return noise arrays without effect, for a layer that was trained without noise."""
    side = 2 ** ((index + 5) // 2)
    target = "conv1" if index == 0 else f"convs.{index - 1}"
    return {
        f"{target}.noise.weight": np.zeros(1, np.float32),
        f"noises.noise_{index}": np.zeros((1, 1, side, side), np.float32),
    }
