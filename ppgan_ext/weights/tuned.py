"""Files of generators tuned to photos: the arrays that tuning has changed, and the base model's name and hash.

The encoder, the directions and the mapping network are the base model's and are not stored, so that a file takes only a
few megabytes. Like every ``.safetensors`` file, it cannot contain code.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.types import FloatArray
from ppgan_ext.weights import catalog, readers, store
from ppgan_ext.weights.catalog import FileRecord, ModelRecord
from ppgan_ext.weights.rename import State, check_match

KIND = "tuned generator"
# Tuning changes neither the mapping network nor the buffers, which are not parameters.
UNTUNED = ("style.",)
_PREFIX = "tuned."
# Below this root mean square difference of their codes, two photos count as the same. Encoding a photo twice differs by
# rounding; two photos of one person differ by about 0.3.
_SAME_PHOTO = 0.02


@dataclass(frozen=True)
class Base:
    """The model from which a generator was tuned.

    Attributes:
        model_type: its name in the catalog; "" for a file of the user's own.
        path: its file.
        sha256: of the file, in hexadecimal.
    """

    model_type: str
    path: Path
    sha256: str

    @property
    def name(self) -> str:
        """Its name for messages."""
        return self.model_type or str(self.path)

    def record(self, requested: ModelRecord | None, where: object) -> ModelRecord | None:
        """Return the catalog's record of the model; None for a file of the user's own.

        Args:
            requested: the record that the user has selected, if any.
            where: the tuned file, for messages.

        Raises:
            WeightsError: the user has selected another model.
        """
        record = catalog.MODELS.get(self.model_type)
        if requested is not None and requested is not record:
            cure = f"Give model_type {self.model_type}" if record else "Leave model_type out"
            what = f"was tuned from {self.name}, not from the model '{requested.name}'"
            raise WeightsError(what, where=where, cure=cure)
        return record

    def locate(self, where: object) -> Path:
        """Find the file through the catalog, at its recorded path, or beside the tuned file.

        Args:
            where: the tuned file.

        Raises:
            WeightsError: the file is in none of these places, or has changed.
        """
        record = self._file_record()
        local = None if record is None else store.find_local(record)
        candidates = [path for path in (local, self.path, Path(str(where)).parent / self.path.name) if path is not None]
        files = [path for path in candidates if path.is_file()]
        if not files and record is not None:
            files = [store.locate(record)]
        for path in files:
            if store.file_hash(path) == self.sha256:
                return path
        if files:
            what = f"was tuned from another version of {self.name}"
            raise WeightsError(what, where=where, cure="Tune again with this version")
        cure = f"Put {self.path.name} beside it"
        raise WeightsError(f"was tuned from {self.name}, which no longer exists", where=where, cure=cure)

    def noted_path(self) -> str:
        """Return the path to record: just the name of a catalog file, which can be found on any machine."""
        record = self._file_record()
        local = None if record is None else store.find_local(record)
        return self.path.name if local == self.path else str(self.path.resolve())

    def _file_record(self) -> FileRecord | None:
        record = catalog.MODELS.get(self.model_type)
        return None if record is None else record.weights


@dataclass(frozen=True, eq=False)
class Tuned:
    """The content of a file of a tuned generator.

    Attributes:
        base: the model it belongs to.
        state: the arrays that replace the base model's.
        pivots: (k, n_latent, D) float32, the codes from which it renders its photos.
        encoded: (k, n_latent, D) float32, the encoder's first codes of these photos.
    """

    base: Base
    state: State
    pivots: FloatArray
    encoded: FloatArray

    def put_into(self, state: State, where: object) -> State:
        """Return a generator's state with the tuned arrays in place.

        Args:
            state: of the base model's generator, name -> array.
            where: the tuned file, for messages.

        Raises:
            WeightsError: the tuned arrays do not belong to this generator.
        """
        expected = {name: state[name].shape for name in self.state if name in state}
        check_match({name: array.shape for name, array in self.state.items()}, expected, where, cure="Tune again")
        return {**state, **self.state}

    def pivot_of(self, w_plus: FloatArray) -> FloatArray | None:
        """Return the pivot of a photo that the generator was tuned to, (n_latent, D); None for any other photo.

        Args:
            w_plus: (n_latent, D), the encoder's first code of the photo.
        """
        distances = np.sqrt(((self.encoded - w_plus) ** 2).mean(axis=(1, 2)))
        nearest = int(distances.argmin())
        return self.pivots[nearest] if distances[nearest] < _SAME_PHOTO else None


def write(
    path: str | os.PathLike[str],
    parameters: Mapping[str, FloatArray],
    base: Base,
    pivots: FloatArray,
    encoded: FloatArray | None = None,
    *,
    licence: str,
    provenance: str,
) -> None:
    """Write a tuned generator atomically. Its weights are stored in half precision: see `docs/architecture.md`.

    Args:
        path: ``.safetensors``.
        parameters: of the generator, by name; those of the mapping network are left out.
        base: the model it was tuned from.
        pivots: (k, n_latent, D).
        encoded: (k, n_latent, D), the encoder's first codes of the photos; None if there are none, which stores the
            pivots instead.
        licence: of the base model, which also applies to models derived from it.
        provenance: in words.

    Raises:
        ConfigError: the suffix is not ``.safetensors``.
        WeightsError: a weight is out of the range of half precision.
        OutputError: the file cannot be written.
    """
    if Path(path).suffix.lower() != ".safetensors":
        raise ConfigError("tuned generators are written as .safetensors", where=path, cure="Change the suffix")
    state: dict[str, Any] = {"pivots": np.asarray(pivots, np.float32)}
    state["encoded"] = state["pivots"] if encoded is None else np.asarray(encoded, np.float32)
    for name, array in parameters.items():
        if name.startswith(UNTUNED):
            continue
        with np.errstate(over="ignore"):
            state[_PREFIX + name] = array.astype(np.float16)
        if not np.isfinite(state[_PREFIX + name]).all():
            what = f"{name} is out of the range of half precision"
            raise WeightsError(what, where=path, cure="Tune with a lower learning rate")
    notes = {"format": "ppgan_ext", "kind": KIND, "model_type": base.model_type, "base_sha256": base.sha256}
    notes["base_path"] = base.noted_path()
    readers.write(path, state, notes | {"licence": licence, "provenance": provenance})


def is_tuned(notes: Mapping[str, str]) -> bool:
    """Return whether the notes in a file's header are those of a tuned generator."""
    return notes.get("kind") == KIND


def unpack(tree: Mapping[str, Any], notes: Mapping[str, str], where: object) -> Tuned:
    """Parse the content of a file of a tuned generator.

    Args:
        tree: from `readers.read`.
        notes: from `readers.read_metadata`.
        where: the file, for messages.

    Raises:
        WeightsError: the file is incomplete.
    """
    state = {name.removeprefix(_PREFIX): array for name, array in tree.items() if name.startswith(_PREFIX)}
    pivots, encoded = tree.get("pivots"), tree.get("encoded")
    codes = [code for code in (pivots, encoded) if isinstance(code, np.ndarray) and code.ndim == 3 and len(code) > 0]
    missing = {"base_path", "base_sha256", "model_type"} - set(notes)
    if missing or not state or len(codes) != 2 or codes[0].shape != codes[1].shape:
        raise WeightsError("is a damaged file of a tuned generator", where=where, cure="Tune again")
    base = Base(notes["model_type"], Path(notes["base_path"]), notes["base_sha256"])
    return Tuned(base, state, *(np.asarray(code, np.float32) for code in codes))
