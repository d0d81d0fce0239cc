import numpy as np
import pytest

from ppgan_ext.faces.ramps import smooth_step


def test_a_smooth_step_begins_and_ends_level():
    share = np.linspace(0.0, 1.0, 201)
    slope = np.gradient(smooth_step(share), share)
    assert (smooth_step(0.0), smooth_step(0.5), smooth_step(1.0)) == (0.0, 0.5, 1.0)
    assert slope[0] < 0.02 and slope[-1] < 0.02
    assert slope[100] == pytest.approx(1.5, abs=1e-3)
