"""Braids, tails, buns and long ends, of which a network that knows heads sees the beginning only.

What goes on from known hair in its colour is hair, where the photo shows that nothing else there has this colour, or
where the network has at least a suspicion.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.bare_skin import bare_skin, face_outline
from ppgan_ext.faces.head.hair import HairMatte, map_on_copy
from ppgan_ext.faces.head.hair_edges import draw_matte, matte_size
from ppgan_ext.faces.head.hair_network import Chances
from ppgan_ext.faces.head.head_patch import EYES, SHAPE, HeadPatch, region_of
from ppgan_ext.faces.head.head_places import beside_jaw_rows
from ppgan_ext.faces.head.outer_hair import colours_nearby
from ppgan_ext.faces.head.skin_colour import SkinColour, ramp
from ppgan_ext.faces.head.strips import cut, enlarge, strips
from ppgan_ext.faces.light import to_linear
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.faces.morphology import disc
from ppgan_ext.types import FloatArray

# Lengths are shares of the eyes' distance, colours are CIE Lab.
_REACH = (1.4, 2.2)  # how far from known hair its ends are looked for: fully, and not at all
_OWN = 0.25  # width of the Gaussian for the hair's colour nearby
# How far a colour may be from the hair's nearby: at least, and times the hair's own deviation; in light above it, below
# it, and in a and b.
_ABOVE, _BELOW, _TINT = (4.0, 1.3), (14.0, 2.0), (3.0, 1.2)
_ALIKE = (0.35, 0.7)  # likelihood from which a colour is that of the hair, and surely is
_OF_SHADE, _LEAST_SHADE = (0.3, 2.0), 8.0  # a and b grow with the light: by which factors, and from how much light on
_FACE = 0.1  # around the face is skin
# The share of the skin's colour, as in `greying`: width of its Gaussian, percentile in the hair, how much more is skin,
# and how much of it hair has in which skin cannot be told by it.
_SHARE_AROUND, _MOST_SHARE, _SHARE_TELLS, _HAIR_SHARE = 0.02, 80.0, 0.3, (0.55, 0.75)
# Half the width of what is cloth or a wall rather than a braid; how much of what is around may have the hair's colour,
# and how wide around; and how much of the background, how far from the hair.
_WIDE, _AROUND, _MUCH, _COMMON, _BEHIND = 0.24, 0.3, (0.5, 0.75), (0.015, 0.04), (0.5, 2.5)
_MORE_ON_BODY = 0.25  # how much less of what is around may have the hair's colour there
# How far hair of which the network knows nothing goes on sideways and upwards, fully and not at all; below known hair
# it may hang.
_SIDEWAYS = (0.25, 0.45)
_ABOVE_EYES = 0.6  # above that nobody wears cloth but a hat
_SUSPECTED, _LIKELY = (0.03, 0.1), (0.12, 0.3)  # chance of hair that suffices where colours tell, and where they do not
_ON_BODY = (0.03, 0.08)  # the same without which nothing on the body is hair, whatever its colour
_DARK, _COLOURFUL = (30.0, 45.0), (8.0, 14.0)  # light and chroma of hair that turns grey: all other is grey already
_FADES = 0.25, 0.08  # how far from known hair the gain of light ends where only the network tells; on the body
_FEW = 50
_BEYOND = 1.0  # how far the region grows where hair reaches its border
# Below the patch: rows in which hair fades out; the Gaussian, in pixels, by which each row is wider than the one before
# it; and how far from known hair its colour begins to decide.
_ROWS_BELOW, _WIDER, _BY_COLOUR = round(4.5 * EYES), 1.5, 0.6
_ROUND = 16  # pixels of the copy around it from which colours are told
_LEAST = 0.3  # hair that is found, below which nothing is drawn
_TOLD = 1.35  # how much more it counts than a chance, since colours told it


class LooseHair(NamedTuple):
    """Hair that goes on from known hair.

    Attributes:
        hair: (H, W) in [0, 1], known and found.
        firm: (H, W) in [0, 1], 1 on what is known; elsewhere how far no cloth or wall has its colour, so that it may
            become lighter too.
    """

    hair: npt.NDArray[np.float32]
    firm: npt.NDArray[np.float32]


def add_loose_hair(
    matte: HairMatte, photo: npt.NDArray, landmarks: FloatArray, patch: HeadPatch, chances: Chances
) -> tuple[HairMatte, npt.NDArray[np.float32]]:
    """Add to a head's matte what `loose_hair` sees on a reduced copy, drawn along its strands.

    Args:
        matte: the hair known.
        photo: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2), photo pixels.
        patch: the head's.
        chances: of the patch.

    Returns:
        The matte, whose region is larger where hair reaches its border; and on a reduced copy of it what is firm.
    """
    below = _below(chances.hair)
    matte = _with_room(matte, photo.shape, landmarks, bool(below.max() > 0.5))
    left, top, right, bottom = matte.region
    part, points = photo[top:bottom, left:right], landmarks - (left, top)
    size = matte_size(part.shape, points)
    factor = (size[0] / part.shape[1], size[1] / part.shape[0])
    copy, known = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (part, matte.alpha))
    chance = map_on_copy(chances.hair, patch, (left, top), factor, size)
    # Outside the patch nothing is known of the person, who goes on there.
    person = map_on_copy(chances.person, patch, (left, top), factor, size, cv2.BORDER_REPLICATE)
    goes_on = map_on_copy(np.vstack([np.zeros_like(chances.hair), below]), patch, (left, top), factor, size)
    found = loose_hair(copy, (points + 0.5) * factor - 0.5, known, chance, person, goes_on)
    added = (found.hair - known > _LEAST).astype(np.float32)
    if added.any():
        # Below it fades out: nobody knows where it ends that far from the face.
        rows = np.concatenate([np.ones(SHAPE[0], np.float32), np.linspace(1.0, 0.0, _ROWS_BELOW, dtype=np.float32)])
        fades = np.repeat(rows[:, None], SHAPE[1], axis=1)
        place = blur(cv2.dilate(added, np.ones((5, 5), np.float32)), 1.0)
        place *= map_on_copy(fades, patch, (left, top), factor, size, cv2.BORDER_REPLICATE)
        _draw(matte.alpha, part, points, found.hair, place)
    return matte, found.firm


def _draw(
    alpha: npt.NDArray[np.float32], picture: npt.NDArray, landmarks: FloatArray, hair: FloatArray, place: FloatArray
) -> None:
    """Draw hair (h, w) of a reduced copy into a picture's matte, in place, where there is a ``place`` (h, w) for it."""
    columns, rows = (np.flatnonzero(place.max(axis=axis) > 0.0) for axis in (0, 1))
    factor = np.array([picture.shape[1] / place.shape[1], picture.shape[0] / place.shape[0]])
    first, last = np.array([columns[0], rows[0]]), np.array([columns[-1], rows[-1]]) + 1
    left, top = np.floor((first - _ROUND) * factor).astype(int).clip(0).tolist()
    right, bottom = np.ceil((last + _ROUND) * factor).astype(int).clip(None, picture.shape[1::-1]).tolist()
    box = (left, top, right, bottom)
    part, within = picture[top:bottom, left:right], alpha[top:bottom, left:right]
    hair, place = cut(hair, picture.shape, box), cut(place, picture.shape, box)
    drawn = draw_matte(part, np.minimum(np.float32(_TOLD) * hair, 1.0), landmarks - (left, top))
    for start, stop in strips(drawn.shape):
        rows_now = within[start:stop]
        rows_now[...] = np.maximum(rows_now, drawn[start:stop] * enlarge(place, drawn.shape, (start, stop)))


