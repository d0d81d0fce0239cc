"""Fixtures of the training tests: the toy family in the table of families, data and a configuration at toy size."""

from __future__ import annotations

import pytest

from ppgan_ext.training.families import FAMILIES
from tests.reference import toy_runs
from tests.reference.toy_task import FAMILY


@pytest.fixture(autouse=True)
def _toy_model(monkeypatch):
    monkeypatch.setitem(FAMILIES, "ToyModel", FAMILY)


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    return toy_runs.write_faces(tmp_path_factory.mktemp("data") / "faces")


@pytest.fixture
def config(tmp_path, faces):
    return toy_runs.write_config(tmp_path, faces)
