"""Fit a latent code to a photo by gradient descent: GAN inversion by optimisation.

The schedule, the optimiser and the image terms are those of PaddleGAN's fitting predictor (see also StyleGAN2, arXiv
1912.04958, appendix D). There are three differences: the result is the best code evaluated and the image that exactly
this code renders, the target's features are computed once, and the generator receives no gradient.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import paddle

from ppgan_ext.errors import PpganExtError
from ppgan_ext.images import to_image
from ppgan_ext.interrupts import deferred_interrupt
from ppgan_ext.latents.codes import load_code
from ppgan_ext.latents.descent import check_ranges, falling_rate
from ppgan_ext.latents.directions import chosen_layers
from ppgan_ext.latents.objective import Objective, noise_correlation, spread_over_layers
from ppgan_ext.losses.perceptual import Perceptual, default_perceptual
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine, Synthesizer


@dataclass(frozen=True)
class ProjectorOptions:
    """Options of the fit.

    Attributes:
        num_steps: updates of the code; 0 only renders the start.
        start_lr: learning rate of the first update.
        final_lr: learning rate at the end; the rate falls geometrically.
        mse_weight: weight of the mean squared error beside the perceptual distance.
        latent_level: layers that may change; None for all. PaddleGAN's default is layers 0 to 11: at 1024 px the layers
            from 12 on stay at the mean, so the photo's colours are not fitted.
        optimize_noise: fit the noise maps too.
        noise_weight: weight of the noise regulariser, the paper's 1e5.
        w_space_weight: weight of the spread of the layers around their mean; pulls the code towards W.
        stop_at: compare the skip image of this resolution instead of the full image, shrunk: much faster, but a
            different objective. None compares the full image.
        patience: stop after this many steps without progress; None never stops early.
        tolerance: least progress, as a share of the best loss.
    """

    num_steps: int = 100
    start_lr: float = 0.1
    final_lr: float = 0.025
    mse_weight: float = 1.0
    latent_level: Sequence[int] | None = None
    optimize_noise: bool = False
    noise_weight: float = 1e5
    w_space_weight: float = 0.0
    stop_at: int | None = None
    patience: int | None = None
    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        weights = ("num_steps", "mse_weight", "noise_weight", "w_space_weight", "tolerance")
        check_ranges(
            self, "projector", positive=("start_lr", "final_lr"), not_negative=weights, at_least_1=("patience",)
        )

    def learning_rate(self, step: int) -> float:
        """Return the rate of update number `step`: start_lr * (final_lr / start_lr) ** (step / num_steps)."""
        return falling_rate(self.start_lr, self.final_lr, step, self.num_steps)


@dataclass(frozen=True, eq=False)
class Step:
    """One evaluation, passed to `on_step`.

    Attributes:
        step: number of updates so far, 0 at the start.
        total: most updates.
        loss: the loss that is minimised.
        perceptual: perceptual distance in it.
        mse: mean squared error in it, unweighted.
        learning_rate: learning rate of the next update.
    """

    step: int
    total: int
    loss: float
    perceptual: float
    mse: float
    learning_rate: float
    _pixels: paddle.Tensor = field(repr=False)

    def image(self) -> Image:
        """Return the rendering, (S, S, 3) uint8, or smaller with `stop_at`; it is converted only on this call."""
        return to_image(self._pixels.numpy())


@dataclass(frozen=True, eq=False)
class Projection:
    """A fitted code.

    Attributes:
        w_plus: (n_latent, D) float32, the best code evaluated.
        noise: its fitted noise maps (1, 1, r, r), or None for the model's own.
        pixels: (1, 3, S, S) float32, the exact rendering of this code and noise.
        losses: losses at the start and after each update.
        num_steps: number of updates.
        best_step: number of updates up to the best code.
        perceptual_name: network of the perceptual distance.
        interrupted: whether Ctrl-C ended the fit.
    """

    w_plus: FloatArray
    noise: list[FloatArray] | None
    pixels: FloatArray
    losses: tuple[float, ...]
    num_steps: int
    best_step: int
    perceptual_name: str
    interrupted: bool


class DivergedError(PpganExtError):
    """The loss became NaN or infinite. `best` is the `Projection` up to then, or None if it was never finite."""

    best: Projection | None = None


def project(
    engine: Engine,
    target: FloatArray,
    options: ProjectorOptions | None = None,
    mask: FloatArray | None = None,
    start: str | os.PathLike[str] | FloatArray | None = None,
    on_step: Callable[[Step], None] | None = None,
    *,
    perceptual: Perceptual | None = None,
) -> Projection:
    """Fit a code whose image looks like the target.

    The fit is deterministic: the same arguments return the same bits. Ctrl-C ends the fit and returns the best code so
    far, marked `interrupted`.

    Args:
        engine: the model; its weights do not change.
        target: (1, 3, H, H) aligned crop in [-1, 1], any H.
        options: see `ProjectorOptions`.
        mask: (H', H') in [0, 1], 1 where the image counts; None for all of it.
        start: code to start from: None or "mean" for the mean code, "encoder" for the model's encoder, or a source for
            `ppgan_ext.latents.codes.load_code`.
        on_step: called after each evaluation.
        perceptual: distance to use; None for `ppgan_ext.losses.perceptual.default_perceptual`.

    Returns:
        The fit. `engine.synthesizer.render(w_plus[None], noise)` returns `pixels` bit for bit.

    Raises:
        InputError: target, mask or start have another shape, or are not finite.
        ConfigError: the model lacks the layers, the resolution or the encoder.
        DivergedError: the loss is no longer finite.

    Example:
        >>> fit = project(engine, to_pixels(crop.image), ProjectorOptions(num_steps=100), start="encoder")
    """
    options = options or ProjectorOptions()
    synthesizer = engine.synthesizer
    fit = _Fit(synthesizer, options, _starting_code(engine, target, start))
    distance = perceptual or default_perceptual()
    objective = Objective(target, options.stop_at or synthesizer.size, distance, mask, synthesizer.device)
    interrupted = False
    try:
        # Paddle converts a KeyboardInterrupt within a backward pass to an error of its own.
        with deferred_interrupt() as check_interrupt:
            _descend(fit, objective, options, on_step, check_interrupt)
    except KeyboardInterrupt:
        if not fit.losses:
            raise
        interrupted = True
    except DivergedError as error:
        error.best = fit.result(distance.name, False) if np.isfinite(fit.best_loss) else None
        raise
    return fit.result(distance.name, interrupted)


def _descend(
    fit: _Fit,
    objective: Objective,
    options: ProjectorOptions,
    on_step: Callable[[Step], None] | None,
    check_interrupt: Callable[[], None],
) -> None:
    """Alternate evaluation and update; the last update is evaluated too, as it can be the best."""
    progress_loss, since_progress = np.inf, 0
    for step in range(options.num_steps + 1):
        is_last = step == options.num_steps
        with paddle.set_grad_enabled(not is_last):
            pixels = fit.render()
            terms = objective.distance(pixels)
            loss = terms.perceptual + options.mse_weight * terms.mse + fit.regulariser()
        value = float(loss)
        if not np.isfinite(value):
            raise DivergedError(f"the loss became {value} at step {step}", where="projector", cure="Lower start_lr")
        fit.keep(step, value)
        rate = options.learning_rate(step)
        if on_step is not None:
            parts = (float(terms.perceptual), float(terms.mse))
            on_step(Step(step, options.num_steps, value, *parts, rate, pixels.detach()))
        check_interrupt()
        since_progress += 1
        if value < progress_loss * (1 - options.tolerance):
            progress_loss, since_progress = value, 0
        if is_last or (options.patience is not None and since_progress >= options.patience):
            return
        fit.update(loss, rate)


class _Fit:
    """The fitted code and noise, their optimiser, and the best ones so far."""

    def __init__(self, synthesizer: Synthesizer, options: ProjectorOptions, start: FloatArray) -> None:
        self._synthesizer, self._options = synthesizer, options
        device = synthesizer.device
        is_fitted = np.zeros((1, len(start), 1), dtype=bool)
        is_fitted[0, chosen_layers(options.latent_level, len(start), where="latent_level")] = True
        self._is_fitted = paddle.to_tensor(is_fitted, place=device)
        self._start = paddle.to_tensor(start[None], place=device)
        self._code = paddle.to_tensor(start[None].copy(), place=device, stop_gradient=False)
        self._noise: list[paddle.Tensor] = []
        self._num_fitted = 0  # noise maps above the compared skip image have no effect and stay
        if options.optimize_noise:
            largest = options.stop_at or synthesizer.size
            self._noise = [map_.detach().clone() for map_ in synthesizer.generator.fixed_noise()]
            self._num_fitted = sum(map_.shape[2] <= largest for map_ in self._noise)
            for map_ in self._noise[: self._num_fitted]:
                map_.stop_gradient = False
        fitted = [self._code, *self._noise[: self._num_fitted]]
        self._optimizer = paddle.optimizer.Adam(learning_rate=options.start_lr, parameters=fitted)
        self.losses: list[float] = []
        self.best_loss, self._best_step = np.inf, 0
        self._best_code, self._best_noise = start, [map_.numpy() for map_ in self._noise]

    def code(self) -> paddle.Tensor:
        """Return the code (1, n_latent, D); layers that are not fitted keep the bits of the start."""
        return paddle.where(self._is_fitted, self._code, self._start)

    def render(self) -> paddle.Tensor:
        """Render the current code, (1, 3, S, S), differentiably."""
        return self._synthesizer.render_tensor(self.code(), self._noise or None, self._options.stop_at)

    def regulariser(self) -> paddle.Tensor:
        """Return the weighted terms on code and noise, ()."""
        total = paddle.zeros([])
        if self._options.w_space_weight:
            total = total + self._options.w_space_weight * spread_over_layers(self.code())
        if self._num_fitted and self._options.noise_weight:
            total = total + self._options.noise_weight * noise_correlation(self._noise[: self._num_fitted])
        return total

    def keep(self, step: int, loss: float) -> None:
        """Record a loss, and its code and noise if it is the lowest."""
        self.losses.append(loss)
        if loss < self.best_loss:
            best_code, best_noise = self.code().numpy()[0], [map_.numpy() for map_ in self._noise]
            self.best_loss, self._best_step = loss, step
            self._best_code, self._best_noise = best_code, best_noise

    def update(self, loss: paddle.Tensor, rate: float) -> None:
        """Take one step of Adam, and normalise the noise maps to mean 0 and variance 1."""
        self._optimizer.set_lr(rate)
        self._optimizer.clear_grad()
        loss.backward()
        self._optimizer.step()
        with paddle.no_grad():
            for map_ in self._noise[: self._num_fitted]:
                centred = map_ - map_.mean()
                map_.set_value(centred * paddle.rsqrt((centred * centred).mean()))

    def result(self, perceptual_name: str, interrupted: bool) -> Projection:
        """Render the best code once more, through the engine's own call."""
        code = np.ascontiguousarray(self._best_code, dtype=np.float32)
        noise = self._best_noise or None
        pixels = self._synthesizer.render(code[None], noise)
        losses, best = tuple(self.losses), self._best_step
        return Projection(code, noise, pixels, losses, len(losses) - 1, best, perceptual_name, interrupted)


def _starting_code(engine: Engine, target: FloatArray, start: str | os.PathLike[str] | FloatArray | None) -> FloatArray:
    synthesizer = engine.synthesizer
    if start is None or (isinstance(start, str) and start == "mean"):
        start = synthesizer.w_avg
    elif isinstance(start, str) and start == "encoder":
        start = engine.encode(target)[0]
    return load_code(start, synthesizer.n_latent, style_dim=synthesizer.style_dim)
