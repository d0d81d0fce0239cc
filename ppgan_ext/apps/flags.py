"""From an options model to a command line, so that flags, defaults, ranges and help texts exist only once."""

from __future__ import annotations

import argparse
import difflib
import itertools
import re
import typing
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, NoReturn

from pydantic.fields import FieldInfo

from ppgan_ext.apps.options import Options, describe_limits, literal_choices, plain_types
from ppgan_ext.argument_parser import RepeatableParser
from ppgan_ext.config import names_of
from ppgan_ext.errors import ConfigError

# Words that begin with a minus and are values: -20, -.5, -20,20 and, for the model to refuse, -x,3.
_MINUS_VALUE = re.compile(r"-(\.?\d|[^-].*,)")

_MERE_COUNTS = ("", "at least 0", "at least 1")  # limits that go without saying

GROUP_TITLES = {
    "input": "input",
    "face": "what to do with the face",
    "fitting": "fitting",
    "model": "model",
    "server": "server",
    "output": "output",
}


class Parser(RepeatableParser):
    """An argument parser that raises ``ConfigError`` instead of leaving the process, and names the nearest flag.

    Flags may be written with hyphens or underscores. They may not be shortened: a new flag would change their meaning.

    Args:
        prog: name of the program in help texts.
        elsewhere: flag -> the sentence that says to which other program it belongs, or "".
        more: returns what ends the help page.
        **settings: as for `argparse.ArgumentParser`.
    """

    def __init__(
        self,
        prog: str,
        elsewhere: Callable[[str], str] = lambda flag: "",
        more: Callable[[], str] = str,
        **settings: Any,
    ) -> None:
        self._elsewhere, self._more = elsewhere, more
        super().__init__(
            prog=prog, usage=f"{prog} [flags]", allow_abbrev=False, formatter_class=HelpFormatter, **settings
        )
        self._negative_number_matcher = _MINUS_VALUE  # argparse's own takes "-20,20" for a flag

    def format_help(self) -> str:
        """Return the help page; what ends it is made only now."""
        return super().format_help() + self._more()

    def parse(self, argv: Sequence[str]) -> dict[str, Any]:
        """Return the values of the flags that were given, and of no others.

        Raises:
            ConfigError: an unknown flag, a flag without its value, or a word that belongs to no flag.
        """
        words = [_underscored(word, self._option_string_actions) for word in argv]
        self._check_minus(words)
        values, extras = self.parse_known_args(words)
        if extras:
            raise ConfigError(f"unknown {_kind(extras[0])} '{extras[0]}'", where=self.prog, cure=self._cure(extras[0]))
        return dict(vars(values))

    def _check_minus(self, words: Sequence[str]) -> None:
        """Refuse a word that begins with a minus where a value is due, but that can only be a flag."""
        for flag, word in itertools.pairwise(words):
            action = self._option_string_actions.get(flag)
            if action is None or action.nargs == 0 or not re.match(r"-[^-]", word) or _MINUS_VALUE.match(word):
                continue
            if word.partition("=")[0] not in self._option_string_actions:
                cure = f"Write {flag}={word} if that is its value"
                raise ConfigError(f"{flag} needs a value, and '{word}' reads as a flag", where=self.prog, cure=cure)

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving with code 2."""
        raise ConfigError(message, where=self.prog, cure=f"See {self.prog} --help")

    def _cure(self, word: str) -> str:
        if not word.startswith("-"):
            return f"Write it after the flag that it belongs to, see {self.prog} --help"
        flag = word.partition("=")[0]
        close = difflib.get_close_matches(flag, self._option_string_actions, n=1, cutoff=0.5)
        nearest = f"The nearest flag is {close[0]}" if close else f"See {self.prog} --help"
        return ". ".join(filter(None, [self._elsewhere("--" + flag.lstrip("-").replace("-", "_")), nearest]))


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps line breaks of examples and leaves more room for flag names."""

    def __init__(self, prog: str, **settings: Any) -> None:
        super().__init__(prog, **{"max_help_position": 30, "width": 110, **settings})


