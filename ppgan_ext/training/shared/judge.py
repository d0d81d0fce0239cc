"""A discriminator beside a task: what it thinks of fakes, how it is taught, and its lazy R1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ppgan_ext.losses import adversarial, regularizers
from ppgan_ext.nn.forms import once_form, twice_form
from ppgan_ext.nn.resize import fit_to

if TYPE_CHECKING:
    import paddle

    from ppgan_ext.training.task import Task


class Judge:
    """One discriminator in training.

    Args:
        task: whose network it is.
        name: of the network, and in the log of its losses ``loss_<name>`` and ``loss_<name>_r1``.
        loss: both sides of the adversarial loss.
        gamma: weight of R1; 0 leaves it out.
        every: iterations between R1.
    """

    def __init__(self, task: Task, name: str, loss: adversarial.AdversarialLoss, gamma: float, every: int) -> None:
        self._task, self._name, self._loss = task, name, loss
        self._gamma, self._every = gamma, every
        self._network: Any = task.networks[name]

    def show(self, items: paddle.Tensor) -> paddle.Tensor:
        """Bring what is judged to the form in which the network takes it."""
        return items

    def score(self, shown: paddle.Tensor) -> paddle.Tensor:
        """Score what is shown, (N, ...) to (N, 1); differentiable once."""
        return self._network(shown)

    def score_twice(self, shown: paddle.Tensor) -> paddle.Tensor:
        """Score as `score`; differentiable twice."""
        return self._network(shown)

    def fooled(self, fakes: paddle.Tensor) -> paddle.Tensor:
        """Return the loss of whoever made these, ()."""
        return self._loss.generator(self._seen(self.show(fakes)))

    def teach(self, reals: Sequence[paddle.Tensor], fakes: Sequence[paddle.Tensor], iteration: int) -> dict[str, float]:
        """Make a step of the discriminator, shard by shard, and one of R1 (arXiv 1801.04406, Eq. 9) if it is due."""
        numbers, shown = [], [self.show(real) for real in reals]
        for real, fake in zip(shown, fakes, strict=True):
            loss = self._loss.discriminator(self._seen(real), self._seen(self.show(fake)))
            loss.backward()
            numbers.append({f"loss_{self._name}": loss.item()})
        self._task.move(self._name)
        return self._task.world.mean(numbers) | self._penalty(shown, iteration)

    def _penalty(self, reals: Sequence[paddle.Tensor], iteration: int) -> dict[str, float]:
        if not self._gamma or (iteration - 1) % self._every:
            return {}
        numbers = []
        for real in reals:
            penalty = regularizers.squared_gradient(self.score_twice, real)
            (penalty * (self._gamma / 2 * self._every)).backward()
            numbers.append({f"loss_{self._name}_r1": penalty.item()})
        self._task.move(self._name)
        return self._task.world.mean(numbers)

    def _seen(self, shown: paddle.Tensor) -> paddle.Tensor:
        with self._task.autocast():
            scores = self.score(shown)
        return scores.astype("float32")


class ImageJudge(Judge):
    """One whose network is a ``StyleGANv2Discriminator``, which sees images at its own size."""

    def __init__(self, task: Task, name: str, loss: adversarial.AdversarialLoss, gamma: float, every: int) -> None:
        super().__init__(task, name, loss, gamma, every)
        on_cpu = task.world.device == "cpu"
        self._once, self._twice = once_form(on_cpu), twice_form(on_cpu)

    def show(self, items: paddle.Tensor) -> paddle.Tensor:
        """Resize images."""
        return fit_to(items, self._network.size)

    def score(self, shown: paddle.Tensor) -> paddle.Tensor:
        """Score images, (N, 3, S, S) to (N, 1); differentiable once."""
        return self._network(shown, form=self._once)

    def score_twice(self, shown: paddle.Tensor) -> paddle.Tensor:
        """Score as `score`; differentiable twice."""
        return self._network(shown, form=self._twice)
