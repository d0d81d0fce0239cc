"""Mirror symmetry: for patterns drawn on a round head, against a formula, and against landmarks of real faces."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.losses.symmetry import HEADS, MirrorSymmetry, mirror_columns
from tests.reference.toy import numbers

SIZE = 128


def draw_head(yaw, asymmetry=0.0, light=0.0):
    """Draw a pattern that is symmetric about the middle of a turned head, (1, 3, SIZE, SIZE)."""
    head = HEADS["tight"]
    turn = np.radians(yaw)
    x = (np.arange(SIZE) + 0.5) / SIZE
    radius = np.interp(x, head.heights, head.radii)[:, None]
    angle = np.arcsin(np.clip((x - 0.5 + head.follows * np.sin(turn)) / radius, -1, 1)) - turn
    rows = np.linspace(0, 3, SIZE)[:, None]
    pattern = np.cos(5 * angle) * np.cos(2 * rows) + asymmetry * np.sin(9 * angle) * np.sin(rows)
    pattern = 0.4 * pattern + light * (x - 0.5)
    return paddle.to_tensor(np.stack([pattern, 0.5 * pattern, -pattern])[None].astype(np.float32))


@pytest.mark.parametrize("yaw", [0.0, 12.0, -25.0])
def test_a_symmetric_head_has_a_small_distance_at_its_own_yaw(yaw):
    picture = draw_head(yaw)
    own = MirrorSymmetry(SIZE, yaw).distance(picture).item()
    assert own < 0.003
    for other in (yaw + 12.0, yaw - 12.0, -yaw if yaw else 20.0):
        assert MirrorSymmetry(SIZE, other).distance(picture).item() > 4 * own
    assert MirrorSymmetry(SIZE, yaw).distance(draw_head(yaw, asymmetry=0.5)).item() > 4 * own


def test_light_from_one_side_is_ignored():
    symmetry = MirrorSymmetry(SIZE, 15.0)
    plain, lit = (symmetry.distance(draw_head(15.0, 0.3, light)).item() for light in (0.0, 0.8))
    assert lit == pytest.approx(plain, rel=0.25)


def test_a_frontal_face_is_compared_with_its_plain_flip():
    """Column i is compared with column S - 1 - i, weighted by the cosine of its angle on the head."""
    pixels = np.tanh(numbers("faces", (2, 3, 16, 16)))
    mask = np.abs(numbers("mask", (16, 16))).clip(0, 1)
    partners, weights, is_left = mirror_columns(16, 0.0, HEADS["ffhq"])
    inside = weights > 0
    np.testing.assert_allclose(partners[inside], np.tile(15 - np.arange(16), (16, 1))[inside], atol=1e-9)
    assert is_left.tolist() == [[True] * 8 + [False] * 8] * 16
    both = weights * mask * mask[:, ::-1]
    difference = (pixels - pixels[..., ::-1]) * both
    smooth = numpy_blur(difference) / numpy_blur(both[None, None])
    expected = np.abs(difference - smooth * both).sum(axis=(1, 2, 3)) / (3 * both.sum())
    actual = MirrorSymmetry(16, 0.0, "ffhq", mask).distance(paddle.to_tensor(pixels))
    np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-4)


def numpy_blur(array):
    padded = np.pad(array, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    return sum(padded[:, :, i : i + 16, j : j + 16] for i in range(3) for j in range(3)) / 9 + 1e-12


def test_the_mirror_image_of_the_mirror_image_is_the_column_itself():
    columns, weights, is_left = mirror_columns(200, 20.0, HEADS["tight"])
    for row in (45, 112, 160):
        seen = weights[row] > 0
        back = np.interp(columns[row, seen], np.arange(200), columns[row])
        np.testing.assert_allclose(back, np.arange(200)[seen], atol=0.3)
        assert seen.sum() > 60 and weights[row, seen].min() > 0.2 and weights[row].max() <= 1
    # Turned to image right, the middle of the face is right of the crop's: by little at the mouth, by more at the nose.
    middle = is_left.sum(axis=1)
    assert 104 < middle[160] < 112 < 116 < middle[112]
    mirrored, other, _ = mirror_columns(200, -20.0, HEADS["tight"])
    np.testing.assert_allclose(weights, other[:, ::-1], atol=1e-9)
    np.testing.assert_allclose(columns, 199 - mirrored[:, ::-1], atol=1e-9)


def test_a_known_half_gets_no_gradient():
    for known, drawn in (("image left", slice(66, 128)), ("image right", slice(0, 62))):
        picture = draw_head(0.0, asymmetry=0.4)
        picture.stop_gradient = False
        MirrorSymmetry(SIZE, 0.0, known=known).distance(picture).sum().backward()
        slope = np.abs(picture.grad.numpy()).sum(axis=(0, 1, 2))
        other = np.ones(SIZE, bool)
        other[drawn] = False
        # Only the blur passes a little gradient over the middle, 8 columns wide.
        assert slope[drawn].sum() > 20 * slope[other][np.abs(np.flatnonzero(other) - 63.5) > 10].sum()
        assert slope[drawn].sum() > 0
    both = draw_head(0.0, asymmetry=0.4)
    both.stop_gradient = False
    MirrorSymmetry(SIZE, 0.0).distance(both).sum().backward()
    slope = np.abs(both.grad.numpy()).sum(axis=(0, 1, 2))
    np.testing.assert_allclose(slope, slope[::-1], rtol=1e-3, atol=1e-6)


def test_masked_pixels_have_no_effect():
    mask = np.zeros((SIZE, SIZE))
    mask[20:100] = 1
    symmetry = MirrorSymmetry(SIZE, 10.0, mask=mask)
    picture, painted = draw_head(10.0, 0.3), draw_head(10.0, 0.3)
    painted[:, :, 116:] = 0.9  # beyond the reach of the blur
    assert symmetry.distance(painted).item() == symmetry.distance(picture).item() > 0


def test_invalid_arguments_are_rejected():
    with pytest.raises(ConfigError, match="'ffhq'"):
        MirrorSymmetry(SIZE, 0.0, "ffqh")
    with pytest.raises(ConfigError, match="yaw"):
        MirrorSymmetry(SIZE, 95.0)
    with pytest.raises(InputError, match="mask"):
        MirrorSymmetry(SIZE, 0.0, mask=np.ones((SIZE, SIZE - 1)))
    with pytest.raises(InputError, match="128"):
        MirrorSymmetry(SIZE, 0.0).distance(paddle.zeros([1, 3, 32, 32]))


@pytest.mark.shared
def test_mirrored_landmarks_of_real_faces_are_close_to_their_partners(shared_folder):
    """Mirror images of landmarks are much closer to their partners than after a plain flip, for turned faces."""
    from ppgan_ext.faces.pose import head_pose

    points = np.load(shared_folder / "bundled_model" / "data" / "faces128_0.npz")["landmarks"][::20].astype(float)
    yaws = np.array([head_pose(face, (128, 128)).yaw_degrees for face in points])
    turned = np.abs(yaws) > 14
    assert turned.sum() > 30
    by_head, by_flip = [], []
    for face, yaw in zip(points[turned], yaws[turned], strict=True):
        columns, weights, _ = mirror_columns(128, yaw, HEADS["tight"])
        for here, there in ((36, 45), (45, 36), (39, 42), (42, 39), (48, 54), (54, 48), (31, 35), (27, 27), (30, 30)):
            x, y = face[here]
            row = int(np.clip(y, 0, 127))
            if np.interp(x, np.arange(128), weights[row]) > 0:
                by_head.append(np.interp(x, np.arange(128), columns[row]) - face[there, 0])
                by_flip.append(127 - x - face[there, 0])
    assert len(by_head) > 300
    assert np.sqrt(np.mean(np.square(by_head))) < 0.55 * np.sqrt(np.mean(np.square(by_flip)))
