"""Fuse two people in W+: the features of one, with the pose, the expression, the light and the colours of the other.

Measured on faces-128 by swapping layers between 30 pairs of faces that look the same way (shares of the way from one to
the other): layers 3-6 carry 0.87 of the identity (dlib's descriptor) and 0.92 of the landmarks, layers 0-3 0.81 of the
light from one side, layers from 7 on 0.85 of the mean colour. They are the groups of pixel2style2pixel's encoder too
(arXiv 2008.00951, section 3.1). The fused code can then be refined by gradient descent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np
import paddle

from ppgan_ext.apps.fusion.refinement_objective import FusionNetworks, FusionObjective, FusionWeights
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.images import to_image
from ppgan_ext.interrupts import deferred_interrupt
from ppgan_ext.latents.codes import load_code
from ppgan_ext.latents.descent import check_ranges, falling_rate
from ppgan_ext.latents.directions import Direction, chosen_layers
from ppgan_ext.latents.mixing import mix
from ppgan_ext.latents.projector import DivergedError
from ppgan_ext.types import FloatArray, Image, Pose

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine

__all__ = [
    "FusionNetworks",
    "FusionShares",
    "FusionWeights",
    "RefineOptions",
    "RefineStep",
    "Refined",
    "fuse_codes",
    "layer_shares",
    "refine_fusion",
]

GROUPS: dict[str, slice] = {
    "light": slice(0, 3),  # light and background
    "identity": slice(3, 7),  # features, shape, expression, pose
    "skin": slice(7, None),  # colours, texture
}
POSE = ("yaw", "pitch", "roll")
EXPRESSION = ("smile", "mouth_open", "eyes_open")
SHAPE = ("eye_distance", "eye_ratio", "eye_eyebrow_distance", "nose_ratio", "nose_tip", "nose_mouth_distance")


@dataclass(frozen=True)
class FusionShares:
    """What share the target, the person who is put in, has in each part; the rest is the source's.

    Attributes:
        identity: of the features, in [0, 1].
        shape: of the proportions: how far the eyes lie apart, the size of nose and eyes.
        skin: of the skin's colour and texture.
        expression: of the smile, and of how far mouth and eyes are open.
        light: of the light's direction, and of what is seen beside the face.
    """

    identity: float = 1.0
    shape: float = 1.0
    skin: float = 0.0
    expression: float = 0.0
    light: float = 0.0

    def __post_init__(self) -> None:
        wrong = [f"{f.name}={getattr(self, f.name)}" for f in fields(self) if not 0 <= getattr(self, f.name) <= 1]
        if wrong:
            raise ConfigError(f"out of range: {', '.join(wrong)}", where="fusion", cure="Give shares from 0 to 1")


def fuse_codes(
    source: FloatArray,
    target: FloatArray,
    shares: FusionShares | None = None,
    directions: Mapping[str, Direction] | None = None,
) -> FloatArray:
    """Give the photo's face the features of another person.

    The layers are mixed group by group. Then the expression, and as far as asked for the proportions, are brought to
    what they shall be, by what the directions' regressors say of the codes: they are moved together so that all come
    right and yaw, pitch and roll stay, which `pose_matching` has settled in a better way.

    Args:
        source: (n_latent, D), the photo that is kept: pose, expression, light, colours.
        target: (n_latent, D), the person who is put in, turned to the source's pose (`pose_matching.match_pose`).
        shares: what comes from the target.
        directions: those of the model; only such that can measure are used. None leaves expression and proportions as
            the layers bring them, which is mostly the target's.

    Returns:
        (n_latent, D) float32. With all shares 0 the source's bits, with all 1 the target's.

    Raises:
        InputError: codes of different shapes.
        ConfigError: a model of fewer layers than groups.
    """
    shares = shares or FusionShares()
    first, second = np.asarray(target, np.float32), np.asarray(source, np.float32)
    if first.ndim != 2 or first.shape != second.shape:
        cure = "Fuse two latents of one model"
        raise InputError(f"cannot fuse latents of shapes {second.shape} and {first.shape}", cure=cure)
    fused = mix(first, second, layer_shares(shares, len(first)))
    if not directions:
        return fused
    wanted = {name: shares.expression for name in EXPRESSION} | {name: shares.shape for name in SHAPE}
    # Where identity is not the target's, neither are all proportions: a share is one of what identity has brought.
    moved = {name: share for name, share in wanted.items() if share < 1.0 and name in directions}
    if not moved or shares.identity == 0.0:
        return fused
    return _take_over(fused, second, first, moved, directions)


def layer_shares(shares: FusionShares, n_latent: int) -> list[float]:
    """Spell the shares of the groups out, one per layer.

    Raises:
        ConfigError: the model has no layer of some group.
    """
    if n_latent <= GROUPS["skin"].start:
        cure = "Choose a model of 32 px or more"
        raise ConfigError(f"a model of {n_latent} layers has none for the skin", where="fusion", cure=cure)
    weights = [0.0] * n_latent
    for name, layers in GROUPS.items():
        for layer in range(n_latent)[layers]:
            weights[layer] = float(getattr(shares, name))
    return weights


def _take_over(
    fused: FloatArray,
    source: FloatArray,
    target: FloatArray,
    shares: Mapping[str, float],
    directions: Mapping[str, Direction],
) -> FloatArray:
    """Move a code so that attributes read as source + share * (target - source), and the pose as before."""
    moved = [name for name in shares if directions[name].regressor is not None]
    held = [name for name in POSE if name in directions and directions[name].regressor is not None]
    if not moved:
        return fused
    changes = []
    for name in moved:
        at_source = directions[name].measure(source)
        aim = at_source + shares[name] * (directions[name].measure(target) - at_source)
        changes.append(aim - directions[name].measure(fused))
    names = moved + held
    vectors = _stack([directions[name].vector for name in names], fused.shape)
    regressors = _stack([directions[name].regressor for name in names], fused.shape)
    response = regressors @ vectors.T  # (attribute, direction): what one unit changes
    amounts = np.linalg.lstsq(response, np.array(changes + [0.0] * len(held)), rcond=1e-3)[0]
    return (fused.astype(np.float64) + (amounts @ vectors).reshape(fused.shape)).astype(np.float32)


def _stack(arrays: Sequence[FloatArray | None], shape: tuple[int, ...]) -> FloatArray:
    """Flatten directions, one layer or all, into rows, (k, n_latent * D) float64."""
    rows = [np.broadcast_to(np.asarray(array, np.float64), shape).reshape(-1) for array in arrays]
    return np.stack(rows)


@dataclass(frozen=True)
class RefineOptions:
    """How a fused code is refined.

    Attributes:
        num_steps: updates of the code; 0 only measures the start.
        start_lr: learning rate of the first update.
        final_lr: what it falls to, geometrically.
        weights: of the terms.
        layers: the only layers that change, by default those of "identity"; None for all, by which colours run.
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
    """One evaluation, handed to `on_step`.

    Attributes:
        step: updates made so far, 0 for the start.
        total: updates at most.
        loss: the weighted sum that is minimised.
        terms: each term by name, not weighted.
        learning_rate: of the update to come.
    """

    step: int
    total: int
    loss: float
    terms: Mapping[str, float]
    learning_rate: float
    _pixels: paddle.Tensor = field(repr=False)

    def image(self) -> Image:
        """Convert the rendering, (S, S, 3); only then does it cost time."""
        return to_image(self._pixels.numpy())


