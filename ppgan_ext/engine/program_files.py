"""Files of a program for anybody's paddle.inference: written beside older ones, verified, then put in their place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from paddle import inference

from ppgan_ext import files
from ppgan_ext.errors import ConfigError, OutputError
from ppgan_ext.quiet import quiet
from ppgan_ext.types import FloatArray

# Rounding differs by about 1e-6 of the largest value.
_VERIFY_TOLERANCE = 1e-3
_MOST_ROUNDINGS = 10


def check_file_name(name: str) -> None:
    """Check that a name can be one of files.

    Raises:
        ConfigError: it is empty or contains a folder.
    """
    if Path(name).name != name or name in ("", ".."):
        raise ConfigError(f"'{name}' is no file name", where="model_name", cure="Give a name without a folder")


def write_verified(prefix: Path, save: Callable[[Path], None]) -> tuple[Path, ...]:
    """Write a program's files; older ones are replaced once ``save`` has returned.

    Args:
        prefix: path of the files without their suffixes.
        save: writes the files of another prefix and verifies them.

    Returns:
        The program's file and the file of its weights.

    Raises:
        OutputError: the files cannot be written, or compute something else.
    """
    folder = files.make_folder(prefix.parent)
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".exporting-") as temporary:
            _save(Path(temporary) / prefix.name, save)
            made = sorted(Path(temporary).iterdir())
            for path in made:
                os.replace(path, folder / path.name)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror or error})", where=prefix) from error
    return tuple(folder / path.name for path in made)


def _save(prefix: Path, save: Callable[[Path], None]) -> None:
    try:
        save(prefix)
    except (RuntimeError, ValueError, TypeError, SystemError) as error:  # as which Paddle reports a full disk, too
        reason = " ".join(str(error).split())[-300:]
        raise OutputError(f"Paddle cannot write the program ({reason})", where=prefix.name) from error


def open_program(prefix: Path) -> Callable[..., FloatArray]:
    """Load a program as its users do, nothing chosen but the CPU; it maps an array per input to its first output."""
    settings = inference.Config(f"{prefix}.json", f"{prefix}.pdiparams")
    settings.disable_gpu()
    settings.disable_glog_info()
    with quiet():
        predictor = inference.create_predictor(settings)

    def run(*arrays: FloatArray) -> FloatArray:
        for name, array in zip(predictor.get_input_names(), arrays, strict=True):
            predictor.get_input_handle(name).copy_from_cpu(array)
        with quiet():
            predictor.run()
        return predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()

    return run


def check_result(result: FloatArray, expected: FloatArray, name: str, rounding: float = 0.0) -> float:
    """Compare what a program and its network made of the same inputs.

    Args:
        result: of the program.
        expected: of the network.
        name: of the program.
        rounding: how far rounding of the inputs moves the network's result, in shares of its largest value.

    Returns:
        The largest difference, as a share of the largest value.

    Raises:
        OutputError: they differ by more than rounding.
    """
    error = difference(result, expected)
    if not error < max(_VERIFY_TOLERANCE, _MOST_ROUNDINGS * rounding):
        what = f"the exported program's images are off by {error:.2g} of the largest value"
        raise OutputError(what, where=name, cure="Report it with the version of Paddle")
    return error


def difference(result: FloatArray, expected: FloatArray) -> float:
    """Return the largest difference of two arrays as a share of the second one's largest value; of shapes, infinity."""
    if result.shape != expected.shape:
        return np.inf
    return float(np.abs(result - expected).max() / max(np.abs(expected).max(), 1e-12))
