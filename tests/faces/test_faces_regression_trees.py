import os

import cv2
import numpy as np
import pytest
import skimage.data

from ppgan_ext.faces import models
from ppgan_ext.faces.regression_trees import DlibTrees, TreeEnsemble, to_grey
from ppgan_ext.weights import readers


def corners_in(generator, count, side):
    """Boxes of all sizes, some of them partly outside."""
    size = generator.integers(side // 4, side, count)
    low = generator.integers(-side // 8, side // 2, (count, 2))
    return np.concatenate([low, low + size[:, None]], axis=1).astype(np.float64)


def test_every_point_is_dlibs():
    """On faces, and on what is none, where the trees are led astray: bit by bit."""
    import dlib

    ours, dlibs = models.predictor(), DlibTrees(dlib.shape_predictor(str(models.landmark_file())))
    assert isinstance(ours, TreeEnsemble)
    generator = np.random.default_rng(1)
    photo = to_grey(np.ascontiguousarray(skimage.data.astronaut()))
    noise = generator.integers(0, 256, (512, 512)).astype(np.uint8)
    for picture in (photo, cv2.GaussianBlur(noise, (0, 0), 4)):
        corners = np.concatenate([corners_in(generator, 20, 512), [[180, 70, 268, 158], [178, 66, 271, 159]]])
        images = np.broadcast_to(picture, (len(corners), *picture.shape))
        assert np.array_equal(ours.predict(images, corners), dlibs.predict(images, corners))


def test_grey_is_the_mean_rounded_down():
    picture = np.array([[[1, 2, 2], [255, 255, 255], [0, 0, 2]]], np.uint8)
    assert to_grey(picture).tolist() == [[1, 255, 0]]


@pytest.mark.slow
def test_dlib_serves_where_nothing_can_be_written(monkeypatch, tmp_path):
    (tmp_path / "home").write_text("a file where the folder should be")
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path / "home"))
    assert isinstance(models._load_predictor.__wrapped__(models.landmark_file()), DlibTrees)


def test_arrays_are_laid_out_once_and_anew_for_another_file(monkeypatch, tmp_path):
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path))
    source, made = tmp_path / "lms.dat", []
    source.write_bytes(b"x")

    def read(path):
        made.append(path)
        return {"leaves": np.arange(6, dtype=np.float32)}

    monkeypatch.setattr(models.readers, "read", read)
    first = models._laid_out(source)
    assert models._laid_out(source) == first and len(made) == 1
    assert np.array_equal(readers.map_arrays(first)["leaves"], np.arange(6))
    os.utime(source, ns=(0, 10**18))
    assert models._laid_out(source) != first and len(made) == 2
