"""Commands from process start to written files, in processor seconds of one core: what a user waits for each time.

With ``--before FOLDER``, a checkout of an earlier state, every run is paired with one of that state, in turns, and the
ratios compare the two; each state has a cache of compiled programs of its own, filled by a run that is not counted.
"""

from __future__ import annotations

import argparse
import functools
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.age_command import SIDE, make_photo
from benchmarks.common import ROOT, BenchmarkError, Case, Report, clean_environment, main, make_report, summarise

_RUN = "import sys; from ppgan_ext.apps.command_line import main; sys.exit(main(sys.argv[1:]))"
_QUICK = ("help", "warp")
TARGET_SECONDS = {"warp": 2.0, "edit": 4.0, "encode": 4.0}


def make_commands(photo: Path, output: Path) -> dict[str, list[str]]:
    """Return the words of each command that is measured."""
    picture, results = ["--input_image", str(photo)], ["--output_path", str(output)]
    turned = str(photo.with_name("turned.png"))
    return {
        "help": ["age", "--help"],
        "list_faces": ["age", *picture, "--list_faces", *results],
        "warp": ["fuse", "--source", str(photo), "--target", turned, "--method", "warp", *results],
        "edit": ["edit", *picture, "--edit", "smile=1", *results],
        "encode": ["encode", *picture, *results],
    }


def run_once(words: Sequence[str], environ: Mapping[str, str]) -> float:
    """Run a command in a fresh process and return its processor seconds.

    Raises:
        BenchmarkError: it failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Not here: Python would take the package from the current folder, whatever state is to be measured.
    finished = subprocess.run(
        [sys.executable, "-c", _RUN, *words],
        env=dict(environ), cwd=tempfile.gettempdir(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if finished.returncode:
        last = (finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"])[-1]
        raise BenchmarkError(last, where=words[0])
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(quick: bool, num_repeats: int, before: Path | None = None) -> Report:
    """Measure every command, in this state and where one is given in an earlier one."""
    states = {"": ROOT} if before is None else {" before": before, "": ROOT}
    cases: list[Case] = []
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "photo.png"
        make_photo(photo, 512 if quick else SIDE)
        make_photo(photo.with_name("turned.png"), 448 if quick else 960)
        commands = make_commands(photo, Path(folder) / "out")
        environments = {
            state: _environment(checkout, Path(folder) / f"home{number}")
            for number, (state, checkout) in enumerate(states.items())
        }
        for name, words in commands.items():
            if quick and name not in _QUICK:
                continue
            seconds: dict[str, list[float]] = {state: [] for state in states}
            for repeat in range(num_repeats + 1):
                for state, environ in environments.items():
                    spent = run_once(words, environ)
                    seconds[state] += [spent] if repeat else []  # the first run fills the caches
            for state, values in seconds.items():
                target = None if quick or state else TARGET_SECONDS.get(name)
                cases.append(
                    Case(
                        name=f"{name}{state}", timing=summarise(values, values), peak_rss_mb=None, target_seconds=target
                    )
                )
    measured = [case.name for case in cases if not case.name.endswith(" before")]
    ratios = {f"{name} before / now": (f"{name} before", name) for name in measured} if before else {}
    return make_report("process_starts", quick, cases, ratios)


def _environment(checkout: Path, home: Path) -> dict[str, str]:
    ours = {"PYTHONPATH": str(checkout), "PPGAN_EXT_HOME": str(home), "OMP_NUM_THREADS": "1"}
    environ = clean_environment() | ours
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    return environ


def command_line(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark from the command line; ``--before`` is its own flag, the others are those of all."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--before", type=Path, default=None)
    options, rest = parser.parse_known_args(argv)
    before = None if options.before is None else options.before.absolute()
    if before is not None and not (before / "ppgan_ext").is_dir():
        print(f"{before}: is no checkout of ppgan_ext", file=sys.stderr)
        return 1
    return main("process_starts", functools.partial(run, before=before), rest)


if __name__ == "__main__":
    sys.exit(command_line())
