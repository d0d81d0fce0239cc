"""Compiled programs: equal to dygraph, cached, rebuilt when damaged, quiet, and verified."""

import os
import subprocess
import sys
import threading

import numpy as np
import paddle
import pytest

from ppgan_ext.engine import compiled
from ppgan_ext.engine.cache import ProgramCache
from ppgan_ext.engine.compiled import CompileWarning, ProgramSpec, open_program, try_open_program
from ppgan_ext.nn.cpu_conv import convolve


class Toy(paddle.nn.Layer):
    """A lopsided network: two inputs of different shapes whose roles cannot be swapped."""

    def __init__(self, num_out=3):
        super().__init__()
        self.conv = paddle.nn.Conv2D(2, num_out, (3, 1), padding=(1, 0))

    def forward(self, x, y):
        return self.conv(x) * 2.0 - y


def toy_spec(layer=None, **changes):
    layer = Toy() if layer is None else layer
    layer.eval()
    fields = {"name": "toy", "layer": layer, "function": layer.forward, "input_shapes": [(1, 2, 5, 7), (1, 3, 5, 1)]}
    return ProgramSpec(**{**fields, **changes})


def inputs():
    rng = np.random.default_rng(0)
    return rng.standard_normal((1, 2, 5, 7)).astype(np.float32), rng.standard_normal((1, 3, 5, 1)).astype(np.float32)


@pytest.fixture
def cache(tmp_path):
    return ProgramCache(tmp_path / "compiled")


@pytest.fixture
def count_builds(monkeypatch):
    built = []
    build = compiled.build_program
    monkeypatch.setattr(compiled, "build_program", lambda spec, folder: (built.append(folder), build(spec, folder)))
    return built


def test_the_program_equals_dygraph(cache):
    spec = toy_spec()
    x, y = inputs()
    result = open_program(spec, cache).run(x, y)
    expected = spec.layer(paddle.to_tensor(x), paddle.to_tensor(y)).numpy()
    assert result.shape == (1, 3, 5, 7)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_inputs_of_another_layout_or_type_are_converted(cache):
    spec = toy_spec()
    x, y = inputs()
    program = open_program(spec, cache)
    strided = np.asfortranarray(x.astype(np.float64))
    np.testing.assert_array_equal(program.run(strided, y), program.run(x, y))


def test_more_than_ten_inputs_keep_their_order(cache):
    weights = [10.0**-index for index in range(12)]

    def weigh(*tensors):
        return sum(tensor * weight for tensor, weight in zip(tensors, weights))  # noqa: B905 (traced by Paddle)

    spec = toy_spec(function=weigh, input_shapes=[(1, 1)] * 12)
    digits = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]
    result = open_program(spec, cache).run(*(np.full((1, 1), digit, np.float32) for digit in digits))
    assert result.item() == pytest.approx(sum(d * w for d, w in zip(digits, weights, strict=True)), rel=1e-6)


def test_the_second_opening_builds_nothing(cache, count_builds):
    spec = toy_spec()
    x, y = inputs()
    first = open_program(spec, cache).run(x, y)
    again = open_program(toy_spec(spec.layer), cache).run(x, y)
    assert len(count_builds) == 1
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("name", ["program.json", "program.pdiparams"])
def test_a_damaged_entry_is_rebuilt_once(cache, count_builds, name):
    spec = toy_spec()
    x, y = inputs()
    folder = open_program(spec, cache).folder
    damaged = bytearray((folder / name).read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    (folder / name).write_bytes(bytes(damaged))
    result = open_program(spec, cache).run(x, y)
    assert len(count_builds) == 2
    np.testing.assert_allclose(
        result, spec.layer(paddle.to_tensor(x), paddle.to_tensor(y)).numpy(), rtol=1e-5, atol=1e-6
    )


def test_an_intact_entry_that_paddle_rejects_is_rebuilt_once(cache, count_builds):
    spec = toy_spec()
    folder = cache.publish(spec.entry_name, lambda target: (target / "program.txt").write_text("of another Paddle"))
    assert open_program(spec, cache).folder == folder
    assert len(count_builds) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: {"layer": Toy(num_out=1), "weights_hash": "same"},
        lambda layer: {"layer": layer, "weights_hash": "other"},
        lambda layer: {"layer": layer, "weights_hash": "same", "input_shapes": [(1, 2, 7, 5), (1, 3, 5, 1)]},
    ],
    ids=["architecture", "weights", "shape"],
)
def test_different_programs_have_different_entry_names(change):
    layer = Toy()
    assert toy_spec(layer, weights_hash="same").entry_name != toy_spec(**change(layer)).entry_name


def test_the_entry_name_depends_on_paddle_and_on_the_source(monkeypatch):
    spec = toy_spec(weights_hash="same")
    name = spec.entry_name
    assert name == spec.entry_name
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "source_hash", lambda: "changed")
        assert spec.entry_name != name
    monkeypatch.setattr(paddle, "__version__", "3.99")
    assert spec.entry_name != name


def test_without_a_hash_the_weights_are_hashed():
    layer = Toy()
    name = toy_spec(layer).entry_name
    layer.conv.bias.set_value(layer.conv.bias + 1e-3)
    assert toy_spec(layer).entry_name != name


def test_names_fit_any_file_system():
    assert toy_spec(name="a/b:c é", weights_hash="x").entry_name.startswith("a_b_c_-")


