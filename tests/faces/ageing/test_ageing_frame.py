import numpy as np
import pytest

from ppgan_ext.faces.ageing import frame
from ppgan_ext.faces.ageing.model import bundled_model
from ppgan_ext.faces.axes import eye_distance
from tests.reference.drawn import DrawnFace, draw_photo

FACE = DrawnFace((190.0, 170.0), 90.0, roll_degrees=12)


def test_mirroring_twice_changes_nothing_and_once_swaps_the_eyes():
    _, (points,) = draw_photo((400, 380), [FACE])
    once = frame.mirror(points, 400)
    assert np.allclose(frame.mirror(once, 400), points)
    assert np.allclose(once[36:42].mean(axis=0), (399 - points[42:48, 0].mean(), points[42:48, 1].mean()))


def test_mean_face_is_symmetric_and_lies_in_the_frame():
    _, (points,) = draw_photo((400, 380), [FACE])
    mean = frame.mean_face([points])
    assert np.allclose(frame.mirror(mean, frame.SIZE[0]), mean)
    assert eye_distance(mean) == pytest.approx(frame.EYES)


@pytest.mark.parametrize("scale", [1.0, 1.5])
def test_a_photo_survives_the_way_to_the_frame_and_back(scale):
    photo, (points,) = draw_photo((390, 380), [FACE])
    placement = frame.Placement.of(points, bundled_model().mean_face, scale)
    seen = frame.draw(photo, placement.field_to_frame())
    assert seen.shape == (round(576 * scale), round(448 * scale), 3)
    region = placement.region(photo.shape)
    field = placement.field_to_photo(region)
    back = frame.draw(seen, field)
    left, top, right, bottom = region
    inner = np.s_[
        int(points[27, 1]) - top : int(points[8, 1]) - top - 8, int(points[36, 0]) - left : int(points[45, 0]) - left
    ]
    difference = np.abs(back[inner] - photo[top:bottom, left:right][inner])
    assert np.median(difference) < 2.0
    assert difference.mean() < 4.0


def test_draw_takes_any_number_of_channels():
    placement = frame.Placement.of(bundled_model().mean_face, bundled_model().mean_face)
    maps = np.random.default_rng(0).random((*placement.frame_size[::-1], 6), np.float32)
    drawn = frame.draw(maps, placement.field_to_frame())
    assert np.allclose(drawn[300, 224], maps[300, 224], atol=1e-3)
