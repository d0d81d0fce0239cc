"""Distil the network that tells people from the background: it learns what another network says of the same heads.

python tools/hair_model/train_person.py --photos FOLDER --teacher selfie_segmentation.tflite --minutes 12
"""

from __future__ import annotations

import ppgan_ext  # noqa: F401  # isort: skip - before Paddle, which it sets up for this processor

import argparse
from pathlib import Path

import cv2
import numpy as np
import paddle
import paddle.nn.functional as F
from augment import Head, Map, augment
from heads import read_folders
from unet import UNet, fit

from ppgan_ext.faces.head.hair_network import hair_chances
from ppgan_ext.faces.head.head_patch import SHAPE, HeadPatch, head_patch
from ppgan_ext.faces.head.person import NUM_CHANNELS, head_channels

_BATCH, _AS_IT_IS = 4, 0.2
_NEAR = 3.0  # pixels of half the patch
_HALF = (SHAPE[1] // 2, SHAPE[0] // 2)
_TEACHER_SIDE = 256


class Teacher:
    """MediaPipe's selfie segmentation, general model, run by OpenCV."""

    def __init__(self, path: Path) -> None:
        self._network = cv2.dnn.readNetFromTFLite(np.frombuffer(path.read_bytes(), np.uint8))

    def __call__(self, patch: HeadPatch) -> Map:
        """Return how likely each pixel shows a person, (240, 192) in [0, 1]."""
        small = cv2.resize(patch.picture, (_TEACHER_SIDE, _TEACHER_SIDE), interpolation=cv2.INTER_LINEAR)
        self._network.setInput(np.ascontiguousarray(small.transpose(2, 0, 1)[None] / np.float32(255.0)))
        chance = self._network.forward()[0, 0]
        return cv2.resize(chance, SHAPE[::-1], interpolation=cv2.INTER_LINEAR)


def batch(folders: list[list[Head]], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs (N, 8, 240, 192), what the teacher says (N, 1, 120, 96) and how much it counts (N, 1, 120, 96)."""
    everyone = [head for heads in folders for head in heads]
    drawn = [folders[number] for number in rng.integers(len(folders), size=_BATCH)]
    chosen = [heads[rng.integers(len(heads))] for heads in drawn]
    seen = [head if rng.random() < _AS_IT_IS else augment(head, everyone, rng) for head in chosen]
    halves = [[cv2.resize(m, _HALF, interpolation=cv2.INTER_AREA) for m in (h.person, h.patch.inside)] for h in seen]
    persons, insides = np.asarray(halves, np.float32).transpose(1, 0, 2, 3)
    # The outline decides where hair ends, so it counts up to three times.
    blurred = np.stack([cv2.GaussianBlur(person, (0, 0), _NEAR) for person in persons])
    counts = insides * (1 + 8 * blurred * (1 - blurred))
    return np.stack([head_channels(head.patch) for head in seen]), persons[:, None], counts[:, None]


def main() -> None:
    """Train for some minutes and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="folders of portraits; each counts alike")
    parser.add_argument("--teacher", type=Path, required=True, help="selfie_segmentation.tflite")
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--output", type=Path, default=Path("person.safetensors"))
    parser.add_argument("--resume", action="store_true", help="go on with the weights that --output has")
    parser.add_argument("--start", type=Path, help="weights of the package to begin with")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    paddle.seed(args.seed)
    rng = np.random.default_rng(args.seed)
    folders = read_folders(
        args.photos, Teacher(args.teacher), lambda image, points: hair_chances(head_patch(image, points)).hair
    )
    network = UNet(NUM_CHANNELS, 1)
    if args.resume:
        network.resume(args.output)
    elif args.start is not None:
        network.start_from(args.start)

    def loss() -> paddle.Tensor:
        inputs, persons, counts = (paddle.to_tensor(array) for array in batch(folders, rng))
        return F.binary_cross_entropy_with_logits(network(inputs), persons, weight=counts)

    fit(network, loss, args.minutes, args.output)


if __name__ == "__main__":
    main()
