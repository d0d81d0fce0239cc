"""tools/main.py: PaddleGAN's flags, one line per error, and runs that can be killed at any time."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import yaml

from ppgan_ext.training import checkpoint, log
from ppgan_ext.training.command_line import main
from ppgan_ext.training.plots import read_log
from ppgan_ext.weights import readers
from tests.reference import toy_gans, toy_runs
from tests.reference.toy_task import ToyOptions

ROOT = Path(__file__).resolve().parents[2]
TOY_MAIN = ROOT / "tests" / "reference" / "toy_main.py"


def start(*words, script=TOY_MAIN, **environment):
    return subprocess.Popen(
        [sys.executable, str(script), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def test_the_script_is_short_and_its_help_does_not_import_paddle(tmp_path):
    script = ROOT / "tools" / "main.py"
    assert len(script.read_text().splitlines()) <= 40
    words = [sys.executable, "-X", "importtime", str(script), "--help"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    for flag in ("-c", "-o", "--resume", "--load", "--evaluate-only", "--seed", "--amp_level", "--no-cuda", "-p"):
        assert re.search(rf"^  {flag}\b|, {flag}\b", done.stdout, re.MULTILINE), flag
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "ppgan_ext.training.command_line" in imported
    assert not imported & {"paddle", "cv2"}


def test_a_dry_run_prints_the_complete_configuration_and_stops(config, tmp_path, capsys):
    words = ["-c", str(config), "--dry-run", "--seed", "7", "--amp", "--amp_level", "O2", "--val-interval", "9"]
    assert main([*words, "-o", "model.width=5", "lr_scheduler.milestones.0=8", "--source_path", "x"]) == 0
    out = capsys.readouterr().out
    settings = yaml.safe_load(out.partition("\nnote:")[0])
    assert (settings["seed"], settings["amp"], settings["validate"]["interval"]) == (7, "O2", 9)
    assert (settings["model"]["width"], settings["lr_scheduler"]["milestones"]) == (5, [8])
    assert settings["optimizer"]["optimG"]["beta2"] == 0.999  # defaults too
    assert "note: --source_path belongs to models that this command does not train" in out
    assert not (tmp_path / "out").exists()
    assert main(["-c", str(config), "--dry-run", "--seed", "0", "-o", "seed=3"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["seed"] == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-c", "{config}", "-o", "model.width=5=6"], "-o: 'model.width=5=6' has 2 '='. Write it as -o a.b=value."),
        (["-c", "{config}", "-o", "model.width"], "-o: 'model.width' has 0 '='."),
        (
            ["-c", "{config}", "-o", "model.wdth=5"],
            "1 mistake in the options: model.wdth: unknown key; did you mean 'width'?",
        ),
        (["-c", "{config}", "-o", "a.b=__import__('os')"], "a: unknown key"),
        (["-c", "nowhere.yaml"], "nowhere.yaml: no such file."),
        ([], "-c: no configuration is given. Name a file,"),
        (["-c", "{config}", "--seeed", "3"], "main.py: unrecognized arguments: --seeed 3"),
        (["-c", "{config}", "--amp_level", "O3"], "invalid choice: 'O3'"),
        (["-c", "{config}", "--resume", "a", "--load", "b"], "main.py: --resume and --load exclude each other."),
        (["-c", "{config}", "--resume", "nowhere.pdparams"], "nowhere.pdparams: no such file."),
        (["-c", "{config}", "-p", "batch_rang=[1,2]"], "-p: unknown option 'batch_rang'. Did you mean 'batch_range'?"),
        (["-c", "{config}", "-p", "batch_range=[3,2]"], "-p: batch_range is [3, 2]."),
        (["-c", "{config}", "--seed", "-4"], "seed: input should be greater than or equal to 0"),
        (["-c", "{config}", "-o", "enable_visualdl=true"], "enable_visualdl: VisualDL is not installed."),
    ],
)
def test_an_error_is_one_line_and_code_1(config, capsys, monkeypatch, words, message):
    monkeypatch.setitem(sys.modules, "visualdl", None)
    assert main([word.format(config=config) for word in words] + ["--no-cuda"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not list(config.parent.glob("out/*/*_checkpoint.pdparams"))


def test_a_runs_own_configuration_serves_to_resume_and_to_measure(config, faces, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = config.read_text().replace(str(faces), "data/faces")  # there is no such folder
    config.write_text(text)
    own_data = [f"dataset.train.dataroot={faces}", "validate.metrics.any.name=PSNR"]
    assert main(["-c", str(config), "--no-cuda", "-o", "total_iters=2", *own_data]) == 0
    folder = toy_runs.only(tmp_path, "iter_2_weight.pdparams").parent
    capsys.readouterr()

    assert main(["--resume", str(folder), "--no-cuda", "-o", "total_iters=3"]) == 0
    assert "note: dataset" not in capsys.readouterr().out
    words = ["-c", str(config), "--resume", str(folder), "--no-cuda", "-o", "validate.metrics.any.name=PSNR"]
    assert main(words) == 0  # the data of the run, not of the file
    assert (folder / "iter_4_weight.pdparams").is_file()
    own = folder / "config_from_iter_2.yaml"
    note = f"note: dataset.train.dataroot is {faces}, from {own}: the path in {config} does not exist"
    assert capsys.readouterr().out.count(note) == 1

    weights = folder / "iter_4_weight.pdparams"
    for words in (["--load", str(weights)], ["--load", f"gen={weights}", "--dry-run"]):
        assert main(["--evaluate-only", "--no-cuda", *words]) == 0
    metrics = toy_runs.only(tmp_path, "metrics.json")
    assert metrics.parent.name.startswith("toy-")  # the name of the run, not of config.yaml
    assert json.loads(metrics.read_text()).keys() == {"psnr"}


def test_settings_changed_by_a_resume_hold_for_what_comes_later(config, tmp_path, capsys):
    def settings(*words):
        assert main([*map(str, words), "--dry-run"]) == 0
        return yaml.safe_load(capsys.readouterr().out.partition("\nnote:")[0])

    def resume(*words):
        assert main(["--resume", *map(str, words)]) == 0
        capsys.readouterr()

    metric = "validate.metrics.any.name=PSNR"
    assert main(["-c", str(config), "-o", "total_iters=2", "keep_checkpoints=9"]) == 0
    folder = toy_runs.only(tmp_path, "iter_2_weight.pdparams").parent
    resume(folder, "-o", "total_iters=4", metric)
    (folder / "iter_4_checkpoint.pdparams").unlink()  # as if the run had been killed
    (folder / "iter_4_weight.pdparams").unlink()
    resume(folder)
    assert (folder / "iter_4_checkpoint.pdparams").is_file()
    assert settings("--resume", folder)["total_iters"] == 4
    renamed = (folder / "iter_4_weight.pdparams").rename(folder / "best.pdparams")  # its content tells the iteration
    assert "any" in settings("--evaluate-only", "--load", renamed)["validate"]["metrics"]
    assert settings("--evaluate-only", "--load", f"gen={renamed}")["total_iters"] == 4
    resume(folder, "-o", "total_iters=6")
    found = {n: settings("--resume", folder / f"iter_{n}_checkpoint.pdparams")["total_iters"] for n in (2, 4, 6)}
    assert found == {2: 4, 4: 6, 6: 6}
    assert settings("--evaluate-only", "--load", folder / "iter_2_weight.pdparams")["total_iters"] == 4
    first = folder / "iter_2_checkpoint.pdparams"  # trained again from there, with the settings of the beginning
    resume(first, "-c", folder / "config.yaml", "-o", "total_iters=3")
    assert not (folder / "config_from_iter_4.yaml").exists()
    assert settings("--resume", folder / "iter_3_checkpoint.pdparams")["total_iters"] == 3


def test_what_is_asked_for_wins_over_a_runs_own_data(config, faces, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text(config.read_text())
    words = ["-c", str(config), "--resume", str(tmp_path / "run"), "--dry-run"]
    elsewhere = ["-o", "dataset.train.dataroot=nowhere"]
    assert main([*words, *elsewhere]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["dataset"]["train"]["dataroot"] == "nowhere"
    assert main(["-c", str(config), "--load", str(tmp_path / "run" / "w.pdparams"), "--dry-run", *elsewhere]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["dataset"]["train"]["dataroot"] == "nowhere"


def test_weights_without_a_configuration_beside_them_ask_for_one(tmp_path, capsys):
    readers.write(tmp_path / "w.pdparams", {"a": np.zeros(1, np.float32)})
    assert main(["--evaluate-only", "--load", str(tmp_path / "w.pdparams")]) == 1
    error = capsys.readouterr().err
    assert "no configuration is given, and its run has none" in error
    assert "Name one with -c" in error


@pytest.mark.parametrize("words", [["--resume"], ["--evaluate-only", "--load"]])
def test_a_path_that_leads_nowhere_or_is_damaged_is_told_before_the_missing_configuration(words, tmp_path, capsys):
    file = tmp_path / "iter_5_checkpoint.pdparams"
    assert main([*words, str(file)]) == 1
    expected = f"error: {file}: no such file or folder. Check the path of {words[-1]}."
    assert capsys.readouterr().err.strip() == expected
    file.write_text("none")
    for path in [file, *[tmp_path][: words == ["--resume"]]]:
        assert main([*words, str(path)]) == 1
        assert capsys.readouterr().err.startswith(f"error: {file}: is a text file, not a weight file.")
    if words == ["--resume"]:
        file.unlink()
        assert main([*words, str(tmp_path)]) == 1
        assert "contains no checkpoint" in capsys.readouterr().err


def test_the_command_trains_and_evaluates(config, tmp_path, capsys):
    metrics = ["validate.metrics.any.name=PSNR", "model.factor=0.5"]
    assert main(["-c", str(config), "--no-cuda", "-o", *metrics]) == 0
    folder = toy_runs.only(tmp_path, "iter_4_weight.pdparams").parent
    out = capsys.readouterr().out
    assert "iter 4/4" in out
    assert f"done: {folder}" in out
    saved = yaml.safe_load((folder / "config.yaml").read_text())
    assert saved["model"] == ToyOptions(name="ToyModel", factor=0.5).model_dump()
    assert list(saved["model"])[:2] == ["name", "width"]
    words = ["-c", str(folder / "config.yaml"), "--no-cuda", "--evaluate-only"]
    assert main([*words, "--load", str(folder / "iter_4_weight.pdparams")]) == 0
    out = capsys.readouterr().out
    written = json.loads(toy_runs.only(tmp_path, "metrics.json").read_text())
    assert written.keys() == {"psnr"}
    assert json.loads(out[out.rindex("{") :]) == written
    assert "weights loaded from" in out
    assert main([*words, "--resume", str(folder)]) == 0  # a finished run can be measured
    assert main(["--resume", str(folder), "--no-cuda", "-o", "total_iters=5"]) == 0  # with its own configuration
    assert (folder / "iter_5_checkpoint.pdparams").is_file()


@pytest.mark.parametrize("total", [1, 3])
def test_ctrl_c_while_saving_names_what_is_left(config, capsys, monkeypatch, total):
    write = checkpoint.write_checkpoint

    def interrupted(path, task, iteration, shards):
        write(path, task, iteration, shards)
        if iteration == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(checkpoint, "write_checkpoint", interrupted)
    words = ["-c", str(config), "-o", f"total_iters={total}", "snapshot_config.interval=1"]
    assert main(words) == 130
    out = capsys.readouterr().out
    assert ("continue with --resume" in out) == (total == 3)
    assert ("stopped after the last iteration, 1, which has been saved: " in out) == (total == 1)


def test_figures_of_a_runs_weights_are_written_beside_them(config, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["-c", str(config), "-o", "validate.metrics.any.name=PSNR", "model.factor=0.5"]) == 0
    folder = toy_runs.only(tmp_path, "iter_4_weight.pdparams").parent
    half_written = folder / ".part-of-a-run-that-is-training"
    half_written.touch()
    lines = (folder / "log.jsonl").read_text()
    before = {path.name for path in folder.iterdir()}
    capsys.readouterr()

    assert main(["--evaluate-only", "--load", str(folder / "iter_2_weight.pdparams"), "-o", "seed=3"]) == 0
    out = capsys.readouterr().out
    figures = json.loads((folder / "metrics.json").read_text())
    assert {path.name for path in folder.iterdir()} == before | {"metrics.json"}
    assert f"iter 2  psnr {figures['psnr']:.4f}\n" in out
    assert f"written: {folder / 'metrics.json'}\n" in out
    assert (folder / "log.jsonl").read_text() == lines + json.dumps({"iteration": 2, "metrics": figures}) + "\n"
    assert read_log(folder)["psnr"] == ([2], [figures["psnr"]])

    capsys.readouterr()
    foreign = tmp_path / "elsewhere.pdparams"
    tree = readers.read(folder / "iter_2_weight.pdparams")
    readers.write(foreign, {name: net for name, net in tree.items() if name != "ppgan_ext"})
    for words in (["--load", str(foreign)], ["--load", str(folder / "iter_4_weight.pdparams"), "-o", "output_dir=new"]):
        assert main(["-c", str(folder / "config.yaml"), "--evaluate-only", *words]) == 0
        out = capsys.readouterr().out
        (written,) = re.findall(r"^written: (.*)$", out, re.MULTILINE)
        assert (tmp_path / written).parent != folder
        assert (tmp_path / written).is_file()
        assert ("iter 4  psnr" in out) == ("output_dir=new" in words)
        assert "iter 0" not in out


def test_without_metrics_the_sheets_of_the_test_set_are_written(config, tmp_path, capsys):
    assert main(["-c", str(config), "--no-cuda", "--evaluate-only"]) == 0
    out = capsys.readouterr().out
    folder = toy_runs.only(tmp_path, "log.txt").parent
    pictures = list((folder / "visual_test").iterdir())
    assert pictures and not (folder / "metrics.json").exists()
    assert "note: nothing is measured, since validate.metrics is empty" in out
    assert out.endswith(f"written: {len(pictures)} pictures in {folder / 'visual_test'}\n")


def test_without_metrics_every_test_image_is_translated(tmp_path, capsys, monkeypatch):
    config = toy_gans.write_cyclegan(tmp_path)
    (tmp_path / "a" / "01.png").write_bytes(b"no picture")
    (tmp_path / "b" / "more").mkdir()
    (tmp_path / "b" / "00.png").rename(tmp_path / "b" / "more" / "01.png")
    words = ["-c", str(config), "--no-cuda", "--evaluate-only"]
    assert main(words) == 0
    out = capsys.readouterr().out
    folder = toy_runs.only(tmp_path, "log.txt").parent / "visual_test"
    names = ["a2b_00", "a2b_02", "a2b_03", "a2b_04", "b2a_01", "b2a_01-2", "b2a_02"]
    assert sorted(path.stem for path in folder.iterdir()) == names
    assert out.count(f"left out: {tmp_path / 'a' / '01.png'}: ") == 1
    assert f"written: 7 pictures in {folder}; 1 test image left out\n" in out
    assert np.asarray(PIL.Image.open(folder / "a2b_00.png")).shape == (16, 16, 3)

    write, written = log.Log.write_pictures, []

    def interrupted(self, iteration, pictures, *arguments, **settings):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.extend(pictures)
        write(self, iteration, pictures, *arguments, **settings)

    monkeypatch.setattr(log.Log, "write_pictures", interrupted)
    assert main([*words, "-o", f"output_dir={tmp_path / 'second'}"]) == 130
    printed = capsys.readouterr()
    assert len(list((tmp_path / "second").glob("*/visual_test/*.png"))) == 2
    assert "written: 2 pictures in" in printed.out
    assert printed.err == "error: interrupted; what was written is complete\n"


def test_a_profile_is_written(config, tmp_path):
    assert main(["-c", str(config), "--no-cuda", "-p", "batch_range=[1,3]; profile_path=trace"]) == 0
    assert list(tmp_path.rglob("trace/*.json"))


@pytest.mark.slow
def test_ctrl_c_ends_with_130_a_checkpoint_and_how_to_continue(config, tmp_path):
    words = [
        "-c",
        config,
        "--no-cuda",
        "-o",
        "total_iters=100000",
        "log_config.interval=20",
        "snapshot_config.interval=90000",
    ]
    process = start(*words)
    for line in process.stdout:
        if line.startswith("iter "):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    saved = toy_runs.only(tmp_path, "iter_*_checkpoint.pdparams")
    assert f"continue with --resume {os.path.relpath(saved)}" in out
    assert err == "error: interrupted; the checkpoint of a started run has been saved\n"


@pytest.mark.slow
def test_a_run_that_is_killed_repeatedly_ends_with_the_bytes_of_an_uninterrupted_one(config, tmp_path, faces):
    (tmp_path / "uninterrupted").mkdir()
    overrides = {"total_iters": 30, "snapshot_config.interval": 3}
    whole = toy_runs.train(toy_runs.write_config(tmp_path / "uninterrupted", faces), overrides)
    words = ["-c", config, "--no-cuda", "-o", *(f"{key}={value}" for key, value in overrides.items())]
    process = start(*words, TOY_SLOW_WRITING="0.15")
    kill_while_writing(process, tmp_path / "out")
    (last,) = tmp_path.glob("out/toy-*")
    for kill in (kill_while_writing, kill_after_a_while):
        process = start(*words[:3], "--resume", last, *words[3:], TOY_SLOW_WRITING="0.15")
        kill(process, last)
    process = start(*words[:3], "--resume", last, *words[3:])
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    final = toy_runs.only(tmp_path / "out", "iter_30_checkpoint.pdparams")
    assert toy_runs.content(final) == toy_runs.content(whole.folder / "iter_30_checkpoint.pdparams")
    assert not list(final.parent.glob(".part-*"))
    lines = [json.loads(line)["iteration"] for line in (final.parent / "log.jsonl").read_text().splitlines()]
    assert lines == list(range(1, 31))


def kill_while_writing(process, folder):
    """Kill a run when it has written a checkpoint and half of the next one."""
    earlier = set(folder.rglob("*_checkpoint.pdparams"))
    for _ in range(3000):
        time.sleep(0.01)
        assert process.poll() is None, process.communicate()
        if set(folder.rglob("*_checkpoint.pdparams")) - earlier and list(folder.rglob(".part-*")):
            process.kill()
            process.communicate()
            return
    raise AssertionError("the run has not written a checkpoint")


def kill_after_a_while(process, _):
    """Kill a run at an arbitrary moment."""
    for line in process.stdout:
        if line.startswith("iter "):
            break
    time.sleep(0.3)
    process.kill()
    process.communicate()
