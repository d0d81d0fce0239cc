"""The photos of the study, with the ages and sexes that a CSV gives them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ppgan_ext.apps.age_table import AgeColumns, read_ages
from ppgan_ext.apps.batch import Job, open_inputs
from ppgan_ext.apps.studies.photos.options import PhotoStudyOptions
from ppgan_ext.errors import ConfigError, InputError


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
    table = read_ages(Path(options.ages), AgeColumns(options.file_column, options.age_column, options.sex_column))
    photos = [StudyPhoto(job, *table.get(Path(job.name).name, (math.nan, ""))) for job in jobs]
    if all(math.isnan(photo.age) for photo in photos):
        cure = f"The column '{options.file_column}' must hold names such as {photos[0].name}"
        raise InputError("names none of the photos", where=options.ages, cure=cure)
    return photos
