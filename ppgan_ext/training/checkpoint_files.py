"""The files of checkpoints and weights in a run's folder: their names and iterations, reading, and removing old ones.

Reading executes no code in a file, and imports no Paddle.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ppgan_ext.errors import WeightsError
from ppgan_ext.weights import readers

OWN_KEY = "ppgan_ext"
FORMAT = 1
_NAME = re.compile(r"(iter|epoch)_(\d+)_(checkpoint|weight)\.pdparams")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The content of a checkpoint file.

    Attributes:
        path: the file.
        tree: its whole content.
        iteration: number of finished iterations.
        own: the state that PaddleGAN lacks; empty for a checkpoint of PaddleGAN.
    """

    path: Path
    tree: dict[str, Any]
    iteration: int
    own: dict[str, Any]


def read(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint file, or the newest undamaged checkpoint in a run's folder.

    Raises:
        WeightsError: the file does not exist, is damaged, or is not a checkpoint; or the folder contains none.
    """
    file = Path(path)
    if file.is_dir():
        return _newest(file)
    tree = readers.read(file)
    if not isinstance(tree, dict) or not isinstance(tree.get("epoch"), int | np.integer | np.ndarray):
        cure = "Use an iter_N_checkpoint.pdparams, or load weights alone with --load"
        raise WeightsError("is not a checkpoint of a training run", where=file, cure=cure)
    own = tree.get(OWN_KEY, {})
    if own.get("format", FORMAT) > FORMAT:
        raise WeightsError("was written by a later version of ppgan_ext", where=file, cure="Update ppgan_ext")
    return Checkpoint(file, tree, int(own.get("iteration", np.asarray(tree["epoch"]).item())), own)


def iteration_of(path: Path) -> int | None:
    """Return after how many iterations a file of weights or a checkpoint was written; None if it does not say.

    Names tell it, except where they count epochs or were changed; then the content of our own files tells it.
    """
    match = _NAME.fullmatch(path.name)
    if match and match[1] == "iter":
        return int(match[2])
    if path.suffix != ".pdparams" or not path.is_file():
        return None
    tree = readers.read(path)
    own = tree.get(OWN_KEY) if isinstance(tree, Mapping) else None
    iteration = own.get("iteration") if isinstance(own, Mapping) else None
    return int(iteration) if isinstance(iteration, int | np.integer) else None


def file_name(kind: str, iteration: int, iters_per_epoch: int | None) -> str:
    """Return PaddleGAN's name of a file: ``iter_500_weight.pdparams``, or ``epoch_3_...`` at the end of an epoch.

    Args:
        kind: "weight" or "checkpoint".
        iteration: number of finished iterations.
        iters_per_epoch: iterations per epoch if the run counts epochs; otherwise None.
    """
    if iters_per_epoch and iteration % iters_per_epoch == 0:
        return f"epoch_{iteration // iters_per_epoch}_{kind}.pdparams"
    return f"iter_{iteration}_{kind}.pdparams"


def remove_older(folder: Path, iteration: int, keep: int, iters_per_epoch: int | None) -> None:
    """Remove checkpoints of iterations before ``iteration``, except for the ``keep - 1`` newest; weights stay.

    Args:
        folder: folder of the run.
        iteration: iteration of the newest checkpoint.
        keep: number of checkpoints to keep, the newest included.
        iters_per_epoch: iterations per epoch, to order files that are named by epoch.
    """
    earlier = [item for item in _listed(folder, iters_per_epoch or 1) if item[0] < iteration]
    for _, path in earlier[: len(earlier) - (keep - 1)]:
        path.unlink(missing_ok=True)


def _listed(folder: Path, iters_per_epoch: int = 1) -> list[tuple[int, Path]]:
    """List a folder's checkpoints with their iterations, oldest first."""
    checkpoints = []
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if match and match[3] == "checkpoint":
            checkpoints.append((int(match[2]) * (iters_per_epoch if match[1] == "epoch" else 1), path))
    return sorted(checkpoints)


def _newest(folder: Path) -> Checkpoint:
    """Read the newest checkpoint of a folder that is not damaged."""
    problem: WeightsError | None = None
    for path in sorted((path for _, path in _listed(folder)), key=lambda path: path.stat().st_mtime_ns, reverse=True):
        try:
            return read(path)
        except WeightsError as error:
            problem = problem or error
    cure = "Name the folder of a run, or a checkpoint"
    raise problem or WeightsError("contains no checkpoint", where=folder, cure=cure)
