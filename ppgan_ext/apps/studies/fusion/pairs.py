"""The pairs of photos that the fusion study measures: read from a CSV, or drawn at random."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ppgan_ext import seeding
from ppgan_ext.apps.predictor import Progress, no_progress
from ppgan_ext.apps.studies.fusion.options import FusionStudyOptions
from ppgan_ext.data.image_source import ImageSource
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.images import read_image
from ppgan_ext.types import Image

_TRIES = 400  # random draws per requested pair before the search ends


@dataclass(frozen=True, eq=False)
class PhotoPair:
    """Two photos by name, read when they are needed.

    Attributes:
        source: name of the photo that is kept.
        target: name of the photo of the person who is put in.
        read_photo: reads a photo by name.
        kind: what the pair stands for; empty if nothing was said.
    """

    source: str
    target: str
    read_photo: Callable[[str], Image]
    kind: str = ""

    def read(self) -> tuple[Image, Image]:
        """Read both photos, source first."""
        return self.read_photo(self.source), self.read_photo(self.target)


def choose_pairs(options: FusionStudyOptions, progress: Progress = no_progress) -> list[PhotoPair]:
    """Read the pairs of the CSV, or draw pairs whose yaws differ by at least ``min_yaw``.

    Raises:
        ConfigError: neither ``input`` nor ``csv``.
        InputError: the photos or the CSV cannot be read, or there are no such pairs.
    """
    if options.csv is not None:
        return _read_pairs(Path(options.csv), None if options.input is None else open_source(options.input))
    if options.input is None:
        raise ConfigError("give photos or a list of pairs", cure="Use --input folder or --csv pairs.csv")
    source = open_source(str(options.input))
    first = max(0, len(source) - options.last) if options.last else 0
    yaws = _measure_yaws(source, range(first, len(source)), progress)
    rng = seeding.generator(options.seed or 0)
    indices = np.array(list(yaws))
    read_photo = _reader(source)
    pairs: dict[tuple[int, int], PhotoPair] = {}
    for _ in range(_TRIES * options.num_pairs):
        if len(pairs) == options.num_pairs or len(indices) < 2:
            break
        a, b = (int(i) for i in rng.choice(indices, 2, replace=False))
        if abs(yaws[a] - yaws[b]) >= options.min_yaw:
            pairs.setdefault((a, b), PhotoPair(source.name(a), source.name(b), read_photo))
    if not pairs:
        raise InputError(
            f"no two faces are {options.min_yaw:g} degrees of yaw apart", where=options.input, cure="Lower --min_yaw"
        )
    return list(pairs.values())


def _reader(source: ImageSource) -> Callable[[str], Image]:
    """Return a function that reads photos of a source by name."""
    index_of = {source.name(i): i for i in range(len(source))}
    return lambda name: source.read(index_of[name])


def _measure_yaws(source: ImageSource, indices: Iterable[int], progress: Progress) -> dict[int, float]:
    """Measure the yaw of each photo's only face, degrees; skip photos with no face or several."""
    from ppgan_ext.faces.detect import find_faces
    from ppgan_ext.faces.pose import head_pose

    rows, yaws = list(indices), {}
    for done, index in enumerate(rows):
        progress("measuring poses", done, len(rows))
        try:
            photo = source.read(index)
        except InputError:
            continue
        faces = find_faces(photo)
        if len(faces) == 1:
            yaws[index] = head_pose(faces[0].landmarks, (photo.shape[1], photo.shape[0])).yaw_degrees
    return yaws


def _read_pairs(path: Path, photos: ImageSource | None) -> list[PhotoPair]:
    """Read a list of pairs; the names are those of photos, or without them paths relative to the list."""
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", where=path, cure="Check the path") from error
    read_photo = read_image if photos is None else _reader(photos)
    known = None if photos is None else {photos.name(i) for i in range(len(photos))}
    pairs = []
    for number, row in enumerate(rows, start=2):
        if not row.get("source") or not row.get("target"):
            cure = "Start the file with 'source,target', and fill both columns"
            raise InputError("has no source or no target", where=f"{path}:{number}", cure=cure)
        names = [row["source"], row["target"]]
        if known is None:
            names = [str(path.parent / name) for name in names]
        elif missing := [name for name in names if name not in known]:
            raise InputError(f"'{missing[0]}' is not among the photos", where=f"{path}:{number}", cure="Check --input")
        pairs.append(PhotoPair(names[0], names[1], read_photo, row.get("kind") or ""))
    if not pairs:
        raise InputError("lists no pairs", where=path, cure="Start with 'source,target', then one pair per line")
    return pairs
