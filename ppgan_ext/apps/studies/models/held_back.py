"""The faces that are measured: those held back from training, with their labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ppgan_ext.data.image_source import ImageSource
from ppgan_ext.data.squares import square
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.metrics.model_outputs import spread
from ppgan_ext.types import FloatArray, Image

GENDERS = ("male", "female")


@dataclass(frozen=True)
class HeldBackFaces:
    """Faces held back from training: the last ones of a source, after those trained on.

    Attributes:
        source: all faces.
        first: number of the first face held back.
        size: side of the pictures that are compared.
        left_out: rows that are not measured, as the same photo is among the faces trained on.
    """

    source: ImageSource
    first: int
    size: int
    left_out: frozenset[int] = frozenset()

    def rows(self, num: int) -> list[int]:
        """Return ``num`` rows of held-back faces, evenly spread; all of them where there are fewer."""
        rows = [row for row in range(self.first, len(self.source)) if row not in self.left_out]
        return [rows[place] for place in spread(len(rows), num)]

    def without_twins(self, twins: Iterable[int]) -> HeldBackFaces:
        """Return the same faces without these rows."""
        return replace(self, left_out=frozenset(twins))

    def image(self, row: int) -> Image:
        """Read the central square of a face, (size, size, 3) RGB uint8.

        Raises:
            BadFileError: it cannot be read.
        """
        return square(self.source.read(row), self.size)

    def age(self, row: int) -> float | None:
        """Return the labelled age in years; None if it is unknown."""
        return self._label(row, 0)

    def gender(self, row: int) -> str | None:
        """Return the labelled gender, "male" or "female"; None if it is unknown."""
        value = self._label(row, 1)
        return None if value is None or value not in (0, 1) else GENDERS[int(value)]

    @cached_property
    def labels(self) -> FloatArray | None:
        """Age in years and gender (0 male, 1 female) of all faces, (N, 2), NaN unknown; None without labels."""
        try:
            labels = np.asarray(self.source.column("label"), np.float64)[:, :2].copy()
        except InputError:  # folders and zips carry no labels
            return None
        labels[labels < 0] = np.nan
        return labels

    def _label(self, row: int, column: int) -> float | None:
        value = np.nan if self.labels is None else self.labels[row, column]
        return None if np.isnan(value) else float(value)


def open_held_back(source: ImageSource, held_back: int | None, recorded: int | None, size: int) -> HeldBackFaces:
    """Determine which faces may be measured.

    Args:
        source: all faces.
        held_back: how many of the last faces to use; 0 uses all faces, None the recorded number, or all faces where
            there are fewer: a set of one's own.
        recorded: how many faces the model's training held back; None if unknown.
        size: side of the model's pictures.

    Raises:
        ConfigError: the number is unknown, or larger than the recorded number or the number of faces.
    """
    count = held_back
    if count is None and recorded is not None:
        count = min(recorded, len(source))
    if count is None:
        cure = "Give --held_back N for the last N faces of the input, or 0 if all of them were held back"
        raise ConfigError("which faces was the model not trained on?", where="held_back", cure=cure)
    if held_back and recorded is not None and held_back > recorded:
        cure = f"Give at most {recorded}, or another set with --held_back 0"
        what = f"this model's training held back {recorded} faces, not {held_back}: it has seen the others"
        raise ConfigError(what, where="held_back", cure=cure)
    if count > len(source):
        cure = f"Give at most {len(source)}"
        raise ConfigError(f"{count} faces are more than the {len(source)} there are", where="held_back", cure=cure)
    return HeldBackFaces(source, len(source) - count if count else 0, size)
