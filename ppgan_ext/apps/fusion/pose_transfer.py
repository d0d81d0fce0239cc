"""Turn the target's face to the pose of the source's, in closed loops: turn, draw, measure the pose, correct."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ppgan_ext import images
from ppgan_ext.apps.codes.encoded_face import EncodedFace
from ppgan_ext.apps.fusion.crop_geometry import crop_box, crop_pose
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.types import Box, FloatArray, Image, Pose

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.latents.pose_matching import PoseMatch
    from ppgan_ext.latents.rotation import Turn


class PoseLimitWarning(UserWarning):
    """The model cannot turn a face as far as the photo's."""


class PoseGoal(NamedTuple):
    """The pose that faces are turned to.

    Attributes:
        pose: the source's, as its crop shows it.
        box: the face's box in the crop, in which poses are measured.
    """

    pose: Pose
    box: Box


def find_goal(source: EncodedFace) -> PoseGoal:
    """Measure the pose of the source's crop."""
    box = crop_box(source)
    return PoseGoal(_measure(source.crop.image, box) or crop_pose(source), box)


def choose_turn(predictor: Predictor, options: FuseOptions) -> Turn:
    """Return the function that turns codes: along the model's directions, or by a rotator.

    Raises:
        ConfigError: the model has no directions of yaw and pitch, or no rotator although one is asked for.
        WeightsError: a rotator's file cannot be read, or belongs to another model.
    """
    from ppgan_ext.latents.rotation import AXES, turn_along, turn_by

    if options.pose_method == "rotator":
        return turn_by(predictor.rotator(options.rotator_path))
    return turn_along(predictor.directions(None, AXES))


def turn_target(
    predictor: Predictor,
    engine: Engine,
    goal: PoseGoal,
    target: EncodedFace,
    turn: Turn,
    draw: Callable[[FloatArray], Image],
) -> PoseMatch:
    """Turn the target's code until the fused face has the goal's pose.

    Args:
        predictor: reports progress.
        engine: the model.
        goal: the pose to reach.
        target: the face to turn.
        turn: turns a code by amounts of yaw and pitch.
        draw: draws the fused face from the target's code, (n_latent, D).
    """
    mirror_image = np.ascontiguousarray(target.crop.image[:, ::-1])
    mirrored: FloatArray = engine.encode(images.to_pixels(mirror_image))[0]
    return walk_code(predictor, goal, target.w_plus, turn, draw, mirrored)


def walk_code(
    predictor: Predictor,
    goal: PoseGoal,
    start: FloatArray,
    turn: Turn,
    draw: Callable[[FloatArray], Image],
    mirrored: FloatArray | None = None,
) -> PoseMatch:
    """Turn one code until its picture has the goal's pose.

    Args:
        predictor: reports progress.
        goal: the pose to reach.
        start: (n_latent, D), the code.
        turn: turns a code by amounts of yaw and pitch.
        draw: draws a code (n_latent, D).
        mirrored: (n_latent, D), the code of the mirrored photo.
    """
    from ppgan_ext.latents.pose_matching import PoseMatchOptions, match_pose

    limits = PoseMatchOptions()
    num_drawn = 0

    def draw_and_report(w_plus: FloatArray) -> Image:
        nonlocal num_drawn
        predictor.progress("turning the face", num_drawn, limits.max_renders)
        num_drawn += 1
        return draw(w_plus)

    def measure(picture: Image) -> Pose | None:
        return _measure(picture, goal.box)

    return match_pose(start, goal.pose, turn, draw_and_report, measure, limits, mirrored=mirrored)


def warn_if_short(match: PoseMatch, source: EncodedFace, name: str) -> None:
    """Warn with `PoseLimitWarning` where a code could not be turned to the source's pose; ``name`` is the pair's."""
    if match.reached:
        return
    wanted = crop_pose(source)
    shown = "it shows no face" if match.pose is None else _angles(match.pose)
    warnings.warn(
        f"{name}: the model cannot turn the person's face as far as the photo's ({shown} instead of {_angles(wanted)});"
        " the rest is warped; '--method warp' warps all of it",
        PoseLimitWarning,
        stacklevel=3,
    )


def _measure(picture: Image, box: Box) -> Pose | None:
    """Measure the pose of the face in a crop; None where no face is found."""
    from ppgan_ext.faces.landmarks import sure_landmarks
    from ppgan_ext.faces.pose import head_pose

    landmarks = sure_landmarks(picture, box)
    return None if landmarks is None else head_pose(landmarks, (picture.shape[1], picture.shape[0]))


def _angles(pose: Pose) -> str:
    return f"yaw {pose.yaw_degrees:.0f}, pitch {pose.pitch_degrees:.0f} degrees"
