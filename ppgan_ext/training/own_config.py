"""The configuration that a run has saved in its folder: it serves to resume the run and to measure its weights."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ppgan_ext import config

FILE_NAME = "config.yaml"
_RUN_FOLDER = re.compile(r"(.+?)-\d{4}(-\d\d){4}(-\d+)?")  # NAME-YYYY-mm-dd-HH-MM


def config_beside(source: str | os.PathLike[str]) -> Path:
    """Return where the configuration of a run lies, whether it exists or not.

    Args:
        source: the run's folder or a file in it; or "NETWORK=FILE", as ``--load`` takes it.
    """
    path = Path(source)
    if not path.exists() and "=" in str(source):
        path = Path(str(source).partition("=")[2])
    return (path if path.is_dir() else path.parent) / FILE_NAME


def run_name(path: Path) -> str:
    """Return the name of the runs of a configuration: that of its file, or of the run that has saved it.

    Example:
        >>> run_name(Path("configs/faces64.yaml")), run_name(Path("output_dir/faces64-2026-11-22-14-05/config.yaml"))
        ('faces64', 'faces64')
    """
    match = _RUN_FOLDER.fullmatch(path.absolute().parent.name) if path.name == FILE_NAME else None
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
