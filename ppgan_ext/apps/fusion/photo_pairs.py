"""Pairs of photos for face fusion: two files, or the files of two folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import PIL.Image

from ppgan_ext.apps.batch import Inputs, Job, open_inputs
from ppgan_ext.errors import InputError

_CURE = "Name the two photos of a pair alike, or use --pairs all"


class Pair(NamedTuple):
    """A photo that is kept and a photo of the person whose face is put in: paths, PIL images or RGB uint8 arrays."""

    source: Any
    target: Any


def open_pairs(source: object, target: object, how: Literal["name", "all"] = "name") -> Inputs:
    """List the pairs of two inputs; the ``source`` of each job is a `Pair`.

    A photo and a folder are paired as that photo with every photo of the folder. Of two folders, files of the same name
    (without its suffix) are paired, or all with all. A file is never paired with itself, unless both inputs are that
    one file.

    Args:
        source: the photos that are kept: a path, folder, PIL image or array, or a list of them.
        target: the photos of the people whose faces are put in, alike.
        how: "name" or "all".

    Returns:
        The pairs; a batch if one of the inputs is a batch.

    Raises:
        InputError: an input is missing, a folder is empty, or no names agree.
    """
    for name, given in (("source", source), ("target", target)):
        if given is None or (isinstance(given, str) and not given):
            raise InputError(f"--{name} is missing", cure="Give two photos, or folders of photos")
    sources, targets = open_inputs(source), open_inputs(target)
    is_batch = sources.is_batch or targets.is_batch
    for job in (*sources.jobs, *targets.jobs):
        if job.problem is not None and not is_batch:
            raise job.problem
    if sources.is_batch and targets.is_batch and how == "name":
        return Inputs(_by_name(sources.jobs, targets.jobs, source, target), is_batch)
    pairs = [
        _join(a, b)
        for a in sources.jobs
        for b in targets.jobs
        if not (sources.is_batch and same_file(a.source, b.source))
    ]
    if not pairs:
        raise InputError("there is nothing but the same photo on both sides", where=source, cure="Give two people")
    return Inputs(pairs, is_batch)


def same_file(a: object, b: object) -> bool:
    """Return whether two inputs are one file, or one picture in memory."""
    if isinstance(a, (str, os.PathLike)) and isinstance(b, (str, os.PathLike)):
        first, second = Path(a), Path(b)
        return first.exists() and second.exists() and first.samefile(second)
    if isinstance(a, (np.ndarray, PIL.Image.Image)):
        return a is b
    return False


def _by_name(sources: list[Job], targets: list[Job], source: object, target: object) -> list[Job]:
    by_stem = {job.stem: job for job in targets}
    jobs = []
    for job in sources:
        partner = by_stem.get(job.stem)
        if partner is None:
            lacking = InputError(f"there is no photo of this name in '{target}'", where=job.name, cure=_CURE)
            jobs.append(Job(Pair(job.source, None), job.stem, lacking))
        else:
            jobs.append(_join(job, partner))
    if all(job.problem is not None for job in jobs):
        raise InputError(f"no photo has the name of one in '{target}'", where=source, cure=_CURE)
    return jobs


def _join(a: Job, b: Job) -> Job:
    stem = a.stem if a.stem == b.stem and a.stem != "image" else f"{a.stem}+{b.stem}"
    return Job(Pair(a.source, b.source), stem, a.problem or b.problem)
