"""Every test runs offline, seeded, with a home of its own, and treats warnings as errors."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
# Before anything imports Paddle: no test may read or fill the user's own caches.
os.environ["PPGAN_EXT_HOME"] = tempfile.mkdtemp(prefix="ppgan_ext-tests-")

import ppgan_ext  # noqa: E402, F401  (tunes the runtime before Paddle is imported)

SHARED = ROOT.parent / "shared"
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


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The project's private data beside the checkout."""
    return SHARED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    try:
        import torch  # noqa: F401

        has_torch = True
    except ImportError:
        has_torch = False
    for item in items:
        if "shared" in item.keywords and not SHARED.is_dir():
            item.add_marker(pytest.mark.skip(reason="the private data folder is not beside this checkout"))
        if "torch" in item.keywords and not has_torch:
            item.add_marker(pytest.mark.skip(reason="PyTorch is not installed"))
