"""From YAML to validated models: all mistakes are listed at once, each with its line, key and the nearest valid name.

Nothing is evaluated: overrides ``a.b=v`` are parsed as YAML values.
"""

from __future__ import annotations

import difflib
import os
import re
import reprlib
import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pydantic
from pydantic.fields import FieldInfo

from ppgan_ext import yaml_files
from ppgan_ext.errors import ConfigError
from ppgan_ext.text_files import read_text
from ppgan_ext.untrusted import shown
from ppgan_ext.yaml_files import KeyPath, Line

Options = TypeVar("Options", bound=pydantic.BaseModel)
NO_LINE = Line(0)  # of a key that an override has set
MAX_TOLD = 20
_MAX_NAME, _MAX_MESSAGE = 80, 400
# The kinds of errors for a value that should be text, or a list of one text; YAML takes a folder 2024 for a number.
_TEXT_NEEDED = ("string_type", "path_type", "list_type")
_IN_BRACKETS = re.compile(r"\[(\d+)\]")
_MAX_DEPTH = 3  # of blocks below the one in which a key is unknown
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
    lines: dict[KeyPath, Line] = {}
    problems: list[str] = []
    if yaml_path is not None:
        data, lines, problems = read_yaml(yaml_path)
    for name, field in model_class.model_fields.items():
        names = names_of(name, field)
        if len(names) > 1 and any(other in (overrides or {}) for other in names):
            for other in names:
                data.pop(other, None)  # the override wins, whichever name the file uses
    override(data, lines, overrides or {})
    options, mistakes = validate(model_class, data, lines, yaml_path)
    refuse([*problems, *mistakes], yaml_path)
    assert options is not None
    return options


def names_of(name: str, field: FieldInfo) -> tuple[str, ...]:
    """Return the names under which a field may be given, its own first; a plain alias takes the place of its own."""
    alias = field.validation_alias
    if isinstance(alias, pydantic.AliasChoices):
        return (name, *(other for other in alias.choices if isinstance(other, str) and other != name))
    return (alias if isinstance(alias, str) else name,)


class Overrides(dict[str, Any]):
    """Dotted keys -> values, from a command line.

    Attributes:
        lines: dotted key -> path inside of its value -> its text as written.
    """

    def __init__(self, values: Mapping[str, Any], lines: Mapping[str, Mapping[KeyPath, Line]]) -> None:
        super().__init__(values)
        self.lines = dict(lines)


def override(data: dict[str, Any], lines: dict[KeyPath, Line], overrides: Mapping[str, Any]) -> None:
    """Set dotted keys in the data and lines of :func:`read_yaml`, in place; numbers are indices where a list is.

    Raises:
        ConfigError: a key lies below a plain value or past the end of a list.
    """
    for dotted, value in overrides.items():
        keys = _set(data, dotted.split("."), value)
        for own in [own for own in lines if own[: len(keys)] == keys]:
            del lines[own]
        inner = overrides.lines.get(dotted, {}) if isinstance(overrides, Overrides) else {}
        lines[keys] = NO_LINE
        lines.update({(*keys, *path): Line(NO_LINE, line.text) for path, line in inner.items()})


def validate(
    model_class: type[Options],
    data: Mapping[str, Any],
    lines: Mapping[KeyPath, Line],
    source: str | os.PathLike[str] | None,
) -> tuple[Options | None, list[str]]:
    """Validate a mapping and describe every mistake, in the order of the file.

    A value that must be text is taken as it was written, where YAML made a number, a date or a truth value of it.

    Returns:
        The options, or None if there are mistakes; and the mistakes, each ``file:line: key: what is wrong``. Only the
        first `MAX_TOLD`, which will be shown, are described in full.
    """
    options, found = _attempt(model_class, data)
    written = _take_as_written(found, data, lines)
    if written:
        options, found = _attempt(model_class, data)
        wrong = {_split_location(tuple(item["loc"]), data, item["type"])[0] for item in found}
        for path in written.keys() & wrong:  # text does not help there: the message shows the value that YAML made
            _at(data, path[:-1])[path[-1]] = written[path]
        options, found = _attempt(model_class, data) if written.keys() & wrong else (options, found)
    if options is not None:
        return options, []
    placed = [(*_split_location(tuple(item["loc"]), data, item["type"]), item) for item in found]
    placed.sort(key=lambda place: _line(place[0], lines) or 0)
    described = [_describe(item, path, tags, model_class) for path, tags, item in placed[:MAX_TOLD]]
    described += [(path, "wrong") for path, _, _ in placed[MAX_TOLD:]]
    return None, [mistake(what, path, lines, source) for path, what in described]


