"""Turn a face in the latent space until it is seen to hold the wanted pose.

A direction's scale is a mean over many faces: on one face, and far out, a unit of "yaw" turns the head by less than a
degree, and by less the further it goes. So the code is walked in a closed loop: draw, measure the pose, correct. It is
root finding in two unknowns, the amounts of yaw and pitch, by Newton's method with a Jacobian that is measured by two
probes and kept up by Broyden's rank-one updates (Mathematics of Computation 19, 1965), damped (Levenberg 1944) and held
to a radius that halves whenever a step loses the face or brings it no nearer. Roll is left to the crop.
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

_SMALLEST_STEP = 0.5  # units; what a smaller one changes is lost in the noise of landmarks
_SHORTEST_PROBE, _LONGEST_PROBE = 4.0, 10.0  # units
_DAMPING = 0.03  # of the Jacobian's mean square; keeps a step finite where the pose hardly responds


@dataclass(frozen=True)
class PoseMatchOptions:
    """How far and how long a code is walked.

    Attributes:
        reach_degrees: yaw and pitch both within this of the wanted pose count as reached.
        aim_degrees: the walk goes on until the distance (root of the sum of both squares) is below this.
        max_renders: pictures drawn at most.
        max_step: units of a direction in one step at most.
        max_amount: units away from the start at most, for each direction.
        min_gain: degrees nearer per unit that a step must bring: where the pose hardly responds any more, the face
            only breaks.
        mirror_degrees: yaws of a photo and its mirror image less far apart than this do not mix.
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
    """One picture of the walk.

    Attributes:
        amounts: units of yaw and of pitch away from the start.
        pose: what was measured; None where no face was to be seen.
        error: distance from the wanted yaw and pitch in degrees; infinite without a face.
    """

    amounts: tuple[float, float]
    pose: Pose | None
    error: float


