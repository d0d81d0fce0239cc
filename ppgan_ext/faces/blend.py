"""Blend one picture into another within a mask, without a visible seam and without changing pixels outside.

There are two methods. Poisson blending keeps the gradients of the inner picture and the border of the outer one (Perez
et al., SIGGRAPH 2003); multi-band blending mixes each frequency band over its own width (Burt and Adelson, ACM TOG
1983). Poisson leaves no step at all, but spreads the colours under the border (hair, a collar) into the face: it serves
where the inner picture is the same face, edited, and multi-band blending where it is another person's.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from ppgan_ext.faces.color import to_lab
from ppgan_ext.types import FloatArray, Image

_FRAME = 2
_REACH = 0.03  # distance from the border up to which colours are compared, as a share of the mask's size


class BorderStep(NamedTuple):
    """Mean colour steps across a mask's border, CIE76 differences in Lab.

    Attributes:
        result: in the blended picture.
        photo: at the same positions of the original photo, from edges that were there already.
    """

    result: float
    photo: float


def border_step(photo: Image, result: Image, mask: FloatArray) -> BorderStep:
    """Measure the seam of a blended picture.

    The border is the line where the mask crosses one half, without the parts where the mask leaves the picture. At each
    of its pixels the mean colour just inside is compared with the mean colour just outside, up to 3% of the mask's size
    away.

    Args:
        photo: (H, W, 3) RGB uint8, before blending.
        result: (H, W, 3) RGB uint8, after blending.
        mask: (H, W) in [0, 1].

    Returns:
        The steps; 0 if the mask has no border inside the picture.
    """
    inside = (np.asarray(mask) > 0.5).astype(np.uint8)
    left, top, width, height = cv2.boundingRect(inside)
    size = math.sqrt(max(float(np.count_nonzero(inside)), 1.0))
    reach = max(2, round(_REACH * size))
    margin = 2 * reach + 2
    part = np.s_[max(0, top - margin) : top + height + margin, max(0, left - margin) : left + width + margin]
    inside = inside[part]
    # The signed distance to the border; its gradient points inwards.
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    depth = depth - cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    smooth = cv2.GaussianBlur(depth, (0, 0), reach / 2, borderType=cv2.BORDER_REPLICATE)
    rows, columns = np.nonzero((depth > 0) & (depth <= 1.0))
    inward = np.stack(
        [cv2.Sobel(smooth, cv2.CV_32F, 1, 0)[rows, columns], cv2.Sobel(smooth, cv2.CV_32F, 0, 1)[rows, columns]]
    )
    inward = inward / np.maximum(np.hypot(*inward), 1e-6)
    # The border runs half a pixel outside its pixels' centres; one pixel away from it the two sides are unmixed.
    steps = np.arange(1, reach + 1)[:, None] + np.array([-0.5, 0.5])[:, None, None]
    places = [
        (columns + sign * distance * inward[0], rows + sign * distance * inward[1])
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


def blend(photo: Image, face: FloatArray, mask: FloatArray) -> Image:
    """Blend a face into a photo by multi-band blending.

    Args:
        photo: (H, W, 3) RGB uint8.
        face: (H, W, 3) RGB float32, 0 to 255, valid a little beyond the mask too.
        mask: (H, W) float32 in [0, 1].

    Returns:
        A new picture, (H, W, 3) uint8, bit-equal to the photo where the mask is 0.
    """
    # Full weight from mask 0.5 on: the blended picture has its own transition, and the ramp only ends it.
    weight = np.clip(2.0 * mask, 0.0, 1.0)[..., None].astype(np.float32)
    result = photo.copy()
    mixed = photo * (1.0 - weight) + _multi_band(photo, face, mask) * weight
    np.copyto(result, np.clip(np.rint(mixed), 0, 255).astype(np.uint8), where=(mask > 0)[..., None])
    return result


def poisson_correction(photo: FloatArray, face: FloatArray, mask: FloatArray) -> FloatArray:
    """Return the correction that Poisson blending adds to a face so that it meets the photo at the mask's border.

    Args:
        photo: (H, W, 3) float32, 0 to 255.
        face: (H, W, 3) float32, 0 to 255.
        mask: (H, W); the border encloses all pixels above 0.

    Returns:
        (H, W, 3) float32.
    """
    # The solver needs the photo on all sides of the mask, even if the face leaves the photo.
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
    # seamlessClone takes the centre of the mask's bounding rectangle, not of the picture.
    left, top, width, height = cv2.boundingRect(inside)
    clone = cv2.seamlessClone(shown, ground, inside, (left + width // 2, top + height // 2), cv2.NORMAL_CLONE)
    return (clone.astype(np.float32) - shown)[_FRAME:-_FRAME, _FRAME:-_FRAME]


def _multi_band(photo: Image, face: FloatArray, mask: FloatArray) -> FloatArray:
    """Blend the levels of Laplacian pyramids with the levels of the mask's Gaussian pyramid."""
    size = math.sqrt(max(float(np.count_nonzero(mask > 0)), 1.0))
    # The coarsest band mixes over about an eighth of the face; wider ones would spread colours right across it.
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
