"""What a worker process does: read a task, put its batch together, write it, until the pipe is closed.

The pipe closes when the loader is closed and when its process ends, however it ends, so no worker outlives it.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from typing import BinaryIO

from ppgan_ext.data import wire
from ppgan_ext.data.assembly import Assembler


def main() -> None:
    """Serve the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the loader's process decides
    # The stream of results must hold nothing else: what a library prints goes to stderr.
    results = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    _use_one_thread()
    try:
        _serve(sys.stdin.buffer, results)
    except (wire.ClosedError, BrokenPipeError, ConnectionResetError):
        os._exit(0)  # nothing is left to be written, and closing the broken pipe would fail


def _serve(tasks: BinaryIO, results: BinaryIO) -> None:
    pickled = wire.receive(tasks)
    assembler: Assembler | None = None
    told: set[str] = set()
    while True:
        first = wire.receive(tasks)
        batch, problem, news = None, None, {}
        try:
            assembler = assembler or pickle.loads(pickled)
            batch = assembler.batch(first)
        except Exception as error:  # noqa: BLE001 - raised again where the batch is wanted
            problem = _portable(error)
        if assembler is not None:
            news = {name: reason for name, reason in assembler.bad_files.items() if name not in told}
            told.update(news)
        wire.send(results, (batch, problem, news))


def _portable(error: Exception) -> tuple[Exception | None, str]:
    """Return the error, where it survives a pickle, and its traceback."""
    text = traceback.format_exc()
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - a class of anyone's may fail in any way
        return None, text
    return error, text


def _use_one_thread() -> None:
    """Leave the cores to the other workers and to the training."""
    import cv2

    cv2.setNumThreads(1)