def test_a_program_that_computes_something_else_is_refused(cache, monkeypatch):
    run = compiled.CompiledProgram.run
    monkeypatch.setattr(compiled.CompiledProgram, "run", lambda self, *arrays: run(self, *arrays)[..., ::-1])
    with pytest.raises(RuntimeError, match="toy is off by"):
        open_program(toy_spec(), cache)
    monkeypatch.setattr(compiled.CompiledProgram, "run", lambda self, *arrays: run(self, *arrays)[..., 0])
    with pytest.raises(RuntimeError, match=r"toy returns \(1, 3, 5\), not \(1, 3, 5, 7\)"):
        open_program(toy_spec(), cache)
    monkeypatch.setattr(compiled.CompiledProgram, "run", lambda self, *arrays: run(self, *arrays) * np.nan)
    with pytest.raises(RuntimeError, match="toy is off by nan"):
        open_program(toy_spec(), cache)
    assert cache.entries() == []


class FiltersFromInput(paddle.nn.Layer):
    """Convolves with filters that depend on its input; oneDNN keeps those of a program's first run."""

    def forward(self, x, y):
        return paddle.nn.functional.conv2d(x, y * 2.0)


def test_a_program_that_remembers_its_first_input_is_refused(cache):
    spec = toy_spec(FiltersFromInput(), input_shapes=[(1, 2, 9, 7), (3, 2, 3, 3)])
    try:
        program = open_program(spec, cache)
    except RuntimeError as error:
        assert "toy is off by" in str(error)
        return
    for scale in (1.0, 2.0):  # a Paddle without the fault must really compute the right result
        x, y = np.ones((1, 2, 9, 7), np.float32), np.full((3, 2, 3, 3), scale, np.float32)
        np.testing.assert_allclose(program.run(x, y), np.full((1, 3, 7, 5), 36 * scale), rtol=1e-5)


class Impossible(Toy):
    def forward(self, x, y):
        raise RuntimeError("this network cannot be traced")


def test_a_failure_is_raised_or_warned_about(monkeypatch, tmp_path):
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path))
    with pytest.raises(RuntimeError, match="cannot be traced"):
        try_open_program(toy_spec(Impossible()), required=True)
    with pytest.warns(CompileWarning, match="toy runs uncompiled.*cannot be traced"):
        assert try_open_program(toy_spec(Impossible()), required=False) is None


class FailsLate(Toy):
    def forward(self, x, y):
        super().forward(x, y)
        raise RuntimeError("this network cannot be traced")


def test_a_failed_trace_leaves_nothing_to_the_next(tmp_path):
    from paddle.jit.dy2static.parameter_recorder import _global_parameter_recorder as recorder

    with pytest.raises(RuntimeError, match="cannot be traced"):
        compiled.build_program(toy_spec(FailsLate()), tmp_path)
    assert (recorder.params_dict, recorder.tensor2value) == ({}, {})
    stranger = paddle.nn.Linear(2, 2).weight
    recorder.params_dict[0], recorder.tensor2value[0] = {stranger}, {id(stranger): None}
    compiled.build_program(toy_spec(), tmp_path)
    assert (recorder.params_dict, recorder.tensor2value) == ({}, {})


def fill_the_cache_of_onednn():
    """Fill oneDNN's cache: the more there is to discard, the longer it takes."""
    for stride in (1, 2):
        for padding in (0, 1, 2):
            x, weight = paddle.ones([2, 3, 7, 9]), paddle.ones([4, 3, 3, 3])
            x.stop_gradient = weight.stop_gradient = False
            convolve(x, weight, stride, padding).sum().backward()


@pytest.mark.slow
def test_threads_take_turns(cache):
    program = open_program(toy_spec(), cache)
    x, y = inputs()
    arguments = [(x * scale, y) for scale in range(8)]
    expected = [program.run(*pair) for pair in arguments]
    results = [None] * 8

    def work(index):
        for _ in range(20):
            results[index] = program.run(*arguments[index])

    fill_the_cache_of_onednn()
    for _ in range(5):  # a thread that ends must not disturb the others
        threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for result, reference in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, reference)


PROCESS = """
import sys, warnings
import ppgan_ext, numpy as np
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import paddle
from ppgan_ext.engine import EncoderEngine, Synthesizer
from ppgan_ext.networks import StyleGANv2Generator
from ppgan_ext.networks.light_encoder import LightEncoder
print("ready", file=sys.stderr, flush=True)
paddle.seed(1)
engine = Synthesizer(StyleGANv2Generator(8, channel_base=64), compiled=True)
print(float(np.abs(engine.render(np.ones((1, engine.n_latent, 512), np.float32))).sum()))
# oneDNN has not been used in dygraph in this process when the encoder is traced.
encoder = LightEncoder(16, channel_base=64, channel_cap=8)
engine = EncoderEngine(encoder, np.zeros((encoder.n_latent, 512), np.float32), name="encoder", compiled=True)
print(float(np.abs(engine.encode(np.ones((1, 3, 16, 16), np.float32))).sum()))
"""


@pytest.mark.slow
def test_two_processes_share_a_cache_quietly(tmp_path):
    environ = {**os.environ, "PPGAN_EXT_HOME": str(tmp_path)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = [subprocess.Popen([sys.executable, "-c", PROCESS], env=environ, text=True, **pipes) for _ in range(2)]
    outputs = [process.communicate(timeout=300) for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0] != ""
    for _, errors in outputs:
        assert errors.partition("ready\n")[2] == ""
    entries = ProgramCache(tmp_path / "compiled").entries()
    assert len(entries) == 2
    assert {path.name for path in (tmp_path / "compiled").iterdir()} == {entry.folder.name for entry in entries}
