"""Run every benchmark: ``python -m benchmarks.run_all``, which is ``make bench``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

BENCHMARKS = (
    "synthesis",
    "encoding",
    "projector",
    "training",
    "translation",
    "photo_stages",
    "age_command",
    "process_starts",
    "page_load",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run all, go on after a failure, and return 1 if there was one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run_all")
    parser.add_argument("--quick", action="store_true", help="toy sizes: checks the benchmarks, measures nothing")
    options = parser.parse_args(argv)
    arguments = ["--quick"] if options.quick else []
    codes = []
    for name in BENCHMARKS:
        # The same call as from the command line, where the module's name is needed by its fresh processes.
        module = importlib.import_module(f"benchmarks.{name}")
        codes.append(module.main(name, module.run, arguments))
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
