"""The command line of tools/fit_ageing.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ppgan_ext import console
from ppgan_ext.apps.ageing_model.options import AgeingFitOptions
from ppgan_ext.apps.command_line import run_tool
from ppgan_ext.apps.commands import Command


def _run(options: AgeingFitOptions) -> int:
    from ppgan_ext.apps.ageing_model.fit_folder import fit_folder

    print(fit_folder(options, lambda line: print(line, file=sys.stderr, flush=True)))
    return console.DONE


COMMAND = Command(
    AgeingFitOptions,
    "Fit the model of ageing, which draws wrinkles and folds at the photo's resolution, to portraits of known age.",
    ('portraits/ --ages ages.csv --data "my portraits" --licence CC0-1.0 --output ageing.safetensors',),
    _run,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_tool(COMMAND, argv, "fit_ageing.py", "interrupted; nothing was written")
