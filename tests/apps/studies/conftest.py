"""A pack of labelled pictures."""

import pytest

from tests.reference.face_pack import write_pack


@pytest.fixture
def pack(tmp_path):
    return write_pack(tmp_path / "faces.npz")
