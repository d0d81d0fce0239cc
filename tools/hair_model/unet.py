"""The small U-Net in Paddle and its training loop; `ppgan_ext/faces/head/unet.py` runs it in NumPy."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn
from safetensors.numpy import load_file, save_file

WIDTHS = (24, 36, 60, 96)
"""Channels at a half, a quarter, an eighth and a sixteenth of the patch."""

# What each block sees.
_INPUTS = {
    "d1": (), "e1": ("d1",), "d2": ("e1",), "e2": ("d2",), "d3": ("e2",), "e3": ("d3",),
    "d4": ("e3",), "e4": ("d4",), "e5": ("e4",), "u3": ("e5", "e3"), "u2": ("u3", "e2"), "u1": ("u2", "e1"),
}  # fmt: skip
_UNLIKE = 0.05  # by how much weights differ that were copied to widen a network
_SAVE_SECONDS = 60.0
_DECAY = 0.998  # of the average of the weights over the steps


class Block(nn.Layer):
    """A 3x3 convolution, batch normalisation and a rectifier."""

    def __init__(self, num_in: int, num_out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2D(num_in, num_out, 3, stride, 1, bias_attr=False)
        self.norm = nn.BatchNorm2D(num_out)
        self._folded = False

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:  # noqa: D102
        values = self.conv(x)
        if self._folded:
            self._undo_norm(values)
        return F.relu(self.norm(values))

    def folded(self) -> tuple[np.ndarray, np.ndarray]:
        """Return kernel and bias with the normalisation in them."""
        factor = self.norm.weight.numpy() / np.sqrt(self.norm._variance.numpy() + 1e-5)
        kernel = self.conv.weight.numpy() * factor[:, None, None, None]
        return kernel, self.norm.bias.numpy() - self.norm._mean.numpy() * factor

    def unfold(self, kernel: np.ndarray, bias: np.ndarray) -> None:
        """Take kernel and bias that `folded` returned; the next batch tells what the normalisation has to undo."""
        self.conv.weight.set_value(kernel)
        self.norm.bias.set_value(bias)
        self._folded = True

    @paddle.no_grad()
    def _undo_norm(self, values: paddle.Tensor) -> None:
        mean, variance = values.mean([0, 2, 3]), values.var([0, 2, 3], unbiased=False)
        self.norm.weight.set_value(paddle.sqrt(variance + 1e-5))
        self.norm.bias.set_value(self.norm.bias + mean)
        self.norm._mean.set_value(mean)
        self.norm._variance.set_value(variance)
        self._folded = False


class UNet(nn.Layer):
    """The network of `ppgan_ext.faces.head.unet`, whose names of weights it has."""

    def __init__(self, num_in: int, num_out: int, widths: tuple[int, int, int, int] = WIDTHS) -> None:
        super().__init__()
        a, b, c, d = widths
        self.d1, self.e1 = Block(num_in, a, 2), Block(a, a)
        self.d2, self.e2 = Block(a, b, 2), Block(b, b)
        self.d3, self.e3 = Block(b, c, 2), Block(c, c)
        self.d4, self.e4, self.e5 = Block(c, d, 2), Block(d, d), Block(d, d)
        self.u3, self.u2, self.u1 = Block(d + c, c), Block(c + b, b), Block(b + a, a)
        self.o = nn.Conv2D(a, num_out, 3, 1, 1)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Return logits (N, num_out, 120, 96) of (N, num_in, 240, 192)."""
        a = self.e1(self.d1(x))
        b = self.e2(self.d2(a))
        c = self.e3(self.d3(b))
        x = self.e5(self.e4(self.d4(c)))
        for block, skip in ((self.u3, c), (self.u2, b), (self.u1, a)):
            x = block(paddle.concat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], axis=1))
        return self.o(x)

    def save(self, path: Path) -> None:
        """Write the weights as the package reads them, in half precision, and beside them what `resume` reads."""
        found = {"o.w": self.o.weight.numpy(), "o.b": self.o.bias.numpy()}
        for name, block in self.named_sublayers():
            if isinstance(block, Block):
                found[f"{name}.w"], found[f"{name}.b"] = block.folded()
        save_file({name: np.ascontiguousarray(array, np.float16) for name, array in sorted(found.items())}, path)
        save_file({name: array.numpy() for name, array in sorted(self.state_dict().items())}, _state_of(path))

    def start_from(self, path: Path) -> None:
        """Begin with weights as the package reads them, of a network as wide as this one or narrower.

        A narrower network's channels are repeated, and what sees them is divided by how often (Chen, Goodfellow and
        Shlens, Net2Net, arXiv 1511.05641); so the network says at first about what that one said.
        """
        rng = np.random.default_rng(0)
        found = {name: array.astype(np.float32) for name, array in load_file(path).items()}
        repeats = {}
        for name, sees in (*_INPUTS.items(), ("o", ("u1",))):
            kernel, bias = found[f"{name}.w"], found[f"{name}.b"]
            layer = getattr(self, name)
            wide = (layer.conv if isinstance(layer, Block) else layer).weight.shape[0]
            repeats[name] = np.concatenate([np.arange(len(bias)), rng.integers(len(bias), size=wide - len(bias))])
            kernel = kernel[repeats[name]]
            if sees:
                starts = np.cumsum([0, *(len(found[f"{one}.b"]) for one in sees[:-1])])
                taken = np.concatenate([repeats[one] + at for one, at in zip(sees, starts, strict=True)])
                kernel = kernel[:, taken] / np.bincount(taken)[taken][:, None, None]
            if wide > len(bias):
                kernel = kernel * rng.normal(1.0, _UNLIKE, kernel.shape)
            kernel, bias = kernel.astype(np.float32), bias[repeats[name]]
            if isinstance(layer, Block):
                layer.unfold(kernel, bias)
            else:
                layer.weight.set_value(kernel)
                layer.bias.set_value(bias)

    def resume(self, path: Path) -> None:
        """Take up the training whose weights were saved to a path."""
        self.set_state_dict({name: paddle.to_tensor(array) for name, array in load_file(_state_of(path)).items()})


