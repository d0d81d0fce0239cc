"""The age command as a whole, process start to files written: NASA's astronaut at 1 megapixel, the bundled model.

The first run compiles the programs into an empty cache; the figure that counts is that of the runs after it.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2

from benchmarks.common import (
    ROOT,
    BenchmarkError,
    Case,
    Report,
    clean_environment,
    main,
    make_report,
    summarise,
)

TARGET_SECONDS = 10.0
SIDE = 1024
SCRIPT = ROOT / "applications" / "tools" / "age_editing.py"


def make_photo(path: Path, side: int) -> None:
    """Write the portrait that lies inside scikit-image (public domain), resized to a square of ``side`` pixels."""
    package = importlib.util.find_spec("skimage")
    folders = (package.submodule_search_locations or []) if package else []
    source = next((Path(folder) / "data" / "astronaut.png" for folder in folders), Path())
    image = cv2.imread(str(source))
    if image is None:
        raise BenchmarkError("the portrait is not there", where=source, cure="Install scikit-image")
    cv2.imwrite(str(path), cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC))


def run_command(photo: Path, output: Path, years: list[str], environ: dict[str, str]) -> tuple[float, float | None]:
    """Run the script once; return seconds and peak memory in MB.

    Raises:
        BenchmarkError: it failed, or wrote no edited photo.
    """
    command = [
        sys.executable,
        str(SCRIPT),
        "--input_image",
        str(photo),
        "--output_path",
        str(output),
        "--years",
        *years,
    ]
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    with process.stdout:
        said = process.stdout.read()
    peak = None
    if hasattr(os, "wait4"):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        peak = usage.ru_maxrss * 1024 / 1e6
    elapsed = time.perf_counter() - start
    if process.wait() or not list(output.rglob("*age*")):
        last = (said.strip().splitlines() or ["no edited photo was written"])[-1]
        raise BenchmarkError(last, where=SCRIPT.name)
    return elapsed, peak


def run(quick: bool, num_repeats: int) -> Report:
    """Measure the first run and the later ones."""
    years = ["20"] if quick else ["-20", "20", "40"]
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.png"
        make_photo(photo, 512 if quick else SIDE)
        environ = {**clean_environment(), "PPGAN_EXT_HOME": str(Path(folder) / "home")}
        runs = [run_command(photo, Path(folder) / f"out_{index}", years, environ) for index in range(num_repeats + 1)]
    first, later = runs[0], runs[1:]
    peaks = [peak for _, peak in later if peak is not None]
    details = {"num_ages": len(years), "megapixels": 0.26 if quick else 1.05}
    cases = [
        Case(name="first run", timing=summarise([first[0]]), peak_rss_mb=first[1], details=details),
        Case(
            name="later runs",
            timing=summarise([seconds for seconds, _ in later]),
            peak_rss_mb=max(peaks, default=None),
            target_seconds=None if quick else TARGET_SECONDS,
            details=details,
        ),
    ]
    return make_report("age_command", quick, cases, {"first / later": ("first run", "later runs")})


if __name__ == "__main__":
    sys.exit(main("age_command", run))
