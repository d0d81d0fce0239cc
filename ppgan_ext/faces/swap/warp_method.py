"""One photo's face on another's, by landmarks, a mesh in three dimensions, and blending: the "warp" method of fusion.

The "latent" method adds a picture that a generator drew: it serves where the person's photo does not show the face.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import sure_landmarks
from ppgan_ext.faces.mask import face_mask
from ppgan_ext.faces.pose import head_pose
from ppgan_ext.faces.skin import draw_part
from ppgan_ext.faces.swap.composite import Fusion, composite
from ppgan_ext.faces.swap.covers import find_covers
from ppgan_ext.faces.swap.fused_shape import fuse_landmarks
from ppgan_ext.faces.swap.mouth import true_lips
from ppgan_ext.faces.swap.overlay import Overlay, draw_overlay
from ppgan_ext.faces.swap.reshape import reshape_photo
from ppgan_ext.images import from_levels
from ppgan_ext.types import Box, FloatArray, Image

_CLOSE = 1.8  # degrees between the photo's pose and the result's that are left as they are
_MOST_AHEAD = 5.0  # degrees by which a face is turned beyond the photo's pose
_JAW = 0.5  # share of the person's jaw when all of their shape is asked for: ears and neck remain the photo's


class Portrait(NamedTuple):
    """A picture of a face.

    Attributes:
        picture: (H, W, 3) RGB, 0 to 255; uint8 or float32.
        landmarks: (68, 2), its pixels.
    """

    picture: Image | FloatArray
    landmarks: FloatArray


class FacePlan(NamedTuple):
    """What a fusion of two photos is made of, before anything is blended.

    Attributes:
        photo: the photo that is kept, uint8.
        person: the person's, uint8.
        shape: share of the person's shape, 0 to 1.
        base: (H, W, 3) RGB uint8, the photo with its head reshaped to the fused face's landmarks.
        landmarks: (68, 2), the fused face's.
        overlay: the person's face, drawn there.
        kept: (H, W) float32 in [0, 1], what of the photo lies over the fused face.
        hidden: (H', W') float32 in [0, 1], what lies over the person's face in their photo.
    """

    photo: Portrait
    person: Portrait
    shape: float
    base: Image
    landmarks: FloatArray
    overlay: Overlay
    kept: npt.NDArray[np.float32]
    hidden: npt.NDArray[np.float32]

    @property
    def shown_share(self) -> float:
        """How much of the face that will be drawn the person's photo shows, 0 to 1."""
        overlay = self.overlay
        drawn = face_mask(overlay.landmarks, overlay.shown.shape, feather=0.1) * (1.0 - overlay.window(self.kept))
        # The inside of an open mouth is the photo's.
        drawn *= 1.0 - draw_part(overlay.landmarks[60:68], overlay.shown.shape, 0.0)
        return float((drawn * overlay.shown).sum() / max(float(drawn.sum()), 1e-6))


def fuse_by_warp(
    photo: Image,
    landmarks: FloatArray,
    other: Image,
    other_landmarks: FloatArray,
    *,
    identity: float = 1.0,
    shape: float = 1.0,
    skin: str = "source",
) -> Fusion:
    """Put the face of one photo on that of another.

    Args:
        photo: (H, W, 3) RGB uint8, whose pose, expression, light and surroundings stay.
        landmarks: (68, 2), its face.
        other: (H', W', 3) RGB uint8, the photo of the person whose face is put in.
        other_landmarks: (68, 2), that face.
        identity: share of the other face, 0 to 1.
        shape: share of the other face's shape, 0 to 1; the photo's head is reshaped to match.
        skin: skin tone of the result: "source" keeps the photo's, "target" takes the other's, "mix" lies halfway.

    Raises:
        ConfigError: another choice of skin, or a face outside its photo.
    """
    plan = plan_face(Portrait(photo, landmarks), Portrait(other, other_landmarks), identity * shape)
    return finish_face(plan, identity=identity, skin=skin)


