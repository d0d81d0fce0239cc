"""The head of an astronaut, on which hair and beards are drawn."""

from __future__ import annotations

import cv2
import pytest
import skimage

from ppgan_ext.faces.detect import find_faces


@pytest.fixture(scope="session")
def photo():
    return cv2.resize(skimage.data.astronaut()[:280, 100:380], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="session")
def landmarks(photo):
    return find_faces(photo)[0].landmarks
