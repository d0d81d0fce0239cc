"""What all benchmarks share: timing, fresh processes, the machine's record, the report and its schema.

Every case runs in a process of its own, so that its peak memory is its own and no case warms another's caches. Times
are medians with quartiles; two arrangements are compared by the ratio of their medians of one run, since absolute
times move with the neighbours of a virtual machine.
"""

from __future__ import annotations

import datetime
import importlib
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

import ppgan_ext
from ppgan_ext import files, runtime
from ppgan_ext.argument_parser import RepeatableParser
from ppgan_ext.errors import PpganExtError

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SCHEMA_VERSION = 1
_ENVIRONMENT = ("OMP_NUM_THREADS", "MKL_DEBUG_CPU_TYPE", "PPGAN_EXT_TUNE", "GLIBC_TUNABLES", "LD_PRELOAD")
_PACKAGES = ("paddlepaddle", "paddlepaddle-gpu", "numpy", "opencv-python-headless", "dlib-bin", "pillow")
_MARK = "RESULT "


class BenchmarkError(PpganExtError):
    """A case that ended without a result."""


class Timing(BaseModel):
    """Seconds of one repeated call. ``cpu_median`` is processor time divided by threads: what an idle machine needs."""

    model_config = ConfigDict(extra="forbid")
    median: float = Field(ge=0)
    lower_quartile: float = Field(ge=0)
    upper_quartile: float = Field(ge=0)
    minimum: float = Field(ge=0)
    cpu_median: float | None = Field(ge=0)
    num_repeats: int = Field(ge=1)


class Case(BaseModel):
    """One figure. Targets are for 2 cores with AVX-512, and None where the case has none."""

    model_config = ConfigDict(extra="forbid")
    name: str
    timing: Timing
    peak_rss_mb: float | None = Field(ge=0)
    target_seconds: float | None = None
    target_rss_mb: float | None = None
    details: dict[str, float | int | str | bool | None] = {}


class Machine(BaseModel):
    """Where the figures come from."""

    model_config = ConfigDict(extra="forbid")
    cpu: str
    num_cores: int
    num_threads: int
    avx2: bool
    avx512: bool
    memory_gb: float | None
    system: str
    python: str
    packages: dict[str, str]
    environment: dict[str, str]
    tuned: list[str]
    load_average: float | None


class Report(BaseModel):
    """What a benchmark writes."""

    model_config = ConfigDict(extra="forbid")
    schema_version: int = SCHEMA_VERSION
    benchmark: str
    quick: bool
    date: str
    ppgan_ext: str
    machine: Machine
    cases: list[Case]
    ratios: dict[str, float]


