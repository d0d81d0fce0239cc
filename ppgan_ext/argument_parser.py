"""A parser of command lines in which no word is dropped without a word."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from ppgan_ext.console import FAILED

_MISSING = "the following arguments are required: "  # argparse's words


class RepeatableParser(argparse.ArgumentParser):
    """An argument parser for flags that are given several times.

    Lists add up: ``--input_image a --input_image b`` is ``--input_image a b``. A flag that takes a single value is
    refused the second time, where ``argparse`` would forget the first value. Of a switch and its opposite the last one
    counts, so that a script can append ``--no_cpu``. An empty value is refused: as a path it would be the current
    folder. A wrong command line is answered by one line, as by every other command, without the usage.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        for name in (None, "store"):
            self.register("action", name, _Store)

    def error(self, message: str) -> NoReturn:
        """Print one line on stderr and leave with the exit code of all errors."""
        if message.startswith(_MISSING):
            *others, last = message.removeprefix(_MISSING).split(", ")
            message = f"{', '.join(others)} and {last} are missing" if others else f"{last} is missing"
        self.exit(FAILED, f"error: {self.prog}: {message}. See {self.prog} --help.\n")


class _Store(argparse.Action):
    """Stores a flag's value, or the sum of its lists."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._filled: argparse.Namespace | None = None

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        items = values if isinstance(values, (list, tuple)) else [values]
        if any(isinstance(item, str) and not item.strip() for item in items):
            parser.error(f"{option_string or self.dest} is empty; a shell variable may be unset")
        is_second = self._filled is namespace and bool(self.option_strings)
        self._filled = namespace
        if is_second and self.nargs in ("+", "*"):
            values = [*getattr(namespace, self.dest), *(values or ())]
        elif is_second:
            parser.error(f"{option_string} is given twice, '{getattr(namespace, self.dest)}' and '{values}'")
        setattr(namespace, self.dest, values)
