"""Fit the regression that tells beards from shadows (`ppgan_ext.faces.ageing.beard`) to the hints' strengths.

python tools/hair_model/fit_beard.py PORTRAITS --leave_out male05.jpg ...: prints weights, and how well those that are
left out are told.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from ppgan_ext import images
from ppgan_ext.faces.ageing.beard import PARTS, beard_regions
from ppgan_ext.faces.ageing.facial_hair import reduced
from ppgan_ext.faces.detect import find_faces

_BELONGS = {"moustache": ("moustache", "full"), "goatee": ("goatee", "full"), "whiskers": ("full",)}


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("portraits", type=Path)
    parser.add_argument("--leave_out", nargs="*", default=[])
    args = parser.parse_args()
    hints = json.loads(Path(__file__).with_name("hints.json").read_text(encoding="utf-8"))
    rows: dict[str, list[tuple[bool, list[float], float]]] = {part: [] for part in PARTS}
    for path in sorted(args.portraits.glob("male*.jpg")):
        photo = images.read_image(path)
        strengths = hints.get(path.stem, {}).get("beard", {})
        for part, region in beard_regions(*reduced(photo, find_faces(photo)[0].landmarks)).items():
            strength = max(strengths.get(name, 0.0) for name in _BELONGS[part])
            rows[part].append((path.name in args.leave_out, [1.0, *region.figures], strength))
    for part, measured in rows.items():
        out = np.array([row[0] for row in measured])
        design, strength = (np.array([row[index] for row in measured]) for index in (1, 2))
        ridge = np.diag([0.0] + [1.0] * (design.shape[1] - 1))
        weights = np.linalg.solve(design[~out].T @ design[~out] + ridge, design[~out].T @ strength[~out])
        told = f"; left out: r {np.corrcoef(design[out] @ weights, strength[out])[0, 1]:.2f}" if out.sum() > 2 else ""
        print(f"{part}: {np.round(weights, 3).tolist()}, n {int((~out).sum())}{told}")


if __name__ == "__main__":
    _main()
