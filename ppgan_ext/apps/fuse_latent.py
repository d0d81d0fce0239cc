"""Fuse two faces in the latent space: the target's is turned to the pose of the photo, then mixed with the photo's."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ppgan_ext import images
from ppgan_ext.apps import inversion
from ppgan_ext.apps.base import Predictor
from ppgan_ext.apps.fuse_options import FuseOptions
from ppgan_ext.apps.portrait import Portrait, invert, render_pixels
from ppgan_ext.types import Face, FloatArray, Image, Pose

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.faces.fusion import Fusion
    from ppgan_ext.latents.fusion import Refined, RefineStep
    from ppgan_ext.latents.pose_matching import PoseMatch


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
    from ppgan_ext.latents.fusion import FusionShares, fuse_codes

    directions = predictor.directions(None, ("yaw", "pitch"))
    source, target = (
        invert(predictor.engine, *shown, inversion.refiner(predictor, options, number))
        for number, shown in enumerate(((photo, face), (other, other_face)), start=1)
    )
    engine = _tuned(predictor, source, target, options)
    match = _turn(predictor, engine, source, target)
    _warn_if_short(match, source, name)
    tone = _tone(options.skin)
    shares = FusionShares(identity=options.identity, shape=options.shape, skin=tone)
    fused = fuse_codes(source.w_plus, match.w_plus, shares, directions)
    terms: dict[str, float] = {}
    pictures = {"source.crop": source.crop.image, "target.crop": target.crop.image}
    drawn = {
        "source.drawn": source.w_plus,
        "target.drawn": target.w_plus,
        "target.turned": match.w_plus,
        "mixed": fused,
    }
    pictures |= {step: _draw(engine, code) for step, code in drawn.items()}
    if options.refine:
        refined = _refine(predictor, engine, fused, source, target, options)
        fused, terms = refined.w_plus, refined.terms
        pictures["refined"] = _draw(engine, fused)
    fusion = paste(photo, face, source, render_pixels(engine, fused), options)
    return LatentFusion(fusion, fused, {**pictures, **fusion.images}, terms)


def paste(photo: Image, face: Face, portrait: Portrait, pixels: FloatArray, options: FuseOptions) -> Fusion:
    """Lay the generator's picture, (1, 3, S, S), over the photo's face."""
    from ppgan_ext.faces.fusion import lay_over, place_crop

    picture = (np.clip(pixels[0], -1.0, 1.0).transpose(1, 2, 0) + 1.0) * np.float32(127.5)
    overlay = place_crop(photo.shape, face.landmarks, portrait.crop, picture)
    # How much of it is the target's lies in the code already.
    return lay_over(photo, photo, overlay, skin=options.skin)


def _tone(skin: str) -> float:
    from ppgan_ext.faces.fusion import SKIN_CHOICES

    return SKIN_CHOICES[skin]


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


def _turn(predictor: Predictor, engine: Engine, source: Portrait, target: Portrait) -> PoseMatch:
    """Turn the target's face to the pose of the source's, as both are seen in their crops."""
    from ppgan_ext.faces.aligned import aligned_pose
    from ppgan_ext.latents.pose_matching import PoseMatchOptions, match_pose

    assert engine.encoder is not None
    template = engine.face_model.record.crop
    limits = PoseMatchOptions()
    num_drawn = 0

    def draw(w_plus: FloatArray) -> Image:
        nonlocal num_drawn
        predictor.progress("turning the face", num_drawn, limits.max_renders)
        num_drawn += 1
        return _draw(engine, w_plus)

    def measure(picture: Image) -> Pose | None:
        estimate = aligned_pose(picture, template)
        return None if estimate is None else estimate.pose

    mirrored = engine.encoder.encode(images.to_pixels(np.ascontiguousarray(target.crop.image[:, ::-1])))[0]
    directions = predictor.directions(None, ("yaw", "pitch"))
    wanted = crop_pose(source)
    return match_pose(target.w_plus, wanted, directions, draw, measure, limits, mirrored=mirrored)


def crop_pose(portrait: Portrait) -> Pose:
    """Give the pose of a face as its crop shows it: roll taken out, landmarks at the crop's resolution."""
    from ppgan_ext.faces.pose import head_pose
    from ppgan_ext.faces.warp import transform_points

    crop = portrait.crop
    landmarks = transform_points(portrait.face.landmarks, crop.matrix_photo_to_crop)
    return head_pose(landmarks, (crop.size, crop.size))


def _warn_if_short(match: PoseMatch, source: Portrait, name: str) -> None:
    if match.reached:
        return
    wanted = crop_pose(source)
    came = "it shows no face" if match.pose is None else _angles(match.pose)
    warnings.warn(
        f"{name}: the model cannot turn the target's face as far as the photo's ({came} instead of {_angles(wanted)});"
        " '--method warp' follows any pose",
        PoseLimitWarning,
        stacklevel=3,
    )


def _angles(pose: Pose) -> str:
    return f"yaw {pose.yaw_degrees:.0f}, pitch {pose.pitch_degrees:.0f} degrees"


def _refine(
    predictor: Predictor, engine: Engine, w_plus: FloatArray, source: Portrait, target: Portrait, options: FuseOptions
) -> Refined:
    """Refine the fused code; Ctrl-C ends the refinement, and what it has come to is used."""
    from ppgan_ext.faces.mask import face_mask
    from ppgan_ext.faces.warp import transform_points
    from ppgan_ext.latents.fusion import FusionWeights, RefineOptions, refine_fusion

    def show(step: RefineStep) -> None:
        predictor.progress("refining", step.step, step.total, f"loss: {step.loss:.4f}")

    crop = source.crop
    mask = face_mask(transform_points(source.face.landmarks, crop.matrix_photo_to_crop), crop.image.shape)
    pixels = [images.to_pixels(portrait.crop.image) for portrait in (source, target)]
    settings = RefineOptions(num_steps=options.refine, weights=FusionWeights(**options.weights))
    refined = refine_fusion(
        engine, w_plus, pixels[0], pixels[1], mask, settings, show,
        source_pose=crop_pose(source), target_pose=crop_pose(target),
    )  # fmt: skip
    predictor.interrupted = predictor.interrupted or refined.interrupted
    return refined
