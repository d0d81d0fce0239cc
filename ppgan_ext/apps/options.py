"""What all options models share; each feature's own model lies in its folder, such as `photo.options`.

An options model is the single source of names, defaults, ranges, choices and help texts: Python calls
(`call_signatures`), YAML files (``--config``) and command lines (`flags`) are derived from it. Names and defaults of
PaddleGAN's flags are kept where it has them.
"""

from __future__ import annotations

import math
import os
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic.fields import FieldInfo

from ppgan_ext.config import names_of

PhotoFormat: TypeAlias = Literal["png", "jpg", "webp"]


@dataclass(frozen=True)
class Accepts:
    """Metadata of an annotation: the type that Python callers may pass; validation converts it.

    Attributes:
        type: shown in signatures instead of the type of the stored value.
    """

    type: Any


@dataclass(frozen=True)
class Void:
    """Options that do nothing where other options say so; a value other than the default is then refused.

    Attributes:
        names: the options.
        when: whether they do nothing, from the whole model.
        reason: why, and the cure, one sentence.
    """

    names: tuple[str, ...]
    when: Callable[[Any], bool]
    reason: str


def option(
    default: Any, text: str, *, group: str, step: float | None = None, names: Sequence[str] = (), **limits: Any
) -> Any:
    """Describe one option: its default, help text, group of the help page, slider step and limits (ge, le, ...).

    If it has several ``names``, the first is that of the field; all are accepted as flags, in YAML and in Python.
    """
    alias = AliasChoices(*names) if names else None
    extra: dict[str, Any] = {"group": group, "step": step}
    return Field(default, description=text, json_schema_extra=extra, validation_alias=alias, **limits)


def workers_option() -> Any:
    """Describe the option ``workers`` of a command that works on batches."""
    return option(
        1, "processes that share the photos of a batch; each loads a model of its own into memory, about 1 GB with the "
        "default one", group="input", ge=1, le=64,
    )  # fmt: skip


def describe_limits(field: FieldInfo) -> str:
    """Write the range of a number: "0 to 1", "above 0, up to 1", "at least 0, below 1"; nothing without one."""
    words = {"ge": "at least", "gt": "above", "le": "up to", "lt": "below"}
    limits = {name: _whole(getattr(item, name)) for name in words for item in field.metadata if hasattr(item, name)}
    if {"ge", "le"} <= limits.keys():
        return f"{limits['ge']} to {limits['le']}"
    return ", ".join(f"{words[name]} {limit}" for name, limit in limits.items())


def _whole(limit: float) -> str:
    """Write a limit with all of its digits."""
    return str(int(limit)) if limit == int(limit) else f"{limit:g}"


# The words of `faces.choice`: left, right, top and bottom are those of the picture.
FaceWord: TypeAlias = Literal["all", "largest", "left", "right", "top", "bottom"]


def list_items(value: object) -> list[object]:
    """Return the items of a list, or the only one; words are split at commas.

    Example:
        >>> list_items(["-20,20", 40.5])
        ['-20', '20', 40.5]
    """
    given = list(value) if isinstance(value, (list, tuple)) else [value]
    items: list[object] = []
    for item in given:
        items += [word.strip() for word in item.split(",") if word.strip()] if isinstance(item, str) else [item]
    return items


def _faces(value: object) -> object:
    """Accept a word of `FaceWord`, 2, "2", "1,2", [1, 2], ["1", "2"]; a list of one word is that word."""
    items = list_items(value)
    if len(items) == 1 and str(items[0]) in get_args(FaceWord):
        return str(items[0])
    try:
        numbers = [int(str(item)) for item in items]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        words = ", ".join(get_args(FaceWord))
        got = " ".join(map(str, items))
        raise ValueError(
            f"expected {words}, or face numbers from 1 on (1 is the largest); a word stands alone, got '{got}'"
        )
    return numbers