def plan_face(photo: Portrait, other: Portrait, shape: float) -> FacePlan:
    """Place the fused face, reshape the photo's head to it, and draw the person's face there.

    Args:
        photo: the photo that is kept, uint8.
        other: the person's.
        shape: share of the person's shape, 0 to 1.

    Raises:
        ConfigError: a face outside its photo.
    """
    photo, other = (
        Portrait(_as_image(side.picture), true_lips(_as_image(side.picture), side.landmarks)) for side in (photo, other)
    )
    hidden = find_covers(_as_image(other.picture), other.landmarks).hair
    base, landmarks, overlay = _place(photo, other, shape, hidden)
    return FacePlan(photo, other, shape, base, landmarks, overlay, find_covers(base, landmarks).kept, hidden)


def _place(
    photo: Portrait, other: Portrait, shape: float, hidden: FloatArray, ahead: tuple[float, float] = (0.0, 0.0)
) -> tuple[Image, FloatArray, Overlay]:
    """Return the reshaped photo, the fused landmarks, and the person's face drawn there.

    Args:
        photo: the photo that is kept, uint8.
        other: the person's, uint8.
        shape: share of the person's shape.
        hidden: (H', W'), what lies over the person's face.
        ahead: degrees of yaw and pitch beyond the photo's pose.
    """
    picture, person = _as_image(photo.picture), _as_image(other.picture)
    landmarks = fuse_landmarks(photo.landmarks, other.landmarks, shape, _JAW * shape, ahead)
    base = reshape_photo(picture, photo.landmarks, landmarks) if shape else picture
    return base, landmarks, draw_overlay(picture.shape, landmarks, person, other.landmarks, hidden)


def _as_image(picture: Image | FloatArray) -> Image:
    return cast(Image, picture) if picture.dtype == np.uint8 else from_levels(cast(FloatArray, picture))


def finish_face(
    plan: FacePlan,
    *,
    identity: float = 1.0,
    skin: str = "source",
    fill: Portrait | None = None,
    box: Box | None = None,
) -> Fusion:
    """Match a planned face to the photo's skin and light, and blend it in.

    Landmarks that are found in the picture may tell another pose than those by which the face was drawn, as features,
    light and depth differ between people. Where they do, the face is drawn again, turned by what is missing.

    Args:
        plan: from `plan_face`.
        identity: share of the person's face, 0 to 1.
        skin: "source", "target" or "mix".
        fill: another picture of the person, for what their photo does not show.
        box: the photo's face, in which landmarks are looked for; with None the pose is not corrected.

    Raises:
        ConfigError: another choice of skin.
    """
    fusion = _find_face(_blend_in(plan, identity, skin, fill), box)
    missing = _missing_turn(plan, fusion)
    if missing is None or np.hypot(*missing) <= _CLOSE:
        return fusion
    base, landmarks, overlay = _place(plan.photo, plan.person, plan.shape, plan.hidden, missing)
    turned = _blend_in(plan._replace(base=base, landmarks=landmarks, overlay=overlay), identity, skin, fill)
    turned = _find_face(turned, box)
    still_missing = _missing_turn(plan, turned)
    return turned if still_missing is not None and np.hypot(*still_missing) < np.hypot(*missing) else fusion


def _find_face(fusion: Fusion, box: Box | None) -> Fusion:
    return fusion if box is None else replace(fusion, found=sure_landmarks(fusion.image, box))


def _blend_in(plan: FacePlan, identity: float, skin: str, fill: Portrait | None) -> Fusion:
    picture = _as_image(plan.photo.picture)
    under = None if fill is None else draw_overlay(picture.shape, plan.landmarks, *fill)
    return composite(picture, plan.base, plan.overlay, identity=identity, skin=skin, fill=under, kept=plan.kept)


def _missing_turn(plan: FacePlan, fusion: Fusion) -> tuple[float, float] | None:
    """Return what the yaw and the pitch found in a result lack, degrees, within limits; None where no face is sure."""
    if fusion.found is None:
        return None
    height, width = fusion.image.shape[:2]
    wanted, pose = (head_pose(points, (width, height)) for points in (plan.photo.landmarks, fusion.found))
    missing = (wanted.yaw_degrees - pose.yaw_degrees, wanted.pitch_degrees - pose.pitch_degrees)
    yaw, pitch = np.clip(missing, -_MOST_AHEAD, _MOST_AHEAD).tolist()
    return yaw, pitch
