"""Refining a fused code, with real networks at toy size."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import paddle
import pytest

from ppgan_ext.apps.fusion.refinement import RefineOptions, refine_fusion
from ppgan_ext.apps.fusion.refinement_objective import TERMS, FusionNetworks, FusionWeights
from ppgan_ext.engine import Synthesizer
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents.projector import DivergedError
from ppgan_ext.losses.face_chips import ChipBox
from ppgan_ext.losses.identity import IdentityDistance
from ppgan_ext.losses.perceptual import bundled_distance
from ppgan_ext.losses.symmetry import known_half
from ppgan_ext.networks import DlibFaceNet, StyleGANv2Discriminator, StyleGANv2Generator
from ppgan_ext.types import Pose
from tests.reference.toy import numbers

SIZE, STYLE_DIM, N_LATENT = 32, 24, 8


@pytest.fixture(scope="module")
def engine():
    paddle.seed(3)
    generator = StyleGANv2Generator(SIZE, style_dim=STYLE_DIM, n_mlp=2, channel_base=256, channel_cap=16)
    record = SimpleNamespace(crop="tight", name="toy")
    return SimpleNamespace(
        synthesizer=Synthesizer(generator, compiled=False), face_model=SimpleNamespace(record=record)
    )


@pytest.fixture(scope="module")
def networks():
    paddle.seed(4)
    discriminator = StyleGANv2Discriminator(SIZE, channel_base=256, channel_cap=16)
    identity = IdentityDistance("toy-identity", DlibFaceNet(width=2), ChipBox(0.5, 0.54, 1.18), "euclidean")
    return FusionNetworks(identity, bundled_distance(discriminator, "toy"), discriminator)


@pytest.fixture(scope="module")
def crops(engine):
    codes = engine.synthesizer.map(numbers("crops", (2, STYLE_DIM)))
    drawn = engine.synthesizer.render(np.repeat(codes[:, None], N_LATENT, axis=1))
    return drawn[:1], drawn[1:]


@pytest.fixture(scope="module")
def start(engine):
    return engine.synthesizer.map(numbers("start", (N_LATENT, STYLE_DIM)))


def run(engine, networks, crops, start, mask=None, on_step=None, **options):
    weights = options.pop("weights", {})
    settings = RefineOptions(weights=FusionWeights(**weights), **{"layers": None, **options})
    poses = {"source_pose": Pose(18.0, -3.0, 0.0), "target_pose": Pose(-20.0, 0.0, 0.0)}
    return refine_fusion(engine, start, *crops, mask, settings, on_step, **poses, networks=networks)


def only(name):
    return {other: 0.0 for other in TERMS} | {name: 1.0}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["identity", "adversarial", "symmetry", "perceptual", "color", "mean"])
def test_each_term_decreases_alone_and_no_other_is_measured(engine, networks, crops, start, name):
    weights = only(name)
    if name == "identity":
        weights["identity_enough"] = 0.0
    refined = run(engine, networks, crops, start, num_steps=5, weights=weights)
    assert list(refined.terms) == [name]
    first = refined.history[0][name]
    assert refined.terms[name] < 0.97 * first and refined.terms[name] == min(h[name] for h in refined.history)
    assert refined.losses[0] == pytest.approx(first, rel=1e-5)


def test_the_latent_term_keeps_the_code_near_the_start(engine, networks, crops, start):
    free, held = (
        run(engine, networks, crops, start, num_steps=6, weights={**only("color"), "latent": weight})
        for weight in (0.0, 50.0)
    )
    away = [np.abs(refined.w_plus - start).mean() for refined in (free, held)]
    assert away[1] < 0.8 * away[0]
    assert held.history[0]["latent"] == 0.0 and held.history[-1]["latent"] > 0


@pytest.mark.slow
def test_the_result_is_the_best_code_with_its_terms(engine, networks, crops, start):
    seen = []
    # The loss fluctuates at such a high rate.
    refined = run(engine, networks, crops, start, num_steps=7, start_lr=0.8, final_lr=0.8, on_step=seen.append)
    assert set(refined.terms) == set(TERMS) - {"mean"}
    assert [step.step for step in seen] == list(range(8)) and {step.total for step in seen} == {7}
    assert refined.losses == tuple(step.loss for step in seen)
    assert refined.best_step == int(np.argmin(refined.losses)) and refined.terms == refined.history[refined.best_step]
    weights = FusionWeights()
    for step in seen:
        total = sum(getattr(weights, name) * value for name, value in step.terms.items())
        assert step.loss == pytest.approx(total, rel=1e-4)
    again = run(engine, networks, crops, refined.w_plus, num_steps=0)
    assert max(refined.losses) > 1.05 * min(refined.losses)
    for name in set(refined.terms) - {"latent"}:  # measured from each run's own start
        assert again.terms[name] == pytest.approx(refined.terms[name], rel=1e-3, abs=1e-5)
    assert refined.networks == {"identity": "toy-identity", "perceptual": "toy-features"}
    assert not np.array_equal(seen[0].image(), seen[-1].image()) and seen[0].image().shape == (SIZE, SIZE, 3)


@pytest.mark.slow
def test_the_same_arguments_give_the_same_bits(engine, networks, crops, start):
    first, second = (run(engine, networks, crops, start, num_steps=3) for _ in range(2))
    assert np.array_equal(first.w_plus, second.w_plus) and first.history == second.history
    before = start.copy()
    assert np.array_equal(run(engine, networks, crops, start, num_steps=0).w_plus, before)
    assert np.array_equal(start, before)


@pytest.mark.slow
def test_other_layers_keep_their_bits(engine, networks, crops, start):
    refined = run(engine, networks, crops, start, num_steps=4, layers=(3, 4, 6))
    assert (refined.w_plus != start).any(axis=1).tolist() == [False, False, False, True, True, False, True, False]
    assert RefineOptions().layers == (3, 4, 5, 6)
    with pytest.raises(ConfigError, match="from 0 to 7"):
        run(engine, networks, crops, start, num_steps=1, layers=(8,))


@pytest.mark.slow
def test_outside_the_mask_the_source_does_not_count(engine, networks, crops, start):
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[4:28, 8:20] = 1  # lopsided
    painted = crops[0].copy()
    painted[:, :, mask == 0] = 0.7
    weights = {"identity": 0.0, "adversarial": 0.0}
    clean = run(engine, networks, crops, start, mask, num_steps=3, weights=weights)
    dirty = run(engine, networks, (painted, crops[1]), start, mask, num_steps=3, weights=weights)
    assert np.array_equal(clean.w_plus, dirty.w_plus)
    painted[0, 0, 5, 9] = -0.9  # one pixel that counts
    moved = run(engine, networks, (painted, crops[1]), start, mask, num_steps=3, weights=weights)
    assert not np.array_equal(clean.w_plus, moved.w_plus)


def test_identity_below_the_threshold_has_no_loss(engine, networks, crops, start):
    far = run(engine, networks, crops, start, num_steps=0, weights={**only("identity"), "identity_enough": 0.0})
    enough = far.terms["identity"] / 100
    near = run(engine, networks, crops, start, num_steps=0, weights={**only("identity"), "identity_enough": enough})
    assert near.terms["identity"] == pytest.approx(far.terms["identity"] - enough, rel=1e-4)
    there = run(engine, networks, crops, start, num_steps=3, weights={**only("identity"), "identity_enough": 99.0})
    assert there.terms["identity"] == 0.0 and np.array_equal(there.w_plus, start)


def test_without_poses_symmetry_is_left_out(engine, networks, crops, start):
    refined = refine_fusion(engine, start, *crops, None, RefineOptions(num_steps=1), networks=networks)
    assert "symmetry" not in refined.terms
    assert [known_half(yaw) for yaw in (20.0, 3.0, -9.0)] == ["image left", None, "image right"]


def test_networks_without_weight_are_not_loaded(engine, crops, start, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("loaded")

    for name in ("identity_network", "default_perceptual", "load"):
        replacement = SimpleNamespace(load_discriminator=refuse) if name == "load" else refuse
        monkeypatch.setattr(f"ppgan_ext.apps.fusion.refinement_objective.{name}", replacement)
    refined = run(engine, None, crops, start, num_steps=1, weights=only("color"))
    assert list(refined.terms) == ["color"]
    for name in ("identity", "adversarial", "perceptual"):
        with pytest.raises(AssertionError, match="loaded"):
            run(engine, None, crops, start, num_steps=1, weights=only(name))


@pytest.mark.parametrize("interrupt_at", [0, 2])
def test_ctrl_c_keeps_the_best_so_far(engine, networks, crops, start, interrupt_at):
    def interrupt(step):
        if step.step == interrupt_at:
            raise KeyboardInterrupt

    refined = run(engine, networks, crops, start, num_steps=9, on_step=interrupt, weights=only("color"))
    assert refined.interrupted and refined.num_steps == interrupt_at
    assert refined.terms["color"] == min(terms["color"] for terms in refined.history)


def test_a_loss_of_nan_stops(engine, networks, crops, start):
    class Breaking:
        name, calls = "breaks", 0

        def prepare(self, target):
            return networks.perceptual.prepare(target)

        def distance(self, pixels, features):
            self.calls += 1
            return networks.perceptual.distance(pixels, features) * (1.0 if self.calls < 3 else float("nan"))

    broken = FusionNetworks(networks.identity, Breaking(), networks.discriminator)
    with pytest.raises(DivergedError, match=r"nan at step 2\. Lower start_lr"):
        run(engine, broken, crops, start, num_steps=5)


def test_bad_options_are_refused(engine, networks, crops, start):
    for wrong in ({"color": -0.1}, {"identity": float("nan")}, {"latent": np.inf}, {"identity_enough": -1.0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            FusionWeights(**wrong)
    with pytest.raises(ConfigError, match="all weights are 0"):
        FusionWeights(**{name: 0.0 for name in TERMS})
    for wrong in ({"num_steps": -1}, {"start_lr": 0.0}, {"final_lr": np.inf}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            RefineOptions(**wrong)
    for bad in ((crops[0][0], crops[1]), (crops[0], np.full_like(crops[1], np.nan))):
        with pytest.raises(InputError, match="target"):
            run(engine, networks, bad, start, num_steps=1)
    with pytest.raises(InputError, match="layers"):
        run(engine, networks, crops, start[:5], num_steps=1)
