"""What an edit changes in the picture of a face: sharpness, colour of irises and skin, paint, and the mask's border."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.blend import border_step
from ppgan_ext.faces.color import to_lab
from ppgan_ext.faces.landmarks import LEFT_EYE, RIGHT_EYE
from ppgan_ext.faces.mask import face_mask
from ppgan_ext.faces.skin import find_skin
from ppgan_ext.faces.warp import transform_points, warp
from ppgan_ext.types import FloatArray, Image

# Widths of Gaussians, in distances between the eyes.
_FINE, _COARSE = 0.008, 0.032  # pores and lines lie between them
_PATCH_OF_COLOR = 0.05
_NOISE = 0.02
_DARK = 0.05  # added to the luminance before the logarithm, as a share of the skin's median
_MIN_PIXELS = 50
_MARGIN = 0.5  # around the landmarks, as a share of their extent

# An eye is drawn this wide into a patch; the iris, about 12 mm of a lid opening of 28 mm, then has this radius.
_EYE_WIDTH, _EYE_PATCH, _IRIS = 64.0, (96, 64), 13.5
_AROUND = 1.5  # radii of the disc with which the iris is compared
_IRIS_RING = (0.45, 0.85)  # between pupil and limbus, in radii
_HIGHLIGHT = 0.75  # share of the ring that is kept, from dark to light
_SEARCH = (14, 4)  # pixels of the patch around the middle of the eye
_LEAST_OPEN = 0.17  # height over width
_LEAST_SEEN = 0.45  # share of the disc between the lids


@dataclass(frozen=True)
class Appearance:
    """Changes from photo to result, all within the face.

    Attributes:
        sharpness: fine structure of the skin, result over photo; see `fine_structure`.
        iris_change: CIE76 difference of the irises, mean of the eyes that are open in both.
        iris_color: the same without lightness.
        skin_l, skin_a, skin_b: change of the skin's median, CIE Lab.
        paint: largest local change of colour on the skin beyond that of its median: the 99th percentile of the
            distance in (a, b), blurred by a Gaussian of 0.05 distances between the eyes.
        darkening: the same of lightness, downwards; 0 where nothing becomes darker than the median does.
        chroma_added: 99th percentile of the increase of chroma in the face, noise removed.
        border_step, border_step_photo: colour step across the mask's border, see `faces.blend.border_step`.
    """

    sharpness: float
    iris_change: float
    iris_color: float
    skin_l: float
    skin_a: float
    skin_b: float
    paint: float
    darkening: float
    chroma_added: float
    border_step: float
    border_step_photo: float


def compare_faces(photo: Image, result: Image, photo_landmarks: FloatArray, result_landmarks: FloatArray) -> Appearance:
    """Compare a face before and after an edit.

    Args:
        photo: (H, W, 3) RGB uint8.
        result: the edited photo, of the same size.
        photo_landmarks: (68, 2) of the face in the photo.
        result_landmarks: (68, 2) in the result.
    """
    low, high = photo_landmarks.min(axis=0), photo_landmarks.max(axis=0)
    margin = _MARGIN * (high - low)
    left, top = np.maximum(np.floor(low - margin), 0).astype(int)
    right, bottom = np.ceil(high + margin).astype(int)
    photo, result = photo[top:bottom, left:right], result[top:bottom, left:right]
    before, after = photo_landmarks - (left, top), result_landmarks - (left, top)
    unit = eye_distance(before)
    # Skin by the photo's colours, without what is an eye, a brow or the mouth in either picture.
    skin = np.minimum(find_skin(before, photo).skin, find_skin(after, photo).skin) > 0.5
    irises = np.subtract(*iris_colors(photo, before, result, after))
    step = border_step(photo, result, face_mask(before, photo.shape))
    photo_lab, result_lab = to_lab(photo), to_lab(result)
    change = result_lab - photo_lab
    shift = np.median(change[skin], axis=0) if np.count_nonzero(skin) >= _MIN_PIXELS else np.full(3, np.nan)
    local = _blur(change - shift, _PATCH_OF_COLOR * unit) if np.isfinite(shift).all() else np.full_like(change, np.nan)
    chroma = np.hypot(*_blur(result_lab, _NOISE * unit)[..., 1:].transpose(2, 0, 1)) - np.hypot(
        *_blur(photo_lab, _NOISE * unit)[..., 1:].transpose(2, 0, 1)
    )
    inside = face_mask(before, photo.shape) > 0.5
    detail = fine_structure(photo, skin, unit)
    return Appearance(
        sharpness=fine_structure(result, skin, unit) / detail if detail > 0 else math.nan,
        iris_change=_mean(np.linalg.norm(irises, axis=1)),
        iris_color=_mean(np.linalg.norm(irises[:, 1:], axis=1)),
        skin_l=float(shift[0]), skin_a=float(shift[1]), skin_b=float(shift[2]),
        paint=_percentile(np.hypot(local[..., 1], local[..., 2])[skin], 99),
        darkening=max(0.0, -_percentile(local[..., 0][skin], 1)),
        chroma_added=_percentile(chroma[inside], 99),
        border_step=step.result, border_step_photo=step.photo,
    )  # fmt: skip


def fine_structure(image: Image, skin: npt.NDArray[np.bool_], unit: float) -> float:
    """Measure pores, lines and grain: the RMS of log luminance between two Gaussians, on skin.

    The logarithm makes it independent of the light. Only skin enters the blurs (normalised convolution), so the edges
    of eyes and brows do not count.

    Args:
        image: (H, W, 3) RGB uint8.
        skin: (H, W), where to measure.
        unit: distance between the eyes in pixels; the Gaussians have 0.008 and 0.032 of it.

    Returns:
        The RMS; NaN without skin.
    """
    weight = skin.astype(np.float32)
    if np.count_nonzero(skin) < _MIN_PIXELS:
        return math.nan
    linear = _linear_levels()[image] @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    light = np.log(linear + _DARK * float(np.median(linear[skin])))
    light -= float(light[skin].mean())
    fine, coarse = (
        _blur(light * weight, s * unit) / np.maximum(_blur(weight, s * unit), 1e-3) for s in (_FINE, _COARSE)
    )
    return float(np.sqrt(np.square(fine - coarse)[skin].mean()))


def iris_colors(
    photo: Image, photo_landmarks: FloatArray, result: Image, result_landmarks: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Measure the irises of a face before and after an edit.

    The iris is found in the photo, as the disc that is darkest against its surroundings between the lids. In the result
    it is taken at the same place relative to the corners of the eye. Its colour is the median between pupil and limbus,
    without highlights.

    Args:
        photo: (H, W, 3) RGB uint8.
        photo_landmarks: (68, 2).
        result: (H, W, 3) RGB uint8.
        result_landmarks: (68, 2).

    Returns:
        Colours in the photo and in the result, (2, 3) CIE Lab each, right eye first; NaN in both for an eye that is
        closed or hidden in either.
    """
    pairs = np.full((2, 2, 3), np.nan)
    for index, part in enumerate((RIGHT_EYE, LEFT_EYE)):
        before, after = _draw_eye(photo, photo_landmarks[part]), _draw_eye(result, result_landmarks[part])
        if before is None or after is None:
            continue
        ring = _find_iris(before) & after.opening
        if np.count_nonzero(ring) >= _MIN_PIXELS:
            pairs[:, index] = [_iris_color(eye.lab[ring]) for eye in (before, after)]
    return pairs[0], pairs[1]


