import cv2
import numpy as np
import pytest

from ppgan_ext.faces.warp import compose, invert, rectangle_around, resize_matrix, scale_of, transform_points, warp

SKEW = np.array([[1.2, -0.5, 7.0], [0.3, 0.8, -4.0]])


def ramp(width, height, a=2.0, b=1.5, c=20.0):
    """A picture that is linear in x and y, so that any correct resampling gives its formula back."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return (a * x + b * y + c).astype(np.float32)


def test_invert_and_compose_agree_with_matrix_algebra():
    square = np.vstack([SKEW, [0, 0, 1]])
    other = np.vstack([resize_matrix((30, 20), (45, 60)), [0, 0, 1]])
    np.testing.assert_allclose(invert(SKEW), np.linalg.inv(square)[:2], atol=1e-12)
    np.testing.assert_allclose(compose(SKEW, other[:2]), (square @ other)[:2], atol=1e-12)
    np.testing.assert_allclose(transform_points(np.array([[3.0, 5.0]]), SKEW), [(square @ [3, 5, 1])[:2]])
    assert scale_of(SKEW) == pytest.approx(np.sqrt(1.2 * 0.8 + 0.5 * 0.3))


def test_resize_matrix_maps_edges_to_edges():
    matrix = resize_matrix((40, 20), (100, 30))
    corners = transform_points(np.array([[-0.5, -0.5], [39.5, 19.5]]), matrix)
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [99.5, 29.5]])


@pytest.mark.parametrize("scale", [3.0, 1.0, 0.8, 0.31, 0.12])
@pytest.mark.parametrize("degrees", [0.0, 33.0])
def test_warp_reproduces_a_ramp_at_any_scale_and_angle(scale, degrees):
    image = ramp(260, 180)
    c, s = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    size = (31, 17)
    linear = np.array([[c, s], [-s, c]])
    matrix = np.hstack([linear, (np.array([15.0, 8.0]) - linear @ [131.3, 88.8])[:, None]])
    result = warp(image, matrix, size)
    grid = np.stack(np.meshgrid(np.arange(31.0), np.arange(17.0)), axis=-1)
    source = transform_points(grid, invert(matrix))
    inside = np.all((source > 8 / scale) & (source < np.array([259.0, 179.0]) - 8 / scale), axis=-1)
    assert inside.sum() > 20
    expected = 2.0 * source[..., 0] + 1.5 * source[..., 1] + 20.0
    # OpenCV's cubic is off by up to a twentieth of a sample on a ramp; a slip of half a pixel would show tenfold.
    assert np.abs(result - expected)[inside].max() < 0.1 * 2.0 / min(1.0, 2 * scale)


def test_shrinking_does_not_alias():
    y, x = np.mgrid[0:240, 0:320]
    checkers = np.where((x + y) % 2 == 0, 255, 0).astype(np.uint8)
    matrix = resize_matrix((320, 240), (45, 37))
    assert np.abs(warp(checkers, matrix, (45, 37)).astype(float) - 127.5).max() < 8
    assert cv2.warpAffine(checkers, matrix, (45, 37)).std() > 30  # what would happen without a filter


def test_identity_keeps_every_bit():
    image = np.random.default_rng(0).integers(0, 256, (23, 41, 3), dtype=np.uint8)
    assert np.array_equal(warp(image, np.eye(2, 3), (41, 23)), image)


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.2])
def test_beyond_the_border_lies_the_reflection(scale):
    image = np.random.default_rng(1).integers(0, 256, (60, 80), dtype=np.uint8).astype(np.float32)
    image = cv2.GaussianBlur(image, (0, 0), 3)
    shift = np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]])
    shift[:, 2] = np.array([25, 15]) * scale + (scale - 1) / 2
    size = (round(130 * scale), round(90 * scale))
    padded = np.pad(image, ((15, 15), (25, 25)), "symmetric")
    plain = cv2.resize(padded, size, interpolation=cv2.INTER_AREA)
    assert np.abs(warp(image, shift, size) - plain).max() < 1.0


def test_only_what_is_seen_matters():
    """Cutting first gives what warping the whole photo gives, at every corner."""
    image = np.random.default_rng(2).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    for x, y in ((3, 4), (395, 5), (6, 290), (396, 297), (200, 150)):
        matrix = np.array([[0.9, 0.5, 10.0], [-0.5, 0.9, 12.0]])
        matrix[:, 2] -= matrix[:, :2] @ [x, y]
        whole = cv2.warpAffine(image, matrix, (21, 25), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        # On noise a sample placed 1/32 pixel away differs by a few levels.
        assert np.abs(warp(image, matrix, (21, 25)).astype(int) - whole).mean() < 1.0


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 7, 3), (9, 1, 3), (2, 2, 3)])
@pytest.mark.parametrize("scale", [0.1, 1.0, 9.0])
def test_tiny_sources(shape, scale):
    image = np.full(shape, 77, np.uint8)
    result = warp(image, np.array([[scale, 0.0, 4.0], [0.0, scale, -2.0]]), (12, 10))
    assert np.all(result == 77)


def test_border_value_fills_the_outside():
    image = np.full((10, 10, 3), 200, np.uint8)
    result = warp(image, np.array([[1.0, 0.0, 20.0], [0.0, 1.0, 0.0]]), (40, 10), border_value=127.0)
    assert np.all(result[:, 22:28] == 200)
    assert np.all(result[:, :15] == 127)


def test_the_rectangle_around_points_ends_at_the_picture_and_may_be_empty():
    points = np.array([[3.2, 4.9], [7.0, 12.1], [5.0, 6.0]])
    assert rectangle_around(points, (20, 30, 3)) == (3, 4, 8, 14)
    assert rectangle_around(points, (10, 6)) == (3, 4, 6, 10)
    left, top, right, bottom = rectangle_around(points - 50.0, (20, 30))
    assert left == right and top == bottom
