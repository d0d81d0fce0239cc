"""Pivotal tuning: a copy learns the photo, the original stays, and so does what is drawn elsewhere."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppgan_ext.engine.cache import ProgramCache
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents.objective import Objective
from ppgan_ext.latents.projector import DivergedError
from ppgan_ext.latents.tuning import TuningOptions, tune
from ppgan_ext.networks.stylegan2 import StyleGANv2Generator
from tests.reference.toy_engine import N_LATENT, SIZE, STYLE_DIM, toy_engine, toy_perceptual
from tests.reference.toy_metrics import BreaksAfter


@pytest.fixture(scope="module")
def engine():
    return toy_engine()


@pytest.fixture(scope="module")
def perceptual():
    return toy_perceptual()


@pytest.fixture(scope="module")
def photos():
    """Two lopsided pictures that the generator does not draw."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / np.float32(SIZE)
    first = np.stack([x * 1.4 - 0.7, y - 0.5, 0.4 * np.sin(9 * x + 4 * y)])
    second = np.stack([0.5 - y, 0.6 * np.cos(7 * y), x * y])
    return np.stack([first, second]).astype(np.float32)


@pytest.fixture(scope="module")
def pivots(engine):
    z = np.random.default_rng(5).standard_normal((2 * N_LATENT, STYLE_DIM)).astype(np.float32)
    return engine.synthesizer.map(z).reshape(2, N_LATENT, STYLE_DIM)


@pytest.fixture
def run(engine, perceptual, photos, pivots):
    def tuned(count=1, masks=None, on_step=None, targets=photos, distance=perceptual, **options):
        settings = TuningOptions(**{"num_steps": 5, "start_lr": 1e-2, "final_lr": 5e-3, **options})
        return tune(engine, targets[:count], pivots[:count], settings, masks, on_step, perceptual=distance)

    return tuned


def arrays(synthesizer):
    return {name: tensor.numpy() for name, tensor in synthesizer.generator.state_dict().items()}


def same(first, second):
    return set(first) == set(second) and all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_a_copy_learns_the_photo_and_the_original_stays(engine, run, photos, pivots):
    before, drawn = arrays(engine.synthesizer), engine.synthesizer.render(pivots[:1])
    seen = []
    tuning = run(num_steps=24, on_step=seen.append)
    assert tuning.losses[-1] < tuning.losses[0] / 3
    assert np.square(tuning.pixels - photos[:1]).mean() < np.square(drawn - photos[:1]).mean() / 5
    assert tuning.num_steps == 24 and len(tuning.losses) == 25 and not tuning.interrupted
    assert tuning.perceptual_name == "toy-features"
    assert np.array_equal(tuning.pivots, pivots[:1])
    assert np.array_equal(tuning.synthesizer.render(pivots[:1]), tuning.pixels)
    assert same(arrays(engine.synthesizer), before)
    assert np.array_equal(engine.synthesizer.render(pivots[:1]), drawn)
    assert all(p.stop_gradient and p.grad is None for p in engine.synthesizer.generator.parameters())
    assert all(p.stop_gradient for p in tuning.generator.parameters())
    assert [step.loss for step in seen] == list(tuning.losses)
    assert [step.learning_rate for step in seen[:2]] == pytest.approx([1e-2, 1e-2 * 0.5 ** (1 / 24)])
    assert np.array_equal(seen[-1].image().shape, (SIZE, SIZE, 3))


def test_only_what_draws_is_tuned(engine, run):
    before, after = arrays(engine.synthesizer), arrays(run(num_steps=2).synthesizer)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    parameters = {name for name, _ in engine.synthesizer.generator.named_parameters()}
    drawing = {name for name in parameters if not name.startswith("style.")}
    assert changed == drawing


def test_the_mean_latent_goes_with_the_copy(engine, run):
    assert np.array_equal(run(num_steps=0).synthesizer.w_avg, engine.synthesizer.w_avg)


def test_no_step_draws_what_the_model_draws(engine, run, pivots):
    tuning = run(num_steps=0)
    assert same(arrays(tuning.synthesizer), arrays(engine.synthesizer))
    assert np.array_equal(tuning.pixels, engine.synthesizer.render(pivots[:1])) and len(tuning.losses) == 1


