"""The option ``-p``: profile a range of iterations with Paddle's profiler, in PaddleGAN's format of options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ppgan_ext import yaml_files
from ppgan_ext.errors import ConfigError, nearest

_NAMES = ("batch_range", "profile_path", "timer_only")


class Profile:
    """Profiles a range of iterations, counted from the start of this process, and writes a trace for chrome://tracing.

    Args:
        options: such as ``"batch_range=[10,20]; profile_path=trace"``; ``timer_only=True`` prints times instead of
            writing a trace. None: do nothing.
        folder: the folder that a relative ``profile_path`` refers to; None: the current folder.

    Raises:
        ConfigError: the options are malformed, or a name is unknown.
    """

    def __init__(self, options: str | None = None, folder: Path | None = None) -> None:
        self._profiler: Any = None
        if options is not None:
            self._start(_parse(options), folder or Path())

    def advance(self) -> None:
        """Count one iteration."""
        if self._profiler is not None:
            self._profiler.step()

    def close(self) -> None:
        """Stop profiling and write the trace."""
        if self._profiler is not None:
            self._profiler.stop()
            self._profiler = None

    def _start(self, options: dict[str, Any], folder: Path) -> None:
        from paddle import profiler

        first, last = options["batch_range"]
        if options["timer_only"]:
            self._profiler = profiler.Profiler(timer_only=True)
        else:
            target = folder / options["profile_path"]
            self._profiler = profiler.Profiler(
                scheduler=(first, last), on_trace_ready=profiler.export_chrome_tracing(str(target))
            )
        self._profiler.start()


def _parse(text: str) -> dict[str, Any]:
    options: dict[str, Any] = {"batch_range": [10, 20], "profile_path": "profile", "timer_only": False}
    for item in filter(str.strip, text.split(";")):
        name, sign, value = (part.strip() for part in item.partition("="))
        if not sign:
            cure = "Write it as batch_range=[10,20]"
            raise ConfigError(f"'{item.strip()}' does not have the form key=value", where="-p", cure=cure)
        if name not in _NAMES:
            raise ConfigError(f"unknown option '{name}'", where="-p", cure=nearest(name, _NAMES))
        options[name] = yaml_files.load(value, f"-p {name}").data
    span = options["batch_range"]
    is_pair = isinstance(span, list) and len(span) == 2 and all(type(number) is int for number in span)
    if not is_pair or not 0 <= span[0] < span[1]:
        cure = "Write it as batch_range=[10,20], the first number smaller than the second"
        raise ConfigError(f"batch_range is {span}", where="-p", cure=cure)
    return options
