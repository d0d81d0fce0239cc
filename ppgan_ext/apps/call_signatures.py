"""From an options model to the arguments of a Python call, so that names, defaults, types and texts exist only once."""

from __future__ import annotations

import functools
import inspect
import operator
import re
import textwrap
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic.fields import FieldInfo

from ppgan_ext.apps.options import Accepts, Options, describe_limits, literal_choices, plain_types
from ppgan_ext.config import load_options, names_of
from ppgan_ext.errors import ConfigError, nearest

Returned = TypeVar("Returned")
_WIDTH = 120
_PAIRS = re.compile(r"\b\w+=-?[\d.]*\d( \w+=-?[\d.]*\d)*")
_OPTIONS_ENTRY = re.compile(r"^( *)options: .*\n(?:\1 +.*\n)*", re.MULTILINE)


def options_as_arguments(
    model: type[Options],
    *,
    required: Sequence[str] = (),
    positional: Sequence[str] = (),
    keyword: Sequence[str] = (),
    none_by_default: Sequence[str] = (),
    renamed: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., Returned]], Callable[..., Returned]]:
    """Let callers give fields of an options model as arguments; the method's ``options`` gets the validated model.

    ``inspect.signature``, ``help()`` and ``typing.get_type_hints`` show the fields in place of ``options``, with their
    defaults and types, and the docstring describes them there. None stands for the default of any field. An
    argument may be given by every name of its field.

    Args:
        model: the options model.
        required: fields without a default in the call, by position or name; they follow the method's own parameters.
        positional: fields that may be given by position or name.
        keyword: fields that must be given by name.
        none_by_default: of these, the fields for which the signature shows None instead of the model's default.
        renamed: argument -> field, where an argument has another name than its field.

    Raises:
        ConfigError: when the method is called: an unknown argument, or a value that cannot be used.

    Example:
        >>> from ppgan_ext.apps.photo.options import AgeOptions
        >>> @options_as_arguments(AgeOptions, positional=("years",), keyword=("tune",))
        ... def run(image: str, options: AgeOptions) -> list:
        ...     return [image, options.years, options.tune]
        >>> run("photo.jpg", 20)
        ['photo.jpg', [20.0], 0]
        >>> inspect.signature(run)
        <Signature (image: str, years: float | collections.abc.Sequence[float] | None = None, *, tune: int = 0) -> list>
    """
    field_of = {name: (renamed or {}).get(name, name) for name in (*required, *positional, *keyword)}
    fields = {name: model.model_fields[field] for name, field in field_of.items()}

    def decorate(method: Callable[..., Returned]) -> Callable[..., Returned]:
        parameters = [
            *_own_parameters(method),
            *(_parameter(name, fields[name], name in none_by_default, is_required=True) for name in required),
            *(_parameter(name, fields[name], name in none_by_default) for name in positional),
            *(_parameter(name, fields[name], name in none_by_default, is_keyword=True) for name in keyword),
        ]
        returns = typing.get_type_hints(method)["return"]
        signature = inspect.Signature(parameters, return_annotation=returns)
        own_name_of = {
            other: name
            for name, field in model.model_fields.items()
            for other in names_of(name, field)[1:]
            if name in signature.parameters
        }

        @functools.wraps(method)
        def call(*values: Any, **named_values: Any) -> Returned:
            for other in own_name_of.keys() & named_values.keys():
                name = own_name_of[other]
                if name in named_values:
                    what = f"'{name}' and '{other}' are names of one argument"
                    raise ConfigError(what, where=method.__qualname__, cure="Give one of them")
                named_values[name] = named_values.pop(other)
            for name in named_values:
                if name not in signature.parameters:
                    cure = nearest(name, [name for name in signature.parameters if name != "self"])
                    raise ConfigError(f"unknown argument '{name}'", where=method.__qualname__, cure=cure)
            arguments = signature.bind(*values, **named_values).arguments
            given = {field_of[name]: arguments.pop(name) for name in fields if name in arguments}
            options = load_options(model, overrides={name: v for name, v in given.items() if v is not None})
            return method(**arguments, options=options)

        call.__signature__ = signature  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in parameters if p.annotation is not p.empty}
        call.__annotations__["return"] = returns
        texts = {name: describe(field, name in none_by_default) for name, field in fields.items()}
        call.__doc__ = _put_into_docstring(method.__doc__ or "", texts)
        return call

    return decorate


