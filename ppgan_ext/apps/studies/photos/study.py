"""The study of edited photos: edits every photo as asked, measures every result, and writes tables and sheets."""

from __future__ import annotations

import csv
import io
import json
import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

from ppgan_ext import files, images, runtime
from ppgan_ext.apps.batch import attempt
from ppgan_ext.apps.codes.encoded_face import choose_faces
from ppgan_ext.apps.photo.age import AgeEditingPredictor
from ppgan_ext.apps.photo.edit import StyleGANv2EditingPredictor
from ppgan_ext.apps.photo.predictor import UnseenTuningWarning
from ppgan_ext.apps.predictor import Progress, no_progress
from ppgan_ext.apps.studies.photos import report
from ppgan_ext.apps.studies.photos.edits import Call, EditMaker, SheetRow, check_settings
from ppgan_ext.apps.studies.photos.judge import ABSENT, open_judge
from ppgan_ext.apps.studies.photos.measurement import FaceReader, FaceReading, Measurement, figures_of
from ppgan_ext.apps.studies.photos.options import PhotoStudyOptions
from ppgan_ext.apps.studies.photos.photo_table import StudyPhoto, open_study_photos
from ppgan_ext.apps.studies.photos.sheets import SheetWriter, photo_label, result_label
from ppgan_ext.apps.studies.photos.summary import summarise
from ppgan_ext.errors import InputError
from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.metrics.model_outputs import spread
from ppgan_ext.types import Face, Image

Say: TypeAlias = Callable[[str], None]

_COLUMNS = tuple(field.name for field in fields(Measurement) if field.name not in ("before", "changes"))


@dataclass(frozen=True)
class StudyReport:
    """What a study has written.

    Attributes:
        summary: the figures, as in ``photos.json``.
        markdown: the tables, as in ``photos.md``.
        files: all files written.
        notes: what could not be measured.
    """

    summary: dict[str, Any]
    markdown: str
    files: list[Path]
    notes: list[str]


@dataclass(frozen=True, eq=False)
class _OpenedPhoto:
    """A photo in memory, with its chosen faces and what is read off them."""

    photo: StudyPhoto
    image: Image
    faces: list[Face]
    readings: list[FaceReading | None]


def run_study(
    options: PhotoStudyOptions, progress: Progress = no_progress, say: Say = lambda note: None
) -> StudyReport:
    """Edit and measure photos; see `PhotoStudy`.

    Raises:
        ConfigError: options that cannot be used.
        InputError: there are no photos, or not one of them could be measured.
    """
    study = PhotoStudy(options, progress, say)
    try:
        study.measure()
    except KeyboardInterrupt:
        study.write()
        raise
    result = study.write()
    if not any(not measurement.error for measurement in study.measurements):
        reasons = study.measurements[0].error.rstrip(".") if study.measurements else "no section was asked for"
        raise InputError(f"not one photo could be measured: {reasons}", cure="Give photos that show a face")
    return result


