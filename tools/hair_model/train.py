"""Distil the network that finds hair: it learns what another network says of the same heads, in many forms.

python tools/hair_model/train.py --photos FOLDER --teacher hair_segmentation.tflite --minutes 75
"""

from __future__ import annotations

import ppgan_ext  # noqa: F401  # isort: skip - before Paddle, which it sets up for this processor

import argparse
from pathlib import Path

import paddle
import paddle.nn.functional as F
from batches import Batches
from hair_teacher import HairTeacher
from heads import read_folders
from paddle.io import DataLoader
from unet import UNet, fit

from ppgan_ext.faces.head.hair_network import NUM_CHANNELS
from ppgan_ext.faces.head.person import head_channels, person_chance


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
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="folders of portraits; each counts alike")
    parser.add_argument("--teacher", type=Path, required=True, help="hair_segmentation.tflite")
    parser.add_argument("--leave_out", nargs="*", default=[], help="names of photos to measure with, not to train on")
    parser.add_argument("--minutes", type=float, default=75.0)
    parser.add_argument("--output", type=Path, default=Path("hair.safetensors"))
    parser.add_argument("--resume", action="store_true", help="go on with the weights that --output has")
    parser.add_argument("--start", type=Path, help="weights of the package to begin with")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    paddle.seed(args.seed)
    folders = read_folders(
        args.photos,
        lambda patch: person_chance(patch, head_channels(patch)),
        HairTeacher(args.teacher),
        args.leave_out,
    )
    network = UNet(NUM_CHANNELS, 1)
    if args.resume:
        network.resume(args.output)
    elif args.start is not None:
        network.start_from(args.start)
    batches = iter(DataLoader(Batches(folders, args.seed), batch_size=None, num_workers=1))

    def loss() -> paddle.Tensor:
        inputs, hair, counts = next(batches)
        return loss_of(network(inputs), hair, counts)

    fit(network, loss, args.minutes, args.output)


if __name__ == "__main__":
    main()
