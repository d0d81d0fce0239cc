"""One photo's face on another's, by landmarks, a mesh in three dimensions, and blending: the "warp" method of fusion.

The "latent" method adds a picture that a generator drew: it serves where the person's photo does not show the face.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.mask import face_mask
from ppgan_ext.faces.occlusion.bare_face import without_glasses
from ppgan_ext.faces.occlusion.face_covers import find_covers_of
from ppgan_ext.faces.skin import draw_part
from ppgan_ext.faces.swap.composite import Fusion, composite
from ppgan_ext.faces.swap.covers import find_covers
from ppgan_ext.faces.swap.covers_over import clear_covers, lay_over, lies_over
from ppgan_ext.faces.swap.fused_shape import fuse_landmarks
from ppgan_ext.faces.swap.hidden_landmarks import believable, softened
from ppgan_ext.faces.swap.overlay import Overlay, draw_overlay
from ppgan_ext.faces.swap.reshape import reshape_photo
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray, Image

_JAW_POINTS = slice(0, 17)
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
        photo: (H, W, 3) RGB uint8, which is kept.
        base: the same with its head reshaped to the fused face's landmarks.
        landmarks: (68, 2), the fused face's.
        overlay: the person's face, drawn there.
        kept: (H, W) float32 in [0, 1], the photo's hair and beard, which lie over the fused face.
        over: (H, W) float32 in [0, 1], what else covers the photo's face and lies over the fused one; None for nothing.
        kept_covers: names of what `over` shows.
        dropped_covers: names of what covers the person's face and is not taken along.
    """

    photo: Image
    base: Image
    landmarks: FloatArray
    overlay: Overlay
    kept: npt.NDArray[np.float32]
    over: npt.NDArray[np.float32] | None = None
    kept_covers: tuple[str, ...] = ()
    dropped_covers: tuple[str, ...] = ()

    @property
    def shown_share(self) -> float:
        """How much of the face that will be drawn the person's photo shows, 0 to 1."""
        overlay = self.overlay
        drawn = face_mask(overlay.landmarks, overlay.shown.shape, feather=0.1) * (1.0 - overlay.window(self.kept))
        if self.over is not None:
            drawn *= 1.0 - overlay.window(self.over)
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
    picture, landmarks = _as_image(photo.picture), photo.landmarks
    person, other_landmarks = _as_image(other.picture), other.landmarks
    theirs, own = find_covers_of(person, other_landmarks), find_covers_of(picture, landmarks)
    if theirs is not None:
        other_landmarks = believable(other_landmarks, theirs.whole("solid", person.shape), landmarks)
    if own is not None:
        landmarks = believable(landmarks, own.whole("solid", picture.shape), other_landmarks)
    new_landmarks = fuse_landmarks(landmarks, other_landmarks, shape, _JAW * shape)
    # What hides much of the photo's face stays in place, and the head with it.
    moves = bool(shape) and landmarks is photo.landmarks
    if not moves:
        new_landmarks = np.vstack([landmarks[_JAW_POINTS], new_landmarks[_JAW_POINTS.stop :]])
    base = reshape_photo(picture, landmarks, new_landmarks) if moves else picture
    hidden = find_covers(person, other_landmarks).hair
    if theirs is not None:
        hidden = np.maximum(hidden, softened(theirs.whole("solid", person.shape), other_landmarks))
        person = without_glasses(person, other_landmarks, theirs)
    overlay = draw_overlay(picture.shape, new_landmarks, person, other_landmarks, hidden)
    plan = FacePlan(picture, base, new_landmarks, overlay, find_covers(base, new_landmarks).kept)
    return plan._replace(
        over=None
        if own is None
        else _moved(lies_over(picture, landmarks, own), landmarks, new_landmarks if moves else None),
        kept_covers=() if own is None else own.found,
        dropped_covers=() if theirs is None else theirs.found,
    )


def _moved(weight: FloatArray, landmarks: FloatArray, new_landmarks: FloatArray | None) -> npt.NDArray[np.float32]:
    """Move a map of the photo, (H, W), along with the photo's head; None leaves it in place."""
    if new_landmarks is None:
        return np.asarray(weight, np.float32)
    levels = np.repeat(np.rint(weight * 255.0).astype(np.uint8)[..., None], 3, axis=2)
    return reshape_photo(levels, landmarks, new_landmarks)[..., 0] / np.float32(255.0)


def _as_image(picture: Image | FloatArray) -> Image:
    return cast(Image, picture) if picture.dtype == np.uint8 else from_levels(cast(FloatArray, picture))


def finish_face(plan: FacePlan, *, identity: float = 1.0, skin: str = "source", fill: Portrait | None = None) -> Fusion:
    """Match a planned face to the photo's skin and light, and blend it in.

    Args:
        plan: from `plan_face`.
        identity: share of the person's face, 0 to 1.
        skin: "source", "target" or "mix".
        fill: another picture of the person, for what their photo does not show.

    Raises:
        ConfigError: another choice of skin.
    """
    under = None if fill is None else draw_overlay(plan.photo.shape, plan.landmarks, *fill)
    if plan.over is None:
        return composite(plan.photo, plan.base, plan.overlay, identity=identity, skin=skin, fill=under, kept=plan.kept)
    cleared = clear_covers(plan.base, plan.overlay, plan.over)
    kept = plan.kept * (1.0 - plan.over)
    fusion = composite(cleared, cleared, plan.overlay, identity=identity, skin=skin, fill=under, kept=kept)
    return lay_over(fusion, plan.photo, plan.base, plan.over)
