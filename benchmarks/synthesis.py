"""Synthesis of one image from W+: StyleGAN2 config F, 1024 px, channel multiplier 2, random weights, fixed noise."""

from __future__ import annotations

import sys
import tempfile
import time

import numpy as np

from benchmarks.common import Case, Report, main, make_report, measure, peak_rss_mb, run_case, summarise

TARGET_SECONDS = 0.80
TARGET_RSS_MB = 2400.0
MODULE = "benchmarks.synthesis"


def make_generator(size: int):
    """Build a generator of config F whose noise has an effect."""
    import paddle

    from ppgan_ext.networks import StyleGANv2Generator

    paddle.seed(0)
    generator = StyleGANv2Generator(size, channel_multiplier=2)
    for name, parameter in generator.named_parameters():
        if name.endswith("noise.weight"):
            parameter.set_value(paddle.full(parameter.shape, 0.1))
    return generator


def draw(name: str, size: int, num_repeats: int, compiled: bool) -> Case:
    """Time one arrangement; what the first image costs is told apart."""
    from ppgan_ext.engine import Synthesizer

    synthesizer = Synthesizer(
        make_generator(size), name="benchmark", weights_hash=f"benchmark-{size}", device="cpu", compiled=compiled
    )
    w_plus = np.random.default_rng(0).standard_normal((1, synthesizer.n_latent, 512)).astype(np.float32)
    start = time.perf_counter()
    synthesizer.render(w_plus)
    first = time.perf_counter() - start
    timing = measure(lambda: synthesizer.render(w_plus), num_repeats)
    details = {"size": size, "first_image_seconds": round(first, 3)}
    return Case(name=name, timing=timing, peak_rss_mb=peak_rss_mb(), details=details)


def compile_first(name: str, size: int) -> Case:
    """Time the very first image of a model, which compiles the program."""
    from ppgan_ext.engine import Synthesizer

    generator = make_generator(size)
    w_plus = np.zeros((1, generator.n_latent, 512), np.float32)
    start = time.perf_counter()
    Synthesizer(generator, name="benchmark", weights_hash=f"benchmark-{size}", device="cpu", compiled=True).render(
        w_plus
    )
    return Case(name=name, timing=summarise([time.perf_counter() - start]), peak_rss_mb=peak_rss_mb())


CASES = {"draw": draw, "compile": compile_first}


def run(quick: bool, num_repeats: int) -> Report:
    """Measure the compiled program and dygraph."""
    size = 32 if quick else 1024
    with tempfile.TemporaryDirectory() as home:
        own = {"PPGAN_EXT_HOME": home}
        cases = [run_case(MODULE, "compile", {"name": "first image, compiling", "size": size}, own)]
        for name, compiled in (("compiled", True), ("dygraph", False)):
            arguments = {"name": name, "size": size, "num_repeats": num_repeats, "compiled": compiled}
            cases.append(run_case(MODULE, "draw", arguments, own))
    if not quick:
        cases[1].target_seconds, cases[1].target_rss_mb = TARGET_SECONDS, TARGET_RSS_MB
    return make_report("synthesis", quick, cases, {"dygraph / compiled": ("dygraph", "compiled")})


if __name__ == "__main__":
    sys.exit(main("synthesis", run))
