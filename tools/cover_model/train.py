"""Train the network that finds glasses, masks, hands and other covers, and write its weights as the package reads them.

python tools/cover_model/train.py --faces crops/ --minutes 40 --output covers.safetensors
"""

from __future__ import annotations

import ppgan_ext  # noqa: F401  # isort: skip - before Paddle, which it sets up for this processor

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import paddle
import paddle.nn.functional as F
from samples import Sampler, read_collections

from ppgan_ext.faces.occlusion.cover_network import KINDS, NUM_CHANNELS, SHAPE

sys.path.append(str(Path(__file__).parents[1] / "hair_model"))
from unet import UNet, fit

_WIDTHS = (16, 24, 40, 64)  # channels
_BATCH = 4
_HALF = (SHAPE[1] // 2, SHAPE[0] // 2)
# How much a covered pixel counts against a bare one. Frames are a hundredth of a picture: a Dice loss, or a loss
# without weights, finds none of them.
_WEIGHTS = np.array([5.0, 2.5, 2.5, 1.5], np.float32)


def batch(sampler: Sampler, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs (N, 6, 160, 144), labels (N, 4, 80, 72) and how much each pixel counts (N, 1, 80, 72)."""
    inputs, labels, counts = [], [], []
    for _ in range(_BATCH):
        seen, label, count = sampler.draw(rng)
        inputs.append(seen)
        labels.append([cv2.resize(one, _HALF, interpolation=cv2.INTER_AREA) for one in label])
        counts.append([cv2.resize(count, _HALF, interpolation=cv2.INTER_AREA)])
    return np.stack(inputs), np.asarray(labels, np.float32), np.asarray(counts, np.float32)


def loss_of(logits: paddle.Tensor, labels: paddle.Tensor, counts: paddle.Tensor) -> paddle.Tensor:
    """Return the weighted cross entropy."""
    weights = paddle.to_tensor(_WEIGHTS[:, None, None])
    entropy = F.binary_cross_entropy_with_logits(logits, labels, reduction="none") * (1 + labels * (weights - 1))
    return (entropy * counts).sum() / counts.sum()


def main() -> None:
    """Train for some minutes and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, required=True, help="folder that prepare.py wrote")
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--output", type=Path, default=Path("covers.safetensors"))
    parser.add_argument("--resume", action="store_true", help="go on with the weights that --output has")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    paddle.seed(args.seed)
    rng = np.random.default_rng(args.seed)
    sampler = read_collections(args.faces)
    network = UNet(NUM_CHANNELS, len(KINDS), _WIDTHS)
    if args.resume:
        network.resume(args.output)

    def loss() -> paddle.Tensor:
        return loss_of(*_forward(network, batch(sampler, rng)))

    fit(network, loss, args.minutes, args.output)


def _forward(network: UNet, arrays: tuple[np.ndarray, ...]) -> tuple[paddle.Tensor, paddle.Tensor, paddle.Tensor]:
    inputs, labels, counts = (paddle.to_tensor(array) for array in arrays)
    return network(inputs), labels, counts


if __name__ == "__main__":
    main()
