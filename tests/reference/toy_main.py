"""tools/main.py with the toy task among the models: what tests of whole commands run in a process of its own."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext.training import tasks
from ppgan_ext.training.command import main

tasks.TASKS["ToyModel"] = "tests.reference.toy_task:ToyTask"

if __name__ == "__main__":
    sys.exit(main())
