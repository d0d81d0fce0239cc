"""Encode the training faces with the bundled model, in the order of the data, as fit_directions.py needs them.

python tools/bundled_model/encode_faces.py DATA_FOLDER CODES.npz
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.images import to_pixels
from ppgan_ext.latents.codes import save_codes


def main(data_folder: str, output: str) -> None:
    """Decode, encode, save."""
    engine = Predictor(output_path=None).engine
    codes, names = [], []
    for part in sorted(Path(data_folder).glob("faces128_*.npz")):
        with np.load(part, allow_pickle=False) as data:
            encoded, ends = data["encoded"], data["ends"]
            names += [str(name) for name in data["name"]]
        for start, end in zip([0, *ends[:-1]], tqdm(ends, desc=part.name), strict=True):
            face = cv2.cvtColor(cv2.imdecode(encoded[start:end], cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
            codes.append(engine.encode(to_pixels(face))[0])
    save_codes(output, np.stack(codes), names)


if __name__ == "__main__":
    main(*sys.argv[1:])
