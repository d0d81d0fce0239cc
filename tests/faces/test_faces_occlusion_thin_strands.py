"""Single hairs over a face: found where they begin at hair or cross an eye; folds, shade and noise are none."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.occlusion.strands import without_strands
from ppgan_ext.faces.occlusion.thin_strands import find_thin_strands
from ppgan_ext.faces.skin import face_size
from tests.reference.drawn import DrawnFace, draw_photo

SHADES = {"dark": 0.7, "pale": 1.25}


@pytest.fixture
def face():
    """A face, and a map in which hair is known above its forehead and nowhere on it."""
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 62.0, skin=(190, 150, 130))], 0)
    size = face_size(landmarks)
    hair = np.zeros(picture.shape[:2], np.float32)
    hair[: int(landmarks[19:25, 1].min() - 0.22 * size)] = 1.0
    return picture, landmarks, hair


def crossed(picture, start, end, factor):
    """Draw a hair of one or two pixels between two points (x, y), as a factor of what is there."""
    line = np.zeros(picture.shape[:2], np.uint8)
    cv2.line(line, *(tuple(int(v) for v in point) for point in (start, end)), 255, 1, cv2.LINE_AA)
    share = (line / 255.0)[..., None]
    return np.rint(np.clip(picture * (1.0 + share * (factor - 1.0)), 0, 255)).astype(np.uint8), line > 128


def on_forehead(landmarks):
    size = face_size(landmarks)
    top = landmarks[[22, 23]].mean(axis=0) - (0.0, 0.26 * size)
    return top, top + size * np.array([0.05, 0.18])


def down_the_cheek(landmarks, begins=0.1):
    size, eye = face_size(landmarks), landmarks[42:48].mean(axis=0)
    start = eye + size * np.array([0.1, begins])
    return start, start + size * np.array([0.02, 0.27])


@pytest.mark.parametrize("shade", SHADES)
@pytest.mark.parametrize("place", [on_forehead, down_the_cheek])
def test_a_hair_from_the_head_or_over_an_eye_is_found_and_skin_goes_on(face, shade, place):
    bare, landmarks, hair = face
    picture, strand = crossed(bare, *place(landmarks), SHADES[shade])
    found = find_thin_strands(picture, landmarks, hair)
    assert (found[strand] > 0.5).mean() > 0.6
    assert (found > 0).sum() < 0.04 * face_size(landmarks) ** 2
    cleaned = without_strands(picture, landmarks, hair)
    wrong = [np.abs(each[strand].astype(float) - bare[strand]).mean() for each in (picture, cleaned)]
    assert wrong[0] > 25 and wrong[1] < 0.5 * wrong[0]
    untouched = found == 0
    assert np.array_equal(cleaned[untouched], picture[untouched])


def test_a_hair_is_found_in_any_exposure(face):
    bare, landmarks, hair = face
    picture, _ = crossed(bare, *on_forehead(landmarks), SHADES["dark"])
    # A factor of linear light, roughly.
    dim = np.rint(picture * 0.6).astype(np.uint8)
    masks = [find_thin_strands(each, landmarks, hair) > 0.5 for each in (picture, dim)]
    assert masks[0].any()
    assert (masks[0] & masks[1]).sum() > 0.8 * (masks[0] | masks[1]).sum()


def test_folds_are_no_hairs(face):
    bare, landmarks, hair = face
    size = face_size(landmarks)
    across = landmarks[27] - (0.15 * size, 0.22 * size)
    lines = {
        "a wrinkle across the forehead": (across, across + size * np.array([0.3, 0.0])),
        "a fold beside the nose": (landmarks[35], landmarks[54] + size * np.array([0.04, 0.0])),
        "a crease of the cheek": down_the_cheek(landmarks, begins=0.24),
    }
    for name, ends in lines.items():
        picture, line = crossed(bare, *ends, SHADES["dark"])
        assert line.any()
        assert not find_thin_strands(picture, landmarks, hair).any(), name


def test_wrinkled_skin_has_no_hairs(face):
    """Where most lines do not begin at hair, the one that does is a wrinkle, too."""
    bare, landmarks, hair = face
    size = face_size(landmarks)
    picture, _ = crossed(bare, *on_forehead(landmarks), SHADES["dark"])
    assert find_thin_strands(picture, landmarks, hair).any()
    across = landmarks[27] - (0.15 * size, 0.24 * size)
    for shift in (0.0, 0.06):
        start = across + np.array([0.0, shift * size])
        picture, _ = crossed(picture, start, start + size * np.array([0.26, 0.0]), SHADES["dark"])
    assert not find_thin_strands(picture, landmarks, hair).any()


def test_the_edge_of_shade_is_no_hair(face):
    bare, landmarks, hair = face
    start, _ = down_the_cheek(landmarks)
    shaded = bare.astype(np.float32)
    shaded[:, int(start[0]) :] *= 0.6
    assert not find_thin_strands(np.rint(shaded).astype(np.uint8), landmarks, hair).any()


def test_a_bare_face_has_no_hairs_and_a_small_one_is_not_judged(face):
    bare, landmarks, hair = face
    assert not find_thin_strands(bare, landmarks, hair).any()
    picture, _ = crossed(bare, *on_forehead(landmarks), SHADES["dark"])
    small = cv2.resize(picture, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    known = cv2.resize(hair, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert not find_thin_strands(small, 0.3 * landmarks, known).any()