def add_arguments(parser: argparse.ArgumentParser, model: type[Options]) -> None:
    """Add one flag for each field of an options model.

    Values stay text here; the model converts and checks them, so that flags and YAML files meet the same checks.
    """
    keys = {name: group_of(field) for name, field in model.model_fields.items()}
    groups = {key: parser.add_argument_group(GROUP_TITLES[key]) for key in GROUP_TITLES if key in keys.values()}
    for name, field in model.model_fields.items():
        key = keys[name]
        kind = value_kind(field.annotation)
        common: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS}
        flags = [f"--{other}" for other in names_of(name, field)]
        if kind == "switch":
            text = _help(field, off=f"--no_{name}")
            groups[key].add_argument(*flags, action="store_const", const=True, help=text, **common)
            groups[key].add_argument(
                f"--no_{name}", action="store_const", const=False, help=argparse.SUPPRESS, **common
            )
            continue
        if kind == "list":
            common["nargs"] = "+"
        groups[key].add_argument(*flags, metavar=_metavar(field, kind), help=_help(field), **common)


def reset_alternatives(model: type[Options], overrides: dict[str, Any]) -> dict[str, Any]:
    """Reset the options that a given flag excludes, so that the flag wins over them in a YAML file.

    Example:
        >>> from ppgan_ext.apps.photo.options import AgeOptions
        >>> reset_alternatives(AgeOptions, {"target_age": "70"})
        {'target_age': '70', 'years': None}
    """
    result = dict(overrides)
    for group in model.alternatives:
        if any(name in overrides for name in group):
            for name in group:
                if name not in overrides:
                    result[name] = model.model_fields[name].get_default(call_default_factory=True)
    return result


def group_of(field: FieldInfo) -> str:
    """Return the key of ``GROUP_TITLES`` under which a field is shown."""
    extra = field.json_schema_extra
    return str(extra["group"]) if isinstance(extra, dict) and "group" in extra else "output"


def value_kind(annotation: Any) -> str:
    """Return how a field is written on a command line: "switch", "list" (one or more words) or "value"."""
    for part in plain_types(annotation):
        if part is bool:
            return "switch"
        if typing.get_origin(part) in (list, dict):
            return "list"
    return "value"


def _metavar(field: FieldInfo, kind: str) -> str:
    choices = literal_choices(field.annotation)
    if choices and kind == "value":
        return "{" + ",".join(choices) + "}"
    if choices:
        return "WHICH"
    words = {int: "N", float: "X", str: "TEXT", dict: "NAME=X"}
    for part in plain_types(field.annotation):
        inner = typing.get_args(part)[0] if typing.get_origin(part) is list else part
        return words.get(typing.get_origin(inner) or inner, "VALUE")
    return "VALUE"


def _help(field: FieldInfo, off: str = "") -> str:
    text, limits = field.description or "", describe_limits(field)
    if limits not in _MERE_COUNTS:
        text, default_told, rest = text.partition(" (default")
        text = f"{text}; {limits}{default_told}{rest}"
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if default in (None, "", [], {}) or default is False or "(default" in text:
        return text.replace("%", "%%")
    shown = f"{_as_words(default)}; {off} turns it off" if default is True and off else _as_words(default)
    return f"{text} (default: {shown})".replace("%", "%%")


def _as_words(value: Any) -> str:
    """Write a default as it would be given on the command line."""
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_as_words(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_as_words, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _underscored(word: str, flags: Container[str]) -> str:
    """Turn ``--input-image=x`` into ``--input_image=x`` where that is a flag."""
    flag, sign, value = word.partition("=")
    fixed = "--" + flag[2:].replace("-", "_")
    return fixed + sign + value if flag.startswith("--") and flag not in flags and fixed in flags else word


def _kind(word: str) -> str:
    return "flag" if word.startswith("-") else "word"
