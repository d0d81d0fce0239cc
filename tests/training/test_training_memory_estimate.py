"""The estimate of memory: what a forward pass keeps, and what a run of its own process really takes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import paddle
import pytest
from paddle import nn

from ppgan_ext.nn.convolution import Chain, Convolution
from ppgan_ext.nn.normalization import BatchNorm, FixedInstanceNorm
from ppgan_ext.nn.spectral import SpectralConvolution
from ppgan_ext.training.shared import memory_estimate
from ppgan_ext.training.shared.memory_estimate import describe_memory, feature_bytes, weight_bytes
from tests.reference import toy_gans

# Not getrusage: a child begins with the peak of its parent.
_TRAIN = """
import sys
from pathlib import Path
from ppgan_ext.training.command_line import main
code = main(sys.argv[1:])
print(Path("/proc/self/status").read_text())
sys.exit(code)
"""
ROOT = Path(__file__).resolve().parents[2]


def test_features_are_those_that_the_backward_pass_needs():
    """Of a convolution, instance normalisation and ReLU: two of the three results; ReLU needs its own alone."""
    network = Chain(Convolution(3, 8, 3, 1, 1), FixedInstanceNorm(8), nn.ReLU())
    images = {side: paddle.zeros([1, 3, side, side]) for side in (32, 64)}
    # the first time, oneDNN's programs are prepared too
    kept = {side: min(feature_bytes(network, x, "fused") for _ in range(4)) for side, x in images.items()}
    plane = 4 * 8 * 64 * 64
    assert 2 * plane <= kept[64] < 2.1 * plane
    assert kept[64] == pytest.approx(4 * kept[32], rel=0.05)


def test_measuring_leaves_no_trace():
    network = Chain(SpectralConvolution(3, 8, 4, 2, 1), BatchNorm(8))
    before = {key: value.numpy().copy() for key, value in network.state_dict().items()}
    feature_bytes(network, paddle.ones([1, 3, 16, 16]), "fused")
    assert all((value.numpy() == before[key]).all() for key, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert network.training


def test_equal_networks_are_measured_once_and_every_pass_counts():
    networks = {name: Convolution(3, 8, 3, 1, 1) for name in "ab"}
    images = {name: paddle.zeros([1, 3, 512, 512]) for name in networks}
    feature_bytes(networks["a"], images["a"], "fused")  # prepares oneDNN's programs
    one = describe_memory({"a": networks["a"]}, images, {"a": 1}, 1, "fused")
    both = describe_memory(networks, images, {"a": 2, "b": 1}, 3, "fused")
    shown = [float(re.search(r"([\d.]+) MB for the features", text)[1]) for text in (one, both)]
    assert shown[1] == pytest.approx(9 * shown[0], rel=0.1)
    assert "3 images of 512x512" in both and "1 image of 512x512" in one


def test_a_cpu_keeps_arranged_copies_of_convolutions():
    parameters = 3 * 8 * 9 + 8
    network = Convolution(3, 8, 3)
    assert weight_bytes(network) == 16 * parameters
    assert weight_bytes(network, on_cpu=True) == 16 * parameters + 16 * (parameters - 8)


def test_what_does_not_fit_is_told_with_the_cure(monkeypatch):
    network, images = {"a": Convolution(3, 8, 3)}, {"a": paddle.zeros([1, 3, 32, 32])}
    for free, told in ((None, False), (2**40, False), (2**10, True)):
        monkeypatch.setattr(memory_estimate, "free_memory", lambda free=free: free)
        note = describe_memory(network, images, {"a": 1}, 1, "fused", "Lower the size")
        assert note.endswith(". Lower the size") == told and (". There are " in note) == told


@pytest.mark.slow
@pytest.mark.alone
def test_a_run_takes_what_was_told(tmp_path):
    """Narrow CycleGAN at 64 px in a process of its own: not 5% more than told, nor 15% less."""
    config = toy_gans.write_cyclegan(tmp_path, side=64)
    options = ["model.generator.ngf=32", "model.generator.n_blocks=6", "model.discriminator.ndf=64", "total_iters=3"]
    command = [sys.executable, "-c", _TRAIN, "-c", str(config), "--no-cuda", "-o", *options]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr[-2000:]
    told = re.search(r"memory: about ([\d.]+) MB", finished.stdout + finished.stderr)
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", finished.stdout)[1]) * 1024 / 1e6
    assert 0.95 * peak < float(told[1]) < 1.15 * peak, (told[0], peak)