def measure(function: Callable[[], object], num_repeats: int, num_warmups: int = 1) -> Timing:
    """Time a call: some unmeasured runs, then ``num_repeats`` measured ones."""
    for _ in range(num_warmups):
        function()
    walls, cpus = [], []
    for _ in range(num_repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        walls.append(time.perf_counter() - wall)
        cpus.append((time.process_time() - cpu) / runtime.num_threads())
    return summarise(walls, cpus)


def summarise(walls: Sequence[float], cpus: Sequence[float] | None = None) -> Timing:
    """Turn measured seconds into median and quartiles."""
    lower, _, upper = statistics.quantiles(walls, n=4, method="inclusive") if len(walls) > 1 else [walls[0]] * 3
    return Timing(
        median=statistics.median(walls),
        lower_quartile=lower,
        upper_quartile=upper,
        minimum=min(walls),
        cpu_median=statistics.median(cpus) if cpus else None,
        num_repeats=len(walls),
    )


def peak_rss_mb() -> float | None:
    """Largest resident memory of this process so far, MB of 10^6 bytes; None where the system does not say.

    Not getrusage: its figure also counts the parent, up to the moment when this program was started.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) * 1024 / 1e6 if lines else None


def run_case(module: str, case: str, arguments: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Case:
    """Run ``module.CASES[case](**arguments)`` in a fresh process and return its result.

    Raises:
        BenchmarkError: the process failed; the message ends with its last line.
    """
    command = [sys.executable, "-m", "benchmarks.common", module, case, json.dumps(dict(arguments))]
    finished = subprocess.run(
        command, cwd=ROOT, env={**clean_environment(), **(environ or {})}, capture_output=True, text=True, check=False
    )
    results = [line for line in finished.stdout.splitlines() if line.startswith(_MARK)]
    if finished.returncode or len(results) != 1:
        last = (finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"])[-1]
        raise BenchmarkError(last, where=f"{module} {case}")
    return Case.model_validate_json(results[0][len(_MARK) :])


def clean_environment() -> dict[str, str]:
    """Copy the environment without what importing the package has set: a new process must settle that for itself."""
    ours = {name for name, _ in runtime.report().environment}
    return {name: value for name, value in os.environ.items() if name not in ours}


def machine_record() -> Machine:
    """Describe this machine and what the package has set on it."""
    found = runtime.report()
    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return Machine(
        cpu=found.machine.model or platform.processor() or "unknown",
        num_cores=found.machine.num_cores,
        num_threads=runtime.num_threads(),
        avx2="avx2" in found.machine.flags,
        avx512="avx512f" in found.machine.flags,
        memory_gb=_memory_gb(),
        system=f"{platform.system()} {platform.release()} {found.machine.libc}".strip(),
        python=platform.python_version(),
        packages=packages,
        environment={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        tuned=[f"{name}={value}" for name, value in found.environment]
        + [*found.malloc, *(["huge pages"] if found.huge_pages else [])],
        load_average=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    )


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None


def make_report(benchmark: str, quick: bool, cases: Sequence[Case], ratios: Mapping[str, tuple[str, str]]) -> Report:
    """Put a report together.

    Args:
        benchmark: its name.
        quick: whether this was a small trial run whose figures say nothing.
        cases: the results.
        ratios: name of the ratio to the names of the slower and the faster case.
    """
    medians = {case.name: case.timing.median for case in cases}
    return Report(
        benchmark=benchmark,
        quick=quick,
        date=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        ppgan_ext=ppgan_ext.__version__,
        machine=machine_record(),
        cases=list(cases),
        ratios={name: medians[slow] / max(medians[fast], 1e-9) for name, (slow, fast) in ratios.items()},
    )


def print_report(report: Report) -> None:
    """Print a table."""
    machine = report.machine
    print(f"{report.benchmark}: {machine.cpu}, {machine.num_threads} threads, load {machine.load_average}")
    for case in report.cases:
        timing = case.timing
        line = f"  {case.name:32} {timing.median:8.3f} s  [{timing.lower_quartile:.3f}, {timing.upper_quartile:.3f}]"
        line += f"  cpu {timing.cpu_median:.3f}" if timing.cpu_median is not None else ""
        line += f"  {case.peak_rss_mb:6.0f} MB" if case.peak_rss_mb is not None else ""
        if case.target_seconds is not None:
            line += f"  target {case.target_seconds} s: {'met' if timing.median <= case.target_seconds else 'MISSED'}"
        if case.target_rss_mb is not None and case.peak_rss_mb is not None:
            line += f"  target {case.target_rss_mb:.0f} MB: "
            line += "met" if case.peak_rss_mb <= case.target_rss_mb else "MISSED"
        print(line)
    for name, ratio in report.ratios.items():
        print(f"  {name:32} {ratio:8.2f} x")


def main(benchmark: str, run: Callable[[bool, int], Report], argv: Sequence[str] | None = None) -> int:
    """Run a benchmark from the command line.

    Args:
        benchmark: its name, also of the file that is written.
        run: maps (quick, num_repeats) to the report.
        argv: arguments; None takes the process's.
    """
    parser = RepeatableParser(prog=f"python -m benchmarks.{benchmark}")
    parser.add_argument("--quick", action="store_true", help="toy sizes: checks the benchmark, measures nothing")
    parser.add_argument("--repeats", type=int, default=None, help="measured runs per case (default 9, quick 2)")
    parser.add_argument("--output", type=Path, default=RESULTS / f"{benchmark}.json", help="file to write")
    options = parser.parse_args(argv)
    try:
        report = run(options.quick, options.repeats or (2 if options.quick else 9))
        files.write_bytes(options.output, (report.model_dump_json(indent=2) + "\n").encode())
    except PpganExtError as error:
        print(error, file=sys.stderr)
        return 1
    print_report(report)
    print(f"  written to {options.output}")
    return 0


def _run_here(module: str, case: str, arguments: str) -> None:
    cases = importlib.import_module(module).CASES
    print(_MARK + cases[case](**json.loads(arguments)).model_dump_json())


if __name__ == "__main__":
    _run_here(*sys.argv[1:])
