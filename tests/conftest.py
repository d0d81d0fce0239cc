"""Every test runs offline, seeded, on one thread, with a home of its own, and treats warnings as errors.

All of it holds in each process of pytest-xdist too, which imports this file anew. Only the folders of compiled programs
and of the landmark predictor's arrays are shared by the processes of one run, so that none makes what another has made.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

# Before anything imports Paddle: no test may read or fill the user's own caches.
HOME = Path(tempfile.mkdtemp(prefix="ppgan_ext-tests-"))
for name in ("compiled", "landmarks"):
    if "PYTEST_XDIST_WORKER" in os.environ:
        (HOME / name).symlink_to(Path(os.environ["PPGAN_EXT_HOME"]) / name, target_is_directory=True)
    else:
        (HOME / name).mkdir()
os.environ["PPGAN_EXT_HOME"] = str(HOME)
# The networks of the tests are too small for more threads, and pytest-xdist keeps the other cores busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A script's background job has Ctrl-C ignored, and so would be all processes that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

from ppgan_ext import runtime  # noqa: E402  (importing the package tunes it before Paddle is imported)

SHARED = ROOT.parent / "shared"
# Files that take longest come first, so that no process is left with one of them when the other has finished.
LONGEST = (
    "test_training_contract.py",
    "test_web_browser.py",
    "test_build_notebooks.py",
    "test_apps_age.py",
    "test_apps_fuse.py",
    "test_predictor_contract.py",
    "test_documented_commands.py",
    "test_training_psp.py",
    "test_apps_real_faces.py",
    "test_faces_detect.py",
    "test_faces_swap.py",
    "test_apps_tuning.py",
    "test_data_loader.py",
    "test_bad_input.py",
    "test_shares_run.py",
    "test_training_processes.py",
    "test_latents_tuning.py",
    "test_fuzz.py",
    "test_latents_projector.py",
    "test_ageing_render.py",
    "test_apps_prepare.py",
    "test_apps_evaluation.py",
    "test_training_rotator.py",
    "test_training_command.py",
)
_LOOPBACK = ("127.", "localhost", "::1")
_connect = socket.socket.connect


def _connect_to_loopback_only(self: socket.socket, address: object) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6):
        host = str(address[0])  # type: ignore[index]
        if not host.startswith(_LOOPBACK):
            raise OSError(f"tests must not reach the network, tried {address}")
    return _connect(self, address)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", _connect_to_loopback_only)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    import random

    import numpy as np

    random.seed(0)
    np.random.seed(0)
    if "paddle" in sys.modules:
        sys.modules["paddle"].seed(0)


@pytest.fixture(scope="module", autouse=True)
def _memory_is_returned() -> Iterator[None]:
    """Return a file's memory to the system: malloc and Paddle keep it, and over a hundred files it would add up."""
    yield
    if "paddle" in sys.modules:
        with contextlib.suppress(AttributeError):  # another Paddle may keep its programs elsewhere
            sys.modules["paddle"].base.core.clear_executor_cache()
    _collect_and_freeze()
    runtime.release_memory()


def _collect_and_freeze() -> None:
    """Collect garbage, and exempt what survives from later collections: half a million objects of imported modules."""
    gc.collect()
    gc.freeze()


def pytest_collection_finish() -> None:
    """Exempt the imported modules from garbage collection."""
    _collect_and_freeze()


def pytest_unconfigure() -> None:
    """Remove the home of this process."""
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The project's private data beside the checkout."""
    return SHARED


def find_torch_python() -> str | None:
    """An interpreter that has PyTorch: this one, or the one that PPGAN_EXT_TORCH_PYTHON names."""
    named = os.environ.get("PPGAN_EXT_TORCH_PYTHON")
    return named or (sys.executable if importlib.util.find_spec("torch") else None)


@pytest.fixture(scope="session")
def torch_python() -> str:
    """An interpreter that has PyTorch and NumPy and Pillow; it need not have the package's dependencies."""
    found = find_torch_python()
    assert found is not None  # tests that ask for it are skipped otherwise
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
    has_torch = importlib.util.find_spec("torch") is not None
    for item in items:
        if "shared" in item.keywords and not SHARED.is_dir():
            item.add_marker(pytest.mark.skip(reason="the private data folder is not beside this checkout"))
        runs_another = "torch_python" in getattr(item, "fixturenames", ()) and find_torch_python() is not None
        if "torch" in item.keywords and not has_torch and not runs_another:
            item.add_marker(pytest.mark.skip(reason="PyTorch is not installed"))