@dataclass(frozen=True, eq=False)
class Refined:
    """A refined code.

    Attributes:
        w_plus: (n_latent, D) float32, the code with the smallest loss that was seen.
        terms: each term of it by name, not weighted.
        history: the terms of the start and after each update.
        losses: their weighted sums.
        num_steps: updates made.
        best_step: updates made when the code was best.
        networks: by term, the name of the network that it was measured with.
        interrupted: whether Ctrl-C ended it.
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
    """Bring a fused code nearer to the target person by gradient descent, held to the photo and to real faces.

    Adam on the weighted sum of `FusionObjective`'s terms. The identity that is minimised here cannot also be what the
    result is judged by: a code can please a network more than it resembles a person. The pose drifts by a degree or
    two, towards that of the person's own photo; `pose_matching.match_pose` on the same layers takes it back. Nothing in
    it is random: the same arguments give the same bits. Ctrl-C ends it and returns the best code so far, marked
    `interrupted`.

    Args:
        engine: the model; its weights do not change.
        w_plus: (n_latent, D), the fused code, from `fuse_codes`.
        source_crop: (1, 3, H, H) in [-1, 1], the face of the photo that is kept, cut as the model needs it.
        target_crop: (1, 3, H, H), the person who is put in, cut likewise.
        mask: (H', H') in [0, 1], where the source's face lies in its crop; None counts the whole crop.
        options: see `RefineOptions`.
        on_step: called after each evaluation.
        source_pose: pose of the source; None leaves the symmetry term out.
        target_pose: pose of the target in its own photo: of a half that it does not show, the other one is the measure.
        networks: what to measure with; None takes the usual ones.

    Raises:
        InputError: a code, crop or mask of another shape, or not finite.
        ConfigError: layers that the model does not have.
        WeightsError: a network that a weight asks for cannot be had.
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
    """The code that is refined, its optimiser, and the best of what was seen."""

    def __init__(self, engine: Engine, start: FloatArray, options: RefineOptions) -> None:
        self._synthesizer, self._options = engine.synthesizer, options
        chosen = np.zeros((1, len(start), 1), dtype=bool)
        chosen[0, chosen_layers(options.layers, len(start))] = True
        device = engine.synthesizer.device
        self._chosen = paddle.to_tensor(chosen, place=device)
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
        """Evaluate and update in turn; the last update is evaluated too, so that it can be the best."""
        total = self._options.num_steps
        for step in range(total + 1):
            is_last = step == total
            with paddle.set_grad_enabled(not is_last):
                code = paddle.where(self._chosen, self._code, self.start)
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
        """Gather what came of it."""
        code, best = np.ascontiguousarray(self._best, np.float32), self._best_step
        history, losses = tuple(self._history), tuple(self.losses)
        return Refined(code, history[best], history, losses, len(losses) - 1, best, networks, interrupted)
