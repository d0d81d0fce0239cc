"""The size and pace of the films that applications write."""

from __future__ import annotations

from typing import Literal

from ppgan_ext import images
from ppgan_ext.types import Image

FRAMES_PER_SECOND = 12.0
FRAMES_BETWEEN_STOPS = 12
LONGEST_SIDE = {"gif": 512, "mp4": 1024}


def shrink_to(image: Image, longest: int) -> Image:
    """Scale an image, (H, W, 3), down so that its long side has at most ``longest`` pixels."""
    height, width = image.shape[:2]
    factor = min(1.0, longest / max(height, width))
    return images.resize(image, (max(1, round(width * factor)), max(1, round(height * factor))))


def film_kinds(save_gif: bool, save_mp4: bool) -> list[Literal["gif", "mp4"]]:
    """Return the films that are asked for."""
    kinds: list[tuple[Literal["gif", "mp4"], bool]] = [("gif", save_gif), ("mp4", save_mp4)]
    return [kind for kind, is_wanted in kinds if is_wanted]
