"""One head in many forms: others' hair, other colours, backgrounds, hats, light; turned heads and tighter photos."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.head.head_patch import CENTRE, EYES, SHAPE, HeadPatch
from ppgan_ext.faces.head.parts import skin_area
from ppgan_ext.faces.landmarks import LEFT_EYE, MIRROR, RIGHT_EYE
from ppgan_ext.faces.mask import draw_part

Map = npt.NDArray[np.float32]
_LUMA = np.array([0.3, 0.6, 0.1], np.float32)
_SIZE = SHAPE[::-1]
_SCARF = 0.12  # share of heads whose hair becomes cloth
_FEW = 50  # pixels, too few to have a mean colour
_OTHER_HAIR, _TURNED = 0.35, 0.3  # share of heads that get another one's hair as well, and that are turned
_HARSH = 0.2  # share of photos whose shadows are black or whose lights are white
# Share of photos of dark rooms, how bright what is behind is, and how far the light reaches, in the eyes' distances.
_DARK_ROOM, _DARKNESS, _REACH = 0.2, (0.0, 0.25), (1.5, 4.0)
_FACE_SHIFT, _FACE_SIZE = 6.0, (1.1, 1.6)  # of turned heads: pixels, and half width and height in the eyes' distances
# Linear-looking RGB of black, brown, blond, red and grey hair.
_HAIR = (
    (0.05, 0.045, 0.04), (0.15, 0.1, 0.07), (0.3, 0.2, 0.13), (0.55, 0.42, 0.27), (0.8, 0.68, 0.48),
    (0.45, 0.22, 0.12), (0.7, 0.7, 0.7), (0.9, 0.88, 0.85), (0.4, 0.4, 0.42),
)  # fmt: skip


class Head(NamedTuple):
    """A patch, how likely each pixel shows a person and hair, (240, 192) each, and whether the hair is covered."""

    patch: HeadPatch
    person: Map
    hair: Map
    covered: bool


def augment(head: Head, others: list[Head], rng: np.random.Generator) -> Head:
    """Return a changed patch with its maps."""
    if not head.covered and rng.random() < _OTHER_HAIR:
        head = _with_hair_of(head, others[rng.integers(len(others))], rng)
    picture, hair, person = head.patch.picture / np.float32(255.0), head.hair.copy(), head.person
    down = ((np.arange(SHAPE[0]) - CENTRE[1]) / EYES)[:, None]
    if rng.random() < (0.7 if head.covered else 0.5):
        part = head.person * (1 - _soft(draw_part(head.patch.landmarks[:27], SHAPE, 0), 2)) if head.covered else hair
        # Cloth in the colours of hair would teach that hair is cloth.
        other = _tinted(picture, rng) if head.covered else _as_hair(picture, part, head.patch.landmarks, rng)
        picture = _mix(picture, other, _soft(part, 0.8))
    if not head.covered and rng.random() < _SCARF:
        picture = _mix(picture, _cloth(picture, rng), _soft(hair, 0.8))
        hair = np.zeros_like(hair)
    if rng.random() < 0.3:
        clothes, other = head.person * (1 - hair) * (down > 2.2), _tinted(picture, rng)
        if rng.random() < 0.25 and np.count_nonzero(hair > 0.5) > _FEW:
            other = np.clip(
                0.7 * picture[hair > 0.5].mean(axis=0) * (0.5 + picture @ _LUMA)[..., None] + 0.3 * other, 0, 1
            )
        picture = _mix(picture, other, _soft(clothes, 1.0))
    dark_room = rng.random() < _DARK_ROOM
    if dark_room or rng.random() < 0.5:
        background = _background(picture, hair, others, dark_room, rng)
        picture = _mix(background, picture, _soft(head.person, 0.7))
    if rng.random() < 0.15:
        hat = _hat(head.patch.landmarks, rng)
        picture = _mix(picture, _texture(others, rng), _soft(hat, 0.8))
        hair *= 1 - hat
        person = np.maximum(person, hat)
    picture = _relit(picture, 1.0, rng)
    if dark_room:
        picture = _by_one_lamp(picture, rng)
    elif rng.random() < _HARSH:
        black, white = rng.uniform(0, 0.15), rng.uniform(0.6, 1.0)
        picture = np.clip((picture - black) / (white - black), 0, 1)
    if rng.random() < 0.12:
        picture = np.repeat((picture @ _LUMA)[..., None], 3, axis=2)
    if rng.random() < 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.4))
    picture = picture + rng.normal(0, rng.uniform(0, 0.02), picture.shape)
    changed = head.patch._replace(picture=np.clip(picture, 0, 1).astype(np.float32) * 255)
    return moved(Head(changed, person, hair, head.covered), rng)


def moved(head: Head, rng: np.random.Generator) -> Head:
    """Crop as a tighter photo would, then turn, scale, shift and mirror by a little; unsettle the landmarks."""
    if rng.random() < _TURNED:
        head = _turned(head, rng)
    patch, inside = head.patch, head.patch.inside.copy()
    if rng.random() < 0.35:
        shown = np.zeros_like(inside)
        top, (left, right) = rng.integers(0, 70), rng.integers(0, 60, 2)
        shown[top : SHAPE[0] - rng.integers(0, 110), left : SHAPE[1] - right] = 1
        inside *= shown
    matrix = cv2.getRotationMatrix2D(CENTRE, rng.normal(0, 4), float(np.exp(rng.normal(0, 0.06))))
    matrix[:, 2] += rng.normal(0, 2, 2)
    mirrored = rng.random() < 0.5
    if mirrored:
        matrix = matrix @ np.array([[-1.0, 0, SHAPE[1] - 1], [0, 1, 0], [0, 0, 1]])
    points = patch.landmarks @ matrix[:, :2].T + matrix[:, 2]
    points = (points[MIRROR] if mirrored else points) + rng.normal(0, 0.5, points.shape)
    maps = (patch.picture, inside, head.person, head.hair)
    picture, inside, person, hair = (cv2.warpAffine(a, matrix, _SIZE) for a in maps)
    changed = HeadPatch(picture, inside, points, patch.matrix_photo_to_patch)
    return Head(changed, person * inside, hair * inside, head.covered)


def _with_hair_of(head: Head, other: Head, rng: np.random.Generator) -> Head:
    """Lay another head's hair over a head, some of it farther down: fringes, and strands over cheeks and ears."""
    matrix = cv2.getRotationMatrix2D(CENTRE, rng.normal(0, 6), float(np.exp(rng.normal(0, 0.12))))
    matrix[0, :2] *= np.exp(rng.normal(0, 0.1))
    matrix[:, 2] += rng.normal((0, 5), (6, 8))
    if rng.random() < 0.5:
        matrix = matrix @ np.array([[-1.0, 0, SHAPE[1] - 1], [0, 1, 0], [0, 0, 1]])
    share = cv2.warpAffine(other.hair * other.patch.inside, matrix, _SIZE)
    picture = cv2.warpAffine(other.patch.picture, matrix, _SIZE, borderMode=cv2.BORDER_REPLICATE)
    patch = head.patch._replace(picture=_mix(head.patch.picture, picture, share).astype(np.float32))
    return head._replace(patch=patch, hair=np.maximum(head.hair, share), person=np.maximum(head.person, share))


