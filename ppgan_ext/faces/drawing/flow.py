"""Lines along the flow of a picture: Kang, Lee and Chui, Coherent Line Drawing (NPAR 2007)."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.ramps import smooth_step

Map = npt.NDArray[np.float32]

_WIDER = 1.6  # the wider Gaussian of the difference, which makes it like a Laplacian (Kang et al., Eq. 8)


def tangents(light: Map, sigma: float) -> Map:
    """Return the direction of the edges at each pixel, (H, W, 2) unit vectors (x, y), of either sign.

    It is the eigenvector of the smaller eigenvalue of the structure tensor, blurred by a Gaussian, in place of Kang's
    iterated vote.
    """
    dx, dy = (cv2.Sobel(light, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), sigma) for product in (dx * dx, dy * dy, dx * dy))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.float32(np.pi / 2)
    return np.stack([np.cos(angle), np.sin(angle)], axis=2).astype(np.float32)


def blurred_along(values: Map, flow: Map, sigma: float) -> Map:
    """Blur a map (H, W) by a Gaussian along the flow (H, W, 2), which is followed in steps of a pixel."""
    total, weight = values.copy(), np.float32(1)
    y, x = np.mgrid[: values.shape[0], : values.shape[1]].astype(np.float32)
    for sign in (1.0, -1.0):
        at_x, at_y = x, y
        right, down = (np.float32(sign) * flow[..., i] for i in (0, 1))
        for step in range(1, int(np.ceil(2 * sigma)) + 1):
            at_x, at_y = at_x + right, at_y + down
            here = cv2.remap(flow, at_x, at_y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
            # A direction has no sign: go on in the one that turns less.
            same = np.copysign(np.float32(1), here[..., 0] * right + here[..., 1] * down)
            right, down = same * here[..., 0], same * here[..., 1]
            share = np.float32(np.exp(-0.5 * (step / sigma) ** 2))
            total += share * cv2.remap(values, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            weight += share
    return np.asarray(total / weight, np.float32)


def dark_lines(light: Map, flow: Map, sigma: float, length: float, threshold: float, rise: float) -> Map:
    """Draw dark lines and the dark sides of edges, (H, W) in [0, 1].

    Args:
        light: (H, W), logarithm of the lightness.
        flow: its `tangents`.
        sigma: of the narrower Gaussian, about half a line's width in pixels.
        length: deviation of the Gaussian along the flow, in pixels.
        threshold: difference from the surroundings from which on a line is drawn.
        rise: further difference up to which it becomes full.
    """
    difference = cv2.GaussianBlur(light, (0, 0), _WIDER * sigma) - cv2.GaussianBlur(light, (0, 0), sigma)
    coherent = blurred_along(np.asarray(difference, np.float32), flow, length)
    share = np.clip((coherent - threshold) / rise, 0.0, 1.0)
    return np.asarray(smooth_step(share), np.float32)
