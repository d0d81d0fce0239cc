"""A training step of StyleGAN2 at 64 px, batch 16: discriminator and generator, and the lazy penalties by their shares.

With ``PPGAN_EXT_TORCH_TWIN`` (a folder with PyTorch twins of the networks, networks_torch.py) and
``PPGAN_EXT_TORCH_PYTHON`` (an interpreter that has PyTorch) the same is measured there, in float32.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.common import (
    BenchmarkError,
    Case,
    Report,
    Timing,
    main,
    make_report,
    measure,
    peak_rss_mb,
    run_case,
)
from ppgan_ext import runtime

MODULE = "benchmarks.training"
# How often each is computed: R1 with every 16th iteration, path length with every 8th.
SHARES = {"iteration": 1.0, "R1": 1 / 16, "path length": 1 / 8}
MEAN = "mean step"
WIDTHS = {"channel_base": 3072, "channel_cap": 192}


def make_task(size: int, widths: dict[str, int], batch_size: int, folder: str):
    """Build the task that tools/main.py would train, without data."""
    import yaml

    from ppgan_ext.training import schema
    from ppgan_ext.training.families.stylegan2.task import StyleGAN2Task
    from ppgan_ext.training.processes import Processes
    from ppgan_ext.training.random_streams import RandomStreams

    config = {
        "total_iters": 1,
        "model": {
            "name": "StyleGAN2Model",
            "generator": {"name": "StyleGANv2Generator", "size": size, **widths},
            "discriminator": {"name": "StyleGANv2Discriminator", "size": size, **widths},
            "r1_batch_shrink": 2,
            "path_batch_shrink": 4,
        },
        "dataset": {"train": {"name": "FacesDataset", "dataroot": folder, "size": size, "batch_size": batch_size}},
        "lr_scheduler": {"name": "MultiStepDecay", "learning_rate": 0.002, "milestones": [1], "gamma": 0.5},
        "optimizer": {
            "optimG": {"name": "Adam", "net_names": ["gen"], "beta1": 0.0, "beta2": 0.99},
            "optimD": {"name": "Adam", "net_names": ["disc"], "beta1": 0.0, "beta2": 0.99},
        },
    }
    path = Path(folder) / "config.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return StyleGAN2Task(schema.read_config(path), Processes(), RandomStreams(0))


def step(name: str, part: str, size: int, batch_size: int, widths: dict[str, int], num_repeats: int) -> Case:
    """Time one part of the package's iteration."""
    import paddle

    with tempfile.TemporaryDirectory() as folder:
        task = make_task(size, widths, batch_size, folder)
    for optimizer in task.optimizers.values():
        optimizer.set_lr(0.002)
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (batch_size, 3, size, size)).astype(np.float32)
    reals = [paddle.to_tensor(images)]
    calls = {
        "iteration": lambda: task.step([{"A": images}], 2),
        "R1": lambda: task._discriminator_penalty(reals, 1),
        "path length": lambda: task._path_penalty(reals, 1),
    }
    timing = measure(calls[part], num_repeats, num_warmups=2)
    return Case(name=name, timing=timing, peak_rss_mb=peak_rss_mb(), details={"size": size, "batch_size": batch_size})


CASES = {"step": step}


def torch_step(name: str, part: str, size: int, batch_size: int, widths: dict[str, int], num_repeats: int) -> Case:
    """Time the same part with the PyTorch twins, in their own interpreter."""
    script = Path(__file__).with_name("torch_training.py")
    numbers = [size, batch_size, *widths.values(), num_repeats]
    command = [os.environ["PPGAN_EXT_TORCH_PYTHON"], str(script), part, *map(str, numbers)]
    environ = {**os.environ, "OMP_NUM_THREADS": str(runtime.num_threads())}
    finished = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if finished.returncode:
        last = (finished.stderr.strip().splitlines() or [f"exit code {finished.returncode}"])[-1]
        raise BenchmarkError(last, where=f"PyTorch twin, {part}")
    case = Case.model_validate_json(finished.stdout.splitlines()[-1])
    return case.model_copy(update={"name": name})


def mean_step(name: str, parts: Sequence[Case]) -> Case:
    """Add the parts up, each by its share."""
    timings = [(share, case.timing) for share, case in zip(SHARES.values(), parts, strict=True)]
    figures = {
        field: sum(share * getattr(timing, field) for share, timing in timings)
        for field in ("median", "lower_quartile", "upper_quartile", "minimum", "cpu_median")
    }
    memory = [case.peak_rss_mb for case in parts if case.peak_rss_mb is not None]
    timing = Timing(**figures, num_repeats=min(timing.num_repeats for _, timing in timings))
    return Case(name=name, timing=timing, peak_rss_mb=max(memory, default=None))


def run(quick: bool, num_repeats: int) -> Report:
    """Measure all parts, alternating with PyTorch's where it is there."""
    arguments = {"size": 64, "batch_size": 16, "widths": WIDTHS, "num_repeats": num_repeats}
    if quick:
        arguments |= {"size": 16, "batch_size": 2, "widths": {"channel_base": 64, "channel_cap": 8}}
    with_torch = all(name in os.environ for name in ("PPGAN_EXT_TORCH_TWIN", "PPGAN_EXT_TORCH_PYTHON"))
    ours, theirs = [], []
    for part in SHARES:
        ours.append(run_case(MODULE, "step", {"name": part, "part": part, **arguments}))
        if with_torch:
            theirs.append(torch_step(f"{part}, PyTorch", part, **arguments))
    ours.append(mean_step(MEAN, ours))
    if with_torch:
        theirs.append(mean_step(f"{MEAN}, PyTorch", theirs))
    cases = [case for pair in itertools.zip_longest(ours, theirs) for case in pair if case is not None]
    ratios = {f"{case.name}: PyTorch / ours": (f"{case.name}, PyTorch", case.name) for case in ours if with_torch}
    return make_report("training", quick, cases, ratios)


if __name__ == "__main__":
    sys.exit(main("training", run))