class Average:
    """The average of a network's weights over the steps, the last ones counting most."""

    def __init__(self, network: UNet) -> None:
        self._network, self._steps = network, 0
        self._values = {name: array.clone().detach() for name, array in network.state_dict().items()}

    def update(self) -> None:
        """Take in the weights as they are now."""
        self._steps += 1
        share = max(1 - _DECAY, 1 / self._steps)
        for name, array in self._network.state_dict().items():
            self._values[name] += share * (array.detach() - self._values[name])

    def save(self, path: Path) -> None:
        """Write the average; the network goes on with its own weights."""
        own = {name: array.clone().detach() for name, array in self._network.state_dict().items()}
        self._network.set_state_dict(self._values)
        self._network.save(path)
        self._network.set_state_dict(own)


def fit(network: UNet, loss_of_a_batch: Callable[[], paddle.Tensor], minutes: float, output: Path) -> None:
    """Train for some minutes and save the weights every minute; Ctrl-C ends the training and keeps them.

    What is saved is the average of the weights over the last steps, which does better on heads that were not learned.
    """
    optimiser = paddle.optimizer.AdamW(1e-3, parameters=network.parameters(), weight_decay=1e-3)
    average = Average(network)
    start, losses = time.monotonic(), []
    saved = start
    try:
        while (share := (time.monotonic() - start) / (60 * minutes)) < 1:
            optimiser.set_lr(3e-3 * min(1.0, share / 0.03) * 0.5 * (1 + math.cos(math.pi * share)) + 1e-5)
            loss = loss_of_a_batch()
            loss.backward()
            optimiser.step()
            optimiser.clear_grad()
            average.update()
            losses.append(float(loss))
            if len(losses) % 50 == 0:
                print(f"{len(losses)} steps, loss {np.mean(losses[-50:]):.4f}", flush=True)
            if time.monotonic() - saved > _SAVE_SECONDS:
                average.save(output)
                saved = time.monotonic()
    except KeyboardInterrupt:
        print("ended early")
    average.save(output)


def _state_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}_state.safetensors")
