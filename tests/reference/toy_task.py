"""A family at toy size: a GAN for images of 8 px, with an averaged generator and every kind of state."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import paddle
from paddle import nn

from ppgan_ext.images import grid, to_image
from ppgan_ext.losses.adversary import Adversary, Penalty
from ppgan_ext.metrics import ModelOutputs
from ppgan_ext.option_types import Count, CountOrZero, Number, Positive
from ppgan_ext.training.family import Family, FamilyOptions
from ppgan_ext.training.shared.averaged_weights import Averaged
from ppgan_ext.training.shared.critic import Critic, Samples
from ppgan_ext.training.shared.phases import Phase, Shard
from ppgan_ext.training.task import Stage, Task
from ppgan_ext.training.tensors import from_array

SIZE, STYLE = 8, 6


class ToyOptions(FamilyOptions):
    """`critic_steps` and `grow_at` test features that no family in the package uses yet."""

    width: Count = 12
    half_life: Positive = 20.0  # of the averaged weights, in images
    poison: int = 0  # iteration whose loss is NaN; 0: none
    crash: int = 0  # iteration in which process 1 fails; 0: none
    factor: Number = 1.0
    critic_steps: Count = 1
    grow_at: CountOrZero = 0  # iteration from which the batch is twice as large; 0: never
    gan_mode: str = "logistic"


def make_generator(width: int) -> nn.Layer:
    return nn.Sequential(nn.Linear(STYLE, width), nn.Tanh(), nn.Linear(width, 3 * SIZE * SIZE), nn.Tanh())


def make_discriminator(width: int) -> nn.Layer:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))


class ToyTask(Task):
    load_names: ClassVar = {"gen_ema": ("gen",)}

    def make_networks(self) -> dict[str, nn.Layer]:
        self.mean_loss = 0.0
        self.centres: dict[int, np.ndarray] = {}  # shard -> mean of its latents, its own state
        self.rate_scales = {"optimG": 0.5}
        nets = {"gen": make_generator(self.options.width), "disc": make_discriminator(self.options.width)}
        nets["gen_ema"] = make_generator(self.options.width)
        nets["gen_ema"].set_state_dict(nets["gen"].state_dict())
        for parameter in nets["gen_ema"].parameters():
            parameter.stop_gradient = True
        return nets

    def make_averages(self) -> Averaged:
        return Averaged(self.networks, {"gen_ema": "gen"}, self.options.half_life, 0.0)

    def make_phases(self) -> list[Phase]:
        penalties = [Penalty("drift", 0.1, 2)]
        self.adversary = Adversary(self.networks["disc"], self.options.gan_mode, penalties)
        disc, penalty = Critic("disc", self.adversary, self._critic_samples).phases()
        disc = Phase(disc.name, disc.networks, disc.work, steps=self.options.critic_steps, after=disc.after)
        return [disc, penalty, Phase("generator", ("gen",), self._generator, frozen=("disc",))]

    def stage(self, iteration: int) -> Stage:
        grown = 0 < self.options.grow_at <= iteration
        return Stage(SIZE, self.settings.batch_size * (2 if grown else 1))

    def _fake(self, shard: Shard) -> paddle.Tensor:
        owner = shard.number // self.num_batches
        z = shard.generator("latents").standard_normal((len(shard), STYLE)).astype(np.float32)
        z += self.centres.get(owner, np.zeros(STYLE, np.float32))
        self.centres[owner] = (0.5 * z.mean(axis=0)).astype(np.float32)
        return self.networks["gen"](from_array(z)).reshape([-1, 3, SIZE, SIZE])

    def _critic_samples(self, shard: Shard) -> Samples:
        with paddle.no_grad():
            fake = self._fake(shard)
        return Samples(shard.tensor() * (1.0 + 0.1 * self.mean_loss), fake)  # weights depend on the state

    def _generator(self, shard: Shard) -> dict[str, float]:
        loss = self.adversary.generator_loss(self._fake(shard))
        loss.backward()
        return {"loss_g": loss.item()}

    def after_iteration(self, numbers: Any, num_images: int, iteration: int) -> dict[str, float]:
        self.mean_loss += 0.1 * (numbers["loss_disc"] - self.mean_loss)
        if iteration == self.options.crash and self.processes.rank == 1:
            raise RuntimeError("the toy is broken")
        poison = {"loss_g": float("nan")} if iteration == self.options.poison else {}
        return {"mean_loss": self.mean_loss, **poison}

    def extra_state(self) -> dict[str, Any]:
        return {"mean_loss": self.mean_loss}

    def load_extra_state(self, state: Any) -> None:
        self.mean_loss = state["mean_loss"]

    def shard_state(self, shard: int) -> dict[str, np.ndarray]:
        return {"centre": self.centres[shard]} if shard in self.centres else {}

    def load_shard_state(self, shard: int, state: Any) -> None:
        self.centres[shard] = np.asarray(state["centre"], np.float32)

    def pictures(self, iteration: int) -> dict[str, Any]:
        with paddle.no_grad():
            z = from_array(self.random.normal("pictures", 0, 0, (6, STYLE)))
            pixels = self.networks["gen_ema"](z).reshape([-1, 3, SIZE, SIZE]).numpy()
        return {"samples": grid([to_image(item) for item in pixels], 3)}

    def outputs(self) -> ModelOutputs:
        return ModelOutputs(real=self.samples.test, reconstruct=lambda pixels: pixels * self.options.factor, size=SIZE)


FAMILY = Family(ToyOptions, lambda: ToyTask)
