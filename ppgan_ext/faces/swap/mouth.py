"""The mouth of a swapped face opens as the photo's does, with teeth from whoever shows them.

An open mouth that is drawn from a shut one shows the photo's teeth. A shut mouth that is drawn from an open one keeps
the person's lips, but where they meet it is the photo's: the person's photo shows teeth there, or the dark behind them.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.color import to_lab
from ppgan_ext.faces.landmarks import INNER_LIPS, LIPS, NUM_LANDMARKS
from ppgan_ext.faces.light import LUMINANCE, luminance, to_linear, to_srgb
from ppgan_ext.faces.mask import WITH_RIM, draw_part
from ppgan_ext.faces.skin import face_size
from ppgan_ext.faces.swap.head_shape import head_of
from ppgan_ext.types import FloatArray, Image

_UPPER, _LOWER = [60, 61, 62, 63, 64], [60, 67, 66, 65, 64]  # inner lips, from corner to corner
# Areas between the lips below which a mouth is shut, and above which it is open, as shares of the squared face size.
PARTED = _SHUT, _OPEN = 0.001, 0.004
_SURELY_OPEN = 0.0135  # area above which landmarks are believed that lips are parted
# Share of what lies between the lips that is less red than they are: lips, and teeth. Of the portraits, 15 shut mouths
# that the landmarks part have 0.04 to 0.34 and one 0.44, and open mouths 0.40 and more.
_LESS_RED = (0.3, 0.42)
_REDNESS = 6.0  # what is less red than lips by so much of CIE a* is none
_LIPS_LEVEL = 0.15  # luminance to which lips are brought, so that this holds in any light
_COLORLESS = 4.0  # chroma of lips up to which a photo is grey, and colour tells nothing
# The weight of the photo's teeth is the second minus the first times the share of the opening that the person's photo
# shows: 1 where teeth would be stretched to twice their height or more, and 0 up to one and a half.
_STRETCHED = (6.0, 4.0)
_RELAXED = 0.12  # log of the width that a mouth loses when a smile is taken back
_EDGE = 0.01  # width of soft edges, as a share of the face's size
_LINE = 0.35  # half the width of the band in which lips meet, as a share of their thickness
_LIPS_END = (0.75, 1.0)  # distance from that line, as a share of the thickness, over which lips are the person's again
# Luminance of what is no lip, teeth or the dark behind them, as a share of the lips'.
_DARK, _BRIGHT = (0.45, 0.6), (1.5, 1.9)
# The line where lips meet gleams where it is brighter than this quantile of the person's lips. Of the excess, in log
# light, this share is taken away; and over so much of it the line takes the colour of their lips, by half at most.
_BRIGHTEST, _DULLED, _GLEAMS = 0.9, 0.9, 0.6
_FEW = 30  # pixels of lips, of which something is known
_FLOOR = 1e-3  # of linear light, added before logarithms


def opening(landmarks: FloatArray) -> float:
    """Return the area between the lips of a face (68 or more, 2), as a share of its squared size."""
    inner = np.asarray(landmarks[INNER_LIPS], np.float32)
    return float(cv2.contourArea(inner)) / face_size(landmarks[:NUM_LANDMARKS]) ** 2


def true_lips(picture: Image, landmarks: FloatArray) -> FloatArray:
    """Return landmarks (68, 2) whose lips are shut where the picture shows lips between them.

    The predictor parts full lips that are shut. Teeth, and the dark behind them, are less red than lips.

    Args:
        picture: (H, W, 3) RGB uint8.
        landmarks: (68, 2) in it.
    """
    if not _SHUT < opening(landmarks) < _SURELY_OPEN:
        return landmarks
    less_red = _less_red_inside(picture, landmarks)
    if less_red is None:
        return landmarks
    points = landmarks.copy()
    for pair in ([61, 67], [62, 66], [63, 65]):
        middle = points[pair].mean(axis=0)
        points[pair] = middle + float(_rise(less_red, *_LESS_RED)) * (points[pair] - middle)
    return points


def _less_red_inside(picture: Image, landmarks: FloatArray) -> float | None:
    """Return the share of what is between the lips that is less red than they are; None where colours tell nothing."""
    size = face_size(landmarks)
    lips = landmarks[LIPS]
    low = np.maximum(np.floor(lips.min(axis=0) - 0.05 * size).astype(int), 0)
    high = np.maximum(np.ceil(lips.max(axis=0) + 0.05 * size).astype(int), low + 1)
    part = picture[low[1] : high[1], low[0] : high[0]]
    if not part.size:
        return None
    inside, outside = (np.zeros(part.shape[:2], np.uint8) for _ in range(2))
    for drawn, points in ((inside, landmarks[INNER_LIPS]), (outside, lips)):
        cv2.fillPoly(drawn, [np.rint((points - low) * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
    side = 2 * round(_EDGE * size) + 1
    kernel = np.ones((side, side), np.uint8)
    ring = (cv2.erode(outside, kernel) > 0) & (cv2.dilate(inside, kernel) == 0)
    if min(np.count_nonzero(ring), np.count_nonzero(inside)) < _FEW:
        return None
    light = to_linear(part.astype(np.float32))
    level = max(float(np.median(luminance(light)[ring])), 1e-4)
    lab = to_lab(to_srgb(light * np.float32(_LIPS_LEVEL / level)))
    of_lips = np.median(lab[ring], axis=0)
    if float(np.hypot(*of_lips[1:])) < _COLORLESS:
        return None
    return float((lab[..., 1][inside > 0] < of_lips[1] - _REDNESS).mean())


def unseen_inside(picture: FloatArray, drawn: FloatArray, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Draw the inside of an open mouth, weighted by how far the picture's is shut: a shut mouth shows no teeth.

    Args:
        picture: (68 or more, 2), the face's landmarks in the picture.
        drawn: (68 or more, 2), where they are drawn.
        size: (width, height) of the result.

    Returns:
        (height, width) in [0, 1].
    """
    wanted = opening(drawn)
    mouth = np.zeros((size[1], size[0]), np.float32)
    shut = float(np.clip(_STRETCHED[1] - _STRETCHED[0] * opening(picture) / max(wanted, 1e-6), 0.0, 1.0))
    if wanted < _OPEN or not shut:
        return mouth
    cv2.fillPoly(mouth, [np.rint(drawn[INNER_LIPS] * 16).astype(np.int32)], shut, cv2.LINE_8, 4)
    return cv2.GaussianBlur(mouth, (0, 0), max(0.5, _EDGE * face_size(drawn[:NUM_LANDMARKS])))


