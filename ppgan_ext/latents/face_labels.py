"""Labels of faces, from a table or from landmarks, as attributes for fitting directions."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np

from ppgan_ext.errors import ConfigError, InputError, nearest
from ppgan_ext.file_names import cure_of_missing, match_paths
from ppgan_ext.latents.attributes import NUM_LANDMARKS, PADDLEGAN_NAMES, geometric_attributes
from ppgan_ext.latents.codes import read_numpy
from ppgan_ext.latents.fit_directions import Attribute, in_deviations
from ppgan_ext.text_files import read_text
from ppgan_ext.types import FloatArray
from ppgan_ext.untrusted import door, shown

UNITS = {"age": "year", "gender": "class", "yaw": "degree", "pitch": "degree", "roll": "degree"}
NAME_COLUMN, LANDMARKS_COLUMN = "name", "landmarks"
_MAX_BYTES = 256 * 2**20

_FOLDERS = f"Write names with their folders into the column '{NAME_COLUMN}'"

# Attributes that an edit must not change unless it edits them: the person, their pose, their expression.
_KEPT = ("age", "gender", "yaw", "pitch", "roll", "smile", "mouth_open")
_KEPT_BESIDES = {"eye_ratio": ("eyes_open",), "eyes_open": ("eye_eyebrow_distance",), "lip_ratio": ("mouth_ratio",)}


@dataclass(frozen=True)
class Words:
    """What makes a column unusable as numbers.

    Attributes:
        text: of its first cell that is no number.
        row: of that cell, the header being row 1.
        has_numbers: whether other cells are numbers, so that this one is likely to be a mistake.
    """

    text: str
    row: int
    has_numbers: bool

    def __str__(self) -> str:
        return f"contains '{shown(self.text, 40)}' in row {self.row}"


@dataclass(frozen=True, eq=False)
class LabelTable:
    """Labels of N faces.

    Attributes:
        names: file names of the faces, or None.
        columns: by name, (N,) float64, NaN where unknown.
        num_rows: N.
        words: columns that are not numbers, by name.
    """

    names: list[str] | None
    columns: dict[str, FloatArray]
    num_rows: int
    words: dict[str, Words] = field(default_factory=dict)

    def check(self, names: Sequence[str]) -> None:
        """Raise InputError if one of these columns is not numbers."""
        for name in names:
            if name in self.words:
                cure = "Use numbers; leave unknown cells empty"
                raise InputError(f"column '{shown(name, 60)}' {self.words[name]}", where="labels", cure=cure)


def read_table(path: str | os.PathLike[str]) -> LabelTable:
    """Read labels from a CSV file with a header, or from an `.npz` of arrays.

    Unknown values are empty cells, "nan", and -1 in a column of whole numbers without other negative ones (UTKFace's
    convention; an angle of -1 degree stays as it is). The column `name` contains file names. An `.npz` may contain
    `landmarks` (N, 68, 2); every geometric attribute is then computed from them.

    Columns of words are noted in `LabelTable.words`, in case nobody needs them.

    Raises:
        InputError: the file does not exist, cannot be read, has no rows, rows of different lengths, or no numbers.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError("no such file", where=source, cure=cure_of_missing(source, "Check the path of the labels"))
    with door(source, InputError, "Save it again"):
        table = _read_arrays(source) if source.suffix.lower() == ".npz" else _read_csv(source)
    lengths = {len(column) for column in table.columns.values()} | {table.num_rows}
    if not table.columns:
        table.check(list(table.words))
    if len(lengths) != 1 or not table.columns or lengths == {0}:
        cure = "Give one row per face, and at least one column of numbers"
        raise InputError("is not a table of labels", where=source, cure=cure)
    return table


def match_rows(table: LabelTable, names: Sequence[str] | None, num_codes: int) -> dict[str, FloatArray]:
    """Return labels in the order of the codes.

    Args:
        table: the labels.
        names: file names of the codes, or None if they have none.
        num_codes: number of codes.

    Returns:
        Columns (num_codes,), NaN for codes without a label. Names match with or without suffix and folders, but never
        against folders that both have (`file_names.match_paths`); without names on both sides, rows match by order.

    Raises:
        InputError: no name matches; a name fits several faces or rows; without names, the numbers differ.
    """
    if names is None or table.names is None:
        if table.num_rows != num_codes:
            what = f"{table.num_rows} labels for {num_codes} codes, and no names to match them by"
            raise InputError(what, where="labels", cure=f"Add a column '{NAME_COLUMN}' with the file names")
        return table.columns
    _refuse_repeated(table.names)
    order = np.full(num_codes, -1)
    face_of: dict[int, str] = {}
    for face, matches in enumerate(match_paths(names, table.names)):
        if len(matches) > 1:
            rows = ", ".join(f"'{shown(table.names[row])}'" for row in matches[:3])
            raise InputError(f"{rows} may all be the face '{shown(names[face])}'", where="labels", cure=_FOLDERS)
        for row in matches:
            if row in face_of:
                what = f"'{shown(table.names[row])}' may be '{shown(face_of[row])}' or '{shown(names[face])}'"
                raise InputError(what, where="labels", cure=_FOLDERS)
            face_of[row] = names[face]
            order[face] = row
    if (order < 0).all():
        what = f"no label has the name of a face: '{table.names[0]}' in the table, '{names[0]}' in the codes"
        raise InputError(what, where="labels", cure=f"Give file names in the column '{NAME_COLUMN}'")
    return {key: np.where(order < 0, np.nan, column[order]) for key, column in table.columns.items()}


def _refuse_repeated(names: Sequence[str]) -> None:
    seen: set[PurePath] = set()
    for name in names:
        path = PurePath(name).with_suffix("") if PurePath(name).name else PurePath(name)
        if path in seen:
            raise InputError(f"'{name}' occurs twice", where="labels", cure="Remove one of the rows")
        seen.add(path)


