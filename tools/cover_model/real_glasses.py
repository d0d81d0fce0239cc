"""Labels of real glasses: outlines of lenses drawn by hand, or what an earlier network is sure of.

python tools/cover_model/real_glasses.py --faces crops --weights covers.safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from samples import Crops, read_crops, write_crops

from ppgan_ext.faces.head.unet import run_unet
from ppgan_ext.faces.occlusion.cover_network import KINDS, SHAPE, channels

Glasses: TypeAlias = list[list[list[float]]]
"""Outlines of both lenses, points (x, y) of the network's copy."""

_RIM_COUNTS = 90  # of 255: outlines drawn by hand are off by a pixel
_SURE, _SURELY_NOT = 0.6, 0.12
_LEAST_LENSES, _LEAST_FRAME = 500, 150  # pixels that are sure, of a face that is used
_EYES = slice(25, 90)  # rows in which glasses are


def labelled(crops: Crops, outlines: dict[str, Glasses]) -> Crops:
    """Add labels to faces; the outlines' names are numbers, in the faces' order."""
    pairs = [_drawn(outlines[name]) for name in sorted(outlines, key=int)]
    return crops._replace(labels=np.stack([p[0] for p in pairs]), counts=np.stack([p[1] for p in pairs]))


def _drawn(lenses: Glasses) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (160, 144, 4) and how much each pixel counts; nothing is said of bridge and temples."""
    lens, rim, wide = (np.zeros(SHAPE, np.uint8) for _ in range(3))
    for outline in lenses:
        points = [np.rint(np.array(outline) * 16).astype(np.int32)]
        cv2.fillPoly(lens, points, 255, cv2.LINE_8, 4)
        cv2.polylines(rim, points, True, 255, 2, cv2.LINE_8, 4)
        cv2.polylines(wide, points, True, 255, 6, cv2.LINE_8, 4)
    labels = np.zeros((*SHAPE, len(KINDS)), np.uint8)
    labels[..., 0], labels[..., 1] = rim, np.where(rim > 0, 0, lens)
    counts = np.where(wide > 0, np.where(rim > 0, _RIM_COUNTS, 0), 255).astype(np.uint8)
    rows = np.concatenate([np.array(outline)[:, 1] for outline in lenses])
    band = np.zeros(SHAPE, bool)
    band[int(rows.min()) - 4 : int(rows.mean()) + 6] = True
    counts[band & (lens == 0) & (rim == 0)] = 0
    return labels, counts


def by_network(crops: Crops, weights: Path) -> Crops:
    """Label faces that wear glasses by what a network is sure of; leave out those where it is sure of little."""
    chosen, labels, counts = [], [], []
    for number in range(len(crops.picture)):
        inside = crops.inside[number].astype(np.float32)
        seen = channels(crops.picture[number].astype(np.float32), inside)
        found = run_unet(weights, seen).transpose(1, 2, 0)[..., :3]
        sure = found > _SURE
        if sure[..., 1:].any(axis=2).sum() < _LEAST_LENSES or sure[..., 0].sum() < _LEAST_FRAME:
            continue
        label = np.zeros((*SHAPE, len(KINDS)), np.uint8)
        label[..., :3] = np.where(sure, 255, 0)
        unsure = (found > _SURELY_NOT).any(axis=2) & ~sure.any(axis=2)
        count = np.full(SHAPE, 255, np.uint8)
        count[_EYES][unsure[_EYES]] = 0
        chosen.append(number)
        labels.append(label)
        counts.append(count)
    picture, inside_all, points = (array[chosen] for array in crops[:3])
    return Crops(picture, inside_all, points, np.stack(labels), np.stack(counts))


def main() -> None:
    """Write ``real_by_network.npz``, from which `train.py` takes samples, too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, required=True, help="folder that prepare.py wrote")
    parser.add_argument("--weights", type=Path, required=True, help="what train.py wrote")
    args = parser.parse_args()
    crops = by_network(read_crops(args.faces / "unlabelled_glasses.npz"), args.weights)
    write_crops(args.faces / "real_by_network.npz", crops)
    print(f"{len(crops.picture)} faces are labelled")


if __name__ == "__main__":
    main()
