"""One projector step: forward, backward, Adam. VGG-16 LPIPS and MSE on 256 px, generator as in `synthesis`.

The weights of VGG-16 are random: their values have no influence on the time. "stop at 256" compares the skip image of
that resolution, which is another objective than the full image averaged down.
"""

from __future__ import annotations

import sys
import tempfile
import time

import numpy as np

from benchmarks.common import Case, Report, main, make_report, peak_rss_mb, run_case, summarise
from benchmarks.synthesis import make_generator
from ppgan_ext import runtime

TARGETS = {"step": (6.5, None), "step, stop at 256": (2.5, 2500.0)}
MODULE = "benchmarks.projector"


def step(name: str, size: int, num_repeats: int, stop_at: int | None) -> Case:
    """Time the steps of one projection, without its first, which warms up."""
    from ppgan_ext.engine import Engine, Synthesizer
    from ppgan_ext.latents.projector import ProjectorOptions, project
    from ppgan_ext.losses.perceptual import lpips_vgg
    from ppgan_ext.networks import VGG16Features

    # Uncompiled, since the last rendering is no part of a step.
    synthesizer = Synthesizer(make_generator(size), device="cpu", compiled=False)
    engine = Engine(synthesizer, None, None)
    target = np.random.default_rng(0).uniform(-1, 1, (1, 3, min(size, 256), min(size, 256))).astype(np.float32)
    walls, cpus, memory = [time.perf_counter()], [time.process_time()], [peak_rss_mb()]

    def note(_: object) -> None:
        walls.append(time.perf_counter())
        cpus.append(time.process_time())
        memory.append(peak_rss_mb())

    # Between two calls of `note` lie one backward pass, one update and one forward pass.
    options = ProjectorOptions(num_steps=num_repeats + 2, stop_at=stop_at)
    distance = lpips_vgg(VGG16Features())
    project(engine, target, options, start=np.zeros((engine.synthesizer.n_latent, 512), np.float32), on_step=note,
            perceptual=distance)  # fmt: skip
    # The first interval loads the loss, the second warms up, the last has no graph.
    timing = summarise(np.diff(walls)[2:-1].tolist(), (np.diff(cpus)[2:-1] / runtime.num_threads()).tolist())
    return Case(name=name, timing=timing, peak_rss_mb=memory[-2], details={"size": size, "stop_at": stop_at})


CASES = {"step": step}


def run(quick: bool, num_repeats: int) -> Report:
    """Measure a step on the full image and one that stops early."""
    size, early = (64, 32) if quick else (1024, 256)
    cases = []
    with tempfile.TemporaryDirectory() as home:
        for name, stop_at in (("step", None), (f"step, stop at {early}", early)):
            arguments = {"name": name, "size": size, "num_repeats": num_repeats, "stop_at": stop_at}
            case = run_case(MODULE, "step", arguments, {"PPGAN_EXT_HOME": home})
            if not quick:
                case.target_seconds, case.target_rss_mb = TARGETS[name]
            cases.append(case)
    return make_report("projector", quick, cases, {"full / early": (cases[0].name, cases[1].name)})


if __name__ == "__main__":
    sys.exit(main("projector", run))
