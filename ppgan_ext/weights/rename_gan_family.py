"""Renaming the arrays of junyanz's pix2pix and CycleGAN, UGATIT-pytorch and minivision's photo2cartoon.

The first two have PaddleGAN's names apart from batch normalisation; what remains is that Paddle stores fully connected
weights as (in, out) and stores the constants of instance normalisation, which `complete` adds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from ppgan_ext.weights.rename import Rule, State, rename

_COUNTER = Rule(r".*\.num_batches_tracked", None)
_BATCH_NORM = (
    Rule(r"(.*)\.running_mean", r"\1._mean"),
    Rule(r"(.*)\.running_var", r"\1._variance"),
    _COUNTER,
)
_LINEAR = r"(?:gap_fc|gmp_fc|gamma|beta|FC\.\d+|.*\.[cs]_(?:gamma|beta)(?:\.\d+)?)"
_TURNED = Rule(rf"{_LINEAR}\.(?:weight|weight_orig)", change=np.transpose)
_FROM_TORCH = (_TURNED, *_BATCH_NORM, Rule(r".+"))


def _cartoon_rules() -> tuple[Rule, ...]:
    """Return the rules for minivision's blocks; hourglasses are renamed by `_hourglass` afterwards."""
    pairs = {
        r"ConvBlock1\.1": "DownBlock.1",
        r"HourGlass1": "DownBlock.4",
        r"HourGlass2": "DownBlock.5",
        r"DownBlock1\.1": "DownBlock.7",
        r"DownBlock2\.1": "DownBlock.11",
        r"UpBlock1\.(\d)": r"UpBlock.\1",
        r"UpBlock2\.2": "UpBlock.7",
        r"UpBlock2\.3": "UpBlock.8",
        r"HourGlass3": "UpBlock.10",
        r"HourGlass4": "UpBlock.11",
        r"ConvBlock2\.1": "UpBlock.13",
    }
    return tuple(Rule(rf"{source}\.(?P<rest>.+)", rf"{target}.\g<rest>") for source, target in pairs.items())


_CARTOON = (_TURNED, *_cartoon_rules(), Rule(r".+"))


def has_torch_layout(state: Mapping[str, np.ndarray]) -> bool:
    """Return whether the arrays of one network are PyTorch's: by names, or by a classifier stored as (1, C)."""
    if any(name.endswith((".running_mean", ".num_batches_tracked")) for name in state):
        return True
    classifier = state.get("gap_fc.weight", state.get("gap_fc.weight_orig"))
    return classifier is not None and classifier.ndim == 2 and classifier.shape[0] == 1 != classifier.shape[1]


def from_torch(state: Mapping[str, np.ndarray]) -> State:
    """Return the arrays of one network of PyTorch under PaddleGAN's names, without the constants of normalisation.

    Args:
        state: name -> array, for which `has_torch_layout` is true, or which has only convolutions.
    """
    state = _without_instance_statistics(state)
    if any(name.startswith("HourGlass1.") for name in state):
        return _hourglasses(rename(state, _CARTOON)[0])
    return rename(state, _FROM_TORCH)[0]


def complete(state: State, expected: Iterable[str], shapes: Mapping[str, tuple[int, ...]]) -> State:
    """Add the constants of instance normalisation that a network has and a file lacks: gain 1 and bias 0.

    Args:
        state: name -> array.
        expected: names of the network's arrays.
        shapes: their shapes.
    """
    added: State = {}
    for name in expected:
        stem, dot, last = name.rpartition(".")
        if name in state or not dot or f"{stem}.scale" not in shapes:
            continue
        if last == "scale":
            added[name] = np.ones(shapes[name], np.float32)
        elif last == "bias":
            added[name] = np.zeros(shapes[name], np.float32)
    return state | added


def _without_instance_statistics(state: Mapping[str, np.ndarray]) -> State:
    """Drop running statistics without gain: PyTorch before 0.4 stored them with instance normalisation."""
    kept = {}
    for name, array in state.items():
        stem, _, last = name.rpartition(".")
        if last in ("running_mean", "running_var", "num_batches_tracked") and f"{stem}.weight" not in state:
            continue
        kept[name] = array
    return kept


def _hourglasses(state: State) -> State:
    """Rename the blocks of minivision's hourglasses and drop the shortcuts that it stores without using them."""
    renamed = {}
    for name, array in state.items():
        if ".HG." in name:
            if ".ConvBlock4.2." in name:
                continue
            name = re.sub(r"\.ConvBlock([123])\.3\.", r".conv_block\1.3.", name)
            name = re.sub(r"\.ConvBlock([1-4])_1\.", r".ConvBlockskip\1.", name)
            name = re.sub(r"\.ConvBlock([1-4])_2\.", r".ConvBlock\1.", name)
        renamed[name] = array
    return renamed
