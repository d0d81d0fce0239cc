"""The output of a run: progress on the terminal, log.txt, log.jsonl, sample grids, and boards if enabled."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from ppgan_ext import files
from ppgan_ext.errors import OutputError
from ppgan_ext.pictures import write_image
from ppgan_ext.training.boards import Board
from ppgan_ext.types import Image

_NOTE = "made by ppgan_ext while training"


class Log:
    """Writes the logs and pictures of a run into its folder; the log of a process that is not the writer does nothing.

    A line contains the mean of each number since the previous line, over the iterations that reported it.

    Args:
        folder: folder of the run; None: write nothing.
        total: iterations of the whole run.
        done: iterations finished before this start of the run; later lines, which will be trained again, are removed.
            None: only add to what the log contains.
        interval: iterations between lines.
        images_per_iteration: number of images in an iteration, over all processes.
        boards: other programs to write a log for.

    Raises:
        ConfigError: what a board needs is not installed.
        OutputError: the folder is not writable.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        total: int,
        done: int | None = 0,
        interval: int = 50,
        images_per_iteration: int = 1,
        boards: Sequence[type[Board]] = (),
    ) -> None:
        self._folder, self._total, self._interval = folder, total, interval
        self._images = images_per_iteration
        self._sums: dict[str, tuple[float, int]] = {}
        self._waited = 0.0
        self._started = self._last_time = time.monotonic()
        self._first = self._last_iteration = done or 0
        self._text: IO[str] | None = None
        self._lines: IO[str] | None = None
        self._boards: list[Board] = []
        self._bar: Any = None
        if folder is None:
            return
        self._boards = [board(folder) for board in boards]
        if done is not None:
            _remove_later_lines(folder / "log.jsonl", done)
        try:
            # A file's name that is no UTF-8 must not end a run.
            self._text = (folder / "log.txt").open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
            self._lines = (folder / "log.jsonl").open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise OutputError(f"cannot be written ({error.strerror})", where=folder) from error

    def start(self) -> None:
        """Start the clock, and the progress bar if stderr is a terminal."""
        self._started = self._last_time = time.monotonic()
        if self._folder is not None and sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=self._total, initial=self._first, unit="iter", dynamic_ncols=True, smoothing=0.05)

    def note(self, text: str) -> None:
        """Print a message and write it to log.txt.

        Raises:
            OutputError: log.txt cannot be written.
        """
        if self._folder is None:
            return
        self._write(self._text, f"{datetime.now():%Y-%m-%d %H:%M:%S} {text}\n")
        if self._bar is not None:
            self._bar.write(text, file=sys.stdout)
        else:
            print(text, flush=True)

    def note_error(self, text: str) -> None:
        """Write an error to log.txt only; the command prints it."""
        with contextlib.suppress(OutputError):
            self._write(self._text, f"{datetime.now():%Y-%m-%d %H:%M:%S} error: {text}\n")

    def record(
        self, iteration: int, numbers: Mapping[str, float], rates: Mapping[str, float], waited: float = 0.0
    ) -> None:
        """Add the numbers of an iteration to the means; write a line if one is due.

        Args:
            iteration: number of the iteration, from 1.
            numbers: losses and other numbers, as `Task.step` returns them.
            rates: optimiser name -> learning rate.
            waited: seconds for which the iteration waited for its images.

        Raises:
            OutputError: the log cannot be written.
        """
        if self._folder is None:
            return
        for name, value in numbers.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value, count + 1
        self._waited += waited
        if self._bar is not None:
            self._bar.update()
        if iteration % self._interval == 0 or iteration == self._total:
            self._write_line(iteration, rates)

    def write_figures(self, iteration: int | None, figures: Mapping[str, float]) -> None:
        """Write the figures of a validation, name -> value; with no iteration, as a message alone.

        Raises:
            OutputError: the log cannot be written.
        """
        if self._folder is None:
            return
        shown = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
        if iteration is None:
            self.note(f"measured  {shown}")
            return
        self._write_json({"iteration": iteration, "metrics": dict(figures)})
        self._write_scalars(iteration, figures, "metrics")
        self.note(f"iter {iteration}  {shown}")

    def write_pictures(
        self, iteration: int | None, pictures: Mapping[str, Image], subfolder: str, *, on_boards: bool = True
    ) -> None:
        """Write pictures as PNG files into a subfolder of the run, ``visual_train`` or ``visual_test``.

        Args:
            iteration: begins the files' names; None: unknown, and left out.
            pictures: by name.
            subfolder: of the run's folder, made if missing.
            on_boards: show them on the boards too, if the iteration is known.

        Raises:
            OutputError: a file cannot be written.
        """
        if self._folder is None:
            return
        for name, image in pictures.items():
            stem = name if iteration is None else f"iter_{iteration:08d}_{name}"
            write_image(files.make_folder(self._folder / subfolder) / f"{stem}.png", image, software_note=_NOTE)
            if on_boards and iteration is not None:
                for board in self._boards:
                    board.image(f"{subfolder}/{name}", image, iteration)

    def close(self) -> None:
        """Close the files; later calls write nothing."""
        for stream in (self._bar, self._text, self._lines, *self._boards):
            if stream is not None:
                with contextlib.suppress(OSError):  # a full disk has been reported when the line was written
                    stream.close()
        self._bar = self._text = self._lines = self._folder = None
        self._boards = []

    def _write_line(self, iteration: int, rates: Mapping[str, float]) -> None:
        now = time.monotonic()
        num_done = max(iteration - self._last_iteration, 1)
        seconds = max(now - self._last_time, 1e-9)
        speed = num_done * self._images / seconds
        left = (now - self._started) / max(iteration - self._first, 1) * (self._total - iteration)
        means = {name: total / count for name, (total, count) in self._sums.items()}
        memory = memory_mb()
        self._write_json(
            {
                "iteration": iteration,
                "losses": means,
                "learning_rate": dict(rates),
                "images_per_second": round(speed, 3),
                "data_seconds": round(self._waited / num_done, 4),
                "memory_mb": memory,
                "seconds_left": round(left),
            }
        )
        self._write_scalars(iteration, {**means, "images_per_second": speed}, "train")
        losses = "  ".join(f"{name} {value:.4g}" for name, value in means.items())
        rate = next(iter(rates.values()), math.nan)
        width = len(str(self._total))
        self.note(
            f"iter {iteration:{width}d}/{self._total}  {losses}  lr {rate:.3g}  {speed:.3g} images/s  "
            f"data {min(self._waited / seconds, 1.0):.0%}  {memory:.0f} MB  left {timedelta(seconds=round(left))}"
        )
        self._sums, self._waited, self._last_time, self._last_iteration = {}, 0.0, now, iteration

    def _write_json(self, content: Mapping[str, Any]) -> None:
        self._write(self._lines, json.dumps(_finite(content), allow_nan=False) + "\n")

    def _write_scalars(self, iteration: int, numbers: Mapping[str, float], group: str) -> None:
        for board in self._boards:
            for name, value in numbers.items():
                board.scalar(f"{group}/{name}", value, iteration)

    def _write(self, stream: IO[str] | None, text: str) -> None:
        if stream is None:
            return
        try:
            stream.write(text)
        except OSError as error:
            cure = "Free some space, then continue with --resume"
            raise OutputError(f"the log cannot be written ({error.strerror})", where=self._folder, cure=cure) from error


def memory_mb() -> float:
    """Return the megabytes that this process uses: GPU memory if it computes on a GPU, else main memory.

    On a GPU it is the peak since the process started; 0 where main memory cannot be read from /proc.
    """
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
    """Replace NaN and infinities, which JSON cannot represent, by their names."""
    if isinstance(content, Mapping):
        return {key: _finite(value) for key, value in content.items()}
    return str(content) if isinstance(content, float) and not math.isfinite(content) else content


def _remove_later_lines(path: Path, done: int) -> None:
    """Remove from a log the lines after iteration ``done``, which will be trained again, and incomplete lines."""
    if not path.is_file():
        return
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        try:
            if json.loads(line)["iteration"] <= done:
                lines.append(line)
        except (ValueError, KeyError, TypeError):
            continue
    files.write_bytes(path, "".join(lines).encode())
