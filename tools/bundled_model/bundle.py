"""Turn the training script's exported arrays into the package's own model files.

python tools/bundled_model/bundle.py --arrays EXPORT --provenance "what, on what"
python tools/bundled_model/bundle.py --directions calibrated.safetensors
python tools/bundled_model/bundle.py --rotator iter_N_weight.pdparams

EXPORT is what `train.py export` wrote: the arrays, and export.json with the architecture and the number of faces held
back; flags take the place of what older exports do not say. A rotator comes from training with
configs/fusion_rotator_faces128.yaml, and belongs to the model that is bundled at the time; a new model leaves it out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import safetensors.numpy

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.argument_parser import RepeatableParser
from ppgan_ext.files import atomic_path, write_bytes
from ppgan_ext.latents.directions import load_directions
from ppgan_ext.weights import catalog
from ppgan_ext.weights.load import load_face_model
from ppgan_ext.weights.rename_torch_twin import rename_twin
from ppgan_ext.weights.rotator import load_rotator

BUNDLED = Path(__file__).resolve().parents[2] / "ppgan_ext" / "weights" / "bundled"
CARD = BUNDLED / "faces-128.json"
DIRECTIONS, ROTATOR = BUNDLED / "faces-128-directions.safetensors", BUNDLED / "faces-128-rotator.safetensors"
PARTS = ("generator", "encoder", "discriminator")
LICENCE = "non-commercial research only, as the training images (UTKFace); rights in the photos stay with their owners"


def read_part(folder: Path, part: str) -> dict[str, np.ndarray]:
    """Read one network's float16 shards, ``{part}_0.npz`` and on."""
    state: dict[str, np.ndarray] = {}
    for path in sorted(folder.glob(f"{part}_*.npz")):
        with np.load(path, allow_pickle=False) as shard:
            state.update(shard)
    if not state:
        raise SystemExit(f"error: no {part}_*.npz in {folder}")
    return state


def read_facts(folder: Path, args: argparse.Namespace) -> dict[str, int]:
    """Read what an export says of itself; flags win, and all of it must be known."""
    record = folder / "export.json"
    said = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    names = ("size", "base", "cap", "n_mlp", "held_back")
    facts = {name: said.get(name) if getattr(args, name) is None else getattr(args, name) for name in names}
    missing = [f"--{name}" for name, value in facts.items() if value is None]
    if missing:
        raise SystemExit(f"error: {folder} has no export.json: give {' '.join(missing)}")
    return {name: int(value) for name, value in facts.items()}


def bundle(arrays: Path, args: argparse.Namespace) -> Path:
    """Write ``faces-128.safetensors`` and ``faces-128.json``; return the first."""
    target = BUNDLED / "faces-128.safetensors"
    tensors: dict[str, np.ndarray] = {}
    if args.keep_discriminator:
        before = safetensors.numpy.load_file(target)
        tensors |= {name: array for name, array in before.items() if name.startswith("discriminator.")}
    for part in PARTS[:-1] if args.keep_discriminator else PARTS:
        for name, value in rename_twin(part, read_part(arrays, part)).items():
            tensors[f"{part}.{name}"] = np.ascontiguousarray(value, dtype=np.float16)
    with atomic_path(target) as temporary:
        safetensors.numpy.save_file(tensors, temporary, metadata={"format": "ppgan_ext"})
    facts = read_facts(arrays, args)
    card = {
        "size": facts["size"],
        "channel_base": facts["base"],
        "channel_cap": facts["cap"],
        "style_dim": 512,
        "n_mlp": facts["n_mlp"],
        "crop": "tight",
        "licence": LICENCE,
        "provenance": args.provenance,
        "held_back": facts["held_back"],
        "encoder_passes": args.encoder_passes,
        "sha256": {},
    }
    ROTATOR.unlink(missing_ok=True)  # of the model before
    write_bytes(CARD, (json.dumps(card, indent=2) + "\n").encode())
    note_hashes(target, *(path for path in [DIRECTIONS] if path.exists()))
    return target


def bundle_directions(source: Path) -> Path:
    """Take a file of directions over, and note its hash; return where it lies now."""
    load_directions(source, catalog.find(catalog.DEFAULT_MODEL).n_latent)
    write_bytes(DIRECTIONS, source.read_bytes())
    note_hashes(DIRECTIONS)
    return DIRECTIONS


def bundle_rotator(weights: Path) -> Path:
    """Write ``faces-128-rotator.safetensors``, and note its hash; return it."""
    rotator = load_rotator(load_face_model(), weights)
    state = {name: tensor.numpy().astype(np.float16) for name, tensor in rotator.state_dict().items()}
    with atomic_path(ROTATOR) as temporary:
        safetensors.numpy.save_file(state, temporary, metadata={"format": "ppgan_ext"})
    note_hashes(ROTATOR)
    return ROTATOR


def note_hashes(*paths: Path) -> None:
    """Write the hashes of bundled files into the card."""
    card = json.loads(CARD.read_text(encoding="utf-8"))
    card["sha256"] |= {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    write_bytes(CARD, (json.dumps(card, indent=2) + "\n").encode())


def main() -> None:
    """Read the command line and bundle."""
    parser = RepeatableParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arrays", type=Path, help="folder with generator_*.npz, encoder_*.npz, discriminator_*.npz")
    parser.add_argument("--directions", type=Path, help="instead: directions for the bundled model")
    parser.add_argument("--rotator", type=Path, help="instead: weights of a rotator for the bundled model")
    for name in ("size", "base", "cap", "n_mlp", "held_back"):
        parser.add_argument(f"--{name}", type=int, help="default: what export.json says")
    parser.add_argument(
        "--keep_discriminator", action="store_true", help="that is bundled: the arrays' own has not been trained"
    )
    parser.add_argument("--encoder_passes", type=int, default=1, help="that pay with this model (default: %(default)s)")
    parser.add_argument("--provenance", help="of the arrays: what was done, on what")
    args = parser.parse_args()
    if sum(given is not None for given in (args.arrays, args.directions, args.rotator)) != 1:
        parser.error("give one of --arrays, --directions, --rotator")
    if args.arrays is not None:
        if args.provenance is None:
            parser.error("--arrays needs --provenance")
        target = bundle(args.arrays, args)
    else:
        target = bundle_rotator(args.rotator) if args.directions is None else bundle_directions(args.directions)
    print(f"{target}: {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
