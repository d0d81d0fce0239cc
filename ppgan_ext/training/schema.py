"""A training configuration in PaddleGAN's layout: read, completed, checked as a whole before any work starts."""

from __future__ import annotations

import functools
import operator
import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import pydantic
import yaml
from pydantic import BaseModel, Field, PrivateAttr, SerializeAsAny

from ppgan_ext import config
from ppgan_ext.errors import nearest
from ppgan_ext.option_types import Block, Count, CountOrZero, Number
from ppgan_ext.seeding import MAX_SEED
from ppgan_ext.training.families import table as tasks
from ppgan_ext.training.optimizers import AnyOptimizer
from ppgan_ext.training.schedules import AnySchedule

KeyPath: TypeAlias = tuple[str | int, ...]

# PaddleGAN's spelling -> ours. `visiual_interval` is in all of its files, `save_imig` in one.
OLD_SPELLINGS: dict[tuple[str, str], str] = {
    ("log_config", "visiual_interval"): "visual_interval",
    ("validate", "save_imig"): "save_img",
}


class LogOptions(Block):
    """`log_config`: iterations between lines of the log, and between sample grids."""

    interval: Count = 50
    visual_interval: Count = 500


class SnapshotOptions(Block):
    """`snapshot_config`: iterations (with `epochs`: epochs) between checkpoints."""

    interval: Count = 5000


class ValidateOptions(Block):
    """`validate`: iterations between measurements, whether sample grids are kept, and what is measured.

    Attributes:
        interval: iterations; -1 as in PaddleGAN: only with --evaluate-only.
        save_img: write the sample grids into visual_test too.
        metrics: any name -> options of one metric.
    """

    interval: Literal[-1] | Count = -1
    save_img: bool = False
    metrics: dict[str, SerializeAsAny[BaseModel]] = Field(default_factory=dict)


class ExportOptions(Block):
    """`export_model`: a network to export and its number of inputs."""

    name: str
    inputs_num: Count = 1


class DatasetOptions(Block):
    """`dataset`: where the images for training come from, and those to measure against (default: the same)."""

    train: SerializeAsAny[BaseModel]
    test: SerializeAsAny[BaseModel] | None = None


class Settings(Block):
    """A whole training configuration; `read_config` makes it.

    The last four keys are this package's own, the others PaddleGAN's.

    Attributes:
        total_iters: iterations; either this or `epochs`.
        epochs: times through the data.
        output_dir: the folder in which each run gets a folder.
        min_max: range of the images that are shown; kept for PaddleGAN's files, images are always in [-1, 1].
        image_num: largest number of images of a sample grid; None: the task's choice.
        find_unused_parameters: kept for PaddleGAN's files: unused parameters need no care here.
        enable_visualdl: log for VisualDL too.
        model: options of the task, a `Task.Options`.
        optimizer: name -> options; one without a name of its own is called "optim".
        validation: `validate` in the file.
        seed: of everything random.
        accumulate: shards per process and iteration: as many times `batch_size` images in a step.
        keep_checkpoints: how many of the newest checkpoints stay; weights all stay.
        amp: compute in bfloat16 on a GPU, at Paddle's level O1 or O2; None: float32.
    """

    total_iters: Count | None = None
    epochs: Count | None = None
    output_dir: str = "output_dir"
    min_max: tuple[Number, Number] | None = None
    image_num: Count | None = None
    find_unused_parameters: bool = False
    enable_visualdl: bool = False
    model: SerializeAsAny[BaseModel]
    export_model: list[ExportOptions] = Field(default_factory=list)
    dataset: DatasetOptions
    lr_scheduler: AnySchedule
    optimizer: Annotated[dict[str, AnyOptimizer], Field(min_length=1)]
    log_config: LogOptions = LogOptions()
    snapshot_config: SnapshotOptions = SnapshotOptions()
    validation: ValidateOptions | None = Field(default=None, alias="validate")
    seed: Annotated[CountOrZero, Field(le=MAX_SEED)] = 0
    accumulate: Count = 1
    keep_checkpoints: Count = 1
    amp: Literal["O1", "O2"] | None = None

    _name: str = PrivateAttr("run")
    _notes: tuple[str, ...] = PrivateAttr(())

    @property
    def name(self) -> str:
        """The configuration file's name, without its suffix."""
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about the file: old spellings that were accepted."""
        return self._notes

    @property
    def batch_size(self) -> int:
        """Images in a shard."""
        return self.dataset.train.batch_size  # type: ignore[attr-defined]

    def to_yaml(self) -> str:
        """Write all settings, defaults too, in the layout that `read_config` reads."""
        content = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def read_config(path: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read a configuration.

    Args:
        path: a YAML file in PaddleGAN's layout.
        overrides: dotted key -> value, which win; list items by their number, from 0.

    Raises:
        ConfigError: lists every mistake of the file with its line, its key and the nearest right name.
        InputError: the file cannot be read.
    """
    data, lines, problems = config.read_yaml(path)
    given, notes = _modernise(data, lines, overrides or {})
    config.override(data, lines, given)
    _name_the_only_optimizer(data, lines)
    settler = _Settler(data, lines, path)
    model = pydantic.create_model("Settings", __base__=Settings, **settler.fields())
    settings, mistakes = config.validate(model, data, lines, path)
    problems += [*settler.problems, *mistakes]
    lengths = [key for key in ("total_iters", "epochs") if data.get(key) is not None]
    if len(lengths) != 1:
        what = "give this or 'epochs', not both" if lengths else "missing (or give 'epochs')"
        problems.append(config.mistake(what, ("total_iters",), lines, path))
    if settings is not None and not problems:
        problems += tasks.find(data["model"]["name"]).check(settings)
    config.refuse(sorted(problems, key=_line), path)
    assert settings is not None
    settings._name, settings._notes = Path(path).stem, tuple(notes)
    return settings


