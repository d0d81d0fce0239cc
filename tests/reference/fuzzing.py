"""Mutated files of every format that is read: each must be read, or refused with an error for users.

`make fuzz` runs this module with fresh seeds for as long as it is asked to; `tests/test_fuzz.py` runs it with a fixed
one. What a read may cost is counted in its budget, not timed, so that a slow machine changes nothing.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import pickle
import pickletools
import random
import struct
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from ppgan_ext import untrusted
from ppgan_ext.config import read_yaml
from ppgan_ext.data.idx_files import read_idx
from ppgan_ext.errors import PpganExtError
from ppgan_ext.latents.codes import load_code
from ppgan_ext.latents.direction_files import HEADER, read_notes
from ppgan_ext.latents.directions import load_directions
from ppgan_ext.latents.face_labels import read_table
from ppgan_ext.training.schema import read_config
from ppgan_ext.weights import readers
from ppgan_ext.weights.readers.nvidia_pkl import PickledNetwork
from ppgan_ext.weights.recognise import recognise
from tests.reference import dlib_files, nvidia_pickles

GOLDENS = Path(__file__).resolve().parents[1] / "goldens" / "weights"
# What a mutated file of a few kilobytes may cost; the package's own floor is for files that hold something.
FLOOR_BYTES, MAX_OPERATIONS = 4 * 2**20, 50_000
# Numbers that lengths, shapes and offsets go wrong with.
_ODD_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**61 - 1, 2**63 - 1, 2**63)
_OPCODES = bytes(ord(opcode.code) for opcode in pickletools.opcodes)
_WORDS = (
    b"numpy.core.multiarray\n_reconstruct\n", b"cbuiltins\neval\n", b"ccollections\nOrderedDict\n", b"O8", b"<f4",
    b">f8", b"ctorch\nBFloat16Storage\n", b"{", b"[", b'"', b"NaN", b"1e999", b"&a ", b"*a", b"<<: ", b"!!bool ",
    b"\0", b"\n", b"data_offsets", b"'fortran_order': True", b"'shape': (4294967296,)", b"PK\x01\x02", b"storage",
    b"-1", b"\xff\xfe",
)  # fmt: skip


def seeds() -> dict[str, list[bytes]]:
    """Return small valid files by format."""
    matrix = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    code = np.linspace(-1, 1, 2 * 512, dtype=np.float32).reshape(2, 512)
    tree = {
        "gen_ema": {"w": matrix, "half": matrix.astype(">f8"), "n": 3},
        "opts": {"a": [1, 2.5, None, "x"]},
        "s": {1},
    }
    pictures = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]) + bytes(range(24))
    return {
        "idx": [pictures, gzip.compress(pictures, mtime=0), bytes([0, 0, 8, 3]) + bytes(12)],
        "pdparams": [
            _written(".pdparams", {"net": {"w": matrix}, "epoch": 3}),
            _written(".pdparams", {"netD_A": _patches(), "epoch": 3}),
            *(pickle.dumps(tree, p) for p in range(6)),
        ],
        "pkl": [_nvidia(4), _nvidia(2), (GOLDENS / "nvidia_ada.pkl").read_bytes()],
        "pt": [(GOLDENS / name).read_bytes() for name in ("one_tensor.pt", "untyped_storage.pt", "tensors_zip.pt")],
        "pt-old": [(GOLDENS / "tensors_legacy.pt").read_bytes()],
        "npz": [
            _npz(np.savez, w=code, name=np.array(["a", "b"])),
            _npz(np.savez_compressed, age=np.arange(9), x=matrix),
        ],
        "npy": [_npy(code), _npy(np.asfortranarray(code)), _npy(code.astype(">f8")), _npy(np.array(["a", "bc"]))],
        "safetensors": [
            safetensors.numpy.save({"a": matrix, "b": code}, {"opts": "{}"}),
            _bfloat16(),
            _directions(code),
        ],
        "directions": [_directions(code), _written(".pdparams", {"age": code}), _npy(code)],
        "dat": [
            dlib_files.network(dlib_files.ToyFaceNet(2).records),
            dlib_files.predictor(dlib_files.toy_predictor()),
        ],
        "yaml": [(GOLDENS.parents[2] / "configs" / "stylegan2_faces64.yaml").read_bytes(), _YAML, _YAML],
        "csv": [b"name,age,smile\na/1.png,20,0.5\nb/1.png,,1\n", "name,age\n张,3\n".encode("utf-16")],
    }


_YAML = b"a: &m\n  name: 'A b'\n  on: [1, 2.5, yes, 2024-12-01, ~]\nx:\n  <<: *m\n  'q': \"\\u00e9\"\n"


def _patches() -> dict[str, np.ndarray]:
    """Return the arrays of the smallest PatchGAN."""
    shapes = {"0": (1, 1, 4, 4), "2": (2, 1, 4, 4), "3": (2,), "5": (1, 2, 4, 4)}
    return {f"model.{layer}.weight": np.ones(shape, np.float32) for layer, shape in shapes.items()}


def _recognised(path: Path) -> Any:
    tree = readers.read(path)
    with suppress(PpganExtError):
        recognise(tree, path)
    return tree


READS: dict[str, tuple[Callable[[Path], Any], ...]] = {
    "idx": (lambda path: read_idx(path, 3),),
    "pdparams": (_recognised, lambda path: load_code(path, 2)),
    "pkl": (_recognised,),
    "pt": (readers.read, lambda path: load_code(path, None)),
    "pt-old": (readers.read, lambda path: load_code(path, None)),
    "npz": (readers.read, lambda path: load_code(path, None), read_table),
    "npy": (readers.read, lambda path: load_code(path, 2)),
    "safetensors": (readers.read, readers.read_metadata),
    "directions": (lambda path: load_directions(path, 2), read_notes),
    "dat": (readers.read,),
    "yaml": (read_yaml, read_config),
    "csv": (read_table,),
}
# Where it is not the format's name.
SUFFIXES = {"pt-old": [".pt"], "directions": [".safetensors", ".pdparams", ".npy"]}


_RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
_ARRAY = _RECONSTRUCT + b"(K\x01K\x02\x85cnumpy\ndtype\nX\x02\x00\x00\x00f4\x89\x88\x87R\x89C\x08" + bytes(8) + b"tb"
_STORAGE = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQ"
_SNIPPETS = (
    b"]", b"}", b")", b"(", b"\x8f", b"N", b"K\x05", b"G?\xf0" + bytes(6), b"X\x01\x00\x00\x00a", b"C\x02ab",
    b"2", b"0", b"1", b"\x85", b"\x86", b"\x87", b"t", b"l", b"d", b"a", b"e", b"s", b"u", b"\x90", b"\x91", b"b", b"R",
    b"\x81", b"\x94", b"h\x00", b"h\x01", b"Q", b"\x8a\x09" + bytes(8) + b"\x01", _ARRAY, _RECONSTRUCT, _STORAGE,
    b"ccollections\nOrderedDict\n)R", b"cbuiltins\nset\n", b"cbuiltins\nlist\n", b"cargparse\nNamespace\n)\x81",
    b"c_codecs\nencode\nX\x02\x00\x00\x00abX\x06\x00\x00\x00latin1\x86R", b"cnumpy\ndtype\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n(" + _STORAGE + b"K\x00K\x02K\x03\x86K\x03K\x01\x86\x89NtR",
    b"ctorch\ndevice\n", b"ctorch\nSize\n", b"cbuiltins\ncomplex\n", b"cnumpy.core.multiarray\nscalar\n",
)  # fmt: skip


def _written(suffix: str, tree: dict[str, Any]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        readers.write(path := Path(folder) / f"a{suffix}", tree)
        return path.read_bytes()


def _npz(save: Callable[..., None], **arrays: np.ndarray) -> bytes:
    save(stream := io.BytesIO(), **arrays)
    return stream.getvalue()


def _npy(array: np.ndarray) -> bytes:
    np.save(stream := io.BytesIO(), array)
    return stream.getvalue()


def _bfloat16() -> bytes:
    header = json.dumps({"w": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(range(8))


def _directions(code: np.ndarray) -> bytes:
    table = {"age": {"unit": "year", "bias": 1.5, "statistics": {"r2": 0.5, "stretch": 2.0}}}
    header = json.dumps({"notes": {"model": "toy"}, "directions": table})
    return safetensors.numpy.save({"age.direction": code, "age.regressor": code}, {HEADER: header})


def _nvidia(protocol: int) -> bytes:
    arrays = {"fc0.weight": np.ones((2, 2), np.float32), "fc0.filter": np.ones(3, np.float32)}
    plain = {"init_args": (), "init_kwargs": {"a": 1}}
    layers = {"": {"class_name": "Generator", **plain}, "fc0": {"class_name": "FullyConnectedLayer", **plain}}
    network = PickledNetwork("Generator", arrays, layers)
    return nvidia_pickles.dumps({"G": network, "D": None, "kwargs": {"size": 8}}, protocol)


def program(rng: random.Random) -> bytes:
    """Return a pickle of random instructions, most of which find on the stack what they need."""
    steps = [rng.choice(_SNIPPETS) for _ in range(rng.choice((3, 10, 40)))]
    for _ in range(rng.choice((0, 0, 1))):  # whatever stands on the stack, doubled again and again
        steps += [b"2\x86\x94"] * rng.choice((5, 60))
    rng.shuffle(steps) if rng.random() < 0.2 else None
    return b"\x80\x04" + b"".join(steps) + rng.choice((b"", b"", b"K\x01s", b"\x8f(", b"\x85R")) + b"."


def mutate(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """Return a damaged copy: bits, numbers, opcodes, words, and pieces moved, repeated, cut or taken from another."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(damaged) + 1)
        span = rng.choice((1, 1, 2, 4, 8, 64))
        match rng.randrange(9):
            case 0 if damaged:
                damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            case 1:
                width = rng.choice((1, 2, 4, 8))
                number = rng.choice(_ODD_NUMBERS) % 2 ** (8 * width)
                damaged[at : at + width] = number.to_bytes(width, rng.choice(("little", "big")))
            case 2:
                damaged[at : at + rng.choice((0, 1))] = bytes([rng.choice(_OPCODES)])
            case 3:
                damaged[at : at + rng.choice((0, span))] = rng.choice(_WORDS) * rng.choice((1, 1, 30))
            case 4:
                del damaged[at : at + span]
            case 5:
                damaged[at:at] = damaged[at : at + span] * rng.choice((1, 2, 200))
            case 6:
                other = rng.choice(others)
                start = rng.randrange(len(other))
                damaged[at : at + span] = other[start : start + span]
            case 7:
                del damaged[at:]
            case 8:
                damaged[at : at + span] = rng.randbytes(span)
    return bytes(damaged)


