"""Composite an overlaid face into a photo: match its skin and light to the photo's, and blend it in without a seam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.faces.blend import BorderStep, blend, border_step
from ppgan_ext.faces.head.beard import beard_place
from ppgan_ext.faces.landmarks import INNER_LIPS
from ppgan_ext.faces.mask import WITH_RIM, draw_part
from ppgan_ext.faces.occlusion.headwear import find_headwear
from ppgan_ext.faces.skin import SkinWeights, face_size, find_skin
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
from ppgan_ext.faces.swap.lit_skin import LitSkin, find_lit_skin
from ppgan_ext.faces.swap.mouth import close_lips
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
class Heads:
    """What is known of two heads beyond the faces that are fused, by default nothing.

    Attributes:
        kept: (H, W) in [0, 1], what of the photo lies over the face.
        beard: (H, W) in [0, 1], where hairs of the photo's beard grow on the face.
        body: (H, W) in [0, 1], what surely belongs to the photo's person: where it has the colour of their skin, it
            becomes as smooth around the face as the face is.
        their_beard: how far each part of the drawn face's own beard goes along, 0 to 1 by `head.beard.PARTS`: its
            hairs keep their strength, and those at the face's outline and beyond grow on the photo.
        brows_hidden: something was taken off the drawn face that may have hidden its brows: where it has none, the
            photo's grow on it.
    """

    kept: FloatArray | None = None
    beard: FloatArray | None = None
    body: FloatArray | None = None
    their_beard: Mapping[str, float] | None = None
    brows_hidden: bool = False

    def under(self, overlay: Overlay) -> Heads:
        """Return what of it lies under a drawn face."""
        kept, beard, body = (
            None if each is None else overlay.window(each) for each in (self.kept, self.beard, self.body)
        )
        return Heads(kept, beard, body, self.their_beard, self.brows_hidden)


NOTHING_KNOWN = Heads()


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
    overlay: Overlay,
    heads: Heads = NOTHING_KNOWN,
    *,
    identity: float = 1.0,
    skin: str = "source",
    fill: Overlay | None = None,
) -> Fusion:
    """Match a drawn face to the photo's skin and light, and blend it in.

    Args:
        photo: (H, W, 3) RGB uint8, with the head reshaped to the face.
        overlay: the face.
        heads: what is known of both heads.
        identity: share of the drawn face, 0 to 1; the rest is the photo's.
        skin: "source", "target" or "mix".
        fill: the same face as another picture shows it, at the same place, for what the overlay does not show.

    Raises:
        ConfigError: another choice of skin.
    """
    if skin not in SKIN_CHOICES:
        raise ConfigError(f"there is no skin '{skin}'", cure=nearest(skin, SKIN_CHOICES))
    heads, under = heads.under(overlay), overlay.window(photo)
    pair = _look_at(overlay if fill is None else _fill_in(overlay, fill), under, heads)
    theirs = _TheirBeard.of(pair, heads.their_beard) if heads.their_beard and any(heads.their_beard.values()) else None
    lit = _in_the_photos_light(pair, SKIN_CHOICES[skin], heads.beard, theirs)
    mask = _with_brow_ends(pair)
    shown_skins = pair.above.skin * pair.drawn.shown, pair.below.skin * pair.bare
    face = match_grain(lit, under.astype(np.float32), *shown_skins, mask)
    ground = _ground(pair, face, heads, theirs)
    face, ground = (under + np.float32(identity) * (each - under) for each in (face, ground))
    result = photo.copy()
    overlay.window(result)[:] = blend(from_levels(ground), face, mask)
    whole_mask = np.zeros(photo.shape[:2], np.float32)
    overlay.window(whole_mask)[:] = mask
    step = border_step(photo, result, whole_mask)
    np.maximum(whole_mask, (result != photo).any(axis=2), out=whole_mask)
    images = {"drawn": from_levels(pair.drawn.face), "matched": from_levels(face)}
    corner = np.array([overlay.left, overlay.top])
    return Fusion(result, whole_mask, overlay.landmarks + corner, step, images)


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two faces at the same landmarks without their brows.

    Attributes:
        drawn: the person's, which looks where the photo's looks.
        under: (H, W, 3) RGB uint8, the photo under it, with its brows.
        photo: (H, W, 3) RGB float32, 0 to 255, the photo's face.
        bare: (H, W) in [0, 1], what of the photo nothing lies over.
        brows: the person's, or the photo's where those are hidden.
        headwear: (H, W) in [0, 1], what hangs over the forehead of either.
        above, below: skin of the person's face, and of the photo's, and what covers it.
        drawn_skin, photo_skin: skin of both whose light is matched.
        mask: (H, W) in [0, 1], where the person's face replaces the photo's, but for the ends of its brows.
        brow_share: (H, W) in [0, 1], by how much the photo's brows give way to the person's.
    """

    drawn: Overlay
    under: Image
    photo: npt.NDArray[np.float32]
    bare: FloatArray
    brows: Brows
    headwear: FloatArray
    above: SkinWeights
    below: SkinWeights
    drawn_skin: LitSkin
    photo_skin: LitSkin
    mask: npt.NDArray[np.float32]
    brow_share: npt.NDArray[np.float32]

    @property
    def landmarks(self) -> FloatArray:
        """The landmarks of both faces, (68, 2)."""
        return self.drawn.landmarks


