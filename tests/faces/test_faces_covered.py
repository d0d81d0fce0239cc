"""Parts of drawn faces covered by drawn objects; a soft copy stands for the generator's reconstruction."""

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.covered import PARTS, find_covered
from ppgan_ext.faces.light import to_linear, to_srgb
from tests.reference.drawn import DrawnFace, draw_photo

FACE = DrawnFace((80.0, 55.0), 52.0)
BEARD = DrawnFace((80.0, 55.0), 52.0, skin=(120, 82, 62))


def drawn(face=FACE, size=160):
    picture, (landmarks,) = draw_photo((size, size), [face])
    return picture, landmarks


def reconstruct(picture):
    return cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.2) + np.float32((6, -4, 2))


def masked(picture, landmarks, color):
    covered = picture.copy()
    outline = np.vstack([landmarks[2:15], landmarks[28:29]]).round().astype(np.int32)
    cv2.fillPoly(covered, [outline], color)
    return covered


def with_sunglasses(picture, landmarks):
    covered = picture.copy()
    for eye in (slice(36, 42), slice(42, 48)):
        centre = landmarks[eye].mean(axis=0).round().astype(int)
        cv2.ellipse(covered, centre.tolist(), (22, 17), 0, 0, 360, (20, 20, 24), -1)
    return covered


@pytest.mark.parametrize("face", [FACE, BEARD], ids=["pale", "dark"])
def test_a_bare_face_is_not_covered(face):
    picture, landmarks = drawn(face)
    assert find_covered(picture, reconstruct(picture), landmarks) == ((), None)


@pytest.mark.parametrize("color", [(150, 190, 215), (228, 228, 230), (30, 30, 34), (40, 120, 70)])
@pytest.mark.parametrize("exposure", [1.0, 0.3])
def test_a_mask_is_found_in_any_light_and_the_eyes_stay_free(color, exposure):
    picture, landmarks = drawn()
    picture = masked(picture, landmarks, color)
    # What the generator makes of it: the mask's colour, with a mouth.
    imagined = reconstruct(picture)
    cv2.fillPoly(imagined, [landmarks[48:60].round().astype(np.int32)], (170, 110, 100))
    dark = np.rint(to_srgb(to_linear(picture) * np.float32(exposure))).astype(np.uint8)
    covered = find_covered(dark, imagined, landmarks)
    assert covered.parts == ("lower face",)
    at = covered.mask[landmarks.round().astype(int)[:, 1], landmarks.round().astype(int)[:, 0]]
    assert at[48:68].min() > 0.95
    assert at[36:48].max() < 0.3
    assert at[17:27].max() < 0.01


def test_an_object_of_skins_colour_is_found_by_its_structure():
    picture, landmarks = drawn()
    hand = picture.copy()
    x, y = landmarks[51].astype(int)
    for row in range(-2, 30, 9):
        cv2.line(hand, (x - 20, y + row), (x + 45, y + row + 4), (208, 160, 132), 8)
        cv2.line(hand, (x - 20, y + row + 4), (x + 45, y + row + 8), (120, 80, 62), 2)
    assert find_covered(hand, reconstruct(picture), landmarks).parts == ("lower face",)


def test_sunglasses_are_found_and_the_mouth_stays_free():
    picture, landmarks = drawn()
    covered = find_covered(with_sunglasses(picture, landmarks), reconstruct(picture), landmarks)
    assert covered.parts == ("eyes",)
    at = covered.mask[landmarks.round().astype(int)[:, 1], landmarks.round().astype(int)[:, 0]]
    assert at[36:48].min() > 0.9
    assert at[48:68].max() < 0.01


def test_a_poor_generator_covers_nothing():
    """Where the whole reconstruction disagrees, that is the generator's fault and no sign of an object."""
    picture, landmarks = drawn()
    noise = np.random.default_rng(0).uniform(0, 255, (20, 20, 3)).astype(np.float32)
    imagined = cv2.resize(noise, (160, 160), interpolation=cv2.INTER_CUBIC)
    assert find_covered(picture, imagined, landmarks).parts == ()


def test_sizes_may_differ_and_black_pictures_are_no_fault():
    picture, landmarks = drawn()
    picture = masked(picture, landmarks, (150, 190, 215))
    small = cv2.resize(reconstruct(picture), (64, 64), interpolation=cv2.INTER_AREA)
    cv2.fillPoly(small, [(landmarks[48:60] * 0.4).round().astype(np.int32)], (170, 110, 100))
    covered = find_covered(picture, small, landmarks)
    assert covered.parts == ("lower face",)
    assert covered.mask.shape == (160, 160)
    assert find_covered(np.zeros_like(picture), small, landmarks).parts == ()
    assert set(covered.parts) <= set(PARTS)
