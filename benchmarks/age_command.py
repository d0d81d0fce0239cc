"""The age command as a user meets it: process start to files written, a one-megapixel photo, the bundled model."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import skimage.data

from benchmarks.common import ROOT, BenchmarkError, Case, Report, main, make_report, summarise
from ppgan_ext import images, pictures

TARGET_SECONDS = 10.0
SCRIPT = ROOT / "applications" / "tools" / "age_editing.py"


def run_command(photo: Path, folder: Path, *flags: str) -> float:
    """Run the script once; return its seconds.

    Raises:
        BenchmarkError: it failed.
    """
    command = [sys.executable, str(SCRIPT), "--input_image", str(photo), "--output_path", str(folder), *flags]
    start = time.perf_counter()
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if finished.returncode:
        raise BenchmarkError(finished.stderr.strip()[-200:], where=SCRIPT)
    return seconds


def run(quick: bool, num_repeats: int) -> Report:
    """Time the first run apart, which may compile the programs; then runs of three ages."""
    side = 256 if quick else 1024
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = pictures.write_image(folder / "photo.jpg", images.resize(skimage.data.astronaut(), (side, side)))
        first = run_command(photo, folder / "out")
        seconds = [run_command(photo, folder / "out") for _ in range(num_repeats)]
    cases = [
        Case(name="first run", timing=summarise([first]), peak_rss_mb=None),
        Case(name="later runs", timing=summarise(seconds), peak_rss_mb=None, details={"side": side, "ages": 3}),
    ]
    if not quick:
        cases[1].target_seconds = TARGET_SECONDS
    return make_report("age_command", quick, cases, {"first / later": ("first run", "later runs")})


if __name__ == "__main__":
    sys.exit(main("age_command", run))
