"""Gradio is imported once, before any test: its own imports warn. Tests of a whole page run it in a process."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import ppgan_ext.web  # noqa: F401  (before Gradio, so that its import is quick)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("gradio")


ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def photo_files(tmp_path_factory):
    """Files by name: a portrait, a couple, a wall without faces, a text that calls itself a photo."""
    from skimage import data

    folder = tmp_path_factory.mktemp("photos")
    portrait = data.astronaut()[:300, 60:420]
    canvas = np.full((320, 640, 3), 90, np.uint8)
    canvas[:300, 280:640] = portrait
    canvas[40:265, :270] = np.asarray(PIL.Image.fromarray(portrait[:, ::-1]).resize((270, 225)))
    pictures = {"portrait": portrait, "couple": canvas, "wall": np.full((90, 120, 3), 200, np.uint8)}
    files = {}
    for name, picture in pictures.items():
        files[name] = folder / f"{name}.png"
        PIL.Image.fromarray(picture).save(files[name])
    files["text"] = folder / "text.jpg"
    files["text"].write_text("no picture at all\n")
    return files


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ToyPage:
    """The page with a toy model in a process of its own."""

    def __init__(self, folder, *flags):
        self.port = free_port()
        words = [sys.executable, "-m", "tests.reference.toy_page", str(folder), "--port", str(self.port), *flags]
        environment = {**os.environ, "GRADIO_IS_E2E_TEST": "1"}  # notices within a second that a visitor has gone
        self.log = folder / "page.log"
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                words, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http"), self.log.read_text()

    def state(self):
        """Ask how many visits, places in the line and files there are."""
        return json.loads(self._ask(""))

    @contextlib.contextmanager
    def beside(self, *flags):
        """Serve a second page in the same process, and yield its port."""
        port = free_port()
        address = self._ask(json.dumps(["--port", str(port), *flags]))
        assert address.startswith("http"), self.log.read_text()
        try:
            yield port
        finally:
            assert self._ask("null") == "", self.log.read_text()

    @contextlib.contextmanager
    def holding(self, task):
        """Hold jobs at a task until they are stopped; a toy's would be over before anybody looks."""
        assert self._ask(json.dumps(task)) == "", self.log.read_text()
        try:
            yield
        finally:
            assert self._ask(json.dumps("")) == "", self.log.read_text()

    def _ask(self, line):
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def wait_for(self, wanted, seconds=60):
        """Wait until the state has these values."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            state = self.state()
            if all(state[name] == value for name, value in wanted.items()):
                return state
            time.sleep(0.2)
        raise AssertionError(f"{self.state()}, not {wanted}")

    def close(self):
        """End the process, and return its exit code."""
        self._process.stdin.close()
        try:
            return self._process.wait(20)
        finally:
            self._process.kill()
            self._process.stdout.close()


@pytest.fixture(scope="module")
def toy_page(tmp_path_factory):
    """Serve the page for the tests of a file; idle, it would take a twentieth of a processor until the last test."""
    page = ToyPage(tmp_path_factory.mktemp("toy-page"))
    yield page
    folder = Path(page.state()["folder"])
    assert folder.is_dir()
    assert page.close() == 0
    assert not folder.exists()
