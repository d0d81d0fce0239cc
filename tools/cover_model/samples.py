"""Samples to train with: faces without covers on which covers are painted, and faces with real glasses."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from appearance import at_eyes, disguise, photographed
from canvas import Face, Map
from glasses import paint_glasses
from objects import paint_hand, paint_mask, paint_thing

from ppgan_ext.faces.occlusion.cover_network import KINDS, SHAPE, channels

_SHARES = {"bare_portraits": 0.5}
_REAL = 0.18  # share of samples with real glasses, where there are any


class Crops(NamedTuple):
    """Faces in the network's copy.

    Attributes:
        picture: (N, 160, 144, 3) RGB uint8.
        inside: (N, 160, 144) uint8, 1 where the photo is.
        points: (N, 68, 2) landmarks.
        labels: (N, 160, 144, 4) uint8, 0 to 255; None for faces without covers.
        counts: (N, 160, 144) uint8, how much each pixel counts, 0 to 255; None for everywhere.
    """

    picture: np.ndarray
    inside: np.ndarray
    points: np.ndarray
    labels: np.ndarray | None = None
    counts: np.ndarray | None = None

    def face(self, number: int) -> Face:
        """Return one of them."""
        inside = self.inside[number].astype(np.float32)
        labels = np.zeros((*SHAPE, len(KINDS)), np.float32)
        if self.labels is not None:
            labels = self.labels[number] / np.float32(255)
        counts = inside if self.counts is None else inside * (self.counts[number] / np.float32(255))
        picture = self.picture[number] / np.float32(255)
        return Face(picture, inside, self.points[number].astype(np.float64), labels, counts)


class Sampler:
    """Draws samples.

    Args:
        bare: collections of faces without covers, with the share of each.
        real: collections of faces with real glasses.
    """

    def __init__(self, bare: list[tuple[Crops, float]], real: list[tuple[Crops, float]]) -> None:
        self._bare, self._real = bare, real

    def draw(self, rng: np.random.Generator) -> tuple[Map, Map, Map]:
        """Return what the network sees (6, 160, 144), labels (4, 160, 144) and how much each pixel counts."""
        kind = rng.choice(["glasses", "dark", "mask", "hand", "thing", "none"], p=[0.34, 0.1, 0.15, 0.13, 0.1, 0.18])
        if self._real and rng.random() < _REAL:
            face = _pick(self._real, rng)
            kind = rng.choice(["none", "mask", "hand", "thing"], p=[0.7, 0.1, 0.1, 0.1])
        else:
            face = _pick(self._bare, rng)
        others = [_pick(self._bare, rng).picture for _ in range(2)]
        face = disguise(at_eyes(face, rng), others, rng)
        if kind in ("glasses", "dark") and rng.random() < 0.9:
            face = paint_glasses(face, others, rng, kind == "dark")
        if kind == "mask" or (kind in ("glasses", "dark") and rng.random() < 0.06):
            face = paint_mask(face, others, rng)
        if kind == "hand" or rng.random() < 0.02:
            face = paint_hand(face, rng)
        if kind == "thing" or rng.random() < 0.02:
            face = paint_thing(face, others, rng)
        face = photographed(face, rng)
        seen = channels(face.picture * np.float32(255), face.inside)
        return seen, face.labels.transpose(2, 0, 1), face.counts * face.inside


def _pick(collections: list[tuple[Crops, float]], rng: np.random.Generator) -> Face:
    shares = np.array([share for _, share in collections])
    crops = collections[rng.choice(len(collections), p=shares / shares.sum())][0]
    return crops.face(int(rng.integers(len(crops.picture))))


def read_collections(folder: Path) -> Sampler:
    """Read what `prepare.py` and `real_glasses.py` wrote: ``bare_*.npz`` and ``real_*.npz``."""
    bare = [(read_crops(path), _SHARES.get(path.stem, 1.0)) for path in sorted(folder.glob("bare_*.npz"))]
    real = [(read_crops(path), 1.0) for path in sorted(folder.glob("real_*.npz"))]
    return Sampler(bare, real)


def read_crops(path: Path) -> Crops:
    """Read one collection."""
    with np.load(path) as arrays:
        return Crops(**{name: arrays[name] for name in Crops._fields if name in arrays.files})


def write_crops(path: Path, crops: Crops) -> None:
    """Write one collection."""
    np.savez(path, **{name: array for name, array in crops._asdict().items() if array is not None})
