"""The U-Net in NumPy: its convolution, its shapes, its file."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from safetensors.numpy import save_file

from ppgan_ext.errors import WeightsError
from ppgan_ext.faces.head import unet
from ppgan_ext.faces.head.unet import run_unet


def test_convolution_agrees_with_opencv():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((3, 8, 6)).astype(np.float32)
    kernel, bias = rng.standard_normal((2, 3, 3, 3)).astype(np.float32), np.array([0.5, -1.0], np.float32)
    for stride in (1, 2):
        found = unet._convolve(values, kernel, bias, stride)
        for channel in range(2):
            sums = sum(
                cv2.filter2D(values[i], -1, kernel[channel, i], borderType=cv2.BORDER_CONSTANT) for i in range(3)
            )
            np.testing.assert_allclose(found[channel], sums[::stride, ::stride] + bias[channel], atol=1e-4)


@pytest.mark.parametrize("bytes_of_file", [None, b"", b"nothing"])
def test_damaged_model_is_one_clear_line(tmp_path, bytes_of_file):
    path = tmp_path / "hair.safetensors"
    if bytes_of_file is not None:
        path.write_bytes(bytes_of_file)
    with pytest.raises(WeightsError, match=r"the model of hair is missing or damaged.*Install the package again"):
        run_unet(path, np.zeros((2, 32, 16), np.float32))


def test_file_without_a_layer_is_one_clear_line(tmp_path):
    path = tmp_path / "person.safetensors"
    save_file({"o.b": np.zeros(1, np.float16)}, path)
    with pytest.raises(WeightsError, match="the model of person is missing or damaged"):
        run_unet(path, np.zeros((2, 32, 16), np.float32))
