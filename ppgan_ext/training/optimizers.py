"""Paddle's optimisers under PaddleGAN's names, with state arrays that are named after the networks' parameters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field

from ppgan_ext.option_types import Block, Fraction, NotNegative, Number, Positive

if TYPE_CHECKING:
    import numpy.typing as npt
    import paddle
    from paddle import nn

# The arrays that Paddle's optimisers keep for each parameter.
_KINDS = ("moment1", "moment2", "beta1_pow_acc", "beta2_pow_acc", "velocity", "momentum", "mean_square", "mean_grad")


class OptimizerOptions(Block):
    """Base class of the optimisers' options.

    Attributes:
        net_names: the networks whose parameters are updated, by their names in a checkpoint.
        weight_decay: coefficient of the L2 penalty; for AdamW, of the decoupled decay.
        clip_norm: maximum L2 norm of all gradients together; larger gradients are scaled down. None: no limit.
    """

    net_names: Annotated[list[str], Field(min_length=1)]
    weight_decay: NotNegative | None = None
    clip_norm: Positive | None = None

    def own_arguments(self) -> dict[str, Any]:
        """Return the arguments of Paddle's class that only this kind of optimiser has."""
        common = {"name", *OptimizerOptions.model_fields}
        return {key: value for key, value in self.model_dump().items() if key not in common}


class AdamOptions(OptimizerOptions):
    """Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1)."""

    name: Literal["Adam"]
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: Positive = 1e-8


class AdamWOptions(OptimizerOptions):
    """Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2)."""

    name: Literal["AdamW"]
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: Positive = 1e-8
    weight_decay: NotNegative | None = 0.01


class SGDOptions(OptimizerOptions):
    """Gradient descent."""

    name: Literal["SGD"]


class MomentumOptions(OptimizerOptions):
    """Gradient descent with momentum."""

    name: Literal["Momentum"]
    momentum: Number = 0.9
    use_nesterov: bool = False


class RMSPropOptions(OptimizerOptions):
    """RMSProp, optionally centred, as Paddle defines it."""

    name: Literal["RMSProp"]
    rho: Fraction = 0.95
    epsilon: Positive = 1e-6
    momentum: Number = 0.0
    centered: bool = False


AnyOptimizer: TypeAlias = Annotated[
    AdamOptions | AdamWOptions | SGDOptions | MomentumOptions | RMSPropOptions, Field(discriminator="name")
]


def name_parameters(networks: Mapping[str, nn.Layer]) -> None:
    """Name each parameter after its network and its path in it, such as ``gen.conv1.conv.weight``.

    Paddle stores an optimiser's state under the names of the parameters. Its automatic names are numbers in the order
    in which the process created the parameters. Call this before the optimisers are created.
    """
    for net_name, network in networks.items():
        for name, parameter in network.named_parameters():
            parameter.name = f"{net_name}.{name}"


def make_optimizer(options: OptimizerOptions, parameters: Iterable[paddle.Tensor]) -> Any:
    """Create one of Paddle's optimisers with its complete state.

    Its learning rate is 0; the training loop sets it before every iteration (`set_lr`).

    Args:
        options: kind and arguments of the optimiser.
        parameters: the parameters to update, named; frozen ones (`stop_gradient`) are left out.
    """
    import paddle

    trainable = [parameter for parameter in parameters if not parameter.stop_gradient]
    arguments = options.own_arguments()
    if options.weight_decay is not None:
        arguments["weight_decay"] = options.weight_decay
    if options.clip_norm is not None:
        arguments["grad_clip"] = paddle.nn.ClipGradByGlobalNorm(options.clip_norm)
    kind = getattr(paddle.optimizer, options.name)  # type: ignore[attr-defined]
    optimizer = kind(learning_rate=0.0, parameters=trainable, **arguments)
    # Create the state now instead of at the first step: names then end in _0 whatever else the process has created, and
    # the state can be compared with a checkpoint's before the first step.
    with paddle.utils.unique_name.guard():
        optimizer._create_accumulators(paddle.static.default_main_program().global_block(), trainable)
    return optimizer


def rename_paddlegan_state(state: dict[str, npt.NDArray], optimizer: Any) -> dict[str, npt.NDArray] | None:
    """Rename the arrays of an optimiser in a checkpoint of PaddleGAN to the names that this optimiser uses.

    PaddleGAN's arrays are numbered in the order of the parameters, which is the same here.

    Args:
        state: array name -> array.
        optimizer: as `make_optimizer` returns it.

    Returns:
        The same arrays under the optimiser's own names; None if number or shapes differ.
    """
    ours: dict[str, list[str]] = {}
    theirs: dict[str, list[str]] = {}
    expected = {key: tuple(tensor.shape) for key, tensor in optimizer.state_dict().items()}
    kinds = sorted({kind for kind in _KINDS if any(f"_{kind}_" in key for key in expected)}, key=len, reverse=True)
    for keys, groups in ((expected, ours), (state, theirs)):
        for key in keys:
            kind = next((kind for kind in kinds if re.search(rf"_{kind}_\d+$", key)), None)
            if kind is not None:
                groups.setdefault(kind, []).append(key)
    renamed: dict[str, npt.NDArray] = {}
    for kind, names in ours.items():
        others = theirs.get(kind, [])
        if [expected[key] for key in names] != [state[key].shape for key in others]:
            return None
        renamed |= {key: state[other] for key, other in zip(names, others, strict=True)}
    return renamed


def load_state(optimizer: Any, state: Mapping[str, npt.NDArray]) -> None:
    """Set the state of an optimiser; arrays under names that it does not have are ignored."""
    import paddle

    targets = optimizer.state_dict()
    optimizer.set_state_dict(
        {key: paddle.to_tensor(array, dtype=targets[key].dtype) for key, array in state.items() if key in targets}
    )
