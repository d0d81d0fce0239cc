"""What covers a face is not skin: white cloth, the crumbs of a pattern."""

import cv2
import numpy as np

from ppgan_ext.faces.head.parts import (
    above_eyes,
    between_brows,
    cheap_places,
    held_places,
    skin_area,
    skin_weight,
    without_crumbs,
)
from tests.reference.drawn import DrawnFace, draw_photo

PHOTO, (POINTS,) = draw_photo((400, 400), [DrawnFace((200.0, 190.0), 90.0, skin=(150, 105, 80))], 0)
FOREHEAD = tuple((POINTS[27] - (0, 55)).round().astype(int).tolist())


def skin_at_forehead(photo):
    x, y = FOREHEAD
    return skin_weight(photo, skin_area(POINTS, photo.shape))[y - 2 : y + 3, x - 2 : x + 3].mean()


def test_white_cloth_on_the_forehead_is_not_skin_and_a_highlight_is():
    cloth, shine = PHOTO.copy(), PHOTO.astype(np.float32)
    cv2.ellipse(cloth, FOREHEAD, (70, 22), 0, 0, 360, (238, 238, 240), -1)
    spot = np.zeros(PHOTO.shape[:2], np.float32)
    cv2.circle(spot, FOREHEAD, 20, 1.0, -1)
    shine += 70.0 * cv2.GaussianBlur(spot, (0, 0), 12)[..., None]
    assert skin_at_forehead(PHOTO) > 0.9
    assert skin_at_forehead(np.clip(shine, 0, 255).astype(np.uint8)) > 0.8
    assert skin_at_forehead(cloth) < 0.1


def test_a_photo_without_colour_has_skin_in_the_light():
    grey = np.repeat(cv2.cvtColor(PHOTO, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert skin_at_forehead(grey) > 0.9


def test_large_pieces_of_skin_stay_and_crumbs_go():
    skin = np.zeros((200, 200), np.float32)
    skin[60:160, 40:160] = 1.0  # the face
    skin[5:40:8, 20:180] = 1.0  # a pattern
    skin[100:104, 40:100] = 0.0  # a strand of hair over the face
    kept = without_crumbs(skin, 60.0)
    assert kept[:45].max() == 0.0
    np.testing.assert_allclose(kept[65:98, 45:155], 1.0, atol=0.02)
    assert kept[104:155, 45:155].min() > 0.98
    assert kept[101:103, 45:95].max() == 0.0


def test_held_back_are_nose_brows_lids_and_outer_cheeks_and_not_what_tells_age():
    held = held_places(POINTS, PHOTO.shape)

    def at(point):
        x, y = np.rint(point).astype(int)
        return held[y, x]

    nose, brow, cheek = at(POINTS[29]), at(POINTS[19]), at(POINTS[3] + 0.2 * (POINTS[33] - POINTS[3]))
    assert nose > 0.6 and brow > 0.4 and 0.3 < cheek < nose
    assert at(POINTS[14] + 0.2 * (POINTS[33] - POINTS[14])) > 0.3  # and on the other side
    assert max(at(POINTS[27] - (0, 50)), at(POINTS[8] - (0, 10)), at(POINTS[57])) < 0.1
    assert held.min() >= 0.0 and held.max() <= 1.0
    cheap = cheap_places(held_places(POINTS, PHOTO.shape))
    assert cheap[held == held.max()].max() < 0.1 and cheap[held == 0.0].min() == 1.0


def test_a_frown_lies_between_the_brows():
    frown = between_brows(POINTS, PHOTO.shape)
    x, y = POINTS[[21, 22]].mean(axis=0).round().astype(int)
    assert frown[y - 10, x] > 0.6
    outer = POINTS[[17, 26, 30, 8]].round().astype(int)
    assert frown[outer[:, 1], outer[:, 0]].max() < 0.05


def test_the_upper_face_ends_below_the_eyes():
    upper = above_eyes(POINTS, PHOTO.shape)

    def at(point):
        x, y = np.rint(point).astype(int)
        return upper[y, x]

    assert min(at(FOREHEAD), at(POINTS[36] - (12, 0)), at(POINTS[45] + (12, 0))) > 0.95
    assert max(at(POINTS[33]), at(POINTS[48]), at(POINTS[8])) == 0.0
    turned = above_eyes(POINTS[:, ::-1], PHOTO.shape)  # a face that lies on its side
    assert np.allclose(turned, upper.T, atol=1e-5)
