"""Training configurations: PaddleGAN's layout is accepted, and all mistakes of a file are listed at once."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ppgan_ext.config import parse_overrides
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.training import schema
from ppgan_ext.training.checkpoint import flatten
from tests.reference import toy_runs
from tests.reference.toy_task import ToyOptions


def test_settings_have_the_classes_that_the_file_names(config):
    settings = schema.read_config(config)
    assert settings.name == "toy"
    assert settings.batch_size == 3
    assert type(settings.model).__mro__[1].__name__ == "ToyOptions"
    assert settings.optimizer["optimG"].beta1 == 0.0
    assert settings.lr_scheduler.rate(3) == 0.005
    assert (settings.seed, settings.accumulate, settings.validation, settings.notes) == (0, 1, None, ())


def test_written_settings_are_read_back_unchanged(config, tmp_path):
    settings = schema.read_config(config, {"validate.metrics.any.name": "PSNR", "validate.metrics.id.name": "SSIM"})
    path = tmp_path / "again.yaml"
    path.write_text(settings.to_yaml())
    assert schema.read_config(path).to_yaml() == settings.to_yaml()
    assert yaml.safe_load(settings.to_yaml())["validate"]["metrics"]["any"]["name"] == "PSNR"


def test_null_switches_a_metric_of_the_file_off(config, tmp_path):
    path = tmp_path / "measured.yaml"
    path.write_text(
        schema.read_config(config, {"validate.metrics": {"a": {"name": "PSNR"}, "b": {"name": "SSIM"}}}).to_yaml()
    )
    overrides = parse_overrides(["validate.metrics.a=null"])
    assert set(schema.read_config(path, overrides).validation.metrics) == {"b"}
    overrides = parse_overrides(["validate.metrics.a=null", "validate.metrics.b=null"])
    assert schema.read_config(path, overrides).validation.metrics == {}
    with pytest.raises(ConfigError, match=r"validate\.metrics\.c: missing"):
        schema.read_config(path, {"validate.metrics.c": None})


def test_a_missing_file_names_the_nearest_ones_of_its_folder():
    path = Path(__file__).resolve().parents[2] / "configs" / "cyclegan_cityscapes.yaml"
    with pytest.raises(
        InputError, match=r"nearest there: cyclegan_faces_128\.yaml and cyclegan_horse2zebra\.yaml; for"
    ):
        schema.read_config(path)


def test_a_key_is_led_to_the_block_that_reads_it():
    path = Path(__file__).resolve().parents[2] / "configs" / "cyclegan_horse2zebra.yaml"
    with pytest.raises(ConfigError, match=r"did you mean 'model\.gan_criterion\.gan_mode'"):
        schema.read_config(path, parse_overrides(["model.gan_mode=lsgan"]))
    with pytest.raises(ConfigError, match=r"validation: unknown key; did you mean 'validate'"):
        schema.read_config(path, parse_overrides(["validation.interval=100"]))


def test_all_mistakes_are_listed_with_line_key_and_nearest_name(tmp_path, faces):
    path = tmp_path / "wrong.yaml"
    path.write_text(
        f"""\
total_iter: 100
output_dir: out
model:
  name: ToyModel
  widht: 12
dataset:
  train:
    name: FacesDatasets
    dataroot: {faces}
    batch_size: none
lr_scheduler:
  name: MultiStepDecay
  learning_rate: fast
  milestones: [3]
optimizer:
  optimG:
    name: Adam
    net_names: [gen]
    beta3: 0.9
  optimD:
    name: Adm
    net_names: [disc]
log_config:
  interval: true
validate:
  metrics:
    fid:
      name: FDI
    psnr:
      name: PSNR
      colour: red
