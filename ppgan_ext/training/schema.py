"""Reading of training configurations in PaddleGAN's layout; each is checked as a whole before training starts."""

from __future__ import annotations

import difflib
import functools
import operator
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, Field

from ppgan_ext import config
from ppgan_ext.errors import InputError, nearest
from ppgan_ext.training.families import FAMILIES
from ppgan_ext.training.own_config import run_name
from ppgan_ext.training.schedules import AnySchedule
from ppgan_ext.training.settings import DatasetOptions, Settings, ValidateOptions
from ppgan_ext.untrusted import shown
from ppgan_ext.yaml_files import KeyPath, Line

# PaddleGAN's misspelt keys -> the keys used here. `visiual_interval` occurs in all of its files, `save_imig` in one.
OLD_SPELLINGS: dict[tuple[str, str], str] = {
    ("log_config", "visiual_interval"): "visual_interval",
    ("validate", "save_imig"): "save_img",
}

_METRICS: KeyPath = ("validate", "metrics")
_CLOSE = 0.7  # likeness of a misspelt name to the one that is surely meant


def read_config(
    path: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None, notes: Sequence[str] = ()
) -> Settings:
    """Read and check a configuration.

    Args:
        path: a YAML file in PaddleGAN's layout.
        overrides: dotted key -> value that replaces the file's; list items are addressed by number, from 0. A metric of
            the file that is set to None is switched off.
        notes: what users should know about the overrides.

    Raises:
        ConfigError: the file contains mistakes; each is listed with its line, its key and the nearest correct name.
        InputError: the file cannot be read.
    """
    _check_exists(Path(path))
    data, lines, problems = config.read_yaml(path)
    renamed_overrides, spelling_notes = _correct_spelling(data, lines, overrides or {})
    named_before = set(_at(data, _METRICS))
    config.override(data, lines, renamed_overrides)
    _drop_metrics_set_to_null(data, renamed_overrides, named_before)
    _name_the_only_optimizer(data, lines)
    resolver = _ModelResolver(data, lines, path)
    model = pydantic.create_model("Settings", __base__=Settings, **resolver.fields())
    settings, mistakes = config.validate(model, data, lines, path)
    problems += [*resolver.problems, *mistakes]
    lengths = [key for key in ("total_iters", "epochs") if data.get(key) is not None]
    if len(lengths) != 1:
        both = "set either this or 'epochs', not both; leave one out, or set it to null with -o"
        neither = "missing; say how long to train, as total_iters: 20000 or as epochs: 10"
        what = both if lengths else neither
        problems.append(config.mistake(what, ("total_iters",), lines, path))
    if settings is not None and not problems:
        problems += [*_schedule_problems(settings), *settings.model.problems(settings)]  # type: ignore[attr-defined]
    config.refuse(sorted(problems, key=_line), path)
    assert settings is not None
    settings._name, settings._notes = run_name(Path(path)), (*spelling_notes, *notes)
    return settings


def _check_exists(path: Path) -> None:
    """Refuse a file that is missing from a folder of similar ones, with their names."""
    if path.exists() or not path.parent.is_dir():
        return
    stems = [other.stem for other in sorted(path.parent.glob("*.yaml"))]
    close = difflib.get_close_matches(path.stem, stems, n=2, cutoff=0.5)
    if close:
        names = " and ".join(f"{stem}.yaml" for stem in close)
        cure = f"The nearest there: {names}; for other data, copy one and set its dataroot"
        raise InputError("no such file", where=path, cure=cure)


def _drop_metrics_set_to_null(data: dict[str, Any], overrides: Mapping[str, Any], known: Collection[str]) -> None:
    """Take away what overrides set to null among the file's metrics; a name that the file lacks remains a mistake."""
    metrics = _at(data, _METRICS)
    for name in known:
        if overrides.get(f"validate.metrics.{name}", "") is None:
            metrics.pop(name, None)


def _schedule_problems(settings: Settings) -> list[str]:
    """List optimisers without a schedule and schedules without an optimiser, if each optimiser has its own schedule."""
    if not isinstance(settings.lr_scheduler, dict):
        return []
    missing = [name for name in settings.optimizer if name not in settings.lr_scheduler]
    extra = [name for name in settings.lr_scheduler if name not in settings.optimizer]
    return [
        *(f"lr_scheduler.{name}: missing; every optimiser needs a schedule" for name in missing),
        *(f"lr_scheduler.{name}: there is no such optimiser. {nearest(name, settings.optimizer)}" for name in extra),
    ]


def _line(problem: str) -> int:
    """Return the line number in a mistake's text; 0 if it has none."""
    match = re.match(r".*?:(\d+): ", problem)
    return int(match[1]) if match else 0


