from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.data.duplicates import find_twins, small_copy
from ppgan_ext.data.sources import open_source


@pytest.fixture
def folder(tmp_path):
    """Six pictures: 4 is 0 made brighter, tinted and compressed; 5 is 1 mirrored; 3 cannot be read."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 200, (3, 8, 6, 3), np.uint8)
    images = [cv2.resize(one, (60, 80), interpolation=cv2.INTER_CUBIC) for one in coarse]
    brighter = np.clip(images[0] * np.array([1.0, 1.1, 0.9]) + 20, 0, 255).astype(np.uint8)
    for name, image in zip("012", images, strict=True):
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
    (tmp_path / "3.png").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "4.jpg"), cv2.resize(brighter, (45, 60), interpolation=cv2.INTER_AREA))
    cv2.imwrite(str(tmp_path / "5.png"), images[1][:, ::-1])
    return tmp_path


def test_an_edited_copy_of_a_photo_is_found(folder):
    source = open_source(folder)
    assert find_twins(source, [4, 5, 2, 3], [0, 1, 2, 3]) == [(4, 0), (5, 1)]
    assert find_twins(source, range(6), range(6)) == [(0, 4), (1, 5), (4, 0), (5, 1)]
    assert find_twins(source, [], [0, 1]) == [] == find_twins(source, [0], [])
    assert find_twins(source, [4], [0], threshold=1.1) == []


def test_a_copy_is_grey_centred_and_of_length_one():
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 15:] = 200
    copy = small_copy(image).reshape(24, 24)
    assert copy[:, :12].max() < 0 < copy[:, 12:].min()
    assert np.linalg.norm(copy) == pytest.approx(1)
    assert not small_copy(np.full((5, 5, 3), 7, np.uint8)).any()
