"""Tables that rename the arrays of other projects, and the check that names and shapes match a network exactly.

The package uses PaddleGAN's names. PyTorch's checkpoints (rosinality/stylegan2-pytorch, pixel2style2pixel,
encoder4editing) differ in three ways: linear weights are (out, in) instead of (in, out), batch normalisation and PReLU
use other names, and the filters of every blur are stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import WeightsError
from ppgan_ext.untrusted import shown

State: TypeAlias = dict[str, npt.NDArray]
MAX_LISTED = 6
_REAL, _LARGEST = "fiub", float(np.finfo(np.float32).max)


class Rule(NamedTuple):
    """One row of a table.

    Attributes:
        pattern: regular expression for the entire source name.
        template: the target name, as for ``re.Match.expand``; None drops the array.
        change: converts the array; None keeps it.
    """

    pattern: str
    template: str | None = r"\g<0>"
    change: Callable[[npt.NDArray], npt.NDArray] | None = None


def _linear(prefix: str) -> tuple[Rule, Rule]:
    return Rule(rf"{prefix}\.weight", change=np.transpose), Rule(rf"{prefix}\.bias")


def _batch_norm(prefix: str) -> tuple[Rule, ...]:
    return (
        Rule(rf"{prefix}\.(weight|bias)"),
        Rule(rf"({prefix})\.running_mean", r"\1._mean"),
        Rule(rf"({prefix})\.running_var", r"\1._variance"),
        Rule(rf"{prefix}\.num_batches_tracked", None),
    )


_STYLED, _RGB = r"(?:conv1|convs\.\d+)", r"(?:to_rgb1|to_rgbs\.\d+)"
_UNIT = r"body\.\d+\.res_layer"

GENERATOR_FROM_TORCH: tuple[Rule, ...] = (
    *_linear(r"style\.\d+"),
    Rule(r"input\.input"),
    Rule(rf"(?:{_STYLED}|{_RGB})\.conv\.weight"),
    *_linear(rf"(?:{_STYLED}|{_RGB})\.conv\.modulation"),
    Rule(rf"{_STYLED}\.(?:noise\.weight|activate\.bias)"),
    Rule(rf"{_RGB}\.bias"),
    Rule(r"to_rgbs\.\d+\.upsample\.kernel"),
    Rule(r"convs\.\d+\.conv\.blur\.kernel", None),
    Rule(r"noises\.noise_\d+"),
)
DISCRIMINATOR_FROM_TORCH: tuple[Rule, ...] = (
    Rule(r"(?:convs\.0|convs\.\d+\.conv1|final_conv)\.(?:0\.weight|1\.bias)"),
    Rule(r"convs\.\d+\.conv2\.(?:1\.weight|2\.bias)"),
    Rule(r"convs\.\d+\.skip\.1\.weight"),
    Rule(r"convs\.\d+\.(?:conv2|skip)\.0\.kernel", None),
    *_linear(r"final_linear\.\d+"),
)
_IR_SE_50: tuple[Rule, ...] = (
    Rule(r"input_layer\.0\.weight"),
    *_batch_norm(r"input_layer\.1"),
    Rule(r"(input_layer\.2|" + _UNIT + r"\.2)\.weight", r"\1._weight"),
    Rule(r"body\.\d+\.shortcut_layer\.0\.weight"),
    *_batch_norm(r"body\.\d+\.shortcut_layer\.1"),
    *_batch_norm(rf"{_UNIT}\.[04]"),
    Rule(rf"{_UNIT}\.(?:[13]|5\.fc[12])\.weight"),
)
# With any of pSp's three kinds of head, or encoder4editing's, which uses the names of the first.
ENCODER_FROM_TORCH: tuple[Rule, ...] = (
    *_IR_SE_50,
    Rule(r"styles\.\d+\.convs\.\d+\.(?:weight|bias)"),
    *_linear(r"styles\.\d+\.linear"),
    Rule(r"latlayer[12]\.(?:weight|bias)"),
    *_batch_norm(r"output_layer_2\.0"),
    *_linear(r"output_layer_2\.3"),
    *_linear(r"linear"),
)
# ArcFace, with InsightFace_Pytorch's names, which pixel2style2pixel's model_ir_se50.pth uses too.
IDENTITY_NETWORK_FROM_TORCH: tuple[Rule, ...] = (
    *_IR_SE_50,
    *_batch_norm(r"output_layer\.[04]"),
    *_linear(r"output_layer\.3"),
)
# PaddleGAN's files and the package's own already have the right names.
IDENTITY: tuple[Rule, ...] = (Rule(r".+"),)

FROM_TORCH: dict[str, tuple[Rule, ...]] = {
    "generator": GENERATOR_FROM_TORCH,
    "discriminator": DISCRIMINATOR_FROM_TORCH,
    "encoder": ENCODER_FROM_TORCH,
    "identity": IDENTITY_NETWORK_FROM_TORCH,
}
_TORCH_MARKS = re.compile(r".*(?:\.blur\.kernel|\.(?:conv2|skip)\.0\.kernel|\.running_mean|\.num_batches_tracked)")


def has_torch_names(names: Iterable[str]) -> bool:
    """Return whether names are PyTorch's, recognised by blur filters and the names inside batch normalisation."""
    return any(_TORCH_MARKS.fullmatch(name) for name in names)


