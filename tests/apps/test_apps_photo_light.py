"""The bundled model on a real portrait in other lights, without colour, and with covered parts."""

import cv2
import numpy as np
import pytest

from ppgan_ext.apps import StyleGANv2EditingPredictor
from ppgan_ext.apps.codes.encoded_face import choose_faces, encode_face
from ppgan_ext.faces.color import to_lab
from ppgan_ext.faces.light import luminance, to_linear, to_srgb
from ppgan_ext.faces.mask import face_mask

pytestmark = [pytest.mark.slow, pytest.mark.bundled]

EDIT = {"age": 30, "smile": 1}


def in_light(picture, factor):
    return np.rint(to_srgb(to_linear(picture) * np.float32(factor))).astype(np.uint8)


@pytest.fixture(scope="module")
def predictor():
    return StyleGANv2EditingPredictor(output_path=None)


@pytest.fixture(scope="module")
def inside(portrait):
    return face_mask(choose_faces(portrait, "largest")[0].landmarks, portrait.shape) > 0.5


@pytest.mark.parametrize("factor", [0.4, 0.2])
def test_a_dark_photo_is_edited_like_a_bright_one(predictor, portrait, inside, factor):
    bright = predictor.run_photo(portrait, EDIT).dst
    dark = predictor.run_photo(in_light(portrait, factor), EDIT).dst
    expected = in_light(bright, factor)
    apart = np.linalg.norm(to_lab(in_light(dark, 1 / factor)) - to_lab(in_light(expected, 1 / factor)), axis=2)
    changed = np.linalg.norm(to_lab(bright) - to_lab(portrait), axis=2)
    assert np.median(apart[inside]) < 2.5
    assert np.median(apart[inside]) < 0.5 * np.median(changed[inside])


def test_the_reconstruction_of_a_dark_photo_is_dark(predictor, portrait):
    dark = in_light(portrait, 0.2)
    face = choose_faces(dark, "largest")[0]
    encoded = encode_face(predictor.engine, dark, face, even_exposure=True)
    assert encoded.exposure == pytest.approx(5.0, rel=0.35)
    assert np.median(encoded.reconstruction) == pytest.approx(np.median(encoded.crop.image), abs=8)


def test_a_photo_without_colour_stays_without(predictor, portrait):
    light = np.repeat(luminance(to_linear(portrait))[..., None], 3, axis=2)
    grey = np.rint(to_srgb(light)).astype(np.uint8)
    result = predictor.run_photo(grey, EDIT).dst
    assert np.hypot(*np.moveaxis(to_lab(result)[..., 1:], -1, 0)).max() < 1.0
    assert not np.array_equal(result, grey)
    assert predictor.notes == []


def test_a_covered_mouth_stays_and_a_line_says_so(predictor, portrait):
    landmarks = choose_faces(portrait, "largest")[0].landmarks
    masked = portrait.copy()
    outline = np.vstack([landmarks[3:14], landmarks[28:29]]).round().astype(np.int32)
    cv2.fillPoly(masked, [outline], (150, 185, 210))
    result = predictor.run_photo([masked], EDIT)
    assert predictor.notes == result.notes == ["image: the lower face is covered; the photo stays there"]
    mouth = np.s_[int(landmarks[51, 1]) : int(landmarks[57, 1]), int(landmarks[48, 0]) : int(landmarks[54, 0])]
    assert np.array_equal(result[0].dst[mouth], masked[mouth])
    assert not np.array_equal(result[0].dst, masked)
    predictor.run_photo(portrait, EDIT)
    assert predictor.notes == []
