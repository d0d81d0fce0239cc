"""What hangs over a forehead from above, hair, a hat or a scarf, told by its colour and its edge.

Highlights and shade differ from skin as much; but they lie within the forehead, or end softly.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.mask import face_mask, height_above_brows
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.occlusion.skin_fill import continue_skin, grain_around, widened, window_around
from ppgan_ext.faces.skin import bare_skin, even_lab, face_copy, face_size, find_skin
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray, Image

# Lengths are shares of the face's size.
_COPY = 160.0  # size of the face on the copy that is looked at, pixels
_FOREIGN = 0.5
_HIGH = 0.17  # height above the brows that a fringe reaches, and a bushy brow does not
_RIM = 0.02  # width of the face's edge that a cover reaches
# CIE L* and CIE76 differences from skin, all at one exposure. Of 122 portraits, what is darker than this and reaches
# the rim is hair or a hat; of the rest, the edges of hats and scarves have at least this share of their difference
# within a pixel of the copy, highlights and shade mostly 0.05 to 0.3.
_BLACK, _LEAST_DIFFERENCE, _SHARP = -25.0, 15.0, 0.45
_GAPS = 0.06  # between strands of a fringe
_WIDER, _SOFT = 0.03, 0.015  # of its edge and its shadow
_FAINT = 0.1
_FACE_EDGE = 0.02
_AROUND_IT = 0.3  # of it is needed to continue the skin
_FILL_SIZE = 100.0  # size of the face on the copy on which is filled, pixels


def find_headwear(picture: Image, landmarks: FloatArray) -> npt.NDArray[np.float32]:
    """Find what hangs over the forehead of a face from above, (H, W) float32 in [0, 1], a little wider than it is.

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.
    """
    height, width = picture.shape[:2]
    size, points = face_copy(picture.shape, landmarks, _COPY)
    copy = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    hanging = _covers(copy, points)
    if not hanging.any():
        return np.zeros(picture.shape[:2], np.float32)
    length = face_size(points)
    closed = cv2.morphologyEx(hanging.astype(np.uint8), cv2.MORPH_CLOSE, disc(0.5 * _GAPS * length))
    wide = widened(closed > 0, _WIDER * length).astype(np.float32)
    soft = cv2.GaussianBlur(wide, (0, 0), max(0.5, _SOFT * length))
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def without_headwear(photo: Image, landmarks: FloatArray, headwear: FloatArray) -> Image:
    """Return a photo in which the skin of the face goes on below its hat, scarf or fringe.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.
        headwear: (H, W) in [0, 1], from `find_headwear`.
    """
    size = face_size(landmarks)
    window = window_around(headwear > _FAINT, _AROUND_IT * size)
    if window is None:
        return photo
    whole = photo.copy()
    part = whole[window]
    beside = face_mask(landmarks, photo.shape, feather=_FACE_EDGE)[window] < 0.5
    hidden = ((headwear[window] > _FAINT) | beside).astype(np.uint8)
    _, filled = continue_skin(part, hidden, hidden, min(1.0, _FILL_SIZE / size))
    filled += grain_around(part, hidden, size / _FILL_SIZE)
    share = np.clip(2.0 * headwear[window], 0.0, 1.0)
    part[:] = from_levels(part + share[..., None] * (filled - part))
    return whole


def _covers(picture: Image, points: FloatArray) -> npt.NDArray[np.bool_]:
    """Return the pieces of another colour, (H, W), that reach far above the brows and the face's rim, and end sharply.

    Args:
        picture: (H, W, 3) RGB uint8, the copy.
        points: (68, 2) in it.
    """
    above = height_above_brows(points, picture.shape)
    found = find_skin(points, picture)
    foreign, skin = found.foreign > _FOREIGN, found.skin > 0.5
    number, pieces = cv2.connectedComponents((foreign & (above > 0.0)).astype(np.uint8), connectivity=8)
    inside = face_mask(points, picture.shape, _FACE_EDGE) > 0.5
    rim = inside & (cv2.erode(inside.astype(np.uint8), disc(_RIM * face_size(points))) == 0)
    result = np.zeros(foreign.shape, bool)
    reaching = np.intersect1d(pieces[rim], pieces[above > _HIGH])
    if number < 2 or not skin.any() or not reaching.any():
        return result
    colors = even_lab(picture, bare_skin(points, picture.shape))
    usual = np.median(colors[skin], axis=0)
    steps = cv2.dilate(_steps(colors), np.ones((5, 5), np.uint8))
    for label in reaching[reaching > 0].tolist():
        piece = pieces == label
        difference = np.median(colors[piece], axis=0) - usual
        size = float(np.linalg.norm(difference))
        border = piece & (cv2.dilate((inside & ~foreign).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
        sharp = border.any() and float(np.median(steps[border])) > _SHARP * size
        if difference[0] < _BLACK or (size > _LEAST_DIFFERENCE and sharp):
            result |= piece
    return result


def _steps(colors: FloatArray) -> npt.NDArray[np.float32]:
    """Return the CIE76 difference of colours (H, W, 3) from one pixel to the next."""
    x, y = (cv2.Sobel(colors, cv2.CV_32F, *order, scale=0.125) for order in ((1, 0), (0, 1)))
    return np.asarray(np.sqrt((x * x + y * y).sum(axis=2)), np.float32)
