"""Adaptive augmentation: transforms with known results, the adaptation of p, gradients."""

import math

import numpy as np
import paddle
import pytest

from ppgan_ext.training.shared import augmentation
from ppgan_ext.training.shared.augmentation import AdaptiveProbability, augment, draw_transforms

SIZE = 8


def rng(seed=0):
    return np.random.default_rng(seed)


def pictures(num=6, channels=3):
    return paddle.to_tensor(rng(1).uniform(-1, 1, (num, channels, SIZE, SIZE)).astype(np.float32))


def test_a_probability_of_zero_returns_the_images_themselves():
    images = pictures()
    assert augment(images, 0.0, rng()) is images


def test_transforms_that_are_not_applied_change_no_pixel():
    matrices, colours = draw_transforms(50, SIZE, 1e-12, rng())
    np.testing.assert_array_equal(matrices, np.tile(np.eye(3), (50, 1, 1)))
    np.testing.assert_allclose(colours, np.tile(np.eye(4), (50, 1, 1)), atol=1e-12)
    images = pictures()
    np.testing.assert_allclose(augment(images, 1e-12, rng()).numpy(), images.numpy(), atol=1e-6)


def test_blitting_only_moves_pixels():
    """Flips, quarter turns and shifts by whole pixels: the same values at other positions."""
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
        (augmentation._scale(-1.0, 1.0), lambda x: x[..., ::-1]),
        (augmentation._translation(np.array([2 / SIZE]), np.array([0.0])), lambda x: np.roll(x, -1, axis=-1)),
        (augmentation._translation(np.array([0.0]), np.array([4 / SIZE])), lambda x: np.roll(x, -2, axis=-2)),
        # From output to input with x right and y down, so the picture turns counter-clockwise.
        (augmentation._rotation(np.array([math.pi / 2])), lambda x: np.rot90(x, axes=(-2, -1))),
    ],
    ids=["flip", "left", "up", "turn"],
)
def test_the_warp_follows_the_conventions(monkeypatch, matrix, expected):
    """The matrix maps output to input positions; only the inner pixels are compared."""
    monkeypatch.setattr(augmentation, "draw_transforms", lambda n, *_: (np.tile(matrix, (n, 1, 1)), None))
    images = pictures(2)
    moved = augment(images, 0.5, rng(), "g").numpy()
    inner = (..., slice(0, -2), slice(0, -2))
    np.testing.assert_allclose(moved[inner], expected(images.numpy())[inner], atol=1e-5)


def test_each_transform_has_the_probability():
    matrices, _ = draw_transforms(4000, SIZE, 0.3, rng(), "g")
    # Two rotations of probability 1 - sqrt(1 - p), so at least one with p; two scalings and a shift with p each.
    unchanged = np.all(np.isclose(matrices, np.eye(3)), axis=(1, 2)).mean()
    assert unchanged == pytest.approx(0.7**4, abs=0.03)
    unshifted = np.isclose(matrices[:, :2, 2], 0).all(axis=1).mean()
    assert unshifted == pytest.approx(0.7, abs=0.03)


def test_colours_keep_grey_grey():
    """Luma flip, hue and saturation leave the grey axis in place; contrast and brightness move along it."""
    _, colours = draw_transforms(500, SIZE, 0.9, rng(), "c")
    grey = colours @ np.array([0.4, 0.4, 0.4, 1.0])
    assert np.ptp(grey[:, :3], axis=1).max() < 1e-12
    red = (colours @ np.array([1.0, 0.0, 0.0, 1.0]))[:, :3]
    assert np.ptp(red, axis=1).min() > 0 and len(np.unique(red.argmax(axis=1))) == 3


def test_hue_keeps_lightness_and_saturation():
    turned = augmentation._hue_rotation(np.array([0.7, -2.0])) @ np.array([0.9, 0.1, -0.3])
    np.testing.assert_allclose(turned.sum(axis=1), 0.7, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm([0.9, 0.1, -0.3]), atol=1e-12)
    third = augmentation._hue_rotation(np.array([2 * math.pi / 3])) @ np.array([1.0, 0.0, 0.0])
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

    # The transforms are linear, so a difference over a long step is exact.
    assert float((images.grad.numpy() * along).sum()) == pytest.approx((value(1.0) - value(-1.0)) / 2, rel=1e-3)


def test_images_of_one_channel_have_no_colour_transforms():
    images = pictures(channels=1)
    np.testing.assert_array_equal(augment(images, 0.9, rng(), "c").numpy(), images.numpy())


def test_the_probability_rises_while_the_discriminator_overfits_up_to_the_limit():
    ada = AdaptiveProbability(target=0.6, num_images_to_one=1000, interval=2, limit=0.25)
    values = []
    for _ in range(12):
        ada.update(0.9, 50)
        values.append(ada.p)
    np.testing.assert_allclose(values[:6], [0, 0.1, 0.1, 0.2, 0.2, 0.25])
    assert values[-1] == 0.25
    for _ in range(10):
        ada.update(0.1, 50)
    assert ada.p == 0


def test_the_probability_depends_on_the_mean_over_the_interval():
    ada = AdaptiveProbability(num_images_to_one=1000, interval=2)
    ada.update(1.0, 50)
    ada.update(0.0, 50)
    assert ada.p == 0  # the mean 0.5 is below 0.6
    ada.update(1.0, 50)
    ada.update(0.4, 50)
    assert ada.p == pytest.approx(0.1)


def test_the_state_is_restored_within_an_interval():
    one, other = (AdaptiveProbability(num_images_to_one=1000, interval=3) for _ in range(2))
    one.update(0.9, 50)
    other.load_state(one.state())
    for ada in (one, other):
        ada.update(0.9, 50)
        ada.update(0.8, 50)
    assert one.p == other.p > 0
