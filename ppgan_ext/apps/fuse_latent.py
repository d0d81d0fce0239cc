"""Fuse two faces in the latent space: the target's is turned to the pose of the photo, then mixed with the photo's."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ppgan_ext import images
from ppgan_ext.apps import inversion
from ppgan_ext.apps.base import Predictor
from ppgan_ext.apps.fuse_options import FuseOptions
from ppgan_ext.apps.portrait import Portrait, invert, render_pixels
from ppgan_ext.types import Box, Crop, Face, FloatArray, Image, Pose

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.faces.fusion import Fusion
    from ppgan_ext.latents.directions import Direction
    from ppgan_ext.latents.fusion import Refined, RefineStep
    from ppgan_ext.latents.pose_matching import PoseMatch
    from ppgan_ext.latents.rotation import Turn

_TEXTURE = np.float32(0.5)
DOUBTFUL_SPREAD = 0.03  # of landmarks, box widths; that of nearly all faces is below


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
    from ppgan_ext.faces.fusion import lay_over, place_crop, to_image
    from ppgan_ext.latents.fusion import GROUPS
    from ppgan_ext.latents.rotation import turn_along

    directions = predictor.directions(None, ("yaw", "pitch"))
    source, target = (
        invert(predictor.engine, *shown, inversion.refiner(predictor, options, number))
        for number, shown in enumerate(((photo, face), (other, other_face)), start=1)
    )
    engine = _tuned(predictor, source, target, options)
    drawing = _Drawing(engine, source, target, directions, options)
    draws = (
        lambda turned: to_image(drawing.textured(drawing.mix(turned))),
        lambda turned: drawing.pasted(drawing.mix(turned)),
    )
    goal = _find_goal(source)
    match = _turn(predictor, engine, goal, target, choose_turn(predictor, options), draws)
    _warn_if_short(match, source, name)
    fused = drawing.mix(match.w_plus)
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
        if match.reached and not predictor.interrupted:
            along = turn_along(directions, range(len(fused))[GROUPS["identity"]])
            fused = _walk(predictor, goal, fused, along, drawing.pasted).w_plus  # refined, it has drifted by a degree
        pictures["refined"] = _draw(engine, fused)
    picture = drawing.textured(fused)
    pictures["textured"] = to_image(picture)
    if not match.reached:
        picture = _warp_on(picture, source)
        pictures["warped on"] = to_image(picture)
    overlay = place_crop(photo.shape, face.landmarks, source.crop, picture)
    # How much of it is the target's lies in the code already.
    fusion = lay_over(photo, photo, overlay, skin=options.skin)
    return LatentFusion(fusion, fused, {**pictures, **fusion.images}, terms)


@dataclass(frozen=True, eq=False)
class _Drawing:
    """How the fused face is drawn from the target's code, on its way to the source's pose."""

    engine: Engine
    source: Portrait
    target: Portrait
    directions: Mapping[str, Direction]
    options: FuseOptions

    def mix(self, turned: FloatArray) -> FloatArray:
        """Fuse the source's code with the target's, turned."""
        from ppgan_ext.faces.fusion import SKIN_CHOICES
        from ppgan_ext.latents.fusion import FusionShares, fuse_codes

        shares = FusionShares(
            identity=self.options.identity,
            shape=1.0 if self.options.shape is None else self.options.shape,
            skin=SKIN_CHOICES[self.options.skin],
        )
        return fuse_codes(self.source.w_plus, turned, shares, self.directions)

    def textured(self, fused: FloatArray) -> FloatArray:
        """Draw a fused code with the target's texture, (S, S, 3) float32, 0 to 255."""
        return _add_texture(self.engine, render_pixels(self.engine, fused), self.target, self.options.identity)

    def pasted(self, fused: FloatArray) -> Image:
        """Draw the result as the source's crop will show it."""
        from ppgan_ext.faces.fusion import lay_over, place_crop

        own = Crop(self.source.crop.image, np.eye(2, 3), self.source.crop.template)
        overlay = place_crop(own.image.shape, crop_landmarks(self.source), own, self.textured(fused))
        return lay_over(own.image, own.image, overlay, skin=self.options.skin).image


