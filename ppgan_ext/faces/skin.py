"""Give a face the skin and the light of another, in CIE Lab, from the colours of skin only.

A face is separated into a part that varies slowly, which is the light and the tone of the skin, and the rest, which is
features and pores. The slow part comes from the photo. The spread and correlation of the channels in the rest are
matched to those of the photo's skin by the linear map between two normal distributions that moves colours least (Pitie
and Kokaram, The linear Monge-Kantorovitch linear colour mapping, CVMP 2007).
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.color import to_lab, to_rgb
from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.mask import face_mask
from ppgan_ext.types import FloatArray, Image

_LIGHT = 0.16  # width of the Gaussian that separates light from features, as a share of the face's size
_OUTLIER = 2.5  # robust deviations from the median of the skin's colours
_MIN_PIXELS = 24
_LEAST_COLOR = 0.35
_NOISE = 1.0  # variance added to both, so that flat skin is not stretched to noise
_MAX_STRETCH = 1.25
_SURE = 0.02  # weight under the Gaussian: with less skin than this nearby, the mean of all skin dominates
# Eyes and mouth have colours of their own: they follow a change of skin by these shares.
_EYES_FOLLOW = 0.8
_MOUTH_FOLLOWS = 0.7
_BROWS = (slice(17, 22), slice(22, 27))
_MOUTH = slice(48, 60)


def face_size(landmarks: FloatArray) -> float:
    """Return the size of a face in pixels: the square root of the area of the hull of its landmarks (68, 2)."""
    hull = cv2.convexHull(np.asarray(landmarks, np.float32))
    return math.sqrt(max(float(cv2.contourArea(hull)), 1.0))


class SkinWeights(NamedTuple):
    """Weights of skin and of objects that cover it, (H, W) float32 in [0, 1] each.

    Attributes:
        skin: within the face, outside eyes, brows and mouth, and with the skin's colour.
        foreign: anything else on the bare parts of the face: hair, a hand's shadow, a frame.
    """

    skin: npt.NDArray[np.float32]
    foreign: npt.NDArray[np.float32]


def find_skin(landmarks: FloatArray, image: Image | FloatArray) -> SkinWeights:
    """Separate skin from objects that cover it.

    Args:
        landmarks: (68, 2), pixels of the picture.
        image: (H, W, 3) RGB, 0 to 255.
    """
    expected = bare_skin(landmarks, image.shape)
    foreign = _foreign_color(image, expected)
    return SkinWeights(expected * (1.0 - foreign), (expected > 0.5) * foreign)


def bare_skin(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw the parts of a face where skin is expected, (H, W) in [0, 1]."""
    size = face_size(landmarks)
    weight = face_mask(landmarks, shape, feather=0.1)
    for part, width in ((RIGHT_EYE, 0.06), (LEFT_EYE, 0.06), (_MOUTH, 0.03), *((brow, 0.05) for brow in _BROWS)):
        weight = np.minimum(weight, 1.0 - draw_part(landmarks[part], shape, width * size))
    return weight.astype(np.float32)


def _foreign_color(image: Image | FloatArray, expected: FloatArray) -> npt.NDArray[np.float32]:
    """Return how far each pixel's colour is from the colours where skin is expected, (H, W) in [0, 1]."""
    inside = expected > 0.5
    lab = to_lab(image)
    if np.count_nonzero(inside) < _MIN_PIXELS:
        return np.zeros(lab.shape[:2], np.float32)
    colors = lab[inside]
    middle = np.median(colors, axis=0)
    spread = 1.4826 * np.median(np.abs(colors - middle), axis=0) + 1.0
    # Light changes L much more than it changes the colour of skin.
    spread *= np.array([1.3, 1.0, 1.0], spread.dtype)
    distance = functools.reduce(np.maximum, (np.abs(lab[..., i] - middle[i]) / spread[i] for i in range(3)))
    return np.clip(distance - np.float32(_OUTLIER), 0.0, 1.0)


def match_skin(
    face: FloatArray,
    photo: FloatArray,
    face_skin: FloatArray,
    photo_skin: FloatArray,
    landmarks: FloatArray,
    own_tone: FloatArray | float = 0.0,
) -> FloatArray:
    """Give a face the skin and the light of the photo beneath it.

    Args:
        face: (H, W, 3) RGB float32, 0 to 255.
        photo: (H, W, 3) RGB float32, 0 to 255, with its features at the same positions as the face's.
        face_skin: (H, W), weight of skin in the face.
        photo_skin: (H, W), weight of skin in the photo.
        landmarks: (68, 2) of both.
        own_tone: share of its own mean tone that the face keeps, (H, W) or one number; the photo's light gradient is
            always used.

    Returns:
        (H, W, 3) RGB float32.
    """
    if min(np.count_nonzero(face_skin > 0.5), np.count_nonzero(photo_skin > 0.5)) < _MIN_PIXELS:
        return np.asarray(face, np.float32)
    lab, photo_lab = to_lab(face), to_lab(photo)
    own_light, own_mean = slow_part(lab, face_skin, landmarks)
    light, mean = slow_part(photo_lab, photo_skin, landmarks)
    detail = lab - own_light
    stretch = _transport(_covariance(detail, face_skin), _covariance(photo_lab - light, photo_skin)).astype(np.float32)
    own = np.asarray(own_tone, np.float32)
    tone = light + (own_mean - mean) * (own[..., None] if own.ndim else own)
    # A photo with less colour, even a grey one, reduces the colour of all parts of the face equally.
    fade = np.ones((*lab.shape[:2], 3), np.float32)
    fade[..., 1:] = _chroma(tone) / np.maximum(_chroma(own_light), 1e-3)
    fade = np.minimum(fade, 1.0)
    follow = _follow(landmarks, face.shape)[..., None]
    detail = detail + follow * (detail @ (stretch - np.eye(3, dtype=np.float32)).T) * face_skin[..., None]
    changed = fade * (own_light + detail) + follow * (tone - fade * own_light)
    return to_rgb(_keep_hue(changed, tone, bare_skin(landmarks, face.shape)))


