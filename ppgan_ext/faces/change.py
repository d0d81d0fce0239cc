"""What an edit changes in a face: a motion, and a factor of light and colour.

The reconstruction and the edited face come from one generator, so they differ by the edit alone. The motion is removed
first (`motion`); what remains is the ratio of their linear light. The ratio is limited, since a small generator paints
(black lashes, hollow cheeks), and its colour is smooth and limited more, since skin keeps its hue. It does not hold
everywhere. Eyeballs keep the photo's light and colour. Beyond the edited face's outline lie the generator's background
and hair, which the photo does not take. And where a mouth opens, the photo has nothing to multiply: there the
generator's mouth is drawn, in the photo's light.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from ppgan_ext.faces.landmarks import INNER_LIPS, LEFT_EYE, LIPS, RIGHT_EYE
from ppgan_ext.faces.light import LUMINANCE, color_share, log_color, log_luminance, luminance, match_light, to_linear
from ppgan_ext.faces.mask import WITH_RIM, draw_part, face_mask
from ppgan_ext.faces.motion import GRID, estimate_motion, landmark_motion, move, steepness
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.warp import warp
from ppgan_ext.types import FloatArray


class _Limits(NamedTuple):
    """The largest logarithms of the factors of luminance, down and up, and of colour."""

    darker: float
    lighter: float
    color: float


_SKIN = _Limits(darker=0.65, lighter=0.5, color=0.15)
_LIPS = _Limits(darker=0.7, lighter=0.6, color=0.08)  # shadows come and go as they part
_LIDS = _Limits(darker=0.4, lighter=0.4, color=0.06)  # no make-up
_FLOOR = 0.03  # of the median luminance: pupils and nostrils hold noise, not light
# Lengths are shares of the face's size.
_LIPS_WIDER, _LIDS_WIDER = 0.02, 0.1
_EDGE = 0.012
_LIDS_EDGE = 0.05
_COLOR_SOFT = 0.035
_OPENS = (0.02, 0.06)  # gap between the lips from which on, and at which, a mouth is open
# Change of log light inside lips that open: none of it, and all. Where a beard was taken for a lip, little changes.
_NEW_INSIDE = (0.3, 0.5)
_TEETH_STAY = 0.7
_STEEPEST = 0.65  # largest change of the motion per pixel of its grid: skin would be stretched, from 1 on folded
_UPPER_LIP, _LOWER_LIP = (61, 62, 63), (67, 66, 65)


class Edit(NamedTuple):
    """An edit in the generator's square, all pictures (N, N, 3) RGB float32, 0 to 255.

    Attributes:
        photo: the crop of the photo.
        before: the generator's picture of it.
        after: the generator's picture after the edit.
        landmarks: (68, 2), pixels of the square, in the photo.
        seen: the landmarks that a predictor sees in ``before`` and in ``after``, (68, 2) each; None if it sees no face.
    """

    photo: FloatArray
    before: FloatArray
    after: FloatArray
    landmarks: FloatArray
    seen: tuple[FloatArray, FloatArray] | None

    @property
    def edited_landmarks(self) -> FloatArray | None:
        """The places of the photo's landmarks after the edit, (68, 2); None if unknown."""
        return None if self.seen is None else self.landmarks + self.seen[1] - self.seen[0]


class Change(NamedTuple):
    """What an edit changes, in the generator's square.

    Attributes:
        motion: (GRID, GRID, 2), shares of the side; see `motion.estimate_motion`.
        log_factor: (N, N, 3), natural logarithm of the factor of linear light, after the motion.
        mouth: (N, N, 3), linear light of what is drawn where a mouth opens, and (N, N), its weight; None if none does.
    """

    motion: FloatArray
    log_factor: FloatArray
    mouth: tuple[FloatArray, FloatArray] | None


def describe_change(edit: Edit, fade: FloatArray) -> Change:
    """Separate an edit into a motion and a factor.

    The motion fades out with the mask, for the photo and for the reconstruction that is compared: half-way out, half
    the motion is applied to both, instead of mixing two half-transparent faces.

    Args:
        edit: the pictures, N at least GRID.
        fade: (GRID, GRID) in [0, 1], the mask.
    """
    num = edit.before.shape[0]
    edited = edit.edited_landmarks
    rough = None if edited is None else landmark_motion(edit.landmarks, edited, num)
    motion = estimate_motion(edit.before, edit.after, rough) * np.clip(fade, 0.0, 1.0)[..., None]
    motion *= np.float32(min(1.0, _STEEPEST / max(steepness(motion) * GRID, 1e-6)))
    in_pixels = cv2.resize(motion, (num, num), interpolation=cv2.INTER_LINEAR) * num
    still_before = to_linear(edit.before)
    inside = face_mask(edit.landmarks, edit.before.shape, feather=0.1)
    median = max(float(np.median(luminance(still_before)[inside > 0.5])), 1e-4) if (inside > 0.5).any() else 1.0
    photo = to_linear(edit.photo)
    share = color_share(photo, still_before, inside)
    before, after = move(still_before, in_pixels), to_linear(edit.after)
    size = face_size(edit.landmarks)
    lips, lids = _lips_and_lids(edit, in_pixels, size)
    light = _limit_light(log_luminance(after, median, _FLOOR) - log_luminance(before, median, _FLOOR), lips, lids)
    color = log_color(after, median) - log_color(before, median)
    smooth = cv2.GaussianBlur(color, (0, 0), _COLOR_SOFT * size)
    color = _limit_color(smooth + lips[..., None] * (color - smooth), lips, lids) * np.float32(share)
    keep = _kept(edit, in_pixels, size)
    log_factor = (light[..., None] + color) * keep[..., None]
    return Change(motion, log_factor, _opened_mouth(edit, (photo, still_before, after), in_pixels, inside, share))


