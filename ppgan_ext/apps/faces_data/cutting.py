"""Turn photos into a training set: find every face, cut it out upright, write it, and keep a record.

Photos are worked on in several processes; the calling one writes. A second run goes on where the first one ended.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import PIL.Image

from ppgan_ext.apps.batch import Job, Outcome, attempt
from ppgan_ext.apps.faces_data.manifest import Manifest
from ppgan_ext.apps.faces_data.options import PrepareOptions
from ppgan_ext.data.image_source import BadFileError, ImageSource
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import ConfigError, NoFaceError
from ppgan_ext.faces.align import crop_face
from ppgan_ext.faces.detect import choose, find_faces
from ppgan_ext.files import make_folder, write_bytes
from ppgan_ext.types import Box, Image
from ppgan_ext.workers import Ticket, WorkerPool

_RECORDED = ("size", "crop", "which", "min_size")  # options that decide what a face's file looks like
_TASKS_AHEAD = 3  # for each process


@dataclass
class Summary:
    """What became of a folder of photos.

    Attributes:
        num_photos: photos in the input.
        num_before: of these, done by an earlier run; its failures too.
        num_done: photos done by this run.
        num_faces: faces that this run has written.
        num_small: faces that this run has left out for their size.
        failures: photo's name -> what is wrong with it, of this run.
    """

    num_photos: int = 0
    num_before: int = 0
    num_done: int = 0
    num_faces: int = 0
    num_small: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [
            f"{self.num_done} of {_count(self.num_photos, 'photo')} done, {_count(self.num_faces, 'face')} written"
        ]
        if self.num_before:
            parts.append(f"{_count(self.num_before, 'photo')} done before")
        if self.num_small:
            parts.append(f"{_count(self.num_small, 'face')} left out as too small")
        parts.append(f"{_count(len(self.failures), 'photo')} failed")
        return ", ".join(parts)


@dataclass(frozen=True)
class CutFace:
    """One face of a photo: where it was, and its crop as a PNG file."""

    box: Box
    png: bytes


@dataclass(frozen=True)
class CutPhoto:
    """The faces of a photo.

    Attributes:
        pixel_hash: SHA-256 of the photo's pixels, upright RGB, row by row.
        faces: largest first.
        num_small: faces left out for their size.
    """

    pixel_hash: str
    faces: tuple[CutFace, ...]
    num_small: int


@dataclass(frozen=True)
class FaceCutter:
    """Finds and cuts the faces of the photo of a number; what the worker processes run.

    Attributes:
        source: the photos.
        size: side of the crops in pixels.
        crop: name of the crop template.
        which: "all" or "largest".
        min_size: faces whose box is narrower, in pixels of the photo, are left out.
    """

    source: ImageSource
    size: int
    crop: str
    which: str
    min_size: int

    def __call__(self, index: int) -> CutPhoto:
        """Cut the faces out of a photo.

        Raises:
            BadFileError: it cannot be read.
            NoFaceError: it shows no face, or only small ones.
        """
        photo = self.source.read(index)
        found = find_faces(photo)
        large = [face for face in found if face.box.width >= self.min_size]
        if found and not large:
            width = max(face.box.width for face in found)
            what = f"its widest face has {width:.0f} pixels, less than {self.min_size}"
            raise NoFaceError(what, cure="Lower --min_size, or take a larger photo")
        chosen = choose(large, self.which)
        crops = [crop_face(photo, face, self.crop, self.size).image for face in chosen]
        faces = tuple(CutFace(face.box, _to_png(crop)) for face, crop in zip(chosen, crops, strict=True))
        return CutPhoto(hashlib.sha256(photo.tobytes()).hexdigest(), faces, len(found) - len(large))


def prepare_faces(
    options: PrepareOptions,
    on_photo: Callable[[Outcome[CutPhoto]], None] = lambda outcome: None,
    summary: Summary | None = None,
) -> Summary:
    """Cut the faces out of a folder of photos into a training set.

    Each face becomes ``<photo's name>.<number>.png``, numbered by size from 1; subfolders are kept. The manifest
    records what each was cut from. Photos that it lists, and whose faces are there, are not done again.

    Args:
        options: what to do.
        on_photo: called with the outcome of each photo, once it is on disk.
        summary: filled while the work goes on, for whoever interrupts it; the one returned.

    Raises:
        ConfigError: the output was made with other options, or lies within the input.
        InputError: there are no photos.
        OutputError: a face cannot be written.
    """
    if not options.input:
        raise ConfigError("--input is missing", cure="Give a folder of photos")
    source = open_source(options.input)
    folder = _check_apart(Path(options.input), Path(options.output))
    settings = {name: getattr(options, name) for name in _RECORDED}
    manifest = Manifest(make_folder(folder), settings)
    todo = [i for i in range(len(source)) if not _is_done(source, i, manifest, folder, options.retry)]
    summary = Summary() if summary is None else summary
    summary.num_photos, summary.num_before = len(source), len(source) - len(todo)
    with contextlib.closing(_cut(FaceCutter(source, **settings), todo, options.jobs)) as outcomes:
        for index, outcome in zip(todo, outcomes, strict=True):
            _record(outcome, _num_bytes(source, index), manifest, folder, summary)
            on_photo(outcome)
    return summary


def _cut(cutter: FaceCutter, todo: Sequence[int], jobs: int | None) -> Generator[Outcome[CutPhoto], None, None]:
    """Yield the outcome of each photo, in order, while the processes work ahead."""
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


def _record(outcome: Outcome[CutPhoto], num_bytes: int, manifest: Manifest, folder: Path, summary: Summary) -> None:
    """Write a photo's faces, then its line: whoever reads the line finds the files."""
    name, entry = outcome.job.name, {"source": outcome.job.name, "bytes": num_bytes}
    before = {face["file"] for face in manifest.entries.get(name, {}).get("faces", [])}
    result = outcome.result
    if result is None:
        error = outcome.error
        assert error is not None
        summary.failures[name] = str(error)
        entry |= {"error": error.what}
    else:
        faces = [
            {"file": _face_name(name, number), "box": _numbers(face.box), "score": round(face.box.score, 3)}
            for number, face in enumerate(result.faces, start=1)
        ]
        for record, face in zip(faces, result.faces, strict=True):
            write_bytes(folder / str(record["file"]), face.png)
            record["sha256"] = hashlib.sha256(face.png).hexdigest()
        entry |= {"pixels_sha256": result.pixel_hash, "faces": faces, "num_small": result.num_small}
        before -= {str(record["file"]) for record in faces}
        summary.num_done += 1
        summary.num_faces += len(faces)
        summary.num_small += result.num_small
    manifest.add(entry)
    for file in before:  # of a photo that has been replaced since
        (folder / file).unlink(missing_ok=True)


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
        return -1  # gone; reading it says so


def _face_name(photo: str, number: int) -> str:
    """Name a face's file after its photo; names out of a pack or a zip must not lead out of the folder."""
    parts = [re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", part) for part in PurePosixPath(photo).parts]
    return "/".join("_" if part in (".", "..") else part for part in parts) + f".{number}.png"


def _numbers(box: Box) -> list[float]:
    """Left, top, right, bottom in pixels of the photo."""
    return [round(value, 1) for value in (box.left, box.top, box.right, box.bottom)]


def _to_png(image: Image) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def _check_apart(photos: Path, faces: Path) -> Path:
    """Refuse one folder within the other: faces would be taken for photos, or photos for training faces."""
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
