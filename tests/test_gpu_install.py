"""The pip line for a GPU follows from its driver and its generation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ppgan_ext import gpu_install
from ppgan_ext.gpu_install import Gpu, cuda_for, newest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("550.54.14, 8.6\n", Gpu((550, 54, 14), 8.6)),
        ("575.51.03, 7.0\n575.51.03, 12.0\n", Gpu((575, 51, 3), 12.0)),
        ("452.39, [N/A]\n", Gpu((452, 39))),
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", None),
        ("", None),
    ],
)
def test_answers_of_nvidia_smi(answer, expected):
    assert newest(answer) == expected


@pytest.mark.parametrize(
    ("driver", "capability", "system", "machine", "cuda"),
    [
        ("580.65.6", 8.6, "Linux", "x86_64", "cu126"),
        ("550.54.14", 9.0, "Linux", "x86_64", "cu126"),
        ("550.54.13", 9.0, "Linux", "x86_64", "cu118"),
        ("450.80.2", 7.0, "Linux", "x86_64", "cu118"),
        ("450.80.1", 7.0, "Linux", "x86_64", None),
        ("452.39", 0.0, "Windows", "AMD64", "cu118"),
        ("450.80.2", 0.0, "Windows", "AMD64", None),
        ("580.65.6", 12.0, "Linux", "x86_64", "cu129"),
        ("550.54.14", 10.0, "Linux", "x86_64", None),
        ("580.65.6", 9.0, "Linux", "aarch64", None),
    ],
)
def test_choice_of_the_cuda_version(driver, capability, system, machine, cuda):
    assert cuda_for(Gpu(tuple(map(int, driver.split("."))), capability), system, machine) == cuda


def test_the_line_is_complete(monkeypatch, capsys):
    monkeypatch.setattr(gpu_install, "find_gpu", lambda: Gpu((560, 35, 3), 8.9))
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert gpu_install.main() == 0
    words = capsys.readouterr().out.split()
    assert words == [
        "paddlepaddle-gpu>=3.0,<4",
        "--index-url",
        "https://www.paddlepaddle.org.cn/packages/stable/cu126/",
    ]
    assert gpu_install.advice() == f"pip uninstall --yes paddlepaddle && pip install '{words[0]}' {words[1]} {words[2]}"


def test_without_a_gpu_or_with_an_old_driver(monkeypatch, capsys):
    monkeypatch.setattr(gpu_install, "find_gpu", lambda: None)
    assert gpu_install.main() == 1
    assert "no NVIDIA driver answers" in capsys.readouterr().err
    monkeypatch.setattr(gpu_install, "find_gpu", lambda: Gpu((390, 10), 6.1))
    assert gpu_install.main() == 1
    assert "has no package for driver 390.10" in capsys.readouterr().err


def test_a_driver_that_does_not_answer(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_install.find_gpu() is None
    program.write_text("#!/bin/sh\necho '550.54.14, 8.6'\n")
    assert gpu_install.find_gpu() == Gpu((550, 54, 14), 8.6)
    program.write_text("no program")
    assert gpu_install.find_gpu() is None


@pytest.mark.parametrize("name", ["README.md", "README_cn.md"])
def test_the_pages_name_the_indices_that_are_chosen_from(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "python -m ppgan_ext.gpu_install" in text
    assert set(re.findall(r"stable/(cu\d+)/", text)) == set(gpu_install.DRIVERS)
    assert "[gpu]" not in text
