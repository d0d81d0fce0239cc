"""The training loop of all families: load data, run an iteration of the task, log, draw, save, validate."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from ppgan_ext.data.loader import BadFileWarning
from ppgan_ext.errors import InputError, OutputError, TrainingError
from ppgan_ext.file_names import printable
from ppgan_ext.interrupts import deferred_interrupt
from ppgan_ext.training import checkpoint, checkpoint_files
from ppgan_ext.training.balance import Balance
from ppgan_ext.training.peer_messages import PeerError
from ppgan_ext.training.shortage import shortage

if TYPE_CHECKING:
    from ppgan_ext.training.run import Run
    from ppgan_ext.training.task import Batch


_TEST_PICTURES = "visual_test"


def train(run: Run) -> None:
    """Train from iteration ``run.done + 1`` to the last one; Ctrl-C always leaves a checkpoint on disk.

    Raises:
        TrainingError: a number is NaN or infinite, or there is not enough memory; the last good checkpoint is kept, and
            the message names it.
        OutputError: a file cannot be written; the last checkpoint is kept, and the message names it.
        KeyboardInterrupt: after Ctrl-C or SIGTERM, with a checkpoint of the last finished iteration written.
    """
    batches = run.loader.batches(run.done + 1)
    reported_files: set[str] = set()
    balance = Balance()
    run.log.start()
    with deferred_interrupt(terminate=True) as check:
        while run.done < run.total:
            rates = _set_learning_rates(run)
            started = time.monotonic()
            shards = _next_batches(run, batches, reported_files)
            waited = time.monotonic() - started
            numbers = _step(run, shards)
            _check_numbers(run, numbers)
            run.done += 1
            run.log.record(run.done, numbers, rates, waited)
            if (note := balance.note(numbers)) is not None:
                run.log.note(f"note: {note}")
            run.profile.advance()
            _after_iteration(run, check)


def evaluate(run: Run, check: Callable[[], None] | None = None) -> dict[str, float] | None:
    """Compute the metrics of the run's task in the writer, while the other processes wait.

    Args:
        run: the run to measure.
        check: called repeatedly; if it raises KeyboardInterrupt, the measurement ends.

    Returns:
        Figure -> value; empty in processes other than the writer; None if Ctrl-C ended the measurement.

    Raises:
        PpganExtError: a metric cannot be computed.
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
        except MemoryError as error:
            what = f"measuring after iteration {run.done} needs more memory than there is"
            cure = f"Lower batch_size and num of validate.metrics; {_how_to_resume(run)}"
            raise TrainingError(what, where=run.folder, cure=cure) from error
        for note in figures.notes:
            run.log.note(f"metrics: {note}")
        return figures

    figures = run.processes.run_on_writer(work)
    stopped = run.processes.any(run.processes.is_writer and figures is None)
    return None if stopped else figures or {}


def write_test_results(run: Run) -> None:
    """Write what the networks make of the test set into the run's ``visual_test``; Ctrl-C leaves what is written.

    Raises:
        InputError: no test image can be read.
        OutputError: a file cannot be written.
    """

    def work() -> None:
        folder, errors, num_written = run.folder / _TEST_PICTURES, list[InputError](), 0

        def leave_out(error: InputError) -> None:
            errors.append(error)
            run.log.note(f"left out: {error}")

        run.log.note(f"note: nothing is measured, since validate.metrics is empty; pictures are written into {folder}")
        try:
            for name, image in run.task.test_results(run.done, leave_out):
                run.log.write_pictures(run.done or None, {name: image}, _TEST_PICTURES, on_boards=False)
                num_written += 1
        finally:
            left_out = f"; {len(errors)} test image{'s' if len(errors) > 1 else ''} left out" if errors else ""
            run.log.note(f"written: {num_written} pictures in {folder}{left_out}")
        if errors and not num_written:
            raise errors[0]

    run.processes.run_on_writer(work)


def save(run: Run) -> None:
    """Write weights and checkpoint, then remove the previous checkpoint; a complete one exists at every moment.

    Raises:
        OutputError: a file cannot be written, for example on a full disk; the earlier files stay.
        TrainingError: a network contains NaN or infinite numbers; nothing is written.
    """

    def work() -> None:
        per_epoch = run.iters_per_epoch if run.settings.epochs else None
        path, weights = (
            run.folder / checkpoint_files.file_name(kind, run.done, per_epoch) for kind in ("checkpoint", "weight")
        )
        checkpoint.write_weights(weights, run.task, run.done)
        checkpoint.write_checkpoint(path, run.task, run.done, shards)
        checkpoint_files.remove_older(run.folder, run.done, run.settings.keep_checkpoints, run.iters_per_epoch)
        run.saved = path

    run.num_saved = run.done
    shards = checkpoint.gather_shard_states(run.task)
    try:
        run.processes.run_on_writer(work)
    except OutputError as error:
        raise OutputError(error.what, where=error.where, cure=f"Free some space; {_how_to_resume(run)}") from error
    except PeerError:
        raise
    except TrainingError as error:
        cure = f"Lower the learning rate; {_how_to_resume(run)}"
        raise TrainingError(error.what, where=error.where, cure=cure) from error


def _after_iteration(run: Run, check: Callable[[], None]) -> None:
    """Save, draw and measure if they are due after this iteration; after Ctrl-C, save and stop."""
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
            run.log.write_figures(done, figures)
        if validation.save_img:
            _draw(run, _TEST_PICTURES)
    if stop and run.num_saved < done:
        save(run)
    if stop:
        raise KeyboardInterrupt


def _draw(run: Run, subfolder: str) -> None:
    run.processes.run_on_writer(lambda: run.log.write_pictures(run.done, run.task.pictures(run.done), subfolder))


def _step(run: Run, batches: list[Batch]) -> dict[str, float]:
    try:
        return run.task.step(batches, run.done + 1)
    except MemoryError as error:
        raise shortage(run.settings, f"iteration {run.done + 1}", _how_to_resume(run)) from error


def _set_learning_rates(run: Run) -> dict[str, float]:
    rates = {}
    for name, optimizer in run.task.optimizers.items():
        rate = run.settings.schedule_of(name).rate(run.done, run.iters_per_epoch)
        rates[name] = rate * run.task.rate_scales.get(name, 1.0)
        optimizer.set_lr(rates[name])
    return rates


def _next_batches(run: Run, batches: Iterator[list[Batch]], reported_files: set[str]) -> list[Batch]:
    """Load the batches of the next iteration; report each bad file once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BadFileWarning)  # reported below, in the log too
        shards = next(batches)
    for name in [name for name in run.loader.bad_files if name not in reported_files]:
        reported_files.add(name)
        run.log.note(f"left out, {len(reported_files)} so far: {printable(name)}: {run.loader.bad_files[name]}")
    return shards


def _check_numbers(run: Run, numbers: Mapping[str, float]) -> None:
    """Stop at the first number that is not finite, because it spoils all later ones."""
    bad = [f"{name} is {value}" for name, value in numbers.items() if not math.isfinite(value)]
    if bad:
        what = f"iteration {run.done + 1} has computed numbers that are not finite: {', '.join(bad)}"
        raise TrainingError(what, where=run.folder, cure=f"Lower the learning rate; {_how_to_resume(run)}")


def _how_to_resume(run: Run) -> str:
    if run.saved is None:
        return "no checkpoint has been written yet"
    return f"the last good checkpoint is kept: --resume {os.path.relpath(run.saved)}"


def _was_interrupted(check: Callable[[], None]) -> bool:
    try:
        check()
    except KeyboardInterrupt:
        return True
    return False
