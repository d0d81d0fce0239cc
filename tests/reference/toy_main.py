"""tools/main.py with the toy family, for tests that run whole commands in processes of their own.

TOY_SLOW_WRITING=seconds slows down the writing of a weight file, so that a test can kill the process meanwhile.
"""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext import runtime
from ppgan_ext.training.command_line import main
from ppgan_ext.training.families import FAMILIES
from ppgan_ext.weights.readers import pdparams

runtime.import_paddle()  # without its messages, before the toy imports it

from tests.reference.toy_task import FAMILY  # noqa: E402

FAMILIES["ToyModel"] = FAMILY
_write = pdparams.write


def _write_slowly(path, state):
    _write(path, state)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    time.sleep(float(os.environ["TOY_SLOW_WRITING"]))
    path.write_bytes(data)


if __name__ == "__main__":
    if "TOY_SLOW_WRITING" in os.environ:
        pdparams.write = _write_slowly
    sys.exit(main())
