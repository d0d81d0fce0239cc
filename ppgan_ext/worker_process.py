"""What a worker process of `workers.WorkerPool` does: read a task, do it, write the answer, until the pipe is closed.

The pipe closes when the pool is closed and when its process ends, however it ends, so no worker outlives it.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

from ppgan_ext import wire


def main() -> None:
    """Serve the process that started this one."""
    # Ctrl-C and a scheduler's signal reach the whole group; the pool's process decides what they mean.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # The stream of answers must hold nothing else: what a library prints goes to stderr.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        _serve(sys.stdin.buffer, answers)
    except (wire.ClosedError, BrokenPipeError, ConnectionResetError):
        os._exit(0)  # nothing is left to be written, and closing the broken pipe would fail


def _serve(tasks: BinaryIO, answers: BinaryIO) -> None:
    pickled = wire.receive(tasks)
    function: Callable[[Any], Any] | None = None
    while True:
        task = wire.receive(tasks)
        result, problem = None, None
        try:
            if function is None:
                function = pickle.loads(pickled)
            result = function(task)
        except Exception as error:  # noqa: BLE001 - raised again where the answer is wanted
            problem = _portable(error)
        wire.send(answers, (result, problem))


def _portable(error: Exception) -> tuple[Exception | None, str]:
    """Return the error, where it survives a pickle, and its traceback."""
    text = traceback.format_exc()
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - a class of anyone's may fail in any way
        return None, text
    return error, text
