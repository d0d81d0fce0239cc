"""Loading rotators from training, from plain arrays, from damaged files, and for another model."""

from __future__ import annotations

import dataclasses

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.networks import LatentRotator
from ppgan_ext.weights import readers
from ppgan_ext.weights.catalog import FileRecord
from ppgan_ext.weights.rotator import load_rotator
from tests.reference.toy import arrays, numbers
from tests.reference.toy_face_model import N_LATENT, toy_face_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return toy_face_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def rotators(model):
    """Two different rotators for this model's codes."""
    made = []
    for seed in (1, 2):
        paddle.seed(seed)
        rotator = LatentRotator(N_LATENT, 512, width=4, num_blocks=1)
        rotator.set_statistics(model.latent_avg, 0.5, numbers("axes", (2, N_LATENT, 512)))
        made.append(rotator)
    return made


def test_the_averaged_rotator_of_a_run_is_loaded(model, rotators, tmp_path):
    plain, averaged = map(arrays, rotators)
    path = tmp_path / "iter_5_weight.pdparams"
    readers.write(path, {"rotator": plain, "rotator_ema": averaged, "disc": {"weight": np.zeros(3, np.float32)}})
    loaded = arrays(load_rotator(model, path))
    assert all(np.array_equal(loaded[name], averaged[name]) for name in averaged)
    assert any(not np.array_equal(loaded[name], plain[name]) for name in plain)


def test_plain_arrays_in_half_precision_are_enough(model, rotators, tmp_path):
    state = {name: array.astype(np.float16) for name, array in arrays(rotators[0]).items()}
    path = tmp_path / "rotator.safetensors"
    readers.write(path, state)
    rotator = load_rotator(model, path)
    np.testing.assert_allclose(rotator.axes.numpy(), rotators[0].axes.numpy(), atol=2e-3)
    own = dataclasses.replace(model.record, rotator=FileRecord(path.name, bundled=True))
    assert own.rotator.name == "rotator.safetensors"


def test_files_without_a_rotator_of_this_model_are_refused(model, rotators, tmp_path):
    path = tmp_path / "file.safetensors"
    readers.write(path, {"weight": np.zeros((2, 2), np.float32)})
    with pytest.raises(WeightsError, match="contains no rotator"):
        load_rotator(model, path)
    state = arrays(rotators[0])
    readers.write(path, state | {"mean": state["mean"] + 0.5})
    with pytest.raises(WeightsError, match="another model than 'toy'"):
        load_rotator(model, path)
    readers.write(path, {name: array for name, array in state.items() if name != "write.weight"})
    with pytest.raises(WeightsError, match=r"write\.weight"):
        load_rotator(model, path)
    with pytest.raises(ConfigError, match="has no rotator of its own"):
        load_rotator(dataclasses.replace(model, record=dataclasses.replace(model.record, rotator=None)))