class PhotoStudy:
    """A study: measures photo by photo, and adds to ``measurements.csv`` and the sheets at once.

    Args:
        options: photos, edits and model.
        progress: called during the work.
        say: called with what users should know before the work: what cannot be measured, and how much is planned.

    Attributes:
        measurements: all so far, failures included.

    Raises:
        ConfigError: options that cannot be used.
        InputError: the photos or the table of ages cannot be read.
    """

    def __init__(
        self, options: PhotoStudyOptions, progress: Progress = no_progress, say: Say = lambda note: None
    ) -> None:
        check_settings(options.set)
        self.options, self._progress, self._say = options, progress, say
        self._photos = open_study_photos(options)
        self._folder = files.make_folder(options.output_path)
        self._notes: list[str] = []
        judge = open_judge()
        if judge is None:
            self._notes.append(ABSENT)
            say(ABSENT)
        age = AgeEditingPredictor.from_options(options.model_copy(update={"output_path": None}))
        edit = StyleGANv2EditingPredictor.from_options(options.model_copy(update={"output_path": None}))
        edit.direction_path = options.direction_path
        runtime.import_paddle()
        start = time.perf_counter()
        edit.engine = age.engine
        self._seconds_loading = time.perf_counter() - start
        self._directions = age.directions(options.direction_path, options.directions or ())
        self._reader = FaceReader(age.engine, self._directions, judge)
        self._maker = EditMaker(age, edit, options)
        self._sheets = SheetWriter(self._folder, options.rows, options.tile)
        self.measurements: list[Measurement] = []
        self._table = self._folder / "measurements.csv"
        files.write_bytes(self._table, _csv_line(_COLUMNS).encode())

    def measure(self) -> None:
        """Edit and measure all photos of all sections."""
        rows = self._rows_of_photos()
        num_edits = sum(len(call.edits) for _, rows_of_photo in rows for row in rows_of_photo for call in row.calls)
        self._say(f"planned: {num_edits} edits of {len(rows)} photos; --help tells what they take")
        if self._maker.tuning_note:
            self._say(self._maker.tuning_note)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnseenTuningWarning)  # it has been said
            self._measure(rows)

    def _measure(self, rows: list[tuple[StudyPhoto, list[SheetRow]]]) -> None:
        for done, (photo, rows_of_photo) in enumerate(rows):
            self._progress("measuring photos", done, len(rows))
            outcome = attempt(photo.job, lambda job, photo=photo: self._open(photo))  # type: ignore[misc]
            if outcome.result is None:
                self._record(_describe(photo, error=str(outcome.error)))
                continue
            for row in rows_of_photo:
                self._measure_row(outcome.result, row)

    def write(self) -> StudyReport:
        """Write the report of what has been measured: ``photos.json``, ``photos.md`` and the unfinished sheets."""
        self._sheets.finish()
        summary = summarise(self.measurements) | {"settings": self._settings(), "notes": self._notes}
        markdown = report.to_markdown(summary)
        paths = [self._folder / "photos.json", self._folder / "photos.md"]
        files.write_bytes(paths[0], (json.dumps(summary, indent=1) + "\n").encode())
        files.write_bytes(paths[1], markdown.encode())
        return StudyReport(summary, markdown, [self._table, *paths, *self._sheets.files], self._notes)

    def _rows_of_photos(self) -> list[tuple[StudyPhoto, list[SheetRow]]]:
        """Return what is to be made of each photo, only photos of which something is."""
        options = self.options
        rows: dict[int, list[SheetRow]] = {}
        sections = {
            "age": (options.num, self._maker.age_rows),
            "directions": (options.num_directions, lambda: self._maker.direction_rows(self._directions)),
            "blends": (options.num_blends, self._maker.blend_rows),
        }
        for name in options.only:
            num, make_rows = sections[name]
            for index in spread(len(self._photos), num):
                rows.setdefault(index, []).extend(make_rows())
        return [(self._photos[index], rows[index]) for index in sorted(rows)]

    def _open(self, photo: StudyPhoto) -> _OpenedPhoto:
        if photo.job.problem is not None:
            raise photo.job.problem
        image = images.read_image(photo.job.source)
        faces = choose_faces(image, self.options.faces, photo.job.source)
        return _OpenedPhoto(photo, image, faces, [self._reader.read(image, face) for face in faces])

    def _measure_row(self, opened: _OpenedPhoto, row: SheetRow) -> None:
        """Make the edits of a row, measure each for each face, and add the faces' rows to the sheet."""
        results: list[Image] = []
        by_face: list[list[Measurement]] = [[] for _ in opened.faces]
        for call in row.calls:
            wall, cpu = time.perf_counter(), time.process_time()
            outcome = attempt(opened.photo.job, lambda job, call=call: call.make(opened.image))  # type: ignore[misc]
            seconds = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
            if outcome.result is None:
                for edit in call.edits:
                    self._record(_describe(opened.photo, **vars(edit), error=str(outcome.error)))
                continue
            results += outcome.result
            for index in range(len(opened.faces)):
                by_face[index] += self._measure_call(opened, index, call, outcome.result, seconds)
        for face, measured in zip(opened.faces, by_face, strict=True):
            for measurement in measured:
                self._record(measurement)
            if measured:
                labels = [photo_label(measured[0]), *map(result_label, measured)]
                self._sheets.add(row.sheet, [opened.image, *results], face.landmarks, labels)

    def _measure_call(
        self, opened: _OpenedPhoto, index: int, call: Call, results: Sequence[Image], seconds: dict[str, float]
    ) -> list[Measurement]:
        """Measure one face in the results of one call."""
        face, before = opened.faces[index], opened.readings[index]
        measured = []
        for edit, result in zip(call.edits, results, strict=True):
            after = self._reader.read(result, face)
            facts: dict[str, Any] = {**vars(edit), **seconds, "face": index + 1, "results": len(results)}
            if before is None or after is None:
                facts["error"] = "the landmarks of the {} are unsure".format("photo" if before is None else "result")
            else:
                facts |= figures_of(opened.image, result, before, after, edit.attribute)
            measured.append(_describe(opened.photo, before, **facts))
        return measured

    def _record(self, measurement: Measurement) -> None:
        self.measurements.append(measurement)
        files.append_text(self._table, _csv_line(getattr(measurement, name) for name in _COLUMNS))

    def _settings(self) -> dict[str, Any]:
        options = self.options
        return {
            "photos": [str(path) for path in options.input],
            "num_photos": len({measurement.photo for measurement in self.measurements}),
            "model": options.weight_path or options.model_type or "faces-128",
            "years": list(options.years),
            "faces": options.faces,
            "set": dict(options.set),
            "seed": options.seed,
            "num_threads": runtime.num_threads(),
            "seconds_to_load_the_model": round(self._seconds_loading, 3),
        }


def _describe(photo: StudyPhoto, reading: FaceReading | None = None, **figures: Any) -> Measurement:
    """Return a measurement with what is known of the photo."""
    sex = photo.sex
    female = reading.measured.get("gender", math.nan) if reading is not None else math.nan
    if not sex and not math.isnan(female):
        sex = "female" if female >= 0.5 else "male"
    unit = math.nan if reading is None else eye_distance(reading.landmarks)
    return Measurement(photo.name, table_age=photo.age, sex=sex, unit=unit, **figures)


def _csv_line(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(map(_cell, values))
    return line.getvalue()


def _cell(value: Any) -> Any:
    """Return what the table shows: nothing where nothing was measured."""
    if not isinstance(value, float):
        return value
    return "" if math.isnan(value) else f"{value:.6g}"
