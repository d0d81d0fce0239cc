"""The faces that are measured: which they are, what is known about them, and the groups that they are in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from ppgan_ext.data.image_source import ImageSource
from ppgan_ext.data.squares import square
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.metrics.model_outputs import spread
from ppgan_ext.types import FloatArray, Image

AGE_GROUPS = ((0, 12), (13, 19), (20, 39), (40, 59), (60, 200))
GENDERS = ("male", "female")
# Individual typology angle, degrees (Chardon et al., Int. J. Cosmetic Science 13, 1991), its six classes in three.
_LIGHT, _MEDIUM = 41.0, 10.0
_COLOURLESS = 80.0  # beyond it there is hardly any yellow: a photo in black and white
_CHEEKS = ([1, 3, 48, 31, 40, 41], [15, 13, 54, 35, 47, 46])


@dataclass(frozen=True)
class HeldBack:
    """Faces that no training has seen, in a source that may hold others before them.

    Attributes:
        source: all faces.
        first: number of the first that was held back.
        size: side of the pictures that are compared.
        left_out: rows that are not measured, since the same photo lies among the faces before them.
    """

    source: ImageSource
    first: int
    size: int
    left_out: frozenset[int] = frozenset()

    def rows(self, num: int) -> list[int]:
        """Choose ``num`` of the held-back faces, evenly spread; all where they are fewer."""
        free = [row for row in range(self.first, len(self.source)) if row not in self.left_out]
        return [free[place] for place in spread(len(free), num)]

    def without_twins(self, twins: Iterable[int]) -> HeldBack:
        """Return the same faces without these rows."""
        return replace(self, left_out=frozenset(twins))

    def image(self, row: int) -> Image:
        """Read a face, (size, size, 3) RGB uint8: its central square.

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
        """Age in years and gender (0 male, 1 female) of all faces, (N, 2), NaN unknown; None where there are none."""
        try:
            labels = np.asarray(self.source.column("label"), np.float64)[:, :2].copy()
        except InputError:  # folders and zips carry no labels
            return None
        labels[labels < 0] = np.nan
        return labels

    def _label(self, row: int, column: int) -> float | None:
        value = np.nan if self.labels is None else self.labels[row, column]
        return None if np.isnan(value) else float(value)


def open_held_back(source: ImageSource, held_back: int | None, recorded: int | None, size: int) -> HeldBack:
    """Settle which faces may be measured.

    Args:
        source: all faces.
        held_back: the last so many; 0 for all; None for what is recorded.
        recorded: how many the training of the model has held back; None where that is not known.
        size: side of the model's pictures.

    Raises:
        ConfigError: nobody says which faces were held back, or more are asked for than were, or than there are.
    """
    count = recorded if held_back is None else held_back
    if count is None:
        cure = "Give --held_back N for the last N faces of the input, or 0 where all of them were held back"
        raise ConfigError("which faces was the model not trained on?", where="held_back", cure=cure)
    if held_back and recorded is not None and held_back > recorded:
        cure = f"Give at most {recorded}, or another set with --held_back 0"
        what = f"the training of this model held back {recorded} faces, not {held_back}: it has seen the others"
        raise ConfigError(what, where="held_back", cure=cure)
    if count > len(source):
        raise ConfigError(f"{count} faces are more than the {len(source)} there are", where="held_back")
    return HeldBack(source, len(source) - count if count else 0, size)


def age_group(age: float | None) -> str:
    """Name the group of an age: "20-39", "60+", "unknown"."""
    if age is None:
        return "unknown"
    low, high = next(group for group in AGE_GROUPS if age <= group[1])
    return f"{low}-{high}" if high < AGE_GROUPS[-1][1] else f"{low}+"


def typology_angle(image: Image, landmarks: FloatArray) -> float:
    """Return the individual typology angle of the cheeks in degrees, arctan((L* - 50) / b*): high is light skin.

    In a photo of unknown light it is a proxy: it follows the exposure as much as the skin.

    Args:
        image: (H, W, 3) RGB uint8.
        landmarks: (68, 2).
    """
    mask = np.zeros(image.shape[:2], np.uint8)
    for cheek in _CHEEKS:
        cv2.fillPoly(mask, [np.rint(landmarks[cheek]).astype(np.int32)], 1)
    inside = mask > 0
    if not inside.any():
        return float("nan")
    lab = cv2.cvtColor(image.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)[inside]
    lightness, _, yellowness = np.median(lab, axis=0)
    return float(np.degrees(np.arctan2(lightness - 50.0, max(float(yellowness), 1e-3))))


def skin_group(angle: float | None) -> str:
    """Name the group of a typology angle: "light" above 41 degrees, "medium" above 10, "dark"; "unknown"."""
    if angle is None or not np.isfinite(angle) or abs(angle) > _COLOURLESS:
        return "unknown"
    return "light" if angle > _LIGHT else "medium" if angle > _MEDIUM else "dark"
