"""The command line of tools/evaluate_fusion.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ppgan_ext import console
from ppgan_ext.apps.command_line import run_tool
from ppgan_ext.apps.commands import Command
from ppgan_ext.apps.progress import Bars
from ppgan_ext.apps.studies.fusion.options import FusionStudyOptions


def _run(options: FusionStudyOptions) -> int:
    from ppgan_ext.apps.studies.fusion.study import run_study

    with Bars() as bars:
        written = run_study(options, bars)
    print((Path(options.output_path) / "fusion.md").read_text(encoding="utf-8"), end="")
    print("\n".join(map(str, written)))
    return console.DONE


COMMAND = Command(
    FusionStudyOptions,
    "Measure how well faces are fused, by the difference of yaw between the photos.",
    ("--input faces/ --num_pairs 100 --output_path study", "--csv pairs.csv --methods auto warp"),
    _run,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_tool(COMMAND, argv, "evaluate_fusion.py", "interrupted; pairs.csv contains the pairs measured so far")
