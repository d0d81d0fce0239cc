"""The training faces: read from packs, decoded on all cores, kept on the device; the last ones held back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image
import torch
from torch import Tensor

from ppgan_ext.data.duplicates import find_twins
from ppgan_ext.data.image_source import ImageSource
from ppgan_ext.errors import ConfigError


def training_rows(source: ImageSource, held_back: int, limit: int | None = None) -> list[int]:
    """Return the rows that are trained on: neither the last ``held_back``, nor the same photos under other names.

    Args:
        source: all faces.
        held_back: how many are held back.
        limit: at most the first so many of the others.

    Raises:
        ConfigError: nothing is left.
    """
    num_faces = len(source)
    rows = range(max(num_faces - held_back, 0))[:limit]
    twins = {other for _, other in find_twins(source, held_back_rows(num_faces, held_back), rows)} if rows else set()
    kept = [row for row in rows if row not in twins]
    if not kept:
        what = f"of {num_faces} faces {held_back} are held back; nothing is left to train on"
        raise ConfigError(what, where="--held_back", cure="Hold back fewer")
    return kept


def held_back_rows(num_faces: int, held_back: int) -> range:
    """Return the rows that no training ever sees: the last ``held_back``."""
    return range(max(num_faces - held_back, 0), num_faces)


def load_images(source: ImageSource, rows: Sequence[int], size: int) -> Tensor:
    """Decode faces, (N, 3, size, size) uint8; by area where they shrink."""

    def one(row: int) -> np.ndarray:
        image = PIL.Image.fromarray(source.read(row))
        if image.size != (size, size):
            shrinks = size < image.size[0]
            image = image.resize((size, size), PIL.Image.Resampling.BOX if shrinks else PIL.Image.Resampling.BICUBIC)
        return np.asarray(image)

    with ThreadPoolExecutor() as pool:
        return torch.from_numpy(np.stack(list(pool.map(one, rows)))).permute(0, 3, 1, 2).contiguous()


def to_pixels(images: Tensor) -> Tensor:
    """Turn uint8 into float32 in [-1, 1]."""
    return images.float() / 127.5 - 1


class Faces:
    """Draws batches of faces, each mirrored or not.

    Args:
        images: (N, 3, S, S) uint8.
        device: where they are kept and batches are made.
    """

    def __init__(self, images: Tensor, device: torch.device) -> None:
        self._images = images.to(device)

    def draw(self, count: int) -> Tensor:
        """Draw ``count`` faces, (count, 3, S, S) float32 in [-1, 1]."""
        device = self._images.device
        pixels = to_pixels(self._images[torch.randint(len(self._images), (count,), device=device)])
        return torch.where(torch.rand(count, 1, 1, 1, device=device) < 0.5, pixels.flip(3), pixels)

    def some(self, count: int, batch: int) -> Iterator[Tensor]:
        """Return the first ``count`` faces, or all if there are fewer, as they are, in batches."""
        for part in self._images[:count].split(batch):
            yield to_pixels(part)
