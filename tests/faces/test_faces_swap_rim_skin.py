"""The photo's skin around a fused face: as smooth as the face, and nothing else of the photo is."""

import cv2
import numpy as np

from ppgan_ext.faces.axes import eye_distance
from ppgan_ext.faces.skin import bare_skin
from ppgan_ext.faces.swap.beards import skin_colour
from ppgan_ext.faces.swap.composite import Heads, composite
from ppgan_ext.faces.swap.overlay import draw_overlay
from ppgan_ext.faces.swap.rim_skin import even_rim
from tests.reference.drawn import DrawnFace, draw_photo

SKIN = (224, 184, 160)


def drawn(seed=0):
    picture, (landmarks,) = draw_photo((390, 350), [DrawnFace((190.0, 160.0), 62.0, skin=SKIN)], seed)
    return picture.astype(np.float32), landmarks


def wrinkled(photo, strength=0.3):
    """Draw lines all over a picture, darker by a share."""
    lines = np.zeros(photo.shape[:2], np.float32)
    for y in range(4, len(lines), 9):
        lines[y : y + 2] = strength
    lines = cv2.GaussianBlur(lines, (0, 0), 0.7)[..., None]
    return photo * (1.0 - lines * (0.8, 1.0, 1.2))  # redder than the skin around


def evened(photo, face, landmarks, skin=None):
    everywhere = np.ones(photo.shape[:2], np.float32) if skin is None else skin
    return even_rim(photo, face, everywhere, bare_skin(landmarks, photo.shape), landmarks)


def roughness(picture, where):
    return float((picture - cv2.GaussianBlur(picture, (0, 0), 4.0))[where].std())


def beside(landmarks, shape, distance):
    """Return a spot of skin so many eyes' distances below the chin, as slices."""
    x, y = np.rint(landmarks[8] + (0.0, distance * eye_distance(landmarks))).astype(int)
    return slice(y - 5, y + 6), slice(x - 12, x + 13)


def test_wrinkles_beside_a_smooth_face_fade_and_those_farther_away_stay():
    photo, landmarks = drawn()
    plain = np.full_like(photo, SKIN)
    old = wrinkled(plain)
    result = evened(old, photo, landmarks)
    near, far = (beside(landmarks, photo.shape, distance) for distance in (0.0, 0.8))
    assert roughness(result, near) < 0.6 * roughness(old, near)
    assert np.abs(result[far] - old[far]).max() < 0.5
    # The light beside the wrinkles stays, and they leave no colour.
    assert abs(result[near].mean() - old[near].mean()) < 4.0
    ratio = [np.log(each[near][..., 0] / each[near][..., 2]).std() for each in (old, result)]
    assert ratio[1] < 0.75 * ratio[0]


def test_a_face_with_as_many_wrinkles_changes_nothing():
    photo, landmarks = drawn()
    old = wrinkled(np.full_like(photo, SKIN))
    assert np.abs(evened(old, old, landmarks) - old).max() < 1.0


def test_what_is_no_skin_keeps_its_detail():
    photo, landmarks = drawn()
    old = wrinkled(np.full_like(photo, SKIN))
    skin = np.ones(photo.shape[:2], np.float32)
    near = beside(landmarks, photo.shape, 0.0)
    skin[near] = 0.0
    within = tuple(slice(each.start + 2, each.stop - 2) for each in near)
    assert np.abs(evened(old, photo, landmarks, skin)[within] - old[within]).max() < 0.5
    none = np.zeros_like(skin)
    assert np.array_equal(evened(old, photo, landmarks, none), old.astype(np.float32))


def test_creases_that_pass_for_no_skin_fade_as_well():
    photo, landmarks = drawn()
    old = wrinkled(np.full_like(photo, SKIN))
    skin = (old[..., 1] > old[..., 1].max() - 20.0).astype(np.float32)
    near = beside(landmarks, photo.shape, 0.0)
    assert 0.2 < skin[near].mean() < 0.9
    assert roughness(evened(old, photo, landmarks, skin), near) < 0.6 * roughness(old, near)


def test_hair_of_the_skins_colour_and_the_edge_of_skin_stay():
    photo, landmarks = drawn()
    old = np.full_like(photo, SKIN)
    x, y = np.rint(landmarks[8]).astype(int)
    hair = slice(y + 6, y + 40)
    old[hair] = 0.35 * np.array(SKIN)
    old = wrinkled(old)
    edge = slice(y + 4, y + 34)
    assert np.abs(evened(old, photo, landmarks) - old)[edge, x - 12 : x + 13].max() < 1.5


def test_brows_and_eyes_stay_as_they_are():
    photo, landmarks = drawn()
    result = evened(photo, np.full_like(photo, SKIN), landmarks)
    eye, brow = (np.rint(points.mean(axis=0)).astype(int) for points in (landmarks[36:42], landmarks[17:22]))
    for x, y in (eye, brow):
        assert np.abs(result - photo)[y, x].max() < 0.5


def test_walls_and_white_cloth_do_not_pass_for_skin():
    photo, landmarks = drawn()
    levels = np.uint8(photo)
    y = round(landmarks[8, 1])
    for colour in ((250, 250, 250), (190, 205, 220), (60, 110, 60)):
        levels[y + 8 :] = colour
        assert skin_colour(levels, landmarks)[y + 14 :].max() < 0.05, colour
    levels[y + 8 :] = np.uint8(0.6 * np.array(SKIN))  # a neck in the shade
    assert skin_colour(levels, landmarks)[y + 14 :].min() > 0.9


def test_only_the_body_around_a_fused_face_is_evened():
    photo, landmarks = drawn()
    old = np.uint8(wrinkled(photo))
    other, other_landmarks = drawn(1)
    overlay = draw_overlay(photo.shape, landmarks, np.uint8(other), other_landmarks)
    everywhere = np.ones(photo.shape[:2], np.float32)
    without, none, evened_ = (
        composite(old, overlay, Heads(body=body)).image.astype(int) for body in (None, 0.0 * everywhere, everywhere)
    )
    assert np.array_equal(without, none)
    rim = bare_skin(landmarks, photo.shape, 0.02)
    rim = (rim > 0.5) & (cv2.erode(rim, np.ones((15, 15))) < 0.5)
    assert roughness(evened_.astype(np.float32), rim) < 0.985 * roughness(without.astype(np.float32), rim)
