"""The page with a toy model, in a process of its own: ``python -m tests.reference.toy_page FOLDER [flags of page]``.

It prints the page's address, then one line of JSON about its visitors for each line that it reads.
"""

import json
import os
import sys
from pathlib import Path

from ppgan_ext.apps.command_line import read_options
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.photo.direction_table import describe_directions
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.latents.directions import load_directions
from tests.reference import toy_face_model
from tests.reference.toy_engine import PlainDistance


def main(folder, words):
    from ppgan_ext.engine import open_model
    from ppgan_ext.web import server
    from ppgan_ext.web.tabs import edit, mix

    toy_face_model.NAMES = (*toy_face_model.NAMES, "pitch")  # which fusion turns heads along
    Predictor.engine = open_model(toy_face_model.toy_face_model(folder), device="cpu", compiled=False)
    Predictor.perceptual = PlainDistance()
    directions = load_directions(str(toy_face_model.toy_directions(folder / "d.safetensors")), toy_face_model.N_LATENT)
    edit.describe_model_directions = lambda name: describe_directions(directions)
    mix._SHARES = {"coarse": 1.0, "middle": 0.5}  # the toy's layers have no fine ones
    with server.serving(read_options(COMMANDS["page"], words, "page"), warm_up=False) as served:
        print(served.url, flush=True)
        for _ in sys.stdin:
            sessions = served.page.sessions
            print(
                json.dumps(
                    {
                        "folder": str(sessions.folder),
                        "visits": len(sessions),
                        "line": len(served.page.line),
                        "files": sum(len(names) for _, _, names in os.walk(sessions.folder)),  # some may go meanwhile
                    }
                ),
                flush=True,
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
