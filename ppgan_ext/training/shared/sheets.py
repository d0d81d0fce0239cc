"""Sheets of pictures: one row for each photo, one labelled column for each kind of picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from ppgan_ext import images
from ppgan_ext.types import FloatArray, Image

_GAP = 2
_WHITE = 255


def to_rgb(pixels: FloatArray) -> Image:
    """Convert pixels (C, H, W) in [-1, 1] of one or three channels to an image (H, W, 3)."""
    return images.to_image(np.repeat(pixels, 3, axis=0) if len(pixels) == 1 else pixels)


def sheet(columns: Mapping[str, Sequence[Image]]) -> Image:
    """Place columns of images of one size side by side, each under its label.

    Args:
        columns: label -> images (H, W, 3), as many in every column.
    """
    stacks = list(columns.values())
    height, width = stacks[0][0].shape[:2]
    band = max(12, min(24, width // 6))
    num_rows, num_columns = len(stacks[0]), len(stacks)
    shape = (band + num_rows * (height + _GAP), num_columns * (width + _GAP), 3)
    canvas = np.full(shape, _WHITE, np.uint8)
    for column, stack in enumerate(stacks):
        left = column * (width + _GAP)
        for row, image in enumerate(stack):
            top = band + row * (height + _GAP)
            canvas[top : top + height, left : left + width] = image
    picture = PIL.Image.fromarray(canvas)
    draw = PIL.ImageDraw.Draw(picture)
    for column, label in enumerate(columns):
        place = (column * (width + _GAP) + width / 2, band / 2)
        draw.text(place, label, fill=(40, 40, 40), font=_font(draw, label, width, band), anchor="mm")
    return np.array(picture)


def heat_picture(heatmap: FloatArray, shape: tuple[int, int]) -> Image:
    """Draw a map (h, w) in colours from blue (its minimum) to red, (height, width, 3); a constant map is blue."""
    spread = float(heatmap.max() - heatmap.min())
    share = (heatmap - heatmap.min()) / spread if spread > 0 else np.zeros_like(heatmap)
    levels = cv2.resize((_WHITE * share).astype(np.uint8), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(cv2.applyColorMap(levels, cv2.COLORMAP_JET)[:, :, ::-1])


def _font(
    draw: PIL.ImageDraw.ImageDraw, label: str, width: int, band: int
) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    size = 0.7 * band
    needed = draw.textlength(label, font=PIL.ImageFont.load_default(size))
    return PIL.ImageFont.load_default(max(5.0, size * min(1.0, (width - 2) / max(needed, 1.0))))
