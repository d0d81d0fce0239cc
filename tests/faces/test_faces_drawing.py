"""Drawing heads by rules: strokes, lines along the flow, and whole drawings of a real face."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ppgan_ext.faces.cartoon_crop import cartoon_matrix
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.drawing.drawing import draw_head
from ppgan_ext.faces.drawing.flow import blurred_along, dark_lines, tangents
from ppgan_ext.faces.drawing.head import clean, cut_head
from ppgan_ext.faces.drawing.strokes import area, curve, disc, stroke
from ppgan_ext.faces.head.head_matte import head_parts

SIZE = 192


@pytest.fixture(scope="module")
def found():
    """A photo, its face, and the parts of the head."""
    from skimage import data

    photo = np.ascontiguousarray(data.astronaut()[:300, 60:420])
    (face,) = find_faces(photo)
    return photo, face.landmarks, head_parts(photo, face.landmarks)


@pytest.fixture(scope="module")
def head(found):
    photo, landmarks, parts = found
    return cut_head(photo, landmarks, parts, cartoon_matrix(landmarks, SIZE), SIZE)


@pytest.fixture(scope="module")
def drawing(head):
    return draw_head(head)


def at(image, point):
    return image[round(point[1]), round(point[0])].astype(int)


def test_a_stroke_has_the_length_and_the_widths_that_are_told():
    line = np.array([[10.0, 20.0], [30.0, 20.0], [50.0, 20.0]])
    mask = stroke(line, (2.0, 6.0), (40, 64))
    assert mask.sum() == pytest.approx(40 * 4.0, rel=0.08)  # OpenCV fills the border too: a quarter of a pixel
    assert mask[:, 12].sum() == pytest.approx(2.2, abs=0.4) and mask[:, 48].sum() == pytest.approx(5.8, abs=0.4)
    assert mask[20, 30] == 1 and mask[30, 30] == 0 and mask[20, 56] == 0
    assert not stroke(line + 200, (2.0, 6.0), (40, 64)).any()


def test_a_curve_goes_through_its_points_and_areas_are_exact():
    knots = np.array([[3.0, 4.0], [20.0, 9.0], [31.0, 2.0], [40.0, 30.0]])
    made = curve(knots)
    assert all(np.abs(made - knot).sum(axis=1).min() < 1e-9 for knot in knots)
    assert np.allclose(curve(knots[[0, 1]])[:, 1], np.interp(curve(knots[[0, 1]])[:, 0], [3, 20], [4, 9]))
    square = np.array([[4.5, 3.5], [24.5, 3.5], [24.5, 13.5], [4.5, 13.5]])
    assert area(square, (30, 40)).sum() == pytest.approx(200, rel=0.04)
    assert disc(np.array([15.0, 12.0]), 8.0, (30, 40)).sum() == pytest.approx(np.pi * 64, rel=0.02)


def test_lines_follow_the_flow_and_are_dark():
    x, y = np.meshgrid(np.arange(80, dtype=np.float32), np.arange(60, dtype=np.float32))
    across = (x * 3 - y * 4) / 5 - 12  # distance from a line along (4, 3)
    ridge = np.exp(-0.5 * (across / 1.5) ** 2).astype(np.float32)
    flow = tangents(ridge, 3.0)
    near = (np.abs(across) < 3) & (x > 15) & (x < 65) & (y > 10) & (y < 50)
    assert np.abs(np.abs(flow[near] @ np.array([0.8, 0.6])) - 1).max() < 0.01
    noisy = ridge + np.random.default_rng(0).normal(0, 0.3, ridge.shape).astype(np.float32)
    middle = near & (np.abs(across) < 0.5)
    assert blurred_along(noisy, flow, 5.0)[middle].std() < 0.45 * noisy[middle].std()
    dark = dark_lines(-ridge, flow, 1.5, 4.0, 0.03, 0.05)
    assert dark[middle].min() > 0.9 and dark[(np.abs(across) > 9)].max() < 0.1
    assert dark_lines(ridge, flow, 1.5, 4.0, 0.03, 0.05)[middle].max() == 0


def test_a_clean_mask_keeps_its_outline():
    mask = np.zeros((40, 40), np.float32)
    mask[:, 21:] = 1
    mask[10, 5] = 1  # a speck
    cleaned = clean(mask, 2.0)
    assert cleaned[10, 5] == 0 and cleaned[20, 18] == 0 and cleaned[20, 23] == 1


def test_a_drawing_is_flat_and_keeps_the_persons_colours(head, drawing):
    assert drawing.image.shape == (SIZE, SIZE, 3) and drawing.image.dtype == np.uint8
    assert 0 <= drawing.share.min() and drawing.share.max() <= 1
    points = head.landmarks

    def flat(image):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(int)
        inside = drawing.share > 0.99
        return np.mean((np.abs(np.diff(grey, axis=1)) <= 1)[inside[:, 1:] & inside[:, :-1]])

    assert flat(drawing.image) > 0.6 > 0.3 > flat(head.image)
    cheek = (points[2] + points[31]) / 2
    assert np.abs(at(drawing.image, cheek) - at(head.image, cheek)).max() < 45
    top = points[27] + 0.75 * (points[27] - points[8])  # hair, which is darker than skin
    assert at(drawing.image, top).sum() < 0.75 * at(drawing.image, cheek).sum()


def test_eyes_mouth_and_outline_are_drawn(head, drawing):
    points, grey = head.landmarks, cv2.cvtColor(drawing.image, cv2.COLOR_RGB2GRAY).astype(int)
    for eye in (slice(36, 42), slice(42, 48)):
        left, top = np.floor(points[eye].min(axis=0)).astype(int) - 1
        right, bottom = np.ceil(points[eye].max(axis=0)).astype(int) + 2
        part = grey[top:bottom, left:right]
        assert part.max() > 225 and part.min() < 60  # the white, the pupil
    lips = points[[57, 8]].mean(axis=0) * 0.15 + points[[66, 57]].mean(axis=0) * 0.85
    chin = points[[57, 8]].mean(axis=0)
    assert (
        at(drawing.image, lips)[0] - at(drawing.image, lips)[1]
        > at(drawing.image, chin)[0] - at(drawing.image, chin)[1]
    )
    person = np.pad((drawing.share > 0.9).astype(np.uint8), 1, mode="edge")
    depth = cv2.distanceTransform(person, cv2.DIST_L2, 5)[1:-1, 1:-1]
    outline, beside = (depth > 0) & (depth < 1.5), (depth > 6) & (depth < 8)
    above = np.arange(SIZE)[:, None] < points[8, 1]  # below, the suit is as dark
    assert np.median(grey[outline & above]) < np.median(grey[beside & above]) - 10


def test_the_background_is_white_or_what_is_given(drawing):
    white, green = drawing.on(), drawing.on(np.full((SIZE, SIZE, 3), (0, 200, 0), np.uint8))
    outside, inside = drawing.share == 0, drawing.share == 1
    assert (white[outside] == 255).all() and (green[outside] == (0, 200, 0)).all()
    assert (white[inside] == drawing.image[inside]).all()


def test_the_same_head_gives_the_same_bytes(head, drawing):
    cv2.setRNGSeed(7)
    again = draw_head(head)
    assert (again.image == drawing.image).all() and (again.share == drawing.share).all()


def test_a_grey_photo_gives_a_grey_drawing(head, drawing):
    assert np.ptp(drawing.image, axis=2).max() > 40
    grey = np.repeat(cv2.cvtColor(head.image, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert np.ptp(draw_head(replace(head, image=grey)).image, axis=2).max() == 0


def test_a_larger_drawing_shows_the_same(found, drawing):
    photo, landmarks, parts = found
    large = draw_head(cut_head(photo, landmarks, parts, cartoon_matrix(landmarks, 2 * SIZE), 2 * SIZE))
    small = cv2.resize(large.image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    inside = drawing.share > 0.9
    assert np.abs(small[inside].astype(int) - drawing.image[inside]).mean() < 16


@pytest.mark.parametrize("kind", ["no hair", "nobody", "hair everywhere", "black", "noise"])
def test_odd_heads_are_drawn(head, kind):
    none, all_ = np.zeros(head.shape, np.float32), np.ones(head.shape, np.float32)
    noise = np.random.default_rng(0).integers(0, 256, head.image.shape).astype(np.uint8)
    odd = {
        "no hair": {"hair": none, "beard": none},
        "nobody": {"person": none, "hair": none},
        "hair everywhere": {"hair": all_, "person": all_, "beard": all_},
        "black": {"image": np.zeros_like(head.image)},
        "noise": {"image": noise},
    }[kind]
    drawing = draw_head(replace(head, **odd))
    assert drawing.image.shape == head.image.shape and np.isfinite(drawing.share).all()


@pytest.mark.parametrize("move", [(0, 0), (-150, 0), (0, 170)])
def test_a_face_partly_outside_is_drawn(head, move):
    matrix = np.array([[1.0, 0.0, move[0] * SIZE / 256], [0.0, 1.0, move[1] * SIZE / 256]])
    moved = {
        name: cv2.warpAffine(getattr(head, name), matrix, (SIZE, SIZE), borderValue=0)
        for name in ("image", "person", "hair", "beard", "inside")
    }
    drawing = draw_head(replace(head, **moved, landmarks=head.landmarks + matrix[:, 2]))
    assert drawing.image.shape == (SIZE, SIZE, 3)


def test_a_shut_eye_is_a_line(head, drawing):
    points = head.landmarks.copy()
    for upper, lower in (([37, 38], [41, 40]), ([43, 44], [47, 46])):
        points[upper] = points[lower] - (0, 0.2)
    shut = draw_head(replace(head, landmarks=points)).image
    middle = points[36:42].mean(axis=0)
    area_ = (slice(round(middle[1]) - 3, round(middle[1]) + 4), slice(round(middle[0]) - 7, round(middle[0]) + 8))
    assert drawing.image[area_].min(axis=2).max() > 215 > 205 > shut[area_].min(axis=2).max()
