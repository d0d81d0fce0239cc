"""`-p`: record a range of iterations with Paddle's profiler, for chrome://tracing. Options as in PaddleGAN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ppgan_ext.errors import ConfigError, nearest

_NAMES = ("batch_range", "profile_path", "timer_only")


class Profile:
    """Records the iterations of a range, counted from the start of the session.

    Args:
        options: ``"batch_range=[10,20]; profile_path=trace"``; ``timer_only=True`` prints times instead. None: nothing.
        folder: where a relative ``profile_path`` lies.

    Raises:
        ConfigError: options of another form, or an unknown name.
    """

    def __init__(self, options: str | None = None, folder: Path | None = None) -> None:
        self._profiler: Any = None
        if options is not None:
            self._open(_parse(options), folder or Path())

    def advance(self) -> None:
        """Count an iteration."""
        if self._profiler is not None:
            self._profiler.step()

    def close(self) -> None:
        """End recording and write what was recorded."""
        if self._profiler is not None:
            self._profiler.stop()
            self._profiler = None

    def _open(self, options: dict[str, Any], folder: Path) -> None:
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
    import yaml

    options: dict[str, Any] = {"batch_range": [10, 20], "profile_path": "profile", "timer_only": False}
    for item in filter(str.strip, text.split(";")):
        name, sign, value = (part.strip() for part in item.partition("="))
        if not sign:
            raise ConfigError(
                f"'{item.strip()}' is not of the form key=value", where="-p", cure="As batch_range=[10,20]"
            )
        if name not in _NAMES:
            raise ConfigError(f"unknown '{name}'", where="-p", cure=nearest(name, _NAMES))
        options[name] = yaml.safe_load(value)
    span = options["batch_range"]
    good = isinstance(span, list) and len(span) == 2 and all(type(number) is int for number in span)
    if not good or not 0 <= span[0] < span[1]:
        raise ConfigError(
            f"batch_range is {span}", where="-p", cure="Write it as batch_range=[10,20], first before last"
        )
    return options