def _turned(head: Head, rng: np.random.Generator) -> Head:
    """Move the face sideways within the head and make the head taller, as it is where the eyes come closer."""
    taller, shift = 1 + abs(rng.normal(0, 0.15)), rng.normal(0, _FACE_SHIFT)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    y = CENTRE[1] + (y - CENTRE[1]) / taller
    wide, high = np.array(_FACE_SIZE) * EYES

    def moves(places: npt.NDArray) -> npt.NDArray:
        across, down = (places - (CENTRE[0], CENTRE[1] + 0.5 * EYES)).T
        return shift * np.exp(-((across / wide) ** 2) - (down / high) ** 2)

    from_x = (x - moves(np.stack([x, y], axis=-1).reshape(-1, 2)).reshape(SHAPE)).astype(np.float32)
    patch = head.patch
    picture, inside, person, hair = (
        cv2.remap(a, from_x, np.asarray(y, np.float32), cv2.INTER_LINEAR)
        for a in (patch.picture, patch.inside, head.person, head.hair)
    )
    points = patch.landmarks + np.stack([moves(patch.landmarks), np.zeros(len(patch.landmarks))], axis=1)
    points[:, 1] = CENTRE[1] + (points[:, 1] - CENTRE[1]) * taller
    # The eyes stay where every patch has them.
    middle = (points[LEFT_EYE].mean(axis=0) + points[RIGHT_EYE].mean(axis=0)) / 2
    back = np.array([[1.0, 0, CENTRE[0] - middle[0]], [0, 1, CENTRE[1] - middle[1]]])
    picture, inside, person, hair = (cv2.warpAffine(a, back, _SIZE) for a in (picture, inside, person, hair))
    changed = HeadPatch(picture, inside, points + back[:, 2], patch.matrix_photo_to_patch)
    return Head(changed, person, hair, head.covered)


