"""Fixtures of the training tests: the toy family in the table of families, data and a configuration at toy size."""

from __future__ import annotations

import pytest

from ppgan_ext.training.families import FAMILIES
from tests.reference import toy_runs
from tests.reference.toy_task import FAMILY


@pytest.fixture(scope="module", autouse=True)
def _toy_model():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FAMILIES, "ToyModel", FAMILY)
        yield


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    return toy_runs.write_faces(tmp_path_factory.mktemp("data") / "faces")


@pytest.fixture
def config(tmp_path, faces):
    return toy_runs.write_config(tmp_path, faces)
