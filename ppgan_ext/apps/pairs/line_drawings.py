"""Drawings after photos by plain arithmetic: edges, pencil-like lines, the lines of a face's landmarks."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import NoFaceError
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.types import Image

_WHITE = 255
_DARK = 16  # added to both levels whose ratio makes a line, so that noise in the dark makes none
# First landmark, last landmark, whether the line is closed: jaw, brows, nose, eyes, lips (iBUG's 68 points).
_LINES = (
    (0, 16, False), (17, 21, False), (22, 26, False), (27, 30, False), (31, 35, False),
    (36, 41, True), (42, 47, True), (48, 59, True), (60, 67, True),
)  # fmt: skip
_FIXED_POINT = 4  # binary digits after the point in OpenCV's coordinates


def draw_edges(image: Image) -> Image:
    """Draw Canny's edges black on white; its thresholds follow the strength of the picture's own gradients."""
    grey = cv2.GaussianBlur(_grey(image), (0, 0), _scale(image))
    gradient = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    high = float(np.quantile(gradient, 0.92))
    return _colours(_WHITE - cv2.Canny(grey, 0.4 * high, high, L2gradient=True))


def draw_sketch(image: Image) -> Image:
    """Draw lines like a pencil's: the picture divided by its blurred self, so that only local contrast remains."""
    grey = _grey(image).astype(np.float32)
    base = cv2.GaussianBlur(grey, (0, 0), 4 * _scale(image))
    lines = np.clip((grey + _DARK) / (base + _DARK), 0, 1)
    # Paper is white where the picture is flat; the exponent darkens faint lines.
    return _colours(np.rint(_WHITE * lines**3).astype(np.uint8))


def draw_landmarks(image: Image) -> Image:
    """Draw the outlines of the largest face, its brows, nose, eyes and lips, black on white.

    Raises:
        NoFaceError: no face was found.
    """
    face = next(iter(find_faces(image)), None)
    if face is None:
        raise NoFaceError("no face was found", cure="Leave the picture out, or use --draw edges")
    canvas = np.full(image.shape[:2], _WHITE, np.uint8)
    thickness = max(1, round(_scale(image)))
    points = np.rint(face.landmarks * 2**_FIXED_POINT).astype(np.int32)
    for first, last, closed in _LINES:
        line = points[first : last + 1].reshape(-1, 1, 2)
        cv2.polylines(canvas, [line], closed, 0, thickness, cv2.LINE_AA, _FIXED_POINT)
    return _colours(canvas)


DRAWINGS = {"edges": draw_edges, "sketch": draw_sketch, "landmarks": draw_landmarks}
"""Name in ``--draw`` -> function of an image (H, W, 3) that returns a drawing of the same size."""


def _grey(image: Image) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


def _scale(image: Image) -> float:
    """Return the width of a fine line, which is a pixel at 200 px."""
    return max(min(image.shape[:2]) / 200, 0.8)


def _colours(grey: npt.NDArray[np.uint8]) -> Image:
    return np.repeat(grey[:, :, None], 3, axis=2)