class _Eye(NamedTuple):
    """An eye drawn upright at one size: its colours (h, w, 3) in CIE Lab, and where it is open, (h, w) bool."""

    lab: FloatArray
    opening: npt.NDArray[np.bool_]


def _draw_eye(image: Image, eye: FloatArray) -> _Eye | None:
    """Draw an eye of landmarks (6, 2); None if it is closed."""
    outer, inner = eye[0], eye[3]
    along = inner - outer
    width = float(np.linalg.norm(along))
    heights = np.linalg.norm(eye[[1, 2]] - eye[[5, 4]], axis=1)
    if width < 4 or heights.mean() < _LEAST_OPEN * width:
        return None
    linear = np.array([along, [-along[1], along[0]]]) * (_EYE_WIDTH / width**2)
    matrix = np.hstack([linear, (_middle() - linear @ ((outer + inner) / 2))[:, None]])
    opening = np.zeros(_EYE_PATCH[::-1], np.uint8)
    cv2.fillPoly(opening, [np.rint(transform_points(eye, matrix)).astype(np.int32)], 1)
    opening = cv2.erode(opening, np.ones((3, 3), np.uint8))  # the lids' edges and lashes
    return _Eye(to_lab(warp(image, matrix, _EYE_PATCH)), opening > 0)