def repacked(rng: random.Random, data: bytes) -> bytes:
    """Return a zip archive with mutated entries whose checksums are right, as an attacker would make them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(stream, "w") as target:
        entries = [(entry.filename, source.read(entry)) for entry in source.infolist()]
        chosen = rng.randrange(len(entries))
        for index, (name, content) in enumerate(entries):
            method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
            damaged = content
            if index == chosen and content:
                is_program = name.endswith("data.pkl") and rng.random() < 0.5
                damaged = program(rng) if is_program else mutate(rng, content, [content])
            # An entry of its own says nothing of the time, so that a seed gives the same bytes.
            target.writestr(zipfile.ZipInfo(name), damaged, zipfile.ZIP_STORED if index != chosen else method)
    return stream.getvalue()


@contextmanager
def small_budgets() -> Iterator[list[untrusted.Budget]]:
    """Give every read a small budget, and collect the budgets."""
    budgets: list[untrusted.Budget] = []
    original = untrusted.Budget.__dict__["for_file"]

    def for_file(cls: type[untrusted.Budget], num_bytes: int) -> untrusted.Budget:
        limit = max(FLOOR_BYTES, untrusted.EXPANSION * num_bytes)
        budgets.append(cls(limit, max_operations=MAX_OPERATIONS))
        return budgets[-1]

    untrusted.Budget.for_file = classmethod(for_file)  # type: ignore[assignment, method-assign]
    try:
        yield budgets
    finally:
        untrusted.Budget.for_file = original  # type: ignore[method-assign]


def cases(format_name: str, seed: int, num: int) -> Iterator[tuple[str, bytes]]:
    """Yield the suffix and the bytes of mutated files."""
    rng, files = random.Random(f"{format_name} {seed}"), seeds()[format_name]
    for _ in range(num):
        index = rng.randrange(len(files))
        suffix = SUFFIXES.get(format_name, [f".{format_name}"])[index % len(SUFFIXES.get(format_name, [""]))]
        data = files[index]
        if data.startswith(b"PK") and rng.random() < 0.7:
            yield suffix, repacked(rng, data)
        elif data.startswith(b"\x80") and rng.random() < 0.3:
            yield suffix, program(rng)
        else:
            yield suffix, mutate(rng, data, files)


def attempt(format_name: str, path: Path) -> str:
    """Read one file in every way that its format is read.

    Returns:
        "read", or the kind of the error of the first way. Any other exception goes on.

    Raises:
        AssertionError: the message is no message for users.
    """
    outcomes = []
    for read in READS[format_name]:
        try:
            read(path)
            outcomes.append("read")
        except PpganExtError as error:
            text = str(error)
            assert len(text) < 6000 and all(char.isprintable() or char == "\n" for char in text), text
            outcomes.append(type(error).__name__)
    return outcomes[0]


def run(format_name: str, seed: int, num: int, folder: Path, *, keep: Path | None = None) -> Counter[str]:
    """Read mutated files of one format.

    Args:
        format_name: a key of `READS`.
        seed: of the mutations.
        num: number of files.
        folder: for the files.
        keep: folder to copy a file to that ends in another exception; None raises it.

    Returns:
        Outcome -> count.
    """
    outcomes: Counter[str] = Counter()
    for number, (suffix, data) in enumerate(cases(format_name, seed, num)):
        path = folder / f"{format_name}{suffix}"
        path.write_bytes(data)
        with small_budgets() as budgets:
            try:
                outcomes[attempt(format_name, path)] += 1
            except Exception:
                if keep is None:
                    raise
                outcomes["ESCAPED"] += 1
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{format_name}-{seed}-{number}{suffix}").write_bytes(data)
                traceback.print_exc()
        for budget in budgets:  # one step, at most as large as what it reads, may pass the limit before it is noticed
            assert budget.num_operations <= 2 * MAX_OPERATIONS
    return outcomes


def main(arguments: list[str] | None = None) -> int:
    """Run with fresh seeds until the time is over, and return 1 if anything escaped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="how long (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="of the first round, to repeat one; default: a fresh one")
    parser.add_argument("--num", type=int, default=500, help="files of a format in a round (default: %(default)s)")
    parser.add_argument("--formats", nargs="+", choices=list(READS), default=list(READS))
    parser.add_argument("--keep", type=Path, default=Path("fuzz_failures"), help="folder for files that escape")
    args = parser.parse_args(arguments)
    end, seed = time.monotonic() + args.seconds, args.seed or int.from_bytes(os.urandom(4), "big")
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            for name in args.formats:
                outcomes = run(name, seed, args.num, Path(folder), keep=args.keep)
                total += outcomes
                print(f"seed {seed} {name}: {dict(outcomes)}", flush=True)
            seed += 1
    print(f"in all: {sum(total.values()):,} files, {dict(total)}", flush=True)
    return 1 if total["ESCAPED"] else 0


if __name__ == "__main__":
    sys.exit(main())
