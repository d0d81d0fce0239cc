"""Fuse two faces in the latent space: the target's is turned to the pose of the photo, then mixed with the photo's."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ppgan_ext import images
from ppgan_ext.apps.codes import inversion
from ppgan_ext.apps.fusion.drawing import STRAIGHT, Amounts, Drawn, FusedDrawing, box_in_crop, crop_landmarks, crop_pose
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.photo.portrait import Portrait, invert, render_pixels
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.types import Box, Face, FloatArray, Image, Pose

if TYPE_CHECKING:
    from ppgan_ext.apps.fusion.code_fusion import Refined, RefineStep
    from ppgan_ext.engine import Engine
    from ppgan_ext.faces.swap.composite import Fusion
    from ppgan_ext.latents.pose_matching import PoseMatch
    from ppgan_ext.latents.rotation import Turn


_NEAR = 0.7  # degrees; what is left of a pose is the noise of landmarks
_MAX_TURNS = 6
_MOST_TURNED = 20.0  # degrees by which a drawn face is warped at most


class PoseLimitWarning(UserWarning):
    """The model cannot turn a face as far as the photo's."""


class LatentFusion(NamedTuple):
    """A fusion, and how it came about.

    Attributes:
        fusion: the photo with the face in it.
        w_plus: the fused code, (n_latent, 512).
        images: intermediate pictures by name.
        terms: of the refinement; empty without.
    """

    fusion: Fusion
    w_plus: FloatArray
    images: dict[str, Image]
    terms: dict[str, float]


def fuse_in_latent_space(
    predictor: Predictor, photo: Image, face: Face, other: Image, other_face: Face, options: FuseOptions, name: str
) -> LatentFusion:
    """Put one person's face on another's by way of their codes.

    Args:
        predictor: whose model, progress and seed it is.
        photo: the photo that is kept.
        face: its face.
        other: the photo of the person who is put in.
        other_face: that face.
        options: shares, steps, weights.
        name: of the pair, for warnings.

    Raises:
        ConfigError: the model has no encoder, or no directions of yaw and pitch.
    """
    from ppgan_ext.apps.fusion.code_fusion import GROUPS
    from ppgan_ext.latents.rotation import turn_along

    directions = predictor.directions(None, ("yaw", "pitch"))
    source, target = (
        invert(predictor.engine, *shown, inversion.refiner(predictor, options, number))
        for number, shown in enumerate(((photo, face), (other, other_face)), start=1)
    )
    engine = _tuned(predictor, source, target, options)
    drawing = FusedDrawing(engine, source, target, directions, options)
    draws = (
        lambda turned: drawing.textured(drawing.mix(turned)).image(),
        lambda turned: drawing.pasted(drawing.textured(drawing.mix(turned))),
    )
    goal = _find_goal(source)
    match = _turn(predictor, engine, goal, target, choose_turn(predictor, options), draws)
    _warn_if_short(match, source, name)
    fused = drawing.mix(match.w_plus)
    terms: dict[str, float] = {}
    pictures = {"source.crop": source.crop.image, "target.crop": target.crop.image}
    codes = {
        "source.drawn": source.w_plus,
        "target.drawn": target.w_plus,
        "target.turned": match.w_plus,
        "mixed": fused,
    }
    pictures |= {step: _draw(engine, code) for step, code in codes.items()}
    if options.refine:
        refined = _refine(predictor, engine, fused, source, target, options)
        fused, terms = refined.w_plus, refined.terms
        if match.reached and not predictor.interrupted:
            along = turn_along(directions, range(len(fused))[GROUPS["identity"]])
            fused = _walk(
                predictor, goal, fused, along, lambda code: drawing.pasted(drawing.textured(code))
            ).w_plus  # refined, it has drifted by a degree
        pictures["refined"] = _draw(engine, fused)
    drawn = drawing.textured(fused, guess=True)
    pictures["textured"] = drawn.image()
    fusion = drawing.put_into(photo, drawn, _find_turn(drawing, drawn, goal))
    return LatentFusion(fusion, fused, {**pictures, **fusion.images}, terms)


def _draw(engine: Engine, w_plus: FloatArray) -> Image:
    return images.to_image(render_pixels(engine, w_plus))


def _tuned(predictor: Predictor, source: Portrait, target: Portrait, options: FuseOptions) -> Engine:
    """Tune one copy of the model to both faces, where that is asked for."""
    tune = inversion.tuner(predictor, options, "tuning to both faces")
    if tune is None:
        return predictor.engine
    pixels = np.concatenate([images.to_pixels(portrait.crop.image) for portrait in (source, target)])
    tuning = tune(pixels, np.stack([source.w_plus, target.w_plus]))
    return predictor.engine if tuning is None else tuning.engine(predictor.engine)


def choose_turn(predictor: Predictor, options: FuseOptions) -> Turn:
    """Say how faces are turned.

    Raises:
        ConfigError: the model has no directions of yaw and pitch, or no rotator where one is asked for.
        WeightsError: a rotator's file cannot be read, or belongs to another model.
    """
    from ppgan_ext.latents.rotation import AXES, turn_along, turn_by

    if options.pose_method == "rotator":
        return turn_by(predictor.rotator(options.rotator_path))
    return turn_along(predictor.directions(None, AXES))


