"""tools/export_model.py as a user of PaddleGAN calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ppgan_ext.networks import StyleGANv2Generator
from ppgan_ext.weights import readers

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "export_model.py"
CONFIG = """\
model:
  name: StyleGAN2Model
  generator:
    name: StyleGANv2Generator
    size: 16
    style_dim: 24
    n_mlp: 2
    channel_base: 64
    channel_cap: 12
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    (folder / "toy.yaml").write_text(CONFIG)
    generator = StyleGANv2Generator(16, 24, 2, channel_base=64, channel_cap=12)
    readers.write(folder / "w.pdparams", {"gen": {name: t.numpy() for name, t in generator.state_dict().items()}})
    return folder


def run(place, *words):
    words = [sys.executable, SCRIPT, "-c", "toy.yaml", "--load", "w.pdparams", *words]
    return subprocess.run([str(word) for word in words], cwd=place, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_paddlegans_command_line(place, tmp_path):
    words = ["-s", "1,1,24;1,1", "--output_dir", tmp_path, "--model_name", "faces", "--export_serving_model", "True"]
    done = run(place, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("exported (network gen): ")
    assert "inputs: style (1, 1, 24), truncation (1, 1)" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces.json", "faces.pdiparams"]
    assert (tmp_path / "faces.pdiparams").stat().st_size > np.prod([12, 12, 9, 4])


@pytest.mark.slow
def test_a_mistake_is_one_line(place, tmp_path):
    done = run(place, "--output_dir", tmp_path / "out", "-o", "model.generator.n_mpl=3")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert "did you mean 'n_mlp'?" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_script_is_thin_and_explains_itself_without_paddle(tmp_path):
    assert len(SCRIPT.read_text().splitlines()) <= 40
    words = [sys.executable, "-X", "importtime", str(SCRIPT), "--help"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "--inputs_size" in done.stdout
    assert "paddle" not in {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
