"""Pairs of photos for face fusion: two files, or the files of two folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import PIL.Image

from ppgan_ext.apps.batch import Job, make_jobs
from ppgan_ext.errors import InputError

_CURE = "Name the two photos of a pair alike, or use --pairs all"


class Pair(NamedTuple):
    """A photo that is kept and a photo of the person whose face is put in: paths, PIL images or RGB uint8 arrays."""

    source: Any
    target: Any


def make_pairs(source: object, target: object, how: Literal["name", "all"] = "name") -> list[Job]:
    """List the pairs of two inputs as jobs, whose ``source`` is a `Pair`.

    A photo and a folder give every pair of them. Of two folders, files of the same name (without its suffix) belong
    together, or all are paired with all. A file is never paired with itself, unless nothing else is asked for.

    Args:
        source: what is kept: a path, folder, PIL image or array, or a list of them.
        target: whose face is put in, alike.
        how: "name" or "all".

    Raises:
        InputError: an input is missing, a folder is empty, or no names agree.
    """
    for name, given in (("source", source), ("target", target)):
        if given is None or (isinstance(given, str) and not given):
            raise InputError(f"--{name} is missing", cure="Give two photos, or folders of photos")
    sources, targets = make_jobs(source), make_jobs(target)
    for job in (*sources, *targets):
        if job.problem is not None and not (is_many(source) or is_many(target)):
            raise job.problem
    if is_many(source) and is_many(target) and how == "name":
        return _by_name(sources, targets, source, target)
    pairs = [_join(a, b) for a in sources for b in targets if not (is_many(source) and same_file(a.source, b.source))]
    if not pairs:
        raise InputError("there is nothing but the same photo on both sides", where=source, cure="Give two people")
    return pairs


def is_many(given: object) -> bool:
    """Say whether an input means several photos: a list, a tuple or a folder."""
    if isinstance(given, (list, tuple)):
        return True
    return isinstance(given, (str, os.PathLike)) and Path(given).is_dir()


def same_file(a: object, b: object) -> bool:
    """Say whether two inputs are one file, or one picture in memory."""
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
