"""A face without its glasses: skin where the frame was, and no tint, shade or reflection where the lenses were."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.facial_hair import brow_weight
from ppgan_ext.faces.landmarks import LEFT_BROW, LEFT_EYE, NOSE_BRIDGE, RIGHT_BROW, RIGHT_EYE
from ppgan_ext.faces.mask import draw_part, face_mask
from ppgan_ext.faces.morphology import disc
from ppgan_ext.faces.occlusion.cover_network import EYES
from ppgan_ext.faces.occlusion.face_covers import FaceCovers
from ppgan_ext.faces.occlusion.skin_fill import FLOOR, continue_skin, grain_around, widened, window_around
from ppgan_ext.faces.skin import face_size, find_skin
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray, Image

# Lengths are pixels of the network's copy.
_WIDER = 1.1  # around a frame is filled too: its soft edge and its shadow
_LENS_WIDER = 2.0
_AROUND_IT = 14.0  # of glasses is needed to continue it
_LEAST_FRAME = 0.15
_BRIDGE = 3.0  # half of the widest gap in a frame that is closed, over the nose
_BROW = 0.2  # from which on it is hair
_FILL_EYES = 52.0  # distance of the eyes, in pixels, of the copy on which is filled
_GLARE = (40.0, 65.0)  # levels above the lens' surroundings where a reflection begins, and where it hides the skin
_AROUND = 0.12  # of those surroundings, as a share of the face's size
# Of pads: how far from the nose's line they are, and the width of their surroundings, as shares of the face's size; and
# by which share they are darker.
_PAD_REACH, _PAD_AROUND, _PAD_DARK = 0.13, 0.05, (0.12, 0.25)
_FACE_EDGE = 0.02
_UNEVEN = 0.25  # log light by which what lenses do to the skin differs from their median at most
_EYE_ROOM, _BROW_ROOM = 0.03, 0.02
_INNER_BROWS = (slice(19, 22), slice(22, 25))  # beside their outer ends frames have hinges


def without_glasses(photo: Image, landmarks: FloatArray, covers: FaceCovers) -> Image:
    """Return a photo whose face wears no glasses.

    The colours under frame and reflections continue those around them. What a lens shows keeps its differences, but
    joins the skin around it without a step (Poisson's equation in logarithms; Perez, Gangnet and Blake, SIGGRAPH 2003).
    The grain of what is filled is that of the skin nearby.

    Args:
        photo: (H, W, 3) RGB uint8.
        landmarks: (68, 2), photo pixels.
        covers: of this face, from `find_covers_of`.
    """
    whole = photo.copy()
    apart = eye_distance(landmarks)
    pixel = max(1.0, apart) / EYES
    window = window_around(np.maximum(covers.frame, covers.lens) > _LEAST_FRAME, _AROUND_IT * pixel)
    if window is None:
        return photo
    corner = np.array([window[1].start, window[0].start]) + covers.region[:2]
    frame, lens = covers.frame[window], covers.lens[window]
    part = whole[corner[1] :, corner[0] :][: frame.shape[0], : frame.shape[1]]
    points = landmarks - corner
    frame = np.maximum.reduce([frame, covers.rims[window], glare(part, points, lens), _pads(part, points)])
    hidden = widened(frame > _LEAST_FRAME, _WIDER * pixel)
    closed = cv2.morphologyEx(hidden, cv2.MORPH_CLOSE, disc(_BRIDGE * pixel))
    hidden = np.maximum(hidden, closed * _between_eyes(points, hidden.shape))
    glass = np.maximum(widened(lens > 0.5, _LENS_WIDER * pixel), hidden)
    brows = brow_weight(part, points) > _BROW
    hidden *= 1 - _beyond_rims(brows, covers.rims[window], points)
    # The skin of the face goes on below a frame, and neither the brow above it nor what is beside the face.
    other = brows | (face_mask(points, part.shape[:2], feather=_FACE_EDGE) < 0.5)
    unknown = np.maximum(hidden, other.astype(np.uint8))
    shift, filled = continue_skin(part, unknown, np.maximum(glass, unknown), min(1.0, _FILL_EYES / max(apart, 1.0)))
    seen = (part + np.float32(FLOOR)) * np.exp(_even(shift, (glass > 0) & (hidden == 0))) - np.float32(FLOOR)
    glass_weight, hidden_weight = (
        cv2.GaussianBlur(each.astype(np.float32), (0, 0), max(0.5, 0.4 * pixel))[..., None] for each in (glass, hidden)
    )
    result = part + glass_weight * (seen - part)
    part[:] = from_levels(result + hidden_weight * (filled + grain_around(part, hidden, pixel) - result))
    return whole


def _beyond_rims(
    brows: npt.NDArray[np.bool_], rims: npt.NDArray[np.float32], points: FloatArray
) -> npt.NDArray[np.uint8]:
    """Return the hair of brows (h, w) around the brows' points that no rim touches: it is no line of the frame."""
    if not rims.any():
        return np.zeros(brows.shape, np.uint8)
    width = _BROW_ROOM * face_size(points)
    near = np.maximum(*(draw_part(points[brow], brows.shape, width) for brow in _INNER_BROWS))
    return np.asarray(brows & (near > 0) & (widened(rims > 0, 0.5 * width) == 0), np.uint8)


def _between_eyes(points: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return which pixels, (h, w), lie between the inner corners of the eyes (68, 2), above and below too."""
    across = points[42] - points[39]
    x, y = np.arange(shape[1])[None, :] - points[39, 0], np.arange(shape[0])[:, None] - points[39, 1]
    way = (x * across[0] + y * across[1]) / max(float(across @ across), 1e-6)
    return np.asarray((way > 0.0) & (way < 1.0))


def _even(shift: FloatArray, glass: npt.NDArray[np.bool_]) -> FloatArray:
    """Return changes of log light, (h, w, 3), that differ little on glass (h, w), as a lens tints evenly."""
    if not glass.any():
        return shift
    middle = np.median(shift[glass], axis=0)
    return middle + np.clip(shift - middle, -_UNEVEN, _UNEVEN)


def glare(part: Image, points: FloatArray, lens: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return where a lens reflects light: it is brighter than around it in every colour; not in the eyes.

    Args:
        part: (h, w, 3) RGB uint8.
        points: (68, 2), its pixels.
        lens: (h, w) in [0, 1].

    Returns:
        (h, w) float32 in [0, 1].
    """
    least = part.min(axis=2).astype(np.float32)
    size = face_size(points)
    usual = cv2.GaussianBlur(least, (0, 0), max(1.0, _AROUND * size))
    bright = np.clip((least - usual - _GLARE[0]) / (_GLARE[1] - _GLARE[0]), 0.0, 1.0)
    return np.asarray(bright * (lens > 0.5) * _beside_features(points, part.shape), np.float32)


def _pads(part: Image, points: FloatArray) -> npt.NDArray[np.float32]:
    """Return the pads on the nose, and metal around them, (h, w) in [0, 1]: dark, and not of the skin's colour.

    Elsewhere behind a lens, what has not the skin's colour is a reddened lid or a brow.
    """
    size, least = face_size(points), part.min(axis=2).astype(np.float32)
    around = cv2.GaussianBlur(least, (0, 0), max(1.0, _PAD_AROUND * size))
    darker = (around - least) / np.maximum(around, FLOOR)
    dark = np.clip((darker - _PAD_DARK[0]) / (_PAD_DARK[1] - _PAD_DARK[0]), 0.0, 1.0)
    near = draw_part(points[NOSE_BRIDGE], part.shape, _PAD_REACH * size) * _beside_features(points, part.shape)
    return np.asarray(find_skin(points, part).foreign * near * dark, np.float32)


def _beside_features(points: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return 1 outside eyes and brows, and 0 in them, (h, w)."""
    size, free = face_size(points), np.ones(shape[:2], np.float32)
    for feature, room in (
        (RIGHT_EYE, _EYE_ROOM),
        (LEFT_EYE, _EYE_ROOM),
        (RIGHT_BROW, _BROW_ROOM),
        (LEFT_BROW, _BROW_ROOM),
    ):
        free *= 1.0 - draw_part(points[feature], shape, room * size)
    return free
