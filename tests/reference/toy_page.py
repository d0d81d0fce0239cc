"""The page with a toy model, in a process of its own: ``python -m tests.reference.toy_page FOLDER [flags of page]``.

Networks are built when the first visitor needs them. Ages are drawn by the code alone: wrinkles and grey hair would
take most of the time. It prints the page's address, then a line of JSON about its visitors for each line that it reads.
A line of JSON with flags opens another page beside it, whose address it prints; the next such line, or "null", ends it.
A line of JSON with a task holds jobs at this task until they are stopped; "" holds none.
"""

import contextlib
import functools
import json
import os
import sys
from pathlib import Path

from ppgan_ext.apps.command_line import read_options
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.photo.direction_table import describe_directions
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.latents.directions import load_directions
from ppgan_ext.web.jobs import Job
from tests.reference import toy_face_model

LONGEST_HOLD = 120  # seconds


def replace_when_used(name, build):
    """Replace a part that all predictors share by what ``build`` returns, once."""
    build = functools.cache(build)
    part = functools.cached_property(lambda predictor: build())
    part.__set_name__(Predictor, name)
    setattr(Predictor, name, part)


def toy_engine(folder):
    from ppgan_ext.engine import open_model

    return open_model(toy_face_model.toy_face_model(folder), device="cpu", compiled=False)


def plain_distance():
    from tests.reference.toy_engine import PlainDistance

    return PlainDistance()


class Holding:
    """Holds jobs at their next report of a task, until they are stopped."""

    def __init__(self):
        self.task = ""
        report = Job._progress

        def report_and_hold(job, task, *done):
            report(job, task, *done)
            if task == self.task and job._stop.wait(LONGEST_HOLD):
                report(job, task, *done)

        Job._progress = report_and_hold


def main(folder, words):
    from ppgan_ext.apps.photo.ageing import Ager
    from ppgan_ext.web import server
    from ppgan_ext.web.tabs import edit, mix

    holding = Holding()
    toy_face_model.NAMES = (*toy_face_model.NAMES, "pitch")  # which fusion turns heads along
    replace_when_used("engine", lambda: toy_engine(folder))
    replace_when_used("perceptual", plain_distance)
    Ager.age = lambda ager, photo, *_: photo
    directions = load_directions(str(toy_face_model.toy_directions(folder / "d.safetensors")), toy_face_model.N_LATENT)
    edit.describe_model_directions = lambda name: describe_directions(directions)
    mix._SHARES = {"coarse": 1.0, "middle": 0.5}  # the toy's layers have no fine ones

    def serving(flags):
        return server.serving(read_options(COMMANDS["page"], flags, "page"), warm_up=False)

    with serving(words) as served, contextlib.ExitStack() as beside:
        print(served.url, flush=True)
        other = None
        for line in sys.stdin:
            asked = json.loads(line) if line.strip() else None
            if isinstance(asked, str):
                holding.task = asked
                print(flush=True)
                continue
            if line.strip():
                beside.close()
                flags = asked
                other = beside.enter_context(serving(flags)) if flags else None
                print(other.url if other else "", flush=True)
                continue
            sessions = served.page.sessions
            print(
                json.dumps(
                    {
                        "folder": str(sessions.folder),
                        "beside": str(other.page.sessions.folder) if other else None,
                        "visits": len(sessions),
                        "line": len(served.page.line),
                        "files": sum(len(names) for _, _, names in os.walk(sessions.folder)),  # some may go meanwhile
                    }
                ),
                flush=True,
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
