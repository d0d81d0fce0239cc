"""The command lines of tools/find_directions.py and tools/calibrate_directions.py."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from ppgan_ext import console
from ppgan_ext.argument_parser import RepeatableParser
from ppgan_ext.errors import ConfigError
from ppgan_ext.latents.directions import Direction
from ppgan_ext.latents.fit_directions import METHODS, describe


def fit(description: str | None) -> int:
    """Run tools/find_directions.py on this process's arguments: fit, write, print the table.

    Args:
        description: text at the top of ``--help``.

    Returns:
        The exit code.
    """
    parser = RepeatableParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--codes", help=".npz with w (N, n_latent, 512)")
    source.add_argument("--images", help="folder of photos to encode first, the largest face of each")
    add = parser.add_argument
    add("--recursive", action="store_true", help="search the folder's subfolders too")
    add("--aligned", action="store_true", help="the photos are aligned crops: encode them whole")
    add("--model_type", help="model that encodes --images (default: the bundled one)")
    add("--weight_path", help="file with another model's weights")
    add("--save_codes", help="also write the codes of --images to this .npz")
    add("--labels", required=True, help=".csv (name,age,...) or .npz, as described above")
    add("--attributes", nargs="+", help="columns to fit (default: all)")
    add("--orthogonal_to", nargs="*", help="attributes that every direction leaves unchanged (default: all the others)")
    add("--method", choices=METHODS, default="conditional", help="how a direction is fitted (default: %(default)s)")
    components = "principal components of the codes to use (default: %(default)s)"
    add("--num_components", type=int, default=1024, help=components)
    add("--seed", type=int, default=0, help="seed of the split into fitted and held-back faces (default: %(default)s)")
    add("--output", required=True, help="the .safetensors file to write")
    add("--debug", action="store_true", help="show the traceback of an error")
    settings, debug = _parse(parser)

    def work() -> int:
        _check_encoding(settings)
        from ppgan_ext.apps.directions.fit import FitSettings, fit_and_save

        directions = fit_and_save(FitSettings(**settings), _report)
        print("\n".join([*describe(directions), f"written: {settings['output']}"]))
        return console.DONE

    return console.run(work, debug, "interrupted; no directions were written")


def calibrate(description: str | None) -> int:
    """Run tools/calibrate_directions.py on this process's arguments: calibrate, write, print the table.

    Args:
        description: text at the top of ``--help``.

    Returns:
        The exit code.
    """
    parser = RepeatableParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--images", required=True, help="aligned faces: a folder, a .zip or packs")
    add("--directions", help="file to calibrate (default: the model's own)")
    add("--model_type", help="model that draws and encodes (default: the bundled one)")
    add("--weight_path", help="file with another model's weights")
    add("--leave", nargs="*", default=[], help="directions that keep their length")
    add("--num_faces", type=int, default=48, help="number of faces to measure with (default: %(default)s)")
    add(
        "--skip_last",
        type=int,
        default=0,
        help="leave out the last N faces, to measure on later (default: %(default)s)",
    )
    add("--seed", type=int, default=0, help="seed of the choice of faces (default: %(default)s)")
    add("--output", required=True, help="the .safetensors file to write")
    add("--debug", action="store_true", help="show the traceback of an error")
    settings, debug = _parse(parser)

    def work() -> int:
        from ppgan_ext.apps.directions.calibrate import CalibrateSettings, calibrate_and_save

        calibrated = calibrate_and_save(CalibrateSettings(**settings), _report)
        print("\n".join([*_calibration_table(calibrated), f"written: {settings['output']}"]))
        return console.DONE

    return console.run(work, debug, "interrupted; nothing was written")


def _parse(parser: argparse.ArgumentParser) -> tuple[dict[str, Any], bool]:
    settings = vars(parser.parse_args())
    return settings, settings.pop("debug")


def _check_encoding(settings: Mapping[str, Any]) -> None:
    """Refuse flags that say how ``--images`` are encoded where the codes are given.

    Raises:
        ConfigError: there are such flags.
    """
    names = ("recursive", "aligned", "model_type", "weight_path", "save_codes")
    given = [f"--{name}" for name in names if settings[name]]
    if settings["codes"] is not None and given:
        what = f"{' and '.join(given)} would do nothing with --codes"
        raise ConfigError(what, cure="Leave them out, or give photos with --images")


def _calibration_table(calibrated: Mapping[str, Direction]) -> list[str]:
    lines = [f"{'name':24s}{'unit':>8s}{'stretch':>9s}{'response':>10s}"]
    for name, direction in calibrated.items():
        statistics = direction.statistics
        lines.append(f"{name:24s}{direction.unit:>8s}{statistics['stretch']:9.2f}{statistics['response']:10.2f}")
    return lines


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