def rename(state: Mapping[str, npt.NDArray], rules: Sequence[Rule]) -> tuple[State, list[str]]:
    """Rename the arrays of a state with a table; the first rule that matches a name applies.

    Args:
        state: source name -> array.
        rules: the table.

    Returns:
        Target name -> array, C-contiguous; and the source names that no rule matches.
    """
    compiled = [(re.compile(rule.pattern), rule) for rule in rules]
    renamed: State = {}
    unknown: list[str] = []
    for name, array in state.items():
        for pattern, rule in compiled:
            match = pattern.fullmatch(name)
            if match is None:
                continue
            if rule.template is not None:
                changed = array if rule.change is None else rule.change(array)
                renamed[match.expand(rule.template)] = np.asarray(changed, order="C")
            break
        else:
            unknown.append(name)
    return renamed, unknown


def check_match(
    actual: Mapping[str, tuple[int, ...]],
    expected: Mapping[str, tuple[int, ...]],
    where: object,
    *,
    unknown: Iterable[str] = (),
    cure: str | None = None,
) -> None:
    """Check that a file and a network have the same names and shapes.

    Args:
        actual: name -> shape, of the file.
        expected: name -> shape, of the network.
        where: the file, for the message.
        unknown: further names of the file, which no rule matches.
        cure: what the user can do.

    Raises:
        WeightsError: lists all missing, unexpected and misshapen names.
    """
    missing = [name for name in expected if name not in actual]
    unexpected = [*(name for name in actual if name not in expected), *unknown]
    misshapen = [
        f"{name} {_by(actual[name])} instead of {_by(shape)}"
        for name, shape in expected.items()
        if name in actual and tuple(actual[name]) != tuple(shape)
    ]
    faults = [
        f"{len(names)} {kind} ({_listed(names)})"
        for kind, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", misshapen))
        if names
    ]
    if faults:
        raise WeightsError(f"the arrays do not fit the network: {'; '.join(faults)}", where=where, cure=cure)


def check_numbers(state: Mapping[str, npt.NDArray], where: object) -> None:
    """Check that the arrays of a file are real numbers, finite in single precision.

    Args:
        state: name -> array.
        where: the file, for the message.

    Raises:
        WeightsError: an array is something else; it is named.
    """
    advice = "Give an earlier checkpoint: the training that wrote this one has diverged"
    for name, array in state.items():
        if array.dtype.kind not in _REAL:
            what = f"{shown(name)} contains {array.dtype}, not real numbers"
            raise WeightsError(what, where=where, cure="Give the weights of this network")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise WeightsError(f"{shown(name)} contains NaN or infinite numbers", where=where, cure=advice)
        if array.dtype.itemsize > 4 and array.dtype.kind == "f" and np.abs(array).max(initial=0.0) > _LARGEST:
            raise WeightsError(f"{shown(name)} has numbers too large for float32", where=where, cure=advice)


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"


def _listed(names: Sequence[str]) -> str:
    first = ", ".join(shown(str(name), 80) for name in names[:MAX_LISTED])
    return first if len(names) <= MAX_LISTED else f"{first}, and {len(names) - MAX_LISTED} more"
