from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import paddle
import pytest

from ppgan_ext.engine import Synthesizer
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents.objective import Objective, box_average, noise_correlation, spread_over_layers
from ppgan_ext.latents.projector import DivergedError, ProjectorOptions, project
from tests.reference.toy_engine import N_LATENT, SIZE, STYLE_DIM, toy_engine, toy_perceptual
from tests.reference.toy_metrics import BreaksAfter


@pytest.fixture(scope="module")
def engine():
    return toy_engine()


@pytest.fixture(scope="module")
def perceptual():
    return toy_perceptual()


@pytest.fixture(scope="module")
def pair(engine):
    """A code in W+ and its image."""
    z = np.random.default_rng(5).standard_normal((N_LATENT, STYLE_DIM)).astype(np.float32)
    w_plus = engine.synthesizer.map(z)
    return w_plus, engine.synthesizer.render(w_plus[None])


def run(engine, perceptual, target, start=None, mask=None, on_step=None, **options):
    return project(engine, target, ProjectorOptions(**options), mask, start, on_step, perceptual=perceptual)


@pytest.mark.slow
def test_a_rendered_code_is_recovered(engine, perceptual, pair):
    target = pair[1]
    fit = run(engine, perceptual, target, num_steps=60)
    assert min(fit.losses) < fit.losses[0] / 8
    before = np.abs(engine.synthesizer.render(np.repeat(engine.synthesizer.w_avg[None, None], N_LATENT, 1)) - target)
    assert np.abs(fit.pixels - target).mean() < before.mean() / 2
    assert fit.num_steps == 60 and len(fit.losses) == 61 and fit.perceptual_name == "toy-features"


@pytest.mark.slow
def test_the_code_renders_the_image_bit_for_bit_and_is_the_best_one(engine, perceptual, pair):
    # A rate this high makes the loss jump about, so that the last code is not the best.
    seen = []
    fit = run(engine, perceptual, pair[1], num_steps=12, start_lr=1.5, final_lr=1.5, on_step=seen.append)
    assert fit.losses[-1] > min(fit.losses)
    assert fit.best_step == int(np.argmin(fit.losses)) == min(seen, key=lambda step: step.loss).step
    assert np.array_equal(engine.synthesizer.render(fit.w_plus[None]), fit.pixels)
    objective = Objective(pair[1], SIZE, perceptual, None, "cpu")
    terms = objective.distance(paddle.to_tensor(fit.pixels))
    assert float(terms.perceptual + terms.mse) == pytest.approx(min(fit.losses), rel=1e-4)


@pytest.mark.slow
def test_the_compiled_engine_renders_the_returned_image(perceptual, pair, engine):
    compiled = SimpleNamespace(synthesizer=Synthesizer(engine.synthesizer.generator, compiled=True), encoder=None)
    fit = run(compiled, perceptual, pair[1], num_steps=2)
    assert np.array_equal(compiled.synthesizer.render(fit.w_plus[None]), fit.pixels)


def test_layers_that_are_not_chosen_keep_their_bits(engine, perceptual, pair):
    start = pair[0] + np.float32(0.3)
    fit = run(engine, perceptual, pair[1], start=start, num_steps=5, latent_level=[1, 4, 5])
    frozen = [0, 2, 3, 6, 7]
    assert np.array_equal(fit.w_plus[frozen], start[frozen])
    assert all((fit.w_plus[layer] != start[layer]).all() for layer in (1, 4, 5))
    assert min(fit.losses) < fit.losses[0]


