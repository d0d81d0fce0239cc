"""Run every benchmark one after the other: python -m benchmarks.run_all [--quick]."""

from __future__ import annotations

import sys

from benchmarks import age_command, encoding, projector, synthesis
from benchmarks.common import main

BENCHMARKS = {
    "synthesis": synthesis.run,
    "encoding": encoding.run,
    "projector": projector.run,
    "age_command": age_command.run,
}

if __name__ == "__main__":
    sys.exit(max(main(name, run, sys.argv[1:]) for name, run in BENCHMARKS.items()))
