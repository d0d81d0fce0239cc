"""Tune a generator to a few photos: "Pivotal Tuning for Latent-based Editing of Real Images", arXiv 2106.05744.

An encoder or a projector finds the nearest code to a photo, the pivot. Here a copy of the generator is trained to
reproduce the photo from that code (section 3.2), while a regulariser keeps its images elsewhere (section 3.3), so that
edits of the pivot keep their meaning. Several photos share one copy. There are two differences from the paper: the
learning rate falls, as about sixty steps must be enough where the paper uses 350; the regulariser's distance is a mean
per number of the code, so that it means the same in models of any size.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import paddle

from ppgan_ext import seeding
from ppgan_ext.engine import Engine, Synthesizer
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.interrupts import deferred_interrupt
from ppgan_ext.latents.descent import check_ranges, falling_rate
from ppgan_ext.latents.objective import Distance, Objective
from ppgan_ext.latents.projector import DivergedError, Step
from ppgan_ext.losses.perceptual import Perceptual, default_perceptual
from ppgan_ext.networks.stylegan2 import StyleGANv2Generator
from ppgan_ext.nn.forms import Form, once_form
from ppgan_ext.types import FloatArray
from ppgan_ext.weights import tuned

if TYPE_CHECKING:
    from ppgan_ext.weights.load import FaceModel


@dataclass(frozen=True)
class TuningOptions:
    """Options of the tuning.

    The defaults are the best for `faces-128`: higher rates reproduce the photo no better and weaken its edits, and a
    heavier regulariser costs more in the photo than it gains in the edits.

    Attributes:
        num_steps: updates of the weights; 0 only copies.
        start_lr: learning rate of the first update.
        final_lr: learning rate at the end; the rate falls geometrically.
        perceptual_weight: weight of the perceptual distance.
        mse_weight: weight of the mean squared error, the paper's lambda_L2.
        locality_weight: weight of the regulariser, the paper's lambda_R; 0 turns it off.
        locality_every: number of updates from one with the regulariser to the next.
        locality_distance: the paper's alpha as a root mean square per number of the code. The paper's 30, over 18 x 512
            numbers, is 0.31.
        seed: seed of the regulariser's random codes.
    """

    num_steps: int = 60
    start_lr: float = 2e-3
    final_lr: float = 1e-3
    perceptual_weight: float = 1.0
    mse_weight: float = 1.0
    locality_weight: float = 0.3
    locality_every: int = 4
    locality_distance: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        rates = ("start_lr", "final_lr", "locality_distance")
        weights = ("num_steps", "perceptual_weight", "mse_weight", "locality_weight")
        check_ranges(self, "tuning", positive=rates, not_negative=weights, at_least_1=("locality_every",))
        if self.perceptual_weight == self.mse_weight == 0:
            what = "perceptual_weight and mse_weight are both 0"
            raise ConfigError(what, where="tuning", cure="Give one of them a positive value")
        seeding.check_seed(self.seed)

    def learning_rate(self, step: int) -> float:
        """Return the rate of update number `step`: start_lr * (final_lr / start_lr) ** (step / num_steps)."""
        return falling_rate(self.start_lr, self.final_lr, step, self.num_steps)


@dataclass(frozen=True, eq=False)
class TuningStep(Step):
    """One evaluation, passed to `on_step`; `loss` is that of the photos, `image()` is the first of them.

    Attributes:
        locality: the regulariser's value, unweighted; None in updates without it.
    """

    locality: float | None


@dataclass(frozen=True, eq=False)
class Tuning:
    """A tuned generator.

    Attributes:
        synthesizer: renders with the tuned copy, uncompiled: compiling a program would take longer than rendering the
            few images of an edit, and would fill the cache with programs that are used once.
        pivots: (k, n_latent, D) float32, the codes of the photos.
        pixels: (k, 3, S, S) float32, their renderings.
        losses: losses of the photos, before the first update and after each.
        num_steps: number of updates.
        perceptual_name: network of the perceptual distance.
        interrupted: whether Ctrl-C ended the tuning.
    """

    synthesizer: Synthesizer
    pivots: FloatArray
    pixels: FloatArray
    losses: tuple[float, ...]
    num_steps: int
    perceptual_name: str
    interrupted: bool

    @property
    def generator(self) -> StyleGANv2Generator:
        """The tuned copy, in eval mode, its weights frozen."""
        return self.synthesizer.generator

    def engine(self, base: Engine) -> Engine:
        """Return an engine that renders with the tuned copy and encodes as `base` does."""
        model = replace(base.face_model, generator=self.generator)
        return replace(base, synthesizer=self.synthesizer, face_model=model)


def tune(
    engine: Engine,
    targets: FloatArray,
    pivots: FloatArray,
    options: TuningOptions | None = None,
    masks: Sequence[FloatArray | None] | None = None,
    on_step: Callable[[TuningStep], None] | None = None,
    *,
    perceptual: Perceptual | None = None,
) -> Tuning:
    """Train a copy of the generator to reproduce photos from their codes.

    The engine and its generator stay unchanged, byte for byte. The same arguments return the same bits. Ctrl-C ends the
    tuning and returns the current copy, marked `interrupted`.

    Args:
        engine: the model.
        targets: (k, 3, H, H) aligned crops in [-1, 1], any H.
        pivots: (k, n_latent, D), the codes of the photos; (n_latent, D) for one.
        options: see `TuningOptions`.
        masks: for each target (H', H') in [0, 1], 1 where it counts, or None.
        on_step: called after each evaluation.
        perceptual: distance to use; None for `ppgan_ext.losses.perceptual.default_perceptual`.

    Returns:
        The tuned copy. `tuning.synthesizer.render(pivots)` returns `pixels` bit for bit.

    Raises:
        InputError: targets, pivots or masks differ in shape or number, or are not finite.
        DivergedError: the loss is no longer finite.

    Example:
        >>> tuning = tune(engine, pixels, engine.encode(pixels))
        >>> older = tuning.synthesizer.render(apply(tuning.pivots, directions, {"age": 20}))
    """
    options = options or TuningOptions()
    synthesizer = engine.synthesizer
    codes = _check_pivots(pivots, len(targets), synthesizer)
    form = once_form(synthesizer.device == "cpu")
    distance = perceptual or default_perceptual(form)
    if masks is not None and len(masks) != len(codes):
        raise InputError(f"{len(masks)} masks for {len(codes)} targets", where="masks", cure="Give one for each target")
    run = _Run(synthesizer, codes, options, distance, form)
    for target, mask in zip(targets, masks or [None] * len(codes), strict=True):
        run.add_photo(target[None], mask)
    interrupted = False
    try:
        # Paddle converts a KeyboardInterrupt within a backward pass to an error of its own.
        with deferred_interrupt() as check_interrupt:
            _descend(run, options, on_step, check_interrupt)
    except KeyboardInterrupt:
        if not run.losses:
            raise
        interrupted = True
    device, half, losses = synthesizer.device, synthesizer.half, tuple(run.losses)
    result = Synthesizer(run.generator, name=synthesizer.name, device=device, half=half, compiled=False)
    return Tuning(result, codes, result.render(codes), losses, len(losses) - 1, distance.name, interrupted)


def save_tuning(
    path: str | os.PathLike[str], tuning: Tuning, face_model: FaceModel, encoded: FloatArray | None = None
) -> None:
    """Write a tuned generator; `load_face_model(weight_path=path)` loads it with its model's encoder and directions.

    Args:
        path: ``.safetensors``.
        tuning: the result of `tune`.
        face_model: the model that was tuned.
        encoded: (k, n_latent, D), the encoder's codes of the photos, by which the photos are recognised if the pivots
            were refined; None if they were not.

    Raises:
        ConfigError: another suffix.
        WeightsError: a weight is out of range for half precision.
        OutputError: the file cannot be written.
    """
    parameters = {name: value.numpy() for name, value in tuning.generator.named_parameters()}
    photos = f"{len(tuning.pivots)} photo" + "s" * (len(tuning.pivots) > 1)
    provenance = f"{face_model.base.name}, tuned to {photos} in {tuning.num_steps} steps (arXiv 2106.05744)"
    licence = face_model.record.licence
    tuned.write(path, parameters, face_model.base, tuning.pivots, encoded, licence=licence, provenance=provenance)


def _descend(
    run: _Run,
    options: TuningOptions,
    on_step: Callable[[TuningStep], None] | None,
    check_interrupt: Callable[[], None],
) -> None:
    """Alternate evaluation and update; the last update is evaluated too."""
    for step in range(options.num_steps + 1):
        is_last = step == options.num_steps
        with paddle.set_grad_enabled(not is_last):
            terms, pixels = run.photos()
        loss = run.weigh(*terms)
        locality = None
        # Before the first update both generators are the same, so there is nothing to compare.
        if not is_last and options.locality_weight and (step + 1) % options.locality_every == 0:
            locality = run.locality()
        for name, value in (("loss", loss), ("locality regulariser", locality or 0.0)):
            if not np.isfinite(value):
                raise DivergedError(f"the {name} became {value} at step {step}", where="tuning", cure="Lower start_lr")
        run.losses.append(loss)
        rate = options.learning_rate(step)
        if on_step is not None:
            on_step(TuningStep(step, options.num_steps, loss, *terms, rate, pixels, locality))
        check_interrupt()
        if not is_last:
            run.update(rate)


class _Run:
    """The copy that is tuned, its objectives, and its optimiser."""

    def __init__(
        self,
        synthesizer: Synthesizer,
        codes: FloatArray,
        options: TuningOptions,
        perceptual: Perceptual,
        form: Form,
    ) -> None:
        self._original, self._options, self._perceptual, self._form = synthesizer, options, perceptual, form
        self._codes = codes
        self._objectives: list[Objective] = []
        self.generator = copy.deepcopy(synthesizer.generator)
        parameters = [value for name, value in self.generator.named_parameters() if not name.startswith(tuned.UNTUNED)]
        for parameter in parameters:
            parameter.stop_gradient = False
        self._optimizer = paddle.optimizer.Adam(learning_rate=options.start_lr, parameters=parameters)
        self._rng = seeding.generator(options.seed)
        self.losses: list[float] = []

    def add_photo(self, target: FloatArray, mask: FloatArray | None) -> None:
        """Add the photo (1, 3, H, H) of the next code."""
        self._objectives.append(self._objective(target, mask))

    def weigh(self, perceptual: float, mse: float) -> float:
        """Combine both image terms: L_pt of section 3.2."""
        return self._options.perceptual_weight * perceptual + self._options.mse_weight * mse

    def photos(self) -> tuple[tuple[float, float], paddle.Tensor]:
        """Render every pivot and accumulate the gradients; return both terms, averaged, and the first image."""
        share, sums, first = 1.0 / len(self._objectives), np.zeros(2), None
        # One after the other: on a CPU a batch is no faster and needs more memory.
        for code, objective in zip(self._codes, self._objectives, strict=True):
            pixels = self.generator.render(self._tensor(code[None]), "fixed", self._form)
            terms = objective.distance(pixels)
            self._backward(terms, share)
            sums += [float(terms.perceptual), float(terms.mse)]
            first = pixels.detach() if first is None else first
        perceptual, mse = sums * share
        return (float(perceptual), float(mse)), first

    def locality(self) -> float:
        """Compare both generators near each pivot and accumulate the gradients: L_R of section 3.3; return the mean."""
        total, share = 0.0, 1.0 / len(self._codes)
        for near in self._neighbours():
            latent = self._tensor(near[None])
            with paddle.no_grad():
                before = self._original.generator.render(latent, "fixed", self._form)
            terms = self._objective(before.numpy()).distance(self.generator.render(latent, "fixed", self._form))
            self._backward(terms, share * self._options.locality_weight)
            total += share * self.weigh(float(terms.perceptual), float(terms.mse))
        return total

    def update(self, rate: float) -> None:
        """Take one step of Adam."""
        self._optimizer.set_lr(rate)
        self._optimizer.step()
        self._optimizer.clear_grad()

    def _objective(self, target: FloatArray, mask: FloatArray | None = None) -> Objective:
        size, device = self._original.size, self._original.device
        return Objective(target, size, self._perceptual, mask, device, every_pixel=True)

    def _neighbours(self) -> FloatArray:
        """Return codes at a step from each pivot towards a random w of the mapping, (k, n_latent, D).

        Section 3.3: w_r = w_p + alpha (w_z - w_p) / |w_z - w_p|.
        """
        z = self._rng.standard_normal((len(self._codes), self._original.style_dim), np.float32)
        towards = self._original.map(z)[:, None] - self._codes
        length = np.sqrt((towards**2).mean(axis=(1, 2), keepdims=True))
        return self._codes + self._options.locality_distance * towards / np.maximum(length, 1e-8)

    def _backward(self, terms: Distance, share: float) -> None:
        loss = self._options.perceptual_weight * terms.perceptual + self._options.mse_weight * terms.mse
        if not loss.stop_gradient:
            (share * loss).backward()

    def _tensor(self, array: FloatArray) -> paddle.Tensor:
        return paddle.to_tensor(np.asarray(array, np.float32), place=self._original.device)


def _check_pivots(pivots: FloatArray, num_targets: int, synthesizer: Synthesizer) -> FloatArray:
    codes = np.array(pivots, dtype=np.float32)
    codes = codes[None] if codes.ndim == 2 else codes
    expected = (num_targets, synthesizer.n_latent, synthesizer.style_dim)
    if codes.shape != expected or num_targets == 0:
        what = f"expected pivots {expected}, got {codes.shape}"
        raise InputError(what, where="pivots", cure="Give one code for each target")
    if not np.isfinite(codes).all():
        what = "the pivots contain NaN or infinite numbers"
        raise InputError(what, where="pivots", cure="Encode the photos again")
    return codes
