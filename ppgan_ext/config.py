"""YAML to validated models: every mistake is listed at once, with its line, its key and the nearest right name.

Nothing is evaluated: overrides ``a.b=v`` are parsed as YAML values.
"""

from __future__ import annotations

import difflib
import os
import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml

from ppgan_ext.errors import ConfigError, InputError

Options = TypeVar("Options", bound=pydantic.BaseModel)
KeyPath = tuple[str | int, ...]
NO_LINE = 0  # of a key that an override has set


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
    override(data, lines, overrides or {})
    options, mistakes = validate(model_class, data, lines, yaml_path)
    refuse([*problems, *mistakes])
    assert options is not None
    return options


def override(data: dict[str, Any], lines: dict[KeyPath, int], overrides: Mapping[str, Any]) -> None:
    """Set dotted keys in what :func:`read_yaml` returned; whole numbers are indices of lists.

    Raises:
        ConfigError: a key below something that has no keys, or past the end of a list.
    """
    for dotted, value in overrides.items():
        keys = tuple(int(key) if key.isdigit() else key for key in dotted.split("."))
        _set(data, keys, value)
        for own in [own for own in lines if own[: len(keys)] == keys]:
            del lines[own]
        lines[keys] = NO_LINE


def validate(
    model_class: type[Options],
    data: Mapping[str, Any],
    lines: Mapping[KeyPath, int],
    source: str | os.PathLike[str] | None,
) -> tuple[Options | None, list[str]]:
    """Validate a mapping and describe every mistake, in the order of the file.

    Returns:
        The options, None where there are mistakes; the mistakes, each ``file:line: key: what is wrong``.
    """
    try:
        return model_class.model_validate(data), []
    except pydantic.ValidationError as error:
        found = [_describe(item, model_class, data) for item in error.errors()]
        found.sort(key=lambda pair: _line(pair[0], lines) or 0)
        return None, [mistake(what, path, lines, source) for path, what in found]


def mistake(what: str, path: KeyPath, lines: Mapping[KeyPath, int], source: str | os.PathLike[str] | None) -> str:
    """Write one mistake as a user reads it: ``file:line: key: what is wrong``; the line of the nearest key above it."""
    line = _line(path, lines)
    prefix = f"{Path(source)}:{line}: " if source is not None and line else ""
    return f"{prefix}{_dotted(path) or 'options'}: {what}"


def refuse(problems: Sequence[str]) -> None:
    """Raise a ConfigError that lists all problems; do nothing where there are none."""
    if problems:
        noun = "mistake" if len(problems) == 1 else "mistakes"
        raise ConfigError(f"{len(problems)} {noun} in the options: " + "; ".join(problems))


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


def _line(path: KeyPath, lines: Mapping[KeyPath, int]) -> int | None:
    return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)


def _describe(item: Any, model_class: type[pydantic.BaseModel], data: Mapping[str, Any]) -> tuple[KeyPath, str]:
    """One of pydantic's mistakes in a user's words."""
    kind, context = item["type"], item.get("ctx", {})
    path, tags = _split_location(tuple(item["loc"]), data, kind)
    if kind == "extra_forbidden":
        what = f"unknown key; {_hint(str(path[-1]), _field_names(model_class, path[:-1], tags))}"
    elif kind == "missing":
        what = "missing"
    elif kind == "union_tag_not_found":
        path, what = (*path, context["discriminator"].strip("'")), "missing"
    elif kind == "union_tag_invalid":
        path = (*path, context["discriminator"].strip("'"))
        choices = [word.strip(" '") for word in context["expected_tags"].split(",")]
        what = f"unknown '{context['tag']}'; {_hint(context['tag'], choices)}"
    else:
        message = item["msg"].removeprefix("Value error, ")
        shown = f", got {item['input']!r}" if not isinstance(item["input"], dict | pydantic.BaseModel) else ""
        what = f"{message[:1].lower()}{message[1:]}{shown}"
    return path, what


def _hint(name: str, choices: Collection[str]) -> str:
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"choose from {', '.join(sorted(choices))}"


def _split_location(location: KeyPath, data: Any, kind: str) -> tuple[KeyPath, frozenset[str]]:
    """Part pydantic's location into keys of the file and the names by which it tells the members of a union."""
    path: list[str | int] = []
    tags: set[str] = set()
    for position, key in enumerate(location):
        if isinstance(data, Mapping):
            found = key in data
        else:
            found = isinstance(data, list) and isinstance(key, int) and key < len(data)
        if found:
            path.append(key)
            data = data[key]
        elif _gives(data, key):
            path.append(key)
            data = None
        elif kind == "missing" and position == len(location) - 1:
            path.append(key)
        else:
            tags.add(str(key))
    return tuple(path), frozenset(tags)


def _gives(data: Any, key: str | int) -> bool:
    """Say whether a list of a command line's NAME=VALUE gives a value to this name."""
    return isinstance(data, list) and any(isinstance(item, str) and item.startswith(f"{key}=") for item in data)


def _field_names(model_class: type[pydantic.BaseModel], path: KeyPath, tags: Collection[str]) -> list[str]:
    """Names allowed at a key path, through nested models, lists, dicts and unions (of these the tagged member)."""
    models = [model_class]
    for key in path:
        annotations = [field.annotation for model in models if (field := _field(model, key)) is not None]
        if annotations:
            models = [model for annotation in annotations for model in _models_in(annotation)]
    tagged = [model for model in models if _tags_of(model) & set(tags)]
    return [name for model in tagged or models for name in model.model_fields]


def _field(model: type[pydantic.BaseModel], key: str | int) -> Any:
    by_alias = {field.alias: field for field in model.model_fields.values() if field.alias}
    return model.model_fields.get(str(key)) or by_alias.get(str(key))


def _models_in(annotation: Any) -> list[type[pydantic.BaseModel]]:
    """Collect the models that an annotation mentions, however deep."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return [annotation] if issubclass(annotation, pydantic.BaseModel) else []
    return [model for inner in typing.get_args(annotation) for model in _models_in(inner)]


def _tags_of(model: type[pydantic.BaseModel]) -> set[str]:
    """Collect the values that a model's fields of one fixed word may have: what a union tells it by."""
    annotations = [field.annotation for field in model.model_fields.values()]
    return {
        str(word) for item in annotations if typing.get_origin(item) is typing.Literal for word in typing.get_args(item)
    }
