"""The photos of the study, with the ages and sexes that a CSV gives them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ppgan_ext.apps.batch import Job, open_inputs
from ppgan_ext.apps.studies.photos.options import PhotoStudyOptions
from ppgan_ext.errors import ConfigError, InputError, nearest

_AGE = "age"


@dataclass(frozen=True, eq=False)
class StudyPhoto:
    """One photo of the study.

    Attributes:
        job: the photo as the predictors take it.
        age: age from the table in years; NaN if unknown.
        sex: sex from the table; empty if unknown.
    """

    job: Job
    age: float = math.nan
    sex: str = ""

    @property
    def name(self) -> str:
        """The file's name."""
        return Path(self.job.name).name


def open_study_photos(options: PhotoStudyOptions) -> list[StudyPhoto]:
    """List the photos, and look each up in the table of ages by its file's name.

    Raises:
        ConfigError: no photos are given, or the table lacks a column.
        InputError: the table cannot be read, or names none of the photos.
    """
    if not options.input:
        raise ConfigError("there are no photos", where="input", cure="Give photos, or a folder of photos")
    jobs = open_inputs(list(options.input)).jobs
    if options.ages is None:
        return [StudyPhoto(job) for job in jobs]
    table = read_ages(Path(options.ages), options)
    photos = [StudyPhoto(job, *table.get(Path(job.name).name, (math.nan, ""))) for job in jobs]
    if all(math.isnan(photo.age) for photo in photos):
        cure = f"The column '{options.file_column}' must hold names such as {photos[0].name}"
        raise InputError("names none of the photos", where=options.ages, cure=cure)
    return photos


def read_ages(path: Path, options: PhotoStudyOptions) -> dict[str, tuple[float, str]]:
    """Read age and sex of each file.

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
    file_column, age_column = _column(columns, options.file_column, path), _age_column(columns, options, path)
    return {
        Path(line[file_column] or "").name: (
            _age(line, age_column, f"{path}:{number}"),
            line.get(options.sex_column) or "",
        )
        for number, line in enumerate(lines, start=2)
    }


def _age_column(columns: Sequence[str], options: PhotoStudyOptions, path: Path) -> str:
    if options.age_column is not None:
        return _column(columns, options.age_column, path)
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
