"""Fit the sixteen directions of the bundled model from its training faces.

python tools/bundled_model/fit_directions.py DATA_FOLDER CODES.npz OUT.safetensors --held_back 500

DATA_FOLDER holds faces128_*.npz (label: age, gender, ethnicity, -1 unknown; pose: yaw, pitch, roll of FSA-Net;
landmarks). Every second face before the held-back ones is used; the others are left to those who measure the directions
(tools/evaluate_model.py), who read in the file which ones were used. CODES.npz holds `w` (N, n_latent, 512): the
encoder's codes of all faces, in the order of the data.

FSA-Net's yaw counts the other way than this package's, its pitch the same way; both are found out from the landmarks at
every run. Its roll is not used: crops are turned upright, and what it still says is mostly yaw (correlation -0.77).
Roll is measured on the line between the eyes.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.argument_parser import RepeatableParser
from ppgan_ext.errors import InputError, PpganExtError
from ppgan_ext.latents import codes, directions, face_labels, fit_directions
from ppgan_ext.latents.attributes import PADDLEGAN_NAMES, pose_signs
from ppgan_ext.types import FloatArray
from ppgan_ext.weights import readers


def main() -> int:
    """Read the command line, fit, write, print the table; return the exit code."""
    parser = RepeatableParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_folder")
    parser.add_argument("codes")
    parser.add_argument("output")
    parser.add_argument("--method", choices=fit_directions.METHODS, default="conditional")
    parser.add_argument("--held_back", type=int, default=500, help="leave out the last N faces (default: %(default)s)")
    parser.add_argument("--every", type=int, default=2, help="use every N-th of the others (default: %(default)s)")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    args = parser.parse_args()
    try:
        data = read_data(Path(args.data_folder))
        w_plus, info = codes.read_codes(args.codes, None)
        num_faces = len(data["label"])
        if info.num_codes != num_faces:
            cure = "Encode the faces of this folder, all of them and in their order"
            raise InputError(f"{info.num_codes} codes for {num_faces} faces", where=args.codes, cure=cure)
        rows = range(0, max(num_faces - args.held_back, 0), args.every)
        if len(rows) < fit_directions.MIN_FACES:
            what = f"of {num_faces} faces {args.held_back} are held back and every {args.every}. of the others is used"
            raise InputError(f"{what}: {len(rows)} are too few", where="--held_back", cure="Hold back fewer")
        data = {name: values[rows] for name, values in data.items()}
        fitted = fit_sixteen(data, w_plus[rows], args.method)
        notes = {
            "method": args.method,
            "codes": f"{len(rows)} of the bundled model's training faces",
            "rows": f"{rows.start}:{rows.stop}:{rows.step}",
        }
        directions.save_directions(args.output, fitted, notes=notes)
    except PpganExtError as error:
        if args.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(fit_directions.describe(fitted)))
    return 0


def read_data(folder: Path) -> dict[str, FloatArray]:
    """Read `label`, `pose` and `landmarks` of all parts, in order, as float64; unknown labels become NaN."""
    parts = sorted(folder.glob("faces128_*.npz"))
    if not parts:
        raise InputError("holds no faces128_*.npz", where=folder, cure="Give the folder of the training faces")
    arrays = [readers.read(part) for part in parts]
    data = {key: np.concatenate([a[key] for a in arrays]).astype(float) for key in ("label", "pose", "landmarks")}
    data["label"][data["label"] < 0] = np.nan
    data["skin"] = np.concatenate([skin_colours(a["encoded"], a["ends"]) for a in arrays])
    return data


def skin_colours(encoded: FloatArray, ends: FloatArray) -> FloatArray:
    """Mean Lab colour of the middle of each face, (N, 3): old portraits are darker and redder, old people need not be.

    Args:
        encoded: the files of all pictures, one behind the other, bytes.
        ends: where each ends.
    """
    colours = np.empty((len(ends), 3))
    for row, (start, end) in enumerate(itertools.pairwise([0, *ends])):
        lab = cv2.cvtColor(cv2.imdecode(encoded[start:end], cv2.IMREAD_COLOR), cv2.COLOR_BGR2LAB)
        height, width = lab.shape[:2]
        colours[row] = lab[height * 3 // 8 : height * 3 // 4, width // 4 : width * 3 // 4].mean((0, 1))
    return colours


def fit_sixteen(data: dict[str, FloatArray], w_plus: FloatArray, method: str) -> dict[str, directions.Direction]:
    """Fit all sixteen; ethnicity and the colour of the skin are held fixed besides, and get no direction."""
    yaw, pitch = data["pose"][:, 0], data["pose"][:, 1]
    yaw_sign, pitch_sign = pose_signs(data["landmarks"], yaw, pitch)
    print(f"signs of yaw and pitch: {yaw_sign:+d} {pitch_sign:+d}", file=sys.stderr)
    age, gender, ethnicity = data["label"].T
    sixteen = face_labels.paddlegan_attributes(data["landmarks"], age, gender, yaw_sign * yaw, pitch_sign * pitch)
    controls = face_labels.class_indicators(ethnicity, "ethnicity")
    for channel, values in zip(("lightness", "redness", "yellowness"), data["skin"].T, strict=True):
        controls.append(fit_directions.Attribute(channel, values, "level"))
    orthogonal_to = face_labels.paddlegan_orthogonal([control.name for control in controls])
    options = fit_directions.FitOptions(method)
    report = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
    fitted = fit_directions.fit_directions(w_plus, [*sixteen, *controls], orthogonal_to, options, report)
    return {name: fitted[name] for name in PADDLEGAN_NAMES}


if __name__ == "__main__":
    sys.exit(main())
