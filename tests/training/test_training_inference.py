"""`tools/inference.py` on configurations and checkpoints of toy size."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps import TranslationPredictor
from ppgan_ext.training.command_line import main as train
from ppgan_ext.training.inference import main
from ppgan_ext.weights import readers
from ppgan_ext.weights.translators import load_translator
from tests.reference import toy_gans
from tests.reference.toy_translators import state_of

RESNET = {"name": "ResnetGenerator", "input_nc": 3, "output_nc": 3, "ngf": 2, "n_blocks": 1}
UNET = {"name": "UnetGenerator", "input_nc": 3, "output_nc": 3, "num_downs": 5, "ngf": 2}


def pictures(folder):
    return [np.asarray(PIL.Image.open(folder / f"{index}.png")) for index in range(len(list(folder.glob("*.png"))))]


@pytest.fixture
def cyclegan(tmp_path):
    forward = state_of(RESNET)
    readers.write(tmp_path / "w.pdparams", {"netG_A": forward, "netG_B": {n: a * 0.5 for n, a in forward.items()}})
    return toy_gans.write_cyclegan(tmp_path), tmp_path / "w.pdparams"


def infer(family, config, weights, folder, *words):
    command = [
        "--model_type",
        family,
        "--model_path",
        weights,
        "-c",
        config,
        "--output_path",
        folder,
        "--device",
        "cpu",
    ]
    return main([str(word) for word in [*command, *words]])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "--model_type, --model_path and -c/--config-file are missing"),
        (["--model_type", "pix2pix", "--model_path", "w"], "-c/--config-file is missing"),
        (["--model_type", "gan"], "argument --model_type: invalid choice: 'gan'"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(words, told, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 1
    assert line.startswith("error: ") and told in line and line.endswith("--help.")


def test_both_directions_of_cyclegan(cyclegan, tmp_path, capsys):
    config, weights = cyclegan
    assert infer("cyclegan", config, weights, tmp_path / "one") == 0
    assert "5 images" in capsys.readouterr().out
    assert infer("cyclegan", config, weights, tmp_path / "two", "--direction", "b2a", "--seed", "3") == 0
    forward, backward = (pictures(tmp_path / name / "cyclegan") for name in ("one", "two"))
    assert len(forward) == 5 and all(picture.shape == (16, 16, 3) for picture in forward + backward)
    assert (forward[0] != backward[0]).any()


def test_pix2pix_takes_the_direction_of_its_configuration(tmp_path):
    readers.write(tmp_path / "netG.pdparams", state_of(UNET))
    config = toy_gans.write_pix2pix(tmp_path, "b2a")
    assert infer("pix2pix", config, tmp_path / "netG.pdparams", tmp_path / "out") == 0
    assert len(pictures(tmp_path / "out" / "pix2pix")) == 5


@pytest.mark.parametrize(
    ("family", "words", "message"),
    [
        ("pix2pix", (), "is a CycleGANModel, not a pix2pix model"),
        ("cyclegan", ("-o", "dataset.train.preprocess.2.pipeline.0.size=18"), "cannot take images of 18x18"),
    ],
)
def test_mistakes_are_one_line(cyclegan, tmp_path, capsys, family, words, message):
    config, weights = cyclegan
    assert infer(family, config, weights, tmp_path / "out", *words) == 1
    printed = capsys.readouterr().err
    assert message in printed and printed.count("\n") == 1


def test_paddlegans_flags_of_programs_have_no_effect(cyclegan, tmp_path):
    config, weights = cyclegan
    shapes = ["--trt_min_shape", "1", "--trt_max_shape", "1280", "--trt_opt_shape", "640", "--min_subgraph_size", "3"]
    words = ["--batch_size", "4", "--run_mode", "fluid", "--use_dynamic_shape", "False", "--trt_calib_mode", "False"]
    assert infer("cyclegan", config, weights, tmp_path / "out", *words, *shapes) == 0
    assert len(pictures(tmp_path / "out" / "cyclegan")) == 5


def test_another_device_is_one_line(cyclegan, tmp_path, capsys):
    words = ["--model_type", "cyclegan", "--model_path", "w", "-c", "c.yaml", "--device", "xpu"]
    assert main(words) == 1
    assert capsys.readouterr().err == "error: --device: 'xpu' is not supported. Choose cpu or gpu.\n"


def test_an_exported_program_is_named(cyclegan, tmp_path, capsys):
    (tmp_path / "program.pdiparams").write_bytes(b"x")
    assert infer("cyclegan", cyclegan[0], tmp_path / "program", tmp_path / "out") == 1
    assert "is an exported program. Give its weights" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["weight", "checkpoint"])
def test_what_training_writes_is_translated(tmp_path, kind):
    """Both files tell the network's options and its direction."""
    config = toy_gans.write_ugatit(tmp_path, light=True, norm_type="batch")
    assert train(["-c", str(config), "--no-cuda", "-o", "total_iters=1", "snapshot_config.interval=1"]) == 0
    (file,) = tmp_path.glob(f"out/*/iter_1_{kind}.pdparams")
    translator = load_translator(file, "b2a")
    assert (translator.net_name, translator.direction) == ("genB2A", "b2a")
    assert translator.options.norm_type == "batch" and translator.options.light
    photo = np.random.default_rng(0).integers(0, 256, (31, 45, 3), dtype=np.uint8)
    result = TranslationPredictor(file, None, direction="b2a").run(photo)
    assert result.dst.shape == photo.shape