def _look_at(drawn: Overlay, under: Image, heads: Heads) -> _Pair:
    """Take the brows off a drawn face and off the photo under it, and find the skin of both."""
    landmarks, levels = drawn.landmarks, under.astype(np.float32)
    bare = np.ones_like(drawn.shown) if heads.kept is None else 1.0 - heads.kept
    hats = [find_headwear(picture, landmarks) for picture in (from_levels(drawn.face), under)]
    hats[1] = np.maximum(hats[1], hidden_forehead(under, landmarks, np.zeros(under.shape[:2], np.float32)))
    known = [seen * (1.0 - hat) for seen, hat in zip((drawn.shown, bare), hats, strict=True)]
    photo = without_brows(levels, landmarks, known[1], wholly=True)
    skin = without_brows(drawn.face, landmarks, known[0])
    face = with_faint_brows(drawn.face, skin, landmarks, known[0])
    brows = brow_layer(drawn.face, face, landmarks)
    missing = missing_brows(brows, landmarks) if heads.brows_hidden else None
    if missing is not None and missing.any():
        own = brow_layer(levels, without_brows(levels, landmarks, known[1]), landmarks)
        brows, face = with_others_brows(brows, own, missing), np.where(missing[..., None], skin, face)
    drawn = replace(drawn, face=follow_gaze(face, levels, landmarks, drawn.turned_degrees))
    headwear = np.maximum(*hats)
    below, above = (find_skin(landmarks, picture) for picture in (photo, drawn.face))
    foreign, cloth = (above.foreign, below.foreign), find_cloth(landmarks, drawn.face)
    mask = blend_mask(landmarks, drawn.shown * bare, foreign, headwear, FEATHER, cloth)
    return _Pair(
        drawn,
        under,
        photo,
        bare,
        brows,
        headwear,
        above,
        below,
        drawn_skin=find_lit_skin(landmarks, drawn.face, drawn.shown, above),
        photo_skin=find_lit_skin(landmarks, photo, bare, below),
        mask=mask,
        brow_share=brow_shares(mask, landmarks),
    )


