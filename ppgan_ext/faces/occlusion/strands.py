"""Strands and braids that hang from the hair over a face's skin: the network that finds hair misses narrow ones."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.light import luminance, to_linear
from ppgan_ext.faces.mask import face_mask
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.occlusion.skin_fill import continue_skin, grain_around, widened, window_around
from ppgan_ext.faces.occlusion.thin_strands import find_thin_strands
from ppgan_ext.faces.skin import bare_skin, face_copy, face_size, find_skin
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray, Image

# Lengths are shares of the face's size.
_COPY = 200.0  # size of the face on the copy that is looked at, pixels
_NEXT = 0.03  # how near to known hair a strand begins
_NEARBY = 0.12  # width of the Gaussian for the skin's light around
_WIDEST = 0.1  # of a strand; what is wider is shadow, or hair that the network knows
_WIDER = 0.02  # of its soft edge and its shadow
_DARKER = (0.45, 0.8)  # logarithm of light below the skin nearby: skin, and hair
_BLACK = 0.9  # the same, of a whole strand; less is shade
_LIGHTER = (0.6, 1.1)  # logarithm of light above the hair's: hair, and something else
_DARK_HAIR = -0.9  # logarithm of the hair's light over the skin's above which they are not told apart
_FLOOR = 0.02  # of the skin's light
_FEW = 40
_LONGEST_CREASE = 0.1  # a strand is longer than this
_FAINT = 0.1
_BETWEEN = 0.02  # of strand and hair
_FACE_EDGE = 0.02
_AROUND_IT = 0.25  # of a strand is needed to continue the skin
_FILL_SIZE = 130.0  # size of the face on the copy on which is filled, pixels


def find_strands(picture: Image, landmarks: FloatArray, hair: FloatArray) -> npt.NDArray[np.float32]:
    """Find dark strands over the skin above the mouth that are joined to known hair.

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.
        hair: (H, W) in [0, 1], the hair known.

    Returns:
        (H, W) in [0, 1], a little wider than the strands.
    """
    height, width = hair.shape
    size, points = face_copy(hair.shape, landmarks, _COPY)
    copy, known = (cv2.resize(array, size, interpolation=cv2.INTER_AREA) for array in (picture, hair))
    found = _found(copy, points, known)
    if not found.any():
        return np.zeros(hair.shape, np.float32)
    return np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def without_strands(photo: Image, landmarks: FloatArray, hair: FloatArray) -> Image:
    """Return a photo in which no strands or braids hang over the face's skin; the hair itself stays.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.
        hair: (H, W) in [0, 1], the hair known.
    """
    strands = np.maximum(find_strands(photo, landmarks, hair), find_thin_strands(photo, landmarks, hair))
    size = face_size(landmarks)
    window = window_around(strands > _FAINT, _AROUND_IT * size)
    if window is None:
        return photo
    whole = photo.copy()
    part, strand = whole[window], strands[window]
    # Neither the edge of the hair, nor what lies between it and the strand, nor anything beside the face is skin.
    beside = face_mask(landmarks, photo.shape, feather=_FACE_EDGE)[window] < 0.5
    hidden = widened((np.maximum(strand, hair[window]) > _FAINT) | beside, _BETWEEN * size)
    hidden = cv2.morphologyEx(hidden, cv2.MORPH_CLOSE, disc(2.0 * _BETWEEN * size))
    _, filled = continue_skin(part, hidden, hidden, min(1.0, _FILL_SIZE / size))
    filled += grain_around(part, hidden, size / _FILL_SIZE)
    share = np.clip(2.0 * strand, 0.0, 1.0) * (1.0 - hair[window])
    part[:] = from_levels(part + share[..., None] * (filled - part))
    return whole


def _found(picture: Image, points: FloatArray, hair: FloatArray) -> npt.NDArray[np.float32]:
    size = face_size(points)
    skin = find_skin(points, picture).skin > 0.5
    sure = hair > 0.6
    none = np.zeros(hair.shape, np.float32)
    if min(np.count_nonzero(skin), np.count_nonzero(sure)) < _FEW:
        return none
    light = luminance(to_linear(picture))
    level = max(float(np.median(light[skin])), 1e-4)
    values = np.log(light / np.float32(level) + np.float32(_FLOOR))
    around = blur(values * skin, _NEARBY * size) / np.maximum(blur(skin.astype(np.float32), _NEARBY * size), 1e-3)
    dark = np.clip((around - values - _DARKER[0]) / (_DARKER[1] - _DARKER[0]), 0.0, 1.0)
    hairs = float(np.quantile(values[sure], 0.6))
    if hairs > _DARK_HAIR:
        return none
    alike = np.clip((_LIGHTER[1] - (values - hairs)) / (_LIGHTER[1] - _LIGHTER[0]), 0.0, 1.0)
    place = (bare_skin(points, hair.shape, 0.01) > 0.5) & _above_mouth(points, hair.shape)
    likely = (dark * alike > 0.5) & place
    likely &= cv2.morphologyEx(likely.astype(np.uint8), cv2.MORPH_OPEN, disc(0.5 * _WIDEST * size)) == 0
    beside = cv2.dilate(sure.astype(np.uint8), disc(_NEXT * size)) > 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(likely.astype(np.uint8), connectivity=8)
    kept = np.zeros(len(stats), bool)
    for label in np.setdiff1d(np.unique(labels[beside & likely]), [0]).tolist():
        longest = max(stats[label, cv2.CC_STAT_WIDTH], stats[label, cv2.CC_STAT_HEIGHT])
        black = float((around - values)[labels == label].mean()) > _BLACK
        kept[label] = black and longest > _LONGEST_CREASE * size
    strands = kept[labels].astype(np.uint8)
    wide = cv2.dilate(strands, disc(_WIDER * size)).astype(np.float32)
    return np.asarray(np.maximum(wide, cv2.GaussianBlur(wide, (0, 0), max(0.5, _WIDER * size))), np.float32)


def _above_mouth(points: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return which pixels, (H, W), lie above the corners of the mouth."""
    up = points[27] - points[8]
    x, y = np.arange(shape[1], dtype=np.float32)[None, :], np.arange(shape[0], dtype=np.float32)[:, None]
    return np.asarray(x * up[0] + y * up[1] > float((points[[48, 54]] @ up).mean()))
