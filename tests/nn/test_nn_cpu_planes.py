"""Tensors as NumPy arrays, and the distribution of planes among threads."""

import numpy as np
import paddle
import pytest

from ppgan_ext.nn import cpu_planes


def test_an_error_in_a_thread_is_raised(monkeypatch):
    monkeypatch.setattr(cpu_planes.runtime, "num_threads", lambda: 2)

    def work(index):
        if index == 3:
            raise ValueError("plane 3")

    with pytest.raises(ValueError, match="plane 3"):
        cpu_planes.for_each_plane(5, 1 << 20, work)


@pytest.mark.parametrize("num_planes", [0, 1, 7])
def test_every_plane_is_processed_once(monkeypatch, num_planes):
    monkeypatch.setattr(cpu_planes.runtime, "num_threads", lambda: 3)
    seen = []
    cpu_planes.for_each_plane(num_planes, 1 << 20, seen.append)
    assert sorted(seen) == list(range(num_planes))


def test_a_result_without_a_view_is_copied(monkeypatch):
    """NumPy 1's views of other libraries' memory are read-only."""
    monkeypatch.setattr(cpu_planes, "view", lambda tensor: tensor.numpy())
    result = cpu_planes.Result([2, 3], paddle.zeros([1], "float64"))
    result.array[:] = np.arange(6.0).reshape(2, 3)
    assert result.tensor().dtype == paddle.float64
    np.testing.assert_array_equal(result.tensor().numpy(), np.arange(6.0).reshape(2, 3))


def test_tensors_unsupported_by_numpy_are_left_to_paddle():
    single, double = paddle.zeros([1]), paddle.zeros([1], "float64")
    assert cpu_planes.runs_on_cpu(single, single) and cpu_planes.runs_on_cpu(double)
    assert not cpu_planes.runs_on_cpu(single, double)
    assert not cpu_planes.runs_on_cpu(paddle.zeros([1], "float16"))
