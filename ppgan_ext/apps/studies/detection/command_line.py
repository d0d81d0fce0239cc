"""The command line of tools/evaluate_detection.py."""

from __future__ import annotations

from collections.abc import Sequence

from ppgan_ext import console
from ppgan_ext.apps.command_line import run_tool
from ppgan_ext.apps.commands import Command
from ppgan_ext.apps.progress import Bars
from ppgan_ext.apps.studies.detection.options import DetectionStudyOptions
from ppgan_ext.apps.studies.detection.report import to_markdown


def _run(options: DetectionStudyOptions) -> int:
    from ppgan_ext.apps.studies.detection.study import run_study

    with Bars() as bars:
        record, written = run_study(options, bars)
    print(to_markdown(record), end="")
    print("\n".join(map(str, written)))
    return console.DONE


COMMAND = Command(
    DetectionStudyOptions,
    "Measure face detectors on portraits made small, tilted, dark, noisy, cut and grouped.",
    ("--input portraits/ --output_path detection", "--input portraits/ --num 12"),
    _run,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_tool(COMMAND, argv, "evaluate_detection.py", "interrupted; nothing was written")
