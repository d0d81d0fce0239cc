"""The cheek of a turned head that is nearer to the camera is stretched."""

import numpy as np

from ppgan_ext.faces.ageing.frame import Placement
from ppgan_ext.faces.ageing.model import bundled_model
from ppgan_ext.faces.ageing.turned_cheek import stretched


def _placement(change):
    mean = bundled_model().mean_face
    landmarks = 2.0 * mean + (30, 40)
    landmarks[:17, 0] += change * (landmarks[27, 0] - landmarks[36:48, 0].min())
    return Placement.of(landmarks, mean)


def test_a_frontal_face_is_stretched_nowhere_and_a_turned_one_on_the_near_side():
    assert not stretched(_placement(0.0)).any()
    turned = stretched(_placement(0.8))
    assert turned.shape == (1, _placement(0.0).frame_size[0])
    assert turned[0, -1] == 1.0 and turned[0, 0] == 0.0
    assert (np.diff(turned[0]) >= 0).all() and np.diff(turned[0]).max() < 0.1
    assert np.array_equal(stretched(_placement(-0.8)) > 0.5, turned[:, ::-1] > 0.5)
