"""Two processes train like one process on the same images, and fail with one message."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ppgan_ext.training.command_line import main
from tests.reference import toy_runs
from tests.reference.toy_families import STYLEGAN2
from tests.reference.two_processes import TOY_MAINS, two_processes

ROOT = Path(__file__).resolve().parents[2]


def errors_in(text):
    return [line for line in text.splitlines() if line.startswith("error: ")]


@pytest.mark.slow
def test_two_gloo_processes_give_the_bytes_of_one_on_the_same_images(tmp_path, faces):
    """StyleGAN2 at 16 px with penalties and augmentation, started by Paddle's launcher as in the documentation."""
    two, one = tmp_path / "two", tmp_path / "one"
    content = toy_runs.CONFIG | STYLEGAN2
    path = toy_runs.write_yaml(tmp_path / "small.yaml", faces, content, output_dir=str(two))
    launch = ["-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--backend", "gloo", "--log_dir", "logs"]
    words = [sys.executable, *launch, str(ROOT / "tools" / "main.py"), "-c", str(path), "--no-cuda"]
    # The same number of threads everywhere, because another number adds in another order.
    assert os.environ.get("OMP_NUM_THREADS") == "1", "start the tests with OMP_NUM_THREADS=1"
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    toy_runs.train(path, {"accumulate": 2, "output_dir": str(one)})
    ours = toy_runs.content(toy_runs.only(one, "iter_4_checkpoint.pdparams"))
    theirs = toy_runs.content(toy_runs.only(two, "iter_4_checkpoint.pdparams"))
    assert [key for key in ours if ours[key] != theirs[key]] == []
    assert {"extra.path_mean", "extra.ada_p", "gen_ema.conv1.conv.weight"} <= theirs.keys()
    # Only one process has written.
    assert [path.name for path in two.iterdir()] == [toy_runs.only(two, "config.yaml").parent.name]


@pytest.mark.slow
def test_an_error_of_both_is_reported_once_and_a_failure_in_one_ends_both(faces, tmp_path):
    """One after another in the same processes: an error before training, then one within it."""
    out = {"output_dir": str(tmp_path / "out")}
    both = toy_runs.write_yaml(
        tmp_path / "both.yaml", Path("nowhere"), toy_runs.CONFIG, output_dir=str(tmp_path / "no")
    )
    one = toy_runs.write_yaml(
        tmp_path / "one.yaml", faces, toy_runs.CONFIG, model=toy_runs.CONFIG["model"] | {"crash": 3}, **out
    )
    first, second = two_processes(both, one, script=TOY_MAINS)
    assert (first[0], second[0]) == (1, 1)
    assert errors_in(first[2]) == [
        "error: dataset.train.dataroot: nowhere: no such file or folder. Check this path, or set another with -o.",
        "error: process 1: the toy is broken",
    ]
    assert not [line for line in errors_in(second[2]) if "nowhere" in line]
    assert not (tmp_path / "no").exists()
    assert toy_runs.only(tmp_path / "out", "iter_2_checkpoint.pdparams")
    assert "error: process 1: the toy is broken" in toy_runs.only(tmp_path / "out", "log.txt").read_text()


@pytest.mark.parametrize("fault", ["model.wdth=3", "model.poison=3"])
def test_only_the_first_process_reports_an_error_of_all(config, capsys, monkeypatch, fault):
    words = ["-c", str(config), "--no-cuda", "-o", fault]
    monkeypatch.setenv("PADDLE_TRAINER_ID", "1")
    assert main(words) == 1
    assert errors_in(capsys.readouterr().err) == []
    monkeypatch.setenv("PADDLE_TRAINER_ID", "0")
    assert main(words) == 1
    assert len(errors_in(capsys.readouterr().err)) == 1