def name_values(value: object) -> object:
    """Accept ``{"age": 20}``, ``"age=20,smile=1"`` and ``["age=20", "smile=1"]``."""
    if value is None or isinstance(value, Mapping):
        return value
    if not isinstance(value, (str, list, tuple)):
        raise ValueError("expected NAME=NUMBER")
    pairs: dict[str, float] = {}
    for item in list_items(value):
        name, sign, number = str(item).partition("=")
        if not sign or not name:
            raise ValueError(f"expected NAME=NUMBER, got '{item}'")
        if name in pairs:
            raise ValueError(f"'{name}' is given twice")
        try:
            pairs[name] = float(number)
        except ValueError:
            raise ValueError(f"expected a number after '{name}=', got '{number}'") from None
    return pairs


def _numbers(value: object) -> object:
    """Accept 20, "20", "-20,20", [20, 40] and lists of words."""
    return (
        [_number(item, float, "numbers, such as -20 40 or -20,40") for item in list_items(value)]
        if value is not None
        else None
    )


def _whole_numbers(value: object) -> object:
    """Accept 2, "2", "0,1", [0, 1] and lists of words."""
    return (
        [_number(item, int, "whole numbers, such as 0 1 or 0,1") for item in list_items(value)]
        if value is not None
        else None
    )


def _number(item: object, kind: Callable[[str], float], wanted: str) -> object:
    """Turn a word into a number; anything else is left to the checks of the list."""
    if not isinstance(item, str):
        return item
    try:
        number = kind(item)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"expected {wanted}, got '{item}'")
    return number


def _paths_as_text(value: object) -> object:
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    return [_path_as_text(item) for item in items] if value is not None else value


def _path_as_text(value: object) -> object:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _seeds(value: object) -> object:
    """Accept 7, "7", "0-31,40", ["0-3", 9] and lists of numbers; the order stays, repetitions are left out."""
    seeds: dict[int, None] = {}
    for word in map(str, list_items(value)):
        first, dash, last = word.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(f"expected seeds such as 7 or 0-31, got '{word}'")
        start, stop = int(first), int(last or first)
        if stop < start or stop > LARGEST_SEED or stop - start >= MOST_SEEDS:
            raise ValueError(f"expected at most {MOST_SEEDS} seeds from 0 to {LARGEST_SEED}, upwards, got '{word}'")
        seeds.update(dict.fromkeys(range(start, stop + 1)))
    if len(seeds) > MOST_SEEDS:
        raise ValueError(f"expected at most {MOST_SEEDS} seeds, got {len(seeds)}")
    return list(seeds)


LARGEST_SEED = 2**32 - 1
MOST_SEEDS = 10_000  # a film or a training set needs no more
Seeds: TypeAlias = Annotated[list[int], BeforeValidator(_seeds), Accepts(int | str | Sequence[int | str])]
FaceChoice: TypeAlias = Annotated[
    FaceWord | list[int],
    BeforeValidator(_faces),
    Accepts(FaceWord | int | Sequence[int]),
]
NamedNumbers: TypeAlias = Annotated[dict[str, float], BeforeValidator(name_values), Accepts(Mapping[str, float])]
Numbers: TypeAlias = Annotated[list[float], BeforeValidator(_numbers), Accepts(float | Sequence[float])]
WholeNumbers: TypeAlias = Annotated[list[int], BeforeValidator(_whole_numbers), Accepts(Sequence[int])]
FilePath: TypeAlias = Annotated[str, BeforeValidator(_path_as_text), Accepts(str | os.PathLike[str])]
Paths: TypeAlias = Annotated[
    list[str],
    BeforeValidator(_paths_as_text),
    Accepts(str | os.PathLike[str] | Sequence[str | os.PathLike[str]]),
]


