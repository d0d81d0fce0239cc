"""Write folders of pairs, A on the left and B on the right of each picture, as `PairedDataset` reads them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from ppgan_ext.apps.pairs.line_drawings import DRAWINGS
from ppgan_ext.apps.pairs.options import PairOptions
from ppgan_ext.data.image_source import ImageSource
from ppgan_ext.data.sources import open_source
from ppgan_ext.data.squares import square
from ppgan_ext.errors import InputError, PpganExtError
from ppgan_ext.files import make_folder
from ppgan_ext.pictures import write_image
from ppgan_ext.types import Image

_MOST_NAMED = 5
_NOTE = "a pair of pictures for training, joined by ppgan_ext"

OnPair = Callable[[int, int], None]  # pairs done, total


@dataclass
class Summary:
    """What a run has done.

    Attributes:
        num_written: pairs written.
        skipped: names of pictures without a partner.
        failures: name -> why no pair was written.
    """

    num_written: int = 0
    skipped: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)


def prepare_pairs(options: PairOptions, on_pair: OnPair | None = None) -> Summary:
    """Join two folders, or draw after the photos of one.

    A picture that cannot be used is reported in the summary, and the others are written.

    Args:
        options: folders and what to do.
        on_pair: called after each pair.

    Raises:
        InputError: a folder has no pictures, a picture has no partner, two pictures would get one name, or pairs would
            replace pictures.
        OutputError: the folder cannot be written.
    """
    for given in filter(None, (options.input, options.a, options.b)):
        if os.path.realpath(given) == os.path.realpath(options.output):
            what = "is the folder of the pictures, which pairs of the same names would replace"
            raise InputError(what, where=options.output, cure="Give another --output")
    summary = Summary()
    if options.draw is not None:
        assert options.input is not None
        left = right = open_source(options.input)
        names = {name: (index, index) for name, index in _stems(left).items()}
    else:
        assert options.a is not None
        assert options.b is not None
        left, right = open_source(options.a), open_source(options.b)
        names = _partners(left, right, options.skip_missing, summary)
    folder = make_folder(options.output)
    for number, (name, (index_a, index_b)) in enumerate(names.items(), 1):
        try:
            a = left.read(index_a)
            a = a if options.size is None else square(a, options.size)
            b = DRAWINGS[options.draw](a) if options.draw is not None else _other(right.read(index_b), options.size)
            pair = _joined(a, b)
        except PpganExtError as error:
            summary.failures[left.name(index_a)] = str(error)
            continue
        finally:
            if on_pair is not None:
                on_pair(number, len(names))
        target = folder / f"{name}.png"
        make_folder(target.parent)
        write_image(target, pair, _NOTE)
        summary.num_written += 1
    return summary


def _other(image: Image, size: int | None) -> Image:
    return image if size is None else square(image, size)


def _joined(a: Image, b: Image) -> Image:
    """Place two images of one size side by side.

    Raises:
        InputError: they differ in size.
    """
    if a.shape != b.shape:
        what = f"A has {a.shape[1]} x {a.shape[0]} pixels and B {b.shape[1]} x {b.shape[0]}"
        raise InputError(what, cure="Give --size, which brings both to one square")
    return np.concatenate([a, b], axis=1)


def _stems(source: ImageSource) -> dict[str, int]:
    """Return the names of a source's pictures without their suffixes, in its order.

    Raises:
        InputError: two pictures differ only in the suffix.
    """
    stems: dict[str, int] = {}
    for index in range(len(source)):
        stem = str(PurePosixPath(source.name(index)).with_suffix(""))
        if stem in stems:
            what = f"contains {source.name(stems[stem])} and {source.name(index)}, which would get one name"
            raise InputError(what, where=source, cure="Rename one of them")
        stems[stem] = index
    return stems


def _partners(
    left: ImageSource, right: ImageSource, skip_missing: bool, summary: Summary
) -> dict[str, tuple[int, int]]:
    """Return the names that both sources have, with the numbers of their pictures.

    Raises:
        InputError: some, or with ``skip_missing`` all, have no partner.
    """
    ours, theirs = _stems(left), _stems(right)
    pairs = {name: (index, theirs[name]) for name, index in ours.items() if name in theirs}
    lonely = [f"{Path(side.path).name}/{name}" for side, own, other in ((left, ours, theirs), (right, theirs, ours))
              for name in own if name not in other]  # fmt: skip
    if lonely and (not skip_missing or not pairs):
        more = f" and {len(lonely) - _MOST_NAMED} more" if len(lonely) > _MOST_NAMED else ""
        have = "picture has" if len(lonely) == 1 else "pictures have"
        what = f"{len(lonely)} {have} no partner of the same name: {', '.join(lonely[:_MOST_NAMED])}{more}"
        cure = "Give --skip_missing to leave them out" if pairs else "Name the files of both folders alike"
        raise InputError(what, where=right, cure=cure)
    summary.skipped = lonely
    return pairs