def _attempt(model_class: type[Options], data: Mapping[str, Any]) -> tuple[Options | None, list[Any]]:
    """Return the options, or None and pydantic's errors."""
    try:
        return model_class.model_validate(data), []
    except pydantic.ValidationError as error:
        return None, error.errors()


def _take_as_written(found: Iterable[Any], data: Any, lines: Mapping[KeyPath, Line]) -> dict[KeyPath, Any]:
    """Replace values that should be text by their text as written, in place; return the values that were there."""
    replaced = {}
    for item in found:
        path, _ = _split_location(tuple(item["loc"]), data, item["type"])
        line = lines.get(path)
        if item["type"] in _TEXT_NEEDED and line is not None and line.text is not None and path not in replaced:
            replaced[path] = _at(data, path)
            _at(data, path[:-1])[path[-1]] = line.text
    return replaced


def _at(data: Any, path: KeyPath) -> Any:
    for key in path:
        data = data[key]
    return data


def mistake(what: str, path: KeyPath, lines: Mapping[KeyPath, Line], source: str | os.PathLike[str] | None) -> str:
    """Format one mistake as ``file:line: key: what is wrong``; a missing key takes the line of its nearest parent."""
    line = _line(path, lines)
    prefix = f"{Path(source)}:{line}: " if source is not None and line else ""
    return f"{prefix}{_dotted(path)}: {what}" if path else f"{prefix}{what}"


def refuse(mistakes: Sequence[str], source: str | os.PathLike[str] | None = None) -> None:
    """Raise a ConfigError if there are mistakes: one on a single line, the first of several below a heading.

    Args:
        mistakes: as :func:`mistake` formats them.
        source: the file that contains them, for the heading.
    """
    if len(mistakes) == 1:
        raise ConfigError(f"1 mistake in the options: {mistakes[0]}")
    if mistakes:
        place = "the options" if source is None else Path(source)
        more = [f"and {len(mistakes) - MAX_TOLD:,} more"] if len(mistakes) > MAX_TOLD else []
        raise ConfigError(f"{len(mistakes):,} mistakes in {place}", details=[*mistakes[:MAX_TOLD], *more])


def parse_overrides(items: Iterable[str]) -> Overrides:
    """Parse ``["a.b=1", "c=[1, 2]"]`` to ``{"a.b": 1, "c": [1, 2]}``; values are YAML, nothing is evaluated.

    Raises:
        ConfigError: an item has no '=', or its value is not YAML.
    """
    parsed = Overrides({}, {})
    for item in items:
        key, equals, text = item.partition("=")
        if not equals or not key.strip():
            what = f"'{shown(item, _MAX_NAME)}' is not of the form key=value"
            raise ConfigError(what, where="-o", cure="Write it as -o a.b=value")
        if _IN_BRACKETS.search(key):
            what = f"'{shown(key.strip(), _MAX_NAME)}' has a number in brackets"
            raise ConfigError(what, where="-o", cure=f"Write list items as {shown(_unbracketed(key), _MAX_NAME)}")
        try:
            document = yaml_files.load(text, "-o")
        except ConfigError as error:
            what = f"the value of '{shown(item, _MAX_NAME)}' {error.what}"
            raise ConfigError(what, where="-o", cure="Quote the value") from error
        parsed[key.strip()], parsed.lines[key.strip()] = document.data, document.lines
    return parsed


def _unbracketed(key: str) -> str:
    return _IN_BRACKETS.sub(r".\1", key.strip()).lstrip(".")


def read_yaml(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[KeyPath, Line], list[str]]:
    """Read a YAML mapping and the line of every key. Keys are text as written.

    Args:
        path: a file in UTF-8, or in UTF-16 with a byte order mark.

    Returns:
        The data, the line (from 1) of each key path, and a message for each key given twice.

    Raises:
        InputError: the file is missing, or is text in another encoding.
        ConfigError: the file is not YAML, not a mapping, or larger than options can be.
    """
    document = yaml_files.load(read_text(path, yaml_files.MAX_BYTES), Path(path))
    if document.data is None:
        return {}, {}, []
    if not isinstance(document.data, dict):
        what = f"contains a {type(document.data).__name__}, not a mapping of options"
        raise ConfigError(what, where=path, cure="Write options as 'name: value', one to a line")
    twice = [
        f"{Path(path)}:{line}: '{_dotted(own)}' is given twice, first in line {first}"
        for own, line, first in document.twice
    ]
    return document.data, document.lines, twice


def shown_value(value: Any) -> str:
    """Return a value for a message, in at most 80 characters."""
    try:
        return shown(_REPR.repr(value), _MAX_NAME)
    except ValueError:  # a number of too many digits
        return f"a {type(value).__name__}"


