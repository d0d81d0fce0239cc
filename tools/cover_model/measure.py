"""Measure how often the network in the package is right, on faces that it has not seen: real, bare and painted ones.

python tools/cover_model/measure.py --faces crops
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from appearance import relit
from canvas import Face
from glasses import paint_glasses
from objects import paint_hand, paint_mask, paint_thing
from real_glasses import Glasses
from samples import Crops, read_crops

from ppgan_ext.faces.occlusion.cover_network import SHAPE, cover_chances
from ppgan_ext.faces.occlusion.face_covers import FaceCovers, find_covers_of
from ppgan_ext.faces.occlusion.frame_lines import frame_weight

_EXPECTED = {"glasses": "glasses", "dark": "sunglasses", "mask": "an object", "hand": "an object", "thing": "an object"}


def found_on(face: Face) -> FaceCovers | None:
    """Look for covers as an application does."""
    return find_covers_of(np.clip(face.picture * 255, 0, 255), face.points)


def names(crops: Crops) -> Counter[str]:
    """Count what is found on faces."""
    found = (found_on(crops.face(number)) for number in range(len(crops.picture)))
    return Counter("nothing" if covers is None else " and ".join(covers.found) for covers in found)


def painted(crops: Crops, kind: str, rng: np.random.Generator) -> tuple[float, float]:
    """Paint one kind of cover on each face.

    Returns:
        The share that is found, and the mean intersection over union of these covers' pixels within the photo.
    """
    others = [crops.picture[number] / np.float32(255) for number in range(2)]
    found, overlaps = [], []
    for number in range(len(crops.picture)):
        face = crops.face(number)
        if kind in ("glasses", "dark"):
            face = paint_glasses(face, others, rng, kind == "dark")
        elif kind == "thing":
            face = paint_thing(face, others, rng)
        else:
            face = paint_mask(face, others, rng) if kind == "mask" else paint_hand(face, rng)
        face = relit(face, rng)
        covers = found_on(face)
        found.append(covers is not None and _EXPECTED[kind] in covers.found)
        if covers is not None and found[-1]:
            inside = face.inside > 0.5
            truth = face.labels.max(axis=2) > 0.5
            seen = np.maximum.reduce([covers.whole(name, SHAPE) for name in ("frame", "lens", "solid")]) > 0.5
            overlaps.append((truth & seen & inside).sum() / max(1, ((truth | seen) & inside).sum()))
    return float(np.mean(found)), float(np.mean(overlaps)) if overlaps else float("nan")


def outline_quality(faces: list[Face], outlines: list[Glasses]) -> tuple[float, float]:
    """Return the mean intersection over union of the lenses with their rims, and the share of the rims that is found.

    A rim is found where a frame is seen within 1.5 pixels of the copy.
    """
    overlaps, rims = [], []
    for face, lenses in zip(faces, outlines, strict=True):
        chances = cover_chances(face.picture * 255, face.points)
        lens, rim = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
        for outline in lenses:
            points = [np.rint(np.array(outline) * 16).astype(np.int32)]
            cv2.fillPoly(lens, points, 1, cv2.LINE_8, 4)
            cv2.polylines(rim, points, True, 1, 1, cv2.LINE_8, 4)
        inside = face.inside > 0.5
        truth = (lens > 0) & inside
        whole = np.maximum(chances.lens, chances.dark_lens)
        seen = ((whole > 0.5) | ((chances.frame > 0.5) & truth)) & inside
        overlaps.append((truth & seen).sum() / (truth | seen).sum())
        weight = frame_weight(face.picture * 255, chances.frame, whole, face.points, 1.0)
        near = cv2.dilate((weight > 0.3).astype(np.uint8), np.ones((3, 3), np.uint8))
        rims.append(near[(rim > 0) & inside].mean())
    return float(np.mean(overlaps)), float(np.mean(rims))


def main() -> None:
    """Print the figures of docs/models/covers.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=Path, required=True, help="folder that prepare.py wrote")
    parser.add_argument("--number", type=int, default=300, help="faces of each kind")
    args = parser.parse_args()
    bare, real, portraits = (
        read_crops(args.faces / f"measure_{name}.npz") for name in ("bare", "glasses", "portraits")
    )
    chosen = json.loads(Path(__file__).with_name("faces.json").read_text(encoding="utf-8"))
    outlines: dict[str, Glasses] = chosen["measure_outlines"]
    numbers = [chosen["measure_glasses"].index(int(name)) for name in outlines if name.isdigit()]
    faces = [real.face(number) for number in numbers]
    faces += [portraits.face(number) for number in range(len(portraits.picture))]
    ordered = [
        outlines[name] for name in (*filter(str.isdigit, outlines), *sorted(n for n in outlines if not n.isdigit()))
    ]
    print(
        "outlines (lens IoU, rim found):",
        *(f"{v:.2f}" for v in outline_quality(faces, ordered)),
        len(faces),
    )
    few = [Crops(*(array[: args.number] for array in crops[:3])) for crops in (bare, real)]
    print("bare faces:", dict(names(few[0])))
    print("real glasses:", dict(names(few[1])))
    for kind in _EXPECTED:
        shares = painted(few[0], kind, np.random.default_rng(0))
        print(f"painted {kind}: found {shares[0]:.2f}, IoU {shares[1]:.2f}")


if __name__ == "__main__":
    main()
