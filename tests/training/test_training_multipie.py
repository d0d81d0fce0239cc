"""Training on Multi-PIE: the configuration is valid, and an encoder trains on its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from ppgan_ext.data.datasets import MultiPieDataset, build_dataset
from ppgan_ext.training import schema
from ppgan_ext.training.command_line import main
from tests.reference.drawn_multipie import write_multipie
from tests.reference.toy_psp import SIZE, write_config, write_generator

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "fusion_multipie.yaml"


@pytest.fixture
def copy(tmp_path):
    write_multipie(tmp_path / "aligned", [(1, 1, 1), (200, 4, 2), (201, 1, 1)], ["05_1", "20_0"], [0], size=(40, 40))
    return tmp_path / "aligned"


def test_the_configuration_is_valid_and_separates_the_people(copy):
    roots = {f"dataset.{part}.dataroot": str(copy) for part in ("train", "test")}
    settings = schema.read_config(CONFIG, roots)
    train, test = build_dataset(settings.dataset.train), build_dataset(settings.dataset.test)
    assert isinstance(train, MultiPieDataset) and isinstance(test, MultiPieDataset)
    assert set(train.source.column("subject")) == {1, 200} and set(test.source.column("subject")) == {201}
    assert train.sample(0, np.random.default_rng(0))["A"].shape == (3, 128, 128)
    assert main(["-c", str(CONFIG), "--dry-run"]) == 0


def test_a_mistake_in_the_dataset_is_reported(copy, capsys):
    assert main(["-c", str(CONFIG), "--dry-run", "-o", "dataset.train.setting=3", "dataset.test.max_jaw=75"]) == 1
    err = capsys.readouterr().err
    assert "dataset.train.setting" in err and "did you mean 'max_yaw'" in err


@pytest.mark.slow
def test_an_encoder_trains_on_multipie(copy, tmp_path):
    path = write_config(tmp_path, copy, write_generator(tmp_path))
    content = yaml.safe_load(path.read_text())
    content["dataset"]["train"] |= {"name": "MultiPieDataset", "dataroot": str(copy), "size": SIZE}
    content["total_iters"] = 2
    path.write_text(yaml.safe_dump(content))
    assert main(["-c", str(path), "--no-cuda"]) == 0
    assert list((tmp_path / "out").glob("*/iter_2_weight.pdparams"))
