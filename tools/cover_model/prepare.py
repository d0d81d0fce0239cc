"""Cut out the faces that `train.py` and `measure.py` need.

python tools/cover_model/prepare.py --photos PORTRAITS --packs faces128_0.npz faces128_1.npz --output crops
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from real_glasses import Glasses, labelled
from samples import Crops, write_crops

from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.occlusion.cover_network import SHAPE, crop_matrix
from ppgan_ext.faces.warp import transform_points, warp
from ppgan_ext.images import read_image

_SIZE = (SHAPE[1], SHAPE[0])


def cut_out(image: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the network's copy of a face, where the photo is, and the landmarks in it."""
    matrix = crop_matrix(landmarks)
    inside = cv2.warpAffine(np.ones(image.shape[:2], np.float32), matrix, _SIZE) > 0.99
    return warp(image, matrix, _SIZE), inside.astype(np.uint8), transform_points(landmarks, matrix).astype(np.float32)


def pack_faces(packs: list[Path], numbers: list[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield picture and landmarks of faces by their number, counted through all packs."""
    first = 0
    for pack in packs:
        with np.load(pack) as arrays:
            encoded, ends, landmarks = arrays["encoded"], arrays["ends"], arrays["landmarks"]
        starts = np.concatenate([[0], ends[:-1]])
        for number in (n - first for n in numbers if first <= n < first + len(ends)):
            picture = cv2.imdecode(encoded[starts[number] : ends[number]], cv2.IMREAD_COLOR_RGB)
            yield picture, landmarks[number].astype(np.float64)
        first += len(ends)


def crops_of(faces: Iterator[tuple[np.ndarray, np.ndarray]]) -> Crops:
    """Cut out faces."""
    return Crops(*(np.stack(arrays) for arrays in zip(*(cut_out(*face) for face in faces), strict=True)))


def portraits(folder: Path, names: list[str] | None, but: list[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the largest face of each portrait, of some names or of all but some."""
    for path in sorted(folder.iterdir()):
        if path.stem in but or (names is not None and path.stem not in names):
            continue
        image = read_image(path)
        if faces := find_faces(image):
            yield image, faces[0].landmarks


def main() -> None:
    """Write the collections."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="folder of the portraits")
    parser.add_argument("--packs", type=Path, nargs="+", required=True, help="packs of aligned faces, in their order")
    parser.add_argument("--output", type=Path, required=True, help="a folder")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    chosen = json.loads(Path(__file__).with_name("faces.json").read_text(encoding="utf-8"))
    portrait_names = [name for name in chosen["measure_outlines"] if not name.isdigit()]
    everything: dict[str, Crops] = {
        "bare_portraits": crops_of(portraits(args.photos, None, portrait_names)),
        "measure_portraits": crops_of(portraits(args.photos, portrait_names, [])),
    }
    for name in ("bare_faces", "unlabelled_glasses", "measure_bare", "measure_glasses"):
        everything[name] = crops_of(pack_faces(args.packs, chosen[name]))
    outlines: dict[str, Glasses] = chosen["train_outlines"]
    everything["real_hand"] = labelled(crops_of(pack_faces(args.packs, sorted(map(int, outlines)))), outlines)
    for name, crops in everything.items():
        write_crops(args.output / f"{name}.npz", crops)


if __name__ == "__main__":
    main()
