"""The "latent" method of face fusion: a generator draws what the person's photo does not show.

The person's code is turned to the photo's pose, then mixed with the photo's. What the person's photo shows is drawn
from it, as by the warp method.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ppgan_ext import images
from ppgan_ext.apps.codes import inversion
from ppgan_ext.apps.codes.encoded_face import EncodedFace, encode_face, render_image
from ppgan_ext.apps.fusion.crop_geometry import crop_landmarks, crop_pose
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.fusion.pose_transfer import (
    PoseGoal,
    choose_turn,
    find_goal,
    turn_target,
    walk_code,
    warn_if_short,
)
from ppgan_ext.apps.fusion.renderer import FusionRenderer
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.types import Face, FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.apps.fusion.refinement import Refined, RefineStep
    from ppgan_ext.engine import Engine
    from ppgan_ext.faces.swap.composite import Fusion
    from ppgan_ext.faces.swap.warp_method import FacePlan
    from ppgan_ext.latents.tuning import Tuning


class LatentFusion(NamedTuple):
    """A fusion and its intermediate results.

    Attributes:
        fusion: the photo with the face in it.
        w_plus: the fused code, (n_latent, 512).
        images: intermediate pictures by name.
        terms: the refinement's terms; empty without refinement.
        interrupted: Ctrl-C ended the tuning or the refinement early.
    """

    fusion: Fusion
    w_plus: FloatArray
    images: dict[str, Image]
    terms: dict[str, float]
    interrupted: bool


def fuse_in_latent_space(
    predictor: Predictor,
    photo: Image,
    face: Face,
    other: Image,
    other_face: Face,
    options: FuseOptions,
    name: str,
    plan: FacePlan,
    interrupted: bool = False,
) -> LatentFusion:
    """Put one person's face on another's by way of their latent codes.

    Args:
        predictor: its model, progress and seed are used.
        photo: (H, W, 3) RGB uint8, the photo that is kept.
        face: its face.
        other: (H', W', 3) RGB uint8, the photo of the person who is put in.
        other_face: that face.
        options: shares, steps, weights.
        name: name of the pair, for warnings.
        plan: the fused face as far as the person's photo shows it.
        interrupted: Ctrl-C was pressed at an earlier face of the photo: skip the tuning, and the turn that corrects a
            refined code.

    Raises:
        ConfigError: the model has no encoder, or no directions of yaw and pitch.
    """
    from ppgan_ext.faces.swap.warp_method import Portrait, finish_face

    directions = predictor.directions(None, ("yaw", "pitch"))
    source, target = (
        encode_face(predictor.engine, *shown, inversion.refiner(predictor, options, number))
        for number, shown in enumerate(((photo, face), (other, other_face)), start=1)
    )
    tuning = None if interrupted else _tune(predictor, source, target, options)
    engine = predictor.engine if tuning is None else tuning.engine(predictor.engine)
    interrupted = interrupted or (tuning is not None and tuning.interrupted)
    renderer = FusionRenderer(engine, source, target, directions, options)
    goal = find_goal(source)
    turn = choose_turn(predictor, options)
    match = turn_target(predictor, engine, goal, target, turn, lambda turned: _draw(renderer, renderer.mix(turned)))
    warn_if_short(match, source, name)
    fused = renderer.mix(match.w_plus)
    codes = {
        "source.drawn": source.w_plus, "target.drawn": target.w_plus, "target.turned": match.w_plus, "mixed": fused
    }  # fmt: skip
    pictures = {"source.crop": source.crop.image, "target.crop": target.crop.image}
    pictures |= {step: render_image(engine, code) for step, code in codes.items()}
    terms: dict[str, float] = {}
    if options.refine:
        refined = _refine(predictor, engine, fused, source, target, options)
        fused, terms = refined.w_plus, refined.terms
        interrupted = interrupted or refined.interrupted
        if match.reached and not interrupted:
            fused = _correct_pose(predictor, renderer, goal, fused)
        pictures["refined"] = render_image(engine, fused)
    rendered = renderer.render(fused)
    pictures["rendered"] = rendered.image()
    fusion = finish_face(
        plan, identity=options.identity, skin=options.swap_skin,
        fill=Portrait(rendered.picture, rendered.landmarks), box=face.box,
    )  # fmt: skip
    return LatentFusion(fusion, fused, {**pictures, **fusion.images}, terms, interrupted)


def _tune(predictor: Predictor, source: EncodedFace, target: EncodedFace, options: FuseOptions) -> Tuning | None:
    """Tune one copy of the model to both faces; None without ``--tune``."""
    tune = inversion.tuner(predictor, options, "tuning to both faces")
    if tune is None:
        return None
    pixels = np.concatenate([images.to_pixels(portrait.crop.image) for portrait in (source, target)])
    return tune(pixels, np.stack([source.w_plus, target.w_plus]))


def _refine(
    predictor: Predictor,
    engine: Engine,
    w_plus: FloatArray,
    source: EncodedFace,
    target: EncodedFace,
    options: FuseOptions,
) -> Refined:
    """Refine the fused code; Ctrl-C ends the refinement and keeps the best code so far."""
    from ppgan_ext.apps.fusion.refinement import RefineOptions, refine_fusion
    from ppgan_ext.apps.fusion.refinement_objective import FusionWeights
    from ppgan_ext.faces.mask import face_mask

    def show(step: RefineStep) -> None:
        predictor.progress("refining", step.step, step.total, f"loss: {step.loss:.4f}")

    mask = face_mask(crop_landmarks(source), source.crop.image.shape)
    pixels = [images.to_pixels(portrait.crop.image) for portrait in (source, target)]
    settings = RefineOptions(num_steps=options.refine, weights=FusionWeights(**options.weights))
    return refine_fusion(
        engine, w_plus, pixels[0], pixels[1], mask, settings, show,
        source_pose=crop_pose(source), target_pose=crop_pose(target),
    )  # fmt: skip


def _correct_pose(predictor: Predictor, renderer: FusionRenderer, goal: PoseGoal, fused: FloatArray) -> FloatArray:
    """Turn a refined code back to the goal: the refinement lets the pose drift by about a degree."""
    from ppgan_ext.apps.fusion.code_mixing import GROUPS
    from ppgan_ext.latents.rotation import turn_along

    along = turn_along(renderer.directions, range(len(fused))[GROUPS["identity"]])
    return walk_code(predictor, goal, fused, along, lambda code: _draw(renderer, code)).w_plus


def _draw(renderer: FusionRenderer, fused: FloatArray) -> Image:
    return images.from_levels(renderer.picture(fused))