def _chroma(lab: FloatArray) -> FloatArray:
    """Return the chroma of Lab values (H, W, 3), (H, W, 1)."""
    return np.hypot(lab[..., 1], lab[..., 2])[..., None]


def _keep_hue(lab: FloatArray, tone: FloatArray, skin: FloatArray) -> FloatArray:
    """Keep highlights from turning to the opposite hue: a share of the skin's own colour stays everywhere."""
    color = tone[..., 1:]
    share = (lab[..., 1:] * color).sum(axis=2) / np.maximum(np.square(color).sum(axis=2), 1.0)
    lacking = np.clip(_LEAST_COLOR - share, 0.0, 1.0) * np.clip(2.0 * skin, 0.0, 1.0)
    lab[..., 1:] += lacking[..., None] * color
    return lab


def slow_part(values: FloatArray, skin: FloatArray, landmarks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the slowly varying part of values on skin, which is light and tone, extended over the rest.

    Args:
        values: (H, W, C) float32.
        skin: (H, W), weight of skin; at least one pixel above 0.
        landmarks: (68, 2) of the face.

    Returns:
        The slow part (H, W, C), and the mean over skin, (C,).
    """
    sigma = _LIGHT * face_size(landmarks)
    weight = np.asarray(skin, np.float32)
    mean = (values * weight[..., None]).sum(axis=(0, 1)) / weight.sum()
    num, total = (_soft(array, sigma) for array in ((values - mean) * weight[..., None], weight))
    return mean + num / (total + _SURE)[..., None], mean


def _soft(array: FloatArray, sigma: float) -> FloatArray:
    """Blur by a wide Gaussian on a smaller copy, which is exact enough as the result is smooth."""
    height, width = array.shape[:2]
    scale = min(1.0, 8.0 / sigma)
    size = (max(4, round(width * scale)), max(4, round(height * scale)))
    small = cv2.resize(np.asarray(array, np.float32), size, interpolation=cv2.INTER_AREA)
    # Zeros beyond the picture, where nothing is known; the weights compensate for them.
    small = cv2.GaussianBlur(small, (0, 0), max(sigma * scale, 0.5), borderType=cv2.BORDER_CONSTANT)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def _covariance(detail: FloatArray, skin: FloatArray) -> FloatArray:
    values = detail[skin > 0.5].astype(np.float64)
    return np.cov(values.T) + _NOISE * np.eye(3)


def _transport(source: FloatArray, target: FloatArray) -> FloatArray:
    """Return the symmetric (3, 3) matrix T with T source T = target, with limited eigenvalues."""
    root, inverse_root = _roots(source)
    matrix = inverse_root @ _roots(root @ target @ root)[0] @ inverse_root
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.clip(values, 1 / _MAX_STRETCH, _MAX_STRETCH)) @ vectors.T


def _roots(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    values, vectors = np.linalg.eigh(matrix)
    roots = np.sqrt(np.maximum(values, 1e-9))
    return (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T


def _follow(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return how far each pixel follows a change of skin, (H, W) in [0, 1]."""
    size = face_size(landmarks)
    follow = np.ones(shape[:2], np.float32)
    for part, share in ((RIGHT_EYE, _EYES_FOLLOW), (LEFT_EYE, _EYES_FOLLOW), (_MOUTH, _MOUTH_FOLLOWS)):
        soft = cv2.GaussianBlur(draw_part(landmarks[part], shape, 0.01 * size), (0, 0), max(0.02 * size, 0.5))
        follow = np.minimum(follow, 1.0 - (1.0 - share) * soft)
    return follow


def draw_part(points: FloatArray, shape: tuple[int, ...], width: float) -> npt.NDArray[np.float32]:
    """Draw the hull of points (N, 2), widened by ``width`` pixels, (H, W) float32 of 0 and 1."""
    drawn = np.zeros(shape[:2], np.float32)
    hull = cv2.convexHull(np.asarray(points, np.float32))
    fixed = np.rint(hull * 16).astype(np.int32)
    cv2.fillConvexPoly(drawn, fixed, 1.0, cv2.LINE_8, 4)
    cv2.polylines(drawn, [fixed], True, 1.0, max(1, round(2 * width)), cv2.LINE_8, 4)
    return drawn
