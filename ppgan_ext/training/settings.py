"""A training configuration after it has been read and checked: PaddleGAN's layout, completed by defaults."""

from __future__ import annotations

from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, Field, PrivateAttr, SerializeAsAny

from ppgan_ext.option_types import Block, Count, CountOrZero, Number
from ppgan_ext.seeding import MAX_SEED
from ppgan_ext.training.optimizers import AnyOptimizer
from ppgan_ext.training.schedules import AnySchedule, Schedule


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
    """`dataset`: the images to train on, and those to measure on (by default the same)."""

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
        model: options of the family, a `FamilyOptions`.
        lr_scheduler: one schedule for all optimisers, or optimiser name -> schedule.
        optimizer: name -> options; a single optimiser without a name is called "optim".
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
    lr_scheduler: AnySchedule | dict[str, AnySchedule]
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

    def schedule_of(self, optimizer: str) -> Schedule:
        """Return the learning-rate schedule of an optimiser."""
        return self.lr_scheduler[optimizer] if isinstance(self.lr_scheduler, dict) else self.lr_scheduler

    def to_yaml(self) -> str:
        """Write all settings, defaults too, in the layout that `read_config` reads."""
        content = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
