"""What a run tells: a line with the time left, log.txt, log.jsonl, sample grids, and VisualDL where it is wanted."""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from ppgan_ext import files
from ppgan_ext.errors import ConfigError, OutputError
from ppgan_ext.pictures import write_image
from ppgan_ext.types import Image

_NOTE = "made by ppgan_ext while training"


class Log:
    """Writes a run's logs and pictures into its folder; a silent one, for all processes but one, writes nothing.

    Between two lines of the log each number is averaged over the iterations that gave it.

    Args:
        folder: of the run; None: silent.
        total: iterations of the whole run.
        done: iterations finished in front of this session.
        interval: iterations between lines.
        images_per_iteration: over all processes.
        visualdl: log for VisualDL too.

    Raises:
        ConfigError: VisualDL is wanted but not installed.
        OutputError: the folder cannot be written into.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        total: int,
        done: int = 0,
        interval: int = 50,
        images_per_iteration: int = 1,
        visualdl: bool = False,
    ) -> None:
        self._folder, self._total, self._interval = folder, total, interval
        self._images = images_per_iteration
        self._sums: dict[str, tuple[float, int]] = {}
        self._started = self._last_time = time.monotonic()
        self._first = self._last_iteration = done
        self._text: IO[str] | None = None
        self._lines: IO[str] | None = None
        self._visualdl: Any = None
        self._bar: Any = None
        if folder is None:
            return
        self._visualdl = find_visualdl()(logdir=str(folder)) if visualdl else None
        _cut_lines(folder / "log.jsonl", done)
        try:
            self._text = (folder / "log.txt").open("a", encoding="utf-8", buffering=1)
            self._lines = (folder / "log.jsonl").open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise OutputError(f"cannot be written ({error.strerror})", where=folder) from error

    def start(self) -> None:
        """Show the progress bar, on a terminal, and count time from now on."""
        self._started = self._last_time = time.monotonic()
        if self._folder is not None and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=self._total, initial=self._first, unit="iter", dynamic_ncols=True, smoothing=0.05)

    def note(self, text: str) -> None:
        """Say something to the user, and keep it in log.txt."""
        if self._folder is None:
            return
        self._write(self._text, f"{datetime.now():%Y-%m-%d %H:%M:%S} {text}\n")
        if self._bar is not None:
            self._bar.write(text, file=sys.stdout)
        else:
            print(text, flush=True)

    def note_error(self, text: str) -> None:
        """Keep an error in log.txt; the command tells it to the user."""
        with contextlib.suppress(OutputError):
            self._write(self._text, f"{datetime.now():%Y-%m-%d %H:%M:%S} error: {text}\n")

    def record(self, iteration: int, numbers: Mapping[str, float], rates: Mapping[str, float]) -> None:
        """Take in an iteration's numbers; write a line when it is time.

        Args:
            iteration: from 1.
            numbers: losses and what else the task gave.
            rates: optimiser name -> learning rate.
        """
        if self._folder is None:
            return
        for name, value in numbers.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value, count + 1
        if self._bar is not None:
            self._bar.update()
        if iteration % self._interval == 0 or iteration == self._total:
            self._line(iteration, rates)

    def figures(self, iteration: int, figures: Mapping[str, float]) -> None:
        """Write down what was measured."""
        if self._folder is None:
            return
        self._json({"iteration": iteration, "metrics": dict(figures)})
        self._scalars(iteration, figures, "metrics")
        shown = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
        self.note(f"iter {iteration}  {shown}")

    def pictures(self, iteration: int, pictures: Mapping[str, Image], subfolder: str) -> None:
        """Write pictures into ``visual_train`` or ``visual_test``."""
        if self._folder is None:
            return
        for name, image in pictures.items():
            path = files.make_folder(self._folder / subfolder) / f"iter_{iteration:08d}_{name}.png"
            write_image(path, image, software_note=_NOTE)
            if self._visualdl is not None:
                self._visualdl.add_image(f"{subfolder}/{name}", image, step=iteration)

    def close(self) -> None:
        """Close the files; nothing can be written afterwards."""
        for stream in (self._bar, self._text, self._lines, self._visualdl):
            if stream is not None:
                with contextlib.suppress(OSError):  # on a full disk; that has been said when the line was written
                    stream.close()
        self._bar = self._text = self._lines = self._visualdl = self._folder = None

    def _line(self, iteration: int, rates: Mapping[str, float]) -> None:
        now = time.monotonic()
        num_done = max(iteration - self._last_iteration, 1)
        speed = num_done * self._images / max(now - self._last_time, 1e-9)
        left = (now - self._started) / max(iteration - self._first, 1) * (self._total - iteration)
        means = {name: total / count for name, (total, count) in self._sums.items()}
        memory = memory_mb()
        self._json(
            {
                "iteration": iteration,
                "losses": means,
                "learning_rate": dict(rates),
                "images_per_second": round(speed, 3),
                "memory_mb": memory,
                "seconds_left": round(left),
            }
        )
        self._scalars(iteration, {**means, "images_per_second": speed}, "train")
        losses = "  ".join(f"{name} {value:.4g}" for name, value in means.items())
        rate = next(iter(rates.values()), math.nan)
        width = len(str(self._total))
        self.note(
            f"iter {iteration:{width}d}/{self._total}  {losses}  lr {rate:.3g}  {speed:.3g} images/s  "
            f"{memory:.0f} MB  left {timedelta(seconds=round(left))}"
        )
        self._sums, self._last_time, self._last_iteration = {}, now, iteration

    def _json(self, content: Mapping[str, Any]) -> None:
        self._write(self._lines, json.dumps(_finite(content), allow_nan=False) + "\n")

    def _scalars(self, iteration: int, numbers: Mapping[str, float], group: str) -> None:
        if self._visualdl is not None:
            for name, value in numbers.items():
                self._visualdl.add_scalar(f"{group}/{name}", value, step=iteration)

    def _write(self, stream: IO[str] | None, text: str) -> None:
        if stream is None:
            return
        try:
            stream.write(text)
        except OSError as error:
            cure = "Free some space, then go on with --resume"
            raise OutputError(f"the log cannot be written ({error.strerror})", where=self._folder, cure=cure) from error


def memory_mb() -> float:
    """Megabytes that this process uses: of the GPU's memory where it computes there, else of main memory."""
    paddle = sys.modules.get("paddle")
    if paddle is not None and paddle.device.get_device().startswith("gpu"):
        return round(paddle.device.cuda.max_memory_allocated() / 2**20, 1)
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    import resource

    return round(pages * resource.getpagesize() / 2**20, 1)


def _finite(content: Any) -> Any:
    """Replace NaN and infinities, for which JSON has no numbers, by their names."""
    if isinstance(content, Mapping):
        return {key: _finite(value) for key, value in content.items()}
    return str(content) if isinstance(content, float) and not math.isfinite(content) else content


def _cut_lines(path: Path, done: int) -> None:
    """Take the lines after iteration ``done`` out of a log, and a last one cut short: the run was stopped behind it."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            if json.loads(line)["iteration"] <= done:
                kept.append(line)
        except (ValueError, KeyError, TypeError):
            continue
    files.write_bytes(path, "".join(kept).encode())


def find_visualdl() -> Any:
    """Return VisualDL's writer of logs.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module("visualdl").LogWriter
    except ImportError as error:
        cure = "Install it (pip install visualdl) or set enable_visualdl: False"
        raise ConfigError("VisualDL is not installed", where="enable_visualdl", cure=cure) from error
