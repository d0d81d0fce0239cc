"""A real task at toy size: a tiny GAN with an average generator, on squares of 8 px. It has every kind of state."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import paddle
from paddle import nn

from ppgan_ext.images import grid, to_image
from ppgan_ext.metrics import ModelOutputs
from ppgan_ext.option_types import Block, Count, Number, Positive
from ppgan_ext.training.task import Task
from ppgan_ext.training.tensors import from_array

SIZE, STYLE = 8, 6


class ToyOptions(Block):
    name: str
    width: Count = 12
    decay: Positive = 0.9
    poison: int = 0  # iteration whose loss is made NaN
    crash: int = 0  # iteration in which process 1 fails
    factor: Number = 1.0


def make_generator(width: int) -> nn.Layer:
    return nn.Sequential(nn.Linear(STYLE, width), nn.Tanh(), nn.Linear(width, 3 * SIZE * SIZE), nn.Tanh())


def make_discriminator(width: int) -> nn.Layer:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))


class ToyTask(Task):
    Options: ClassVar[type[Block]] = ToyOptions
    load_names: ClassVar = {"gen_ema": ("gen",)}

    def make_networks(self) -> dict[str, nn.Layer]:
        self.options: Any = self.settings.model
        self.mean_score = 0.0
        self.rate_scales = {"optimG": 0.5}
        nets = {"gen": make_generator(self.options.width), "disc": make_discriminator(self.options.width)}
        nets["gen_ema"] = make_generator(self.options.width)
        nets["gen_ema"].set_state_dict(nets["gen"].state_dict())
        return nets

    def _latents(self, stream: str, iteration: int, shard: int, count: int) -> paddle.Tensor:
        rng = self.random.generator(stream, iteration, self.processes.first_shard + shard)
        return from_array(rng.standard_normal((count, STYLE)).astype(np.float32))

    def step(self, batches: list[Any], iteration: int) -> dict[str, float]:
        gen, disc = self.networks["gen"], self.networks["disc"]
        told = [self._discriminator(batch, iteration, shard) for shard, batch in enumerate(batches)]
        self._move("optimD", disc)
        for shard, batch in enumerate(batches):
            loss = nn.functional.softplus(-disc(self._fake(iteration, shard, len(batch["A"])))).mean()
            loss.backward()
            told[shard]["loss_g"] = loss.item()
        disc.clear_gradients()
        self._move("optimG", gen)
        with paddle.no_grad():
            pairs = zip(self.networks["gen_ema"].parameters(), gen.parameters(), strict=True)
            for average, own in pairs:
                paddle.assign(self.options.decay * average + (1 - self.options.decay) * own, average)
        numbers = self.processes.mean(told)
        self.mean_score += 0.1 * (numbers["loss_d"] - self.mean_score)
        if iteration == self.options.poison:
            numbers["loss_g"] = float("nan")
        if iteration == self.options.crash and self.processes.rank == 1:
            raise MemoryError("toy memory is full")
        return {**numbers, "mean_score": self.mean_score}

    def _fake(self, iteration: int, shard: int, count: int) -> paddle.Tensor:
        z = self._latents("latents", iteration, shard, count)
        return self.networks["gen"](z).reshape([-1, 3, SIZE, SIZE])

    def _discriminator(self, batch: Any, iteration: int, shard: int) -> dict[str, float]:
        disc = self.networks["disc"]
        real = from_array(batch["A"])
        fake = self._fake(iteration, shard, len(batch["A"])).detach()
        loss = (nn.functional.softplus(-disc(real)) + nn.functional.softplus(disc(fake))).mean()
        loss = loss * (1.0 + 0.1 * self.mean_score)  # the extra state matters to the weights
        loss.backward()
        return {"loss_d": loss.item()}

    def _move(self, name: str, network: nn.Layer) -> None:
        self.processes.average_gradients(network.parameters())
        self.optimizers[name].step()
        self.optimizers[name].clear_grad()

    def extra_state(self) -> dict[str, Any]:
        return {"mean_score": self.mean_score}

    def load_extra_state(self, state: Any) -> None:
        self.mean_score = state["mean_score"]

    def pictures(self, iteration: int) -> dict[str, Any]:
        with paddle.no_grad():
            z = self._latents("pictures", 0, 0, 6)
            pixels = self.networks["gen_ema"](z).reshape([-1, 3, SIZE, SIZE]).numpy()
        return {"samples": grid([to_image(one) for one in pixels], 3)}

    def subject(self, real: Any) -> ModelOutputs:
        return ModelOutputs(real=real, reconstruct=lambda pixels: pixels * self.options.factor, size=SIZE)
