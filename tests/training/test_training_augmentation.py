"""Adaptive augmentation: each transform where it can be known, the steering of p, gradients."""

import math

import numpy as np
import paddle
import pytest

from ppgan_ext.training.shared import augmentation as module
from ppgan_ext.training.shared.augmentation import AdaptiveProbability, augment, draw_transforms

SIZE = 8


def rng(seed=0):
    return np.random.default_rng(seed)


def pictures(num=6, channels=3):
    return paddle.to_tensor(rng(1).uniform(-1, 1, (num, channels, SIZE, SIZE)).astype(np.float32))


def test_without_probability_nothing_is_touched():
    images = pictures()
    assert augment(images, 0.0, rng()) is images


def test_transforms_that_are_not_chosen_leave_every_pixel():
    matrices, colours = draw_transforms(50, SIZE, 1e-12, rng())
    np.testing.assert_array_equal(matrices, np.tile(np.eye(3), (50, 1, 1)))
    np.testing.assert_allclose(colours, np.tile(np.eye(4), (50, 1, 1)), atol=1e-12)
    images = pictures()
    np.testing.assert_allclose(augment(images, 1e-12, rng()).numpy(), images.numpy(), atol=1e-6)


def test_blitting_only_moves_pixels():
    """Flips, quarter turns and whole shifts: away from what is reflected in, the same values in other places."""
    images = pictures(40)
    moved = augment(images, 0.9, rng(), "b").numpy()
    changed = 0
    for before, after in zip(images.numpy(), moved, strict=True):
        assert np.abs(after[0].reshape(-1, 1) - before[0].reshape(1, -1)).min(axis=1).max() < 1e-5
        changed += not np.array_equal(before, after)
    assert changed > 25


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (module._scale(-1.0, 1.0), lambda x: x[..., ::-1]),
        (module._translation(np.array([2 / SIZE]), np.array([0.0])), lambda x: np.roll(x, -1, axis=-1)),
        (module._translation(np.array([0.0]), np.array([4 / SIZE])), lambda x: np.roll(x, -2, axis=-2)),
        # From output to input with x right and y down: the picture turns against the matrix, counter-clockwise.
        (module._rotation(np.array([math.pi / 2])), lambda x: np.rot90(x, axes=(-2, -1))),
    ],
    ids=["flip", "left", "up", "turn"],
)
def test_conventions_of_the_warp(monkeypatch, matrix, expected):
    """The matrix says for each output pixel where it is read; only the inner pixels are compared."""
    monkeypatch.setattr(module, "draw_transforms", lambda n, *_: (np.tile(matrix, (n, 1, 1)), None))
    images = pictures(2)
    moved = augment(images, 0.5, rng(), "g").numpy()
    inner = (..., slice(0, -2), slice(0, -2))
    np.testing.assert_allclose(moved[inner], expected(images.numpy())[inner], atol=1e-5)


def test_probability_is_that_of_each_transform():
    matrices, _ = draw_transforms(4000, SIZE, 0.3, rng(), "g")
    # Rotations with 1 - sqrt(1 - p) each, so one of the two with p; also either scaling or a shift.
    still = np.all(np.isclose(matrices, np.eye(3)), axis=(1, 2)).mean()
    assert still == pytest.approx(0.7**4, abs=0.03)
    unmoved = np.isclose(matrices[:, :2, 2], 0).all(axis=1).mean()
    assert unmoved == pytest.approx(0.7, abs=0.03)


def test_colours_keep_grey_grey():
    """Luma flip, hue and saturation turn about the grey axis; contrast and brightness move along it."""
    _, colours = draw_transforms(500, SIZE, 0.9, rng(), "c")
    grey = colours @ np.array([0.4, 0.4, 0.4, 1.0])
    assert np.ptp(grey[:, :3], axis=1).max() < 1e-12
    red = (colours @ np.array([1.0, 0.0, 0.0, 1.0]))[:, :3]
    assert np.ptp(red, axis=1).min() > 0 and len(np.unique(red.argmax(axis=1))) == 3


def test_hue_keeps_lightness_and_saturation():
    turned = module._hue_rotation(np.array([0.7, -2.0])) @ np.array([0.9, 0.1, -0.3])
    np.testing.assert_allclose(turned.sum(axis=1), 0.7, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm([0.9, 0.1, -0.3]), atol=1e-12)
    third = module._hue_rotation(np.array([2 * math.pi / 3])) @ np.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(third[0], [0, 1, 0], atol=1e-12)


def test_gradient_reaches_the_images():
    images = pictures(3)
    images.stop_gradient = False
    towards = paddle.to_tensor(rng(2).standard_normal(images.shape).astype(np.float32))
    (augment(images, 0.8, rng(3)) * towards).sum().backward()
    along = rng(4).standard_normal(images.shape).astype(np.float32)

    def value(step):
        moved = paddle.to_tensor(images.numpy() + step * along)
        return (augment(moved, 0.8, rng(3)) * towards).sum().item()

    # The transforms are linear, so one long difference is exact.
    assert float((images.grad.numpy() * along).sum()) == pytest.approx((value(1.0) - value(-1.0)) / 2, rel=1e-3)


def test_one_channel_is_not_coloured():
    images = pictures(channels=1)
    np.testing.assert_array_equal(augment(images, 0.9, rng(), "c").numpy(), images.numpy())


def test_probability_rises_while_the_discriminator_is_sure_and_stops_at_the_limit():
    ada = AdaptiveProbability(target=0.6, num_images_to_one=1000, interval=2, limit=0.25)
    told = []
    for _ in range(12):
        ada.update(0.9, 50)
        told.append(ada.p)
    np.testing.assert_allclose(told[:6], [0, 0.1, 0.1, 0.2, 0.2, 0.25])
    assert told[-1] == 0.25
    for _ in range(10):
        ada.update(0.1, 50)
    assert ada.p == 0


def test_only_the_mean_over_the_interval_counts():
    ada = AdaptiveProbability(num_images_to_one=1000, interval=2)
    ada.update(1.0, 50)
    ada.update(0.0, 50)
    assert ada.p == 0  # the mean 0.5 lies below 0.6
    ada.update(1.0, 50)
    ada.update(0.4, 50)
    assert ada.p == pytest.approx(0.1)


def test_state_survives_in_the_middle_of_an_interval():
    one, other = (AdaptiveProbability(num_images_to_one=1000, interval=3) for _ in range(2))
    one.update(0.9, 50)
    other.load_state(one.state())
    for ada in (one, other):
        ada.update(0.9, 50)
        ada.update(0.8, 50)
    assert one.p == other.p > 0
