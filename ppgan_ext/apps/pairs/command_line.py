"""The command line of tools/prepare_pairs.py."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

from ppgan_ext import console
from ppgan_ext.apps.command_line import run_tool
from ppgan_ext.apps.commands import Command
from ppgan_ext.apps.pairs.options import PairOptions
from ppgan_ext.apps.progress import make_bar
from ppgan_ext.file_names import printable


def _run(options: PairOptions) -> int:
    from ppgan_ext.apps.pairs.pair_folders import prepare_pairs

    with contextlib.closing(make_bar("pairs", 0)) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update()

        summary = prepare_pairs(options, advance)
    print(options.output)
    for name, reason in summary.failures.items():
        print(f"error: {printable(name)}: {printable(reason)}", file=sys.stderr)
    parts = [f"{summary.num_written} pairs written", f"{len(summary.failures)} failed"]
    if summary.skipped:
        parts.append(f"{len(summary.skipped)} pictures without a partner left out")
    print(", ".join(parts), file=sys.stderr)
    return console.FAILED if summary.failures else console.DONE


COMMAND = Command(
    PairOptions,
    "Write pairs of pictures, A left and B right, for training pix2pix.",
    ("--a photos/ --b drawings/ --output data/pairs/train", "--draw sketch --input faces/ --output data/sketch/train"),
    _run,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_tool(COMMAND, argv, "prepare_pairs.py", "interrupted; the pairs written so far are complete")
