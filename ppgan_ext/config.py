"""YAML to validated models: every mistake is listed at once, with its line, its key and the nearest right name.

Nothing is evaluated: overrides ``a.b=v`` are parsed as YAML values.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml

from ppgan_ext.errors import ConfigError, InputError

Options = TypeVar("Options", bound=pydantic.BaseModel)
KeyPath = tuple[str | int, ...]


def load_options(
    model_class: type[Options],
    yaml_path: str | os.PathLike[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Options:
    """Build an options model from a YAML file and overrides, which win.

    Args:
        model_class: a pydantic model; keys it does not know are refused.
        yaml_path: a YAML file with one mapping, or None.
        overrides: field name to value; nested keys dotted.

    Raises:
        ConfigError: names every wrong key and value, with the line of the file where it has one.
        InputError: the file cannot be read.
    """
    data: dict[str, Any] = {}
    lines: dict[KeyPath, int] = {}
    problems: list[str] = []
    if yaml_path is not None:
        data, lines, problems = read_yaml(yaml_path)
    for dotted, value in (overrides or {}).items():
        keys = tuple(int(key) if key.isdigit() else key for key in dotted.split("."))
        _set(data, keys, value)
        lines.pop(keys, None)
    where = None if yaml_path is None else Path(yaml_path)
    try:
        options = model_class.model_validate(data)
    except pydantic.ValidationError as error:
        problems += [_describe(item, model_class, lines, where) for item in error.errors()]
    if problems:
        noun = "mistake" if len(problems) == 1 else "mistakes"
        raise ConfigError(f"{len(problems)} {noun} in the options: " + "; ".join(problems))
    return options


def parse_overrides(items: Iterable[str]) -> dict[str, Any]:
    """Parse ``["a.b=1", "c=[1, 2]"]`` to ``{"a.b": 1, "c": [1, 2]}``; values are YAML, nothing is evaluated.

    Raises:
        ConfigError: an item without '=' or with a value that is not YAML.
    """
    parsed: dict[str, Any] = {}
    for item in items:
        key, equals, text = item.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"'{item}' is not of the form key=value", where="-o", cure="Write it as -o a.b=value")
        try:
            parsed[key.strip()] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"the value of '{item}' is not YAML", where="-o", cure="Quote the value") from error
    return parsed


def read_yaml(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[KeyPath, int], list[str]]:
    """Read a YAML mapping with the line of every key.

    Returns:
        The data, the line (from 1) of each key path, and a message for each key given twice.

    Raises:
        InputError: no such file, or not text.
        ConfigError: not YAML, or not a mapping.
    """
    source = Path(path)
    try:
        text = source.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError("no such file", where=source, cure="Check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", where=source) from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"is not YAML: {error}", where=source, cure="Check indentation and colons") from error
    if data is None:
        return {}, {}, []
    if not isinstance(data, dict):
        raise ConfigError(f"holds a {type(data).__name__}, not a mapping of options", where=source)
    lines: dict[KeyPath, int] = {}
    twice: list[str] = []
    if node is not None:
        _walk(node, (), lines, twice, source)
    return data, lines, twice


def _walk(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], twice: list[str], source: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            own = (*path, str(key_node.value))
            line = key_node.start_mark.line + 1
            if own in lines:
                twice.append(f"{source}:{line}: '{_dotted(own)}' is given twice, first in line {lines[own]}")
            lines[own] = line
            _walk(value_node, own, lines, twice, source)
    elif isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            own = (*path, i)
            lines[own] = item.start_mark.line + 1
            _walk(item, own, lines, twice, source)


def _set(data: Any, keys: KeyPath, value: Any) -> None:
    for depth, key in enumerate(keys[:-1]):
        if isinstance(data, dict):
            data = data.setdefault(key, {})
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            raise ConfigError(f"there is nothing to set under '{_dotted(keys[: depth + 1])}'", where=_dotted(keys))
    last = keys[-1]
    if isinstance(data, dict) or (isinstance(data, list) and isinstance(last, int) and last < len(data)):
        data[last] = value  # type: ignore[index]
    else:
        raise ConfigError("there is nothing to set there", where=_dotted(keys))


def _dotted(path: Iterable[str | int]) -> str:
    return ".".join(str(key) for key in path)


def _describe(
    item: Any, model_class: type[pydantic.BaseModel], lines: Mapping[KeyPath, int], source: Path | None
) -> str:
    """One mistake in a user's words: ``file:line: key: what is wrong``."""
    path: KeyPath = tuple(item["loc"])
    line = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)
    prefix = f"{source}:{line}: " if source is not None and line is not None else ""
    name = _dotted(path) or "options"
    if item["type"] == "extra_forbidden":
        choices = _field_names(model_class, path[:-1])
        close = difflib.get_close_matches(str(path[-1]), choices, n=1, cutoff=0.5)
        hint = f"did you mean '{close[0]}'?" if close else f"choose from {', '.join(sorted(choices))}"
        return f"{prefix}{name}: unknown key; {hint}"
    if item["type"] == "missing":
        return f"{prefix}{name}: missing"
    message = item["msg"].removeprefix("Value error, ")
    shown = f", got {item['input']!r}" if not isinstance(item["input"], dict) else ""
    return f"{prefix}{name}: {message[:1].lower()}{message[1:]}{shown}"


def _field_names(model_class: type[pydantic.BaseModel], path: KeyPath) -> list[str]:
    """Names allowed at a key path; follows nested models as far as their annotations are plain classes."""
    model: Any = model_class
    for key in path:
        field = getattr(model, "model_fields", {}).get(key)
        model = getattr(field, "annotation", None)
    return list(getattr(model, "model_fields", {}))