def closed_share(picture: FloatArray, drawn: FloatArray) -> float:
    """Return how far an open mouth is drawn shut, 0 to 1, of landmarks (68 or more, 2)."""
    was, now = opening(picture), opening(drawn)
    is_shut = (_OPEN - now) / (_OPEN - _SHUT)
    return float(np.clip(is_shut, 0.0, 1.0) * np.clip((was - now) / _OPEN, 0.0, 1.0))


def relaxed_share(picture: FloatArray, drawn: FloatArray) -> float:
    """Return how far a smile is taken back, 0 to 1: how much narrower a mouth is drawn, landmarks (68 or more, 2)."""
    was, now = (head_of(points[:NUM_LANDMARKS]) for points in (picture, drawn))
    narrower = np.log(max(_width(was), 1.0) / max(_width(now), 1.0))
    return float(np.clip(narrower / _RELAXED, 0.0, 1.0))


def _width(head: FloatArray) -> float:
    return float(head[54, 0] - head[48, 0])


def close_lips(face: FloatArray, photo: FloatArray, landmarks: FloatArray, share: float) -> FloatArray:
    """Let lips meet as the photo's do.

    In a band about the line between the lips, and wherever else teeth or the dark behind them are left, the face
    becomes the photo, in the tone of the face's lips.

    Args:
        face: (H, W, 3) RGB float32, 0 to 255, in the photo's light.
        photo: (H, W, 3) RGB, the photo with the same landmarks.
        landmarks: (68, 2) of both.
        share: how far this is done, from `closed_share`.

    Returns:
        (H, W, 3) RGB float32.
    """
    if share <= 0.0:
        return face
    lips = draw_part(landmarks[LIPS], face.shape, WITH_RIM) > 0
    distance = _distance_from_line(landmarks, face.shape)
    thickness = max(2.0, float(lips.sum()) / (2.0 * float(np.ptp(landmarks[LIPS, 0])) + 1e-6))
    apart = distance / np.float32(thickness)
    bare = lips & (apart > _LINE) & (apart < 1.0)
    if np.count_nonzero(bare) < _FEW:
        return face
    lights = [to_linear(np.asarray(picture, np.float32)) for picture in (face, photo)]
    level = np.median(luminance(lights[0])[bare])
    brightness = luminance(lights[0]) / max(float(level), 1e-5)
    foreign = np.maximum(_rise(brightness, *_BRIGHT), 1.0 - _rise(brightness, *_DARK))
    soft = max(0.5, _EDGE * face_size(landmarks))
    side = 2 * round(soft) + 1
    foreign = cv2.dilate(foreign.astype(np.float32), np.ones((side, side), np.uint8))
    meeting = 1.0 - _rise(apart, 0.6 * _LINE, 1.4 * _LINE)
    # Beside the corners lips are thinner than the soft edge.
    meeting = np.maximum(
        meeting * draw_part(landmarks[LIPS], face.shape, soft),
        foreign * (1.0 - _rise(apart, *_LIPS_END)) * lips,
    )
    weight = cv2.GaussianBlur(meeting.astype(np.float32), (0, 0), soft) * np.float32(share)
    values = [np.log(light + np.float32(_FLOOR)) for light in lights]
    own = bare & (foreign < 0.5)
    own = own if np.count_nonzero(own) >= _FEW else bare
    tone = _lip_tone(values[0], own) - _lip_tone(values[1], bare)
    fill = values[1] + tone
    # Dark lips that are made pale would gleam where the light falls on them.
    brightest = float(np.quantile(luminance(lights[0])[bare], _BRIGHTEST))
    over = np.maximum(np.log(luminance(np.exp(fill)) / np.float32(brightest + _FLOOR)), 0.0)
    gleam = np.clip(over / _GLEAMS, 0.0, 0.5)[..., None] * _color(_lip_tone(values[0], own) - fill)
    fill = to_srgb(np.exp(fill + gleam - np.float32(_DULLED) * over[..., None]) - np.float32(_FLOOR))
    return np.asarray(face + weight[..., None] * (fill - face), np.float32)


def _distance_from_line(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return the distance of each pixel, (H, W), from the line where the lips meet, in pixels."""
    line = (landmarks[_UPPER] + landmarks[_LOWER]) / 2.0
    away = np.full(shape[:2], 255, np.uint8)
    cv2.polylines(away, [np.rint(line * 16).astype(np.int32)], False, 0, 1, cv2.LINE_8, 4)
    return cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _lip_tone(values: FloatArray, where: npt.NDArray[np.bool_]) -> FloatArray:
    return np.median(values[where], axis=0).astype(np.float32)


def _color(values: FloatArray) -> FloatArray:
    """Return what is colour in differences of log light, (H, W, 3)."""
    return np.asarray(values - (values @ LUMINANCE)[..., None])


def _rise(values: npt.ArrayLike, low: float, high: float) -> FloatArray:
    return np.clip((np.asarray(values, np.float32) - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