def _line(problem: str) -> int:
    found = re.match(r".*?:(\d+): ", problem)
    return int(found[1]) if found else 0


def _modernise(
    data: dict[str, Any], lines: dict[KeyPath, int], overrides: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Bring old spellings of a file, in place, and of overrides to the names of `Settings`; note each that is met."""
    given, notes = dict(overrides), []
    for (block_name, old), name in OLD_SPELLINGS.items():
        found, dotted = False, f"{block_name}.{name}"
        block = data.get(block_name)
        if isinstance(block, dict) and old in block and name not in block:
            block[name] = block.pop(old)
            lines[block_name, name] = lines.get((block_name, old), config.NO_LINE)
            found = True
        if f"{block_name}.{old}" in given:
            given[dotted] = given.pop(f"{block_name}.{old}")
            found = True
        if found:
            notes.append(f"'{block_name}.{old}' was read as '{dotted}', its right spelling")
    return given, notes


def _name_the_only_optimizer(data: dict[str, Any], lines: dict[KeyPath, int]) -> None:
    """Call the one optimiser of a file "optim", as PaddleGAN does, where `optimizer` is not a dict of several."""
    optimizer = data.get("optimizer")
    if isinstance(optimizer, dict) and isinstance(optimizer.get("name"), str):
        data["optimizer"] = {"optim": optimizer}
        for path in [path for path in lines if path[:1] == ("optimizer",) and len(path) > 1]:
            moved: KeyPath = ("optimizer", "optim", *path[1:])
            lines[moved] = lines.pop(path)


class _Settler:
    """Finds the options model of each block that says by `name` what it is; takes unknown blocks out of the data."""

    def __init__(self, data: dict[str, Any], lines: Mapping[KeyPath, int], source: str | os.PathLike[str]) -> None:
        self.data, self.lines, self.source = data, lines, source
        self.problems: list[str] = []

    def fields(self) -> dict[str, Any]:
        """Return the fields of `Settings` as they are for this file, in the form of `pydantic.create_model`."""
        model = self._block(("model",), tasks.TASKS, lambda name: _named(tasks.find(name).Options, name))
        return {"model": _required(model), "dataset": (self._dataset(), ...), "validation": self._validation()}

    def _dataset(self) -> Any:
        from ppgan_ext.data.datasets import DATASETS

        def options(name: str) -> Any:
            return _named(DATASETS[name].Options, name, batch_size=(Count, 1), num_workers=(CountOrZero, 0))

        train = self._block(("dataset", "train"), DATASETS, options)
        test = self._block(("dataset", "test"), DATASETS, options) if "test" in self._at(("dataset",)) else None
        fields: dict[str, Any] = {"train": _required(train), "test": (Any if test is None else test | None, None)}
        return pydantic.create_model("Dataset", __base__=DatasetOptions, **fields)

    def _validation(self) -> Any:
        from ppgan_ext.metrics import METRICS

        models = [
            self._block(("validate", "metrics", key), METRICS, lambda name: _named(METRICS[name].Options, name))
            for key in list(self._at(("validate", "metrics")))
        ]
        kinds = {model.__name__: model for model in models if model is not None}
        if not kinds:
            return ValidateOptions | None, Field(default=None, alias="validate")
        union: Any = functools.reduce(operator.or_, kinds.values())
        item: Any = Annotated[union, Field(discriminator="name")] if len(kinds) > 1 else union
        fields: dict[str, Any] = {"metrics": (dict.__class_getitem__((str, item)), {})}
        model = pydantic.create_model("Validate", __base__=ValidateOptions, **fields)
        return model | None, Field(default=None, alias="validate")

    def _at(self, path: KeyPath) -> dict[Any, Any]:
        """Return the block at a path; an empty one where there is none."""
        block: Any = self.data
        for key in path:
            block = block.get(key) if isinstance(block, dict) else None
        return block if isinstance(block, dict) else {}

    def _block(self, path: KeyPath, table: Collection[str], options: Callable[[str], Any]) -> Any:
        """Return the options model of the block at a path; None where that cannot be told, which is noted."""
        parent, key = self._at(path[:-1]), path[-1]
        block = parent.get(key)
        if not isinstance(block, dict):
            what = "missing" if block is None else f"expected a block of options, got {block!r}"
        elif isinstance(name := block.get("name"), str) and name in table:
            return options(name)
        else:
            path = (*path, "name")
            what = "missing" if name is None else f"unknown '{name}'. {nearest(str(name), table)}"
        self.problems.append(config.mistake(what, path, self.lines, self.source))
        parent.pop(key, None)
        return None


def _required(model: Any) -> tuple[Any, Any]:
    """Field of a block that must be there; where it is not, that has been noted already."""
    return (Any, None) if model is None else (model, ...)


def _named(options: type[BaseModel], name: str, **fields: Any) -> type[BaseModel]:
    """Add to an options model the field `name`, and further fields that it does not have itself."""
    added = {key: value for key, value in fields.items() if key not in options.model_fields}
    added["name"] = (Literal.__getitem__(name), name)
    return pydantic.create_model(name, __base__=options, **added)
