"""Run a command that works on batches: in one process, in several (``--workers``), or under Paddle's launcher.

Every process of a launch lists the same inputs and takes each N-th of them; the first puts all results in their places
and reports. They meet in a folder within the output folder, which several machines must share, and make no collective
calls. The others end with exit code 0 even if photos have failed, since at any other code the launcher ends them all.
"""

from __future__ import annotations

import itertools
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ppgan_ext import launcher, runtime
from ppgan_ext.apps.batch import Inputs
from ppgan_ext.apps.options import OutputOptions
from ppgan_ext.apps.progress import Bars
from ppgan_ext.apps.reporting import print_lines, raise_only_problem, report_batch, run_and_report
from ppgan_ext.apps.shares.collector import Collector, Report
from ppgan_ext.apps.shares.job_worker import JobWorker, Opener
from ppgan_ext.apps.shares.run_folder import RunFolder, SignOfLife, run_key
from ppgan_ext.console import DONE, INTERRUPTED
from ppgan_ext.errors import PpganExtError
from ppgan_ext.workers import WorkerError, WorkerPool

OptionsT = TypeVar("OptionsT", bound=OutputOptions)
_LOOK_SECONDS = 0.2
_LOST_SECONDS = 120.0  # without a sign of life; network file systems show it up to a minute late


def run_command(
    inputs: Inputs, open_work: Opener[OptionsT], options: OptionsT, *, workers: int = 1, noun: str = "photos"
) -> int:
    """Run a command and return its exit code.

    Args:
        inputs: one input, which is never shared, or a batch.
        open_work: opens what the command does; a function of a module.
        options: its options.
        workers: processes on this machine; under a launcher, for each of its processes.
        noun: what the inputs are called.

    Raises:
        PpganExtError: the only input failed, or something that would fail every input alike.
        KeyboardInterrupt: Ctrl-C ended the work on the only input early.
    """
    rank, size = launcher.launched_rank(), launcher.launched_size()
    if not inputs.is_batch and is_left_to_first():
        return DONE
    if not inputs.is_batch or workers == size == 1:
        with Bars(quiet=inputs.is_batch) as bars:
            work = open_work(options, bars)
            return run_and_report(inputs, work.do, work.describe, work.check, noun)
    raise_only_problem(inputs)
    key = run_key(f"{open_work.__module__}.{open_work.__qualname__}", options, inputs.jobs)
    start = launcher.launch_name() if size > 1 else secrets.token_hex(6)
    run = RunFolder(Path(options.output_path), key, start)
    worker = JobWorker(open_work, options, inputs.jobs, run)
    todo = [number for number in range(rank, len(inputs.jobs), size) if not run.is_done(number)]
    for number in todo:
        run.forget(number)

    def do_share(after_each: Callable[[], object]) -> bool:
        return _do_in_pool(worker, todo, workers, after_each) if workers > 1 else _do_here(worker, todo, after_each)

    if rank == 0:
        num_processes = min(size * workers, len(inputs.jobs))
        return _report_all(inputs, run, do_share, size, f"{num_processes} processes", noun)
    with SignOfLife(run, rank):
        interrupted = do_share(lambda: None)
    print_lines([f"process {rank} of {size} has done its {len(todo)} {noun}; process 0 reports them"], sys.stderr)
    return INTERRUPTED if interrupted else DONE


def is_left_to_first() -> bool:
    """Return whether this process of a launch has nothing to do, since the first does what cannot be shared."""
    rank = launcher.launched_rank()
    if rank:
        print_lines([f"note: process {rank} has nothing to do; process 0 does what is not a batch"], sys.stderr)
    return rank > 0


def _report_all(
    inputs: Inputs,
    run: RunFolder,
    do_share: Callable[[Callable[[], object]], bool],
    size: int,
    processes: str,
    noun: str,
) -> int:
    """Do this process's share, collect and report the jobs of all, and return the exit code."""
    remarks: list[str] = []

    def run_all(report: Report) -> bool:
        collector = Collector(inputs, run, report)
        interrupted = False
        try:
            interrupted = do_share(collector.collect)
            if not interrupted:
                _wait_for_others(run, size, collector)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            collector.collect_all()
        if not interrupted:
            cure = "Run the same command again to go on"
            collector.give_up(WorkerError("the process that had it in its share has ended", cure=cure))
        if collector.num_before:
            remarks.append(f"{collector.num_before} of them by an earlier start that did not end")
        if collector.peak_bytes:
            remarks.append(f"{processes}, up to {collector.peak_bytes / 1e9:.1f} GB each")
        if interrupted or not collector.is_complete:
            remarks.append("run the same command again to go on")
        else:
            run.remove()
        return interrupted

    return report_batch(inputs, run_all, noun, remarks)


def _do_here(worker: JobWorker[OptionsT], todo: Sequence[int], after_each: Callable[[], object]) -> bool:
    """Do jobs in this process; return whether Ctrl-C ended them early."""
    for number in todo:
        interrupted = worker.do(number)
        after_each()
        if interrupted:
            return True
    return False


def _do_in_pool(
    worker: JobWorker[OptionsT], todo: Sequence[int], num_workers: int, after_each: Callable[[], object]
) -> bool:
    """Do jobs in worker processes, each of which takes the next when it has done one; return False."""
    after_each()
    if not todo:
        return False
    num_workers = min(num_workers, len(todo))
    threads = str(max(runtime.num_threads() // num_workers, 1))
    pool = WorkerPool(worker, num_workers, {runtime.THREADS: threads, "OPENCV_FOR_THREADS_NUM": threads})
    try:
        for ticket in [pool.ask(None) for _ in range(num_workers)]:
            pool.take(ticket)
        waiting = iter(todo)
        tickets = [pool.ask(number) for number in itertools.islice(waiting, num_workers)]
        while tickets:
            done = pool.wait_for_any(tickets)
            tickets.remove(done)
            tickets.extend(pool.ask(number) for number in itertools.islice(waiting, 1))
            try:
                pool.take(done)
            except PpganExtError as error:
                worker.fail(done.task, error)
            after_each()
    finally:
        pool.close()
    return False


def _wait_for_others(run: RunFolder, size: int, collector: Collector) -> None:
    """Collect until all other processes of the launch have ended, or show no sign of life any more."""
    last: dict[int, tuple[object, float]] = {rank: (None, time.monotonic()) for rank in range(1, size)}
    while last:
        collector.collect()
        for rank, (sign, since) in list(last.items()):
            now = run.sign_of_life(rank)
            if now == "ended" or (now == sign and time.monotonic() - since > _LOST_SECONDS):
                del last[rank]
            elif now != sign:
                last[rank] = now, time.monotonic()
        if last:
            time.sleep(_LOOK_SECONDS)
