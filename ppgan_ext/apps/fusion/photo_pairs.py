"""Pairs of photos for face fusion: two files, or the files of two folders."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import PIL.Image

from ppgan_ext.apps.batch import Inputs, Job, open_inputs
from ppgan_ext.apps.result_names import ResultNames
from ppgan_ext.errors import InputError
from ppgan_ext.file_names import folded, match_paths, unique

_CURE = "Name the two photos of a pair alike, or use --pairs all"


class Pair(NamedTuple):
    """A photo that is kept and a photo of the person whose face is put in: paths, PIL images or RGB uint8 arrays."""

    source: Any
    target: Any


def open_pairs(
    source: object,
    target: object,
    how: Literal["name", "all"] = "name",
    recursive: bool = False,
    results: Path | None = None,
) -> Inputs:
    """List the pairs of two inputs; the ``source`` of each job is a `Pair`.

    A photo and a folder are paired as that photo with every photo of the folder. Of two folders, files of the same name
    (without its suffix, in subfolders of the same name) are paired, or all with all. A file is never paired with
    itself, unless both inputs are that one file.

    Args:
        source: the photos that are kept: a path, folder, PIL image or array, or a list of them.
        target: the photos of the people whose faces are put in, alike.
        how: "name" or "all".
        recursive: search subfolders too.
        results: the output folder; what earlier runs have left there is no input of a batch.

    Returns:
        The pairs; a batch if one of the inputs is a batch.

    Raises:
        InputError: an input is missing, a folder is empty, or no names agree.
    """
    for name, given in (("photo", source), ("person", target)):
        if given is None or (isinstance(given, str) and not given.strip()):
            cure = "Give --photo, which is kept, and --person, whose face is put in: two photos, or folders of photos"
            raise InputError(f"--{name} is missing", cure=cure)
    sources, targets = (open_inputs(given, recursive, results) for given in (source, target))
    is_batch = sources.is_batch or targets.is_batch
    for job in (*sources.jobs, *targets.jobs):
        if job.problem is not None and not is_batch:
            raise job.problem
    if sources.is_batch and targets.is_batch and how == "name":
        pairs = _by_name(sources.jobs, targets.jobs, source, target)
    else:
        pairs = [
            _join(a, b) for a in sources.jobs for b in targets.jobs if not (is_batch and same_file(a.source, b.source))
        ]
    if not pairs:
        raise InputError("there is nothing but the same photo on both sides", where=source, cure="Give two people")
    return Inputs(_with_unique_stems(pairs, sources, targets), is_batch, sources.left_out + targets.left_out)


def same_file(a: object, b: object) -> bool:
    """Return whether two inputs are one file, or one picture in memory."""
    if isinstance(a, (str, os.PathLike)) and isinstance(b, (str, os.PathLike)):
        first, second = Path(a), Path(b)
        return first.exists() and second.exists() and first.samefile(second)
    if isinstance(a, bytes) and isinstance(b, bytes):
        return a == b
    if isinstance(a, (np.ndarray, PIL.Image.Image)):
        return a is b
    return False


def _by_name(sources: list[Job], targets: list[Job], source: object, target: object) -> list[Job]:
    jobs = []
    for job, matches in zip(
        sources, match_paths(*([job.path for job in side] for side in (sources, targets))), strict=True
    ):
        if len(matches) == 1:
            jobs.append(_join(job, targets[matches[0]]))
            continue
        what = f"there is no photo of this name in '{target}'"
        if matches:
            what = f"several photos in '{target}' have this name: {', '.join(targets[i].path for i in matches)}"
        jobs.append(Job(Pair(job.source, None), job.stem, InputError(what, where=job.name, cure=_CURE), path=job.path))
    if all(job.problem is not None for job in jobs):
        raise InputError(f"no photo has the name of one in '{target}'", where=source, cure=_CURE)
    return jobs


def _join(a: Job, b: Job) -> Job:
    stem = a.stem if a.stem == b.stem and a.stem != "image" else f"{a.stem}+{b.stem.replace('/', '_')}"
    return Job(Pair(a.source, b.source), stem, a.problem or b.problem, path=a.path)


def _with_unique_stems(pairs: list[Job], *sides: Inputs) -> list[Job]:
    """Give each pair a stem of its own, and keep results from being written over any input."""
    names = ResultNames()
    for job in (job for side in sides for job in side.jobs):
        if isinstance(job.source, (str, os.PathLike)):
            names.protect(job.source)
    stems: set[str] = set()
    made = []
    for pair in pairs:
        stem = unique(pair.stem, stems)
        stems.add(folded(stem))
        made.append(replace(pair, stem=stem, names=names))
    return made
