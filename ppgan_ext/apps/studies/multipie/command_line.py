"""The command line of tools/evaluate_multipie.py."""

from __future__ import annotations

from collections.abc import Sequence

from ppgan_ext import console
from ppgan_ext.apps.command_line import run_tool
from ppgan_ext.apps.commands import Command
from ppgan_ext.apps.progress import Bars
from ppgan_ext.apps.studies.multipie.options import RecognitionOptions
from ppgan_ext.apps.studies.multipie.report import to_markdown


def _run(options: RecognitionOptions) -> int:
    from ppgan_ext.apps.studies.multipie.study import run_study

    with Bars() as bars:
        record, written = run_study(options, bars)
    print(to_markdown(record), end="")
    print("\n".join(map(str, written)))
    return console.DONE


COMMAND = Command(
    RecognitionOptions,
    "Measure rank-1 recognition on your own Multi-PIE, by yaw.",
    ("--input multipie_aligned/ --setting 2", "--input multipie_aligned/ --synthesised frontal/ --max_yaw 75"),
    _run,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_tool(COMMAND, argv, "evaluate_multipie.py", "interrupted; nothing was written")