class Options(BaseModel):
    """Base of all options models; unknown keys are refused.

    Attributes:
        alternatives: groups of options that exclude one another: a flag resets the others of its group that a YAML
            file sets.
        voids: options that do nothing beside others, see `Void`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = ()
    voids: ClassVar[tuple[Void, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _has_one_name(cls, data: Any) -> Any:
        """Refuse an option that is given under two of its names."""
        for name, field in cls.model_fields.items() if isinstance(data, Mapping) else ():
            given = [other for other in names_of(name, field) if other in data]
            if len(given) > 1:
                raise ValueError(f"'{given[0]}' and '{given[1]}' are names of one option; give one of them")
        return data

    @field_validator("*", mode="before")
    @classmethod
    def _is_not_empty(cls, value: object) -> object:
        """Refuse empty text, which as a path would be the current folder; no option has a meaning for it."""
        items = value if isinstance(value, (list, tuple)) else [value]
        if any(isinstance(item, str) and not item.strip() for item in items):
            raise ValueError("is empty; a shell variable may be unset")
        return value

    @model_validator(mode="after")
    def _does_something(self) -> Options:
        """Refuse options that were given and do nothing."""
        fields = type(self).model_fields
        given = [name for name in fields if name in self.model_fields_set]
        given = [name for name in given if getattr(self, name) != fields[name].default]
        for void in self.voids:
            names = [name for name in given if name in void.names]
            if names and void.when(self):
                raise ValueError(f"{', '.join(names)} would do nothing: {void.reason}")
        return self


class OutputOptions(Options):
    """Options of every application that writes results: where they go."""

    output_path: str = option("output_dir", "folder for the results, made if missing", group="output")


class ModelOptions(OutputOptions):
    """Options of every application of face models: which model, on which device, and where results go."""

    model_type: str | None = option(
        None,
        "model by name, e.g. faces-128, ffhq-inversion (default: faces-128, ships with the package)",
        group="model",
    )
    weight_path: str | None = option(
        None, "your own weight file (.pdparams, .safetensors, .pt); wins over --model_type", group="model"
    )
    size: int | None = option(
        None, "output size that the model must have, pixels (default: read off its file)", group="model", ge=8, le=1024
    )
    style_dim: int | None = option(
        None, "style dimensions that it must have (default: read off its file)", group="model", ge=1
    )
    n_mlp: int | None = option(
        None, "mapping layers that it must have (default: read off its file)", group="model", ge=1
    )
    channel_multiplier: int | None = option(
        None, "channel multiplier that it must have (default: read off its file)", group="model", ge=1
    )
    cpu: bool = option(False, "compute on the CPU even where a GPU is found", group="model")
    half: bool = option(False, "half precision; only on a GPU", group="model")
    seed: int | None = option(
        None, "seed of everything random: same seed, same files", group="model", ge=0, le=2**32 - 1
    )


class InversionOptions(ModelOptions):
    """Options shared by the applications that find the codes of photos."""

    fit_steps: int = option(
        0, "refine each face's code by this many optimiser steps: closer to the photo, slower",
        group="face", ge=0, le=5000, step=10,
    )  # fmt: skip
    tune: int = option(
        0, "tune one copy of the model to both faces by this many steps, e.g. 60: draws these very people, slower",
        group="face", ge=0, le=5000, step=10,
    )  # fmt: skip
    save_tuned: bool = option(
        False, "with --tune: write the tuned model as .tuned.safetensors, for --weight_path", group="output"
    )

    @model_validator(mode="after")
    def _something_to_save(self) -> InversionOptions:
        if self.save_tuned and not self.tune:
            raise ValueError("save_tuned needs tune: give the number of steps, e.g. 60")
        return self


def plain_types(annotation: Any) -> Iterator[Any]:
    """Yield the types inside Annotated, Optional and unions, except None."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from plain_types(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            yield from plain_types(part)
    elif annotation is not type(None):
        yield annotation


def literal_choices(annotation: Any) -> tuple[str, ...]:
    """Return the words that a ``Literal`` field may take; empty for other fields."""
    return tuple(
        str(word)
        for part in plain_types(annotation)
        if typing.get_origin(part) is typing.Literal
        for word in typing.get_args(part)
    )
