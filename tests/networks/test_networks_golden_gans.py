"""The image-to-image networks compute what PyTorch's made of the same numbers, from a file, without PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import paddle
import pytest

from ppgan_ext.weights.gan_family import find_networks
from ppgan_ext.weights.load import load_into
from tests.reference.golden_gans import SIDES, golden_input, golden_numbers
from tests.reference.toy import assert_close

GOLDEN = Path(__file__).resolve().parents[1] / "goldens" / "translators.npz"


@pytest.mark.parametrize("form", ["fast", "fused"])
@pytest.mark.parametrize("name", SIDES)
def test_outputs_match_the_golden_file(name, form):
    with np.load(GOLDEN) as file:
        shapes = json.loads(str(file["shapes"]))[name]
        expected = [file[key] for key in sorted(file.files) if key.rpartition(".")[0] == name]
    (found,) = find_networks({"": {key: golden_numbers(key, shape) for key, shape in shapes.items()}})
    network, state = found.completed("golden")
    load_into(network, state, "golden")
    for layer in network.eval().sublayers():
        if hasattr(layer, "test_mode"):
            layer.test_mode = "eval"
    with paddle.no_grad():
        result = network(paddle.to_tensor(golden_input(name)), form=form)
    outputs = result if isinstance(result, tuple) else (result,)
    for actual, wanted in zip(outputs, expected, strict=True):
        assert_close(actual.numpy(), wanted, 1e-4)
