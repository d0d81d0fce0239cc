"""Generators tuned to photos, as files: what tuning changed, and by name and hash the model that it belongs to.

Such a file holds neither the encoder nor the directions nor the mapping network: those are the model's own, and so the
file is a few megabytes. Like every ``.safetensors`` it can carry no code.
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
# The mapping network stays as it was, and so do buffers, which are no parameters.
UNTUNED = ("style.",)
_PREFIX = "tuned."
# Root mean square per number of a code within which a photo is taken for the one that was tuned to. Reading the same
# photo again differs by rounding; two photos of one person differ by some 0.3.
_SAME_PHOTO = 0.02


@dataclass(frozen=True)
class Base:
    """The model that a generator was tuned from.

    Attributes:
        model_type: its name in the catalog; "" for a file of the user's own.
        path: its file.
        sha256: of the file.
    """

    model_type: str
    path: Path
    sha256: str

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return self.model_type or str(self.path)

    def record(self, asked: ModelRecord | None, where: object) -> ModelRecord | None:
        """Return the catalog's record of the model; None for a file of the user's own.

        Args:
            asked: the record that the user asked for, if any.
            where: the tuned file, for messages.

        Raises:
            WeightsError: another model was asked for.
        """
        record = catalog.MODELS.get(self.model_type)
        if asked is not None and asked is not record:
            cure = f"Give model_type {self.model_type}" if record else "Leave model_type out"
            raise WeightsError(f"was tuned from {self.name}, not from the model '{asked.name}'", where=where, cure=cure)
        return record

    def locate(self, where: object) -> Path:
        """Find the file: by the catalog, where it was, or beside the tuned file.

        Args:
            where: the tuned file.

        Raises:
            WeightsError: it is nowhere, or is another one now.
        """
        record = self._file_record()
        known = None if record is None else store.find_local(record)
        candidates = [path for path in (known, self.path, Path(str(where)).parent / self.path.name) if path is not None]
        found = [path for path in candidates if path.is_file()]
        if not found and record is not None:
            found = [store.locate(record)]
        for path in found:
            if store.file_hash(path) == self.sha256:
                return path
        if found:
            what = f"was tuned from another version of {self.name}"
            raise WeightsError(what, where=where, cure="Tune again with this version")
        cure = f"Put {self.path.name} beside it"
        raise WeightsError(f"was tuned from {self.name}, which is not there any more", where=where, cure=cure)

    def noted_path(self) -> str:
        """What to write down as its place: of the catalog's own file the name alone, which is found on any machine."""
        record = self._file_record()
        known = None if record is None else store.find_local(record)
        return self.path.name if known == self.path else str(self.path.resolve())

    def _file_record(self) -> FileRecord | None:
        record = catalog.MODELS.get(self.model_type)
        return None if record is None else record.weights


@dataclass(frozen=True, eq=False)
class Tuned:
    """What a file of a tuned generator says.

    Attributes:
        base: the model it belongs to.
        state: the arrays that take the place of the model's.
        pivots: (k, n_latent, D) float32, the codes that it draws its photos from.
        encoded: (k, n_latent, D) float32, what the encoder said of these photos at first sight.
    """

    base: Base
    state: State
    pivots: FloatArray
    encoded: FloatArray

    def put_into(self, state: State, where: object) -> State:
        """Return a generator's state with the tuned arrays in their places.

        Raises:
            WeightsError: they are not arrays of this generator.
        """
        places = {name: state[name].shape for name in self.state if name in state}
        check_match({name: array.shape for name, array in self.state.items()}, places, where, cure="Tune again")
        return {**state, **self.state}

    def pivot_of(self, w_plus: FloatArray) -> FloatArray | None:
        """Return the pivot of a photo that it was tuned to, (n_latent, D); None for any other photo.

        Args:
            w_plus: (n_latent, D), what the encoder says of the photo at first sight.
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
    """Write a tuned generator, atomically. Its weights are stored in half precision: see `docs/architecture.md`.

    Args:
        path: ``.safetensors``.
        parameters: of the generator, by name; those of the mapping network are left out.
        base: the model it was tuned from.
        pivots: (k, n_latent, D).
        encoded: (k, n_latent, D), what the encoder said of the photos; None where nobody asked it.
        licence: of the model, which holds for what is made from it.
        provenance: in words.

    Raises:
        ConfigError: another suffix.
        WeightsError: a weight that half precision cannot hold.
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
            raise WeightsError(f"{name} does not fit half precision", where=path, cure="Tune with a lower rate")
    notes = {"format": "ppgan_ext", "kind": KIND, "model_type": base.model_type, "base_sha256": base.sha256}
    notes["base_path"] = base.noted_path()
    readers.write(path, state, notes | {"licence": licence, "provenance": provenance})


def is_tuned(notes: Mapping[str, str]) -> bool:
    """Tell a tuned generator by the notes in a file's header."""
    return notes.get("kind") == KIND


def unpack(tree: Mapping[str, Any], notes: Mapping[str, str], where: object) -> Tuned:
    """Take a file of a tuned generator apart.

    Args:
        tree: what `readers.read` gave.
        notes: what `readers.read_metadata` gave.
        where: the file, for messages.

    Raises:
        WeightsError: something is missing.
    """
    state = {name.removeprefix(_PREFIX): array for name, array in tree.items() if name.startswith(_PREFIX)}
    pivots, encoded = tree.get("pivots"), tree.get("encoded")
    codes = [code for code in (pivots, encoded) if isinstance(code, np.ndarray) and code.ndim == 3 and len(code) > 0]
    missing = {"base_path", "base_sha256", "model_type"} - set(notes)
    if missing or not state or len(codes) != 2 or codes[0].shape != codes[1].shape:
        raise WeightsError("is a damaged file of a tuned generator", where=where, cure="Tune again")
    base = Base(notes["model_type"], Path(notes["base_path"]), notes["base_sha256"])
    return Tuned(base, state, *(np.asarray(code, np.float32) for code in codes))
