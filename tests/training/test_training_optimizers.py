"""Optimisers: they equal Paddle's exactly, and the names in their states depend only on the parameters."""

import numpy as np
import paddle
import pytest
from paddle import nn

from ppgan_ext.training import optimizers

CASES = {
    "Adam": (optimizers.AdamOptions, {"beta1": 0.5, "beta2": 0.9, "weight_decay": 0.01}),
    "AdamW": (optimizers.AdamWOptions, {"weight_decay": 0.1}),
    "SGD": (optimizers.SGDOptions, {}),
    "Momentum": (optimizers.MomentumOptions, {"momentum": 0.7, "use_nesterov": True}),
    "RMSProp": (optimizers.RMSPropOptions, {"rho": 0.8, "centered": True}),
}


def network(seed=0):
    paddle.seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def descend(net, optimizer, steps=3):
    x = paddle.to_tensor(np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32))
    for _ in range(steps):
        (net(x) ** 2).mean().backward()
        optimizer.step()
        optimizer.clear_grad()


@pytest.mark.parametrize("name", CASES)
def test_an_optimizer_equals_paddles(name):
    kind, arguments = CASES[name]
    ours, theirs = network(), network()
    optimizers.name_parameters({"net": ours})
    optimizer = optimizers.make_optimizer(kind(name=name, net_names=["net"], **arguments), ours.parameters())
    optimizer.set_lr(0.1)
    descend(ours, optimizer)
    descend(theirs, getattr(paddle.optimizer, name)(learning_rate=0.1, parameters=theirs.parameters(), **arguments))
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert one.numpy().tobytes() == other.numpy().tobytes()


def test_the_names_in_a_state_depend_only_on_the_parameters():
    names = []
    for _ in range(2):
        nets = {"b": network(), "a": network()}  # Paddle's automatic names differ every time
        optimizers.name_parameters(nets)
        options = optimizers.AdamOptions(name="Adam", net_names=["a"])
        optimizer = optimizers.make_optimizer(options, nets["a"].parameters())
        names.append(sorted(optimizer.state_dict()))
        descend(nets["a"], optimizer, 1)
        assert sorted(optimizer.state_dict()) == names[-1]  # complete before the first step
    assert names[0] == names[1]
    assert "a.0.weight_moment1_0" in names[0]
    assert len(names[0]) == 4 * 4


def test_frozen_parameters_are_left_out():
    net = network()
    net[0].weight.stop_gradient = True
    optimizers.name_parameters({"net": net})
    optimizer = optimizers.make_optimizer(optimizers.AdamOptions(name="Adam", net_names=["net"]), net.parameters())
    assert not any("0.weight" in key for key in optimizer.state_dict())
    before = net[0].weight.numpy().copy()
    optimizer.set_lr(0.1)
    descend(net, optimizer)
    assert (net[0].weight.numpy() == before).all()
    assert not (net[2].weight.numpy() == network()[2].weight.numpy()).all()


def test_clip_norm_limits_all_gradients_together():
    net = network()
    optimizers.name_parameters({"net": net})
    before = np.concatenate([p.numpy().ravel() for p in net.parameters()])
    options = optimizers.SGDOptions(name="SGD", net_names=["net"], clip_norm=1e-3)
    optimizer = optimizers.make_optimizer(options, net.parameters())
    optimizer.set_lr(1.0)
    descend(net, optimizer, 1)
    moved = np.concatenate([p.numpy().ravel() for p in net.parameters()]) - before
    assert np.linalg.norm(moved) == pytest.approx(1e-3, rel=1e-3)
