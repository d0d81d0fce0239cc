import cv2
import numpy as np
import pytest
import skimage.data

from ppgan_ext.faces.descriptor import SAME_PERSON, face_descriptor
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.faces.preview import numbered_preview
from ppgan_ext.types import Box, Face
from tests.reference.drawn import DrawnFace, draw_photo


def face_at(left, top, right, bottom):
    return Face(Box(left, top, right, bottom), np.zeros((68, 2)))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (40, 30), (300, 900), (5000, 200), (2400, 1800)])
def test_preview_is_readable_at_any_size(width, height):
    photo = np.full((height, width, 3), 90, np.uint8)
    before = photo.copy()
    faces = [face_at(width * 0.1, height * 0.2, width * 0.6, height * 0.8), face_at(-5, -5, width * 0.3, height * 0.3)]
    preview = numbered_preview(photo, faces)
    assert 640 <= max(preview.shape[:2]) <= 1600
    assert preview.shape[1] / preview.shape[0] == pytest.approx(width / height, rel=0.1)
    assert preview.dtype == np.uint8
    assert np.array_equal(photo, before)
    changed = np.any(preview != 90, axis=2)
    assert 0.005 < changed.mean() < 0.9


def test_boxes_and_numbers_are_where_the_faces_are():
    photo = np.full((1000, 800, 3), 90, np.uint8)
    boxes = [(100, 500, 400, 800), (450, 200, 650, 400)]
    preview = numbered_preview(photo, [face_at(*box) for box in boxes])
    assert preview.shape == photo.shape
    colours = []
    for left, top, right, bottom in boxes:
        for x, y in ((left, (top + bottom) // 2), (right, (top + bottom) // 2), ((left + right) // 2, bottom)):
            assert np.any(preview[y, x] != 90)
        assert np.all(preview[top + 10 : bottom - 10, left + 10 : right - 10] == 90)  # the face stays visible
        plate = preview[top - 20 : top - 2, left : left + 30].reshape(-1, 3)
        assert plate.min() < 40 < plate.max()  # a dark number on a bright plate
        colours.append(tuple(preview[(top + bottom) // 2, left]))
    assert colours[0] != colours[1]


def test_the_numbers_differ_and_follow_the_order():
    photo = np.full((1000, 800, 3), 90, np.uint8)
    one, two = face_at(100, 200, 300, 400), face_at(450, 600, 650, 800)

    def plates(faces):
        preview = numbered_preview(photo, faces)
        dark = np.all(preview < 40, axis=2)
        return dark[150:195, 105:140].sum(), dark[550:595, 455:490].sum()

    first, second = plates([one, two]), plates([two, one])
    assert first[0] == second[1]
    assert first[1] == second[0]
    assert first[0] != first[1]


def test_a_plate_that_would_stick_out_is_moved_inside():
    photo = np.full((700, 700, 3), 90, np.uint8)
    preview = numbered_preview(photo, [face_at(-50, -60, 200, 150)])
    assert np.all(preview[0:20, 0:10] != 90)


def test_no_faces_no_marks():
    photo = np.random.default_rng(0).integers(0, 256, (700, 700, 3), dtype=np.uint8)
    assert np.array_equal(numbered_preview(photo, []), photo)


@pytest.mark.slow
def test_descriptor_knows_a_person_again():
    photo = skimage.data.astronaut()
    (face,) = find_faces(photo)
    description = face_descriptor(photo, face)
    assert description.shape == (128,)
    assert description.dtype == np.float64
    changed = cv2.resize(np.clip(photo * 0.8 + 10, 0, 255).astype(np.uint8), (700, 700), interpolation=cv2.INTER_CUBIC)
    changed = np.ascontiguousarray(np.rot90(changed))
    again = face_descriptor(changed, find_faces(changed)[0])
    drawn, (landmarks,) = draw_photo((310, 290), [DrawnFace((150, 140), 40)])
    other = face_descriptor(drawn, Face(Box(90, 90, 210, 210), landmarks))
    assert np.linalg.norm(description - again) < 0.3
    assert np.linalg.norm(description - other) > SAME_PERSON


@pytest.mark.slow
@pytest.mark.shared
def test_descriptor_tells_people_apart(shared_folder):
    import io

    import PIL.Image

    data = np.load(shared_folder / "bundled_model" / "data" / "faces128_0.npz")
    descriptions = []
    for i in range(50, 1250, 100):
        encoded = data["encoded"][data["ends"][i - 1] : data["ends"][i]].tobytes()
        picture = np.asarray(PIL.Image.open(io.BytesIO(encoded)).convert("RGB"))
        face = Face(Box(0, 0, 128, 128), data["landmarks"][i].astype(np.float64))
        mirrored = np.ascontiguousarray(picture[:, ::-1])
        from ppgan_ext.faces.landmarks import MIRROR

        twin = Face(face.box, face.landmarks[MIRROR] * (-1, 1) + (127, 0))
        descriptions.append((face_descriptor(picture, face), face_descriptor(mirrored, twin)))
    same = [np.linalg.norm(a - b) for a, b in descriptions]
    different = [np.linalg.norm(descriptions[i][0] - descriptions[j][0]) for i in range(len(same)) for j in range(i)]
    assert max(same) < SAME_PERSON
    assert np.median(different) > SAME_PERSON
