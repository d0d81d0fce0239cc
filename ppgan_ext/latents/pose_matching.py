"""Turn a face in the latent space until its image shows the goal pose.

A direction's scale is a mean over many faces: on a single face, and far out, a unit of "yaw" turns the head by less
than a degree, and by less the further it goes. So the code is moved in a closed loop: render, measure the pose,
correct. This is root finding in two unknowns, the amounts of yaw and pitch, by Newton's method. The Jacobian is
measured by two probes and maintained by Broyden's rank-one updates (Mathematics of Computation 19, 1965); steps are
damped (Levenberg 1944) and limited to a radius that halves whenever a step loses the face or gets no nearer. Roll is
left to the crop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ppgan_ext.errors import InputError
from ppgan_ext.latents.descent import check_ranges
from ppgan_ext.types import FloatArray, Image, Pose

if TYPE_CHECKING:
    from ppgan_ext.latents.rotation import Turn

Stopped: TypeAlias = Literal["reached", "range", "lost", "stalled", "renders", "no face"]

_SMALLEST_STEP = 0.5  # units; the effect of a smaller one is lost in the noise of landmarks
_SHORTEST_PROBE, _LONGEST_PROBE = 4.0, 10.0  # units
_DAMPING = 0.03  # of the Jacobian's mean square; keeps steps finite where the pose hardly responds


@dataclass(frozen=True)
class PoseMatchOptions:
    """Limits of the walk.

    Attributes:
        reach_degrees: the goal counts as reached if yaw and pitch are both within this.
        aim_degrees: the walk continues until the distance (root of the sum of both squares) is below this.
        max_renders: most images rendered.
        max_step: most units of a direction in one step.
        max_amount: most units away from the start, for each direction.
        min_gain: least approach per unit of a step, degrees: where the pose hardly responds, further steps only damage
            the face.
        mirror_degrees: least difference of the yaws of a photo and its mirror image for mixing the two.
    """

    reach_degrees: float = 3.0
    aim_degrees: float = 0.7
    max_renders: int = 20
    max_step: float = 25.0
    max_amount: float = 60.0
    min_gain: float = 0.1
    mirror_degrees: float = 8.0

    def __post_init__(self) -> None:
        names = ("reach_degrees", "aim_degrees", "max_renders", "max_step", "max_amount", "mirror_degrees")
        check_ranges(self, "pose matching", positive=names, not_negative=("min_gain",))


@dataclass(frozen=True)
class PoseTrial:
    """One image of the walk.

    Attributes:
        amounts: units of yaw and of pitch away from the start.
        pose: the measured pose; None if the image shows no face.
        error: distance from the goal's yaw and pitch in degrees; infinite without a face.
    """

    amounts: tuple[float, float]
    pose: Pose | None
    error: float


@dataclass(frozen=True, eq=False)
class PoseMatch:
    """Result of the walk.

    Attributes:
        w_plus: (n_latent, D) float32, the nearest code, without steps of too little gain (`min_gain`).
        pose: the pose measured in its image; None if no image showed a face.
        reached: whether both angles are within `reach_degrees`.
        num_renders: number of images rendered.
        history: the walk, image by image.
        stopped: why it ended: "reached" (within `aim_degrees`), "range" (the largest amount), "lost" (further steps
            lose the face), "stalled" (further steps get no nearer), "renders" (the limit), "no face" (not even at the
            start).
        amounts: units of yaw and of pitch from the start to `w_plus`.
        mirrored_share: share of the mirror image's code in the start.
    """

    w_plus: FloatArray
    pose: Pose | None
    reached: bool
    num_renders: int
    history: tuple[PoseTrial, ...]
    stopped: Stopped
    amounts: tuple[float, float]
    mirrored_share: float = 0.0


Render: TypeAlias = Callable[[FloatArray], Image]
Measure: TypeAlias = Callable[[Image], Pose | None]


def match_pose(
    w_plus: FloatArray,
    goal: Pose,
    turn: Turn,
    render: Render,
    measure: Measure,
    options: PoseMatchOptions | None = None,
    *,
    mirrored: FloatArray | None = None,
) -> PoseMatch:
    """Turn a code by yaw and pitch until its image shows the goal's yaw and pitch.

    With the code of the mirrored photo the walk starts part of the way: a face's mirror image looks to the other side,
    and on the line between the two codes this particular head turns. The direction only covers the rest. The person's
    asymmetries are then averaged, or change sides.

    Args:
        w_plus: (n_latent, D), the face to turn.
        goal: the pose to reach; its roll is not used.
        turn: turns a code by amounts of yaw and pitch, see `rotation`.
        render: renders a code (n_latent, D) to an image (S, S, 3).
        measure: returns the pose in an image, or None without a face.
        options: see `PoseMatchOptions`.
        mirrored: (n_latent, D), the code of the same photo mirrored left to right.

    Returns:
        The nearest code. If the model cannot turn as far as the goal, `reached` is False and `stopped` is the reason.

    Raises:
        InputError: the codes have another shape.

    Example:
        >>> match = match_pose(w_plus, Pose(25.0, -5.0, 0.0), turn_along(directions), draw, pose_of_crop)
    """
    options = options or PoseMatchOptions()
    code = np.asarray(w_plus, np.float32)
    if code.ndim != 2 or (mirrored is not None and np.shape(mirrored) != code.shape):
        shapes = [code.shape] if mirrored is None else [code.shape, np.shape(mirrored)]
        what = f"codes to turn are (n_latent, D) each, got {shapes}"
        raise InputError(what, where="w_plus", cure="Give codes of one face")
    walk = _Walk(code, goal, turn, render, measure, options)
    share = 0.0 if mirrored is None else walk.start_between(np.asarray(mirrored, np.float32))
    stopped = walk.run()
    best = walk.best
    pose = best.trial.pose
    reached = pose is not None and float(np.abs(best.error).max()) <= options.reach_degrees
    amounts = (float(best.amounts[0]), float(best.amounts[1]))
    history = tuple(walk.history)
    return PoseMatch(walk.code(best.amounts), pose, reached, len(history), history, stopped, amounts, share)


@dataclass(frozen=True, eq=False)
class _Point:
    """A point of the walk: amounts (2,), and the measured minus the goal's yaw and pitch (2,), NaN without a face."""

    amounts: FloatArray
    error: FloatArray
    trial: PoseTrial

    @property
    def distance(self) -> float:
        return self.trial.error