"""
    )
    with pytest.raises(ConfigError) as caught:
        schema.read_config(path)
    text = str(caught.value)
    expected = [
        "total_iters: missing; say how long to train, as total_iters: 20000 or as epochs: 10",
        f"{path}:1: total_iter: unknown key; did you mean 'total_iters'?",
        f"{path}:5: model.widht: unknown key; did you mean 'width'?",
        f"{path}:7: dataset.train.size: missing",
        f"{path}:8: dataset.train.name: unknown 'FacesDatasets'. Did you mean 'FacesDataset'?",
        f"{path}:10: dataset.train.batch_size: input should be a valid integer, got 'none'",
        f"{path}:13: lr_scheduler.learning_rate: input should be a valid number",
        f"{path}:19: optimizer.optimG.beta3: unknown key; did you mean 'beta2'?",
        f"{path}:21: optimizer.optimD.name: unknown 'Adm'; did you mean 'Adam'?",
        f"{path}:24: log_config.interval: expected a number, got True",
        f"{path}:28: validate.metrics.fid.name: unknown 'FDI'. Did you mean 'FID'?",
        f"{path}:31: validate.metrics.psnr.colour: unknown key;",
    ]
    positions = [text.find(part) for part in expected]
    assert -1 not in positions, text
    assert positions == sorted(positions)
    assert text.startswith(f"{len(expected)} mistakes in {path}:\n")
    assert len(text.splitlines()) == 1 + len(expected)


def test_a_block_of_which_nobody_knows_what_it_is_meant_to_be_is_told_alone(tmp_path, faces):
    path = toy_runs.write_config(tmp_path, faces, model={"name": "Quux", "widht": 3}, seed="x")
    with pytest.raises(ConfigError) as caught:
        schema.read_config(path)
    assert "2 mistakes" in str(caught.value) and "model.name: unknown 'Quux'" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epochs": 3}, "set either this or 'epochs', not both; leave one out, or set it to null with -o"),
        ({"model": {"width": 3}}, "model.name: missing"),
        ({"model": 3}, "model: expected a block of options, got 3"),
        ({"optimizer": {}}, "optimizer: dictionary should have at least 1 item"),
        ({"optimizer": {"optimG": {"net_names": ["gen"]}}}, "optimizer.optimG.name: missing"),
        ({"seed": -1}, "seed: input should be greater than or equal to 0"),
        ({"amp": "O3"}, "amp: input should be 'O1' or 'O2'"),
        ({"validate": {"interval": 0}}, "validate.interval"),
    ],
)
def test_a_mistake_is_reported(tmp_path, faces, changes, words):
    path = toy_runs.write_config(tmp_path, faces, **changes)
    with pytest.raises(ConfigError) as caught:
        schema.read_config(path)
    assert words in str(caught.value)


def test_a_missing_block_or_file_is_reported(tmp_path, config):
    content = yaml.safe_load(config.read_text())
    del content["model"], content["dataset"]["train"]
    config.write_text(yaml.safe_dump(content))
    with pytest.raises(
        ConfigError, match=r"(?s)2 mistakes.*dataset\.train: missing.*model: missing|2 mistakes.*model: mis"
    ):
        schema.read_config(config)
    with pytest.raises(InputError, match="no such file"):
        schema.read_config(tmp_path / "nowhere.yaml")


def test_misspelt_keys_are_accepted_with_one_note_each(tmp_path, faces):
    path = toy_runs.write_config(
        tmp_path, faces, log_config={"visiual_interval": 7}, validate={"save_imig": True, "interval": 3}
    )
    settings = schema.read_config(path)
    assert settings.log_config.visual_interval == 7
    assert settings.validation.save_img is True
    assert [note.split(" ")[0] for note in settings.notes] == ["'log_config.visiual_interval'", "'validate.save_imig'"]
    settings = schema.read_config(path, {"log_config.visiual_interval": 5, "validate.save_img": False})
    assert (settings.log_config.visual_interval, settings.validation.save_img) == (5, False)


def test_overrides_reach_list_items_and_new_blocks(config):
    overrides = {"lr_scheduler.milestones.0": 9, "validate.interval": 4, "dataset.train.batch_size": 5}
    settings = schema.read_config(config, overrides)
    assert settings.lr_scheduler.milestones == [9]
    assert settings.validation.interval == 4
    assert settings.batch_size == 5
    with pytest.raises(ConfigError) as caught:
        schema.read_config(config, {"optimizer.optimG.beta9": 1})
    assert "options: optimizer.optimG.beta9: unknown key; did you mean 'beta2'?" in str(caught.value)
    with pytest.raises(ConfigError, match="nothing to set"):
        schema.read_config(config, {"lr_scheduler.milestones.4": 9})


def test_one_optimizer_without_a_name_is_called_optim(tmp_path, faces):
    path = toy_runs.write_config(tmp_path, faces, optimizer={"name": "SGD", "net_names": ["gen", "disc"]})
    assert list(schema.read_config(path).optimizer) == ["optim"]
    path = toy_runs.write_config(tmp_path, faces, optimizer={"name": "SGD", "net_names": ["gen"], "beta1": 0})
    with pytest.raises(ConfigError, match=rf"{path}:\d+: optimizer.optim.beta1: unknown key"):
        schema.read_config(path)


def test_the_test_set_may_have_another_class(tmp_path, faces):
    pipeline = [{"name": "Transpose"}, {"name": "Normalize", "mean": [127.5] * 3, "std": [127.5] * 3}]
    preprocess = [
        {"name": "LoadImageFromFile", "key": "A"},
        {"name": "Transforms", "input_keys": ["A"], "pipeline": pipeline},
    ]
    dataset = {
        "train": {"name": "FacesDataset", "dataroot": str(faces), "size": 8, "exclude": 3},
        "test": {"name": "SingleDataset", "dataroot": str(faces), "preprocess": preprocess},
    }
    settings = schema.read_config(toy_runs.write_config(tmp_path, faces, dataset=dataset))
    assert settings.dataset.test.name == "SingleDataset"
    preprocess[0]["keyy"] = "A"
    with pytest.raises(ConfigError, match=r"dataset\.test\.preprocess\.0\.keyy: unknown key; did you mean 'key'"):
        schema.read_config(toy_runs.write_config(tmp_path, faces, dataset=dataset))


def test_the_family_reports_mistakes_that_involve_several_blocks(config, monkeypatch):
    problems = classmethod(lambda cls, settings: ["model.width: too narrow for the data"])
    monkeypatch.setattr(ToyOptions, "problems", problems)
    with pytest.raises(ConfigError, match=r"1 mistake in the options: model\.width: too narrow"):
        schema.read_config(config)


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).resolve().parents[2].joinpath("configs").glob("*.yaml")), ids=str
)
def test_a_configuration_of_the_project_is_valid(path):
    settings = schema.read_config(path)
    assert settings.total_iters or settings.epochs
    assert settings.dataset.train.name in settings.to_yaml()


def test_paddlegans_file_has_its_misspelt_keys():
    root = Path(__file__).resolve().parents[2]
    text = (root / "configs" / "stylegan_v2_256_ffhq.yaml").read_text()
    content = yaml.safe_load(text)
    assert content["log_config"] == {"interval": 50, "visiual_interval": 500}
    assert content["validate"]["save_imig"] is False
    assert content["optimizer"]["optimD"]["beta2"] == 0.9317647058823529
    assert content["dataset"]["train"]["preprocess"][1]["pipeline"][0] == {"name": "RandomHorizontalFlip"}


@pytest.mark.shared
def test_paddlegans_file_has_the_keys_and_values_of_the_original(shared_folder):
    text = (shared_folder / "reference" / "paddlegan-interface.md").read_text()
    lines = text.partition("### stylegan_v2_256_ffhq.yaml\n")[2].partition("\n\n")[0].splitlines()
    expected = {key: yaml.safe_load(value) for key, _, value in (line.partition("=") for line in lines)}
    root = Path(__file__).resolve().parents[2]
    content = yaml.safe_load((root / "configs" / "stylegan_v2_256_ffhq.yaml").read_text())
    values = {re.sub(r"\.(\d+)(?=\.)", r"[\1]", key): value for key, value in flatten(content).items()}
    assert len(expected) > 60
    assert values == expected


PER_OPTIMIZER = {
    "optimG": {"name": "MultiStepDecay", "learning_rate": 0.01, "milestones": [3]},
    "optimD": {"name": "NonLinearDecay", "learning_rate": 0.04, "lr_decay": 1.0},
}


def test_each_optimizer_may_have_its_own_schedule(tmp_path, faces):
    settings = schema.read_config(toy_runs.write_config(tmp_path, faces, lr_scheduler=PER_OPTIMIZER))
    assert settings.schedule_of("optimG").rate(2) == 0.01
    assert settings.schedule_of("optimD").rate(2) == pytest.approx(0.04 / 3)
    again = tmp_path / "again.yaml"
    again.write_text(settings.to_yaml())
    assert schema.read_config(again).lr_scheduler == settings.lr_scheduler


@pytest.mark.parametrize(
    ("schedules", "words"),
    [
        ({"optimG": PER_OPTIMIZER["optimG"]}, "lr_scheduler.optimD: missing"),
        (PER_OPTIMIZER | {"optimH": PER_OPTIMIZER["optimG"]}, "lr_scheduler.optimH: there is no such optimiser"),
        (PER_OPTIMIZER | {"optimD": {"name": "LinearDeacy"}}, "LinearDecay"),
        (PER_OPTIMIZER | {"optimD": {"name": "LinearDecay", "learning_rat": 1}}, "did you mean 'learning_rate'"),
    ],
)
def test_mistakes_in_schedules_of_single_optimizers_are_reported(tmp_path, faces, schedules, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        schema.read_config(toy_runs.write_config(tmp_path, faces, lr_scheduler=schedules))


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--help"], ["--dry-run", "-c", "configs/psp_ffhq_256.yaml"]])
def test_reading_a_configuration_does_not_import_paddle(words):
    root = Path(__file__).resolve().parents[2]
    block = "import sys; sys.modules['paddle'] = None; sys.argv = ['main.py', *sys.argv[1:]]; "
    code = block + "from ppgan_ext.training.command_line import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
