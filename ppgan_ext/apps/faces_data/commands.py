"""The command ``ppgan-ext prepare``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ppgan_ext.apps.batch import Outcome
from ppgan_ext.apps.faces_data.options import PrepareOptions
from ppgan_ext.apps.progress import make_bar
from ppgan_ext.apps.reporting import print_lines, report_error
from ppgan_ext.console import DONE, FAILED, INTERRUPTED
from ppgan_ext.file_names import printable
from ppgan_ext.picture_listing import describe_left_out

if TYPE_CHECKING:
    from ppgan_ext.apps.faces_data.cutting import CutPhoto, Summary

_MOST_LINES = 20


def run_prepare(options: PrepareOptions) -> int:
    """Run ``ppgan-ext prepare`` and return the exit code."""
    from ppgan_ext.apps.faces_data.cutting import Summary, prepare_faces

    summary = Summary()
    with contextlib.closing(make_bar("photos", 0)) as bar:

        def begin(summary: Summary) -> None:
            bar.total = summary.num_photos - summary.num_before
            if summary.left_out:
                print_lines([f"note: left out: {describe_left_out(summary.left_out)}"], sys.stderr)
            print_lines(_failed_before(summary.failures_before), sys.stderr)

        def report(outcome: Outcome[CutPhoto]) -> None:
            if outcome.error is not None:
                report_error(outcome.error, outcome.job)
            bar.update()

        try:
            prepare_faces(options, report, summary, begin)
        except KeyboardInterrupt:
            print_lines([f"interrupted: {summary}; run it again to go on"], sys.stderr)
            return INTERRUPTED
    print_lines([options.output], sys.stdout)
    print_lines([str(summary)], sys.stderr)
    return FAILED if summary.failures or summary.failures_before else DONE


def _failed_before(failures: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each photo that failed in an earlier run and is not tried again; of many, the first."""
    for name, reason in list(failures.items())[:_MOST_LINES]:
        yield f"error: {printable(name)}: {printable(reason)} (in an earlier run; --retry tries it again)"
    if len(failures) > _MOST_LINES:
        yield f"error: {len(failures) - _MOST_LINES} more photos failed in earlier runs; see the manifest"