_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _MAX_NAME


def _set(data: Any, names: Sequence[str], value: Any) -> KeyPath:
    """Set a value and return its path, in which the numbers of list items are integers."""
    path: list[str | int] = []
    for name in names:
        is_last, key = len(path) == len(names) - 1, _key(data, name)
        if key is None:
            place = f"under '{_dotted(path)}'" if path else "here"
            what = f"there is nothing to set {place if not is_last else 'here'}"
            raise ConfigError(what, where=_dotted(names), cure=_HOW_TO_SET)
        path.append(key)
        if is_last:
            data[key] = value
        else:
            data = data.setdefault(key, {}) if isinstance(data, dict) else data[key]
    return tuple(path)


def _key(data: Any, name: str) -> str | int | None:
    """Return the key for a name in a mapping or a list; None if it has no such place."""
    if isinstance(data, dict):
        return name
    if isinstance(data, list) and name.isascii() and name.isdigit() and len(name) < len(str(len(data))) + 1:
        return int(name) if int(name) < len(data) else None
    return None


def _dotted(path: Iterable[str | int]) -> str:
    return shown(".".join(str(key) for key in path), 2 * _MAX_NAME)


def _line(path: KeyPath, lines: Mapping[KeyPath, Line]) -> Line | None:
    return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)


def _describe(
    item: Any, path: KeyPath, tags: frozenset[str], model_class: type[pydantic.BaseModel]
) -> tuple[KeyPath, str]:
    """Translate one of pydantic's errors at a key path into the path to name and a message for users."""
    kind, context = item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        models = _models_at(model_class, path[:-1], tags)
        deeper = "' or '".join(_dotted((*path[:-1], *place)) for place in _places(str(path[-1]), models))
        hint = f"did you mean '{deeper}'?" if deeper else _hint(str(path[-1]), _field_names(models))
        what = f"unknown key; {hint}"
    elif kind == "missing":
        what = "missing"
    elif kind == "union_tag_not_found":
        path, what = (*path, context["discriminator"].strip("'")), "missing"
    elif kind == "union_tag_invalid":
        path = (*path, context["discriminator"].strip("'"))
        choices = [word.strip(" '") for word in context["expected_tags"].split(",")]
        tag = shown(str(context["tag"]), _MAX_NAME)
        what = f"unknown '{tag}'; {_hint(tag, choices)}"
    else:
        message = item["msg"].removeprefix("Value error, ").partition(", unable to parse ")[0]
        value = item["input"]
        is_told = ", got '" in message or (isinstance(value, str) and shown_value(value) in message)
        got = "" if is_told or isinstance(value, dict | pydantic.BaseModel) else f", got {shown_value(value)}"
        what = f"{shown(message[:1].lower() + message[1:], _MAX_MESSAGE)}{got}"
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


def _models_at(
    model_class: type[pydantic.BaseModel], path: KeyPath, tags: Collection[str]
) -> list[type[pydantic.BaseModel]]:
    """Return the models at a key path, through nested models, lists, dicts and unions (their tagged member)."""
    models = [model_class]
    for key in path:
        annotations = [field.annotation for model in models if (field := _field(model, key)) is not None]
        if annotations:
            models = [model for annotation in annotations for model in _models_in(annotation)]
    return [model for model in models if _tags_of(model) & set(tags)] or models


def _field_names(models: Iterable[type[pydantic.BaseModel]]) -> list[str]:
    """Return the names that are allowed in a block of one of these models."""
    return [other for model in models for name, field in model.model_fields.items() for other in names_of(name, field)]


def _places(name: str, models: Iterable[type[pydantic.BaseModel]], depth: int = _MAX_DEPTH) -> list[KeyPath]:
    """Return where a key of this name lies in the blocks below; inside of lists and dicts it has no fixed place."""
    found: dict[KeyPath, None] = {}
    for model in models if depth else ():
        for own, field in model.model_fields.items():
            inner = [] if _is_container(field.annotation) else _models_in(field.annotation)
            block = names_of(own, field)[0]
            found |= dict.fromkeys((block, name) for one in inner if name in _field_names([one]))
            found |= dict.fromkeys((block, *place) for place in _places(name, inner, depth - 1))
    return list(found)


def _is_container(annotation: Any) -> bool:
    """Return whether an annotation is a list or a dict, or may be one."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    return origin in (list, dict, tuple) or any(map(_is_container, inner))


def _field(model: type[pydantic.BaseModel], key: str | int) -> Any:
    by_alias = {field.alias: field for field in model.model_fields.values() if field.alias}
    by_alias |= {other: field for name, field in model.model_fields.items() for other in names_of(name, field)}
    return by_alias.get(str(key))


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
