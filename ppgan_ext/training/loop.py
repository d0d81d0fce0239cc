"""The training loop of all families: data, one iteration of the task, log, pictures, snapshot, validation."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ppgan_ext.data.loader import BadFileWarning
from ppgan_ext.errors import OutputError, TrainingError
from ppgan_ext.interrupts import deferred_interrupt
from ppgan_ext.training import checkpoint
from ppgan_ext.training.peer_messages import PeerError

if TYPE_CHECKING:
    from ppgan_ext.training.run import Run
    from ppgan_ext.training.task import Batch


def train(run: Run) -> None:
    """Train from iteration ``run.done + 1`` to the last one; Ctrl-C always leaves a checkpoint on disk.

    Raises:
        TrainingError: a number out of range; the last good checkpoint is named and kept.
        OutputError: something cannot be written; the last checkpoint is named and kept.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, with a checkpoint of the last finished iteration written.
    """
    batches = run.loader.batches(run.done + 1)
    named: set[str] = set()
    run.log.start()
    with deferred_interrupt(terminate=True) as check:
        while run.done < run.total:
            rates = _set_learning_rates(run)
            numbers = run.task.step(_next_batches(run, batches, named), run.done + 1)
            _check_numbers(run, numbers)
            run.done += 1
            run.log.record(run.done, numbers, rates)
            run.profile.advance()
            _after_iteration(run, check)


def evaluate(run: Run, check: Callable[[], None] | None = None) -> dict[str, float] | None:
    """Compute the metrics; the writer computes, and all processes wait for it.

    Args:
        run: its task is measured.
        check: called from time to time; a KeyboardInterrupt that it raises ends the measurement.

    Returns:
        Figure -> value; empty in processes that are not the writer; None where Ctrl-C ended it.

    Raises:
        PpganExtError: as the metrics.
    """

    def work() -> dict[str, float] | None:
        from ppgan_ext.metrics import compute_all

        outputs = run.task.outputs()
        try:
            figures = compute_all(run.metrics.values(), outputs, lambda done, total: check() if check else None)
        except KeyboardInterrupt:
            if check is None:
                raise
            return None
        for note in figures.notes:
            run.log.note(f"metrics: {note}")
        return figures

    figures = run.processes.by_writer(work)
    stopped = run.processes.any(run.processes.is_writer and figures is None)
    return None if stopped else figures or {}


def save(run: Run) -> None:
    """Write weights and checkpoint, then remove the previous checkpoint; a whole one exists at every moment.

    Raises:
        OutputError: one cannot be written, or a full disk; the earlier ones stay.
        TrainingError: a network holds NaN; nothing is written.
    """

    def work() -> None:
        per_epoch = run.iters_per_epoch if run.settings.epochs else None
        path = run.folder / checkpoint.file_name("checkpoint", run.done, per_epoch)
        checkpoint.write_weights(run.folder / checkpoint.file_name("weight", run.done, per_epoch), run.task)
        checkpoint.write_checkpoint(path, run.task, run.done, shards)
        checkpoint.remove_older(run.folder, run.done, run.settings.keep_checkpoints, run.iters_per_epoch)
        run.saved = path

    run.num_saved = run.done
    shards = checkpoint.gather_shard_states(run.task)
    try:
        run.processes.by_writer(work)
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
    stop = run.processes.any(_was_interrupted(check))
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
            run.log.figures(done, figures)
        if validation.save_img:
            _draw(run, "visual_test")
    if stop and run.num_saved < done:
        save(run)
    if stop:
        raise KeyboardInterrupt


def _draw(run: Run, subfolder: str) -> None:
    run.processes.by_writer(lambda: run.log.pictures(run.done, run.task.pictures(run.done), subfolder))


def _set_learning_rates(run: Run) -> dict[str, float]:
    rates = {}
    for name, optimizer in run.task.optimizers.items():
        rate = run.settings.schedule_of(name).rate(run.done, run.iters_per_epoch)
        rates[name] = rate * run.task.rate_scales.get(name, 1.0)
        optimizer.set_lr(rates[name])
    return rates


def _next_batches(run: Run, batches: Iterator[list[Batch]], named: set[str]) -> list[Batch]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BadFileWarning)  # bad files are named below, in the log too
        shards = next(batches)
    for name in [name for name in run.loader.bad_files if name not in named]:
        named.add(name)
        run.log.note(f"left out, {len(named)} so far: {name}: {run.loader.bad_files[name]}")
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