def as_attributes(columns: Mapping[str, FloatArray], names: Sequence[str] | None = None) -> list[Attribute]:
    """Convert columns to attributes with units.

    age is in years; yaw, pitch and roll are in degrees. A column of two values becomes 0 and 1, unit "class"; any other
    is converted to standard deviations, unit "sd".

    Args:
        columns: by name, (N,), NaN where unknown.
        names: columns to convert, None for all.

    Raises:
        ConfigError: an unknown name, with the nearest one.
        InputError: a column has only one value.
    """
    attributes = []
    for name in columns if names is None else dict.fromkeys(names):
        if name not in columns:
            raise ConfigError(f"unknown attribute '{name}'", where="attributes", cure=nearest(name, columns))
        attributes.append(_as_attribute(name, np.asarray(columns[name], dtype=np.float64)))
    return attributes


def paddlegan_attributes(
    landmarks: FloatArray, age: FloatArray, gender: FloatArray, yaw: FloatArray, pitch: FloatArray
) -> list[Attribute]:
    """Return the sixteen attributes of PaddleGAN's direction file, in its order.

    Args:
        landmarks: (N, 68, 2), see `attributes`.
        age: (N,) years, NaN where unknown.
        gender: (N,) 0 male, 1 female, NaN where unknown.
        yaw: (N,) degrees in this package's sign (`attributes.pose_signs`).
        pitch: (N,) degrees in this package's sign.
    """
    columns = {**geometric_attributes(landmarks), "age": age, "gender": gender, "yaw": yaw, "pitch": pitch}
    return as_attributes(columns, PADDLEGAN_NAMES)


def paddlegan_orthogonal(controls: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return for each of the sixteen attributes those that its direction must not change.

    These are age, gender, pose, smile, open mouth and `controls`. Shapes of features may change with age or gender, as
    they do in life.
    """
    return {
        name: [other for other in (*_KEPT, *_KEPT_BESIDES.get(name, ()), *controls) if other != name]
        for name in PADDLEGAN_NAMES
    }


def class_indicators(values: FloatArray, prefix: str) -> list[Attribute]:
    """Convert class numbers (N,), NaN where unknown, to one 0/1 attribute for each class except the smallest number."""
    classes = np.unique(values[np.isfinite(values)])
    return [
        Attribute(f"{prefix}_{number:g}", np.where(np.isfinite(values), values == number, np.nan), "class")
        for number in classes[1:]
    ]


def _as_attribute(name: str, values: FloatArray) -> Attribute:
    distinct = np.unique(values[np.isfinite(values)])
    if len(distinct) < 2:
        cure = "Leave this attribute out"
        raise InputError("the same for all faces, or known for none", where=name, cure=cure)
    if len(distinct) == 2:
        return Attribute(name, (values - distinct[0]) / (distinct[1] - distinct[0]), "class")
    return Attribute(name, values, UNITS[name]) if name in UNITS else Attribute(name, in_deviations(values), "sd")


def _without_unknown(column: FloatArray) -> FloatArray:
    values = column[np.isfinite(column)]
    negative = values[values < 0]
    if len(negative) and (negative == -1).all() and (values == np.round(values)).all():
        return np.where(column == -1, np.nan, column)
    return column


def _read_arrays(path: Path) -> LabelTable:
    arrays = read_numpy(path)
    if not isinstance(arrays, dict):
        raise InputError("is one array, not a table", where=path, cure="Save the columns with numpy.savez")
    names = [str(name) for name in arrays[NAME_COLUMN].reshape(-1)] if NAME_COLUMN in arrays else None
    columns: dict[str, FloatArray] = {
        key: array.astype(np.float64)
        for key, array in arrays.items()
        if array.ndim == 1 and array.dtype.kind in "fiub" and key != NAME_COLUMN
    }
    landmarks = arrays.get(LANDMARKS_COLUMN)
    if landmarks is not None and landmarks.shape[1:] == (NUM_LANDMARKS, 2) and landmarks.dtype.kind in "fiu":
        columns = {**geometric_attributes(landmarks), **columns}
    num_rows = len(names) if names is not None else max(map(len, columns.values()), default=0)
    return LabelTable(names, {key: _without_unknown(column) for key, column in columns.items()}, num_rows)


def _read_csv(path: Path) -> LabelTable:
    try:
        rows = [row for row in csv.reader(io.StringIO(read_text(path, _MAX_BYTES), newline=""), strict=True) if row]
    except csv.Error as error:
        raise InputError(f"cannot be read as CSV ({error})", where=path, cure="Save it as UTF-8 CSV") from error
    header, body = [cell.strip() for cell in rows[0]] if rows else [], rows[1:]
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            cure = "Give every row as many cells as the header"
            raise InputError(
                f"{len(row)} cells under a header of {len(header)}", where=f"{path}, row {number}", cure=cure
            )
    cells = {key: [row[index].strip() for row in body] for index, key in enumerate(header)}
    names = cells.pop(NAME_COLUMN, None)
    columns, words = {}, {}
    for key, column in cells.items():
        numbers = [_number(text) for text in column]
        wrong = next((row for row, number in enumerate(numbers) if number is None), None)
        if wrong is None:
            columns[key] = _without_unknown(np.array(numbers, np.float64))
        else:
            has_numbers = any(number is not None and np.isfinite(number) for number in numbers)
            words[key] = Words(column[wrong], wrong + 2, has_numbers)
    return LabelTable(names, columns, len(body), words)


def _number(text: str) -> float | None:
    """Return a cell's number, NaN for an empty cell; None if it is a word."""
    try:
        return float(text) if text else np.nan
    except ValueError:
        return None