def _hat(points: npt.NDArray, rng: np.random.Generator) -> Map:
    """Draw where a cap, a turban or a scarf covers the head."""
    drawn = np.zeros(SHAPE, np.float32)
    middle, width = int(CENTRE[0] + rng.normal(0, 4)), rng.uniform(36, 62)
    if rng.random() < 0.6:
        brim, top = int(points[17:27, 1].mean() - rng.uniform(2, 16)), rng.uniform(5, 60)
        axes = (int(width), int(max(15, brim - top)))
        cv2.ellipse(drawn, (middle, brim), axes, rng.normal(0, 6), 180, 360, 1.0, -1)
        if rng.random() < 0.5:
            axes = (int(width * rng.uniform(0.9, 1.7)), int(rng.uniform(4, 14)))
            cv2.ellipse(drawn, (middle, brim), axes, rng.normal(0, 5), 0, 360, 1.0, -1)
        return drawn
    cv2.ellipse(drawn, (middle, 110), (int(width * 1.15), int(rng.uniform(75, 105))), 0, 0, 360, 1.0, -1)
    return drawn * (draw_part(points[:27], SHAPE, rng.uniform(1, 10)) < 0.5)


def _texture(others: list[Head], rng: np.random.Generator) -> Map:
    """Return a picture of anything: a pattern, or a part of another photo, turned and enlarged."""
    if rng.random() < 0.6:
        return _pattern(rng)
    other = others[rng.integers(len(others))].patch.picture / np.float32(255.0)
    matrix = cv2.getRotationMatrix2D(CENTRE, rng.uniform(0, 360), rng.uniform(0.7, 2.5))
    return cv2.warpAffine(other, matrix, _SIZE, borderMode=cv2.BORDER_REFLECT)


def _pattern(rng: np.random.Generator) -> Map:
    """Return a picture of one colour, blotches or stripes."""
    kind, base = rng.integers(3), rng.random(3).astype(np.float32)
    if kind == 0:
        return np.ones((*SHAPE, 3), np.float32) * base
    if kind == 1:
        coarse = rng.random((*rng.integers(3, 40, 2), 3)).astype(np.float32)
        return np.clip(base * 0.6 + cv2.resize(coarse, _SIZE, interpolation=cv2.INTER_CUBIC) * 0.5, 0, 1)
    angle, often = rng.random() * np.pi, rng.uniform(0.1, 1.2)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    bend = 3 * cv2.resize(rng.random((5, 5)).astype(np.float32), _SIZE)
    stripe = 0.5 + 0.5 * np.sin((x * np.cos(angle) + y * np.sin(angle)) * often + bend)
    return _mix(rng.random((1, 1, 3)).astype(np.float32), np.broadcast_to(base, (*SHAPE, 3)), stripe)


def _cloth(picture: Map, rng: np.random.Generator) -> Map:
    """Return cloth that lies as the picture's light does. None is as dark as black hair, which shows no strands."""
    light = cv2.GaussianBlur(picture @ _LUMA, (0, 0), rng.uniform(1, 5))
    cloth = _pattern(rng)
    cloth = cloth * max(1.0, 0.25 / float((cloth @ _LUMA).mean()))
    return np.clip(cloth * (light / max(float(np.median(light)), 0.02)).clip(0.4, 1.6)[..., None], 0, 1)


