"""Train the network that finds hair and beards, with Paddle, and write its weights as the package reads them.

python tools/hair_model/train.py --photos FOLDER --minutes 60 --output hair.safetensors
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import cv2
import numpy as np
import paddle
import paddle.nn.functional as F
from augment import Head, augment
from masks import beard_mask, hair_mask
from paddle import nn
from safetensors.numpy import save_file

from ppgan_ext.faces.ageing.hair_network import channels
from ppgan_ext.faces.ageing.head_patch import SHAPE, head_patch
from ppgan_ext.faces.ageing.person import person_chance
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.images import read_image

_INPUTS, _WIDTHS, _OUTPUTS = 10, (16, 24, 40, 64), 2
_BATCH, _COVERED = 4, 0.15
_HALF = (SHAPE[1] // 2, SHAPE[0] // 2)


class Block(nn.Layer):
    """A 3x3 convolution, batch normalisation and a rectifier."""

    def __init__(self, num_in: int, num_out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2D(num_in, num_out, 3, stride, 1, bias_attr=False)
        self.norm = nn.BatchNorm2D(num_out)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:  # noqa: D102
        return F.relu(self.norm(self.conv(x)))

    def folded(self) -> tuple[np.ndarray, np.ndarray]:
        """Return kernel and bias with the normalisation in them."""
        factor = self.norm.weight.numpy() / np.sqrt(self.norm._variance.numpy() + 1e-5)
        kernel = self.conv.weight.numpy() * factor[:, None, None, None]
        return kernel, self.norm.bias.numpy() - self.norm._mean.numpy() * factor


class HairUNet(nn.Layer):
    """The network of `ppgan_ext.faces.ageing.hair_network`, whose names of weights it has."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = _WIDTHS
        self.d1, self.e1 = Block(_INPUTS, a, 2), Block(a, a)
        self.d2, self.e2 = Block(a, b, 2), Block(b, b)
        self.d3, self.e3 = Block(b, c, 2), Block(c, c)
        self.d4, self.e4, self.e5 = Block(c, d, 2), Block(d, d), Block(d, d)
        self.u3, self.u2, self.u1 = Block(d + c, c), Block(c + b, b), Block(b + a, a)
        self.o = nn.Conv2D(a, _OUTPUTS, 3, 1, 1)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """Return logits (N, 2, 120, 96) of (N, 10, 240, 192)."""
        a = self.e1(self.d1(x))
        b = self.e2(self.d2(a))
        c = self.e3(self.d3(b))
        x = self.e5(self.e4(self.d4(c)))
        for block, skip in ((self.u3, c), (self.u2, b), (self.u1, a)):
            x = block(paddle.concat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], axis=1))
        return self.o(x)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights as the package reads them, in half precision."""
        found = {"o.w": self.o.weight.numpy(), "o.b": self.o.bias.numpy()}
        for name, block in self.named_sublayers():
            if isinstance(block, Block):
                found[f"{name}.w"], found[f"{name}.b"] = block.folded()
        return {name: np.ascontiguousarray(array, np.float16) for name, array in sorted(found.items())}


def read_heads(folder: Path) -> list[Head]:
    """Read the largest face of each photo with a hint file beside this script."""
    hints = json.loads(Path(__file__).with_name("hints.json").read_text(encoding="utf-8"))
    heads = []
    for path in sorted(folder.iterdir()):
        faces = find_faces(image := read_image(path))
        if not faces:
            continue
        patch, hint = head_patch(image, faces[0].landmarks), hints.get(path.stem, {})
        hair, beard = hair_mask(patch, hint), beard_mask(patch.landmarks, hint.get("beard", {}))
        person = np.maximum(person_chance(patch.picture), hair)
        heads.append(Head(patch, person, hair, beard, hint.get("headwear", False)))
    return heads


def batch(heads: list[Head], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs (N, 10, 240, 192), masks (N, 2, 120, 96) and where they count (N, 1, 120, 96)."""
    covered = [head for head in heads if head.covered] or heads
    inputs, masks, inside = [], [], []
    for _ in range(_BATCH):
        chosen = covered if rng.random() < _COVERED else heads
        patch, hair, beard = augment(chosen[rng.integers(len(chosen))], heads, rng)
        inputs.append(channels(patch))
        masks.append([cv2.resize(mask, _HALF, interpolation=cv2.INTER_AREA) for mask in (hair, beard)])
        inside.append([cv2.resize(patch.inside, _HALF, interpolation=cv2.INTER_AREA)])
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
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    paddle.seed(args.seed)
    rng = np.random.default_rng(args.seed)
    heads = read_heads(args.photos)
    network = HairUNet()
    optimiser = paddle.optimizer.AdamW(1e-3, parameters=network.parameters(), weight_decay=1e-3)
    start, losses = time.monotonic(), []
    while (share := (time.monotonic() - start) / (60 * args.minutes)) < 1:
        optimiser.set_lr(3e-3 * min(1.0, share / 0.03) * 0.5 * (1 + math.cos(math.pi * share)) + 1e-5)
        inputs, masks, inside = (paddle.to_tensor(array) for array in batch(heads, rng))
        loss = loss_of(network(inputs), masks, inside)
        loss.backward()
        optimiser.step()
        optimiser.clear_grad()
        losses.append(float(loss))
        if len(losses) % 50 == 0:
            print(f"{len(losses)} steps, loss {np.mean(losses[-50:]):.4f}", flush=True)
    save_file(network.arrays(), args.output)


if __name__ == "__main__":
    main()
