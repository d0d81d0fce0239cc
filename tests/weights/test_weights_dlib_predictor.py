import numpy as np
import pytest

from ppgan_ext.errors import WeightsError
from ppgan_ext.weights import readers
from tests.reference import dlib_files


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1, 2), (2, 3, 3, 4, 6), (3, 2, 15, 68, 40)])
def test_a_predictor_is_read_back(tmp_path, sizes):
    arrays = dlib_files.toy_predictor(*sizes, seed=sum(sizes))
    path = tmp_path / "predictor.dat"
    path.write_bytes(dlib_files.predictor(arrays))
    assert readers.identify(path) == "dlib-predictor"
    read = readers.read(path)
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        assert np.array_equal(read[name], array), name


def test_what_is_cut_or_changed_is_refused(tmp_path):
    whole = dlib_files.predictor(dlib_files.toy_predictor())
    path = tmp_path / "predictor.dat"
    cuts = [whole[:length] for length in range(12, len(whole), 37)]
    for data in [*cuts, whole + b"\x01\x01", whole[:-2] + b"\x71" + whole[-1:]]:
        path.write_bytes(data)
        with pytest.raises(WeightsError, match=r"predictor\.dat"):
            readers.read(path)


def test_arrays_are_mapped_as_they_were_written(tmp_path):
    arrays = dlib_files.toy_predictor()
    path = tmp_path / "trees.safetensors"
    readers.write(path, arrays)
    mapped = readers.map_arrays(path)
    assert mapped.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(mapped[name], array) and mapped[name].dtype == array.dtype
        with pytest.raises(ValueError, match="read-only"):
            mapped[name][:] = 0
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(WeightsError, match=r"trees\.safetensors"):
        readers.map_arrays(path)
    readers.write(path, {"a": np.zeros(3, np.int64)})
    with pytest.raises(WeightsError):
        readers.map_arrays(path)
