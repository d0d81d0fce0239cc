"""How the shape of a face changes with age: a longer nose, thinner lips, jowls, upper lids that come down."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.lids import lids_move
from ppgan_ext.faces.axes import across_eyes, eye_distance, levelling
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.strips import strips
from ppgan_ext.faces.landmarks import JAW, NOSE_BRIDGE, NUM_LANDMARKS
from ppgan_ext.faces.mask import forehead
from ppgan_ext.faces.mesh import make_field, triangulate
from ppgan_ext.faces.warp import rectangle_around
from ppgan_ext.types import FloatArray, Image

_FARTHEST = 0.075  # of the eyes' distance, a landmark's largest move
_SMOOTH = 0.05  # the displacement is blurred by this share of the eyes' distance: the mesh leaves no kinks
_COPY_EYES = 160.0  # pixels between the eyes of the copy on which the displacement is worked out
_STILL = 0.02  # pixels of displacement below which the photo keeps its bits
_RING = 1.45  # what lies so far out, in distances of the outline from the middle of the face, stays
# Lips become thinner in proportion, and eyes narrower, mostly from above. On 122 portraits lips of 65 to 85 years are
# 0.75 as thick as those up to 35, in full and in thin lips alike; eyes are 0.92 as open. For an amount of 1:
_LIPS_LOST, _EYES_LOST = 0.5, 0.2
_UPPER_LID = 0.8  # share of it that the upper lid moves
# Points of the lips' outline, each with those of the line between lip and mouth that are nearest.
_LIPS = (
    (49, (60, 61)), (50, (61,)), (51, (62,)), (52, (63,)), (53, (63, 64)),
    (55, (64, 65)), (56, (65,)), (57, (66,)), (58, (67,)), (59, (67, 60)),
)  # fmt: skip
_LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
# How far the outline of the jaw moves outwards at its landmarks from the ear to the chin, in eyes' distances: cheeks
# are hollow at the height of the mouth, jowls hang beside the chin, and in front of them the outline is drawn in. The
# edge in 32 portraits of people beyond 62 years lies 0.035 nearer to the middle of the face, 0.008 farther, and 0.017
# nearer there than in 26 of people up to 35; the regression has a part of it and none of the jowls.
_JOWLS = (0.0, 0.0, 0.0, -0.022, -0.024, 0.026, 0.026, -0.031, -0.009)
# How far brows come down at their outer ends, in eyes' distances: they lie 0.037 lower above the corner of the eye in
# people of 65 to 85 years than in those up to 35, of which the regression has a third.
_BROWS = ((17, 0.025), (18, 0.012), (26, 0.025), (25, 0.012))


def moved_landmarks(
    landmarks: FloatArray,
    shape: FloatArray,
    amount: float,
    features: float = 0.0,
    sag: float = 0.0,
    lids: float = 0.0,
) -> FloatArray:
    """Return where landmarks (68, 2) of a photo go.

    Args:
        landmarks: (68, 2), photo pixels.
        shape: (68, 2), the move for an amount of 1 on a level face, in shares of the eyes' distance.
        amount: how much of it, negative for younger.
        features: how much thinner lips and narrower eyes become, in proportion to what they are, 0 for younger.
        sag: how far jowls hang, 0 for younger.
        lids: how far the ends of brows come down with the upper lids, 0 for younger.
    """
    across = across_eyes(landmarks)
    across = across / np.hypot(*across)
    turn = levelling(across)
    move = np.clip(amount * shape, -_FARTHEST, _FARTHEST)
    moved = np.asarray(landmarks + eye_distance(landmarks) * (move @ turn))
    if features > 0:
        _thin_lips(landmarks, moved, 1.0 - _LIPS_LOST * features)
        _narrow_eyes(landmarks, moved, 1.0 - _EYES_LOST * features)
    if sag > 0:
        _hang_jowls(moved, across, sag)
    down = np.array([-across[1], across[0]])
    for brow, share in _BROWS:
        moved[brow] += share * lids * eye_distance(landmarks) * down
    return moved


def _hang_jowls(moved: FloatArray, across: FloatArray, sag: float) -> None:
    """Move the outline of the jaw, in place; less on the side that a head is turned away from."""
    jaw = moved[:17]
    along = np.gradient(jaw, axis=0)
    outwards = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.maximum(np.hypot(*along.T), 1e-6)[:, None]
    outwards *= np.sign(((jaw - moved[27]) * outwards).sum(axis=1))[:, None]
    right, left = np.maximum(np.abs((jaw[[2, 14]] - moved[27]) @ across), 1e-6)
    shown = np.repeat([min(1.0, right / left), 1.0, min(1.0, left / right)], (8, 1, 8))
    move = sag * eye_distance(moved) * shown * np.array([*_JOWLS, *_JOWLS[-2::-1]])
    jaw += move[:, None] * outwards


def _halves(jaw: FloatArray) -> FloatArray:
    """Return the points half way between those of the jaw (17, 2), on a cubic curve through them, (14, 2)."""
    return np.asarray((9.0 * (jaw[1:-2] + jaw[2:-1]) - jaw[:-3] - jaw[3:]) / 16.0)


def _thin_lips(landmarks: FloatArray, moved: FloatArray, kept: float) -> None:
    """Bring the outline of the lips nearer to the mouth, in place, where they are thicker than ``kept`` of before."""
    for outer, inner in _LIPS:
        before = landmarks[outer] - landmarks[list(inner)].mean(axis=0)
        edge = moved[list(inner)].mean(axis=0)
        after = moved[outer] - edge
        share = kept * np.hypot(*before) / max(float(np.hypot(*after)), 1e-6)
        moved[outer] = edge + min(1.0, share) * after


def _narrow_eyes(landmarks: FloatArray, moved: FloatArray, kept: float) -> None:
    """Bring the lids nearer to each other, in place, where eyes are more open than ``kept`` of before."""
    for upper, lower in _LIDS:
        apart = moved[lower] - moved[upper]
        open_ = max(float(np.hypot(*apart)), 1e-6)
        surplus = max(0.0, 1.0 - kept * float(np.hypot(*(landmarks[lower] - landmarks[upper]))) / open_)
        moved[upper] += _UPPER_LID * surplus * apart
        moved[lower] -= (1.0 - _UPPER_LID) * surplus * apart


def move_face(photo: Image, landmarks: FloatArray, moved: FloatArray, lids: float = 0.0) -> Image:
    """Warp a photo so that the landmarks come to lie elsewhere; far from the face nothing moves.

    Args:
        photo: (H, W, 3) uint8.
        landmarks: (68, 2).
        moved: (68, 2), where they go, a few pixels away.
        lids: how far upper lids come down, see `lids.lids_move`.
    """
    eyes = eye_distance(landmarks)
    middle = landmarks[NOSE_BRIDGE].mean(axis=0)
    still = np.vstack([middle + _RING * (landmarks[JAW] - middle), middle + 1.25 * (forehead(landmarks) - middle)])
    starts, ends = (np.vstack([points, _halves(points[JAW]), still]) for points in (landmarks, moved))
    left, top, right, bottom = rectangle_around(ends, photo.shape)
    if right - left < 2 or bottom - top < 2:
        return photo.copy()
    offset = _offset(starts - (left, top), ends - (left, top), (right - left, bottom - top), eyes, lids)
    result = photo.copy()
    reach = int(np.ceil(float(np.abs(offset).max()))) + 3
    for start, stop in strips(offset.shape):
        move, row = offset[start:stop], top + start
        y, x = max(0, row - reach), max(0, left - reach)
        around = photo[y : row + len(move) + reach, x : right + reach]
        grid = np.stack(np.meshgrid(np.arange(left, right), np.arange(row, row + len(move))), axis=2)
        places = (grid - np.array([x, y])).astype(np.float32) + move
        drawn = cv2.remap(around, places, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
        moves = np.abs(move).max(axis=2, keepdims=True) >= _STILL
        part = result[row : row + len(move), left:right]
        np.copyto(part, drawn, where=moves)
    return result


def _offset(
    starts: FloatArray, ends: FloatArray, size: tuple[int, int], eyes: float, lids: float
) -> npt.NDArray[np.float32]:
    """Return where each pixel of a rectangle of (width, height) comes from, less where it is, (height, width, 2).

    It is smooth, so it is worked out on a smaller copy of a large face.
    """
    shrink = min(1.0, _COPY_EYES / eyes)
    small = (max(2, round(size[0] * shrink)), max(2, round(size[1] * shrink)))
    factors = np.array(small) / np.array(size)
    begins, stops = ((points + 0.5) * factors - 0.5 for points in (starts, ends))
    field = make_field(begins, stops, triangulate(stops), small)
    grid = np.stack(np.meshgrid(np.arange(small[0]), np.arange(small[1])), axis=2).astype(np.float32)
    offset = np.where((field.triangle >= 0)[..., None], field.places - grid, np.float32(0.0)).astype(np.float32)
    offset = blur(offset, _SMOOTH * eyes * shrink) * _edge_fade(offset.shape, eyes * shrink).astype(np.float32)
    if lids > 0:
        offset += lids_move(stops[:NUM_LANDMARKS], offset.shape, lids)
    offset = (offset / factors).astype(np.float32)
    return offset if small == size else np.asarray(cv2.resize(offset, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _edge_fade(shape: tuple[int, ...], eyes: float) -> FloatArray:
    """Return weights (H, W, 1) that are 0 at the rectangle's border."""
    height, width = shape[:2]
    x = np.minimum(np.arange(width), np.arange(width)[::-1])[None, :]
    y = np.minimum(np.arange(height), np.arange(height)[::-1])[:, None]
    return np.clip(np.minimum(x, y) / max(0.15 * eyes, 1.0), 0.0, 1.0).astype(np.float32)[..., None]