@pytest.mark.slow
def test_one_copy_learns_two_photos(engine, run, photos, pivots):
    before = np.square(engine.synthesizer.render(pivots) - photos).mean(axis=(1, 2, 3))
    tuning = run(count=2, num_steps=14)
    after = np.square(tuning.pixels - photos).mean(axis=(1, 2, 3))
    assert (after < before / 3).all()
    alone = run(count=1, num_steps=14).synthesizer.render(pivots)  # tuned to the first only
    assert np.square(alone[1] - photos[1]).mean() > 2 * after[1]


@pytest.mark.slow
def test_a_single_pivot_needs_no_axis(engine, perceptual, photos, pivots, run):
    options = TuningOptions(num_steps=5, start_lr=1e-2, final_lr=5e-3)
    one = tune(engine, photos[:1], pivots[0], options, perceptual=perceptual)
    assert np.array_equal(one.pixels, run().pixels)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(run):
    first, again, other = run(seed=1), run(seed=1), run(seed=2)
    assert same(arrays(first.synthesizer), arrays(again.synthesizer)) and first.losses == again.losses
    assert not same(arrays(first.synthesizer), arrays(other.synthesizer))
    free = [run(seed=seed, locality_weight=0.0) for seed in (1, 2)]  # nothing else is random
    assert same(arrays(free[0].synthesizer), arrays(free[1].synthesizer))


@pytest.mark.slow
def test_the_regulariser_keeps_what_is_drawn_elsewhere(engine, run, pivots):
    z = np.random.default_rng(11).standard_normal((6, STYLE_DIM)).astype(np.float32)
    towards = engine.synthesizer.map(z)[:, None] - pivots[0]
    near = pivots[0] + 0.3 * towards / np.sqrt(np.square(towards).mean(axis=(1, 2), keepdims=True))
    original = engine.synthesizer.render(near)

    def drift(**options):
        tuning = run(num_steps=12, **options)
        return np.square(tuning.synthesizer.render(near) - original).mean(), tuning.losses[-1]

    free, _ = drift(locality_weight=0.0)
    kept, loss = drift(locality_weight=3.0, locality_every=1, locality_distance=0.3)
    rarely, _ = drift(locality_weight=3.0, locality_every=4, locality_distance=0.3)
    assert kept < 0.7 * free
    assert kept < rarely < free
    assert loss < run(num_steps=0).losses[0] / 1.5  # and the photo is still learnt


@pytest.mark.slow
def test_the_regulariser_takes_part_on_every_kth_step(run):
    seen = []
    run(num_steps=7, locality_every=3, on_step=seen.append)
    assert [step.step for step in seen if step.locality is not None] == [2, 5]
    assert all(step.locality > 1e-3 for step in (seen[2], seen[5]))