@pytest.mark.slow
def test_the_hidden_part_has_no_influence(engine, perceptual, pair):
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[: SIZE // 2, 4:] = 1  # lopsided: rows are not columns
    painted = pair[1].copy()
    painted[:, :, mask == 0] = 0.9
    clean = run(engine, perceptual, pair[1], mask=mask, num_steps=4)
    dirty = run(engine, perceptual, painted, mask=mask, num_steps=4)
    assert np.array_equal(clean.w_plus, dirty.w_plus) and clean.losses == dirty.losses
    assert run(engine, perceptual, painted, num_steps=4).losses != clean.losses
    painted[0, 0, 3, 20] = -0.9  # one pixel that counts
    assert run(engine, perceptual, painted, mask=mask, num_steps=4).losses != clean.losses


def test_a_mask_keeps_the_scale_of_both_terms(perceptual, pair):
    other = paddle.to_tensor(pair[1] + np.float32(0.25))
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[:, :24] = 1
    masked = Objective(pair[1], SIZE, perceptual, mask, "cpu").distance(other)
    whole = Objective(pair[1], SIZE, perceptual, np.ones_like(mask), "cpu").distance(other)
    plain = Objective(pair[1], SIZE, perceptual, None, "cpu").distance(other)
    assert float(masked.mse) == pytest.approx(0.0625, rel=1e-5)
    assert float(whole.mse) == pytest.approx(float(plain.mse)) and float(whole.perceptual) == float(plain.perceptual)


def test_starts_from_mean_encoder_file_and_array(engine, perceptual, pair, tmp_path: Path):
    def first(start):
        return run(engine, perceptual, pair[1], start=start, num_steps=0).w_plus

    mean = np.repeat(engine.synthesizer.w_avg[None], N_LATENT, axis=0)
    assert np.array_equal(first(None), mean) and np.array_equal(first("mean"), mean)
    assert np.array_equal(first("encoder"), engine.encode(pair[1])[0])
    np.save(tmp_path / "dst.fitting.npy", pair[0][None])
    assert np.array_equal(first(tmp_path / "dst.fitting.npy"), pair[0])
    assert np.array_equal(first(str(tmp_path / "dst.fitting.npy")), pair[0])
    assert np.array_equal(first(pair[0][0]), np.repeat(pair[0][:1], N_LATENT, axis=0))
    no_encoder = dataclasses.replace(engine, encoder=None)
    with pytest.raises(ConfigError, match="no encoder"):
        run(no_encoder, perceptual, pair[1], start="encoder")


@pytest.mark.slow
def test_a_fit_can_go_on_from_the_file_of_another(engine, perceptual, pair, tmp_path: Path):
    from ppgan_ext.latents.codes import save_code

    first = run(engine, perceptual, pair[1], num_steps=5)
    second = run(engine, perceptual, pair[1], start=save_code(tmp_path / "a.npy", first.w_plus), num_steps=5)
    assert second.losses[0] == pytest.approx(min(first.losses), rel=1e-5)
    assert min(second.losses) < min(first.losses)


@pytest.mark.parametrize("interrupt_at", [0, 3])
def test_ctrl_c_keeps_the_best_so_far(engine, perceptual, pair, interrupt_at):
    def interrupt(step):
        if step.step == interrupt_at:
            raise KeyboardInterrupt

    fit = run(engine, perceptual, pair[1], num_steps=30, on_step=interrupt)
    assert fit.interrupted and fit.num_steps == interrupt_at
    assert np.array_equal(engine.synthesizer.render(fit.w_plus[None]), fit.pixels)
    assert not run(engine, perceptual, pair[1], num_steps=1).interrupted


def test_a_loss_of_nan_stops_with_the_best_kept(engine, perceptual, pair):
    with pytest.raises(DivergedError, match=r"nan at step 3\. Lower start_lr") as caught:
        run(engine, BreaksAfter(perceptual, 3), pair[1], num_steps=9)
    best = caught.value.best
    assert best.num_steps == 2 and np.isfinite(best.w_plus).all()
    assert np.array_equal(engine.synthesizer.render(best.w_plus[None]), best.pixels)
    with pytest.raises(DivergedError) as caught:
        run(engine, BreaksAfter(perceptual, 0), pair[1], num_steps=9)
    assert caught.value.best is None


def test_the_target_is_prepared_once_and_the_generator_stays(engine, perceptual, pair):
    calls = []

    class Counting(BreaksAfter):
        def prepare(self, target):
            calls.append(tuple(target.shape))
            return super().prepare(target)

    before = {name: tensor.numpy().copy() for name, tensor in engine.synthesizer.generator.state_dict().items()}
    run(engine, Counting(perceptual, 99), pair[1], num_steps=3, optimize_noise=True)
    assert calls == [(1, 3, SIZE, SIZE)]
    after = engine.synthesizer.generator.state_dict()
    assert all(np.array_equal(after[name].numpy(), array) for name, array in before.items())
    assert all(p.stop_gradient and p.grad is None for p in engine.synthesizer.generator.parameters())


@pytest.mark.slow
def test_the_same_arguments_give_the_same_bits(engine, perceptual, pair):
    fits = [run(engine, perceptual, pair[1], num_steps=4, optimize_noise=True) for _ in range(2)]
    assert np.array_equal(fits[0].w_plus, fits[1].w_plus) and fits[0].losses == fits[1].losses


@pytest.mark.slow
def test_fitted_noise_belongs_to_the_result(engine, perceptual, pair):
    plain = run(engine, perceptual, pair[1], num_steps=15, noise_weight=0.0)
    fit = run(engine, perceptual, pair[1], num_steps=15, optimize_noise=True, noise_weight=1.0)
    assert plain.noise is None and len(fit.noise) == len(engine.synthesizer.generator.noise_sides())
    assert np.array_equal(engine.synthesizer.render(fit.w_plus[None], fit.noise), fit.pixels)
    assert not np.array_equal(engine.synthesizer.render(fit.w_plus[None]), fit.pixels)
    assert min(fit.losses) < min(plain.losses)
    for map_ in fit.noise:
        assert map_.mean() == pytest.approx(0, abs=1e-5) and map_.var() == pytest.approx(1, rel=1e-4)


def test_noise_above_the_compared_resolution_stays(engine, perceptual, pair):
    fit = run(engine, perceptual, pair[1], num_steps=2, optimize_noise=True, stop_at=16)
    fixed = [tensor.numpy() for tensor in engine.synthesizer.generator.fixed_noise()]
    changed = [not np.array_equal(a, b) for a, b in zip(fit.noise, fixed, strict=True)]
    assert changed == [side <= 16 for side in engine.synthesizer.generator.noise_sides()]


def test_stop_at_compares_the_smaller_skip_image(engine, perceptual, pair):
    seen = []
    fit = run(engine, perceptual, pair[1], num_steps=8, stop_at=16, on_step=seen.append)
    assert seen[0].image().shape == (16, 16, 3) and fit.pixels.shape == (1, 3, SIZE, SIZE)
    assert min(fit.losses) < fit.losses[0] / 1.5
    with pytest.raises(ConfigError):
        run(engine, perceptual, pair[1], num_steps=1, stop_at=64)


def test_stops_early_without_progress(engine, perceptual, pair):
    fit = run(engine, perceptual, pair[1], num_steps=50, start_lr=1e-9, final_lr=1e-9, patience=3)
    assert fit.num_steps == 3 and not fit.interrupted


def test_each_step_is_reported_with_its_image(engine, perceptual, pair):
    seen = []
    fit = run(engine, perceptual, pair[1], num_steps=4, mse_weight=2.0, on_step=seen.append)
    assert [step.step for step in seen] == [0, 1, 2, 3, 4] and {step.total for step in seen} == {4}
    assert [step.loss for step in seen] == list(fit.losses)
    for step in seen:
        assert step.loss == pytest.approx(step.perceptual + 2.0 * step.mse, rel=1e-5)
    assert seen[0].image().dtype == np.uint8 and not np.array_equal(seen[0].image(), seen[-1].image())


def test_the_learning_rate_falls_as_in_paddlegan():
    options = ProjectorOptions(num_steps=100, start_lr=0.1, final_lr=0.025)
    for step in (0, 1, 50, 99):
        t = step / 100
        assert options.learning_rate(step) == pytest.approx(0.1 * pow(0.025 / 0.1, 1 / 100) ** (t * 100))


@pytest.mark.slow
def test_the_w_space_term_draws_layers_together(engine, perceptual, pair):
    free = run(engine, perceptual, pair[1], start=pair[0], num_steps=10)
    tied = run(engine, perceptual, pair[1], start=pair[0], num_steps=10, w_space_weight=50.0)
    assert spread_over_layers(paddle.to_tensor(tied.w_plus[None])) < 0.8 * spread_over_layers(
        paddle.to_tensor(free.w_plus[None])
    )


def test_spread_and_noise_correlation_against_plain_numpy():
    rng = np.random.default_rng(0)
    code = rng.standard_normal((1, 5, 7)).astype(np.float32)
    assert float(spread_over_layers(paddle.to_tensor(code))) == pytest.approx(code.var(axis=1).mean(), rel=1e-5)
    map_ = rng.standard_normal((1, 1, 32, 32)).astype(np.float32)
    expected, level = 0.0, map_[0, 0]
    while True:
        expected += np.mean(level * np.roll(level, 1, 0)) ** 2 + np.mean(level * np.roll(level, 1, 1)) ** 2
        if len(level) == 8:
            break
        half = len(level) // 2
        level = 2 * level.reshape(half, 2, half, 2).mean(axis=(1, 3))
    assert float(noise_correlation([paddle.to_tensor(map_)])) == pytest.approx(expected, rel=1e-4)
    smooth = np.tile(np.sin(np.arange(32) / 5).astype(np.float32), (1, 1, 32, 1))
    assert float(noise_correlation([paddle.to_tensor(smooth)])) > 100 * expected


def test_boxes_are_averaged_along_the_right_axes():
    pixels = np.arange(2 * 3 * 8 * 8, dtype=np.float32).reshape(2, 3, 8, 8)
    small = box_average(paddle.to_tensor(pixels), 2).numpy()
    assert small[1, 2, 0, 1] == pytest.approx(pixels[1, 2, :4, 4:].mean())
    assert small[0, 1, 1, 0] == pytest.approx(pixels[0, 1, 4:, :4].mean())


@pytest.mark.parametrize("side", [24, 32, 48, 64])
def test_targets_of_any_size_are_fitted(engine, perceptual, side):
    target = np.full((1, 3, side, side), 0.2, np.float32)
    assert np.isfinite(run(engine, perceptual, target, num_steps=1).losses).all()


def test_what_cannot_be_fitted_is_refused(engine, perceptual, pair):
    target = pair[1]
    for wrong in (target[0], target[:, :2], target[:, :, :16], np.full_like(target, np.nan)):
        with pytest.raises(InputError, match="target"):
            run(engine, perceptual, wrong, num_steps=1)
    for mask in (np.zeros((SIZE, SIZE)), np.full((SIZE, SIZE), 255.0), np.ones((SIZE, SIZE - 1))):
        with pytest.raises(InputError, match="mask"):
            run(engine, perceptual, target, mask=mask, num_steps=1)
    with pytest.raises(InputError, match="layers"):
        run(engine, perceptual, target, start=np.zeros((14, STYLE_DIM)), num_steps=1)
    for levels in ([], [8], [-1]):
        with pytest.raises(ConfigError, match=r"latent_level: layers .* do not fit a model of 8"):
            run(engine, perceptual, target, latent_level=levels)


@pytest.mark.parametrize(
    "wrong", [{"num_steps": -1}, {"start_lr": 0.0}, {"final_lr": float("nan")}, {"mse_weight": -1.0}, {"patience": 0}]
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ProjectorOptions(**wrong)
