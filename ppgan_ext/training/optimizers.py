"""Paddle's optimisers under PaddleGAN's names, with states whose names say which parameter they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field

from ppgan_ext.option_types import Block, Fraction, NotNegative, Number, Positive

if TYPE_CHECKING:
    import paddle
    from paddle import nn


class OptimizerOptions(Block):
    """What all optimisers have.

    Attributes:
        net_names: the networks whose parameters it moves, by their names in a checkpoint.
        weight_decay: coefficient of the L2 penalty; AdamW: of the decoupled decay.
        clip_norm: largest L2 norm of all its gradients together; larger ones are scaled down. None: no limit.
    """

    net_names: Annotated[list[str], Field(min_length=1)]
    weight_decay: NotNegative | None = None
    clip_norm: Positive | None = None

    def own_arguments(self) -> dict[str, Any]:
        """Arguments of Paddle's class that belong to this optimiser alone."""
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
    """Name each parameter after its network and its place there: ``gen.conv1.conv.weight``.

    Paddle keeps an optimiser's state under its parameters' names, and by itself numbers parameters in the order in
    which the process made them. Call this before the optimisers are made.
    """
    for net_name, network in networks.items():
        for name, parameter in network.named_parameters():
            parameter.name = f"{net_name}.{name}"


def make_optimizer(options: OptimizerOptions, parameters: Iterable[paddle.Tensor]) -> Any:
    """Make one of Paddle's optimisers, its state complete from the start.

    The learning rate is set by the loop in front of every iteration (`set_lr`).

    Args:
        options: which one.
        parameters: what it moves, named; frozen ones (`stop_gradient`) are left out.
    """
    import paddle

    moved = [parameter for parameter in parameters if not parameter.stop_gradient]
    arguments = options.own_arguments()
    if options.weight_decay is not None:
        arguments["weight_decay"] = options.weight_decay
    if options.clip_norm is not None:
        arguments["grad_clip"] = paddle.nn.ClipGradByGlobalNorm(options.clip_norm)
    kind = getattr(paddle.optimizer, options.name)  # type: ignore[attr-defined]
    optimizer = kind(learning_rate=0.0, parameters=moved, **arguments)
    # Made now and not at the first step: so names end in _0 whatever else this process has made, and the state can be
    # compared with a checkpoint's before a step is taken.
    with paddle.utils.unique_name.guard():
        optimizer._create_accumulators(paddle.static.default_main_program().global_block(), moved)
    return optimizer
