"""The command ``ppgan-ext prepare``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ppgan_ext.apps.batch import Outcome
from ppgan_ext.apps.faces_data.options import PrepareOptions
from ppgan_ext.apps.progress import make_bar
from ppgan_ext.apps.reporting import print_lines, report_error
from ppgan_ext.console import DONE, FAILED, INTERRUPTED

if TYPE_CHECKING:
    from ppgan_ext.apps.faces_data.cutting import CutPhoto


def run_prepare(options: PrepareOptions) -> int:
    """Run ``ppgan-ext prepare`` and return the exit code."""
    from ppgan_ext.apps.faces_data.cutting import Summary, prepare_faces

    summary = Summary()
    with make_bar("photos", 0) as bar:

        def report(outcome: Outcome[CutPhoto]) -> None:
            if outcome.error is not None:
                report_error(outcome.error, outcome.job)
            bar.total = summary.num_photos - summary.num_before
            bar.update()

        try:
            prepare_faces(options, report, summary)
        except KeyboardInterrupt:
            print_lines([f"interrupted: {summary}; run it again to go on"], sys.stderr)
            return INTERRUPTED
    print_lines([options.output], sys.stdout)
    print_lines([str(summary)], sys.stderr)
    return FAILED if summary.failures else DONE
