import cv2
import numpy as np
import pytest

from ppgan_ext.faces.color import fit_color_transfer
from ppgan_ext.faces.motion import GRID, estimate_motion, move
from tests.reference.drawn import DrawnFace, draw_photo


def drawn_crop(size=128, **options):
    photo, _ = draw_photo((size, size), [DrawnFace((size * 0.5, size * 0.36), size * 0.36, **options)])
    return cv2.GaussianBlur(photo, (0, 0), 0.7).astype(np.float32)


def grid(size):
    return np.stack(np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32)), axis=-1)


def bump(size, x, y, radius):
    return np.exp(-np.square(grid(size) - (x, y)).sum(axis=-1) / (2 * radius**2))


def test_move_shows_at_x_what_was_at_x_plus_motion():
    image = np.arange(30, dtype=np.float32).reshape(5, 6)
    motion = np.zeros((5, 6, 2), np.float32)
    motion[..., 0], motion[..., 1] = 2, 1
    np.testing.assert_array_equal(move(image, motion)[1:3, 1:3], image[2:4, 3:5])


def test_nothing_moves_where_nothing_changed():
    crop = drawn_crop()
    assert np.abs(estimate_motion(crop, crop)).max() < 1e-5


def test_a_known_motion_is_found():
    crop = drawn_crop()
    truth = np.zeros((128, 128, 2), np.float32)
    truth[..., 0] = -5.0 * bump(128, 64, 90, 22)
    truth[..., 1] = 3.0 * bump(128, 64, 90, 22)
    motion = estimate_motion(crop, move(crop, truth)) * 128
    estimated = cv2.resize(motion, (128, 128), interpolation=cv2.INTER_AREA)
    mouth = np.s_[84:98, 50:80]
    assert np.abs(estimated[mouth] - truth[mouth]).mean() < 1.0
    assert motion.shape == (GRID, GRID, 2)


@pytest.mark.parametrize("size", [32, 64, 300])
def test_motion_is_in_shares_of_the_side(size):
    crop = drawn_crop(size)
    truth = np.zeros((size, size, 2), np.float32)
    truth[..., 0] = 0.04 * size
    motion = estimate_motion(crop, move(crop, truth))
    assert np.median(motion[90:190, 70:190, 0]) == pytest.approx(0.04, abs=0.012)


def test_a_change_of_colour_and_light_moves_nothing():
    crop = drawn_crop()
    edited = crop * 0.8 + (20, -5, 10) + 25 * bump(128, 40, 50, 40)[..., None]
    assert np.abs(estimate_motion(crop, edited.astype(np.float32))).max() * 128 < 0.6


def test_the_motion_never_folds():
    crop = drawn_crop()
    motion = estimate_motion(crop, drawn_crop(yaw_degrees=30, mouth_open=0.3, skin=(120, 80, 60))) * GRID
    for axis in (0, 1):
        assert np.abs(np.diff(motion, axis=axis)).max() < 1.0
    assert np.abs(motion).max() < 30


def test_color_transfer_undoes_a_shift_and_a_stretch():
    crop = drawn_crop()
    other = crop * np.float32(0.8) + np.array((25, 5, -10), np.float32)
    mask = bump(128, 64, 70, 30)
    transfer = fit_color_transfer(other, crop, mask)
    inside = mask > 0.5
    before, after = (np.abs(a - crop)[inside].mean() for a in (other, transfer.apply(other)))
    assert after < 0.2 * before


def test_color_transfer_shrugs_off_a_patch_of_another_colour():
    crop = drawn_crop()
    hand = crop.copy()
    hand[100:108, 50:62] = (20, 90, 250)
    mask = np.ones((128, 128), np.float32)
    transfer = fit_color_transfer(crop, hand, mask)
    assert np.abs(transfer.apply(crop) - crop).mean() < 2.5


def test_color_transfer_without_pixels_changes_nothing():
    crop = drawn_crop()
    transfer = fit_color_transfer(crop, crop * 0.5, np.zeros((128, 128), np.float32))
    np.testing.assert_allclose(transfer.apply(crop), crop, atol=0.6)