@dataclass(frozen=True, eq=False)
class PoseMatch:
    """How far the walk came.

    Attributes:
        w_plus: (n_latent, D) float32, the nearest code, short of ways that were not worth it (`min_gain`).
        pose: measured on its picture; None if no picture showed a face.
        reached: both angles within `reach_degrees`.
        num_renders: pictures drawn.
        history: the walk, picture by picture.
        stopped: why it ended: "reached" (as near as aimed for), "range" (the largest amount), "lost" (further on the
            face is no longer to be seen), "stalled" (further on the pose does not come nearer), "renders", "no face"
            (not even at the start).
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
    wanted: Pose,
    turn: Turn,
    render: Render,
    measure: Measure,
    options: PoseMatchOptions | None = None,
    *,
    mirrored: FloatArray | None = None,
) -> PoseMatch:
    """Turn a code by yaw and pitch until its picture shows the wanted yaw and pitch.

    With the code of the mirrored photo the walk starts part of the way: a face's mirror image looks to the other side,
    and on the line between the two codes the head turns as this very head does. Only what lies beyond is left to the
    direction. A person's asymmetries are then averaged, or change sides.

    Args:
        w_plus: (n_latent, D), the face to turn.
        wanted: the pose to reach; its roll is not used.
        turn: how a code is turned by amounts of yaw and pitch, see `rotation`.
        render: draws a code (n_latent, D).
        measure: finds the pose in a picture, None where it sees no face.
        options: see `PoseMatchOptions`.
        mirrored: (n_latent, D), the code of the same photo mirrored left to right.

    Returns:
        The nearest that was found; where the model ends before the wanted pose, `reached` is False and `stopped`
        says how it ended.

    Raises:
        InputError: codes of another shape.

    Example:
        >>> match = match_pose(w_plus, Pose(25.0, -5.0, 0.0), turn_along(directions), draw, pose_of_crop)
    """
    options = options or PoseMatchOptions()
    code = np.asarray(w_plus, np.float32)
    if code.ndim != 2 or (mirrored is not None and np.shape(mirrored) != code.shape):
        given = [code.shape] if mirrored is None else [code.shape, np.shape(mirrored)]
        raise InputError(f"codes to turn are (n_latent, D) each, got {given}", where="w_plus")
    walk = _Walk(code, wanted, turn, render, measure, options)
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
    """Somewhere on the walk: amounts (2,), and the measured pose minus the wanted one (2,), NaN without a face."""

    amounts: FloatArray
    error: FloatArray
    trial: PoseTrial

    @property
    def distance(self) -> float:
        return self.trial.error


@dataclass(eq=False)
class _Walk:
    """The walk from one code: what it knows of the response, and the best place so far."""

    start: FloatArray
    wanted: Pose
    turn: Turn
    render: Render
    measure: Measure
    options: PoseMatchOptions
    history: list[PoseTrial] = field(default_factory=list)
    jacobian: FloatArray = field(default_factory=lambda: np.eye(2))  # degrees per unit, (angle, axis)
    _measured_at: _Point | None = None

    def __post_init__(self) -> None:
        self.best = self._look(np.zeros(2))

    def code(self, amounts: FloatArray) -> FloatArray:
        """Return the code at some amounts."""
        return self.turn(self.start, amounts)

    def start_between(self, mirrored: FloatArray) -> float:
        """Move the start towards the mirror image as far as brings the yaw nearest; return its share."""
        plain, own = self.best.trial.pose, self.start
        self.start = mirrored
        at_mirror = self._look(np.zeros(2))
        turned = at_mirror.trial.pose
        if plain is None or turned is None or abs(turned.yaw_degrees - plain.yaw_degrees) < self.options.mirror_degrees:
            self.start = own
            return 0.0
        between = turned.yaw_degrees - plain.yaw_degrees
        share = float(np.clip((self.wanted.yaw_degrees - plain.yaw_degrees) / between, 0.0, 1.0))
        if share == 1.0:
            self.best = at_mirror
            return share
        self.start = own
        if share > 0.0:
            self.start = own + np.float32(share) * (mirrored - own)
            mixed = self._look(np.zeros(2))
            if mixed.trial.pose is None:  # the two codes do not mix: go on from the photo's own
                self.start = own
                return 0.0
            self.best = mixed
        return share

    def run(self) -> Stopped:
        """Walk until there, or until no step helps; return why it ended."""
        if self.best.trial.pose is None:
            return "no face"
        ceiling, is_lost = self.options.max_step, False
        radius = ceiling
        while not self._is_there():
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
                # What was learnt on the way here may be wrong by now: measure anew, once for each place.
                radius, self._measured_at = min(_LONGEST_PROBE, ceiling), None
                continue
            before, here = self.best, self._look(self.best.amounts + step)
            self._learn(before, here)
            if self._is_nearer(here, length):
                self.best, is_lost = here, False
                radius = min(2 * radius, ceiling)
                continue
            radius = length / 2
            is_lost = here.trial.pose is None
            if is_lost:
                ceiling = radius
        return "reached"

    def _is_there(self) -> bool:
        return self.best.distance <= self.options.aim_degrees

    def _is_out_of_renders(self) -> bool:
        return len(self.history) >= self.options.max_renders

    def _is_nearer(self, here: _Point, length: float) -> bool:
        return here.distance < self.best.distance - self.options.min_gain * length

    def _is_worth(self, step: FloatArray) -> bool:
        """Whether the Jacobian promises of a step what is asked of it."""
        ahead = float(np.hypot(*(self.best.error + self.jacobian @ step)))
        return ahead < self.best.distance - self.options.min_gain * float(np.abs(step).max())

    def _is_settled(self) -> bool:
        return self._measured_at is self.best or self.best.distance <= self.options.reach_degrees

    def _is_at_range(self) -> bool:
        return bool((np.abs(self.best.amounts) >= self.options.max_amount - _SMALLEST_STEP).any())

    def _look(self, amounts: FloatArray) -> _Point:
        """Draw and measure."""
        pose = self.measure(self.render(self.code(amounts)))
        error = np.full(2, np.nan)
        if pose is not None:
            error[:] = pose.yaw_degrees - self.wanted.yaw_degrees, pose.pitch_degrees - self.wanted.pitch_degrees
        distance = float(np.hypot(*error)) if np.isfinite(error).all() else np.inf
        pose = pose if np.isfinite(distance) else None
        trial = PoseTrial((float(amounts[0]), float(amounts[1])), pose, distance)
        self.history.append(trial)
        return _Point(amounts, error, trial)

    def _measure_jacobian(self) -> None:
        """Probe both axes towards the wanted pose, about half of the way; a probe that is nearer becomes the best."""
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
                here = self._look(amounts)
                if here.trial.pose is None:
                    continue
                self.jacobian[:, axis] = (here.error - place.error) / moved
                if self._is_nearer(here, abs(moved)):
                    self.best = here
                break
            if self._is_there():
                return
        self._measured_at = self.best

    def _step(self, radius: float) -> FloatArray:
        """Solve for the next step, damped, within the radius and the range, (2,)."""
        square = self.jacobian.T @ self.jacobian
        damping = _DAMPING * (np.trace(square) / 2 + 1e-6)
        step = -np.linalg.solve(square + damping * np.eye(2), self.jacobian.T @ self.best.error)
        step = step * min(1.0, radius / max(float(np.abs(step).max()), 1e-9))
        amounts = np.clip(self.best.amounts + step, -self.options.max_amount, self.options.max_amount)
        return amounts - self.best.amounts

    def _learn(self, before: _Point, here: _Point) -> None:
        """Broyden's update: the least change of the Jacobian that explains what the step did."""
        step = here.amounts - before.amounts
        if here.trial.pose is None or float(np.abs(step).max()) < _SMALLEST_STEP:
            return
        surprise = (here.error - before.error) - self.jacobian @ step
        self.jacobian += np.outer(surprise, step) / float(step @ step)
