"""A face without its glasses: skin where the frame was, and no tint, shade or reflection where the lenses were."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.occlusion.cover_network import EYES
from ppgan_ext.faces.occlusion.face_covers import FaceCovers
from ppgan_ext.faces.occlusion.seamless_fill import fill_seamlessly
from ppgan_ext.faces.skin import draw_part, face_size, find_skin
from ppgan_ext.images import from_levels
from ppgan_ext.types import FloatArray, Image

# Lengths are pixels of the network's copy.
_WIDER = 1.5  # around a frame is filled too: its soft edge and its shadow
_LENS_WIDER = 2.0
_AROUND_IT = 14.0  # of glasses is needed to continue it
_LEAST_FRAME = 0.15
_FILL_EYES = 52.0  # distance of the eyes, in pixels, of the copy on which is filled
_GLARE = (40.0, 65.0)  # levels above the lens' surroundings where a reflection begins, and where it hides the skin
_AROUND = 0.12  # of those surroundings, as a share of the face's size
_EYE_ROOM, _BROW_ROOM = 0.03, 0.02
_GRAIN = 12.0  # levels; edges of brows and lids are no grain
_FLOOR = 4.0  # levels, added before logarithms


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
    apart = float(np.hypot(*(landmarks[LEFT_EYE].mean(axis=0) - landmarks[RIGHT_EYE].mean(axis=0))))
    pixel = max(1.0, apart) / EYES
    window = _window(np.maximum(covers.frame, covers.lens) > _LEAST_FRAME, _AROUND_IT * pixel)
    if window is None:
        return photo
    corner = np.array([window[1].start, window[0].start]) + covers.region[:2]
    frame, lens = covers.frame[window], covers.lens[window]
    part = whole[corner[1] :, corner[0] :][: frame.shape[0], : frame.shape[1]]
    frame = np.maximum(frame, _stains(part, landmarks - corner, lens))
    hidden = _widened(frame > _LEAST_FRAME, _WIDER * pixel)
    glass = np.maximum(_widened(lens > 0.5, _LENS_WIDER * pixel), hidden)
    shift, filled = _solved(part, hidden, glass, min(1.0, _FILL_EYES / max(apart, 1.0)))
    seen = (part + np.float32(_FLOOR)) * np.exp(shift) - np.float32(_FLOOR)
    glass_weight, hidden_weight = (
        cv2.GaussianBlur(each.astype(np.float32), (0, 0), max(0.5, 0.4 * pixel))[..., None] for each in (glass, hidden)
    )
    result = part + glass_weight * (seen - part)
    part[:] = from_levels(result + hidden_weight * (filled + _grain(part, hidden, pixel) - result))
    return whole


def _window(mask: npt.NDArray[np.bool_], margin: float) -> tuple[slice, slice] | None:
    """Return the rows and columns of a mask with a margin; None for an empty mask."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    room = math.ceil(margin)
    if not width:
        return None
    return slice(max(0, top - room), top + height + room), slice(max(0, left - room), left + width + room)


def _widened(mask: npt.NDArray[np.bool_], width: float) -> npt.NDArray[np.uint8]:
    side = 2 * max(1, round(width)) + 1
    return cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


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


def _stains(part: Image, points: FloatArray, lens: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return reflections, and what else on a lens has not the colour of skin, (h, w) in [0, 1]."""
    foreign = find_skin(points, part).foreign * (lens > 0.5) * _beside_features(points, part.shape)
    return np.maximum(glare(part, points, lens), foreign.astype(np.float32))


def _beside_features(points: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return 1 outside eyes and brows, and 0 in them, (h, w)."""
    size, free = face_size(points), np.ones(shape[:2], np.float32)
    for feature, room in (
        (RIGHT_EYE, _EYE_ROOM),
        (LEFT_EYE, _EYE_ROOM),
        (slice(17, 22), _BROW_ROOM),
        (slice(22, 27), _BROW_ROOM),
    ):
        free *= 1.0 - draw_part(points[feature], shape, room * size)
    return free


def _solved(
    part: Image, hidden: npt.NDArray[np.uint8], lens: npt.NDArray[np.uint8], scale: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return by how much the logarithm of light changes, and the colours of the hidden pixels, (h, w, 3) each."""
    height, width = hidden.shape
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    bare = (1 - hidden).astype(np.float32)
    # Averages of what is not hidden: no colour of the frame enters the copy.
    sums, total = (cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in (part * bare[..., None], bare))
    light = np.log(sums / np.maximum(total, 1e-3)[..., None] + np.float32(_FLOOR))
    inside = cv2.resize(lens.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.0
    solved = fill_seamlessly(light, total > 0.5, inside)
    shift = np.where((total > 0.5)[..., None], solved - light, 0.0).astype(np.float32)
    # The change is smooth: under the frame it is that of the pixels around.
    known = (total > 0.5).astype(np.float32)
    around = cv2.GaussianBlur(shift * known[..., None], (0, 0), 2.0) / (
        cv2.GaussianBlur(known, (0, 0), 2.0)[..., None] + np.float32(1e-3)
    )
    shift = np.where(known[..., None] > 0, shift, around)
    filled = np.exp(solved) - np.float32(_FLOOR)
    larger = [
        cv2.resize(np.asarray(a, np.float32), (width, height), interpolation=cv2.INTER_CUBIC) for a in (shift, filled)
    ]
    return larger[0], larger[1]


def _grain(part: Image, hidden: npt.NDArray[np.uint8], pixel: float) -> npt.NDArray[np.float32]:
    """Return fine detail for the hidden pixels: that of the nearest ones which are not, mirrored at the border."""
    known = 1 - hidden
    weight = known.astype(np.float32)
    sums, total = (cv2.GaussianBlur(a, (0, 0), max(1.0, 0.5 * pixel)) for a in (part * weight[..., None], weight))
    detail = (part - sums / (total[..., None] + np.float32(1e-3))) * weight[..., None]
    _, labels = cv2.distanceTransformWithLabels(hidden, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    places = np.zeros((int(labels.max()) + 1, 2), np.int64)
    rows, columns = np.nonzero(known)
    places[labels[rows, columns]] = np.column_stack([rows, columns])
    y, x = np.nonzero(hidden)
    mirrored = np.clip(2 * places[labels[y, x]] - np.column_stack([y, x]), 0, np.array(hidden.shape) - 1)
    found = np.zeros_like(detail)
    found[y, x] = np.clip(detail[mirrored[:, 0], mirrored[:, 1]], -_GRAIN, _GRAIN)
    return found
