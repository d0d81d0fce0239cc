"""Fit directions of a model's latent space from labelled faces.

python tools/find_directions.py --codes codes.npz --labels labels.csv --attributes age gender --output out.safetensors
python tools/find_directions.py --images FOLDER --model_type faces-128 --labels labels.csv --output out.safetensors

Labels: a CSV with a header, or an .npz of arrays; `name` holds the file names, `landmarks` (N, 68, 2) in an .npz gives
the geometric attributes. Codes: an .npz with `w` (N, n_latent, 512) and, if need be, `name`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext.errors import InputError, PpganExtError
from ppgan_ext.latents import codes, direction_files, directions, face_labels, fit_directions
from ppgan_ext.types import FloatArray


def main() -> int:
    """Read the command line, fit, write, print the table; return the exit code."""
    args = _parser().parse_args()
    try:
        _run(args)
    except PpganExtError as error:
        if args.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--codes", help=".npz with w (N, n_latent, 512)")
    source.add_argument("--images", help="folder of photos to encode first, the largest face of each")
    parser.add_argument("--aligned", action="store_true", help="the photos are crops already: encode them as they are")
    parser.add_argument("--model_type", help="model that encodes --images; default: the bundled one")
    parser.add_argument("--weight_path", help="file with another model's weights")
    parser.add_argument("--save_codes", help="keep the codes of --images in this .npz")
    parser.add_argument("--labels", required=True, help=".csv or .npz; empty, nan and -1 in whole numbers mean unknown")
    parser.add_argument("--attributes", nargs="+", help="columns to fit; default: all")
    parser.add_argument("--orthogonal_to", nargs="*", help="what every direction leaves alone; default: all the others")
    parser.add_argument("--method", choices=fit_directions.METHODS, default="conditional")
    parser.add_argument("--num_components", type=int, default=1024, help="principal components of the codes to use")
    parser.add_argument("--seed", type=int, default=0, help="of the split into fitted and held-back faces")
    parser.add_argument("--output", required=True, help="the .safetensors file to write")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    return parser


def _run(args: argparse.Namespace) -> None:
    direction_files.check_target(args.output)
    table = face_labels.read_table(args.labels)
    options = fit_directions.FitOptions(args.method, args.num_components, seed=args.seed)
    w_plus, names = _encode(args) if args.images else _read_codes(args.codes)
    columns = face_labels.match_rows(table, names, len(w_plus))
    wanted = list(columns) if args.attributes is None else args.attributes
    others = wanted if args.orthogonal_to is None else args.orthogonal_to
    attributes = face_labels.as_attributes(columns, [*wanted, *others])
    orthogonal_to = {name: others for name in wanted}
    fitted = fit_directions.fit_directions(w_plus, attributes, orthogonal_to, options, on_step=_say)
    kept = {name: fitted[name] for name in dict.fromkeys(wanted)}
    directions.save_directions(args.output, kept, notes={"method": args.method, "orthogonal_to": " ".join(others)})
    print("\n".join(fit_directions.describe(kept)))
    print(f"written: {args.output}")


def _read_codes(path: str) -> tuple[FloatArray, list[str] | None]:
    w_plus, info = codes.read_codes(path, None)
    _say(str(info))
    stored = codes.read_numpy(Path(path))
    names = stored.get("name") if isinstance(stored, dict) else None
    return w_plus, None if names is None else [str(name) for name in names]


def _encode(args: argparse.Namespace) -> tuple[FloatArray, list[str]]:
    """Encode every photo; those without a face are named and left out."""
    from tqdm import tqdm

    from ppgan_ext import images
    from ppgan_ext.apps.codes.encoded_face import choose_faces, encode_face
    from ppgan_ext.engine import open_model
    from ppgan_ext.weights.load import load_face_model

    engine = open_model(load_face_model(args.model_type, args.weight_path))
    if engine.encoder is None:
        raise InputError(f"the model '{engine.face_model.name}' has no encoder", cure="Choose one that has")
    found, names = [], []
    for path in tqdm(images.list_images(args.images), desc="encoding", unit="face", disable=None, delay=2):
        try:
            photo = images.read_image(path)
            if args.aligned:
                found.append(engine.encode(images.to_pixels(photo))[0])
            else:
                found.append(encode_face(engine, photo, choose_faces(photo, "largest")[0]).w_plus)
            names.append(path.name)
        except PpganExtError as error:
            _say(f"left out: {path.name}: {error}")
    if not found:
        raise InputError("no photo could be encoded", where=args.images, cure="Give photos of faces")
    w_plus = np.stack(found)
    if args.save_codes:
        codes.save_codes(args.save_codes, w_plus, names)
    return w_plus, names


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
