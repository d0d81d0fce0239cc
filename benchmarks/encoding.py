"""Encoding of one crop with random weights: the light encoder at 128 px, and pSp's IR-SE-50 for a 1024 px decoder."""

from __future__ import annotations

import sys
import tempfile
import time

import numpy as np

from benchmarks.common import Case, Report, main, make_report, measure, peak_rss_mb, run_case

MODULE = "benchmarks.encoding"


def make_encoder(kind: str):
    """Build the encoder "light" (128 px), "psp" (256 px) or, for trial runs, "toy" (32 px)."""
    import paddle

    from ppgan_ext.networks import LightEncoder, PSPEncoder

    paddle.seed(0)
    if kind == "psp":
        encoder = PSPEncoder(1024)
        _settle_statistics(encoder)
        return encoder
    return LightEncoder(128, 4096, 256) if kind == "light" else LightEncoder(32, 256, 16)


def _settle_statistics(encoder) -> None:
    """Give batch normalisation the statistics of noise.

    Without them the untrained trunk multiplies a rounding error by 1e5, and no two arrangements of it agree.
    """
    import paddle

    for layer in encoder.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm2D):
            layer._momentum = 0.0  # keep the new statistics alone
    encoder.train()
    with paddle.no_grad():
        encoder(paddle.randn([2, 3, encoder.input_size, encoder.input_size]))
    encoder.eval()


def encode(name: str, kind: str, num_repeats: int, compiled: bool) -> Case:
    """Time one arrangement; what the first crop costs is told apart."""
    from ppgan_ext.engine import EncoderEngine

    encoder = make_encoder(kind)
    mean = np.zeros(encoder.style_dim, np.float32)
    engine = EncoderEngine(
        encoder, mean, name="benchmark", weights_hash=f"benchmark-{kind}", device="cpu", compiled=compiled
    )
    shape = (1, 3, encoder.input_size, encoder.input_size)
    pixels = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    start = time.perf_counter()
    engine.encode(pixels)
    first = time.perf_counter() - start
    timing = measure(lambda: engine.encode(pixels), num_repeats)
    details = {"size": encoder.input_size, "first_crop_seconds": round(first, 3)}
    return Case(name=name, timing=timing, peak_rss_mb=peak_rss_mb(), details=details)


CASES = {"encode": encode}


def run(quick: bool, num_repeats: int) -> Report:
    """Measure the compiled programs and dygraph."""
    cases, ratios = [], {}
    with tempfile.TemporaryDirectory() as home:
        for kind in ("toy",) if quick else ("light", "psp"):
            for arrangement in ("compiled", "dygraph"):
                name = f"{kind}, {arrangement}"
                arguments = {"name": name, "kind": kind, "num_repeats": num_repeats}
                arguments["compiled"] = arrangement == "compiled"
                cases.append(run_case(MODULE, "encode", arguments, {"PPGAN_EXT_HOME": home}))
            ratios[f"{kind}: dygraph / compiled"] = (f"{kind}, dygraph", f"{kind}, compiled")
    return make_report("encoding", quick, cases, ratios)


if __name__ == "__main__":
    sys.exit(main("encoding", run))
