import threading

import cv2
import numpy as np
import pytest
import skimage.data

from ppgan_ext.errors import InputError
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.types import Box
from tests.reference.drawn import DrawnFace, draw_photo


def landmark_error(face, landmarks, eye_distance):
    """Mean distance of the inner landmarks, in eye distances."""
    return np.hypot(*(face.landmarks - landmarks)[17:].T).mean() / eye_distance


def assert_found(photo, drawn, truths, limit=0.08):
    """Each drawn face is found once, its landmarks in place, with its own left and right."""
    faces = find_faces(photo)
    assert len(faces) == len(drawn)
    for face in faces:
        errors = [landmark_error(face, truth, d.eye_distance) for d, truth in zip(drawn, truths, strict=True)]
        assert min(errors) < limit
    return faces


@pytest.mark.slow
def test_several_faces_largest_first():
    drawn = [
        DrawnFace((110, 120), 40, skin=(120, 80, 60), hair=(20, 16, 14)),
        DrawnFace((330, 160), 60, roll_degrees=12),
        DrawnFace((540, 130), 30, yaw_degrees=20, skin=(240, 205, 185), hair=(180, 140, 80)),
    ]
    photo, truths = draw_photo((640, 360), drawn)
    faces = assert_found(photo, drawn, truths)
    areas = [face.box.area for face in faces]
    assert areas == sorted(areas, reverse=True)
    order = [int(np.argmin([np.abs(f.landmarks - t).mean() for t in truths])) for f in faces]
    assert order == [1, 0, 2]
    for face in faces:
        middle = face.landmarks[17:].mean(axis=0)
        assert face.box.left < middle[0] < face.box.right
        assert face.box.top < middle[1] < face.box.bottom


@pytest.mark.parametrize("eye_distance", [10, 16, 27, 90, 250])
def test_sizes(eye_distance):
    drawn = [DrawnFace((3.1 * eye_distance, 2.7 * eye_distance), eye_distance)]
    photo, truths = draw_photo((int(6 * eye_distance), int(6.5 * eye_distance)), drawn)
    assert_found(photo, drawn, truths)


@pytest.mark.slow
def test_a_small_face_in_a_large_photo():
    drawn = [DrawnFace((1700.0, 400.0), 26.0)]
    photo, truths = draw_photo((2400, 1600), drawn)
    assert_found(photo, drawn, truths)


@pytest.mark.slow
@pytest.mark.parametrize("roll", [25, 60, 90, 135, 180, -40, -90, -150])
def test_turned_faces(roll):
    drawn = [DrawnFace((150, 140), 40, roll_degrees=roll)]
    photo, truths = draw_photo((310, 290), drawn)
    assert_found(photo, drawn, truths)


@pytest.mark.slow
@pytest.mark.parametrize("roll", [90, -90, 180, 75, -110])
def test_a_lying_face_beside_an_upright_one(roll):
    drawn = [DrawnFace((150, 150), 45), DrawnFace((450, 150), 38, roll_degrees=roll, skin=(150, 110, 90))]
    photo, truths = draw_photo((600, 300), drawn)
    assert_found(photo, drawn, truths)


@pytest.mark.parametrize("yaw", [-40, -20, 20, 40])
def test_faces_turned_aside(yaw):
    drawn = [DrawnFace((150, 140), 40, yaw_degrees=yaw)]
    photo, truths = draw_photo((310, 290), drawn)
    assert_found(photo, drawn, truths, limit=0.1)


def test_a_face_seen_only_in_the_mirror(monkeypatch):
    """A detector that is blind to this photo but not to its mirror image: landmarks come back in the right order."""
    drawn = [DrawnFace((150, 140), 40, yaw_degrees=15, roll_degrees=5)]
    photo, truths = draw_photo((330, 290), drawn)
    from ppgan_ext.faces import detect

    look = detect._detect

    def blind(copy, matrix, threshold):
        return look(copy, matrix, threshold) if np.linalg.det(matrix[:, :2]) < 0 else []

    monkeypatch.setattr(detect, "_detect", blind)
    faces = assert_found(photo, drawn, truths)
    assert faces[0].landmarks[36, 0] < faces[0].landmarks[45, 0]


def test_faces_cut_by_the_border():
    drawn = [DrawnFace((30, 100), 40), DrawnFace((330, 60), 40)]
    photo, truths = draw_photo((380, 300), drawn)
    assert_found(photo, drawn, truths, limit=0.15)


