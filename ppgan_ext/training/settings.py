"""The training configuration: PaddleGAN's blocks and keys, with their types and defaults."""

from __future__ import annotations

from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, Field, PrivateAttr, SerializeAsAny

from ppgan_ext.option_types import Block, Count, CountOrZero, Number
from ppgan_ext.seeding import MAX_SEED
from ppgan_ext.training.optimizers import AnyOptimizer
from ppgan_ext.training.schedules import AnySchedule, Schedule


class LogOptions(Block):
    """The block `log_config`.

    Attributes:
        interval: iterations between lines of the log.
        visual_interval: iterations between sample grids.
    """

    interval: Count = 50
    visual_interval: Count = 500


class SnapshotOptions(Block):
    """The block `snapshot_config`.

    Attributes:
        interval: iterations between checkpoints; epochs, if the run's length is given in epochs.
    """

    interval: Count = 5000


class ValidateOptions(Block):
    """The block `validate`.

    Attributes:
        interval: iterations between measurements; -1, as in PaddleGAN: measure only with --evaluate-only.
        save_img: write the sample grids into visual_test too.
        metrics: any name -> options of a metric.
    """

    interval: Literal[-1] | Count = -1
    save_img: bool = False
    metrics: dict[str, SerializeAsAny[BaseModel]] = Field(default_factory=dict)


class ExportOptions(Block):
    """An item of `export_model`: a network to export.

    Attributes:
        name: name of the network.
        inputs_num: its number of inputs.
    """

    name: str
    inputs_num: Count = 1


class DatasetOptions(Block):
    """The block `dataset`.

    Attributes:
        train: the data set to train on.
        test: the data set for metrics and pictures; None: the training set.
    """

    train: SerializeAsAny[BaseModel]
    test: SerializeAsAny[BaseModel] | None = None


class Settings(Block):
    """A complete training configuration, created by `read_config`.

    `enable_tensorboard` and the last four keys are this package's own; the others are PaddleGAN's.

    Attributes:
        total_iters: number of iterations; exactly one of this and `epochs` is required.
        epochs: number of passes through the data.
        output_dir: the folder in which the folder of each run is created.
        min_max: key of PaddleGAN's files (the range of the images shown), without effect: images are in [-1, 1].
        image_num: maximum number of images in a sample grid; None: the family's default.
        find_unused_parameters: key of PaddleGAN's files, without effect: unused parameters need no special treatment.
        enable_visualdl: also write a log for VisualDL.
        enable_tensorboard: also write a log for TensorBoard, into the same folder.
        model: options of the family, a `FamilyOptions`.
        export_model: the networks that `tools/export_model.py` exports; without effect on training.
        dataset: training set and test set.
        lr_scheduler: one schedule for all optimisers, or optimiser name -> schedule.
        optimizer: name -> options; a single optimiser may be written as one block and is then called "optim".
        log_config: intervals of log lines and sample grids.
        snapshot_config: interval of checkpoints.
        validation: the block `validate`; None: no validation.
        seed: seed of all random numbers.
        accumulate: number of shards per process and iteration; a step then uses as many times `batch_size` images.
        keep_checkpoints: number of newest checkpoints to keep; files of weights are all kept.
        amp: compute in bfloat16 on a GPU, at Paddle's level O1 or O2; None: float32.
    """

    total_iters: Count | None = None
    epochs: Count | None = None
    output_dir: str = "output_dir"
    min_max: tuple[Number, Number] | None = None
    image_num: Count | None = None
    find_unused_parameters: bool = False
    enable_visualdl: bool = False
    enable_tensorboard: bool = False
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
        """The configuration file's name, without its suffix; of a file that a run has saved, the name of that run."""
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the user about the file and the overrides, such as misspelt keys that were accepted."""
        return self._notes

    @property
    def batch_size(self) -> int:
        """Number of images in a shard."""
        return self.dataset.train.batch_size  # type: ignore[attr-defined]

    def schedule_of(self, optimizer: str) -> Schedule:
        """Return the learning-rate schedule of an optimiser."""
        return self.lr_scheduler[optimizer] if isinstance(self.lr_scheduler, dict) else self.lr_scheduler

    def to_yaml(self) -> str:
        """Return all settings, defaults included, as YAML in the layout that `read_config` reads."""
        content = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