def _middle() -> FloatArray:
    """Return the middle of the patch in which an eye is drawn, (x, y)."""
    return (np.array(_EYE_PATCH) - 1) / 2


def _find_iris(eye: _Eye) -> npt.NDArray[np.bool_]:
    """Return the ring of the iris, (h, w) bool; empty if the lids leave no disc."""
    seen = eye.opening.astype(np.float32)
    # The white and the highlights count alike: a highlight must not drive the disc away.
    light = np.minimum(eye.lab[..., 0], np.percentile(eye.lab[..., 0][eye.opening], 70)).astype(np.float32)
    disc, around = _disc(_IRIS), _disc(_AROUND * _IRIS)
    inside, inside_light = _sum_within(seen, disc), _sum_within(light * seen, disc)
    outside, outside_light = _sum_within(seen, around) - inside, _sum_within(light * seen, around) - inside_light
    contrast = outside_light / np.maximum(outside, 1.0) - inside_light / np.maximum(inside, 1.0)
    y, x = np.mgrid[: seen.shape[0], : seen.shape[1]]
    aside = np.abs(np.stack([x, y]) - _middle()[:, None, None])
    near = (aside[0] <= _SEARCH[0]) & (aside[1] <= _SEARCH[1]) & (inside >= _LEAST_SEEN * disc.sum()) & (outside > 0)
    if not near.any():
        return np.zeros(seen.shape, bool)
    row, column = np.unravel_index(np.argmax(np.where(near, contrast, -np.inf)), near.shape)
    radius = np.hypot(x - column, y - row) / _IRIS
    return eye.opening & (radius > _IRIS_RING[0]) & (radius < _IRIS_RING[1])


def _disc(radius: float) -> FloatArray:
    reach = math.ceil(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return (np.hypot(x, y) < radius).astype(np.float32)


def _sum_within(values: FloatArray, disc: FloatArray) -> FloatArray:
    """Return for every pixel the sum of the values in the disc around it."""
    return cv2.filter2D(values, cv2.CV_32F, disc, borderType=cv2.BORDER_CONSTANT)


def _iris_color(colors: FloatArray) -> FloatArray:
    kept = colors[:, 0] <= np.quantile(colors[:, 0], _HIGHLIGHT)
    return np.median(colors[kept], axis=0).astype(np.float64)


def _linear_levels() -> FloatArray:
    """Return the linear light of the 256 levels of sRGB (IEC 61966-2-1), (256,) float32."""
    levels = np.arange(256) / 255.0
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _blur(array: FloatArray, sigma: float) -> FloatArray:
    return array if sigma < 0.25 else cv2.GaussianBlur(np.asarray(array, np.float32), (0, 0), sigma)


def _mean(values: FloatArray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else math.nan


def _percentile(values: FloatArray, share: float) -> float:
    return float(np.percentile(values, share)) if len(values) >= _MIN_PIXELS else math.nan