def accepted_type(field: FieldInfo) -> Any:
    """Return the type of what Python callers may pass for a field: that of its `Accepts`, otherwise its own."""
    for item in field.metadata:
        if isinstance(item, Accepts):
            return item.type
    return _accepted(field.annotation)


def describe(field: FieldInfo, with_default: bool = False) -> str:
    """Describe a field for Python callers: its help text, choices and range, and on request its default.

    Example:
        >>> from ppgan_ext.apps.fusion.options import FuseOptions
        >>> describe(FuseOptions.model_fields["identity"], with_default=True)
        "share of the person's face (0 to 1; default 1.0)."
    """
    accepted = accepted_type(field)
    text = re.sub(r"--(\w+)", r"``\1``", field.description or "")
    if any(typing.get_origin(part) is Mapping for part in plain_types(accepted)):
        text = _PAIRS.sub(_as_mapping, text)
    details = [_choices(accepted), describe_limits(field)]
    if with_default and field.default not in (None, [], {}) and "(default" not in text:
        details.append(f"default {_quoted(field.default)}")
    shown = "; ".join(filter(None, details))
    text = f"{text} ({shown})" if shown else text
    return text if text.endswith(".") else f"{text}."


def _own_parameters(method: Callable[..., Any]) -> list[inspect.Parameter]:
    """List the parameters that a method has beside ``options``, with evaluated annotations."""
    hints = typing.get_type_hints(method)
    parameters = [p for p in inspect.signature(method).parameters.values() if p.name != "options"]
    return [p.replace(annotation=hints.get(p.name, p.empty)) for p in parameters]


def _parameter(
    name: str, field: FieldInfo, none_by_default: bool, *, is_required: bool = False, is_keyword: bool = False
) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY if is_keyword else inspect.Parameter.POSITIONAL_OR_KEYWORD
    annotation = accepted_type(field)
    if is_required:
        return inspect.Parameter(name, kind, annotation=annotation)
    default = None if none_by_default or field.default in ([], {}) else field.default
    if default is None:
        annotation = annotation | None
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _accepted(annotation: Any) -> Any:
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = typing.get_args(annotation)
        return next((item.type for item in metadata if isinstance(item, Accepts)), _accepted(inner))
    if origin in (typing.Union, types.UnionType):
        return functools.reduce(operator.or_, map(_accepted, typing.get_args(annotation)))
    return annotation


def _choices(accepted: Any) -> str:
    """List the words of a type that is nothing but a Literal: '"png" or "jpg"'."""
    parts = list(plain_types(accepted))
    if not all(typing.get_origin(part) is typing.Literal for part in parts):
        return ""
    words = [_quoted(word) for word in literal_choices(accepted)]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _as_mapping(match: re.Match[str]) -> str:
    """Write the command line's ``age=20 smile=1`` as Python's ``{"age": 20, "smile": 1}``."""
    pairs = (pair.split("=") for pair in match[0].split())
    return "{" + ", ".join(f'"{name}": {number}' for name, number in pairs) + "}"


def _put_into_docstring(docstring: str, texts: Mapping[str, str]) -> str:
    """Replace the docstring's entry for ``options`` by one entry for each argument."""

    def entries(match: re.Match[str]) -> str:
        indent = match[1]
        lines = [
            textwrap.fill(f"{name}: {text}", _WIDTH, initial_indent=indent, subsequent_indent=indent + "    ")
            for name, text in texts.items()
        ]
        return "\n".join(lines) + "\n"

    return _OPTIONS_ENTRY.sub(entries, docstring, count=1)
