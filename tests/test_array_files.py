"""Headers of arrays are checked before memory is allocated."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from ppgan_ext.array_files import NotNumbersError, read_array
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import InputError
from ppgan_ext.untrusted import Budget, BudgetError


def stream_of(array):
    np.save(stream := io.BytesIO(), array, allow_pickle=True)
    return io.BytesIO(stream.getvalue()), len(stream.getvalue())


@pytest.mark.parametrize(
    "array",
    [np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3)), np.float16(2), np.zeros((0, 3)),
     np.array(["a", "bc"]), np.arange(3, dtype=">i4"), np.array([True, False])],
)  # fmt: skip
def test_arrays_are_read_as_numpy_reads_them(array):
    read = read_array(*stream_of(array), Budget(1000))
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype and read.flags.writeable


def test_what_is_not_read():
    for array in (np.array([{}]), np.zeros(2, "f4,i4"), np.zeros(2, "M8[s]")):
        with pytest.raises(NotNumbersError):
            read_array(*stream_of(array), Budget(1000))
    with pytest.raises(BudgetError):
        read_array(*stream_of(np.zeros(1000)), Budget(1000))
    stream, length = stream_of(np.zeros(10))
    with pytest.raises(ValueError, match="an array of 80 bytes in a file of 150"):
        read_array(stream, 150, Budget(1000))
    assert length > 150


def test_a_compressed_pack_that_states_more_than_it_has(tmp_path):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (400000, 100, 100, 3), }\n"
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", member)
    with pytest.raises(InputError, match=r"'images' cannot be read .an array of 12,000,000,000 bytes"):
        open_source(path)


def test_an_encrypted_pack(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, images=np.zeros((2, 4, 4, 3), np.uint8))
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(signature) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"'images' cannot be read .*encrypted"):
        open_source(path)
