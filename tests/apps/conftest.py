"""A toy model of real networks, and photos of real faces."""

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.faces import landmarks
from ppgan_ext.faces.detectors import libfacedetection
from tests.reference.remembered import Remembered
from tests.reference.toy_face_model import toy_face_model

MEASURED = [(module, name, Remembered(getattr(module, name)))
            for module, name in ((libfacedetection, "_run"), (landmarks, "_predict_in_patch"))]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _a_picture_is_measured_once():
    """Remember what the detector and the landmark predictor say of a picture: most tests look at the same few.

    Both are functions of the pixels alone; tests/faces tests them without memory.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module, name, remembered in MEASURED:
            patch.setattr(module, name, remembered)
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
