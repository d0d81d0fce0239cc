"""From settings to a run that is ready: folder, data, networks, metrics, and what is taken over from a file."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppgan_ext import files, seeding
from ppgan_ext.data.datasets import build_dataset
from ppgan_ext.data.loader import Loader
from ppgan_ext.errors import ConfigError
from ppgan_ext.training import checkpoint
from ppgan_ext.training.families import table as tasks
from ppgan_ext.training.log import Journal, find_visualdl
from ppgan_ext.training.loop import Run
from ppgan_ext.training.processes import World
from ppgan_ext.training.profiling import Profile
from ppgan_ext.training.random_streams import Draws
from ppgan_ext.training.schema import Settings


@dataclass(frozen=True)
class Start:
    """Where a run starts from.

    Attributes:
        resume: a checkpoint to go on from, or the folder of a run.
        load: a file whose weights are taken over.
        evaluate_only: measure and stop.
        profile: options of `profiling.Profile`.
    """

    resume: str | None = None
    load: str | None = None
    evaluate_only: bool = False
    profile: str | None = None


def prepare(settings: Settings, world: World, start: Start) -> Run:
    """Put a run together.

    Raises:
        PpganExtError: data, metrics or weights that cannot be used; nothing has been written then but the run's folder.
    """
    if settings.enable_visualdl:
        find_visualdl()
    train_data = build_dataset(settings.dataset.train)
    test_data = train_data if settings.dataset.test is None else build_dataset(settings.dataset.test)
    metrics = _metrics(settings, start)
    taken = checkpoint.read(start.resume) if start.resume is not None else None
    seeding.seed_everything(settings.seed)
    task = tasks.find(settings.model.name)(settings, world, Draws(settings.seed))  # type: ignore[attr-defined]
    notes = [*settings.notes, *_check_amp(settings, world)]
    if taken is not None:
        notes += checkpoint.restore(taken, task)
        notes.append(f"going on from {taken.path}, iteration {taken.iteration}")
    elif start.load is not None:
        notes += checkpoint.load_weights(start.load, task)
        notes.append(f"weights taken from {start.load}")
    per_epoch = max(1, len(train_data) // (settings.batch_size * world.num_shards_total))
    total = settings.total_iters or (settings.epochs or 0) * per_epoch
    done = 0 if taken is None or start.evaluate_only else taken.iteration
    if done >= total and not start.evaluate_only:
        cure = "Raise total_iters (or epochs) to go on"
        raise ConfigError(f"the run is at its end: iteration {done} of {total}", where=start.resume, cure=cure)
    folder = run_folder(settings, start, taken) if world.is_writer else Path(settings.output_dir)
    journal = _open_journal(settings, world, folder, total, done)
    for note in notes:
        journal.note(f"note: {note}")
    return Run(
        settings,
        world,
        task,
        _loader(settings, world, train_data),
        folder,
        journal,
        test_data,
        metrics,
        total,
        per_epoch,
        done,
        saved=None if taken is None else taken.path,
        num_saved=done,
        profile=Profile(start.profile, folder) if world.is_writer else Profile(),
    )


def _check_amp(settings: Settings, world: World) -> list[str]:
    if settings.amp is None:
        return []
    if world.device == "cpu":
        return ["amp has no effect on a CPU: everything is computed in float32"]
    import paddle

    if not paddle.amp.is_bfloat16_supported():
        raise ConfigError("this GPU has no bfloat16", where="amp", cure="Train without --amp")
    return []


def run_folder(settings: Settings, start: Start, taken: checkpoint.Checkpoint | None) -> Path:
    """Make the run's folder: ``<output_dir>/<name>-YYYY-mm-dd-HH-MM``, or where a run goes on the checkpoint's own.

    PaddleGAN makes a new folder when it resumes. Here log, weights and checkpoints of a run stay together.
    """
    if taken is not None and not start.evaluate_only and (taken.path.parent / "config.yaml").is_file():
        return taken.path.parent
    parent = files.make_folder(settings.output_dir)
    stem = f"{settings.name}-{time.strftime('%Y-%m-%d-%H-%M')}"
    for number in itertools.count(1):
        folder = parent / (stem if number == 1 else f"{stem}-{number}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError


def _open_journal(settings: Settings, world: World, folder: Path, total: int, done: int) -> Journal:
    if world.is_writer:
        for leftover in folder.glob(".part-*"):  # of a process that was killed while it wrote
            leftover.unlink(missing_ok=True)
        _keep_settings(settings, folder, done)
    return Journal(
        folder if world.is_writer else None,
        total=total,
        done=done,
        interval=settings.log_config.interval,
        images_per_iteration=settings.batch_size * world.num_shards_total,
        visualdl=settings.enable_visualdl,
    )


def _keep_settings(settings: Settings, folder: Path, done: int) -> None:
    """Write config.yaml; where a run goes on with other settings, beside the old one."""
    text, path = settings.to_yaml(), folder / "config.yaml"
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        path = folder / f"config_from_iter_{done}.yaml"
    files.write_bytes(path, text.encode())


def _loader(settings: Settings, world: World, data: Any) -> Loader:
    return Loader(
        data,
        settings.batch_size,
        seed=settings.seed,
        num_workers=settings.dataset.train.num_workers,  # type: ignore[attr-defined]
        first_shard=world.first_shard,
        num_shards=world.accumulate,
        num_shards_total=world.num_shards_total,
    )


def _metrics(settings: Settings, start: Start) -> Mapping[str, Any]:
    validation = settings.validation
    if validation is None or not validation.metrics:
        if start.evaluate_only:
            cure = "Add validate.metrics, such as fid: {name: FID}"
            raise ConfigError("there is nothing to measure", where="validate.metrics", cure=cure)
        return {}
    from ppgan_ext.metrics import METRICS

    chosen: dict[str, Any] = dict(validation.metrics)
    metrics = {name: METRICS[options.name](options) for name, options in chosen.items()}
    for metric in metrics.values():
        metric.prepare()  # what is missing shows now, not after the first thousand iterations
    return metrics
