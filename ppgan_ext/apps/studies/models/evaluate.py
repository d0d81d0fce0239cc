"""The evaluation: goes through the parts and the faces, keeps every face in a record at once, writes the report."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ppgan_ext.apps.faces_data.manifest import Manifest
from ppgan_ext.apps.predictor import Predictor, Progress, no_progress
from ppgan_ext.apps.studies.models import learned as learning
from ppgan_ext.apps.studies.models import report, samples, summary
from ppgan_ext.apps.studies.models.faces import HeldBack, open_held_back
from ppgan_ext.apps.studies.models.moving import amount_of, move_face
from ppgan_ext.apps.studies.models.options import EvaluateOptions
from ppgan_ext.apps.studies.models.reconstruction import Bench, measure_face
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
_SETTINGS = ("input", "fit_steps", "tune", "num_learned", "direction_path")  # what an entry depends on


def _hash_of(known: Mapping[str, Direction]) -> str:
    """Tell directions from others that may have had the same file name."""
    found = hashlib.sha256()
    for name, direction in known.items():
        found.update(name.encode() + direction.vector.tobytes())
    return found.hexdigest()[:16]


@dataclass(frozen=True)
class Written:
    """What an evaluation has left: its figures, and the files of the report."""

    figures: dict[str, Any]
    files: tuple[Path, ...]


class Evaluation:
    """An evaluation, which may go on from an earlier run's record in its folder.

    Args:
        options: what to measure.
        progress: called while it goes on.

    Raises:
        ConfigError: options that do not go together, or another record in the folder.
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
            cure = "Choose a model that has one, such as faces-128"
            raise ConfigError(f"the model '{self.engine.face_model.name}' has no encoder", cure=cure)
        recorded = self.engine.face_model.record.held_back if options.weight_path is None else None
        self.faces: HeldBack = open_held_back(source, options.held_back, recorded, self.engine.synthesizer.size)
        self.notes: list[str] = []
        self.folder = make_folder(options.output_path)
        settings = {name: getattr(options, name) for name in _SETTINGS}
        settings |= {"weights": self.engine.face_model.weights_hash, "first": self.faces.first}
        settings |= {"directions": _hash_of(self.directions)}
        self._record = Manifest(self.folder, settings)
        if not options.keep_twins:
            self._leave_out_twins()

    @cached_property
    def directions(self) -> dict[str, Direction]:
        """The directions that are measured; none where the model has none."""
        with contextlib.suppress(ConfigError):
            return self.predictor.directions(self.options.direction_path, ())
        if self.options.direction_path is not None:
            return self.predictor.directions(self.options.direction_path, ())
        return {}

    @cached_property
    def learned(self) -> learning.Learned | None:
        """What tells age and gender of a picture; None where that cannot be learned here."""
        if not self.options.num_learned:
            return None
        used = self._rows_of_directions()
        rows = learning.learnable_rows(self.faces, self.options.num_learned, used)
        if not rows:
            self.notes.append("age and gender were not measured: there are no other faces with labels to learn from")
            return None
        if used is None and self.directions:
            self.notes.append(
                "the file of directions does not say which faces they were fitted on: age and gender of a picture may "
                "have been learned from some of the same"
            )
        return learning.learn(self.faces, rows, lambda done, total: self.progress("learning", done, total))

    def run(self) -> Written:
        """Do all parts that are asked for, then write the report.

        Raises:
            KeyboardInterrupt: Ctrl-C; what was done is in the record, and the report of it is written.
        """
        if not self.directions and {"reconstruction", "directions"} & set(self.options.only):
            self.notes.append("the model has no directions: none were measured")
        try:
            if "reconstruction" in self.options.only:
                self._reconstruct()
            if "directions" in self.options.only:
                self._move()
            if "samples" in self.options.only:
                self._sample()
        except KeyboardInterrupt:
            self.report()
            raise
        return self.report()

    def report(self) -> Written:
        """Write evaluation.json, evaluation.md and the plot from the record."""
        results = self._results()
        paths = [self.folder / "evaluation.json", self.folder / "evaluation.md"]
        if results.get("directions", {}).get("directions"):
            try:
                report.plot_leakage(results["directions"], self.folder / "leakage.png")
                paths.append(self.folder / "leakage.png")
            except ConfigError as error:
                results["notes"].append(str(error))
        write_bytes(paths[0], (json.dumps(results, indent=1) + "\n").encode())
        write_bytes(paths[1], report.markdown(results).encode())
        return Written(results, tuple(paths))

    def _leave_out_twins(self) -> None:
        """Do not measure held-back faces whose photo was trained on under another name; looked for once."""
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

    def _reconstruct(self) -> None:
        rows = self.faces.rows(self.options.num)
        num_refined = len(rows) if self.options.num_refined is None else self.options.num_refined
        refined = {rows[place] for place in spread(len(rows), min(num_refined, len(rows)))} if num_refined else set()
        bench = Bench(
            self.engine, self.directions, self.predictor.perceptual, self.learned, self.options.fit_steps,
            self.options.tune,
        )  # fmt: skip
        shown = set(sorted(refined or rows)[:NUM_STRIPS])
        for done, row in enumerate(rows):
            self.progress("reconstructing", done, len(rows))
            entry = self._record.entries.get(self._key("reconstruction", row))
            if entry is not None and ("tuning" in entry or row not in refined):
                continue
            try:
                found, pictures = measure_face(bench, self.faces, row, row in refined)
            except BadFileError as error:
                self.notes.append(f"left out: {error}")
                continue
            if row in shown:
                strip = np.concatenate(pictures, axis=1)
                write_image(self.folder / "faces" / f"{row}.png", strip, "A photo, then pictures of a neural network")
            self._record.add({"source": self._key("reconstruction", row), "row": row, **found})
        self.progress("reconstructing", len(rows), len(rows))

    def _move(self) -> None:
        if not self.directions:
            return
        rows = self.faces.rows(self.options.num_directions)
        for done, row in enumerate(rows):
            self.progress("moving along directions", done, len(rows))
            if self._key("directions", row) in self._record.entries:
                continue
            try:
                found = move_face(self.engine, self.directions, self.learned, self.faces, row)
            except BadFileError as error:
                self.notes.append(f"left out: {error}")
                continue
            self._record.add({"source": self._key("directions", row), "row": row, **found})
        self.progress("moving along directions", len(rows), len(rows))

    def _sample(self) -> None:
        write_image(self.folder / "samples.png", samples.sheet(self.engine), "Drawn by a neural network")
        outputs = samples.model_outputs(self.engine, self.faces)
        num, crop = self.options.num_samples, self.engine.face_model.record.crop
        for name, measure in samples.measurements(outputs, num, crop):
            key = f"samples/{name}, {num}"
            if key in self._record.entries:
                continue
            figures = measure(lambda done, total, name=name: self.progress(name, done, total))  # type: ignore[misc]
            self._record.add({"source": key, "figures": dict(figures), "notes": figures.notes, "num": num})

    def _results(self) -> dict[str, Any]:
        """Sum up the record, faces of earlier runs included."""
        entries = self._entries("reconstruction")
        moved = self._entries("directions")
        results: dict[str, Any] = {"settings": self._settings(len(entries))}
        if entries:
            results["reconstruction"] = summary.reconstruction_figures(entries)
        if "learned" in self.__dict__ and self.learned is not None:
            results["learned"] = summary.learned_figures(self.learned)
        if moved:
            amounts = {name: amount_of(direction) for name, direction in self.directions.items()}
            photos = entries or [{"photo": _as_photo(entry["reference"])} for entry in moved]
            if not entries:
                self.notes.append("deviations of attributes are those of reconstructions: no photos were measured")
            results["directions"] = summary.direction_figures(moved, amounts, summary.photo_deviations(photos))
        drawn = self._entries("samples")
        results["samples"] = {}
        for entry in drawn:
            results["samples"] |= {f"{name}, {entry['num']} samples": value for name, value in entry["figures"].items()}
            self.notes += entry["notes"]
        results["notes"] = list(dict.fromkeys(self.notes))
        return results

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
        """Return the rows that the directions were fitted on, as their file says them: "rows 0:16286:2"."""
        path = self.options.direction_path or self.engine.face_model.directions_file
        try:
            return range(*map(int, direction_files.read_notes(path)["rows"].split(":"))) if path is not None else None
        except (KeyError, ValueError):  # an older file
            return None

    def _entries(self, part: str) -> list[dict[str, Any]]:
        """Return a part's entries, without faces that are left out by now."""
        entries = [entry for key, entry in self._record.entries.items() if key.startswith(f"{part}/")]
        return [entry for entry in entries if entry.get("row") not in self.faces.left_out]

    def _key(self, part: str, row: int) -> str:
        return f"{part}/{self.faces.source.name(row)}"


def _as_photo(reference: dict[str, Any] | None) -> dict[str, Any]:
    return {"has_face": reference is not None, "attributes": {} if reference is None else reference["attributes"]}


def evaluate(options: EvaluateOptions, progress: Progress = no_progress) -> Written:
    """Evaluate a model on faces held back from its training; see `Evaluation`.

    Raises:
        ConfigError: options that do not go together.
        InputError: no faces.
    """
    written = Evaluation(options, progress).run()
    if not written.figures.get("reconstruction") and "reconstruction" in options.only:
        raise InputError("not one face could be measured", where=options.input, cure="Give readable pictures of faces")
    return written