def _turn(
    predictor: Predictor,
    engine: Engine,
    goal: _Goal,
    target: Portrait,
    turn: Turn,
    draws: Sequence[Callable[[FloatArray], Image]],
) -> PoseMatch:
    """Turn the target's face until the fused face is at the pose of the source's.

    First as the generator draws it, then as it looks in the photo, whose outline it gets: that shifts the pose which
    is seen by some degrees, but responds too weakly to begin with.
    """
    start = target.w_plus
    mirrored: FloatArray | None = engine.encode(images.to_pixels(_mirror(target.crop.image)))[0]
    match: PoseMatch | None = None
    for number, draw in enumerate(draws):
        found = _walk(predictor, goal, start, turn, draw, (number, len(draws)), mirrored)
        match = found if match is None or found.pose is not None else match
        start, mirrored = match.w_plus, None
    assert match is not None
    return match


def _walk(
    predictor: Predictor,
    goal: _Goal,
    start: FloatArray,
    turn: Turn,
    draw: Callable[[FloatArray], Image],
    part: tuple[int, int] = (0, 1),
    mirrored: FloatArray | None = None,
) -> PoseMatch:
    """Turn a code until its picture has the wanted pose; ``part``: which walk of how many."""
    from ppgan_ext.latents.pose_matching import PoseMatchOptions, match_pose

    limits = PoseMatchOptions()
    num_drawn = part[0] * limits.max_renders

    def shown(w_plus: FloatArray) -> Image:
        nonlocal num_drawn
        predictor.progress("turning the face", num_drawn, part[1] * limits.max_renders)
        num_drawn += 1
        return draw(w_plus)

    return match_pose(start, goal.pose, turn, shown, lambda p: _measure(p, goal.box), limits, mirrored=mirrored)


class _Goal(NamedTuple):
    """What faces are turned to.

    Attributes:
        pose: of the source's face, as its crop shows it.
        box: in which it is measured, in the crop.
    """

    pose: Pose
    box: Box


def _find_goal(source: Portrait) -> _Goal:
    box = box_in_crop(source)
    return _Goal(_measure(source.crop.image, box) or crop_pose(source), box)


def _find_turn(drawing: FusedDrawing, drawn: Drawn, goal: _Goal) -> Amounts:
    """Find by how many degrees the pasted face must still be turned, in a closed loop too: each picture is measured.

    Returns:
        Amounts of yaw and pitch for `FusedDrawing.put_into`, with which the pose is nearest.
    """
    turn, nearest, best = STRAIGHT, float("inf"), STRAIGHT
    for _ in range(_MAX_TURNS):
        pose = _measure(drawing.pasted(drawn, turn), goal.box)
        if pose is None:
            break
        left = (goal.pose.yaw_degrees - pose.yaw_degrees, goal.pose.pitch_degrees - pose.pitch_degrees)
        if np.hypot(*left) < nearest:
            nearest, best = float(np.hypot(*left)), turn
        if nearest <= _NEAR:
            break
        turn = (turn[0] + left[0], turn[1] + left[1])
        if max(map(abs, turn)) > _MOST_TURNED:
            break
    return best


def _mirror(image: Image) -> Image:
    return np.ascontiguousarray(image[:, ::-1])


def _measure(picture: Image, box: Box) -> Pose | None:
    """Measure the pose of the face in a crop; None where there is none to be seen."""
    from ppgan_ext.faces.landmarks import sure_landmarks
    from ppgan_ext.faces.pose import head_pose

    landmarks = sure_landmarks(picture, box)
    return None if landmarks is None else head_pose(landmarks, (picture.shape[1], picture.shape[0]))


def _warn_if_short(match: PoseMatch, source: Portrait, name: str) -> None:
    if match.reached:
        return
    wanted = crop_pose(source)
    came = "it shows no face" if match.pose is None else _angles(match.pose)
    warnings.warn(
        f"{name}: the model cannot turn the target's face as far as the photo's ({came} instead of {_angles(wanted)});"
        " the rest is warped; '--method warp' warps all of it",
        PoseLimitWarning,
        stacklevel=3,
    )


def _angles(pose: Pose) -> str:
    return f"yaw {pose.yaw_degrees:.0f}, pitch {pose.pitch_degrees:.0f} degrees"


def _refine(
    predictor: Predictor, engine: Engine, w_plus: FloatArray, source: Portrait, target: Portrait, options: FuseOptions
) -> Refined:
    """Refine the fused code; Ctrl-C ends the refinement, and what it has come to is used."""
    from ppgan_ext.apps.fusion.code_fusion import FusionWeights, RefineOptions, refine_fusion
    from ppgan_ext.faces.mask import face_mask

    def show(step: RefineStep) -> None:
        predictor.progress("refining", step.step, step.total, f"loss: {step.loss:.4f}")

    mask = face_mask(crop_landmarks(source), source.crop.image.shape)
    pixels = [images.to_pixels(portrait.crop.image) for portrait in (source, target)]
    settings = RefineOptions(num_steps=options.refine, weights=FusionWeights(**options.weights))
    refined = refine_fusion(
        engine, w_plus, pixels[0], pixels[1], mask, settings, show,
        source_pose=crop_pose(source), target_pose=crop_pose(target),
    )  # fmt: skip
    predictor.interrupted = predictor.interrupted or refined.interrupted
    return refined
