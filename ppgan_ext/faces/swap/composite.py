"""Composite an overlaid face into a photo: match its skin and light to the photo's, and blend it in without a seam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.faces.ageing.beard import beard_place
from ppgan_ext.faces.blend import BorderStep, blend, border_step
from ppgan_ext.faces.occlusion.headwear import find_headwear
from ppgan_ext.faces.skin import draw_part, face_size, find_skin
from ppgan_ext.faces.swap.beards import skin_colour, within_jaw
from ppgan_ext.faces.swap.blend_mask import blend_mask, find_cloth, soft_rise
from ppgan_ext.faces.swap.brows import (
    Brows,
    brow_layer,
    brow_shares,
    hair_cover,
    missing_brows,
    with_faint_brows,
    with_others_brows,
    without_brows,
)
from ppgan_ext.faces.swap.fringes import hidden_forehead
from ppgan_ext.faces.swap.gaze import follow_gaze
from ppgan_ext.faces.swap.grain import match_grain
from ppgan_ext.faces.swap.grown_beard import grow_beard
from ppgan_ext.faces.swap.irises import even_irises
from ppgan_ext.faces.swap.lit_skin import find_lit_skin
from ppgan_ext.faces.swap.mouth import INNER_LIPS, close_lips
from ppgan_ext.faces.swap.overlay import Overlay
from ppgan_ext.faces.swap.rim_skin import even_rim
from ppgan_ext.faces.swap.skin_light import match_skin
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
        step: mean colour step across the mask's border, and the photo's own step at the same places.
        images: intermediate pictures by name, each (h, w, 3) uint8: "drawn", "matched".
        found: (68, 2), the landmarks found in ``image``; None where none were looked for, or none are sure.
    """

    image: Image
    mask: npt.NDArray[np.float32]
    landmarks: FloatArray
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
    their_beard: Mapping[str, float] | None = None,
    body: FloatArray | None = None,
    brows_hidden: bool = False,
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
        their_beard: how far each part of the drawn face's own beard goes along, 0 to 1 by `ageing.beard.PARTS`: its
            hairs keep their strength, and those at the face's outline and beyond grow on the base.
        body: (H, W) in [0, 1], what surely belongs to the photo's person: where it has the colour of their skin, it
            becomes as smooth around the face as the face is.
        brows_hidden: something was taken off the face that may have hidden its brows: where it has none, the base's
            grow on it.

    Raises:
        ConfigError: another choice of skin.
    """
    if skin not in SKIN_CHOICES:
        raise ConfigError(f"there is no skin '{skin}'", cure=nearest(skin, SKIN_CHOICES))
    bare = np.ones_like(overlay.shown) if kept is None else 1.0 - overlay.window(kept)
    drawn = overlay if fill is None else _fill_in(overlay, fill)
    under = overlay.window(base)
    faces = _without_brows(drawn, under, bare, brows_hidden)
    drawn = replace(drawn, face=faces.face)
    below, above = (find_skin(overlay.landmarks, picture) for picture in (faces.photo, drawn.face))
    free, foreign = drawn.shown * bare, (above.foreign, below.foreign)
    mask = blend_mask(
        overlay.landmarks, free, foreign, faces.headwear, FEATHER, find_cloth(overlay.landmarks, drawn.face)
    )
    own_tone = SKIN_CHOICES[skin] * soft_rise(mask > 0, _TONE_FADE * face_size(overlay.landmarks))
    face_skin = find_lit_skin(overlay.landmarks, drawn.face, drawn.shown, above)
    photo_skin = find_lit_skin(overlay.landmarks, faces.photo, bare, below)
    skins = face_skin, photo_skin
    lit = match_skin(drawn.face, faces.photo, *skins, overlay.landmarks, own_tone, overlay.relaxed, faces.brows)
    lit = even_irises(lit, faces.photo, overlay.landmarks)
    lit = close_lips(lit, faces.photo, overlay.landmarks, overlay.closed)
    if beard is not None:
        lit = grow_beard(lit, faces.photo, photo_skin.skin, overlay.landmarks, overlay.window(beard))
    theirs = None
    if their_beard is not None and any(their_beard.values()):
        theirs = _TheirBeard.of(drawn, face_skin.skin, their_beard)
        lit = theirs.grown_on(lit, theirs.place)
    # The photo's brows give way to the person's, which go on to their ends beyond the mask.
    share = brow_shares(mask, overlay.landmarks)
    ground = under + share[..., None] * (faces.photo - under)
    inside = face_skin.skin * (mask > 0.5)
    mask = np.maximum(mask, hair_cover(faces.brows, overlay.landmarks) * share * free * (1.0 - faces.headwear))
    face = match_grain(lit, under.astype(np.float32), above.skin * drawn.shown, below.skin * bare, mask)
    alike = bare * skin_colour(under, overlay.landmarks)
    if body is not None:
        rim = alike * overlay.window(body) * (1.0 if beard is None else 1.0 - overlay.window(beard))
        ground = even_rim(ground, face, rim, inside, overlay.landmarks)
    if theirs is not None:
        ground = theirs.grown_on(ground, theirs.place * alike)
    face, ground = (under + np.float32(identity) * (each - under) for each in (face, ground))
    result = _lay_on(base, overlay, face, ground, mask)
    whole_mask = np.zeros(photo.shape[:2], np.float32)
    overlay.window(whole_mask)[:] = mask
    step = border_step(base, result, whole_mask)
    if base is not photo:
        np.maximum(whole_mask, (base != photo).any(axis=2), out=whole_mask)
    np.maximum(whole_mask, (result != base).any(axis=2), out=whole_mask)
    images = {"drawn": from_levels(drawn.face), "matched": from_levels(face)}
    corner = np.array([overlay.left, overlay.top])
    return Fusion(result, whole_mask, overlay.landmarks + corner, step, images)


class _TheirBeard(NamedTuple):
    """A drawn face's own beard.

    Attributes:
        face: (H, W, 3) RGB float32, 0 to 255, the drawn face in its own light.
        skin: (H, W), weight of bare skin in it.
        place: (H, W) in [0, 1], where the beard grows.
        landmarks: (68, 2).
    """

    face: FloatArray
    skin: FloatArray
    place: FloatArray
    landmarks: FloatArray

    @classmethod
    def of(cls, drawn: Overlay, skin: FloatArray, parts: Mapping[str, float]) -> _TheirBeard:
        """Find the beard of a drawn face, whose skin has a weight (H, W), by how far there is each part."""
        landmarks, shape = drawn.landmarks, drawn.shown.shape
        place = beard_place(drawn.shown, landmarks, parts) * within_jaw(landmarks, shape) * drawn.shown
        return cls(drawn.face, skin * (1.0 - place), place, landmarks)

    def grown_on(self, picture: FloatArray, where: FloatArray) -> npt.NDArray[np.float32]:
        """Return a picture, (H, W, 3), on which the beard has grown where it may, (H, W)."""
        # Skin far above a beard does not matter to it.
        first = int(np.clip(self.landmarks[27:31, 1].min(), 0, len(where) - 1))
        rows, points = slice(first, None), self.landmarks - (0.0, first)
        result = np.array(picture, np.float32)
        hairs = self.face[rows], self.skin[rows], points, where[rows]
        result[rows] = grow_beard(result[rows], *hairs, same_light=False)
        return result


def _lay_on(base: Image, overlay: Overlay, face: FloatArray, ground: FloatArray, mask: FloatArray) -> Image:
    """Blend a face, (H, W, 3), into the photo, which is changed to ``ground`` (H, W, 3) there."""
    result = base.copy()
    under = overlay.window(result)
    under[:] = from_levels(ground)
    under[:] = blend(under, face, mask)
    return result


class _Faces(NamedTuple):
    """Two faces at the same landmarks without their brows.

    Attributes:
        face: (H, W, 3) RGB float32, 0 to 255, the drawn one, which looks where the photo's looks.
        photo: (H, W, 3) RGB float32, 0 to 255, the photo's.
        brows: the drawn face's, or the photo's where those are hidden.
        headwear: (H, W) in [0, 1], what hangs over the forehead of either.
    """

    face: npt.NDArray[np.float32]
    photo: npt.NDArray[np.float32]
    brows: Brows
    headwear: FloatArray


def _without_brows(drawn: Overlay, under: Image, bare: FloatArray, hidden: bool) -> _Faces:
    """Take the brows off a drawn face and off the photo under it; ``bare`` (H, W) is what of that nothing lies over."""
    landmarks = drawn.landmarks
    hats = [find_headwear(picture, landmarks) for picture in (from_levels(drawn.face), under)]
    hats[1] = np.maximum(hats[1], hidden_forehead(under, landmarks, np.zeros(under.shape[:2], np.float32)))
    known = [seen * (1.0 - hat) for seen, hat in zip((drawn.shown, bare), hats, strict=True)]
    levels = under.astype(np.float32)
    photo = without_brows(levels, landmarks, known[1], wholly=True)
    skin = without_brows(drawn.face, landmarks, known[0])
    face = with_faint_brows(drawn.face, skin, landmarks, known[0])
    brows = brow_layer(drawn.face, face, landmarks)
    missing = missing_brows(brows, landmarks) if hidden else None
    if missing is not None and missing.any():
        own = brow_layer(levels, without_brows(levels, landmarks, known[1]), landmarks)
        brows, face = with_others_brows(brows, own, missing), np.where(missing[..., None], skin, face)
    face = follow_gaze(face, levels, landmarks, drawn.turned_degrees)
    return _Faces(face, photo, brows, np.maximum(*hats))


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
