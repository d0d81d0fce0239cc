"""The command line of tools/evaluate_model.py."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ppgan_ext import console
from ppgan_ext.apps.command_line import run_tool
from ppgan_ext.apps.commands import Command
from ppgan_ext.apps.progress import Bars
from ppgan_ext.apps.studies.models.options import EvaluateOptions


def _run(options: EvaluateOptions) -> int:
    from ppgan_ext.apps.studies.models.evaluate import evaluate

    with Bars() as bars:
        report = evaluate(options, bars)
    for note in report.figures["notes"]:
        print(f"note: {note}", file=sys.stderr)
    print("\n".join(map(str, report.files)))
    return console.DONE


COMMAND = Command(
    EvaluateOptions,
    "Measure a face model on faces that it was not trained on; the same command continues an interrupted run.",
    (
        "--input packs/ --num 500 --output_path evaluation",
        "--input faces/ --held_back 0 --model_type ffhq-inversion --only reconstruction directions",
        "--input packs/ --num 500 --num_refined 50 --num_samples 2000",
    ),
    _run,
)


def main(argv: Sequence[str] | None = None, prog: str = "evaluate_model.py") -> int:
    """Run the command line and return its exit code."""
    interrupted = "interrupted; the report covers the faces measured so far, and the same command continues"
    return run_tool(COMMAND, argv, prog, interrupted)
