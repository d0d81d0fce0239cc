"""From YAML to validated models: all mistakes are listed at once, each with its line, key and the nearest valid name.

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
NO_LINE = 0  # the line of a key that an override has set
_HOW_TO_SET = "Name a key of a block, or an existing item of a list"


def load_options(
    model_class: type[Options],
    yaml_path: str | os.PathLike[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Options:
    """Build an options model from a YAML file and overrides; overrides take precedence.

    Args:
        model_class: a pydantic model that forbids unknown keys.
        yaml_path: a YAML file with one mapping, or None.
        overrides: key -> value; nested keys are dotted.

    Raises:
        ConfigError: lists every wrong key and value, with its line if it comes from the file.
        InputError: the file cannot be read.
    """
    data: dict[str, Any] = {}
    lines: dict[KeyPath, int] = {}
    problems: list[str] = []
    if yaml_path is not None:
        data, lines, problems = read_yaml(yaml_path)
    override(data, lines, overrides or {})
    options, mistakes = validate(model_class, data, lines, yaml_path)
    refuse([*problems, *mistakes], yaml_path)
    assert options is not None
    return options


def override(data: dict[str, Any], lines: dict[KeyPath, int], overrides: Mapping[str, Any]) -> None:
    """Set dotted keys in the data and lines of :func:`read_yaml`, in place; whole numbers are list indices.

    Raises:
        ConfigError: a key lies below a plain value or past the end of a list.
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
        The options, or None if there are mistakes; and the mistakes, each ``file:line: key: what is wrong``.
    """
    try:
        return model_class.model_validate(data), []
    except pydantic.ValidationError as error:
        mistakes = [_describe(item, model_class, data) for item in error.errors()]
        mistakes.sort(key=lambda pair: _line(pair[0], lines) or 0)
        return None, [mistake(what, path, lines, source) for path, what in mistakes]


def mistake(what: str, path: KeyPath, lines: Mapping[KeyPath, int], source: str | os.PathLike[str] | None) -> str:
    """Format one mistake as ``file:line: key: what is wrong``; a missing key takes the line of its nearest parent."""
    line = _line(path, lines)
    prefix = f"{Path(source)}:{line}: " if source is not None and line else ""
    return f"{prefix}{_dotted(path) or 'options'}: {what}"


def refuse(mistakes: Sequence[str], source: str | os.PathLike[str] | None = None) -> None:
    """Raise a ConfigError if there are mistakes: one on a single line, several below a heading, one to a line.

    Args:
        mistakes: as :func:`mistake` formats them.
        source: the file that contains them, for the heading.
    """
    if len(mistakes) == 1:
        raise ConfigError(f"1 mistake in the options: {mistakes[0]}")
    if mistakes:
        place = "the options" if source is None else Path(source)
        raise ConfigError(f"{len(mistakes)} mistakes in {place}", details=mistakes)


def parse_overrides(items: Iterable[str]) -> dict[str, Any]:
    """Parse ``["a.b=1", "c=[1, 2]"]`` to ``{"a.b": 1, "c": [1, 2]}``; values are YAML, nothing is evaluated.

    Raises:
        ConfigError: an item has no '=', or its value is not YAML.
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
    """Read a YAML mapping and the line of every key.

    Returns:
        The data, the line (from 1) of each key path, and a message for each key given twice.

    Raises:
        InputError: the file is missing, or is not UTF-8 text.
        ConfigError: the file is not YAML, or not a mapping.
    """
    source = Path(path)
    try:
        text = source.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError("no such file", where=source, cure="Check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read ({error})", where=source, cure="Give a YAML file in UTF-8") from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"is not YAML: {error}", where=source, cure="Check indentation and colons") from error
    if data is None:
        return {}, {}, []
    if not isinstance(data, dict):
        what = f"contains a {type(data).__name__}, not a mapping of options"
        raise ConfigError(what, where=source, cure="Write options as 'name: value', one to a line")
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
            what = f"there is nothing to set under '{_dotted(keys[: depth + 1])}'"
            raise ConfigError(what, where=_dotted(keys), cure=_HOW_TO_SET)
    last = keys[-1]
    if isinstance(data, dict) or (isinstance(data, list) and isinstance(last, int) and last < len(data)):
        data[last] = value  # type: ignore[index]
    else:
        raise ConfigError("there is nothing to set here", where=_dotted(keys), cure=_HOW_TO_SET)


def _dotted(path: Iterable[str | int]) -> str:
    return ".".join(str(key) for key in path)


def _line(path: KeyPath, lines: Mapping[KeyPath, int]) -> int | None:
    return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)


def _describe(item: Any, model_class: type[pydantic.BaseModel], data: Mapping[str, Any]) -> tuple[KeyPath, str]:
    """Translate one of pydantic's errors into a key path and a message for users."""
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
    """Split pydantic's location into keys of the file and the tags of union members."""
    path: list[str | int] = []
    tags: set[str] = set()
    for position, key in enumerate(location):
        if isinstance(data, Mapping):
            is_present = key in data
        else:
            is_present = isinstance(data, list) and isinstance(key, int) and key < len(data)
        if is_present:
            path.append(key)
            data = data[key]
        elif _assigns(data, key):
            path.append(key)
            data = None
        elif kind == "missing" and position == len(location) - 1:
            path.append(key)
        else:
            tags.add(str(key))
    return tuple(path), frozenset(tags)


def _assigns(data: Any, key: str | int) -> bool:
    """Return whether a command line's list of NAME=VALUE sets this name."""
    return isinstance(data, list) and any(isinstance(item, str) and item.startswith(f"{key}=") for item in data)


def _field_names(model_class: type[pydantic.BaseModel], path: KeyPath, tags: Collection[str]) -> list[str]:
    """Return the names allowed at a key path, through nested models, lists, dicts and unions (their tagged member)."""
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
    """Return the models that an annotation mentions, at any depth."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return [annotation] if issubclass(annotation, pydantic.BaseModel) else []
    return [model for inner in typing.get_args(annotation) for model in _models_in(inner)]


def _tags_of(model: type[pydantic.BaseModel]) -> set[str]:
    """Return the values of a model's Literal fields: the tags that identify it as a member of a union."""
    annotations = [field.annotation for field in model.model_fields.values()]
    return {
        str(word) for item in annotations if typing.get_origin(item) is typing.Literal for word in typing.get_args(item)
    }