def test_codes_of_the_regulariser_lie_at_the_asked_distance(engine, perceptual, pivots, photos, monkeypatch):
    seen = []
    render = StyleGANv2Generator.render

    def spy(self, w_plus, *args, **settings):
        seen.append(w_plus.numpy())
        return render(self, w_plus, *args, **settings)

    monkeypatch.setattr(StyleGANv2Generator, "render", spy)
    options = TuningOptions(num_steps=1, locality_every=1, locality_distance=0.7)
    tune(engine, photos[:1], pivots[:1], options, perceptual=perceptual)
    away = [np.sqrt(np.square(code - pivots[:1]).mean()) for code in seen]
    # The pivot; the same neighbour by both generators; after the update the pivot, and once more as the result.
    assert away == pytest.approx([0.0, 0.7, 0.7, 0.0, 0.0], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("interrupt_at", [0, 3])
def test_ctrl_c_keeps_what_is_done(engine, run, pivots, interrupt_at):
    states = {}

    def interrupt(step):
        if step.step == interrupt_at:
            raise KeyboardInterrupt

    tuning = run(on_step=interrupt)
    assert tuning.interrupted and tuning.num_steps == interrupt_at and len(tuning.losses) == interrupt_at + 1
    assert np.array_equal(tuning.synthesizer.render(pivots[:1]), tuning.pixels)
    whole = run(on_step=lambda step: states.setdefault(step.step, step.loss))
    assert tuning.losses == whole.losses[: interrupt_at + 1]
    changed = not same(arrays(tuning.synthesizer), arrays(engine.synthesizer))
    assert changed == (interrupt_at > 0)


@pytest.mark.slow
def test_a_loss_of_nan_is_named(engine, run, perceptual):
    before = arrays(engine.synthesizer)
    with pytest.raises(DivergedError, match=r"tuning: the loss became nan at step 3\. Lower start_lr"):
        run(distance=BreaksAfter(perceptual, 3), locality_weight=0.0)
    with pytest.raises(DivergedError, match="locality regulariser became nan at step 3"):
        run(distance=BreaksAfter(perceptual, 4))
    assert same(arrays(engine.synthesizer), before)


@pytest.mark.slow
def test_the_hidden_part_has_no_say(run, photos):
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[: SIZE // 2, 4:] = 1  # lopsided: rows are not columns
    painted = photos.copy()
    painted[:, :, mask == 0] = 0.9
    clean, dirty = (run(masks=[mask], targets=targets, num_steps=3) for targets in (photos, painted))
    assert clean.losses == dirty.losses and np.array_equal(clean.pixels, dirty.pixels)
    assert run(targets=painted, num_steps=3).losses != clean.losses
    half_masked = run(count=2, masks=[None, mask], num_steps=1)
    assert half_masked.losses != run(count=2, num_steps=1).losses


def test_large_images_are_compared_pixel_by_pixel(perceptual):
    checks = np.where(np.indices((512, 512)).sum(axis=0) % 2, 0.5, -0.5).astype(np.float32)
    grey = np.zeros((1, 3, 512, 512), np.float32)
    drawn = paddle.to_tensor(np.broadcast_to(checks, grey.shape).copy())
    coarse = Objective(grey, 512, perceptual, None, "cpu").distance(drawn)
    exact = Objective(grey, 512, perceptual, None, "cpu", every_pixel=True).distance(drawn)
    assert float(coarse.mse) == pytest.approx(0.0, abs=1e-9) and float(exact.mse) == pytest.approx(0.25)
    assert float(coarse.perceptual) == float(exact.perceptual)
    mask = np.zeros((512, 512), np.float32)
    mask[:, :128] = 1
    masked = Objective(grey, 512, perceptual, mask, "cpu", every_pixel=True).distance(drawn)
    assert float(masked.mse) == pytest.approx(0.25)


def test_nothing_is_compiled(run, pivots):
    before = [entry.folder for entry in ProgramCache().entries()]
    run(num_steps=1).synthesizer.render(pivots)
    assert [entry.folder for entry in ProgramCache().entries()] == before


def test_what_cannot_be_tuned_is_refused(engine, perceptual, photos, pivots):
    def check(targets, codes, match, **more):
        with pytest.raises(InputError, match=match):
            tune(engine, targets, codes, TuningOptions(num_steps=1), perceptual=perceptual, **more)

    check(photos, pivots[:1], "pivots")
    check(photos[:1], pivots[:1, :6], "pivots")
    check(photos[:0], pivots[:0], "pivots")
    check(photos[:1], pivots[:1] * np.nan, "pivots")
    check(photos[:1, :2], pivots[:1], "target")
    check(photos[:1] * np.nan, pivots[:1], "target")
    check(photos, pivots, "masks", masks=[None])
    check(photos[:1], pivots[:1], "mask", masks=[np.zeros((SIZE, SIZE))])


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_steps": -1}, {"start_lr": 0.0}, {"final_lr": float("nan")}, {"mse_weight": -1.0}, {"locality_every": 0},
        {"locality_distance": 0.0}, {"locality_weight": float("inf")}, {"seed": -1},
        {"perceptual_weight": 0.0, "mse_weight": 0.0},
    ],
)  # fmt: skip
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong)) if len(wrong) == 1 else "are both 0"):
        TuningOptions(**wrong)
