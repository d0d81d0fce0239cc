"""Turn photos into a training set: find every face, crop it upright, write it, and keep a record.

Several processes read the photos and crop the faces; the calling process writes. A second run continues the first.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import PIL.Image

from ppgan_ext.apps.batch import Job, Outcome, attempt
from ppgan_ext.apps.faces_data.face_names import FaceNames
from ppgan_ext.apps.faces_data.manifest import Manifest
from ppgan_ext.apps.faces_data.options import PrepareOptions
from ppgan_ext.data.image_source import BadFileError, ImageSource
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import ConfigError, NoFaceError
from ppgan_ext.faces.align import crop_face
from ppgan_ext.faces.choice import choose
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.files import make_folder, write_bytes
from ppgan_ext.picture_listing import LeftOut
from ppgan_ext.types import Box, Image
from ppgan_ext.workers import Ticket, WorkerPool

_RECORDED = ("size", "crop", "which", "min_size")  # options that decide what a face's file looks like
_TASKS_AHEAD = 3  # per process


@dataclass
class Summary:
    """Counts of a run over a folder of photos.

    Attributes:
        num_photos: photos in the input.
        num_before: photos that an earlier run has done, including those that failed.
        num_done: photos that this run has done.
        num_faces: faces that this run has written.
        num_small: faces that this run has left out because they are too small.
        failures: name of each photo that failed in this run -> error message.
        failures_before: the same of the photos that an earlier run has tried and this one has not.
        left_out: what the input contains beside photos.
    """

    num_photos: int = 0
    num_before: int = 0
    num_done: int = 0
    num_faces: int = 0
    num_small: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    failures_before: dict[str, str] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [
            f"{self.num_done} of {_count(self.num_photos, 'photo')} done, {_count(self.num_faces, 'face')} written"
        ]
        if self.num_before:
            failed = f", {len(self.failures_before)} of them failed" if self.failures_before else ""
            parts.append(f"{_count(self.num_before, 'photo')} done before{failed}")
        if self.num_small:
            parts.append(f"{_count(self.num_small, 'face')} left out as too small")
        parts.append(f"{_count(len(self.failures), 'photo')} failed")
        return ", ".join(parts)


@dataclass(frozen=True)
class CutFace:
    """One face of a photo: its box, and its crop as a PNG file."""

    box: Box
    png: bytes


@dataclass(frozen=True)
class CutPhoto:
    """The faces of a photo.

    Attributes:
        pixel_hash: SHA-256 of the photo's pixels, upright RGB, row by row.
        faces: largest first.
        num_small: faces left out because they are too small.
    """

    pixel_hash: str
    faces: tuple[CutFace, ...]
    num_small: int


@dataclass(frozen=True)
class FaceCutter:
    """Crops the faces of one photo, given by its number; the worker processes run it.

    Attributes:
        source: the photos.
        size: side of the crops in pixels.
        crop: name of the crop template.
        which: "all" or "largest".
        min_size: faces whose box is narrower than this many pixels of the photo are left out.
    """

    source: ImageSource
    size: int
    crop: str
    which: str
    min_size: int

    def __call__(self, index: int) -> CutPhoto:
        """Crop the faces of a photo.

        Raises:
            BadFileError: the photo cannot be read.
            NoFaceError: it shows no face, or only small ones.
        """
        photo = self.source.read(index)
        all_faces = find_faces(photo)
        large = [face for face in all_faces if face.box.width >= self.min_size]
        if all_faces and not large:
            width = max(face.box.width for face in all_faces)
            what = f"its widest face has {width:.0f} pixels, less than {self.min_size}"
            raise NoFaceError(what, cure="Lower --min_size, or take a larger photo")
        faces = tuple(
            CutFace(face.box, _to_png(crop_face(photo, face, self.crop, self.size).image))
            for face in choose(large, self.which)
        )
        return CutPhoto(hashlib.sha256(photo.tobytes()).hexdigest(), faces, len(all_faces) - len(large))


def prepare_faces(
    options: PrepareOptions,
    on_photo: Callable[[Outcome[CutPhoto]], None] = lambda outcome: None,
    summary: Summary | None = None,
    on_start: Callable[[Summary], None] = lambda summary: None,
) -> Summary:
    """Cut the faces out of a folder of photos into a training set.

    Each face becomes ``<photo's name>.<number>.png``, numbered by size from 1; subfolders are kept. Names that some
    file system would refuse, or take for one another, are changed. The manifest records the source of each. Photos that
    it lists, and whose faces exist, are not done again.

    Args:
        options: input, output, and how faces are cropped.
        on_photo: called with the outcome of each photo, once it is on disk.
        summary: filled during the work, so that the caller can report it after Ctrl-C; a new one by default.
        on_start: called with the summary before the work begins.

    Returns:
        The summary.

    Raises:
        ConfigError: the output was made with other options, or one of input and output lies within the other.
        InputError: there are no photos.
        OutputError: a face cannot be written.
    """
    if not options.input:
        raise ConfigError("--input is missing", cure="Give a folder of photos")
    source = open_source(options.input, options.recursive)
    folder = _check_apart(Path(options.input), Path(options.output))
    settings = {name: getattr(options, name) for name in _RECORDED}
    manifest = Manifest(make_folder(folder), settings)
    todo = [i for i in range(len(source)) if not _is_done(source, i, manifest, folder, options.retry)]
    summary = Summary() if summary is None else summary
    summary.num_photos, summary.num_before = len(source), len(source) - len(todo)
    summary.left_out = list(source.left_out)
    errors = {name: entry["error"] for name, entry in manifest.entries.items() if "error" in entry}
    summary.failures_before = {
        name: errors[name] for i in sorted({*range(len(source))} - {*todo}) if (name := source.name(i)) in errors
    }
    on_start(summary)
    names = FaceNames(manifest, folder)
    with contextlib.closing(_cut(FaceCutter(source, **settings), todo, options.jobs)) as outcomes:
        for index, outcome in zip(todo, outcomes, strict=True):
            _record(outcome, _num_bytes(source, index), manifest, names, summary)
            on_photo(outcome)
    return summary


def _cut(cutter: FaceCutter, todo: Sequence[int], jobs: int | None) -> Generator[Outcome[CutPhoto], None, None]:
    """Yield the outcome of each photo, in order, while the processes already work on the next."""
    if not todo:
        return
    num_workers = min(jobs or _num_cores(), len(todo))
    pool = WorkerPool(cutter, num_workers)
    tickets: deque[Ticket] = deque()
    waiting = iter(todo)

    def work(job: Job) -> CutPhoto:
        while len(tickets) < _TASKS_AHEAD * num_workers and (index := next(waiting, None)) is not None:
            tickets.append(pool.ask(index))
        return pool.take(tickets.popleft())

    try:
        for name in map(cutter.source.name, todo):
            yield attempt(Job(name, name), work)
    finally:
        pool.close()


def _record(outcome: Outcome[CutPhoto], num_bytes: int, manifest: Manifest, names: FaceNames, summary: Summary) -> None:
    """Write a photo's faces, then its line, so that every file that a line names exists."""
    name = outcome.job.stem
    entry = {"source": name, "bytes": num_bytes}
    old_files = {face["file"] for face in manifest.entries.get(name, {}).get("faces", [])}
    result = outcome.result
    if result is None:
        error = outcome.error
        assert error is not None
        summary.failures[name] = str(error)
        entry |= {"error": error.what}
    else:
        base = names.base_of(name)
        faces = [
            {"file": f"{base}.{number}.png", "box": _numbers(face.box), "score": round(face.box.score, 3)}
            for number, face in enumerate(result.faces, start=1)
        ]
        for record, face in zip(faces, result.faces, strict=True):
            write_bytes(names.folder / str(record["file"]), face.png)
            record["sha256"] = hashlib.sha256(face.png).hexdigest()
        entry |= {"pixels_sha256": result.pixel_hash, "faces": faces, "num_small": result.num_small}
        old_files -= {str(record["file"]) for record in faces}
        summary.num_done += 1
        summary.num_faces += len(faces)
        summary.num_small += result.num_small
    manifest.add(entry)
    for file in old_files:  # faces of an earlier version of the photo
        (names.folder / file).unlink(missing_ok=True)


def _is_done(source: ImageSource, index: int, manifest: Manifest, folder: Path, retry: bool) -> bool:
    entry = manifest.entries.get(source.name(index))
    if entry is None or entry.get("bytes") != _num_bytes(source, index):
        return False
    if "error" in entry:
        return not retry
    return all((folder / face["file"]).is_file() for face in entry["faces"])


def _num_bytes(source: ImageSource, index: int) -> int:
    try:
        return source.num_bytes(index)
    except BadFileError:
        return -1  # it no longer exists, and reading it will fail


def _numbers(box: Box) -> list[float]:
    """Return left, top, right and bottom in pixels of the photo."""
    return [round(value, 1) for value in (box.left, box.top, box.right, box.bottom)]


def _to_png(image: Image) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def _check_apart(photos: Path, faces: Path) -> Path:
    """Refuse a folder within the other: faces would be read as photos, or photos as training faces."""
    inner, outer = faces.resolve(), photos.resolve()
    if photos.is_dir() and (inner == outer or outer in inner.parents or inner in outer.parents):
        cure = "Choose a folder beside the photos"
        raise ConfigError(f"'{faces}' and the photos in '{photos}' lie within one another", where="--output", cure=cure)
    return faces


def _num_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