def _below(chance: FloatArray) -> npt.NDArray[np.float32]:
    """Return how likely hair (240, 192) that reaches the lower border of the patch goes on below it, (rows, 192).

    Farther down it may lie farther to the sides.
    """
    rows = [np.asarray(chance[-1:], np.float32)]
    while len(rows) < _ROWS_BELOW:
        rows.append(cv2.GaussianBlur(rows[-1], (0, 0), sigmaX=_WIDER, sigmaY=0.1, borderType=cv2.BORDER_REPLICATE))
    return np.vstack(rows)


def _with_room(matte: HairMatte, shape: tuple[int, ...], landmarks: FloatArray, below: bool) -> HairMatte:
    """Let the region grow in a photo of ``shape`` where hair reaches its border, farther if it does so ``below``."""
    left, top, right, bottom = matte.region
    alpha, room = matte.alpha, round(_BEYOND * eye_distance(landmarks))
    at = [room if float(end.max(initial=0.0)) > 0.5 else 0 for end in (alpha[:, 0], alpha[0], alpha[:, -1], alpha[-1])]
    far = region_of(landmarks, shape, _ROWS_BELOW if below else 0)
    region = (
        max(min(left - at[0], far[0]), 0),
        max(min(top - at[1], far[1]), 0),
        min(max(right + at[2], far[2]), shape[1]),
        min(max(bottom + at[3], far[3]), shape[0]),
    )
    if region == matte.region:
        return matte
    room_down, room_across = (top - region[1], region[3] - bottom), (left - region[0], region[2] - right)
    return matte._replace(region=region, alpha=np.pad(alpha, (room_down, room_across)))


