"""Rank-1 recognition: how often the nearest picture of a gallery shows the right person."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import ConfigError, InputError, nearest

Measure: TypeAlias = Literal["euclidean", "cosine"]

_MAX_BYTES = 64 * 2**20  # of the differences in memory at once


def rank1_hits(
    probes: npt.NDArray, probe_people: npt.NDArray, gallery: npt.NDArray, gallery_people: npt.NDArray,
    measure: Measure = "euclidean",
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """Return whether each probe's nearest picture in the gallery shows the same person.

    A tie with another person is a miss: descriptors that are all alike recognise nobody. A probe whose person is not in
    the gallery is a miss too.

    Args:
        probes: descriptors (P, F).
        probe_people: the person of each probe, (P,).
        gallery: descriptors (G, F); a person may have several.
        gallery_people: the person of each picture, (G,).
        measure: "euclidean", or "cosine", which normalises descriptors to length 1.

    Returns:
        (P,) bool.

    Raises:
        InputError: the shapes do not match, the gallery is empty, or numbers are not finite.
        ConfigError: unknown measure.
    """
    if measure not in get_args(Measure):
        raise ConfigError(f"there is no measure '{measure}'", where="measure", cure=nearest(measure, get_args(Measure)))
    theirs, ours = _checked(probes, probe_people, "probes"), _checked(gallery, gallery_people, "gallery")
    if not len(ours) or theirs.shape[1] != ours.shape[1]:
        what = f"probes {theirs.shape} and gallery {ours.shape} do not match"
        raise InputError(what, where="descriptors", cure="Give a gallery with descriptors of the same length")
    if measure == "cosine":
        theirs, ours = _unit(theirs, "probes"), _unit(ours, "gallery")
    hits = np.empty(len(theirs), bool)
    step = max(1, _MAX_BYTES // (ours.size * ours.itemsize))
    for first in range(0, len(theirs), step):
        part = slice(first, first + step)
        # Differences, not products, so that a probe equal to a picture of the gallery has distance exactly 0 from it.
        squared = np.square(theirs[part, None] - ours[None]).sum(axis=2)
        is_same = np.asarray(probe_people)[part, None] == np.asarray(gallery_people)[None]
        same = np.where(is_same, squared, np.inf).min(axis=1)
        hits[part] = same < np.where(is_same, np.inf, squared).min(axis=1)
    return hits


def _checked(descriptors: npt.NDArray, people: npt.NDArray, where: str) -> npt.NDArray[np.float64]:
    rows = np.asarray(descriptors, np.float64)
    if rows.ndim != 2 or np.shape(people) != rows.shape[:1]:
        what = f"descriptors {rows.shape} and people {np.shape(people)} do not match"
        raise InputError(what, where=where, cure="Give one person for each descriptor")
    if not np.isfinite(rows).all():
        raise InputError("descriptors are not finite", where=where, cure="Check the network's weights")
    return rows


def _unit(rows: npt.NDArray[np.float64], where: str) -> npt.NDArray[np.float64]:
    """Scale rows (N, F) to length 1; ordering by distance is then ordering by cosine: |a - b|^2 = 2 - 2 cos."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not lengths.all():
        raise InputError("a descriptor of length 0 has no cosine", where=where, cure="Use the measure euclidean")
    return np.asarray(rows / lengths)
