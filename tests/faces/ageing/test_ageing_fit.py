import numpy as np
import pytest

from ppgan_ext.errors import InputError
from ppgan_ext.faces.ageing import fit, frame
from ppgan_ext.faces.ageing.model import bundled_model
from tests.reference.drawn import DrawnFace, draw_photo

pytestmark = pytest.mark.slow


def portrait(seed, age):
    """Draw a face; an old one has three dark lines across its forehead, and its nose is lower."""
    photo, (points,) = draw_photo((330, 400), [DrawnFace((165.0, 170.0), 92.0, skin=(200, 160 + seed % 7, 135))], seed)
    if age > 50:
        x, y = points[27].round().astype(int)
        for row in (38, 48, 58):
            photo[y - row : y - row + 3, x - 50 : x + 50] = photo[y - row : y - row + 3, x - 50 : x + 50] * 0.7
        points = points.copy()
        points[31:36, 1] += 4.0
    return photo, points


@pytest.fixture(scope="module")
def model():
    people = [(seed, 25.0 if seed % 2 else 75.0, seed % 4 < 2) for seed in range(12)]
    photos = [portrait(seed, age) for seed, age, _ in people]
    mean_face = frame.mean_face([points for _, points in photos])
    samples = [
        fit.measure_sample(photo, points, age, is_female, mean_face)
        for (photo, points), (_, age, is_female) in zip(photos, people, strict=True)
    ]
    return fit.fit_model(samples, mean_face)


def forehead(model):
    x, y = model.mean_face[27].round().astype(int)
    return np.s_[y - 95 : y - 52, x - 50 : x + 50]


def test_the_marks_are_what_old_faces_have_and_young_ones_lack(model):
    lines = model.marks[0][1:4].sum(axis=0)[forehead(model)]
    assert lines.min() < -0.06
    cheek = model.marks[0][1:4].sum(axis=0)[300:330, 130:160]
    assert np.abs(cheek).max() < 0.5 * np.abs(lines).max()


def test_the_marks_are_symmetric_and_so_is_how_sure_the_directions_are(model):
    assert np.allclose(model.marks[0], model.marks[0][..., ::-1], atol=1e-5)
    sure = np.hypot(model.crease_angle[..., 0], model.crease_angle[..., 1])
    assert np.allclose(sure, sure[:, ::-1], atol=1e-4)


def test_convention_lines_across_the_forehead_run_at_angle_zero(model):
    double = model.crease_angle[forehead(model)].mean(axis=(0, 1))
    assert double[0] > 0.3
    assert abs(double[1]) < 0.1


def test_the_nose_becomes_lower(model):
    assert model.shape[33, 1] > 0.02
    assert abs(model.shape[8, 1]) < 0.5 * model.shape[33, 1]


def test_too_few_faces_are_refused(model):
    with pytest.raises(InputError, match="0 usable faces"):
        fit.fit_model([], bundled_model().mean_face)


def test_turned_and_small_faces_are_not_usable():
    _, (front,) = draw_photo((330, 400), [DrawnFace((165.0, 170.0), 92.0)])
    _, (turned,) = draw_photo((330, 400), [DrawnFace((165.0, 170.0), 110.0, yaw_degrees=35)])
    _, (small,) = draw_photo((330, 400), [DrawnFace((165.0, 170.0), 60.0)])
    assert [fit.is_usable(points) for points in (front, turned, small)] == [True, False, False]
