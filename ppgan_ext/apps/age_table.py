"""Tables of photos: the age and sex that a CSV gives each file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ppgan_ext.errors import ConfigError, InputError, nearest

_AGE = "age"


class AgeColumns(NamedTuple):
    """Columns of the table.

    Attributes:
        file: with the file's name.
        age: with the age in years; None takes "age", or the first column whose name begins with it.
        sex: with the sex; it may be missing.
    """

    file: str = "file"
    age: str | None = None
    sex: str = "sex"


def read_ages(path: Path, columns_asked: AgeColumns) -> dict[str, tuple[float, str]]:
    """Read age and sex of each file; an age that is not given is NaN.

    Raises:
        ConfigError: a column is missing.
        InputError: the file cannot be read, or an age is no number.
    """
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))
        lines = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot be read ({error})", where=path, cure="Check the path") from error
    columns = list(reader.fieldnames or ())
    file_column, age_column = _column(columns, columns_asked.file, path), _age_column(columns, columns_asked.age, path)
    return {
        Path(line[file_column] or "").name: (
            _age(line, age_column, f"{path}:{number}"),
            line.get(columns_asked.sex) or "",
        )
        for number, line in enumerate(lines, start=2)
    }


def _age_column(columns: Sequence[str], asked: str | None, path: Path) -> str:
    if asked is not None:
        return _column(columns, asked, path)
    candidates = [name for name in columns if name == _AGE] + [name for name in columns if name.startswith(_AGE)]
    return candidates[0] if candidates else _column(columns, _AGE, path)


def _column(columns: Sequence[str], name: str, path: Path) -> str:
    if name not in columns:
        raise ConfigError(f"has no column '{name}'", where=path, cure=nearest(name, columns))
    return name


def _age(line: Mapping[str, str | None], column: str, where: str) -> float:
    text = (line[column] or "").strip()
    if not text:
        return math.nan
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"'{text}' is no age", where=where, cure="Give years, or leave it empty") from error
