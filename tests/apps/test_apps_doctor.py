"""``ppgan-ext doctor`` names every fault with its cure, and nothing where there is none."""

import subprocess
import sys

import pytest

from ppgan_ext import runtime
from ppgan_ext.apps import command_line, doctor
from ppgan_ext.engine.cache import ProgramCache
from ppgan_ext.machine import Machine


def found(*, environment=(), malloc=("M_MMAP_MAX",), missed=(), vendor="GenuineIntel", flags=("avx2", "avx512f")):
    machine = Machine("Linux", "x86_64", "glibc 2.36", vendor, "a processor", frozenset(flags), 4)
    return runtime.RuntimeReport(machine, tuple(environment), tuple(malloc), False, tuple(missed), ())


AMD = {"vendor": "AuthenticAMD", "flags": ("avx2", "fma")}


@pytest.mark.parametrize(
    ("report", "environ", "expected"),
    [
        (found(environment=[("OMP_NUM_THREADS", "4")]), {"OMP_NUM_THREADS": "4"}, []),
        (found(), {"OMP_NUM_THREADS": "4"}, []),
        (found(), {"OMP_NUM_THREADS": "1"}, ["OMP_NUM_THREADS=1 leaves cores idle: unset it, or set it to 4"]),
        (found(), {"OMP_NUM_THREADS": "1,2"}, ["OMP_NUM_THREADS=1 leaves cores idle"]),
        (found(malloc=()), {}, ["malloc is not tuned"]),
        (found(malloc=(), missed=["OMP_NUM_THREADS=4"]), {}, ["import ppgan_ext first, or set OMP_NUM_THREADS=4"]),
        (found(**AMD), {}, ["set MKL_DEBUG_CPU_TYPE=5"]),
        (found(**AMD), {"MKL_DEBUG_CPU_TYPE": "4"}, ["set MKL_DEBUG_CPU_TYPE=5"]),
        (found(**AMD), {"MKL_DEBUG_CPU_TYPE": "5"}, []),
        (found(**AMD, environment=[("MKL_DEBUG_CPU_TYPE", "5")]), {"MKL_DEBUG_CPU_TYPE": "5"}, []),
        (found(flags=("sse4_2",)), {}, ["no AVX2"]),
    ],
)
def test_settings_cures(report, environ, expected):
    cures = doctor.settings_cures(report, environ)
    assert len(cures) == len(expected)
    assert all(part in cure for part, cure in zip(expected, cures, strict=True))


def test_the_report_covers_everything(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path))
    ProgramCache().publish("net-0123", lambda folder: (folder / "program.json").write_bytes(b"x" * 3000))
    assert command_line.main(["doctor"]) == 0
    text = capsys.readouterr().out
    for title in ("Versions", "Processor", "Settings", "Devices", "Folders", "Models", "Compiled programs", "To do"):
        assert f"\n{title}" in f"\n{text}"
    assert str(tmp_path) in text
    assert "net-0123: 3.0 KiB, last used" in text or "net-0123: 2.9 KiB, last used" in text
    assert "ffhq-config-f: not here yet; https://" in text
    assert f"threads in use: {runtime.num_threads()}" in text
    assert max(len(line) for line in text.splitlines()) < 400


def test_a_home_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    report = doctor.doctor_report()
    assert "CANNOT be written" in report
    assert "set PPGAN_EXT_HOME to another folder" in report


def test_little_space_is_named(monkeypatch):
    usage = doctor.shutil.disk_usage("/")._replace(free=100 << 20)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage)
    assert "set PPGAN_EXT_HOME to another disk" in doctor.doctor_report()


def test_paddle_that_cannot_be_imported_is_named(monkeypatch):
    def fail():
        raise ImportError("libgomp.so.1: cannot open shared object file")

    monkeypatch.setattr(runtime, "import_paddle", fail)
    report = doctor.doctor_report()
    assert "Paddle cannot be imported" in report
    assert "libgomp.so.1" in report.partition("To do")[2]


def test_two_paddles_are_named(monkeypatch):
    monkeypatch.setattr(doctor, "_versions", lambda: {"paddlepaddle": "3.3.1", "paddlepaddle-gpu": "3.3.1"})
    assert "two Paddles are installed over each other" in doctor.doctor_report()


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (150 << 20, "150 MiB"), (5 << 40, "5120 GiB")],
)
def test_sizes(num_bytes, text):
    assert doctor._size(num_bytes) == text


def test_an_unknown_flag_stops(capsys):
    assert command_line.main(["doctor", "--fast"]) == 1
    assert "unknown flag '--fast'" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_prints_nothing_beside_its_report():
    command = [sys.executable, "-c", "from ppgan_ext.apps.command_line import main; raise SystemExit(main(['doctor']))"]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert finished.stderr == ""
    assert finished.stdout.startswith("Versions")
