"""Age edits of real faces that the bundled model has never seen: the measured age follows, the person stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppgan_ext.apps import AgeEditingPredictor
from ppgan_ext.faces.align import crop_face
from ppgan_ext.faces.descriptor import SAME_PERSON, face_descriptor
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.images import to_pixels

NUM_FACES = 6
HELD_BACK = 64  # the training script leaves out the last faces of the set
YEARS = (-20, 20)


def held_back_photos(folder):
    """Enlarge held-back crops to 384 px and frame them with their own reflection, as photos."""
    with np.load(folder / "bundled_model" / "data" / "faces128_1.npz") as data:
        encoded, ends = data["encoded"], data["ends"]
    for end, start in zip(ends[: -HELD_BACK - 1 : -1], ends[-2 : -HELD_BACK - 2 : -1], strict=True):
        crop = cv2.cvtColor(cv2.imdecode(encoded[start:end], cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        large = cv2.resize(crop, (384, 384), interpolation=cv2.INTER_CUBIC)
        yield cv2.copyMakeBorder(large, 128, 128, 128, 128, cv2.BORDER_REFLECT)


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.bundled
def test_the_age_measured_on_edited_photos_follows_and_the_person_stays(shared_folder):
    predictor = AgeEditingPredictor(output_path=None)
    age = predictor.directions(None, ["age"])["age"]
    record, size = predictor.engine.face_model.record, predictor.engine.synthesizer.size

    def measured_age(photo, face):
        crop = crop_face(photo, face, template=record.crop, size=size)
        return age.measure(predictor.engine.encode(to_pixels(crop.image))[0])

    num_monotone = num_same = num_faces = 0
    for photo in held_back_photos(shared_folder):
        faces = find_faces(photo)
        if not faces or faces[0].box.width < 150:
            continue
        younger, older = predictor.run(photo, years=list(YEARS), faces="largest").dst
        ages = [measured_age(picture, faces[0]) for picture in (younger, photo, older)]
        before = face_descriptor(photo, faces[0])
        distances = [np.linalg.norm(face_descriptor(picture, faces[0]) - before) for picture in (younger, older)]
        num_monotone += ages[0] < ages[1] < ages[2]
        num_same += max(distances) < SAME_PERSON
        num_faces += 1
        if num_faces == NUM_FACES:
            break
    assert num_faces == NUM_FACES
    assert num_monotone >= 5
    assert num_same >= 5
