"""Fit the regressions that tell beards from shadows to the hints' strengths.

python tools/hair_model/fit_beard.py PORTRAITS OTHERS --leave_out male05.jpg ...: prints the weights of
`ppgan_ext.faces.head.beard`, for which the men of the first folder serve, and of `beard_presence`, for which everyone
does; and how well those that are left out are told.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ppgan_ext import images
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.head.beard import PARTS, beard_regions
from ppgan_ext.faces.head.beard_presence import presence_figures
from ppgan_ext.faces.head.facial_hair import reduced
from ppgan_ext.faces.landmarks import features_seen

_BELONGS = {"moustache": ("moustache", "full"), "goatee": ("goatee", "full"), "whiskers": ("full",)}
_LEAST_FACE, _LEAST_SEEN = 70, 0.55  # pixels; see `features_seen`
_STUBBLE, _BEARD = 0.2, 0.6  # strengths of the hints from which there is half a beard, and one
_RIDGE = 3.0
_STEPS = 60


class Measured(NamedTuple):
    """A face: its file's name, the figures of each part, and the strengths that the hints give."""

    name: str
    figures: dict[str, npt.NDArray]
    strengths: dict[str, float]


def measure(folder: Path, hints: dict[str, dict]) -> list[Measured]:
    """Measure the largest face of each photo, where its features are seen."""
    found = []
    for path in sorted(folder.glob("*.jpg")):
        photo = images.read_image(path)
        faces = find_faces(photo)
        if not faces or faces[0].box.width < _LEAST_FACE or features_seen(faces[0].certainty) < _LEAST_SEEN:
            continue
        copy, points = reduced(photo, faces[0].landmarks)
        regions = beard_regions(copy, points)
        if len(regions) == len(PARTS):
            outlines, figures = ({part: region[n] for part, region in regions.items()} for n in (0, 1))
            measured = presence_figures(copy, points, outlines, figures)
            found.append(Measured(path.name, measured, hints.get(path.stem, {}).get("beard", {})))
    return found


def fit_parts(men: list[Measured], out: npt.NDArray) -> None:
    """Print a ridge regression for each part, on its first four figures."""
    for part in PARTS:
        design = np.array([[1.0, *one.figures[part][:4]] for one in men])
        strength = np.array([max(one.strengths.get(name, 0.0) for name in _BELONGS[part]) for one in men])
        ridge = np.diag([0.0] + [1.0] * (design.shape[1] - 1))
        weights = np.linalg.solve(design[~out].T @ design[~out] + ridge, design[~out].T @ strength[~out])
        told = f"; left out: r {np.corrcoef(design[out] @ weights, strength[out])[0, 1]:.2f}" if out.sum() > 2 else ""
        print(f"{part}: {np.round(weights, 3).tolist()}, n {int((~out).sum())}{told}")


def fit_presence(everyone: list[Measured], out: npt.NDArray) -> None:
    """Print a logistic regression on all figures of all parts, by Newton's method on standardised figures."""
    figures = np.array([np.concatenate([one.figures[part] for part in PARTS]) for one in everyone])
    most = np.array([max(one.strengths.values(), default=0.0) for one in everyone])
    target = 0.5 * (most >= _STUBBLE) + 0.5 * (most >= _BEARD)
    middle, spread = figures[~out].mean(axis=0), figures[~out].std(axis=0) + 1e-6
    design = np.column_stack([np.ones(len(figures)), (figures - middle) / spread])
    weights, ridge = np.zeros(design.shape[1]), np.diag([1e-6, *[_RIDGE] * figures.shape[1]])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-design[~out] @ weights))
        slope = design[~out].T @ (chance - target[~out]) + ridge @ weights
        bend = (design[~out].T * (chance * (1 - chance))) @ design[~out] + ridge
        weights -= np.linalg.solve(bend, slope)
    plain = weights[1:] / spread
    print(f"presence: constant {weights[0] - plain @ middle:.3f}, n {int((~out).sum())}")
    for part, of_part in zip(PARTS, plain.reshape(len(PARTS), -1), strict=True):
        print(f"  {part}: {np.round(of_part, 3).tolist()}")
    if out.any():
        chances = 1 / (1 + np.exp(-design[out] @ weights))
        print(f"  left out: {[(round(t, 1), round(float(c), 2)) for t, c in zip(target[out], chances, strict=True)]}")


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", type=Path, nargs="+", help="portraits, whose names say the sex, and other photos")
    parser.add_argument("--leave_out", nargs="*", default=[])
    args = parser.parse_args()
    hints = json.loads(Path(__file__).with_name("hints.json").read_text(encoding="utf-8"))
    folders = [measure(folder, hints) for folder in args.folders]
    men = [one for one in folders[0] if one.name.startswith("male")]
    everyone = [one for folder in folders for one in folder]
    fit_parts(men, np.isin([one.name for one in men], args.leave_out))
    fit_presence(everyone, np.isin([one.name for one in everyone], args.leave_out))


if __name__ == "__main__":
    _main()
