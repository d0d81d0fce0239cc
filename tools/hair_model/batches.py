"""What the network of hair learns from: batches of heads, most of them changed, from every folder alike."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from augment import Head, Map, augment, moved
from paddle.io import IterableDataset

from ppgan_ext.faces.head.hair_network import channels
from ppgan_ext.faces.head.head_patch import SHAPE

_BATCH, _COVERED, _AS_IT_IS = 6, 0.15, 0.25
_UNKNOWN_SKIN = 0.1
_LEAST_HAIR = 0.03  # share of the patch: heads with little hair are drawn as if they had this much, so less often
_NEAR = 2.0  # pixels of half the patch
_OUTLINE = 3  # pixels by which the person's outline is drawn too wide or too narrow
_WRONG, _UNKNOWN = 0.4, 0.06  # share of outlines of which a part is missing or too much, and that are not known
_HALF = (SHAPE[1] // 2, SHAPE[0] // 2)


class Batches(IterableDataset):
    """Batches without end: inputs (N, 10, 240, 192), hair (N, 1, 120, 96) and how much it counts (N, 1, 120, 96)."""

    def __init__(self, folders: list[list[Head]], seed: int) -> None:
        super().__init__()
        self._heads, self._seed = [head for heads in folders for head in heads], seed
        self._often = np.concatenate([_shares(heads) for heads in folders]) / len(folders)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Draw heads from each folder alike, some covered ones in each batch or two; change most of them."""
        rng = np.random.default_rng(self._seed)
        covered = [head for head in self._heads if head.covered] or self._heads
        while True:
            heads = [self._heads[n] for n in rng.choice(len(self._heads), _BATCH, p=self._often)]
            heads = [covered[rng.integers(len(covered))] if rng.random() < _COVERED else head for head in heads]
            inputs, hair, counts = batch_of([self._changed(head, rng) for head in heads])
            # Where little skin shows its colour is not known, and fair hair has it as well.
            inputs[rng.random(_BATCH) < _UNKNOWN_SKIN, -1] = 0
            yield inputs, hair, counts

    def _changed(self, head: Head, rng: np.random.Generator) -> Head:
        changed = moved(head, rng) if rng.random() < _AS_IT_IS else augment(head, self._heads, rng)
        return changed._replace(person=_redrawn(changed.person, rng) * changed.patch.inside)


def _shares(heads: list[Head]) -> np.ndarray:
    """Return how often each head of a folder is drawn: those with much hair more often."""
    often = np.sqrt([max(float(head.hair.mean()), _LEAST_HAIR) for head in heads])
    return often / often.sum()


def _redrawn(person: Map, rng: np.random.Generator) -> Map:
    """Draw the outline as the network that finds it does: too wide or too narrow, with wrong parts, or not at all."""
    if rng.random() < _UNKNOWN:
        return np.full_like(person, rng.integers(2))
    by = int(rng.integers(-_OUTLINE, _OUTLINE + 1))
    change = cv2.dilate if by > 0 else cv2.erode
    person = change(person, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(by) + 1, 2 * abs(by) + 1)))
    if rng.random() < _WRONG:
        middle, axes = rng.integers((0, 0), SHAPE[::-1]).tolist(), rng.integers(10, 50, 2).tolist()
        person = cv2.ellipse(person.copy(), middle, axes, rng.uniform(0, 180), 0, 360, float(rng.integers(2)), -1)
    return person


def batch_of(heads: list[Head]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the inputs of some heads, their hair, and how much each pixel counts."""
    inputs = np.stack([channels(head.patch, head.person) for head in heads])
    halves = [[cv2.resize(m, _HALF, interpolation=cv2.INTER_AREA) for m in (h.hair, h.patch.inside)] for h in heads]
    hair, inside = np.asarray(halves, np.float32).transpose(1, 0, 2, 3)
    # The outline is what is seen, so it counts up to three times.
    blurred = np.stack([cv2.GaussianBlur(one, (0, 0), _NEAR) for one in hair])
    counts = inside * (1 + 8 * blurred * (1 - blurred))
    return inputs, hair[:, None], counts[:, None]
