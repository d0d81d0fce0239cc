"""Let one picture pass into another within a mask: without a step of colour, and without touching what lies outside.

Two ways. Poisson blending keeps the gradients of the one and the border of the other (Perez et al., SIGGRAPH 2003);
multi-band blending lets each frequency pass over a width of its own (Burt and Adelson, ACM TOG 1983). Poisson leaves no
step at all, but carries whatever the border runs over (hair, a collar) into the face; so both are made, and the step at
the border and what became of the colours inside decide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ppgan_ext.types import FloatArray, Image

WAYS = ("poisson", "multi-band")

# The solver works on a copy of at most so many pixels: what it adds is smooth.
_SMALL_PIXELS = 1.0e6
_FRAME = 2
_REACH = 0.03  # how far to either side of the border colours are compared, as a share of the mask's size
_DRIFT = 0.03  # worth of a step against a drift of colour inside


class BorderStep(NamedTuple):
    """Mean colour steps across a mask's border, CIE76 differences in Lab.

    Attributes:
        result: in the blended picture.
        photo: at the same places of the photo as it was: edges that it had there anyway.
    """

    result: float
    photo: float


def border_step(photo: Image, result: Image, mask: FloatArray) -> BorderStep:
    """Measure the seam of a blended picture.

    The border is where the mask passes one half. At each of its pixels the mean colour a little further in is compared
    with that a little further out, up to 3% of the mask's size away; where the mask leaves the picture there is none.

    Args:
        photo: (H, W, 3) RGB uint8, before.
        result: the same, after.
        mask: (H, W) in [0, 1].

    Returns:
        The steps; 0 where the mask has no border inside the picture.
    """
    inside = (np.asarray(mask) > 0.5).astype(np.uint8)
    left, top, width, height = cv2.boundingRect(inside)
    size = math.sqrt(max(float(np.count_nonzero(inside)), 1.0))
    reach = max(2, round(_REACH * size))
    margin = 2 * reach + 2
    part = np.s_[max(0, top - margin) : top + height + margin, max(0, left - margin) : left + width + margin]
    inside = inside[part]
    # Signed distance to the border, and from its slope the way in.
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    depth = depth - cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    smooth = cv2.GaussianBlur(depth, (0, 0), reach / 2, borderType=cv2.BORDER_REPLICATE)
    rows, columns = np.nonzero((depth > 0) & (depth <= 1.0))
    way = np.stack(
        [cv2.Sobel(smooth, cv2.CV_32F, 1, 0)[rows, columns], cv2.Sobel(smooth, cv2.CV_32F, 0, 1)[rows, columns]]
    )
    way = way / np.maximum(np.hypot(*way), 1e-6)
    # The border runs half a pixel outside of its pixels' centres; a pixel off it, neither side is mixed with the other.
    steps = np.arange(1, reach + 1)[:, None] + np.array([-0.5, 0.5])[:, None, None]
    places = [
        (columns + sign * distance * way[0], rows + sign * distance * way[1])
        for sign, distance in zip((1, -1), steps, strict=True)
    ]
    height, width = inside.shape
    whole = np.all([(x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1) for x, y in places], axis=(0, 1))
    if not whole.any():
        return BorderStep(0.0, 0.0)
    return BorderStep(*(_mean_step(to_lab(picture[part]), places, whole) for picture in (result, photo)))


def _mean_step(lab: FloatArray, places: list[tuple[FloatArray, FloatArray]], whole: FloatArray) -> float:
    colors = [
        cv2.remap(lab, x[:, whole].astype(np.float32), y[:, whole].astype(np.float32), cv2.INTER_LINEAR).mean(axis=0)
        for x, y in places
    ]
    return float(np.linalg.norm(colors[0] - colors[1], axis=1).mean())


def to_lab(image: Image | FloatArray) -> FloatArray:
    """Convert RGB on 0 to 255 to CIE Lab, (H, W, 3) float32; values are clipped to 0 to 255 first."""
    return cv2.cvtColor(np.clip(image, 0, 255).astype(np.float32) * np.float32(1 / 255), cv2.COLOR_RGB2LAB)


def to_rgb(lab: FloatArray) -> FloatArray:
    """Convert CIE Lab to RGB on 0 to 255, (H, W, 3) float32."""
    return cv2.cvtColor(np.asarray(lab, np.float32), cv2.COLOR_LAB2RGB) * np.float32(255.0)


def blend(photo: Image, face: FloatArray, mask: FloatArray, ways: Sequence[str] = WAYS) -> tuple[Image, str]:
    """Blend a face into a photo the best of several ways.

    Args:
        photo: (H, W, 3) RGB uint8.
        face: (H, W, 3) RGB float32, 0 to 255, drawn a little beyond the mask too.
        mask: (H, W) float32 in [0, 1].
        ways: those to choose from, "poisson" and "multi-band".

    Returns:
        result: a new picture; bit-equal to the photo where the mask is 0.
        way: the one chosen.
    """
    makers = {"poisson": _poisson, "multi-band": _multi_band}
    made = {way: _mix(photo, makers[way](photo, face, mask), mask) for way in ways}
    chosen = min(made, key=lambda way: _fault(photo, made[way], face, mask)) if len(made) > 1 else next(iter(made))
    return made[chosen], chosen


def _fault(photo: Image, result: Image, face: FloatArray, mask: FloatArray) -> float:
    """Weigh a blended picture: its seam beyond what the photo shows there, and how far the inside lost its colour."""
    step = border_step(photo, result, mask)
    deep = mask > 0.95
    drift = 0.0
    if deep.any():
        difference = cv2.blur(to_lab(result) - to_lab(face), (5, 5))[deep]
        drift = float(np.linalg.norm(difference, axis=1).mean())
    return max(0.0, step.result - step.photo) + _DRIFT * drift


def _mix(photo: Image, face: FloatArray, mask: FloatArray) -> Image:
    # Full weight from half-way up the mask on: the blended picture has its own transition, the ramp only ends it.
    weight = np.clip(2.0 * mask, 0.0, 1.0)[..., None].astype(np.float32)
    result = photo.copy()
    mixed = photo * (1.0 - weight) + face * weight
    np.copyto(result, np.clip(np.rint(mixed), 0, 255).astype(np.uint8), where=(mask > 0)[..., None])
    return result


def _poisson(photo: Image, face: FloatArray, mask: FloatArray) -> FloatArray:
    height, width = mask.shape
    scale = min(1.0, math.sqrt(_SMALL_PIXELS / (width * height)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small_photo, small_face, small_mask = (
        cv2.resize(np.asarray(array, np.float32), size, interpolation=cv2.INTER_AREA) for array in (photo, face, mask)
    )
    correction = poisson_correction(small_photo, small_face, small_mask)
    return face + cv2.resize(correction, (width, height), interpolation=cv2.INTER_LINEAR)


def poisson_correction(photo: FloatArray, face: FloatArray, mask: FloatArray) -> FloatArray:
    """Give what Poisson blending adds to a face so that it meets the photo at the mask's border.

    Args:
        photo: (H, W, 3) float32, 0 to 255.
        face: the same.
        mask: (H, W); the border runs round what is above 0.

    Returns:
        (H, W, 3) float32.
    """
    # The solver needs photo on all sides of the mask, also where the face leaves the photo.
    shown, ground, inside = (
        cv2.copyMakeBorder(array, _FRAME, _FRAME, _FRAME, _FRAME, kind)
        for array, kind in (
            (np.clip(np.rint(face), 0, 255).astype(np.uint8), cv2.BORDER_REPLICATE),
            (np.clip(np.rint(photo), 0, 255).astype(np.uint8), cv2.BORDER_REPLICATE),
            ((mask > 0).astype(np.uint8) * 255, cv2.BORDER_CONSTANT),
        )
    )
    if not inside.any():
        return np.zeros_like(face)
    # The clone is placed by the centre of the mask's bounding rectangle, not of the picture.
    left, top, width, height = cv2.boundingRect(inside)
    clone = cv2.seamlessClone(shown, ground, inside, (left + width // 2, top + height // 2), cv2.NORMAL_CLONE)
    return (clone.astype(np.float32) - shown)[_FRAME:-_FRAME, _FRAME:-_FRAME]


def _multi_band(photo: Image, face: FloatArray, mask: FloatArray) -> FloatArray:
    """Blend the levels of Laplacian pyramids by the levels of the mask's Gaussian pyramid."""
    size = math.sqrt(max(float(np.count_nonzero(mask > 0)), 1.0))
    # The coarsest band passes over about an eighth of the face; wider ones would carry colours right across it.
    num_levels = max(1, int(math.log2(max(size / 8, 2.0))))
    weight = np.asarray(mask, np.float32)
    outer, inner = photo.astype(np.float32), np.asarray(face, np.float32)
    bands = []
    for _ in range(num_levels):
        if min(weight.shape) < 4:
            break
        smaller = [cv2.pyrDown(array, borderType=cv2.BORDER_REPLICATE) for array in (outer, inner, weight)]
        size_here = (weight.shape[1], weight.shape[0])
        detail_outer, detail_inner = (
            array - cv2.pyrUp(small, dstsize=size_here) for array, small in zip((outer, inner), smaller, strict=False)
        )
        bands.append(detail_outer + weight[..., None] * (detail_inner - detail_outer))
        outer, inner, weight = smaller
    result = outer + weight[..., None] * (inner - outer)
    for band in reversed(bands):
        result = cv2.pyrUp(result, dstsize=(band.shape[1], band.shape[0])) + band
    return result
