"""What covers the photo's face lies over the fused face, with its own pixels: glasses, masks, hands, other objects."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.light import to_linear, to_srgb
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.occlusion.bare_face import glare
from ppgan_ext.faces.occlusion.face_covers import FaceCovers
from ppgan_ext.faces.skin import bare_skin, face_size
from ppgan_ext.faces.swap.composite import Fusion
from ppgan_ext.faces.swap.overlay import Overlay
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray, Image

_WIDER = 0.012  # of a cover's edge and shadow, as a share of the face's size
_FEW = 40  # pixels of skin of which the colour is known


def lies_over(photo: Image, landmarks: FloatArray, covers: FaceCovers) -> npt.NDArray[np.float32]:
    """Return what of a photo lies over the fused face, (H, W): frames, reflections on lenses, and what hides the face.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2), photo pixels.
        covers: of this face.
    """
    left, top, right, bottom = covers.region
    shine = glare(photo[top:bottom, left:right], landmarks - (left, top), covers.lens)
    result = np.zeros(photo.shape[:2], np.float32)
    result[top:bottom, left:right] = np.maximum(np.maximum(covers.frame, covers.solid), shine)
    return result


def clear_covers(base: Image, overlay: Overlay, over: FloatArray) -> Image:
    """Return the photo with the drawn face, roughly in the photo's light, instead of what covers the photo's.

    Skin, light and grain are then measured on, and blended with, a face without covers.

    Args:
        base: (H, W, 3) RGB uint8.
        overlay: the face that will be fused.
        over: (H, W) in [0, 1], what covers the photo's face.
    """
    under, covered = overlay.window(base), overlay.window(over)
    wider = max(1.0, _WIDER * face_size(overlay.landmarks))
    covered = cv2.dilate(np.ascontiguousarray(covered), disc(wider))
    weight = cv2.GaussianBlur(covered, (0, 0), 0.5 * wider) * (overlay.shown > 0.02)
    face = _in_light_of(overlay, under, weight)
    result = base.copy()
    overlay.window(result)[:] = from_levels(under + weight[..., None] * (face - under))
    return result


def _in_light_of(overlay: Overlay, under: Image, covered: FloatArray) -> npt.NDArray[np.float32]:
    """Return the drawn face, (h, w, 3), with the mean colour of the photo's skin."""
    face = to_linear(overlay.face)
    skin = (bare_skin(overlay.landmarks, under.shape) > 0.5) & (overlay.shown > 0.5)
    bare = skin & (covered < 0.05)
    if min(np.count_nonzero(skin), np.count_nonzero(bare)) < _FEW:
        return np.asarray(overlay.face, np.float32)
    wanted, has = np.median(to_linear(under.astype(np.float32))[bare], axis=0), np.median(face[skin], axis=0)
    return np.asarray(to_srgb(face * (wanted / np.maximum(has, 1e-4)).astype(np.float32)), np.float32)


def lay_over(fusion: Fusion, photo: Image, base: Image, over: FloatArray, identity: float) -> Fusion:
    """Lay what covers the photo's face over a fusion that was made without.

    Args:
        fusion: made of the photo that `clear_covers` returned, with the person's face alone; its mask is that of the
            blend alone.
        photo: (H, W, 3) RGB uint8, whose pixels stay where the mask is 0.
        base: the photo with its head reshaped.
        over: (H, W) in [0, 1].
        identity: share of the person's face, 0 to 1; the rest is the base's, covers and all.
    """
    weight = np.asarray(over, np.float32)[..., None]
    blended = (fusion.mask > 0)[..., None]
    under = base.astype(np.float32)
    fused = under + np.float32(identity) * (fusion.image.astype(np.float32) - under)
    laid = from_levels(np.asarray(fused + weight * (under - fused), np.float32))
    image = np.where(blended, laid, base)
    mask = fusion.mask * (image != base).any(axis=2)
    if base is not photo:
        np.maximum(mask, (image != photo).any(axis=2), out=mask)
    return Fusion(image, mask, fusion.landmarks, fusion.step, fusion.images)
