"""Latent codes on disk: all common layouts can be read, and PaddleGAN's is written.

A code is float32 (n_latent, 512), in W+, without any mean subtracted, like PaddleGAN's `dst.fitting.npy`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ppgan_ext.errors import InputError, WeightsError
from ppgan_ext.file_names import cure_of_missing
from ppgan_ext.files import atomic_path
from ppgan_ext.types import FloatArray
from ppgan_ext.untrusted import Budget, budget_of, door, shown
from ppgan_ext.weights import readers
from ppgan_ext.weights.catalog import MODELS

CodeSource: TypeAlias = "str | os.PathLike[str] | FloatArray"

STYLE_DIM = 512
SUFFIXES = (".npy", ".npz", ".pt", ".pth", ".pdparams")
_SAVE_AGAIN, _MAX_NAME = "Save or copy it again", 60
_KEYS = ("w", "w_plus", "latent", "latents")  # NVlabs, this package, rosinality's projector, e4e


@dataclass(frozen=True)
class CodeInfo:
    """A description of a source of codes.

    Attributes:
        where: the file, or "the given array".
        shape: the stored shape.
        space: "w" for one style vector shared by all layers, "w+" for one per layer.
        num_codes: number of codes.
    """

    where: str
    shape: tuple[int, ...]
    space: str
    num_codes: int

    def __str__(self) -> str:
        """Return a line for logs: ``photo.npy: 1 code in W+, stored as (1, 18, 512)``."""
        noun = "code" if self.num_codes == 1 else "codes"
        return f"{self.where}: {self.num_codes} {noun} in {self.space.upper()}, stored as {self.shape}"


def load_code(source: CodeSource, n_latent: int | None, *, style_dim: int = STYLE_DIM) -> FloatArray:
    """Read one latent code.

    Args:
        source: an array, or a file: `.npy`, `.npz` (key `w`, or its only key), `.pt`, `.pth` or `.pdparams` (a tensor,
            or a dict with one under `w` or `latent`, such as rosinality's projector result). The code may be (D,),
            (1, D), (n_latent, D) or (1, n_latent, D) with D = style_dim.
        n_latent: number of layers of the generator; a W code is repeated for each. None accepts any number of layers
            and returns a W code as (1, D).
        style_dim: length of one style vector.

    Returns:
        (n_latent, style_dim) float32, owned by the caller.

    Raises:
        InputError: the file does not exist or contains Python objects; another shape, NaN or infinity, several codes.
    """
    codes, info = read_codes(source, n_latent, style_dim=style_dim)
    if len(codes) != 1:
        cure = "Save one of them as its own .npy file"
        raise InputError(
            f"contains {len(codes)} codes, shape {info.shape}, where one is needed", where=info.where, cure=cure
        )
    return codes[0]


def read_codes(source: CodeSource, n_latent: int | None, *, style_dim: int = STYLE_DIM) -> tuple[FloatArray, CodeInfo]:
    """Read one or many latent codes, with a description of their source.

    Args:
        source: as for `load_code`; also (k, n_latent, D) and (k, 1, D).
        n_latent: as for `load_code`.
        style_dim: length of one style vector.

    Returns:
        codes (k, n_latent, style_dim) float32, and their description.

    Raises:
        InputError: as for `load_code`, except that several codes are accepted.
    """
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        where, array = str(path), _read_file(path)
    else:
        where, array = "the given array", np.asarray(source)
    _check_numbers(array, where)
    stacked = _to_three_axes(array, where, n_latent, style_dim)  # (k, 1 or n, D)
    space = "w" if stacked.shape[1] == 1 and n_latent != 1 else "w+"
    info = CodeInfo(where, tuple(array.shape), space, len(stacked))
    if n_latent is not None and stacked.shape[1] == 1:
        stacked = np.repeat(stacked, n_latent, axis=1)
    with np.errstate(over="ignore"):
        codes = np.array(stacked, dtype=np.float32, order="C")
    _check_numbers(codes, where)  # again, since a number may be too large for single precision
    return codes, info


def save_code(path: str | os.PathLike[str], w_plus: FloatArray) -> Path:
    """Write one code as PaddleGAN does: `.npy`, float32, (n_latent, style_dim). The file appears whole or not at all.

    Args:
        path: ends in ``.npy``.
        w_plus: (n_latent, style_dim) or (1, n_latent, style_dim).

    Raises:
        InputError: the code has another shape or is not finite, or the name does not end in .npy.
        OutputError: the file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() != ".npy":
        raise InputError("a latent is saved as .npy", where=target, cure=f"Name it {target.with_suffix('.npy').name}")
    array = np.asarray(w_plus)
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2:
        what = f"a latent to save must be (n_latent, style_dim), got {array.shape}"
        raise InputError(what, where=target, cure="Save one code")
    _check_numbers(array, str(target))
    with atomic_path(target) as temporary, temporary.open("wb") as handle:
        np.save(handle, np.ascontiguousarray(array, dtype=np.float32), allow_pickle=False)
    return target


def save_codes(path: str | os.PathLike[str], codes: FloatArray, names: Sequence[str]) -> Path:
    """Write many codes as one `.npz`: `w` (N, n_latent, style_dim) float32 and `name` (N,) text.

    Args:
        path: its suffix becomes ``.npz``.
        codes: (N, n_latent, style_dim).
        names: N names.

    Raises:
        InputError: the numbers of names and codes differ, or a code is not finite.
        OutputError: the file cannot be written.
    """
    target = Path(path).with_suffix(".npz")
    if codes.ndim != 3 or len(codes) != len(names):
        what = f"got codes of shape {codes.shape} with {len(names)} names"
        raise InputError(what, where=target, cure="Give one name for each code")
    _check_numbers(codes, str(target))
    with atomic_path(target) as temporary, temporary.open("wb") as handle:
        np.savez(handle, w=codes.astype(np.float32), name=np.asarray(names, dtype=np.str_))
    return target


def size_of(n_latent: int) -> int | None:
    """Return the image size of a generator with that many layers, or None if there is none."""
    return 2 ** (n_latent // 2 + 1) if n_latent >= 4 and n_latent % 2 == 0 and n_latent <= 20 else None


def _read_file(path: Path) -> FloatArray:
    if path.is_dir():
        raise InputError("is a folder, not a latent file", where=path, cure="Give one file")
    if not path.is_file():
        raise InputError("no such file", where=path, cure=cure_of_missing(path))
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        with door(path, InputError, _SAVE_AGAIN):
            tree = read_numpy(path) if suffix in (".npy", ".npz") else readers.read(path)
            return _find_array(tree, str(path), budget_of(path))
    raise InputError(
        f"{suffix or 'a file without suffix'} is not a latent", where=path, cure=f"Give {_one_of(SUFFIXES)}"
    )


def read_numpy(path: Path) -> FloatArray | dict[str, FloatArray]:
    """Read a `.npy` as an array or a `.npz` as a dict of arrays, without unpickling.

    Raises:
        InputError: the file is damaged, contains Python objects, or would take more memory than one of its size may.
    """
    try:
        content = readers.read(path)
    except WeightsError as error:
        raise InputError(error.what, where=path, cure=error.cure) from error
    arrays = content.values() if isinstance(content, dict) else [content]
    if not all(isinstance(array, np.ndarray) for array in arrays):
        raise InputError("contains something other than arrays", where=path, cure="Save it with numpy.save")
    return content


def _find_array(node: Any, where: str, budget: Budget) -> FloatArray:
    """Return the code in the result of a checkpoint reader; arrays that are joined are charged to a budget."""
    if isinstance(node, np.ndarray):
        return node
    if isinstance(node, Mapping) and node:
        keys = [key for key in _KEYS if key in node]
        if keys:
            return _find_array(node[keys[0]], where, budget)
        if len(node) == 1:
            return _find_array(next(iter(node.values())), where, budget)
        if all(isinstance(value, Mapping) and "latent" in value for value in node.values()):
            return _stack([_find_array(value, where, budget) for value in node.values()], where, budget)
        named = ", ".join(shown(str(key), _MAX_NAME) for key in list(node)[:6])
        cure = f"Name it {_one_of(_KEYS)}"
        raise InputError(f"contains {named} but no latent", where=where, cure=cure)
    if isinstance(node, (list, tuple)) and node:
        return _stack([_find_array(value, where, budget) for value in node], where, budget)
    raise InputError(f"contains {type(node).__name__}, not a latent", where=where, cure="Save the tensor itself")


def _stack(arrays: list[FloatArray], where: str, budget: Budget) -> FloatArray:
    if len(arrays) == 1:
        return arrays[0]
    if any(array.shape != arrays[0].shape for array in arrays):
        raise InputError("contains arrays of different shapes", where=where, cure="Save only the latent")
    budget.allocate(len(arrays) * arrays[0].nbytes)
    first = arrays[0]
    return np.concatenate(arrays) if first.ndim == 3 and first.shape[0] == 1 else np.stack(arrays)


def _check_numbers(array: FloatArray, where: str) -> None:
    if array.dtype.kind not in "fiu":
        raise InputError(f"contains {array.dtype}, not real numbers", where=where, cure="Save it as float32")
    if array.size and not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise InputError(
            f"{bad} of its {array.size} numbers are NaN or infinite", where=where, cure="Fit the latent again"
        )


def _to_three_axes(array: FloatArray, where: str, n_latent: int | None, style_dim: int) -> FloatArray:
    """Return a view (k, 1 or n_latent, style_dim), or raise InputError with the reason."""
    expected = f"({n_latent if n_latent is not None else 'n_latent'}, {style_dim})"
    if array.ndim not in (1, 2, 3) or array.size == 0:
        raise InputError(f"a latent is {expected}, got shape {array.shape}", where=where, cure="Save one code per file")
    if array.shape[-1] != style_dim:
        what = f"style vectors have {array.shape[-1]} numbers, shape {array.shape}; this model needs {expected}"
        raise InputError(what, where=where, cure="Use a latent that was made with the same model")
    stacked = array.reshape((1,) * (3 - array.ndim) + array.shape)
    layers = int(np.shape(stacked)[1])
    if n_latent is not None and layers not in (1, n_latent):
        raise InputError(
            f"has {layers} layers, {_belongs_to(layers)}; this model has {n_latent}",
            where=where,
            cure=f"{_types_with(layers)}Use a latent of the same model, or fit the photo again with this one",
        )
    return stacked


def _belongs_to(layers: int) -> str:
    size = size_of(layers)
    return f"which belongs to a model of {size} px" if size else "which no StyleGAN2 model has"


def _types_with(layers: int) -> str:
    """Return the sentence that names the models of the catalog with so many layers; "" if there are none."""
    names = [f"--model_type {name}" for name, record in MODELS.items() if record.weights and record.n_latent == layers]
    return f"Give {' or '.join(names)}, whichever made it. " if names else ""


def _one_of(names: Sequence[str]) -> str:
    return f"one of {', '.join(names)}"
