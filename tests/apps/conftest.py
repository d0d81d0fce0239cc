"""A toy model of real networks, and photos of real faces."""

import numpy as np
import PIL.Image
import pytest

from tests.reference.remembered import pictures_measured_once
from tests.reference.toy_face_model import toy_face_model


@pytest.fixture(scope="module", autouse=True)
def _pictures_are_measured_once():
    with pictures_measured_once():
        yield


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    from ppgan_ext.engine import open_model

    return open_model(toy_face_model(tmp_path_factory.mktemp("toy")), device="cpu", compiled=False)


@pytest.fixture(scope="session")
def portrait():
    from skimage import data

    return data.astronaut()[:300, 60:420]  # 300 high, 360 wide


@pytest.fixture(scope="session")
def couple(portrait):
    """Two faces, the second, on the left, smaller."""
    small = np.asarray(PIL.Image.fromarray(portrait[:, ::-1]).resize((270, 225)))
    canvas = np.full((320, 640, 3), 90, np.uint8)
    canvas[:300, 280:640] = portrait
    canvas[40:265, :270] = small
    return canvas


@pytest.fixture
def make(engine, tmp_path):
    def build(kind, **settings):
        settings.setdefault("output_path", tmp_path / "out")
        predictor = kind(**settings)
        predictor.__dict__["engine"] = engine  # as if loaded
        return predictor

    return build
