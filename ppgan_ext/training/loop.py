"""The training loop, which knows no network: data, one iteration of the task, log, pictures, snapshot, validation."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppgan_ext.data.loader import BadFileWarning, Loader
from ppgan_ext.errors import OutputError, TrainingError
from ppgan_ext.interrupts import deferred_interrupt
from ppgan_ext.training import checkpoint
from ppgan_ext.training.log import Journal
from ppgan_ext.training.peer_messages import PeerError
from ppgan_ext.training.processes import World
from ppgan_ext.training.profiling import Profile
from ppgan_ext.training.task import Batch, Task

if TYPE_CHECKING:
    from ppgan_ext.metrics import Metric
    from ppgan_ext.training.schema import Settings


@dataclass(eq=False)
class Run:
    """All that a training run consists of; `session.prepare` puts it together.

    Attributes:
        settings: the configuration.
        world: the processes.
        task: networks and optimisers.
        loader: this process's shards of every iteration.
        folder: where results go; only the writer writes.
        journal: the log.
        real: the data set that metrics compare with.
        metrics: by their names in the configuration.
        total: iterations of the whole run.
        iters_per_epoch: iterations that go once through the data.
        done: finished iterations.
        saved: the last checkpoint on disk, as far as this process knows.
        num_saved: iterations finished when it was written.
        profile: records a range of iterations, if asked to.
    """

    settings: Settings
    world: World
    task: Task
    loader: Loader
    folder: Path
    journal: Journal
    real: Any
    metrics: Mapping[str, Metric]
    total: int
    iters_per_epoch: int
    done: int = 0
    saved: Path | None = None
    num_saved: int = 0
    profile: Profile = field(default_factory=Profile)


def train(run: Run) -> None:
    """Train from iteration ``run.done + 1`` to the last one; a checkpoint lies on disk whenever this is left by Ctrl-C.

    Raises:
        TrainingError: a number out of range; the last good checkpoint is named and kept.
        OutputError: something cannot be written; the last checkpoint is named and kept.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, with a checkpoint of the last finished iteration written.
    """
    batches = run.loader.batches(run.done + 1)
    known_bad: set[str] = set()
    run.journal.start()
    with deferred_interrupt(terminate=True) as check:
        while run.done < run.total:
            rates = _set_learning_rates(run)
            numbers = run.task.step(_next_batches(run, batches, known_bad), run.done + 1)
            _check_numbers(run, numbers)
            run.done += 1
            run.journal.record(run.done, numbers, rates)
            run.profile.advance()
            _after_iteration(run, check)


def evaluate(run: Run, check: Callable[[], None] | None = None) -> dict[str, float] | None:
    """Measure the task as it is; the writer computes, all processes come to an end together.

    Args:
        run: what is measured.
        check: called now and then; a KeyboardInterrupt that it raises ends the measurement.

    Returns:
        Figure -> value; empty in processes that are not the writer; None where Ctrl-C ended it.

    Raises:
        PpganExtError: as the metrics.
    """

    def work() -> dict[str, float] | None:
        from ppgan_ext.metrics import compute_all

        subject = run.task.subject(run.real)
        try:
            figures = compute_all(run.metrics.values(), subject, lambda done, total: check() if check else None)
        except KeyboardInterrupt:
            if check is None:
                raise
            return None
        for note in figures.notes:
            run.journal.note(f"metrics: {note}")
        return figures

    figures = run.world.by_writer(work)
    stopped = run.world.any(run.world.is_writer and figures is None)
    return None if stopped else figures or {}


def save(run: Run) -> None:
    """Write weights and checkpoint, then remove the checkpoint before; no moment is without a whole one.

    Raises:
        OutputError: one cannot be written, or a full disk; the earlier ones stay.
        TrainingError: a network holds NaN; nothing is written.
    """

    def work() -> None:
        per_epoch = run.iters_per_epoch if run.settings.epochs else None
        path = run.folder / checkpoint.file_name("checkpoint", run.done, per_epoch)
        checkpoint.write_weights(run.folder / checkpoint.file_name("weight", run.done, per_epoch), run.task)
        checkpoint.write_checkpoint(path, run.task, run.done)
        checkpoint.remove_older(run.folder, run.done, run.settings.keep_checkpoints, run.iters_per_epoch)
        run.saved = path

    run.num_saved = run.done
    try:
        run.world.by_writer(work)
    except OutputError as error:
        raise OutputError(error.what, where=error.where, cure=f"Free some space; {_way_on(run)}") from error
    except TrainingError as error:
        if isinstance(error, PeerError):
            raise
        raise TrainingError(error.what, where=error.where, cure=f"Lower the learning rate; {_way_on(run)}") from error


def _after_iteration(run: Run, check: Callable[[], None]) -> None:
    """Do what is due after an iteration: saving, pictures, measuring; on Ctrl-C, save and stop."""
    settings, done, last = run.settings, run.done, run.done == run.total
    validation = settings.validation
    stop = run.world.any(_was_interrupted(check))
    unit = run.iters_per_epoch if settings.epochs else 1
    if done % (settings.snapshot_config.interval * unit) == 0 or last or stop:
        save(run)
    if done % settings.log_config.visual_interval == 0 or last:
        _draw(run, "visual_train")
    if validation is not None and validation.interval > 0 and done % validation.interval == 0 and not stop:
        figures = evaluate(run, check)
        if figures is None:
            stop = True
        else:
            run.journal.figures(done, figures)
        if validation.save_img:
            _draw(run, "visual_test")
    if stop and run.num_saved < done:
        save(run)
    if stop:
        raise KeyboardInterrupt


def _draw(run: Run, subfolder: str) -> None:
    run.world.by_writer(lambda: run.journal.pictures(run.done, run.task.pictures(run.done), subfolder))


def _set_learning_rates(run: Run) -> dict[str, float]:
    rate = run.settings.lr_scheduler.rate(run.done, run.iters_per_epoch)
    rates = {name: rate * run.task.rate_scales.get(name, 1.0) for name in run.task.optimizers}
    for name, optimizer in run.task.optimizers.items():
        optimizer.set_lr(rates[name])
    return rates


def _next_batches(run: Run, batches: Iterator[list[Batch]], known_bad: set[str]) -> list[Batch]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BadFileWarning)  # told below, in the log too
        shards = next(batches)
    for name in [name for name in run.loader.bad_files if name not in known_bad]:
        known_bad.add(name)
        run.journal.note(f"left out, {len(known_bad)} so far: {name}: {run.loader.bad_files[name]}")
    return shards


def _check_numbers(run: Run, numbers: Mapping[str, float]) -> None:
    """Stop at the first number that is not finite: every later one would be lost with it."""
    bad = [f"{name} is {value}" for name, value in numbers.items() if not math.isfinite(value)]
    if bad:
        what = f"out of range in iteration {run.done + 1}: {', '.join(bad)}"
        raise TrainingError(what, where=run.folder, cure=f"Lower the learning rate; {_way_on(run)}")


def _way_on(run: Run) -> str:
    if run.saved is None:
        return "no checkpoint has been written yet"
    return f"the last good checkpoint is kept: --resume {os.path.relpath(run.saved)}"


def _was_interrupted(check: Any) -> bool:
    try:
        check()
    except KeyboardInterrupt:
        return True
    return False
