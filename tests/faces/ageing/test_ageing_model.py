import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from ppgan_ext.errors import WeightsError
from ppgan_ext.faces.ageing.frame import SIZE, mirror
from ppgan_ext.faces.ageing.model import AgeingModel, bundled_model, read_model
from ppgan_ext.weights.catalog import BUNDLED_FOLDER


def made_up(seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)

    def smooth(symmetric=True):
        half = np.abs(x - (SIZE[0] - 1) / 2) if symmetric else x
        return (np.sin(half / rng.uniform(60, 90)) * np.cos(y / rng.uniform(60, 90))).astype(np.float32)

    marks = tuple(np.stack([smooth() for _ in range(8)]) for _ in range(2))
    variations = tuple(np.stack([[smooth(False), smooth(False)] for _ in range(6)]) for _ in range(2))
    depth = tuple(np.abs(smooth()) for _ in range(2))
    angle = np.stack([smooth(False), smooth(False)], axis=2)
    return AgeingModel(rng.random((68, 2)), rng.random((68, 2)), marks, variations, angle, depth)


def test_a_model_survives_writing_and_reading(tmp_path):
    model = made_up()
    save_file({name: np.ascontiguousarray(array) for name, array in model.arrays().items()}, tmp_path / "m.safetensors")
    again = read_model(tmp_path / "m.safetensors")
    assert np.allclose(again.mean_face, model.mean_face, atol=1e-6)
    for before, after in zip(
        (*model.marks, *model.variations, *model.crease_depth, model.crease_angle),
        (*again.marks, *again.variations, *again.crease_depth, again.crease_angle),
        strict=True,
    ):
        assert before.shape == after.shape
        # 8 bits, and the smallest map is an eighth of the size
        difference = np.abs(before - after)
        assert np.percentile(difference, 99) < 0.03, difference.max()


def test_the_model_between_the_sexes_is_a_mixture():
    model = made_up()
    assert np.allclose(model.marks_of(1.0), model.marks[0])
    assert np.allclose(model.marks_of(-3.0), model.marks[1])
    assert np.allclose(model.crease_depth_of(0.25), 0.25 * model.crease_depth[0] + 0.75 * model.crease_depth[1])


def test_another_file_is_refused(tmp_path):
    save_file({"weight": np.zeros((3, 3), np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"no model of ageing.*fit_ageing"):
        read_model(tmp_path / "other.safetensors")
    arrays = made_up().arrays()
    arrays["shape"] = np.zeros((5, 2), np.float32)
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, tmp_path / "bent.safetensors")
    with pytest.raises(WeightsError, match="68 points"):
        read_model(tmp_path / "bent.safetensors")


def test_the_model_that_ships():
    model = bundled_model()
    assert np.allclose(mirror(model.mean_face, SIZE[0]), model.mean_face, atol=0.01)
    # An older face has a longer nose, and its chin is lower.
    assert model.shape[33, 1] > 0.01
    assert model.shape[8, 1] > 0.0
    # There is a fold from nose to mouth: band 3, halfway between the alae and the corners of the mouth.
    for sex in (0, 1):
        x, y = ((model.mean_face[31] + model.mean_face[48]) / 2 + (-6, 0)).round().astype(int)
        assert model.marks[sex][3, y - 12 : y + 12, x - 14 : x + 14].min() < -0.03


def test_the_card_tells_data_licence_and_limits_and_the_file_is_small():
    card = json.loads((BUNDLED_FOLDER / "ageing.json").read_text(encoding="utf-8"))
    assert card["faces"] == card["women"] + (card["faces"] - card["women"]) == len(card["ages"])
    assert card["data"] and card["licence"] and card["limits"]
    assert (BUNDLED_FOLDER / "ageing.safetensors").stat().st_size <= 3_000_000
