"""Flat tones of skin, hair and cloth, as pictures (H, W, 3) in RGB from 0 to 255."""

from __future__ import annotations

import cv2
import numpy as np

from ppgan_ext.faces.drawing.colours import Colour, Picture, lab_to_picture
from ppgan_ext.faces.drawing.flow import Map, blurred_along
from ppgan_ext.faces.drawing.head import Head
from ppgan_ext.faces.drawing.regions import Regions
from ppgan_ext.faces.landmarks import LEFT_BROW, LEFT_EYE, LIPS, NOSTRILS, RIGHT_BROW, RIGHT_EYE
from ppgan_ext.faces.mask import draw_part

# From which difference of light on a tone begins; what it changes in CIE Lab's L and in red.
_SKIN_STEPS = ((-26.0, -11.0, 3.0), (-12.0, -8.0, 2.5), (7.0, 4.0, -1.5))
_YELLOW = 0.4  # change of CIE Lab's b for that of a
# What casts no shade of its own on the skin: landmarks, and by how many units they are widened.
_FEATURES = (
    (RIGHT_EYE, 7), (LEFT_EYE, 7), (RIGHT_BROW, 6), (LEFT_BROW, 6), (LIPS, 3),
    (NOSTRILS, 4),
)  # fmt: skip
_CHEEKS = (([36, 41, 31, 48], -1.0), ([45, 46, 35, 54], 1.0))
_BLUSH = np.array((-2.0, 8.0, 2.0), np.float32)
_HAIR_SHARES = (0.30, 0.86)  # of hair that is darker than the shade's border, and than the shine's
_NUM_CLOTH = 4  # colours
_SHARPNESS = 10.0  # of the borders between them
_EVERY = 3  # of the pixels from which they are chosen


def skin_colour(tone: Colour) -> Colour:
    """Return the base colour of skin for the photo's, both CIE Lab: a little lighter and more colourful."""
    return np.array((min(tone[0] * 0.90 + 12.0, 88.0), 1.08 * tone[1] + 1.0, 1.08 * tone[2]), np.float32)


def skin_tones(head: Head, lab: Picture, regions: Regions) -> Picture:
    """Return tones by the light that falls on the skin, and a blush."""
    weight, unit = regions.skin.copy(), head.unit
    for points, width in _FEATURES:
        weight *= 1 - draw_part(head.landmarks[points], head.shape, width * unit)
    share = cv2.GaussianBlur(weight, (0, 0), 4.0 * unit)
    light = cv2.GaussianBlur(lab[..., 0] * weight, (0, 0), 4.0 * unit) / np.maximum(share, 1e-3)
    middle = np.median(light[weight > 0.5]) if (weight > 0.5).any() else regions.tone[0]
    known = np.clip(3 * share, 0, 1)
    tones = np.broadcast_to(skin_colour(regions.tone), lab.shape).copy()
    for begins, change, red in _SKIN_STEPS:
        beyond = (light - middle - begins) * np.sign(begins)
        tones += (np.clip(beyond / 2.0 + 0.5, 0, 1) * known)[..., None] * _step(change, red)
    for cheek, side in _CHEEKS:
        tones += _blush(head, head.landmarks[cheek].mean(axis=0) + np.array((7.0 * side, 4.0)) * unit)
    return lab_to_picture(tones)


def _step(change: float, red: float) -> Colour:
    return np.array((change, red, _YELLOW * red), np.float32)


def _blush(head: Head, centre: np.ndarray) -> Picture:
    """Return what a blush around a point changes in CIE Lab."""
    x = (np.arange(head.shape[1], dtype=np.float32) - np.float32(centre[0])) / np.float32(17 * head.unit)
    y = (np.arange(head.shape[0], dtype=np.float32) - np.float32(centre[1])) / np.float32(11 * head.unit)
    return np.asarray(np.exp(-0.5 * (x[None] ** 2 + y[:, None] ** 2))[..., None] * _BLUSH, np.float32)


def hair_tones(head: Head, lab: Picture, hair: Map, flow: Map) -> Picture:
    """Return three tones whose borders follow the strands."""
    # At half the size, since only slow changes are left.
    half = (max(1, head.shape[1] // 2), max(1, head.shape[0] // 2))
    light, coarse = (cv2.resize(part, half, interpolation=cv2.INTER_AREA) for part in (lab[..., 0], flow))
    light = blurred_along(cv2.GaussianBlur(light, (0, 0), 1.1 * head.unit), coarse, 6 * head.unit)
    light = cv2.resize(light, head.shape[::-1], interpolation=cv2.INTER_CUBIC)
    inside = hair > 0.6
    base = np.median(lab[inside], axis=0)
    base = np.array((np.clip(base[0] * 0.95 + 5, 14, 84), 1.15 * base[1], 1.15 * base[2]), np.float32)
    low, high = np.quantile(light[inside], _HAIR_SHARES)
    spread = max(float(high - low), 4.0)
    soft = max(1.0, 0.12 * spread)
    tones = np.broadcast_to(base, lab.shape).copy()
    dark, shine = (np.clip(beyond / soft + 0.5, 0, 1)[..., None] for beyond in (low - light, light - high))
    tones += dark * np.array((-min(10.0, 0.45 * base[0]), 1.0, 0.0), np.float32)
    tones += shine * np.array((min(5 + 0.5 * spread, 15.0), 0.0, 2.0), np.float32)
    return lab_to_picture(tones)


def cloth_tones(head: Head, lab: Picture, cloth: Map) -> Picture:
    """Return the few colours that come nearest to those of what is neither skin nor hair."""
    smooth = cv2.GaussianBlur(lab, (0, 0), 2.0 * head.unit)
    samples = np.ascontiguousarray(smooth[cloth > 0.5][::_EVERY], np.float32)
    count = min(_NUM_CLOTH, len(samples))
    if count == 0:
        return lab_to_picture(smooth)
    cv2.setRNGSeed(0)  # same photo, same bytes
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    _, _, centres = cv2.kmeans(samples, count, None, criteria, 2, cv2.KMEANS_PP_CENTERS)
    apart = np.stack([np.square(smooth - centre) @ np.ones(3, np.float32) for centre in centres])
    nearest = np.argmin(apart, axis=0)
    shares = np.stack(
        [cv2.GaussianBlur((nearest == i).astype(np.float32), (0, 0), 2.0 * head.unit) for i in range(count)]
    )
    shares = np.exp(_SHARPNESS * (shares - shares.max(axis=0)))
    flat = np.tensordot(shares / shares.sum(axis=0), centres, (0, 0))
    return lab_to_picture(flat * np.array((0.94, 1.15, 1.15)) + np.array((5.0, 0, 0)))
