"""The configurations that a run has saved in its folder: they serve to resume the run and to measure its weights.

``config.yaml`` is the one that the run began with. When it was resumed after iteration N with other settings, these are
in ``config_from_iter_N.yaml``, and count from there on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ppgan_ext import config, files
from ppgan_ext.errors import WeightsError
from ppgan_ext.training import checkpoint_files

FILE_NAME = "config.yaml"
_LATER = re.compile(r"config_from_iter_(\d+)\.yaml")
_RUN_FOLDER = re.compile(r"(.+?)-\d{4}(-\d\d){4}(-\d+)?")  # NAME-YYYY-mm-dd-HH-MM


def config_beside(source: str | os.PathLike[str]) -> Path:
    """Return where the configuration of a run's weights or checkpoint lies, whether it exists or not.

    Args:
        source: a file in the run's folder; or the folder, for its newest checkpoint; or "NETWORK=FILE", as ``--load``
            takes it.

    Raises:
        WeightsError: the iteration of the file is needed, and the file is damaged.
    """
    path = file_of(source)
    folder = path if path.is_dir() else path.parent
    if not _later_files(folder):
        return folder / FILE_NAME  # without a look into a file that may be large
    return config_at(folder, _newest_iteration(path) if path.is_dir() else checkpoint_files.iteration_of(path))


def file_of(source: str | os.PathLike[str]) -> Path:
    """Return the file or folder of a source as `config_beside` takes it."""
    path = Path(source)
    return Path(str(source).partition("=")[2]) if not path.exists() and "=" in str(source) else path


def config_at(folder: Path, iteration: int | None) -> Path:
    """Return where the configuration lies that a run had in an iteration; of None: its latest."""
    earlier = [path for first, path in _later_files(folder) if iteration is None or first <= iteration]
    return earlier[-1] if earlier else folder / FILE_NAME


def write_config(folder: Path, done: int, text: str) -> None:
    """Save the configuration with which a run starts, or continues after ``done`` iterations, if it is a new one.

    Those from later iterations, which will be trained again, are removed like the later lines of the log.

    Raises:
        OutputError: the file cannot be written.
    """
    for first, path in _later_files(folder):
        if first > done:
            path.unlink(missing_ok=True)
    own = config_at(folder, done)
    if own.is_file() and own.read_text(encoding="utf-8") == text:
        return
    name = f"config_from_iter_{done}.yaml" if own.is_file() else FILE_NAME
    files.write_bytes(folder / name, text.encode())


def _later_files(folder: Path) -> list[tuple[int, Path]]:
    """List the configurations with which a run was resumed and their iterations, earliest first."""
    found = ((_LATER.fullmatch(path.name), path) for path in folder.glob("config_from_iter_*.yaml"))
    return sorted((int(match[1]), path) for match, path in found if match)


def _newest_iteration(folder: Path) -> int | None:
    try:
        return checkpoint_files.read(folder).iteration
    except WeightsError:
        return None  # reported when the checkpoint is read to be used


def run_name(path: Path) -> str:
    """Return the name of the runs of a configuration: that of its file, or of the run that has saved it.

    Example:
        >>> run_name(Path("configs/faces64.yaml")), run_name(Path("output_dir/faces64-2026-11-22-14-05/config.yaml"))
        ('faces64', 'faces64')
    """
    is_own = path.name == FILE_NAME or _LATER.fullmatch(path.name)
    match = _RUN_FOLDER.fullmatch(path.absolute().parent.name) if is_own else None
    return match[1] if match else path.stem


def data_instead_of_missing(dataset: Mapping[str, Any], own_file: Path) -> dict[str, str]:
    """Find the data of a run for a configuration whose own data are not on this machine.

    Without this, ``-c FILE --resume RUN`` would need again all that ``-o`` told the run about its data.

    Args:
        dataset: the block ``dataset`` of the configuration.
        own_file: the configuration that the run has saved; it need not exist.

    Returns:
        Dotted key -> path, for each ``dataroot`` that does not exist where the run's own does.
    """
    if not own_file.is_file():
        return {}
    own, _, _ = config.read_yaml(own_file)
    own_roots = dict(_roots(own.get("dataset")))
    return {
        f"dataset.{key}": own_roots[key]
        for key, root in _roots(dataset)
        if not Path(root).exists() and key in own_roots and Path(own_roots[key]).exists()
    }


def _roots(dataset: object) -> Iterator[tuple[str, str]]:
    """Yield the paths of a block ``dataset`` with their keys, such as "train.dataroot"."""
    for part, block in dataset.items() if isinstance(dataset, Mapping) else ():
        for key, value in block.items() if isinstance(block, Mapping) else ():
            if str(key).startswith("dataroot") and isinstance(value, str):
                yield f"{part}.{key}", value
