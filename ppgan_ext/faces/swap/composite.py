"""Composite an overlaid face into a photo: match its skin and light to the photo's, and blend it in without a seam."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.faces.blend import BorderStep, blend, border_step
from ppgan_ext.faces.occlusion.headwear import find_headwear
from ppgan_ext.faces.skin import draw_part, face_size, find_skin
from ppgan_ext.faces.swap.blend_mask import blend_mask, soft_rise
from ppgan_ext.faces.swap.gaze import follow_gaze
from ppgan_ext.faces.swap.grain import match_grain
from ppgan_ext.faces.swap.lit_skin import find_lit_skin
from ppgan_ext.faces.swap.mouth import INNER_LIPS, close_lips
from ppgan_ext.faces.swap.overlay import Overlay
from ppgan_ext.faces.swap.skin_light import grow_beard, match_skin
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray, Image

SKIN_CHOICES = {"source": 0.0, "mix": 0.5, "target": 1.0}  # share of its own skin tone that the target's face keeps

# Width of the mask's soft edge, as a share of the face's size. On 30 pairs, dlib's distance to the person is 0.435 with
# 0.2, 0.386 with 0.12.
FEATHER = 0.1
_TONE_FADE = 0.15  # width over which the target's own tone fades in, as a share of the face's size


@dataclass(frozen=True, eq=False)
class Fusion:
    """A photo with another face in it.

    Attributes:
        image: (H, W, 3) RGB uint8; bit-equal to the photo where ``mask`` is 0.
        mask: (H, W) float32 in [0, 1].
        landmarks: (68, 2), where the face was put.
        way: how it was blended, "poisson" or "multi-band".
        step: mean colour step across the mask's border, and the photo's own step at the same places.
        images: intermediate pictures by name, each (h, w, 3) uint8: "drawn", "matched".
        found: (68, 2), the landmarks found in ``image``; None where none were looked for, or none are sure.
    """

    image: Image
    mask: npt.NDArray[np.float32]
    landmarks: FloatArray
    way: str
    step: BorderStep
    images: dict[str, Image]
    found: FloatArray | None = None


def composite(
    photo: Image,
    base: Image,
    overlay: Overlay,
    *,
    identity: float = 1.0,
    skin: str = "source",
    fill: Overlay | None = None,
    kept: FloatArray | None = None,
    beard: FloatArray | None = None,
) -> Fusion:
    """Match a drawn face to the photo's skin and light, and blend it in.

    Args:
        photo: (H, W, 3) RGB uint8.
        base: the picture under the face: the photo itself, or the photo reshaped.
        overlay: the face.
        identity: share of the drawn face, 0 to 1; the rest is the base's.
        skin: "source", "target" or "mix".
        fill: the same face as another picture shows it, at the same place, for what the overlay does not show.
        kept: (H, W) in [0, 1], what of the base lies over the face.
        beard: (H, W) in [0, 1], where hairs of the base's beard grow on the face.

    Raises:
        ConfigError: another choice of skin.
    """
    if skin not in SKIN_CHOICES:
        raise ConfigError(f"there is no skin '{skin}'", cure=nearest(skin, SKIN_CHOICES))
    under = overlay.window(base)
    below = find_skin(overlay.landmarks, under)
    drawn = overlay if fill is None else _fill_in(overlay, fill)
    drawn = replace(drawn, face=follow_gaze(drawn.face, under, overlay.landmarks, overlay.turned_degrees))
    above = find_skin(overlay.landmarks, drawn.face)
    bare = np.ones_like(drawn.shown) if kept is None else 1.0 - overlay.window(kept)
    headwear = np.maximum(*(find_headwear(picture, overlay.landmarks) for picture in (under, from_levels(drawn.face))))
    foreign = (above.foreign, below.foreign)
    mask = blend_mask(overlay.landmarks, drawn.shown * bare, foreign, headwear, FEATHER)
    own_tone = SKIN_CHOICES[skin] * soft_rise(mask > 0, _TONE_FADE * face_size(overlay.landmarks))
    levels, skins = under.astype(np.float32), (above.skin * drawn.shown, below.skin * bare)
    face_skin = find_lit_skin(overlay.landmarks, drawn.face, drawn.shown, above)
    photo_skin = find_lit_skin(overlay.landmarks, levels, bare, below)
    lit = match_skin(drawn.face, levels, face_skin, photo_skin, overlay.landmarks, own_tone, overlay.closed)
    lit = close_lips(lit, levels, overlay.landmarks, overlay.closed)
    if beard is not None and beard.any():
        lit = grow_beard(lit, levels, photo_skin.skin, overlay.landmarks, overlay.window(beard))
    face = match_grain(lit, levels, *skins, mask)
    face = under + np.float32(identity) * (face - under)
    result = base.copy()
    # Poisson blending would carry the colours of hair and collars under the border far into the face.
    overlay.window(result)[:], way = blend(under, face, mask, ("multi-band",))
    whole_mask = np.zeros(photo.shape[:2], np.float32)
    overlay.window(whole_mask)[:] = mask
    step = border_step(base, result, whole_mask)
    if base is not photo:
        np.maximum(whole_mask, (base != photo).any(axis=2), out=whole_mask)
    images = {"drawn": from_levels(drawn.face), "matched": from_levels(face)}
    corner = np.array([overlay.left, overlay.top])
    return Fusion(result, whole_mask, overlay.landmarks + corner, way, step, images)


def _fill_in(overlay: Overlay, fill: Overlay) -> Overlay:
    """Add to a face, from another picture of it in the same light, what it does not show."""
    own, other = (
        find_lit_skin(overlay.landmarks, each.face, each.shown, find_skin(overlay.landmarks, each.face))
        for each in (fill, overlay)
    )
    matched = match_skin(fill.face, overlay.face, own, other, overlay.landmarks).astype(np.float32)
    share = overlay.shown[..., None]
    # A mouth is open because the photo's is: there the photo shows the teeth.
    mouth = draw_part(overlay.landmarks[INNER_LIPS], overlay.shown.shape, 0.0)
    shown = np.maximum(overlay.shown, fill.shown * (1.0 - mouth))
    return replace(overlay, face=matched + share * (overlay.face - matched), shown=shown)