@dataclass(eq=False)
class _Walk:
    """The walk from one code: the current Jacobian, and the best point so far."""

    start: FloatArray
    goal: Pose
    turn: Turn
    render: Render
    measure: Measure
    options: PoseMatchOptions
    history: list[PoseTrial] = field(default_factory=list)
    jacobian: FloatArray = field(default_factory=lambda: np.eye(2))  # degrees per unit, (angle, axis)
    _measured_at: _Point | None = None

    def __post_init__(self) -> None:
        self.best = self._evaluate(np.zeros(2))

    def code(self, amounts: FloatArray) -> FloatArray:
        """Return the code (n_latent, D) at amounts (2,)."""
        return self.turn(self.start, amounts)

    def start_between(self, mirrored: FloatArray) -> float:
        """Move the start towards the mirror image to the yaw nearest to the goal; return the mirror image's share."""
        plain, own = self.best.trial.pose, self.start
        self.start = mirrored
        at_mirror = self._evaluate(np.zeros(2))
        turned = at_mirror.trial.pose
        if plain is None or turned is None or abs(turned.yaw_degrees - plain.yaw_degrees) < self.options.mirror_degrees:
            self.start = own
            return 0.0
        between = turned.yaw_degrees - plain.yaw_degrees
        share = float(np.clip((self.goal.yaw_degrees - plain.yaw_degrees) / between, 0.0, 1.0))
        if share == 1.0:
            self.best = at_mirror
            return share
        self.start = own
        if share > 0.0:
            self.start = own + np.float32(share) * (mirrored - own)
            mixed = self._evaluate(np.zeros(2))
            if mixed.trial.pose is None:  # the two codes do not mix: continue from the photo's own
                self.start = own
                return 0.0
            self.best = mixed
        return share

    def run(self) -> Stopped:
        """Walk until the goal, or until no step helps; return the reason for the end."""
        if self.best.trial.pose is None:
            return "no face"
        ceiling, is_lost = self.options.max_step, False
        radius = ceiling
        while not self._is_at_goal():
            if self._is_out_of_renders():
                return "renders"
            if self._measured_at is None:
                self._measure_jacobian()
                continue
            step = self._step(radius)
            length = float(np.abs(step).max())
            if length < _SMALLEST_STEP or not self._is_worth(step):
                if self._is_at_range():
                    return "range"
                if self._is_settled():
                    return "lost" if is_lost else "stalled"
                # The updated Jacobian may be wrong by now: measure it again, once at each point.
                radius, self._measured_at = min(_LONGEST_PROBE, ceiling), None
                continue
            before, here = self.best, self._evaluate(self.best.amounts + step)
            self._update_jacobian(before, here)
            if self._is_nearer(here, length):
                self.best, is_lost = here, False
                radius = min(2 * radius, ceiling)
                continue
            radius = length / 2
            is_lost = here.trial.pose is None
            if is_lost:
                ceiling = radius
        return "reached"

    def _is_at_goal(self) -> bool:
        return self.best.distance <= self.options.aim_degrees

    def _is_out_of_renders(self) -> bool:
        return len(self.history) >= self.options.max_renders

    def _is_nearer(self, here: _Point, length: float) -> bool:
        return here.distance < self.best.distance - self.options.min_gain * length

    def _is_worth(self, step: FloatArray) -> bool:
        """Return whether the Jacobian predicts enough gain for a step."""
        ahead = float(np.hypot(*(self.best.error + self.jacobian @ step)))
        return ahead < self.best.distance - self.options.min_gain * float(np.abs(step).max())

    def _is_settled(self) -> bool:
        return self._measured_at is self.best or self.best.distance <= self.options.reach_degrees

    def _is_at_range(self) -> bool:
        return bool((np.abs(self.best.amounts) >= self.options.max_amount - _SMALLEST_STEP).any())

    def _evaluate(self, amounts: FloatArray) -> _Point:
        """Render the code at amounts (2,) and measure its pose."""
        pose = self.measure(self.render(self.code(amounts)))
        error = np.full(2, np.nan)
        if pose is not None:
            error[:] = pose.yaw_degrees - self.goal.yaw_degrees, pose.pitch_degrees - self.goal.pitch_degrees
        distance = float(np.hypot(*error)) if np.isfinite(error).all() else np.inf
        pose = pose if np.isfinite(distance) else None
        trial = PoseTrial((float(amounts[0]), float(amounts[1])), pose, distance)
        self.history.append(trial)
        return _Point(amounts, error, trial)

    def _measure_jacobian(self) -> None:
        """Probe both axes towards the goal, about half of the way; a probe that is nearer becomes the best point."""
        place = self.best
        for axis in range(2):
            length = float(np.clip(abs(place.error[axis]) / 2, _SHORTEST_PROBE, _LONGEST_PROBE))
            towards = -1.0 if place.error[axis] > 0 else 1.0
            for signed in (towards * length, -towards * length / 2):
                if self._is_out_of_renders():
                    return
                amounts = place.amounts.copy()
                amounts[axis] = np.clip(amounts[axis] + signed, -self.options.max_amount, self.options.max_amount)
                moved = amounts[axis] - place.amounts[axis]
                if abs(moved) < _SMALLEST_STEP:
                    continue
                here = self._evaluate(amounts)
                if here.trial.pose is None:
                    continue
                self.jacobian[:, axis] = (here.error - place.error) / moved
                if self._is_nearer(here, abs(moved)):
                    self.best = here
                break
            if self._is_at_goal():
                return
        self._measured_at = self.best

    def _step(self, radius: float) -> FloatArray:
        """Return the next step (2,), damped, within the radius and the range."""
        square = self.jacobian.T @ self.jacobian
        damping = _DAMPING * (np.trace(square) / 2 + 1e-6)
        step = -np.linalg.solve(square + damping * np.eye(2), self.jacobian.T @ self.best.error)
        step = step * min(1.0, radius / max(float(np.abs(step).max()), 1e-9))
        amounts = np.clip(self.best.amounts + step, -self.options.max_amount, self.options.max_amount)
        return amounts - self.best.amounts

    def _update_jacobian(self, before: _Point, here: _Point) -> None:
        """Apply Broyden's update: the least change of the Jacobian that explains the effect of the step."""
        step = here.amounts - before.amounts
        if here.trial.pose is None or float(np.abs(step).max()) < _SMALLEST_STEP:
            return
        surprise = (here.error - before.error) - self.jacobian @ step
        self.jacobian += np.outer(surprise, step) / float(step @ step)
