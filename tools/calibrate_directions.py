"""Scale directions by what is seen: a unit shall change the picture by a unit, not only its code.

python tools/calibrate_directions.py --images FACES --output out.safetensors
python tools/calibrate_directions.py --images FACES --directions mine.safetensors --output o.safetensors

FACES: aligned faces, a folder, a .zip or packs, best such as the model was not trained on. The directions need their
regressions, as tools/find_directions.py writes them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ppgan_ext import console, seeding
from ppgan_ext.errors import ConfigError, InputError, PpganExtError
from ppgan_ext.latents import direction_files, directions
from ppgan_ext.latents.calibration import calibrate
from ppgan_ext.types import FloatArray


def main() -> int:
    """Read the command line, calibrate, write, print the table; return the exit code."""
    args = _parser().parse_args()
    return console.run(lambda: _run(args), args.debug, "interrupted; nothing is written")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True, help="aligned faces: a folder, a .zip or packs")
    parser.add_argument("--directions", help="file to calibrate; default: the model's own")
    parser.add_argument("--model_type", help="model that draws and encodes; default: the bundled one")
    parser.add_argument("--weight_path", help="file with another model's weights")
    parser.add_argument("--leave", nargs="*", default=[], help="directions to leave as long as they are")
    parser.add_argument("--num_faces", type=int, default=48, help="faces to measure with (default: %(default)s)")
    parser.add_argument("--skip_last", type=int, default=0, help="leave out the last N faces, to measure on later")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of faces (default: %(default)s)")
    parser.add_argument("--output", required=True, help="the .safetensors file to write")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from")
    return parser


def _run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from ppgan_ext.engine import open_model
    from ppgan_ext.weights.load import load_face_model

    direction_files.check_target(args.output)
    engine = open_model(load_face_model(args.model_type, args.weight_path))
    if engine.encoder is None:
        raise ConfigError(f"the model '{engine.face_model.name}' has no encoder", cure="Choose one that has")
    path = args.directions or engine.face_model.directions_file
    if path is None:
        raise ConfigError("the model has no directions of its own", cure="Give --directions FILE")
    known = directions.load_directions(path, engine.synthesizer.n_latent, style_dim=engine.synthesizer.style_dim)
    for name in args.leave:
        directions.find(known, name)
    codes = engine.encode(_read_faces(args))

    def again(w_plus: FloatArray) -> FloatArray:
        return np.concatenate([engine.encode(engine.synthesizer.render(code[None])) for code in w_plus])

    made, table = {}, [f"{'name':24s}{'unit':>8s}{'stretch':>9s}{'response':>10s}"]
    for name, direction in tqdm(known.items(), desc="calibrating", unit="direction", disable=None, delay=2):
        if name in args.leave:
            made[name] = direction
            continue
        try:
            made[name] = one = calibrate(direction, codes, again)
        except PpganExtError as error:
            print(f"left as it is: {error}", file=sys.stderr)
            made[name] = direction
            continue
        table.append(f"{name:24s}{one.unit:>8s}{one.statistics['stretch']:9.2f}{one.statistics['response']:10.2f}")
    if len(table) == 1:
        raise InputError("not one direction could be calibrated", where=path, cure="See above")
    notes = direction_files.read_notes(path) | {"calibrated_on": f"{len(codes)} faces"}
    directions.save_directions(args.output, made, notes=notes)
    print("\n".join([*table, f"written: {args.output}"]))
    return console.DONE


def _read_faces(args: argparse.Namespace) -> FloatArray:
    """Read faces chosen by the seed, (N, 3, S, S) in [-1, 1]."""
    from ppgan_ext import images
    from ppgan_ext.data.sources import open_source

    source = open_source(args.images)
    count = len(source) - args.skip_last
    if args.num_faces < 1 or count < 1:
        raise InputError(f"of {len(source)} faces {args.skip_last} are left out", where=args.images, cure="Give more")
    rows = seeding.generator(args.seed).permutation(count)[: args.num_faces]
    return np.concatenate([images.to_pixels(source.read(int(row))) for row in sorted(rows)])


if __name__ == "__main__":
    sys.exit(main())
