"""Train the network that finds hair and beards, with Paddle, and write its weights as the package reads them.

python tools/hair_model/train.py --photos FOLDER --minutes 60 --output hair.safetensors
"""

from __future__ import annotations

import ppgan_ext  # noqa: F401  # isort: skip - before Paddle, which it sets up for this processor

import argparse
from pathlib import Path

import cv2
import numpy as np
import paddle
import paddle.nn.functional as F
from augment import Head, augment
from heads import read_heads
from unet import UNet, fit

from ppgan_ext.faces.ageing.hair_network import channels
from ppgan_ext.faces.ageing.head_patch import SHAPE
from ppgan_ext.faces.ageing.person import head_channels, person_chance

_INPUTS, _OUTPUTS = 10, 2
_BATCH, _COVERED = 4, 0.15
_HALF = (SHAPE[1] // 2, SHAPE[0] // 2)


def batch(heads: list[Head], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs (N, 10, 240, 192), masks (N, 2, 120, 96) and where they count (N, 1, 120, 96)."""
    covered = [head for head in heads if head.covered] or heads
    inputs, masks, inside = [], [], []
    for _ in range(_BATCH):
        chosen = covered if rng.random() < _COVERED else heads
        head = augment(chosen[rng.integers(len(chosen))], heads, rng)
        inputs.append(channels(head.patch))
        masks.append([cv2.resize(mask, _HALF, interpolation=cv2.INTER_AREA) for mask in (head.hair, head.beard)])
        inside.append([cv2.resize(head.patch.inside, _HALF, interpolation=cv2.INTER_AREA)])
    return np.stack(inputs), np.asarray(masks, np.float32), np.asarray(inside, np.float32)


def loss_of(logits: paddle.Tensor, masks: paddle.Tensor, inside: paddle.Tensor) -> paddle.Tensor:
    """Return cross entropy, and for hair the Dice loss as well, since it is seldom half of a patch."""
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none") * inside
    chance, hair = F.sigmoid(logits[:, :1]), masks[:, :1]
    both = 2 * (chance * hair * inside).sum([1, 2, 3]) + 50
    dice = 1 - both / (((chance + hair) * inside).sum([1, 2, 3]) + 50)
    return entropy[:, 0].mean() + 0.7 * entropy[:, 1].mean() + 0.25 * dice.mean()


def main() -> None:
    """Train for some minutes and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="folder of the portraits that hints.json names")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--output", type=Path, default=Path("hair.safetensors"))
    parser.add_argument("--resume", action="store_true", help="go on with the weights that --output has")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    paddle.seed(args.seed)
    rng = np.random.default_rng(args.seed)
    heads = read_heads(args.photos, lambda patch: person_chance(patch, head_channels(patch)))
    # The outline is often a little inside of the hair.
    heads = [head._replace(person=np.maximum(head.person, head.hair)) for head in heads]
    network = UNet(_INPUTS, _OUTPUTS)
    if args.resume:
        network.resume(args.output)

    def loss() -> paddle.Tensor:
        inputs, masks, inside = (paddle.to_tensor(array) for array in batch(heads, rng))
        return loss_of(network(inputs), masks, inside)

    fit(network, loss, args.minutes, args.output)


if __name__ == "__main__":
    main()