def loose_hair(
    picture: npt.NDArray,
    landmarks: FloatArray,
    hair: FloatArray,
    chance: FloatArray,
    person: FloatArray,
    goes_on: FloatArray | float = 0.0,
) -> LooseHair:
    """Find what goes on from known hair.

    Args:
        picture: (H, W, 3) RGB, 0 to 255.
        landmarks: (68, 2) in the picture.
        hair: (H, W) in [0, 1], the hair known.
        chance: (H, W) in [0, 1], that each pixel is hair, by a network.
        person: (H, W) in [0, 1], where a person is.
        goes_on: (H, W) in [0, 1], how likely hair goes on where the network does not look.
    """
    known = hair > 0.5
    ones = np.ones(hair.shape, np.float32)
    if np.count_nonzero(known) < _FEW:
        return LooseHair(np.asarray(hair, np.float32), ones)
    eyes = eye_distance(landmarks)
    head = draw_part(face_outline(landmarks), hair.shape, _FACE * eyes)
    distance = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 3) / np.float32(eyes)
    alike, unlike = _unlike_skin(picture, landmarks, hair, _alike(picture, hair, eyes))
    place = (1.0 - head) * (1.0 - ramp(distance, _REACH)) * (1.0 - bare_skin(picture, landmarks, hair))
    away = ((hair < 0.2) & (head < 0.5)).astype(np.float32)
    above = landmarks[27, 1] - np.arange(hair.shape[0])[:, None] > _ABOVE_EYES * eyes
    # On the body, from the jaw down, are dark collars, seams and straps as well.
    body = np.float32(person > 0.5) * beside_jaw_rows(landmarks, hair.shape)
    cloth = np.where(above & (person > 0.5), np.float32(0.0), _cloth(alike * away, away, body, eyes))
    behind = (person < 0.3) & (distance > _BEHIND[0]) & (distance < _BEHIND[1]) & (head < 0.5)
    common = np.float32(alike[behind].mean() if np.count_nonzero(behind) >= _FEW else 0.0)
    unlike_wall = np.where(person > 0.5, ones, 1.0 - ramp(common, _COMMON))
    # Beyond the person's outline there is no skin.
    told = np.where(person > 0.5, unlike, ones) * (1.0 - cloth)
    alone = told * unlike_wall * np.where(above, ones, _hangs(known, eyes))
    alone *= 1.0 - body * (1.0 - ramp(chance, _ON_BODY))
    suspected = (told * ramp(chance, _SUSPECTED) + (1.0 - told) * ramp(chance, _LIKELY)) * unlike_wall
    found = alike * np.maximum(alone, suspected) * place
    # Where the network's sight ends there is no edge, whatever the colours.
    far = ramp(distance, (0.0, _BY_COLOUR))
    found = np.maximum(found, goes_on * (1.0 - far * (1.0 - alike)))
    found = found * _joined(np.maximum(found, hair), known)
    fades = _FADES[0] + (_FADES[1] - _FADES[0]) * body
    firm = np.maximum(np.clip(1.0 - distance / fades, 0.0, 1.0), alone)
    return LooseHair(np.maximum(hair, found).astype(np.float32), firm.astype(np.float32))


