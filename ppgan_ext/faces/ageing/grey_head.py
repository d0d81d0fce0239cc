"""All of a head's hair turned grey: on the head, in the brows, in the beard."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.brow_hairs import brow_hairs
from ppgan_ext.faces.ageing.greying import grey_amount, grey_hair
from ppgan_ext.faces.ageing.hair_strokes import draw_hairs, edge_width, hair_cover, light_on_hair
from ppgan_ext.faces.ageing.lighter_hair import lighten_hair
from ppgan_ext.faces.ageing.loose_hair import add_loose_hair
from ppgan_ext.faces.ageing.open_ends import closed_ends
from ppgan_ext.faces.ageing.sideburns import sideburns
from ppgan_ext.faces.ageing.soft_hairline import soften_hairline
from ppgan_ext.faces.ageing.white_hairs import Hairs, white_hairs
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.beard import beard_growth, tells_beard
from ppgan_ext.faces.head.facial_hair import brow_place, brow_weight, darkness, reduced, thicker_than_brows
from ppgan_ext.faces.head.hair import HairMatte, Refusal, find_hair
from ppgan_ext.faces.head.hair_network import Chances, hair_chances
from ppgan_ext.faces.head.head_patch import head_patch, patch_to_picture
from ppgan_ext.faces.head.outer_hair import outer_hair
from ppgan_ext.faces.head.parts import skin_area, skin_weight
from ppgan_ext.faces.head.skin_colour import ramp
from ppgan_ext.faces.head.strips import cut, enlarge, strips
from ppgan_ext.faces.head.white import white_light
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.faces.occlusion.cover_network import cover_chances, crop_matrix
from ppgan_ext.types import FloatArray, Image

# How far stubble and full beards go with the hair of the head as a whole: white hairs of stubble hardly show.
_BEARD = 0.7, 0.3
_WARM_BROWS, _WARM_BEARD, _WARM_HAIRS = 0.5, 0.4, 0.15  # share of the skin's colour in their grey
# Share of a brow's hairs that are white where all of the head's are: on skin so dark that hair is hardly told from
# shade, where they would look drawn, and on pale skin; and how many more of a man's and fewer of a woman's.
_WHITE_BROWS, _OF_SEX = (0.045, 0.2), (1.35, 0.65)
# How far brows become lighter, and the light of white hairs, of a man and of a woman: on 19 men beyond 60 years brows
# are 0.58 of the skin's L* and their lightest fiftieth is as light as the skin, on 21 women 0.61, and it is darker.
_THIN_OF_SEX, _SHINE_OF_SEX = (0.8, 1.0), (1.7, 1.0)
_DARK_BROWS = 0.2  # the same of hairs that stay as dark as they were, whatever the age
_WHITE_BEARD, _OF_BEARD = 0.9, 0.6  # the same of what surely is a beard, and how far it goes with the brows
_SURELY_GROWS = (0.2, 0.5)  # density of a beard: not sure, and sure
_DENSE_SIDES = 0.8  # density of sideburns
_BROWS_MOVE = 0.06  # how far age moves brows, in distances of the eyes
_OBJECT = (0.15, 0.4)  # chances of an object before the beard; of 25 beards at most 0.09
# The same of a rim of glasses, and how wide what it covers is, in the network's pixels; and of how many pixels it must
# be sure: of 77 faces without glasses two at most, as dark brows are a little like rims, and 426 of one with them.
_FRAME, _RIM, _SURE_FRAME, _LEAST_FRAME = (0.1, 0.3), 5, 0.7, 60
_COPY_EYES = 140.0  # pixels between the eyes of the copy on which brows and beard are kept
_OUTER_EYES = 96.0  # the same of the copy on which hair beyond the outline is looked for
_ENDS_EYES, _AROUND_ENDS = 48.0, 0.8  # of the copy on which open ends are looked for; how much is seen around the hair
_MARGIN = 0.5  # of it around the landmarks, in distances of the eyes


class HeadOfHair(NamedTuple):
    """The hair of a head.

    Attributes:
        region: (left, top, right, bottom) of the hair in photo pixels, right and bottom outside.
        hair: (bottom - top, right - left) float16 in [0, 1], how far each pixel is hair of the head.
        face: the same for the rectangle around the face.
        brows: (h, w) in [0, 1], how far each pixel of a reduced copy of that rectangle is hair of the brows.
        beard: (h, w), how far it is hair of a beard.
        density: (h, w), how dense a beard is that can be told from shade: where it has white hairs.
        edges: how sharp the face is, see `hair_strokes.edge_width`.
        refusal: why the hair of the head is left alone, or None.
        chances: of hair and of a person, on the head patch.
        sure: (h, w), where a beard surely grows: dark places there are hair, on skin of any tone.
        clear: (h, w), where no rim of glasses covers the face.
        firm: (h, w) over the hair's region, how far hair may become lighter and not only lose colour.
        full: how full the beard is as a whole, 0 stubble to 1.
        beard_turns: how far the beard can turn grey, 0 to 1; that of dark skin is left as it is.
        femininity: 0 male, 1 female.
    """

    region: tuple[int, int, int, int]
    hair: npt.NDArray[np.float16]
    face: tuple[int, int, int, int]
    brows: npt.NDArray[np.float32]
    beard: npt.NDArray[np.float32]
    density: npt.NDArray[np.float32]
    edges: float
    refusal: Refusal | None
    chances: Chances
    sure: npt.NDArray[np.float32]
    clear: npt.NDArray[np.float32]
    firm: npt.NDArray[np.float32]
    full: float = 0.0
    beard_turns: float = 1.0
    femininity: float = 0.5

    def in_copy(self, landmarks: FloatArray) -> FloatArray:
        """Convert photo pixels (N, 2) to pixels of the reduced copy around the face."""
        left, top, right, bottom = self.face
        height, width = self.beard.shape
        factors = np.array([width / (right - left), height / (bottom - top)])
        return np.asarray((landmarks - (left, top) + 0.5) * factors - 0.5)


def find_head_of_hair(photo: Image, landmarks: FloatArray, femininity: float) -> HeadOfHair:
    """Find hair, brows and beard of a face.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2), photo pixels.
        femininity: 0 male, 1 female; a woman's face has no beard.
    """
    patch = head_patch(photo, landmarks)
    chances = hair_chances(patch)
    matte, firm = find_hair(photo, landmarks, patch, chances), np.ones((2, 2), np.float32)
    if matte.refusal is None:
        _add_outer(matte.alpha, photo, matte.region, landmarks)
        matte, firm = add_loose_hair(matte, photo, landmarks, patch, chances)
        firm = _fade_open_ends(matte, firm, photo, landmarks, chances.person)
    hair = (matte.alpha * np.float32(matte.confidence)).astype(np.float16)
    left, top, right, bottom = face = _around_face(landmarks, photo.shape)
    shrink = min(1.0, _COPY_EYES / eye_distance(landmarks))
    size = (max(2, round((right - left) * shrink)), max(2, round((bottom - top) * shrink)))
    none = np.zeros(size[::-1], np.float32)
    edges = edge_width(photo, landmarks)
    head = HeadOfHair(matte.region, hair, face, none, none, none, edges, matte.refusal, chances, none, none, firm)
    copy = cv2.resize(photo[top:bottom, left:right], size, interpolation=cv2.INTER_AREA)
    points = head.in_copy(landmarks)
    of_head = 1.0 - _hair_in_copy(head)
    told = tells_beard(copy, points)
    of_man = np.float32(1.0 - femininity) * of_head
    growth = beard_growth(copy, points, told)
    clear, in_sight = _in_sight(copy, points)
    moustache, density = growth.moustache * of_man * in_sight, growth.dense * of_man * in_sight
    brows = brow_weight(copy, points) * of_head * (1.0 - thicker_than_brows(copy, points))
    beard = growth.hair * of_man
    beside = sideburns(copy, points, np.maximum(1.0 - of_head, beard)) * of_man * clear * np.float32(told)
    beard, density = np.maximum(beard, beside), np.maximum(density, np.float32(_DENSE_SIDES) * beside)
    sure = np.maximum(moustache, ramp(density, _SURELY_GROWS))
    found = {"brows": brows, "beard": beard, "density": density, "sure": sure, "clear": clear}
    return head._replace(**found, full=growth.full, beard_turns=told, femininity=femininity)


def _in_sight(copy: Image, points: FloatArray) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return where no rim of glasses covers the face, and where no microphone, mask or other object; (h, w) each."""
    chances, matrix = cover_chances(copy, points), crop_matrix(points)
    rims = ramp(cv2.dilate(chances.frame, np.ones((_RIM, _RIM), np.uint8)), _FRAME)
    rims *= np.float32(np.count_nonzero(chances.frame > _SURE_FRAME) > _LEAST_FRAME)
    flags, size = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, (copy.shape[1], copy.shape[0])
    no_rim, no_object = (
        1.0 - cv2.warpAffine(one, matrix, size, flags=flags) for one in (rims, ramp(chances.other, _OBJECT))
    )
    return no_rim, no_object


