"""The numbered preview, which shows the number of each face."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ppgan_ext.types import Face, Image

# The preview's longer side: small photos are enlarged and huge ones shrunk, so that the numbers are legible.
_MIN_SIDE, _MAX_SIDE = 640, 1600
_COLORS = ((255, 196, 0), (0, 200, 255), (255, 110, 180), (120, 230, 90), (190, 140, 255), (255, 130, 60))
_FONT = cv2.FONT_HERSHEY_DUPLEX


def numbered_preview(image: Image, faces: Sequence[Face]) -> Image:
    """Draw boxes and numbers on a photo; `detect.choose` takes the same numbers.

    Args:
        image: the photo, (H, W, 3).
        faces: in the order of `find_faces`; the first gets number 1.

    Returns:
        (h, w, 3) uint8 with the photo's proportions, its longer side between 640 and 1600 pixels.
    """
    height, width = image.shape[:2]
    scale = min(max(1.0, _MIN_SIDE / max(height, width)), _MAX_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    preview = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    thickness = max(2, round(max(size) / 400))
    # Last to first, so that the largest face's number is never covered.
    for number in range(len(faces), 0, -1):
        box = faces[number - 1].box
        corners = np.array([[box.left, box.top], [box.right, box.bottom]]) * np.array(size) / (width, height)
        (left, top), (right, bottom) = np.rint(corners).astype(int).tolist()
        color = _COLORS[(number - 1) % len(_COLORS)]
        cv2.rectangle(preview, (left, top), (right, bottom), (0, 0, 0), thickness + 2)
        cv2.rectangle(preview, (left, top), (right, bottom), color, thickness)
        _draw_label(preview, str(number), (left, top, right - left), color)
    return preview


def _draw_label(preview: Image, text: str, place: tuple[int, int, int], color: tuple[int, int, int]) -> None:
    """Write a number on a plate at the box's upper left corner, moved inside the picture if it would stick out."""
    left, top, box_width = place
    height = max(18, min(box_width // 4, max(preview.shape[:2]) // 16))
    font_scale = cv2.getFontScaleFromHeight(_FONT, round(height * 0.7), 1)
    stroke = max(1, height // 14)
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, font_scale, stroke)
    width = text_width + height // 2
    left = min(max(left, 0), max(preview.shape[1] - width, 0))
    top = min(max(top - height, 0), max(preview.shape[0] - height, 0))
    cv2.rectangle(preview, (left, top), (left + width, top + height), color, cv2.FILLED)
    origin = (left + (width - text_width) // 2, top + (height + text_height) // 2)
    cv2.putText(preview, text, origin, _FONT, font_scale, (0, 0, 0), stroke, cv2.LINE_AA)
