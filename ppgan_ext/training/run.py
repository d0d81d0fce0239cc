"""Opening a run: data, networks, metrics, folder and log, and the weights or the checkpoint that it starts from."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppgan_ext import files, seeding
from ppgan_ext.data.loader import Loader
from ppgan_ext.errors import ConfigError
from ppgan_ext.training import checkpoint, checkpoint_files, own_config
from ppgan_ext.training.boards import wanted_boards
from ppgan_ext.training.families import FAMILIES
from ppgan_ext.training.initial_weights import load_weights
from ppgan_ext.training.log import Log
from ppgan_ext.training.processes import Processes
from ppgan_ext.training.profiling import Profile
from ppgan_ext.training.random_streams import RandomStreams
from ppgan_ext.training.samples import SampleSets
from ppgan_ext.training.settings import Settings
from ppgan_ext.training.task import Task

if TYPE_CHECKING:
    from ppgan_ext.metrics import Metric


@dataclass(frozen=True)
class Start:
    """How a run starts.

    Attributes:
        resume: a checkpoint to continue from, or the folder of a run.
        load: a file of weights to start from, as `checkpoint.load_weights` expects it.
        evaluate_only: compute the metrics, or without any write what the networks make of the test set, and stop.
        profile: options of `profiling.Profile`.
        in_new_folder: write figures of a run's weights into a new folder, not into the run's.
    """

    resume: str | None = None
    load: str | None = None
    evaluate_only: bool = False
    profile: str | None = None
    in_new_folder: bool = False


@dataclass(eq=False)
class Run:
    """A training run, ready to start or to continue; `open_run` creates it.

    Attributes:
        settings: the configuration.
        processes: the processes of the run.
        task: the model family, with networks and optimisers.
        loader: loads this process's shards of every iteration.
        folder: the folder of the results; only the writer writes into it.
        log: log of the run.
        metrics: the metrics by their names in the configuration.
        total: number of iterations of the whole run.
        iters_per_epoch: iterations in one pass through the data.
        done: number of finished iterations; 0 also for measured weights whose iteration is unknown.
        saved: the last checkpoint on disk; known to the writer only, except for the one that the run resumed from.
        num_saved: number of iterations finished when the last checkpoint was written.
        profile: profiles a range of iterations, if requested.
    """

    settings: Settings
    processes: Processes
    task: Task
    loader: Loader
    folder: Path
    log: Log
    metrics: Mapping[str, Metric]
    total: int
    iters_per_epoch: int
    done: int = 0
    saved: Path | None = None
    num_saved: int = 0
    profile: Profile = field(default_factory=Profile)


def open_run(settings: Settings, processes: Processes, start: Start) -> Run:
    """Open the data, build the task, load its weights, and create the run's folder and log.

    Args:
        settings: the configuration.
        processes: the processes of the run.
        start: checkpoint or weights to start from, and what to do.

    Raises:
        PpganExtError: data, metrics or weights cannot be used. At most the run's folder has been created by then.
    """
    wanted_boards(settings)
    random = RandomStreams(settings.seed)
    samples = SampleSets.open(settings, random)
    metrics = _metrics(settings)
    resumed = checkpoint_files.read(start.resume) if start.resume is not None else None
    seeding.seed_everything(settings.seed)
    family = FAMILIES[settings.model.name]  # type: ignore[attr-defined]
    task = family.load_task()(settings, processes, random, samples).build()
    notes = [*settings.notes, *samples.notes(), *_check_amp(settings, processes)]
    if resumed is not None:
        notes += checkpoint.restore(resumed, task)
        notes.append(f"resumed from {resumed.path}, iteration {resumed.iteration}")
    elif start.load is not None:
        notes += load_weights(start.load, task)
        notes.append(f"weights loaded from {start.load}")
    task.after_load()
    notes += task.notes()
    if metrics:
        outputs = task.outputs()
        for metric in metrics.values():
            metric.check(outputs)  # reject metrics that do not fit the model before training starts
    per_epoch = max(1, len(samples.train) // (settings.batch_size * processes.num_shards_total * task.num_batches))
    total = settings.total_iters or (settings.epochs or 0) * per_epoch
    done = _iteration(start, resumed)
    if done >= total and not start.evaluate_only:
        cure = "Raise total_iters (or epochs) to continue"
        raise ConfigError(f"the run is finished: iteration {done} of {total}", where=start.resume, cure=cure)
    if not start.evaluate_only:
        images = settings.batch_size * processes.num_shards_total * task.num_batches
        notes.append(_plan(done, total, images, len(samples.train)))
    folder = run_folder(settings, start, resumed) if processes.is_writer else Path(settings.output_dir)
    log = _open_log(settings, processes, folder, total, done, is_added_to=start.evaluate_only)
    for note in notes:
        log.note(f"note: {note}")
    return Run(
        settings,
        processes,
        task,
        _loader(settings, processes, samples.train, task),
        folder,
        log,
        metrics,
        total,
        per_epoch,
        done,
        saved=None if resumed is None else resumed.path,
        num_saved=done,
        profile=Profile(start.profile, folder) if processes.is_writer else Profile(),
    )


def _plan(done: int, total: int, num_images: int, num_samples: int) -> str:
    """Describe the length of a run: neither it nor the rates follow the number of images in an iteration.

    Args:
        done: finished iterations.
        total: iterations of the whole run.
        num_images: images in an iteration, over all processes and steps.
        num_samples: images of the data set.
    """
    images = (total - done) * num_images
    return (
        f"planned: iterations {done + 1} to {total} with {num_images} image{'s' if num_images > 1 else ''} each, "
        f"{images} in all, which is {images / num_samples:.3g} times the {num_samples} of the training set"
    )


def _check_amp(settings: Settings, processes: Processes) -> list[str]:
    if settings.amp is None:
        return []
    if processes.device == "cpu":
        return ["amp has no effect on a CPU: everything is computed in float32"]
    import paddle

    if not paddle.amp.is_bfloat16_supported():
        raise ConfigError("this GPU does not support bfloat16", where="amp", cure="Train without --amp")
    return []


def _iteration(start: Start, resumed: checkpoint_files.Checkpoint | None) -> int:
    """Return after which iteration a run continues, or from which the weights are that it measures; 0 if unknown."""
    if resumed is not None:
        return resumed.iteration
    if start.load is None or not start.evaluate_only:
        return 0
    return checkpoint_files.iteration_of(own_config.file_of(start.load)) or 0


def run_folder(settings: Settings, start: Start, resumed: checkpoint_files.Checkpoint | None) -> Path:
    """Create the folder ``<output_dir>/<name>-YYYY-mm-dd-HH-MM``, or return that of the run which is gone on with.

    A resumed run continues in its checkpoint's folder, and figures of a run's weights are written beside them, whereas
    PaddleGAN creates new folders.
    """
    source = None if resumed is None else resumed.path
    if start.evaluate_only and start.load is not None:
        source = own_config.file_of(start.load)
    if source is not None and not start.in_new_folder and (source.parent / own_config.FILE_NAME).is_file():
        if not start.evaluate_only or os.access(source.parent, os.W_OK):
            return source.parent
    parent = files.make_folder(settings.output_dir)
    stem = f"{settings.name}-{time.strftime('%Y-%m-%d-%H-%M')}"
    for number in itertools.count(1):
        folder = parent / (stem if number == 1 else f"{stem}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError


def _open_log(
    settings: Settings, processes: Processes, folder: Path, total: int, done: int, *, is_added_to: bool
) -> Log:
    """Open the log; if it ``is_added_to``, leave all files of the folder, in which the run may be training now."""
    if processes.is_writer and not is_added_to:
        for partial in folder.glob(".part-*"):  # left by a process that was killed while writing
            partial.unlink(missing_ok=True)
    if processes.is_writer and not (is_added_to and (folder / own_config.FILE_NAME).is_file()):
        own_config.write_config(folder, done, settings.to_yaml())
    return Log(
        folder if processes.is_writer else None,
        total=total,
        done=None if is_added_to else done,
        interval=settings.log_config.interval,
        images_per_iteration=settings.batch_size * processes.num_shards_total,
        boards=wanted_boards(settings),
    )


def _loader(settings: Settings, processes: Processes, data: Any, task: Task) -> Loader:
    return Loader(
        data,
        lambda iteration: task.stage(iteration).batch_size,
        seed=settings.seed,
        num_workers=settings.dataset.train.num_workers,  # type: ignore[attr-defined]
        first_shard=processes.first_shard * task.num_batches,
        num_shards=processes.accumulate * task.num_batches,
        num_shards_total=processes.num_shards_total * task.num_batches,
    )


def _metrics(settings: Settings) -> Mapping[str, Any]:
    validation = settings.validation
    if validation is None or not validation.metrics:
        return {}
    from ppgan_ext.metrics import METRICS

    blocks: dict[str, Any] = dict(validation.metrics)
    metrics = {name: METRICS[options.name](options) for name, options in blocks.items()}
    for metric in metrics.values():
        metric.load_networks()  # report a missing file now, not after the first thousand iterations
    return metrics