def _in_the_photos_light(
    pair: _Pair, own_tone: float, beard: FloatArray | None, theirs: _TheirBeard | None
) -> FloatArray:
    """Return the drawn face, (H, W, 3) RGB float32, in the photo's light, with its brows and with whoever's beard.

    Args:
        pair: both faces.
        own_tone: share of its own skin tone that it keeps; none at the mask's border.
        beard: (H, W) in [0, 1], where hairs of the photo's beard grow on it.
        theirs: its own beard, which goes along.
    """
    landmarks, drawn = pair.landmarks, pair.drawn
    own_tones = own_tone * soft_rise(pair.mask > 0, _TONE_FADE * face_size(landmarks))
    skins = pair.drawn_skin, pair.photo_skin
    lit = match_skin(drawn.face, pair.photo, *skins, landmarks, own_tones, drawn.relaxed, pair.brows)
    lit = even_irises(lit, pair.photo, landmarks)
    lit = close_lips(lit, pair.photo, landmarks, drawn.closed)
    if beard is not None:
        lit = grow_beard(lit, pair.photo, pair.photo_skin.skin, landmarks, beard)
    return lit if theirs is None else theirs.grown_on(lit, theirs.place)


def _with_brow_ends(pair: _Pair) -> FloatArray:
    """Return the mask of the face with its brows, (H, W) in [0, 1]: they go on to their ends beyond it."""
    hair, free = hair_cover(pair.brows, pair.landmarks) * pair.brow_share, pair.drawn.shown * pair.bare
    return np.maximum(pair.mask, hair * free * (1.0 - pair.headwear))


def _ground(pair: _Pair, face: FloatArray, heads: Heads, theirs: _TheirBeard | None) -> FloatArray:
    """Return the photo, (H, W, 3), into which the face is blended.

    Its brows give way to the person's; the skin of the body becomes as smooth around the face as the face is; and the
    person's beard goes on.

    Args:
        pair: both faces.
        face: (H, W, 3) RGB float32, the drawn one in the photo's light.
        heads: what is known of both heads, under the face.
        theirs: the person's beard, if it goes along.
    """
    ground = np.asarray(pair.under + pair.brow_share[..., None] * (pair.photo - pair.under), np.float32)
    alike = pair.bare * skin_colour(pair.under, pair.landmarks)
    if heads.body is not None:
        rim = alike * heads.body * (1.0 if heads.beard is None else 1.0 - heads.beard)
        ground = even_rim(ground, face, rim, pair.drawn_skin.skin * (pair.mask > 0.5), pair.landmarks)
    return ground if theirs is None else theirs.grown_on(ground, theirs.place * alike)


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
    def of(cls, pair: _Pair, parts: Mapping[str, float]) -> _TheirBeard:
        """Find the beard of the drawn face by how far there is each part."""
        drawn, landmarks = pair.drawn, pair.landmarks
        place = beard_place(drawn.shown, landmarks, parts) * within_jaw(landmarks, drawn.shown.shape) * drawn.shown
        return cls(drawn.face, pair.drawn_skin.skin * (1.0 - place), place, landmarks)

    def grown_on(self, picture: FloatArray, where: FloatArray) -> npt.NDArray[np.float32]:
        """Return a picture, (H, W, 3), on which the beard has grown where it may, (H, W)."""
        # Skin far above a beard does not matter to it.
        first = int(np.clip(self.landmarks[27:31, 1].min(), 0, len(where) - 1))
        rows, points = slice(first, None), self.landmarks - (0.0, first)
        result = np.array(picture, np.float32)
        hairs = self.face[rows], self.skin[rows], points, where[rows]
        result[rows] = grow_beard(result[rows], *hairs, same_light=False)
        return result


def _fill_in(overlay: Overlay, fill: Overlay) -> Overlay:
    """Add to a face, from another picture of it in the same light, what it does not show."""
    own, other = (
        find_lit_skin(overlay.landmarks, each.face, each.shown, find_skin(overlay.landmarks, each.face))
        for each in (fill, overlay)
    )
    matched = match_skin(fill.face, overlay.face, own, other, overlay.landmarks).astype(np.float32)
    share = overlay.shown[..., None]
    # A mouth is open because the photo's is: there the photo shows the teeth.
    mouth = draw_part(overlay.landmarks[INNER_LIPS], overlay.shown.shape, WITH_RIM)
    shown = np.maximum(overlay.shown, fill.shown * (1.0 - mouth))
    return replace(overlay, face=matched + share * (overlay.face - matched), shown=shown)
