"""White hairs drawn into a photo: as sharp as it is, and in its light."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ageing.white_hairs import Hairs
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.facial_hair import NO_LIGHT, shading
from ppgan_ext.faces.head.head_places import below_jaw
from ppgan_ext.faces.head.strips import enlarge, strips
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from ppgan_ext.types import FloatArray, Image

# Lengths are shares of the eyes' distance.
_WIDTH = 0.0034  # of a hair
_DRAWN_EYES = 800.0  # pixels between the eyes at which hairs are drawn at least, to be averaged
_LEVELS = 15  # of whiteness
_TIP = 5  # the last points of a curve at which it is thinner
_BELOW_JAW = 2.5  # log light that is lost below the jaw, by the distance from it
_LIGHTEST, _SHADE = (0.006, 0.03, 0.03), (0.55, 0.6)
_LIT = (0.05, 1.5)  # limits of the local light over that of the skin
_STRONG, _SHARP = 97.0, 25.0  # percentiles: of the gradients that are edges, and of their widths
_DRAWN_SHARP = 0.6  # width of the Gaussian that hairs have when they are drawn, pixels
_LEAST = 1  # of 255: what a hair covers less of keeps its bits


def draw_hairs(
    picture: Image, landmarks: FloatArray, hairs: Hairs, light: FloatArray, colour: FloatArray, edges: float
) -> None:
    """Draw white hairs into a picture, in place.

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in the picture.
        hairs: in pixels of ``light``.
        light: (h, w), the light that falls on hair, as a factor of ``colour``, in a reduced copy.
        colour: (3,) linear RGB of a white hair in the light that falls on most of the face.
        edges: width of the Gaussian of the picture's edges, pixels, see `edge_width`.
    """
    covered, (left, top) = hair_cover(picture.shape, landmarks, hairs, light.shape, edges)
    right = left + covered.shape[1]
    for start, stop in strips(covered.shape):
        part, share = picture[top + start : top + stop, left:right], covered[start:stop]
        lit = enlarge(light, picture.shape, (top + start, top + stop))[:, left:right]
        here = (share >= _LEAST) & (lit > 0.0)
        if not here.any():
            continue
        before = to_linear(part[here])
        hair = np.maximum(np.asarray(colour, np.float32) * lit[here][:, None], before)
        after = before + share[here][:, None] * np.float32(1 / 255) * (hair - before)
        part[here] = np.rint(to_srgb(after)).astype(np.uint8)


def hair_cover(
    shape: tuple[int, ...], landmarks: FloatArray, hairs: Hairs, copy_shape: tuple[int, ...], edges: float
) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
    """Return how far hairs cover each pixel of a part of a picture, (h, w), 0 to 255, and its left and top.

    Args:
        shape: (H, W, ...) of the picture.
        landmarks: (68, 2) in the picture.
        hairs: in pixels of a reduced copy.
        copy_shape: (h, w, ...) of that copy.
        edges: as `draw_hairs`.
    """
    nothing = np.zeros((0, 0), np.uint8), (0, 0)
    if len(hairs.white) == 0:
        return nothing
    height, width = shape[:2]
    factors = np.array([width / copy_shape[1], height / copy_shape[0]])
    curves = (hairs.curves + 0.5) * factors - 0.5
    reach = 2.0 + 3.0 * edges
    left, top = np.maximum(np.floor(curves.min(axis=(0, 1)) - reach), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(curves.max(axis=(0, 1)) + reach + 1), (width, height)).astype(int).tolist()
    if left >= right or top >= bottom:
        return nothing
    covered = _covered(curves - (left, top), hairs.white, eye_distance(landmarks), (bottom - top, right - left))
    if edges > _DRAWN_SHARP:
        covered = cv2.GaussianBlur(covered, (0, 0), float(np.sqrt(edges**2 - _DRAWN_SHARP**2)))
    return covered, (left, top)


def _covered(curves: FloatArray, white: FloatArray, eyes: float, shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return how far hairs cover each pixel, (H, W), 0 to 255: the whitest on top, each thinner at its tip."""
    finer = max(1, int(np.ceil(_DRAWN_EYES / eyes)))
    drawn = np.zeros((shape[0] * finer, shape[1] * finer), np.uint8)
    places = np.rint(((curves + 0.5) * finer - 0.5) * 16).astype(np.int32)
    width = max(1, round(_WIDTH * eyes * finer))
    levels = np.rint(white * _LEVELS).astype(int)
    for level in range(1, _LEVELS + 1):
        chosen = places[levels == level]
        if len(chosen):
            tone = level * 255 // _LEVELS
            for points, wide in ((chosen[:, -_TIP + 1 :], max(1, round(2 * width / 3))), (chosen[:, :-2], width)):
                cv2.polylines(drawn, list(points), False, tone, wide, cv2.LINE_AA, 4)
    return cv2.resize(drawn, shape[::-1], interpolation=cv2.INTER_AREA) if finer > 1 else drawn


def light_on_hair(copy: Image, landmarks: FloatArray, dense: FloatArray) -> npt.NDArray[np.float32]:
    """Return the light that falls on the hairs of a beard over that on most of the face's skin; (H, W).

    It is that of the skin around, less below the jaw and in shadows that fall on the beard.

    Args:
        copy: (H, W, 3) RGB, 0 to 255, a face of moderate size.
        landmarks: (68, 2) in it.
        dense: (H, W) in [0, 1], how dense the beard is.
    """
    eyes = eye_distance(landmarks)
    _, around, _ = shading(copy, landmarks)
    light = np.clip(np.exp(around) - NO_LIGHT, *_LIT)
    light *= np.exp(-np.float32(_BELOW_JAW) * below_jaw(landmarks, copy.shape))
    fine, radius, wide = (share * eyes for share in _LIGHTEST)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(radius) + 1,) * 2)
    lightest = blur(cv2.dilate(blur(luminance(to_linear(copy)), fine), kernel), wide)
    inside = dense > 0.3
    if inside.any():
        usual = max(float(np.median(lightest[inside])), 1e-6)
        light *= np.clip(lightest / np.float32(usual), _SHADE[0], 1.0) ** np.float32(_SHADE[1])
    return np.asarray(light, np.float32)


def edge_width(picture: Image, landmarks: FloatArray) -> float:
    """Return how sharp a face's mouth and chin are: the width of the Gaussian that blurs their edges, pixels.

    Edges lose less of their slope by a second blur the wider they are (Zhuo and Sim, Pattern Recognition 2011).

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.
    """
    (left, _), (right, _), (_, top), (_, bottom) = landmarks[[4, 12, 33, 8]]
    region = np.clip(np.rint([top, bottom, left, right]), 0, np.repeat(picture.shape[:2], 2)).astype(int)
    part = picture[region[0] : region[1], region[2] : region[3]]
    if min(part.shape) < 3:
        return 0.0
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    before, after = _slope(grey), _slope(cv2.GaussianBlur(grey, (0, 0), 1.0))
    strong = before >= max(float(np.percentile(before, _STRONG)), 1e-3)
    if not strong.any():
        return 0.0
    lost = np.maximum(before[strong] / np.maximum(after[strong], 1e-3), 1.01)
    return float(np.percentile(1.0 / np.sqrt(lost * lost - 1.0), _SHARP))


def _slope(values: FloatArray) -> FloatArray:
    return np.hypot(cv2.Sobel(values, cv2.CV_32F, 1, 0), cv2.Sobel(values, cv2.CV_32F, 0, 1))