def _add_outer(
    alpha: npt.NDArray[np.float32], photo: Image, region: tuple[int, int, int, int], landmarks: FloatArray
) -> None:
    """Add to the matte of a region, in place, what `outer_hair` sees on a reduced copy."""
    left, top, right, bottom = region
    copy, points = reduced(photo[top:bottom, left:right], landmarks - (left, top), _OUTER_EYES)
    hair = cv2.resize(alpha, copy.shape[1::-1], interpolation=cv2.INTER_AREA)
    added = outer_hair(copy, points, hair) - hair
    for start, stop in strips(alpha.shape):
        part = alpha[start:stop]
        part[...] = np.minimum(part + enlarge(added, alpha.shape, (start, stop)), 1.0)


def _fade_open_ends(
    matte: HairMatte, firm: FloatArray, photo: Image, landmarks: FloatArray, person: FloatArray
) -> npt.NDArray[np.float32]:
    """Fade the hair of a matte out, in place, where it goes on or seems to; see `closed_ends`.

    Args:
        matte: the hair.
        firm: (h, w) over its region, how far it may become lighter.
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2), photo pixels.
        person: (240, 192), of the head patch; beyond it everything may be a person's.

    Returns:
        (h, w), how far it may become lighter now.
    """
    left, top, right, bottom = matte.region
    margin = round(_AROUND_ENDS * eye_distance(landmarks))
    corner = np.array((max(0, left - margin), max(0, top - margin)))
    part = photo[corner[1] : bottom + margin, corner[0] : right + margin]
    hair = np.zeros(part.shape[:2], np.float32)
    rows, columns = slice(top - corner[1], bottom - corner[1]), slice(left - corner[0], right - corner[0])
    hair[rows, columns] = matte.alpha
    copy, points = reduced(part, landmarks - corner, _ENDS_EYES)
    small = cv2.resize(hair, copy.shape[1::-1], interpolation=cv2.INTER_AREA)
    drawn = 1.0 - patch_to_picture(1.0 - person, points, copy.shape)
    box = (columns.start, rows.start, columns.stop, rows.stop)
    colour, light = (cut(one, part.shape, box) for one in closed_ends(copy, points, small, drawn))
    for start, stop in strips(matte.alpha.shape):
        matte.alpha[start:stop] *= enlarge(colour, matte.alpha.shape, (start, stop))
    return np.minimum(firm, cv2.resize(light, firm.shape[::-1], interpolation=cv2.INTER_LINEAR))


