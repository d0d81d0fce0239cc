"""When networks are compiled: the rule itself, and engines that follow it and draw the same either way."""

import numpy as np
import paddle
import pytest

from ppgan_ext.engine import EncoderEngine, Synthesizer, compile_rule, compiled
from ppgan_ext.engine.cache import ProgramCache
from ppgan_ext.errors import ConfigError
from ppgan_ext.networks import LightEncoder, StyleGANv2Generator

LARGE = compile_rule.SMALL_PARAMETERS + 1
MANY = compile_rule.PAYS_AFTER


@pytest.fixture
def builds(tmp_path, monkeypatch):
    """An empty cache, networks that all count as large, and the list of the programs that are built."""
    built = []
    build = compiled.build_program
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path))
    monkeypatch.delenv(compile_rule.SWITCH, raising=False)
    monkeypatch.setattr(compile_rule, "SMALL_PARAMETERS", 0)
    monkeypatch.setattr(compile_rule, "PAYS_AFTER", 3)
    monkeypatch.setattr(compiled, "build_program", lambda spec, folder: (built.append(spec.name), build(spec, folder)))
    return built


def synthesizer(compiled=None):
    paddle.seed(3)
    generator = StyleGANv2Generator(16, style_dim=24, n_mlp=1, channel_base=64)
    for name, parameter in generator.named_parameters():
        if name.endswith(("noise.weight", "bias")):
            parameter.set_value(paddle.randn(parameter.shape) * 0.3)
    return Synthesizer(generator, name="toy", weights_hash="toy", device="cpu", compiled=compiled)


def codes(count):
    return np.random.default_rng(5).standard_normal((count, 6, 24)).astype(np.float32)


@pytest.mark.parametrize(
    ("parameters", "drawn", "to_come", "expected"),
    [
        (LARGE, 0, 1, False),
        (LARGE, MANY - 1, 1, False),
        (LARGE, MANY, 1, True),
        (LARGE, 0, MANY, True),
        (LARGE - 1, 0, 1, True),
    ],
)
def test_a_large_network_is_compiled_when_that_pays(parameters, drawn, to_come, expected):
    assert compile_rule.pays(parameters, drawn, to_come) is expected


@pytest.mark.parametrize(("text", "expected"), [("", "auto"), (" Never ", "never"), ("always", "always")])
def test_the_switch(text, expected):
    assert compile_rule.choice({compile_rule.SWITCH: text}) == expected
    assert compile_rule.choice({}) == "auto"


def test_an_unknown_switch_is_refused(monkeypatch):
    monkeypatch.setenv(compile_rule.SWITCH, "alway")
    with pytest.raises(ConfigError, match=r"PPGAN_EXT_COMPILE: 'alway' is none of .* Did you mean 'always'"):
        synthesizer()


def test_the_description_names_the_switch(monkeypatch):
    said = []
    for text in ("auto", "always", "never"):
        monkeypatch.setenv(compile_rule.SWITCH, text)
        said.append(compile_rule.description())
    assert len(set(said)) == 3
    assert all(compile_rule.SWITCH in line for line in said)


@pytest.mark.slow
def test_few_pictures_are_drawn_at_once_and_more_by_a_program(builds):
    engine = synthesizer()
    drawn = [engine.render(codes(1)) for _ in range(3)]
    assert not builds
    drawn.append(engine.render(codes(1)))
    assert builds == ["toy-synthesis-16"]
    assert len(ProgramCache().entries()) == 1
    np.testing.assert_array_equal(drawn[0], drawn[2])
    error = np.abs(drawn[3] - drawn[0]).max()
    assert error < 1e-4 * np.abs(drawn[0]).max()
    # The next run finds the program in the cache, and draws the same bits with it.
    np.testing.assert_array_equal(synthesizer().render(codes(1)), drawn[3])
    assert len(builds) == 1


@pytest.mark.slow
@pytest.mark.parametrize("known_by", ["call", "expect"])
def test_many_known_pictures_are_drawn_by_a_program_from_the_first(builds, known_by):
    engine = synthesizer()
    if known_by == "expect":
        engine.expect(3)
    first = engine.render(codes(1 if known_by == "expect" else 3))
    assert len(builds) == 1
    np.testing.assert_array_equal(first[:1], synthesizer(compiled=True).render(codes(3)[:1]))


@pytest.mark.slow
def test_never_leaves_a_program_of_the_cache_out(builds, monkeypatch):
    synthesizer(compiled=True).render(codes(1))
    monkeypatch.setenv(compile_rule.SWITCH, "never")
    uncompiled = synthesizer(compiled=False).render(codes(1))
    np.testing.assert_array_equal(synthesizer().render(codes(1)), uncompiled)
    monkeypatch.setenv(compile_rule.SWITCH, "always")
    assert np.abs(synthesizer().render(codes(1)) - uncompiled).max() < 1e-4 * np.abs(uncompiled).max()
    assert len(builds) == 1


@pytest.mark.slow
def test_encoders_follow_the_rule(builds):
    paddle.seed(4)
    network = LightEncoder(32, channel_base=256, channel_cap=16, style_dim=24)
    engine = EncoderEngine(network, np.zeros(24, np.float32), name="toy", weights_hash="toy", device="cpu")
    crops = np.random.default_rng(9).uniform(-1, 1, (2, 3, 32, 32)).astype(np.float32)
    first = engine.encode(crops)
    np.testing.assert_array_equal(engine.encode(crops), first)
    assert not builds
    later = engine.encode(crops)
    assert builds == ["toy-encoding"]
    assert np.abs(later - first).max() < 1e-4 * np.abs(first).max()


@pytest.mark.slow
def test_a_program_that_cannot_be_built_leaves_dygraph(builds, monkeypatch):
    engine = synthesizer()
    engine.expect(3)

    def fail(spec, folder):
        raise RuntimeError("no such operator")

    monkeypatch.setattr(compiled, "build_program", fail)
    with pytest.warns(compiled.CompileWarning, match="runs uncompiled"):
        first = engine.render(codes(1))
    np.testing.assert_array_equal(engine.render(codes(1)), first)  # and does not try, or warn, again