def _correct_spelling(
    data: dict[str, Any], lines: dict[KeyPath, Line], overrides: Mapping[str, Any]
) -> tuple[config.Overrides, list[str]]:
    """Rename misspelt keys in a file, in place, and in overrides; return the overrides and a note for each key."""
    texts = overrides.lines if isinstance(overrides, config.Overrides) else {}
    renamed, notes = config.Overrides(overrides, texts), []
    for (block_name, old), name in OLD_SPELLINGS.items():
        is_misspelt, dotted = False, f"{block_name}.{name}"
        block = data.get(block_name)
        if isinstance(block, dict) and old in block and name not in block:
            block[name] = block.pop(old)
            lines[block_name, name] = lines.get((block_name, old), config.NO_LINE)
            is_misspelt = True
        if f"{block_name}.{old}" in renamed:
            renamed[dotted] = renamed.pop(f"{block_name}.{old}")
            renamed.lines[dotted] = renamed.lines.pop(f"{block_name}.{old}", {})
            is_misspelt = True
        if is_misspelt:
            notes.append(f"'{block_name}.{old}' was read as '{dotted}', the correct spelling")
    return renamed, notes


def _name_the_only_optimizer(data: dict[str, Any], lines: dict[KeyPath, Line]) -> None:
    """If `optimizer` is the block of a single optimiser, name it "optim", as PaddleGAN does."""
    optimizer = data.get("optimizer")
    if isinstance(optimizer, dict) and isinstance(optimizer.get("name"), str):
        data["optimizer"] = {"optim": optimizer}
        for path in [path for path in lines if path[:1] == ("optimizer",) and len(path) > 1]:
            moved: KeyPath = ("optimizer", "optim", *path[1:])
            lines[moved] = lines.pop(path)


class _ModelResolver:
    """Finds the options model of each block by its `name`; removes unknown blocks from the data and lists them."""

    def __init__(self, data: dict[str, Any], lines: Mapping[KeyPath, Line], source: str | os.PathLike[str]) -> None:
        self.data, self.lines, self.source = data, lines, source
        self.problems: list[str] = []

    def fields(self) -> dict[str, Any]:
        """Return the fields of `Settings` for this file, in the form of `pydantic.create_model`."""
        model = self._block(("model",), FAMILIES, lambda name: _named(FAMILIES[name].options, name))
        fields = {"model": _required(model), "dataset": (self._dataset(), ...), "validation": self._validation()}
        schedule = _at(self.data, ("lr_scheduler",))
        # Choose between the two forms here, so that mistakes are reported for the form that the user meant.
        if "name" not in schedule and schedule and all(isinstance(value, dict) for value in schedule.values()):
            return {**fields, "lr_scheduler": (dict[str, AnySchedule], ...)}
        return {**fields, "lr_scheduler": (AnySchedule, ...)}

    def _dataset(self) -> Any:
        from ppgan_ext.data.datasets import DATASETS

        def options(name: str) -> Any:
            return _named(DATASETS[name].Options, name)

        train = self._block(("dataset", "train"), DATASETS, options)
        test = self._block(("dataset", "test"), DATASETS, options) if "test" in _at(self.data, ("dataset",)) else None
        fields: dict[str, Any] = {"train": _required(train), "test": (Any if test is None else test | None, None)}
        return pydantic.create_model("Dataset", __base__=DatasetOptions, **fields)

    def _validation(self) -> Any:
        from ppgan_ext.metrics import METRICS

        models = [
            self._block((*_METRICS, key), METRICS, lambda name: _named(METRICS[name].Options, name))
            for key in list(_at(self.data, _METRICS))
        ]
        kinds = {model.__name__: model for model in models if model is not None}
        if not kinds:
            return ValidateOptions | None, Field(default=None, alias="validate")
        union: Any = functools.reduce(operator.or_, kinds.values())
        item: Any = Annotated[union, Field(discriminator="name")] if len(kinds) > 1 else union
        fields: dict[str, Any] = {"metrics": (dict.__class_getitem__((str, item)), {})}
        model = pydantic.create_model("Validate", __base__=ValidateOptions, **fields)
        return model | None, Field(default=None, alias="validate")

    def _block(self, path: KeyPath, table: Collection[str], options: Callable[[str], Any]) -> Any:
        """Return the options model of the block at a path; if it has none, add a problem and return None.

        A block with a misspelt name is checked as one with the nearest name, so that its other mistakes are listed too.
        """
        parent, key = _at(self.data, path[:-1]), path[-1]
        block = parent.get(key)
        if not isinstance(block, dict):
            what = "missing" if block is None else f"expected a block of options, got {config.shown_value(block)}"
            self._report(what, path)
            parent.pop(key, None)
            return None
        name = block.get("name")
        if isinstance(name, str) and name in table:
            return options(name)
        what = "missing" if name is None else f"unknown '{shown(str(name), 80)}'. {nearest(str(name), table)}"
        self._report(what, (*path, "name"))
        for meant in difflib.get_close_matches(str(name), table, n=1, cutoff=_CLOSE):
            block["name"] = meant
            return options(meant)
        del parent[key]
        return None

    def _report(self, what: str, path: KeyPath) -> None:
        self.problems.append(config.mistake(what, path, self.lines, self.source))


def _at(data: Any, path: KeyPath) -> dict[Any, Any]:
    """Return the block at a path; an empty dict if there is none."""
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _required(model: Any) -> tuple[Any, Any]:
    """Return the field of a required block; a missing block is already among the problems."""
    return (Any, None) if model is None else (model, ...)


@functools.cache
def _named(options: type[BaseModel], name: str) -> type[BaseModel]:
    """Narrow an options model to its name, by which pydantic distinguishes the members of a union."""
    field: Any = (Literal.__getitem__(name), name)
    return pydantic.create_model(name, __base__=options, name=field)
