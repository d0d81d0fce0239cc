"""The evaluation: measures section by section and face by face, records every face at once, and writes the report."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ppgan_ext.apps.faces_data.manifest import Manifest
from ppgan_ext.apps.predictor import Predictor, Progress, no_progress
from ppgan_ext.apps.studies.models import report, samples, summary
from ppgan_ext.apps.studies.models.age_gender import AgeGenderRegression, fit_age_gender, training_rows
from ppgan_ext.apps.studies.models.direction_effects import amount_of, measure_directions
from ppgan_ext.apps.studies.models.held_back import HeldBackFaces, open_held_back
from ppgan_ext.apps.studies.models.options import EvaluateOptions
from ppgan_ext.apps.studies.models.reconstruction import ReconstructionSetup, measure_reconstruction
from ppgan_ext.data.duplicates import find_twins
from ppgan_ext.data.image_source import BadFileError
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.files import make_folder, write_bytes
from ppgan_ext.latents import direction_files
from ppgan_ext.metrics.model_outputs import spread
from ppgan_ext.pictures import write_image

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.latents.directions import Direction

NUM_STRIPS = 12
_RECORDED_SETTINGS = ("input", "fit_steps", "tune", "num_learned", "direction_path")  # entries depend on these
_Measured = TypeVar("_Measured")


@dataclass(frozen=True)
class EvaluationReport:
    """The figures of an evaluation, and the files of its report."""

    figures: dict[str, Any]
    files: tuple[Path, ...]


def evaluate(options: EvaluateOptions, progress: Progress = no_progress) -> EvaluationReport:
    """Evaluate a model on faces held back from its training; see `Evaluation`.

    Raises:
        ConfigError: options that do not go together.
        InputError: no faces.
    """
    result = Evaluation(options, progress).run()
    if not result.figures.get("reconstruction") and "reconstruction" in options.only:
        raise InputError("not one face could be measured", where=options.input, cure="Give readable pictures of faces")
    return result


class Evaluation:
    """An evaluation, which continues from the record in its folder if there is one.

    Args:
        options: sections, faces and model.
        progress: called during the work.

    Raises:
        ConfigError: options that do not go together, or a record of other options in the folder.
        InputError: the faces cannot be opened.
    """

    def __init__(self, options: EvaluateOptions, progress: Progress = no_progress) -> None:
        if options.input is None:
            raise ConfigError("--input is missing", cure="Give aligned faces: a folder, a .zip or a pack")
        self.options, self.progress = options, progress
        source = open_source(options.input)
        self.predictor = Predictor.from_options(options, progress=progress)
        self.engine: Engine = self.predictor.engine
        if self.engine.encoder is None:
            cure = "Choose a model with an encoder, such as faces-128"
            raise ConfigError(f"the model '{self.engine.face_model.name}' has no encoder", cure=cure)
        recorded = self.engine.face_model.record.held_back if options.weight_path is None else None
        self.faces: HeldBackFaces = open_held_back(source, options.held_back, recorded, self.engine.synthesizer.size)
        self.notes: list[str] = []
        if options.held_back is None and recorded is not None and len(source) < recorded:
            self.notes.append(
                f"all {len(source)} faces of the input are taken for ones that the model was not trained on: they are "
                f"fewer than the {recorded} that its training held back"
            )
        self.folder = make_folder(options.output_path)
        settings = {name: getattr(options, name) for name in _RECORDED_SETTINGS}
        settings |= {"weights": self.engine.face_model.weights_hash, "first": self.faces.first}
        settings |= {"directions": _hash_directions(self.directions)}
        self._record = Manifest(self.folder, settings)
        if not options.keep_twins:
            self._leave_out_twins()

    @cached_property
    def directions(self) -> dict[str, Direction]:
        """The directions that are measured; empty where the model has none."""
        with contextlib.suppress(ConfigError):
            return self.predictor.directions(self.options.direction_path, ())
        if self.options.direction_path is not None:
            return self.predictor.directions(self.options.direction_path, ())
        return {}

    @cached_property
    def age_gender(self) -> AgeGenderRegression | None:
        """The regression of age and gender on pixels; None where there are no faces to fit it on."""
        if not self.options.num_learned:
            return None
        used = self._rows_of_directions()
        rows = training_rows(self.faces, self.options.num_learned, used)
        if not rows:
            self.notes.append("age and gender were not measured: there are no other faces with labels to learn from")
            return None
        if used is None and self.directions:
            self.notes.append(
                "the file of directions does not say which faces they were fitted on: age and gender of a picture may "
                "have been learned from some of the same"
            )
        return fit_age_gender(self.faces, rows, lambda done, total: self.progress("learning", done, total))

    def run(self) -> EvaluationReport:
        """Measure all sections that are asked for, then write the report.

        Raises:
            KeyboardInterrupt: Ctrl-C; the faces measured so far are in the record, and their report is written.
        """
        if not self.directions and {"reconstruction", "directions"} & set(self.options.only):
            self.notes.append("the model has no directions: none were measured")
        try:
            if "reconstruction" in self.options.only:
                self._measure_reconstructions()
            if "directions" in self.options.only:
                self._measure_directions()
            if "samples" in self.options.only:
                self._measure_samples()
        except KeyboardInterrupt:
            self.report()
            raise
        return self.report()

    def report(self) -> EvaluationReport:
        """Write evaluation.json, evaluation.md and the plot from the record."""
        figures = self._summarise()
        paths = [self.folder / "evaluation.json", self.folder / "evaluation.md"]
        if figures.get("directions", {}).get("directions"):
            try:
                report.plot_leakage(figures["directions"], self.folder / "leakage.png")
                paths.append(self.folder / "leakage.png")
            except ConfigError as error:
                figures["notes"].append(str(error))
        write_bytes(paths[0], (json.dumps(figures, indent=1) + "\n").encode())
        write_bytes(paths[1], report.markdown(figures).encode())
        return EvaluationReport(figures, tuple(paths))

    def _leave_out_twins(self) -> None:
        """Leave out held-back faces whose photo was trained on under another name; the record keeps the search."""
        faces = self.faces
        if not faces.first:
            return
        if "twins" not in self._record.entries:
            self.progress("looking for twins", 0, 0)
            pairs = find_twins(faces.source, range(faces.first, len(faces.source)), range(faces.first))
            self._record.add({"source": "twins", "rows": sorted({int(row) for row, _ in pairs})})
        twins = self._record.entries["twins"]["rows"]
        self.faces = faces.without_twins(twins)
        if twins:
            num = len(faces.source) - faces.first
            self.notes.append(
                f"{len(twins)} of {num} held-back faces are not measured: the same photo lies among the others"
            )

    def _measure_reconstructions(self) -> None:
        rows = self.faces.rows(self.options.num)
        num_refined = len(rows) if self.options.num_refined is None else self.options.num_refined
        refined = {rows[place] for place in spread(len(rows), min(num_refined, len(rows)))} if num_refined else set()
        setup = ReconstructionSetup(
            self.engine, self.directions, self.predictor.perceptual, self.age_gender, self.options.fit_steps,
            self.options.tune,
        )  # fmt: skip
        with_strip = set(sorted(refined or rows)[:NUM_STRIPS])
        for row in self._report_progress("reconstructing", rows):
            entry = self._record.entries.get(self._key("reconstruction", row))
            if entry is not None and ("tuning" in entry or row not in refined):
                continue
            measured = self._try(measure_reconstruction, setup, self.faces, row, row in refined)
            if measured is None:
                continue
            figures, pictures = measured
            if row in with_strip:
                strip = np.concatenate(pictures, axis=1)
                write_image(self.folder / "faces" / f"{row}.png", strip, "A photo, then pictures of a neural network")
            self._record.add({"source": self._key("reconstruction", row), "row": row, **figures})

    def _measure_directions(self) -> None:
        if not self.directions:
            return
        rows = self.faces.rows(self.options.num_directions)
        for row in self._report_progress("moving along directions", rows):
            if self._key("directions", row) in self._record.entries:
                continue
            figures = self._try(measure_directions, self.engine, self.directions, self.age_gender, self.faces, row)
            if figures is not None:
                self._record.add({"source": self._key("directions", row), "row": row, **figures})

    def _measure_samples(self) -> None:
        write_image(self.folder / "samples.png", samples.sheet(self.engine), "Drawn by a neural network")
        outputs = samples.model_outputs(self.engine, self.faces)
        num, crop = self.options.num_samples, self.engine.face_model.record.crop
        for name, measure in samples.measurements(outputs, num, crop):
            key = f"samples/{name}, {num}"
            if key in self._record.entries:
                continue
            figures = measure(lambda done, total, name=name: self.progress(name, done, total))  # type: ignore[misc]
            self._record.add({"source": key, "figures": dict(figures), "notes": figures.notes, "num": num})

    def _report_progress(self, task: str, rows: Sequence[int]) -> Iterator[int]:
        for done, row in enumerate(rows):
            self.progress(task, done, len(rows))
            yield row
        self.progress(task, len(rows), len(rows))

    def _try(self, measure: Callable[..., _Measured], *arguments: Any) -> _Measured | None:
        """Measure a face; note it and return None where it cannot be read."""
        try:
            return measure(*arguments)
        except BadFileError as error:
            self.notes.append(f"left out: {error}")
            return None

    def _summarise(self) -> dict[str, Any]:
        """Summarise the record, including faces of earlier runs."""
        entries = self._entries("reconstruction")
        moved = self._entries("directions")
        figures: dict[str, Any] = {"settings": self._settings(len(entries))}
        if entries:
            figures["reconstruction"] = summary.reconstruction_figures(entries)
        if "age_gender" in self.__dict__ and self.age_gender is not None:
            figures["learned"] = summary.age_gender_figures(self.age_gender)
        if moved:
            amounts = {name: amount_of(direction) for name, direction in self.directions.items()}
            photos = entries or [{"photo": _as_photo(entry["reference"])} for entry in moved]
            if not entries:
                self.notes.append("deviations of attributes are those of reconstructions: no photos were measured")
            figures["directions"] = summary.direction_figures(moved, amounts, summary.photo_deviations(photos))
        figures["samples"] = {}
        for entry in self._entries("samples"):
            figures["samples"] |= {f"{name}, {entry['num']} samples": value for name, value in entry["figures"].items()}
            self.notes += entry["notes"]
        figures["notes"] = list(dict.fromkeys(self.notes))
        return figures

    def _settings(self, num_faces: int) -> dict[str, Any]:
        model = self.engine.face_model
        return {
            "model": model.name,
            "weights_hash": model.weights_hash,
            "size": self.faces.size,
            "input": str(self.faces.source.path),
            "num_held_back": len(self.faces.source) - self.faces.first - len(self.faces.left_out),
            "num_faces": num_faces,
            "perceptual": self.predictor.perceptual.name,
            "fit_steps": self.options.fit_steps,
            "tune": self.options.tune,
            "directions": None if model.directions_file is None else model.directions_file.name,
        }

    def _rows_of_directions(self) -> Sequence[int] | None:
        """Return the rows that the directions were fitted on, from their file: "rows 0:16286:2"; None if unknown."""
        path = self.options.direction_path or self.engine.face_model.directions_file
        try:
            return range(*map(int, direction_files.read_notes(path)["rows"].split(":"))) if path is not None else None
        except (KeyError, ValueError):  # an older file
            return None

    def _entries(self, section: str) -> list[dict[str, Any]]:
        """Return a section's entries, without faces that have since been left out."""
        entries = [entry for key, entry in self._record.entries.items() if key.startswith(f"{section}/")]
        return [entry for entry in entries if entry.get("row") not in self.faces.left_out]

    def _key(self, section: str, row: int) -> str:
        return f"{section}/{self.faces.source.name(row)}"


def _hash_directions(directions: Mapping[str, Direction]) -> str:
    """Hash directions, so that a changed file of the same name is noticed."""
    digest = hashlib.sha256()
    for name, direction in directions.items():
        digest.update(name.encode() + direction.vector.tobytes())
    return digest.hexdigest()[:16]


def _as_photo(reference: dict[str, Any] | None) -> dict[str, Any]:
    return {"has_face": reference is not None, "attributes": {} if reference is None else reference["attributes"]}
