"""The command line of tools/evaluate_photos.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ppgan_ext import console
from ppgan_ext.apps.command_line import run_tool
from ppgan_ext.apps.commands import Command
from ppgan_ext.apps.progress import Bars
from ppgan_ext.apps.reporting import print_lines
from ppgan_ext.apps.studies.photos.judge import PACKAGE
from ppgan_ext.apps.studies.photos.options import PhotoStudyOptions


def _run(options: PhotoStudyOptions) -> int:
    from ppgan_ext.apps.studies.photos.study import run_study

    with Bars() as bars:
        report = run_study(options, bars, lambda note: print_lines([f"note: {note}"], sys.stderr))
    print(report.markdown, end="")
    print("\n".join(map(str, report.files)))
    return console.DONE


# Measured with all options as they are, on an EPYC: CPU seconds of 2 photos of 1024 pixels, without loading the model.
_COST = f"""
On one core, a photo takes about 8 s for the ages, 30 s for the directions and 30 s for the blends, more with
--set tune=... or fit_steps=...; --only, --num, --num_directions and --num_blends make it less.
Years need the package {PACKAGE}."""

COMMAND = Command(
    PhotoStudyOptions,
    f"Measure on photos how old edited faces look, and what else the edit changes.\n{_COST}",
    (
        "photos/ --ages ages.csv --output_path study",
        "photos/ --only age --years 20 40 --num 24 --set blend=replace tune=60",
        "photos/ --only directions --directions smile yaw",
    ),
    _run,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    interrupted = "interrupted; the report covers the photos measured so far"
    return run_tool(COMMAND, argv, "evaluate_photos.py", interrupted)