def _add_texture(engine: Engine, pixels: FloatArray, target: Portrait, share: float) -> FloatArray:
    """Draw the target's own photo into the fused picture, through triangles, as far as it shows the face.

    What the generator cannot draw of the target is added in full; of what it can, half is taken from the photo.

    Args:
        engine: the model.
        pixels: (1, 3, S, S), the fused picture.
        target: the person's crop and code.
        share: of all that.

    Returns:
        (S, S, 3) float32, 0 to 255.
    """
    from ppgan_ext.faces.aligned import aligned_landmarks
    from ppgan_ext.faces.fusion import draw_over

    picture = images.to_levels(pixels[0])
    landmarks = aligned_landmarks(images.to_image(pixels), target.crop.template)
    if landmarks is None:
        return picture
    drawn = images.to_levels(render_pixels(engine, target.w_plus)[0])
    own = crop_landmarks(target)
    detail, rest = (draw_over(picture.shape, landmarks, part, own) for part in (target.crop.image - drawn, drawn))
    under = detail.of(picture)
    under += np.float32(share) * detail.shown[..., None] * (detail.face + _TEXTURE * (rest.face - under))
    return picture


def _warp_on(picture: FloatArray, source: Portrait) -> FloatArray:
    """Go on in the classic way where the model came to its end: warp the picture's face to the pose of the source's.

    Args:
        picture: (S, S, 3) float32, 0 to 255.
        source: whose pose is wanted.
    """
    from ppgan_ext.faces.aligned import aligned_landmarks
    from ppgan_ext.faces.fusion import draw_over, to_image
    from ppgan_ext.faces.shape import seen_alike

    landmarks = aligned_landmarks(to_image(picture), source.crop.template)
    if landmarks is None:
        return picture
    overlay = draw_over(picture.shape, seen_alike(landmarks, crop_landmarks(source)), picture, landmarks)
    result = picture.copy()
    under = overlay.of(result)
    under += overlay.shown[..., None] * (overlay.face - under)
    return result


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
    box = _box_in_crop(source)
    return _Goal(_measure(source.crop.image, box) or crop_pose(source), box)


def _mirror(image: Image) -> Image:
    return np.ascontiguousarray(image[:, ::-1])


def _box_in_crop(portrait: Portrait) -> Box:
    """Give the detector's rectangle in the crop: landmarks, and so the pose, depend a little on where it lies."""
    from ppgan_ext.faces.warp import scale_of, transform_points

    box, matrix = portrait.face.box, portrait.crop.matrix_photo_to_crop
    middle = np.array([(box.left + box.right - 1) / 2, (box.top + box.bottom - 1) / 2])
    x, y = (float(v) + 0.5 for v in transform_points(middle, matrix))
    width, height = box.width * scale_of(matrix) / 2, box.height * scale_of(matrix) / 2
    return Box(x - width, y - height, x + width, y + height)


def _measure(picture: Image, box: Box) -> Pose | None:
    """Measure the pose of the face in a crop; None where there is none to be seen."""
    from ppgan_ext.faces.landmarks import predict_landmarks
    from ppgan_ext.faces.pose import head_pose

    landmarks, spread = predict_landmarks(picture, box)
    return head_pose(landmarks, (picture.shape[1], picture.shape[0])) if spread <= DOUBTFUL_SPREAD else None


def crop_pose(portrait: Portrait) -> Pose:
    """Give the pose of a face as its crop shows it: roll taken out, landmarks at the crop's resolution."""
    from ppgan_ext.faces.pose import head_pose

    return head_pose(crop_landmarks(portrait), (portrait.crop.size, portrait.crop.size))


def crop_landmarks(portrait: Portrait) -> FloatArray:
    """Give the landmarks of a face, (68, 2), in the pixels of its crop."""
    from ppgan_ext.faces.warp import transform_points

    return transform_points(portrait.face.landmarks, portrait.crop.matrix_photo_to_crop)


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
    from ppgan_ext.faces.mask import face_mask
    from ppgan_ext.latents.fusion import FusionWeights, RefineOptions, refine_fusion

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