@pytest.mark.slow
def test_astronaut():
    photo = skimage.data.astronaut()
    (face,) = find_faces(photo)
    assert face.box.left < 225 < face.box.right
    assert face.box.top < 125 < face.box.bottom
    turned = np.ascontiguousarray(np.rot90(photo))
    (again,) = find_faces(turned)
    # Counter-clockwise by 90 degrees: (x, y) becomes (y, 511 - x).
    back = np.stack([511 - again.landmarks[:, 1], again.landmarks[:, 0]], axis=1)
    assert np.abs(back - face.landmarks).max() < 1.5


@pytest.mark.parametrize("factor", [1.37, 2.0, 3.3])
def test_landmarks_do_not_depend_on_the_photos_size(factor):
    photo = skimage.data.astronaut()
    (face,) = find_faces(photo)
    size = round(512 * factor)
    (large,) = find_faces(cv2.resize(photo, (size, size), interpolation=cv2.INTER_CUBIC))
    back = (large.landmarks + 0.5) * (512 / size) - 0.5
    assert np.abs(back - face.landmarks).mean() < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket", "immunohistochemistry"])
def test_no_face_where_there_is_none(name):
    assert find_faces(getattr(skimage.data, name)()) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 300, 3), (5, 2, 3), (40, 40, 3)])
def test_tiny_and_empty_pictures(shape):
    assert find_faces(np.full(shape, 128, np.uint8)) == []


def test_grey_values_are_enough():
    drawn = [DrawnFace((150, 140), 40)]
    photo, truths = draw_photo((310, 290), drawn)
    grey = np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert_found(grey, drawn, truths)


@pytest.mark.slow
def test_same_photo_same_faces_also_from_threads():
    drawn = [DrawnFace((110, 120), 40), DrawnFace((330, 160), 55, roll_degrees=10)]
    photo, _ = draw_photo((460, 330), drawn)
    results = {}

    def work(i):
        results[i] = find_faces(photo)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first = find_faces(photo)
    assert len(first) == 2
    for faces in results.values():
        assert [f.box for f in faces] == [f.box for f in first]
        assert all(np.array_equal(a.landmarks, b.landmarks) for a, b in zip(faces, first, strict=True))


@pytest.mark.slow
def test_cost_does_not_grow_with_the_photo(monkeypatch):
    """48 megapixels: the detector sees one small copy, not a pyramid over all of it."""
    from ppgan_ext.faces import detect

    small, (truth,) = draw_photo((1000, 750), [DrawnFace((530.0, 320.0), 90.0)])
    photo = cv2.resize(small, (8000, 6000), interpolation=cv2.INTER_CUBIC)
    look, seen = detect._detect, []

    def watched(copy, matrix, threshold):
        seen.append(copy.shape[0] * copy.shape[1])
        return look(copy, matrix, threshold)

    monkeypatch.setattr(detect, "_detect", watched)
    (face,) = find_faces(photo)
    assert landmark_error(face, (truth + 0.5) * 8 - 0.5, 720.0) < 0.08
    assert seen[0] < 1.6e6 and sum(seen) < 2.7e6  # the others are small copies, turned


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_wrong_arrays_are_refused(array):
    with pytest.raises(InputError, match="read_image"):
        find_faces(array)


def test_a_faint_detection_beside_a_clear_face_is_a_part_of_it(monkeypatch):
    """On a lying photo, hair beside the face was taken for a second, larger face."""
    from ppgan_ext.faces import detect

    drawn = [DrawnFace((150, 140), 40)]
    photo, truths = draw_photo((310, 290), drawn)
    look = detect._detect

    def see_double(copy, matrix, threshold):
        found = look(copy, matrix, threshold)
        for one in list(found):
            box, aside = one.box_in_copy, 0.5 * one.box_in_copy.width
            faint = Box(box.left - aside, box.top, box.right - aside, box.bottom, 0.38)
            found.append(detect._Detection(faint, matrix))
        return found

    monkeypatch.setattr(detect, "_detect", see_double)
    monkeypatch.setattr(detect, "MAX_SPREAD", 1.0)  # the landmarks do not object
    assert_found(photo, drawn, truths)


@pytest.mark.slow
def test_a_large_lying_face_is_found_in_the_coarse_copy(monkeypatch):
    from ppgan_ext.faces import detect

    drawn = [DrawnFace((500, 480), 160, roll_degrees=90)]
    photo, truths = draw_photo((1000, 1000), drawn)
    pixels = []
    look = detect._detect

    def count(copy, matrix, threshold):
        pixels.append(copy.shape[0] * copy.shape[1])
        return look(copy, matrix, threshold)

    monkeypatch.setattr(detect, "_detect", count)
    assert_found(photo, drawn, truths)
    assert sum(size > 1e6 for size in pixels) == 1
    assert sum(pixels) < 5e6
