"""Work that batches share in tests, where worker processes can import it, and a command that does it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from ppgan_ext import console
from ppgan_ext.apps.batch import open_inputs
from ppgan_ext.apps.codes.options import EncodeOptions
from ppgan_ext.apps.reporting import BatchWork
from ppgan_ext.apps.results import ResultFolder
from ppgan_ext.apps.shares.run import run_command
from ppgan_ext.errors import ConfigError, NoFaceError

LOG = "tried.txt"  # beside the output folder: a line for each attempt


def open_toy(options, progress):
    """Encode with the toy model."""
    from ppgan_ext.apps.codes.encode import Pixel2Style2PixelPredictor
    from ppgan_ext.engine import open_model
    from tests.reference.toy_face_model import toy_face_model

    predictor = Pixel2Style2PixelPredictor.from_options(options, progress)
    model = toy_face_model(Path(options.output_path), directions=False)
    predictor.__dict__["engine"] = open_model(model, device="cpu", compiled=False)  # as if loaded
    return BatchWork(lambda job: predictor.encode(job, options), check=predictor.check_before_batch)


def open_plain(options, progress):
    """Write a small picture and a code; what happens on the way is in the photo's name."""

    def do(job):
        note(options, job.stem)
        results = ResultFolder(Path(options.output_path), job.names)
        results.image(f"{job.stem}.png", np.full((4, 6, 3), len(job.stem), np.uint8))
        if "faceless" in job.stem:
            raise NoFaceError("there is no face in it", where=job.name)
        if "deadly" in job.stem:
            os._exit(3)
        if "once" in job.stem and tried(options).count(job.stem) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if "slow" in job.stem and tried(options).count(job.stem) == 1:
            time.sleep(60)
        results.code(f"{job.stem}.npy", np.zeros((2, 512), np.float32))
        return results.made(job.stem, notes=[f"{job.stem} is noted"]).with_remarks(["all are small"])

    return BatchWork(do, lambda stem: [f"made {stem}"])


def open_refused(options, progress):
    """Refuse to work at all."""

    def check():
        raise ConfigError("there is no such model", cure="Choose another")

    return BatchWork(lambda job: None, check=check)


def tried(options):
    """Return the stems of the photos that were tried, in any process, in the order of time."""
    log = Path(options.output_path).parent / LOG
    return log.read_text().splitlines() if log.exists() else []


def note(options, stem):
    """Note an attempt."""
    folder = Path(options.output_path).parent
    folder.mkdir(exist_ok=True)
    with (folder / LOG).open("a") as log:
        log.write(f"{stem}\n")


def run(photos, output, workers=1, open_work=open_plain):
    """Run the command on a folder and return its exit code."""
    options = EncodeOptions(output_path=str(output), workers=workers)
    inputs = open_inputs(str(photos), results=Path(output))
    return console.run(lambda: run_command(inputs, open_work, options, workers=workers), False, "interrupted")


def main():
    """Run the command on the words of this process; not as ``__main__``, which worker processes cannot import."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts without it
    sys.exit(run(*sys.argv[1:3], int(sys.argv[3])))
