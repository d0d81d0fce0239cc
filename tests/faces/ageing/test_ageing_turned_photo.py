from types import SimpleNamespace

import numpy as np
import pytest

from ppgan_ext.apps.photo.ageing import Ager
from ppgan_ext.apps.photo.apparent_age import Estimates
from ppgan_ext.faces.ageing.model import bundled_model
from ppgan_ext.faces.align import crop_face
from ppgan_ext.faces.quarter_turns import turn_photo, turn_points
from ppgan_ext.types import Box, Face


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_face_on_its_side_or_its_head_ages_as_if_it_were_upright(photo, landmarks, turns):
    results = []
    for quarters in (0, turns):
        turned, points = turn_photo(photo, quarters), turn_points(landmarks, photo.shape, quarters)
        crop = crop_face(turned, Face(Box(0, 0, 9, 9), points), size=64)
        before = SimpleNamespace(covered=SimpleNamespace(mask=None))
        face = SimpleNamespace(
            face=Face(Box(0, 0, 9, 9), points), crop=crop, before=before, w_plus=np.zeros((2, 512), np.float32)
        )
        ager = Ager(bundled_model(), Estimates({}), 1.0, 1.0, 0)
        results.append(turn_photo(ager.age(turned, turned, face, 40.0), -quarters))
    upright, again = results
    assert np.mean(upright != photo) > 0.1
    assert np.array_equal(again, upright)