def _relit(picture: Map, amount: float, rng: np.random.Generator) -> Map:
    """Change contrast, light, white balance and saturation."""
    picture = np.clip(picture, 0, 1) ** np.exp(rng.normal(0, 0.35 * amount))
    picture = picture * np.exp(rng.normal(0, 0.1 * amount, 3)) * np.exp(rng.normal(0, 0.2 * amount))
    mean = picture.mean(axis=2, keepdims=True)
    return np.clip(mean + (picture - mean) * np.exp(rng.normal(0, 0.35 * amount)), 0, 1).astype(np.float32)


def _background(picture: Map, hair: Map, others: list[Head], dark: bool, rng: np.random.Generator) -> Map:
    """Return anything that may be behind a head, some of it in the colour of its hair."""
    if dark:
        return _texture(others, rng) * rng.uniform(*_DARKNESS)
    background = _relit(_texture(others, rng), 0.5, rng)
    if rng.random() < 0.25 and np.count_nonzero(hair > 0.5) > _FEW:
        return np.clip(0.6 * picture[hair > 0.5].mean(axis=0) + 0.4 * background, 0, 1)
    return background


def _by_one_lamp(picture: Map, rng: np.random.Generator) -> Map:
    """Let the light fall off around a point near the face, as that of a lamp does in a dark room."""
    down, across = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    middle = np.array(CENTRE) + rng.normal((0, 0.5 * EYES), EYES)
    distance = np.hypot(across - middle[0], down - middle[1]) / np.float32(EYES * rng.uniform(*_REACH))
    # The square root of the lamp's light is about its sRGB value.
    return (picture / np.sqrt(1 + distance**2 * distance)[..., None]).astype(np.float32)


def _tinted(picture: Map, rng: np.random.Generator) -> Map:
    """Give everything one random colour, keeping its texture."""
    light = (picture @ _LUMA) ** np.exp(rng.normal(0, 0.7)) * np.exp(rng.normal(0, 0.5))
    colour, share = rng.random(3) * 0.8 + 0.1, rng.random()
    return np.clip(light[..., None] * (share + (1 - share) * colour / colour.mean()), 0, 1).astype(np.float32)


def _as_hair(picture: Map, part: Map, points: npt.NDArray, rng: np.random.Generator) -> Map:
    """Give a part the mean colour of some natural hair, or of two in locks, keeping its texture."""
    if np.count_nonzero(part > 0.5) < _FEW:
        return picture
    light = np.log(picture @ _LUMA + 0.02)
    colour = _hair_colour(picture, points, rng)
    if rng.random() < 0.25:
        coarse = rng.random(rng.integers((4, 6), (20, 40))).astype(np.float32)
        share = np.clip(3 * cv2.resize(coarse, _SIZE, interpolation=cv2.INTER_CUBIC) - 1, 0, 1)[..., None]
        colour = colour * share + _hair_colour(picture, points, rng) * (1 - share)
    change = (light - light[part > 0.5].mean()) * rng.uniform(0.5, 1.2)
    return np.clip(colour * np.exp(change)[..., None], 0, 1).astype(np.float32)


def _hair_colour(picture: Map, points: npt.NDArray, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return the colour of some natural hair, or one near the face's own skin, which is the hardest to tell."""
    skin = picture[skin_area(points, SHAPE) > 0.5]
    if rng.random() < 0.45 and len(skin) > _FEW:
        colour = np.median(skin, axis=0).astype(np.float64) * np.exp(rng.normal(-0.1, 0.3))
    else:
        colour = np.asarray(_HAIR[rng.integers(len(_HAIR))])
    return np.asarray(colour * np.exp(rng.normal(0, 0.15, 3)))


def _mix(below: Map, above: Map, weight: Map) -> Map:
    share = np.clip(weight, 0, 1)[..., None]
    return below * (1 - share) + above * share


def _soft(mask: Map, sigma: float) -> Map:
    return cv2.GaussianBlur(np.asarray(mask, np.float32), (0, 0), sigma)
