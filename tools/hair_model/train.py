"""Distil the network that finds hair: it learns what another network says of the same heads, in many forms.

python tools/hair_model/train.py --photos FOLDER --teacher hair_segmentation.tflite --minutes 75
"""

from __future__ import annotations

import ppgan_ext  # noqa: F401  # isort: skip - before Paddle, which it sets up for this processor

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import paddle
import paddle.nn.functional as F
from augment import Head, Map, augment, moved
from hair_teacher import HairTeacher
from heads import read_heads
from paddle.io import DataLoader, IterableDataset
from unet import UNet, fit

from ppgan_ext.faces.ageing.hair_network import NUM_CHANNELS, channels
from ppgan_ext.faces.ageing.head_patch import SHAPE
from ppgan_ext.faces.ageing.person import head_channels, person_chance

_BATCH, _COVERED, _AS_IT_IS = 6, 0.15, 0.25
_UNKNOWN_SKIN = 0.1
_NEAR = 2.0  # pixels of half the patch
_OUTLINE = 3  # pixels by which the person's outline is drawn too wide or too narrow
_HALF = (SHAPE[1] // 2, SHAPE[0] // 2)


class Batches(IterableDataset):
    """Batches without end: inputs (N, 10, 240, 192), hair (N, 1, 120, 96) and how much it counts (N, 1, 120, 96)."""

    def __init__(self, heads: list[Head], seed: int) -> None:
        super().__init__()
        self._heads, self._seed = heads, seed

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Draw heads, some covered ones in each batch or two, and change most of them."""
        rng = np.random.default_rng(self._seed)
        covered = [head for head in self._heads if head.covered] or self._heads
        while True:
            chosen = [covered if rng.random() < _COVERED else self._heads for _ in range(_BATCH)]
            heads = [some[rng.integers(len(some))] for some in chosen]
            inputs, hair, counts = batch_of([self._changed(head, rng) for head in heads])
            # Where little skin shows its colour is not known, and fair hair has it as well.
            inputs[rng.random(_BATCH) < _UNKNOWN_SKIN, -1] = 0
            yield inputs, hair, counts

    def _changed(self, head: Head, rng: np.random.Generator) -> Head:
        changed = moved(head, rng) if rng.random() < _AS_IT_IS else augment(head, self._heads, rng)
        return changed._replace(person=_redrawn(changed.person, rng) * changed.patch.inside)


def _redrawn(person: Map, rng: np.random.Generator) -> Map:
    """Draw the outline a little too wide or too narrow, as the network that finds it does."""
    by = int(rng.integers(-_OUTLINE, _OUTLINE + 1))
    change = cv2.dilate if by > 0 else cv2.erode
    return change(person, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(by) + 1, 2 * abs(by) + 1)))


def batch_of(heads: list[Head]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the inputs of some heads, their hair, and how much each pixel counts."""
    inputs = np.stack([channels(head.patch, head.person) for head in heads])
    halves = [[cv2.resize(m, _HALF, interpolation=cv2.INTER_AREA) for m in (h.hair, h.patch.inside)] for h in heads]
    hair, inside = np.asarray(halves, np.float32).transpose(1, 0, 2, 3)
    # The outline is what is seen, so it counts up to three times.
    blurred = np.stack([cv2.GaussianBlur(one, (0, 0), _NEAR) for one in hair])
    counts = inside * (1 + 8 * blurred * (1 - blurred))
    return inputs, hair[:, None], counts[:, None]


def loss_of(logits: paddle.Tensor, hair: paddle.Tensor, counts: paddle.Tensor) -> paddle.Tensor:
    """Return the cross entropy with what the teacher says, and the Dice loss, since hair is seldom half of a patch."""
    entropy = F.binary_cross_entropy_with_logits(logits, hair, weight=counts)
    chance = F.sigmoid(logits)
    both = 2 * (chance * hair * counts).sum([1, 2, 3]) + 50
    dice = 1 - both / (((chance + hair) * counts).sum([1, 2, 3]) + 50)
    return entropy + 0.25 * dice.mean()


def main() -> None:
    """Train for some minutes and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="folders or files of portraits")
    parser.add_argument("--teacher", type=Path, required=True, help="hair_segmentation.tflite")
    parser.add_argument("--leave_out", nargs="*", default=[], help="names of photos to measure with, not to train on")
    parser.add_argument("--minutes", type=float, default=75.0)
    parser.add_argument("--output", type=Path, default=Path("hair.safetensors"))
    parser.add_argument("--resume", action="store_true", help="go on with the weights that --output has")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    paddle.seed(args.seed)
    photos = [path for given in args.photos for path in (sorted(given.iterdir()) if given.is_dir() else [given])]
    photos = [path for path in photos if path.name not in args.leave_out]
    heads = read_heads(photos, lambda patch: person_chance(patch, head_channels(patch)), HairTeacher(args.teacher))
    network = UNet(NUM_CHANNELS, 1)
    if args.resume:
        network.resume(args.output)
    batches = iter(DataLoader(Batches(heads, args.seed), batch_size=None, num_workers=1))

    def loss() -> paddle.Tensor:
        inputs, hair, counts = next(batches)
        return loss_of(network(inputs), hair, counts)

    fit(network, loss, args.minutes, args.output)


if __name__ == "__main__":
    main()
