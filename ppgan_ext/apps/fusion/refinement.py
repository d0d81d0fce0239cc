"""Refine a fused code by gradient descent on `refinement_objective.FusionObjective`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import paddle

from ppgan_ext.apps.fusion.refinement_objective import FusionNetworks, FusionObjective, FusionWeights
from ppgan_ext.images import to_image
from ppgan_ext.interrupts import deferred_interrupt
from ppgan_ext.latents.codes import load_code
from ppgan_ext.latents.descent import check_ranges, falling_rate
from ppgan_ext.latents.directions import chosen_layers
from ppgan_ext.latents.projector import DivergedError
from ppgan_ext.types import FloatArray, Image, Pose

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine


@dataclass(frozen=True)
class RefineOptions:
    """Options of the refinement.

    Attributes:
        num_steps: updates of the code; 0 only measures the start.
        start_lr: learning rate of the first update.
        final_lr: learning rate at the end; it falls geometrically.
        weights: weights of the terms.
        layers: the layers that change, by default those of "identity"; None changes all, which also shifts colours.
    """

    num_steps: int = 40
    start_lr: float = 0.05
    final_lr: float = 0.01
    weights: FusionWeights = field(default_factory=FusionWeights)
    layers: tuple[int, ...] | None = (3, 4, 5, 6)

    def __post_init__(self) -> None:
        check_ranges(self, "refinement", positive=("start_lr", "final_lr"), not_negative=("num_steps",))

    def learning_rate(self, step: int) -> float:
        """Return the rate of update number `step`: start_lr * (final_lr / start_lr) ** (step / num_steps)."""
        return falling_rate(self.start_lr, self.final_lr, step, self.num_steps)


@dataclass(frozen=True, eq=False)
class RefineStep:
    """One evaluation, passed to `on_step`.

    Attributes:
        step: updates made so far, 0 for the start.
        total: updates at most.
        loss: the weighted sum that is minimised.
        terms: each term by name, not weighted.
        learning_rate: rate of the next update.
    """

    step: int
    total: int
    loss: float
    terms: Mapping[str, float]
    learning_rate: float
    _pixels: paddle.Tensor = field(repr=False)

    def image(self) -> Image:
        """Return the rendering, (S, S, 3); it is only converted when this is called."""
        return to_image(self._pixels.numpy())


@dataclass(frozen=True, eq=False)
class Refined:
    """A refined code.

    Attributes:
        w_plus: (n_latent, D) float32, the code with the smallest loss.
        terms: its terms by name, not weighted.
        history: the terms at the start and after each update.
        losses: their weighted sums.
        num_steps: updates made.
        best_step: updates made when the code was best.
        networks: by term, the name of the network that measured it.
        interrupted: whether Ctrl-C ended the refinement.
    """

    w_plus: FloatArray
    terms: dict[str, float]
    history: tuple[dict[str, float], ...]
    losses: tuple[float, ...]
    num_steps: int
    best_step: int
    networks: dict[str, str]
    interrupted: bool


def refine_fusion(
    engine: Engine,
    w_plus: FloatArray,
    source_crop: FloatArray,
    target_crop: FloatArray,
    mask: FloatArray | None = None,
    options: RefineOptions | None = None,
    on_step: Callable[[RefineStep], None] | None = None,
    *,
    source_pose: Pose | None = None,
    target_pose: Pose | None = None,
    networks: FusionNetworks | None = None,
) -> Refined:
    """Move a fused code closer to the target person by gradient descent, kept close to the photo and to real faces.

    Adam on the weighted sum of `FusionObjective`'s terms. Do not judge the result by the identity distance that is
    minimised here: a code can please a network more than it resembles a person. The pose drifts by a degree or two
    towards that of the person's own photo; `pose_matching.match_pose` on the same layers corrects it. Nothing is
    random: the same arguments give the same bits. Ctrl-C ends the refinement and returns the best code so far, marked
    as `interrupted`.

    Args:
        engine: the model; its weights do not change.
        w_plus: (n_latent, D), the fused code, from `fuse_codes`.
        source_crop: (1, 3, H, H) in [-1, 1], the face of the photo that is kept, cropped as the model needs it.
        target_crop: (1, 3, H, H), the person who is put in, cropped likewise.
        mask: (H', H') in [0, 1], the source's face in its crop; None uses the whole crop.
        options: see `RefineOptions`.
        on_step: called after each evaluation.
        source_pose: pose of the source; None leaves the symmetry term out.
        target_pose: pose of the target in its own photo; the half of the face that this photo hides is compared with
            the other half.
        networks: networks that measure the terms; None loads the defaults.

    Raises:
        InputError: a code, crop or mask of another shape, or not finite.
        ConfigError: layers that the model does not have.
        WeightsError: a network that a weight needs is not available.
        DivergedError: the loss is no longer finite.

    Example:
        >>> refined = refine_fusion(engine, fused, to_pixels(crop_a.image), to_pixels(crop_b.image), mask)
    """
    options = options or RefineOptions()
    synthesizer = engine.synthesizer
    start = load_code(w_plus, synthesizer.n_latent, style_dim=synthesizer.style_dim)
    descent = _Descent(engine, start, options)
    objective = FusionObjective(
        engine, descent.start, source_crop, target_crop, mask, options.weights, source_pose, target_pose,
        networks or FusionNetworks(),
    )  # fmt: skip
    interrupted = False
    try:
        # Paddle turns a KeyboardInterrupt within a backward pass into an error of its own.
        with deferred_interrupt() as check_interrupt:
            descent.run(objective, on_step, check_interrupt)
    except KeyboardInterrupt:
        if not descent.losses:
            raise
        interrupted = True
    return descent.result(objective.names, interrupted)


class _Descent:
    """The code under refinement, its optimiser, and the best code so far."""

    def __init__(self, engine: Engine, start: FloatArray, options: RefineOptions) -> None:
        self._synthesizer, self._options = engine.synthesizer, options
        changes = np.zeros((1, len(start), 1), dtype=bool)
        changes[0, chosen_layers(options.layers, len(start))] = True
        device = engine.synthesizer.device
        self._changes = paddle.to_tensor(changes, place=device)
        self.start = paddle.to_tensor(start[None], place=device)
        self._code = paddle.to_tensor(start[None].copy(), place=device, stop_gradient=False)
        self._optimizer = paddle.optimizer.Adam(learning_rate=options.start_lr, parameters=[self._code])
        self._history: list[dict[str, float]] = []
        self.losses: list[float] = []
        self._best, self._best_step = start, 0

    def run(
        self,
        objective: FusionObjective,
        on_step: Callable[[RefineStep], None] | None,
        check_interrupt: Callable[[], None],
    ) -> None:
        """Evaluate and update in turn; the last update is evaluated too, as it may be the best."""
        total = self._options.num_steps
        for step in range(total + 1):
            is_last = step == total
            with paddle.set_grad_enabled(not is_last):
                code = paddle.where(self._changes, self._code, self.start)
                pixels = self._synthesizer.render_tensor(code)
                terms = objective.terms(pixels, code)
                loss = objective.weigh(terms)
            value = float(loss)
            if not np.isfinite(value):
                raise DivergedError(
                    f"the loss became {value} at step {step}", where="refinement", cure="Lower start_lr"
                )
            self._keep(step, value, {name: float(term) for name, term in terms.items()}, code)
            rate = self._options.learning_rate(step)
            if on_step is not None:
                on_step(RefineStep(step, total, value, self._history[-1], rate, pixels.detach()))
            check_interrupt()
            if not is_last:
                self._update(loss, rate)

    def _keep(self, step: int, loss: float, terms: dict[str, float], code: paddle.Tensor) -> None:
        if not self.losses or loss < min(self.losses):
            self._best, self._best_step = code.numpy()[0], step
        self.losses.append(loss)
        self._history.append(terms)

    def _update(self, loss: paddle.Tensor, rate: float) -> None:
        self._optimizer.set_lr(rate)
        self._optimizer.clear_grad()
        loss.backward()
        self._optimizer.step()

    def result(self, networks: dict[str, str], interrupted: bool) -> Refined:
        """Return the best code with its history."""
        code, best = np.ascontiguousarray(self._best, np.float32), self._best_step
        history, losses = tuple(self._history), tuple(self.losses)
        return Refined(code, history[best], history, losses, len(losses) - 1, best, networks, interrupted)
