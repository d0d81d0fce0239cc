"""The program that a worker of `workers.WorkerPool` runs: read a task, do it, write the answer, until the pipe closes.

The pipe closes when the pool is closed or the pool's process ends, for whatever reason, so no worker outlives it.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from ppgan_ext import worker_messages


def main() -> None:
    """Serve the process that started this one."""
    # Ctrl-C and a scheduler's signal reach the whole process group; only the pool's process reacts to them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # The answer stream must contain nothing but answers, so library output is redirected to stderr.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        _serve(sys.stdin.buffer, answers)
    except (worker_messages.ClosedError, BrokenPipeError, ConnectionResetError):
        os._exit(0)  # nothing is left to write, and closing the broken pipe would fail


def _serve(tasks: BinaryIO, answers: BinaryIO) -> None:
    pickled = worker_messages.receive(tasks)
    function: Callable[[Any], Any] | None = None
    while True:
        task = worker_messages.receive(tasks)
        result, problem = None, None
        try:
            if function is None:
                function = pickle.loads(pickled)
            result = function(task)
        except Exception as error:  # noqa: BLE001 - raised again in the pool's process
            problem = _portable(error)
        worker_messages.send(answers, (result, problem))


def _portable(error: Exception) -> tuple[Exception | None, str]:
    """Return the error (None if it cannot be pickled) and its traceback."""
    text = traceback.format_exc()
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - pickling a foreign class may fail in any way
        return None, text
    return error, text