def grey_head(photo: Image, head: HeadOfHair, landmarks: FloatArray, age: float, amount: float, seed: int) -> Image:
    """Make the hair of a head as grey as it is at an age; what is grey already stays so.

    Args:
        photo: (H, W, 3) RGB uint8.
        head: its hair.
        landmarks: (68, 2), photo pixels.
        age: the age to show, years.
        amount: the user's factor, 0 to 1.
        seed: decides which strands turn first.
    """
    share = grey_amount(age, amount)
    if share <= 0.0:
        return photo
    result = photo.copy()
    left, top, right, bottom = head.region
    white = white_light(photo[top:bottom, left:right], landmarks - (left, top))
    _grey(result, head.region, head.hair, landmarks, share, seed, white, head.firm)
    if head.hair.any():
        part, points = result[top:bottom, left:right], landmarks - (left, top)
        tone = _tone_of_skin(white, photo[top:bottom, left:right], points)
        part[...] = soften_hairline(part, head.hair, points, head.beard_turns * share, white, tone)
    if head.brows.any() or head.beard.any() or head.sure.any():
        _grey_face(result, photo, head, landmarks, share, seed, white)
    return result


def _grey_face(
    result: Image, photo: Image, head: HeadOfHair, landmarks: FloatArray, share: float, seed: int, white: FloatArray
) -> None:
    """Grey brows and beard in a photo, in place, by the light of the photo as it was and that of a white surface."""
    left, top, right, bottom = head.face
    copy = cv2.resize(photo[top:bottom, left:right], head.brows.shape[::-1], interpolation=cv2.INTER_AREA)
    points, part = head.in_copy(landmarks), result[top:bottom, left:right]
    beside_skin = _tone_of_skin(white, copy, points) - white  # plain grey beside skin looks blue
    if head.beard.any():
        full = cv2.resize(head.beard, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
        beard_share = (_BEARD[0] + head.full * (_BEARD[1] - _BEARD[0])) * head.beard_turns * share
        _grey(result, head.face, full, landmarks, beard_share, seed, white + _WARM_BEARD * beside_skin, of_head=False)
    brows, dark = _brows_now(head, points) * (1.0 - _hair_in_copy(head)) * head.clear, darkness(copy, points)
    of_brows = float(np.interp(head.beard_turns, (0.0, 1.0), _WHITE_BROWS))
    of_brows *= float(np.interp(head.femininity, (0.0, 1.0), _OF_SEX))
    hairs = brow_hairs(brows * dark, points, of_brows * share, seed)
    if head.sure.any():
        hairs = hairs.and_also(white_hairs(head.sure * dark, 1.0, points, _WHITE_BEARD * share, seed))
    thins, shines = (float(np.interp(head.femininity, (0.0, 1.0), one)) for one in (_THIN_OF_SEX, _SHINE_OF_SEX))
    weight, places = np.maximum(thins * brows, _OF_BEARD * head.sure), landmarks - (left, top)
    stay_dark = brow_hairs(brows * dark, points, _DARK_BROWS, seed + 1)
    covers = (_whole_cover(part.shape, places, one, weight.shape, head.edges) for one in (hairs, stay_dark))
    full = cv2.resize(weight, part.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    warm = shines * (white + _WARM_BROWS * beside_skin)
    part[...] = lighten_hair(part, full, places, share, warm, white + beside_skin, *covers)
    if head.density.any():
        hairs, light = (
            white_hairs(head.density, head.full, points, share, seed),
            light_on_hair(copy, points, head.density),
        )
        draw_hairs(part, places, hairs, light, white + _WARM_HAIRS * beside_skin, head.edges)


def _whole_cover(
    shape: tuple[int, ...], landmarks: FloatArray, hairs: Hairs, copy_shape: tuple[int, ...], edges: float
) -> npt.NDArray[np.uint8]:
    """Return how far hairs cover each pixel of a picture, (H, W), 0 to 255; see `hair_strokes.hair_cover`."""
    covered = np.zeros(shape[:2], np.uint8)
    drawn, (x, y) = hair_cover(shape, landmarks, hairs, copy_shape, edges)
    covered[y : y + drawn.shape[0], x : x + drawn.shape[1]] = drawn
    return covered


def _tone_of_skin(white: FloatArray, picture: Image, landmarks: FloatArray) -> FloatArray:
    """Return the light (3,) of a white surface if it had the skin's colour."""
    skin = skin_weight(picture, skin_area(landmarks, picture.shape)) > 0.6
    if not skin.any():
        return white
    tone = np.median(to_linear(picture)[skin], axis=0)
    return np.asarray(tone / max(float(luminance(tone)), 1e-4) * float(luminance(white)), np.float32)


def _brows_now(head: HeadOfHair, points: FloatArray) -> npt.NDArray[np.float32]:
    """Return where brows may lie in a photo in which the face is older: age moves them a little; (h, w).

    Args:
        head: hair of the face when it was younger.
        points: landmarks (68, 2) in the reduced copy.
    """
    reach = max(1, round(_BROWS_MOVE * eye_distance(points)))
    near = cv2.dilate(head.brows, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    return brow_place(points, head.brows.shape) * near


def _grey(
    photo: Image,
    region: tuple[int, int, int, int],
    weight: FloatArray,
    landmarks: FloatArray,
    share: float,
    seed: int,
    white: FloatArray,
    firm: FloatArray | None = None,
    of_head: bool = True,
) -> None:
    """Grey a region of a photo in place; ``firm`` is known of the hair of the head."""
    left, top, right, bottom = region
    part = photo[top:bottom, left:right]
    part[...] = grey_hair(part, weight, share, landmarks - np.array([left, top]), seed, white, of_head, firm)


def _around_face(landmarks: FloatArray, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    margin = _MARGIN * eye_distance(landmarks)
    height, width = shape[:2]
    left, top = np.clip(np.floor(landmarks.min(axis=0) - margin), 0, (width - 1, height - 1)).astype(int).tolist()
    right, bottom = np.clip(np.ceil(landmarks.max(axis=0) + margin), 1, (width, height)).astype(int).tolist()
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _hair_in_copy(head: HeadOfHair) -> npt.NDArray[np.float32]:
    """Return the hair of the head in the reduced copy around the face."""
    (x, y, *_), (left, top, right, bottom) = head.region, head.face
    height, width = head.beard.shape
    factors = np.array([(right - left) / width, (bottom - top) / height])
    shift = 0.5 * factors - 0.5 + (left - x, top - y)
    matrix = np.array([[factors[0], 0.0, shift[0]], [0.0, factors[1], shift[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(head.hair.astype(np.float32), matrix, (width, height), flags=flags)
