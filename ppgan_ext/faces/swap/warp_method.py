"""One photo's face on another's, by landmarks, a mesh in three dimensions, and blending: the "warp" method of fusion.

The "latent" method adds a picture that a generator drew: it serves where the person's photo does not show the face.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.head.beard import beard_place
from ppgan_ext.faces.landmarks import INNER_LIPS, JAW, sure_landmarks
from ppgan_ext.faces.mask import WITH_RIM, draw_part, face_mask
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.pose import head_pose
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.beards import Beards, share_beards
from ppgan_ext.faces.swap.composite import Fusion, Heads, composite
from ppgan_ext.faces.swap.covers_over import clear_covers, lay_over
from ppgan_ext.faces.swap.fused_shape import fuse_landmarks
from ppgan_ext.faces.swap.head import Head, find_head
from ppgan_ext.faces.swap.overlay import Overlay, draw_overlay
from ppgan_ext.faces.swap.reshape import reshape_photo
from ppgan_ext.faces.swap.sides import Portrait, SeenPerson, Sides, as_image, look_at
from ppgan_ext.types import Box, FloatArray, Image

_CLOSE = 1.8  # degrees between the photo's pose and the result's that are left as they are
_MOST_AHEAD = 5.0  # degrees by which a face is turned beyond the photo's pose
_AROUND_COVERS = 0.04  # share of the face's size
_JAW = 0.5  # share of the person's jaw when all of their shape is asked for: ears and neck remain the photo's


class Placement(NamedTuple):
    """The person's face, placed on the photo's head.

    Attributes:
        base: (H, W, 3) RGB uint8, the photo with its head reshaped to the fused face's landmarks.
        landmarks: (68, 2), the fused face's.
        overlay: the person's face there.
        over: as in `Sides`, moved with the head.
        head: the reshaped photo's; its hair lies over the fused face.
    """

    base: Image
    landmarks: FloatArray
    overlay: Overlay
    over: npt.NDArray[np.float32] | None
    head: Head


class FacePlan(NamedTuple):
    """What a fusion of two photos is made of, before anything is blended.

    Attributes:
        sides: the two photos, ready to be drawn from.
        shape: share of the person's shape, 0 to 1.
        placement: the person's face, placed on the photo's head.
        beards: whose beard it has.
    """

    sides: Sides
    shape: float
    placement: Placement
    beards: Beards

    @property
    def landmarks(self) -> FloatArray:
        """The fused face's landmarks, (68, 2)."""
        return self.placement.landmarks

    @property
    def overlay(self) -> Overlay:
        """The person's face, drawn at these landmarks."""
        return self.placement.overlay

    @property
    def head(self) -> Head:
        """The photo's head, reshaped to them."""
        return self.placement.head

    @property
    def kept_covers(self) -> tuple[str, ...]:
        """Names of what covers the photo's face and stays over the fused one."""
        return self.sides.kept_covers

    @property
    def dropped_covers(self) -> tuple[str, ...]:
        """Names of what covers the person's face and is not taken along."""
        return self.sides.dropped_covers

    @property
    def shown_share(self) -> float:
        """How much of the face that will be drawn the person's photo shows, 0 to 1."""
        overlay = self.overlay
        drawn = face_mask(overlay.landmarks, overlay.shown.shape, feather=0.1) * (1.0 - overlay.window(self.head.hair))
        if self.placement.over is not None:
            drawn *= 1.0 - overlay.window(self.placement.over)
        # The inside of an open mouth is the photo's.
        drawn *= 1.0 - draw_part(overlay.landmarks[INNER_LIPS], overlay.shown.shape, WITH_RIM)
        return float((drawn * overlay.shown).sum() / max(float(drawn.sum()), 1e-6))


def plan_face(photo: Portrait, person: SeenPerson, shape: float) -> FacePlan:
    """Place the fused face, reshape the photo's head to it, and draw the person's face there.

    Args:
        photo: the photo that is kept, uint8.
        person: who is put in, from `sides.see_person`.
        shape: share of the person's shape, 0 to 1.

    Raises:
        ConfigError: a face outside its photo.
    """
    sides = look_at(photo, person)
    placement = _place(sides, shape)
    (picture, landmarks), (bare, their_landmarks) = sides.photo, sides.person
    beards = share_beards(as_image(picture), landmarks, as_image(bare), their_landmarks)
    return FacePlan(sides, shape, placement, beards)


