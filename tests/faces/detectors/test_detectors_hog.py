import cv2
import numpy as np
import pytest

from ppgan_ext.faces.detectors import hog
from ppgan_ext.faces.detectors.copies import Detection
from ppgan_ext.types import Box
from tests.reference.drawn import DrawnFace, draw_photo
from tests.reference.found import assert_found, landmark_error


def test_a_face_seen_only_in_the_mirror(monkeypatch):
    """A detector that is blind to this photo but not to its mirror image: landmarks come back in the right order."""
    drawn = [DrawnFace((150, 140), 40, yaw_degrees=15, roll_degrees=5)]
    photo, truths = draw_photo((330, 290), drawn)
    look = hog._detect

    def blind(copy, matrix, threshold):
        return look(copy, matrix, threshold) if np.linalg.det(matrix[:, :2]) < 0 else []

    monkeypatch.setattr(hog, "_detect", blind)
    faces = hog.find(photo)
    assert_found(faces, drawn, truths)
    assert faces[0].landmarks[36, 0] < faces[0].landmarks[45, 0]


@pytest.mark.slow
def test_cost_does_not_grow_with_the_photo(monkeypatch):
    """48 megapixels: the detector sees one small copy, not a pyramid over all of it."""
    small, (truth,) = draw_photo((1000, 750), [DrawnFace((530.0, 320.0), 90.0)])
    photo = cv2.resize(small, (8000, 6000), interpolation=cv2.INTER_CUBIC)
    look, seen = hog._detect, []

    def watched(copy, matrix, threshold):
        seen.append(copy.shape[0] * copy.shape[1])
        return look(copy, matrix, threshold)

    monkeypatch.setattr(hog, "_detect", watched)
    (face,) = hog.find(photo)
    assert landmark_error(face, (truth + 0.5) * 8 - 0.5, 720.0) < 0.08
    assert seen[0] < 1.6e6 and sum(seen) < 2.7e6  # the others are small copies, turned


def test_a_faint_detection_beside_a_clear_face_is_a_part_of_it(monkeypatch):
    """On a lying photo, hair beside the face was taken for a second, larger face."""
    drawn = [DrawnFace((150, 140), 40)]
    photo, truths = draw_photo((310, 290), drawn)
    look = hog._detect

    def see_double(copy, matrix, threshold):
        found = look(copy, matrix, threshold)
        for one in list(found):
            box, aside = one.box_in_copy, 0.5 * one.box_in_copy.width
            faint = Box(box.left - aside, box.top, box.right - aside, box.bottom, 0.38)
            found.append(Detection(faint, matrix))
        return found

    monkeypatch.setattr(hog, "_detect", see_double)
    monkeypatch.setattr(hog, "MAX_SPREAD", 1.0)  # the landmarks do not object
    assert_found(hog.find(photo), drawn, truths)


@pytest.mark.slow
def test_a_large_lying_face_is_found_in_the_coarse_copy(monkeypatch):
    drawn = [DrawnFace((500, 480), 160, roll_degrees=90)]
    photo, truths = draw_photo((1000, 1000), drawn)
    pixels = []
    look = hog._detect

    def count(copy, matrix, threshold):
        pixels.append(copy.shape[0] * copy.shape[1])
        return look(copy, matrix, threshold)

    monkeypatch.setattr(hog, "_detect", count)
    assert_found(hog.find(photo), drawn, truths)
    assert sum(size > 1e6 for size in pixels) == 1
    assert sum(pixels) < 5e6