def _hangs(known: npt.NDArray[np.bool_], eyes: float) -> npt.NDArray[np.float32]:
    """Return where what goes on from known hair can be hair, (H, W): near it or below it. What sticks out is not."""
    below = np.maximum.accumulate(known, axis=0)
    beside = cv2.distanceTransform((~below).astype(np.uint8), cv2.DIST_L2, 3) / np.float32(eyes)
    return 1.0 - ramp(beside, _SIDEWAYS)


def _alike(picture: npt.NDArray, hair: FloatArray, eyes: float) -> npt.NDArray[np.float32]:
    """Return how far each pixel has the colour of the hair nearby, (H, W); 0 of a head that is grey or fair already."""
    lab = cv2.cvtColor(np.asarray(picture, np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    lab = cv2.GaussianBlur(lab, (0, 0), 0.7)
    sure = np.clip(2.0 * hair - 1.0, 0.0, 1.0)
    own, square = (colours_nearby(values, sure, _OWN * eyes) for values in (lab, lab * lab))
    spread = np.sqrt(np.maximum(square - own * own, 0.0))
    apart = lab[..., 0] - own[..., 0]
    above = np.maximum(apart, 0.0) / (_ABOVE[0] + _ABOVE[1] * spread[..., 0])
    below = np.maximum(-apart, 0.0) / (_BELOW[0] + _BELOW[1] * spread[..., 0])
    shade = np.clip((lab[..., 0] + _LEAST_SHADE) / (own[..., 0] + _LEAST_SHADE), *_OF_SHADE)[..., None]
    tint = np.linalg.norm(lab[..., 1:] - own[..., 1:] * shade, axis=2)
    tint = tint / (_TINT[0] + _TINT[1] * np.linalg.norm(spread[..., 1:], axis=2))
    likely = np.exp(-0.35 * (above**2 + below**2 + tint**2))
    mean = (lab * sure[..., None]).sum(axis=(0, 1)) / max(float(sure.sum()), 1e-3)
    chroma = np.float32(np.linalg.norm(mean[1:]))
    turns = np.maximum(1.0 - ramp(mean[0], _DARK), ramp(chroma, _COLOURFUL))
    return ramp(likely, _ALIKE) * turns


def _unlike_skin(
    picture: npt.NDArray, landmarks: FloatArray, hair: FloatArray, alike: FloatArray
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Take what has more of the skin's colour than hair from what is like it; and return how far none has, (H, W)."""
    skin = SkinColour.of(picture, landmarks)
    surely = hair > 0.9
    if skin is None or not surely.any():
        return np.asarray(alike, np.float32), np.zeros(hair.shape, np.float32)
    share = np.clip(skin.share(to_linear(picture)), 0.0, 1.5)
    share = blur(share, _SHARE_AROUND * eye_distance(landmarks))
    own = max(float(np.percentile(share[surely], _MOST_SHARE)), 0.0)
    tells = 1.0 - ramp(np.float32(own), _HAIR_SHARE)
    return alike * (1.0 - tells * ramp(share, (own, own + _SHARE_TELLS))), 1.0 - ramp(share, _HAIR_SHARE)


def _cloth(alike: FloatArray, away: FloatArray, body: FloatArray, eyes: float) -> npt.NDArray[np.float32]:
    """Return how far what is like the hair is cloth, or a wall: it is wider than a braid, or there is much of it.

    Args:
        alike: (H, W), what has the hair's colour ``away`` from it.
        away: (H, W), where neither known hair nor the face is.
        body: (H, W), the person beside the jaw and below.
        eyes: the eyes' distance.
    """
    opened = cv2.morphologyEx((alike > 0.5).astype(np.float32), cv2.MORPH_OPEN, disc(_WIDE * eyes))
    wide = cv2.dilate(opened, disc(0.5 * _WIDE * eyes))
    around = blur(alike, _AROUND * eyes) / (blur(away, _AROUND * eyes) + np.float32(0.05))
    return np.maximum(wide, ramp(around + np.float32(_MORE_ON_BODY) * body, _MUCH)).astype(np.float32)


def _joined(likely: FloatArray, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Return where what is likely hair is joined to known hair, (H, W), 0 or 1."""
    _, labels = cv2.connectedComponents(((likely > 0.5) | known).astype(np.uint8))
    whole = np.isin(labels, np.setdiff1d(labels[known], [0]))
    return cv2.dilate(whole.astype(np.float32), np.ones((3, 3), np.float32))