def _place(sides: Sides, shape: float, ahead: tuple[float, float] = (0.0, 0.0)) -> Placement:
    """Reshape the photo's head and draw the person's face on it.

    Args:
        sides: the two photos.
        shape: share of the person's shape.
        ahead: degrees of yaw and pitch beyond the photo's pose.
    """
    (picture, own), (person, theirs) = sides.photo, sides.person
    picture = as_image(picture)
    landmarks = fuse_landmarks(own, theirs, shape, _JAW * shape, ahead)
    moves = bool(shape) and not sides.stays
    if sides.stays:
        landmarks = np.vstack([own[JAW], landmarks[JAW.stop :]])
    base, over = picture, sides.over
    if moves:
        base = reshape_photo(picture, own, landmarks, sides.headwear)
        over = None if over is None else _moved(over, own, landmarks, sides.headwear)
    overlay = draw_overlay(picture.shape, landmarks, as_image(person), theirs, sides.hidden)
    return Placement(base, landmarks, overlay, over, find_head(base, landmarks))


def _moved(
    weight: FloatArray, landmarks: FloatArray, new_landmarks: FloatArray, headwear: FloatArray
) -> npt.NDArray[np.float32]:
    """Move a map of the photo, (H, W), along with the photo's head."""
    levels = np.repeat(np.rint(weight * 255.0).astype(np.uint8)[..., None], 3, axis=2)
    return reshape_photo(levels, landmarks, new_landmarks, headwear)[..., 0] / np.float32(255.0)


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
    light and depth differ between people. Where they do, the face is placed again, turned by what is missing: with the
    photo's head reshaped to that, and its hair where it lies then.

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
    placement = _place(plan.sides, plan.shape, missing)
    turned = _find_face(_blend_in(plan._replace(placement=placement), identity, skin, fill), box)
    still_missing = _missing_turn(plan, turned)
    return turned if still_missing is not None and np.hypot(*still_missing) < np.hypot(*missing) else fusion


def _find_face(fusion: Fusion, box: Box | None) -> Fusion:
    return fusion if box is None else replace(fusion, found=sure_landmarks(fusion.image, box))


def _blend_in(plan: FacePlan, identity: float, skin: str, fill: Portrait | None) -> Fusion:
    picture, (base, landmarks, overlay, over, _) = as_image(plan.sides.photo.picture), plan.placement
    heads = _heads(plan)
    filled = None if fill is None else draw_overlay(picture.shape, landmarks, *fill)
    if over is None:
        fusion = composite(base, overlay, heads, identity=identity, skin=skin, fill=filled)
        return replace(fusion, mask=np.maximum(fusion.mask, (base != picture).any(axis=2)))
    # The share of the person's face is taken of the photo, not of the one without its covers.
    fusion = composite(clear_covers(base, overlay, over), overlay, heads, skin=skin, fill=filled)
    return lay_over(fusion, picture, base, over, identity)


def _heads(plan: FacePlan) -> Heads:
    """Return what is known of both heads beside what covers the photo's face."""
    base, landmarks, _, over, (kept, body) = plan.placement
    beard = beard_place(base, landmarks, plan.beards.photo) if any(plan.beards.photo.values()) else None
    if over is not None:
        # Around what covers the photo's face its skin stays, as below that it is not the photo's.
        around = cv2.dilate((over > 0).astype(np.uint8), disc(_AROUND_COVERS * face_size(landmarks)))
        kept, body = kept * (1.0 - over), body * (1 - around)
        beard = None if beard is None else beard * (1.0 - over)
    return Heads(kept, beard, body, plan.beards.person, brows_hidden="glasses" in plan.sides.dropped_covers)


def _missing_turn(plan: FacePlan, fusion: Fusion) -> tuple[float, float] | None:
    """Return what the yaw and the pitch found in a result lack, degrees, within limits; None where no face is sure."""
    if fusion.found is None:
        return None
    height, width = fusion.image.shape[:2]
    wanted, pose = (head_pose(points, (width, height)) for points in (plan.sides.seen, fusion.found))
    missing = (wanted.yaw_degrees - pose.yaw_degrees, wanted.pitch_degrees - pose.pitch_degrees)
    yaw, pitch = np.clip(missing, -_MOST_AHEAD, _MOST_AHEAD).tolist()
    return yaw, pitch
