"""tools/main.py with several configurations after one another, in processes that join once.

Starting processes costs more than a run of toy size.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.training.processes import Processes
from tests.reference import toy_main  # the toy family, and a quiet import of Paddle


def main(configs: list[str]) -> int:
    """Train by each configuration, whatever became of the others; return the highest exit code."""
    processes = Processes.join(cpu=True)
    close, processes.close = processes.close, lambda: None
    Processes.join = classmethod(lambda *_, **__: processes)
    try:
        return max([toy_main.main(["-c", config, "--no-cuda"]) for config in configs])
    finally:
        close()


if __name__ == "__main__":
    sys.exit(main([word for word in sys.argv[1:] if word != "--no-cuda"]))