def _lips_and_lids(edit: Edit, motion: FloatArray, size: float) -> tuple[FloatArray, FloatArray]:
    """Return the weights of the lips and of the skin around the eyes, (N, N) each, after the motion."""
    shape = edit.before.shape
    lips = move(draw_part(edit.landmarks[LIPS], shape, _LIPS_WIDER * size), motion)
    lids = [move(draw_part(edit.landmarks[eye], shape, _LIDS_WIDER * size), motion) for eye in (RIGHT_EYE, LEFT_EYE)]
    return _soft(lips, _EDGE * size), _soft(np.maximum(*lids), _LIDS_EDGE * size)


def _soft(mask: FloatArray, sigma: float) -> FloatArray:
    return np.clip(cv2.GaussianBlur(mask, (0, 0), sigma), 0.0, 1.0)


def _limit_light(light: FloatArray, lips: FloatArray, lids: FloatArray) -> FloatArray:
    darker, lighter = (
        skin + (of_lips - skin) * lips + (of_lids - skin) * lids
        for skin, of_lips, of_lids in zip(_SKIN[:2], _LIPS[:2], _LIDS[:2], strict=True)
    )
    limit = np.where(light < 0, darker, lighter)
    return limit * np.tanh(light / limit)


def _limit_color(color: FloatArray, lips: FloatArray, lids: FloatArray) -> FloatArray:
    """Limit a change of colour, (N, N, 3), without a change of hue or luminance."""
    color = color - (color @ LUMINANCE)[..., None]
    length = np.sqrt(np.square(color).sum(axis=2)) + np.float32(1e-6)
    limit = _SKIN.color + (_LIPS.color - _SKIN.color) * lips + (_LIDS.color - _SKIN.color) * lids
    return color * (limit * np.tanh(length / limit) / length)[..., None]


def _kept(edit: Edit, motion: FloatArray, size: float) -> FloatArray:
    """Return where the factor holds, (N, N): not on eyeballs, little on teeth, not beyond the edited face's outline."""
    shape = edit.before.shape
    keep = np.ones(shape[:2], np.float32)
    for eye in (RIGHT_EYE, LEFT_EYE):
        opening = draw_part(edit.landmarks[eye], shape, WITH_RIM)
        keep = np.minimum(keep, 1.0 - _soft(move(opening, motion), _EDGE * size))
    if _gap(edit.landmarks) > _OPENS[0] * size:
        teeth = _soft(move(draw_part(edit.landmarks[INNER_LIPS], shape, WITH_RIM), motion), _EDGE * size)
        keep = np.minimum(keep, 1.0 - np.float32(_TEETH_STAY) * teeth)
    edited = edit.edited_landmarks
    if edited is not None:
        # The photo's own outline fades out elsewhere; the smaller of the two weights holds.
        own_face, edited_face = (face_mask(points, shape) for points in (edit.landmarks, edited))
        keep = keep * np.clip(edited_face / np.maximum(own_face, np.float32(1e-3)), 0.0, 1.0)
    return keep


def _opened_mouth(
    edit: Edit, lights: tuple[FloatArray, FloatArray, FloatArray], motion: FloatArray, inside: FloatArray, share: float
) -> tuple[FloatArray, FloatArray] | None:
    """Return the generator's mouth in the photo's light where the edit parts the lips, and its weight."""
    edited = edit.edited_landmarks
    if edit.seen is None or edited is None:
        return None
    size = face_size(edit.landmarks)
    gap, gap_before = _gap(edited) / size, _gap(edit.landmarks) / size
    photo, before, after = lights
    shape = edit.before.shape
    strength = _rise(gap - gap_before) * _new_inside(before, after, draw_part(edited[INNER_LIPS], shape, WITH_RIM))
    if strength == 0.0:
        return None
    weight = _soft(draw_part(edited[INNER_LIPS], shape, _EDGE * size), _EDGE * size) * np.float32(strength)
    if gap_before > _OPENS[0]:  # what the photo shows between open lips stays
        shown = _soft(move(draw_part(edit.landmarks[INNER_LIPS], shape, WITH_RIM), motion), _EDGE * size)
        weight *= 1.0 - np.float32(_rise(gap_before)) * shown
    # The generator's mouth lies a little beside the photo's.
    x, y = (edit.landmarks - edit.seen[0])[INNER_LIPS].mean(axis=0)
    drawn = match_light(after, photo, before, inside, share)
    return warp(drawn, np.array([[1.0, 0.0, x], [0.0, 1.0, y]]), shape[1::-1]), weight


def _new_inside(before: FloatArray, after: FloatArray, inside: FloatArray) -> float:
    """Return how far the light inside the lips has changed, 0 to 1."""
    where = inside > 0.5
    if not where.any():
        return 0.0
    median = max(float(np.median(luminance(before))), 1e-4)
    change = log_luminance(after, median, _FLOOR)[where] - log_luminance(before, median, _FLOOR)[where]
    none, full = _NEW_INSIDE
    return float(np.clip((np.abs(change).mean() - none) / (full - none), 0.0, 1.0))


def _rise(gap: float) -> float:
    return float(np.clip((gap - _OPENS[0]) / (_OPENS[1] - _OPENS[0]), 0.0, 1.0))


def _gap(points: FloatArray) -> float:
    """Return the distance between the lips."""
    return float(np.linalg.norm(points[list(_LOWER_LIP)] - points[list(_UPPER_LIP)], axis=1).mean())
