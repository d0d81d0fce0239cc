from __future__ import annotations

import numpy as np
import pytest

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents import regression
from ppgan_ext.latents.directions import apply, load_directions, save_directions
from ppgan_ext.latents.fit_directions import (
    Attribute,
    FitOptions,
    describe,
    fit_directions,
    in_deviations,
)
from ppgan_ext.latents.regression import (
    TEST,
    TRAIN,
    VALIDATION,
    fit_ridge,
    principal_basis,
    split_rows,
)

N, LAYERS, DIM = 1500, 4, 12


@pytest.fixture(scope="module")
def world():
    """Codes that change along known directions with age and with a smile that comes with age; anisotropic noise."""
    rng = np.random.default_rng(0)
    truth = {name: rng.standard_normal((LAYERS, DIM)) for name in ("age", "smile")}
    age = rng.uniform(10, 80, N)
    smile = 0.04 * (age - 45) + rng.standard_normal(N)
    spread = rng.uniform(0.2, 4.0, LAYERS * DIM)
    noise = (rng.standard_normal((N, LAYERS * DIM)) * spread).reshape(N, LAYERS, DIM)
    codes = 3 + noise + (age[:, None, None] * truth["age"] / 10) + smile[:, None, None] * truth["smile"]
    return codes.astype(np.float32), age, smile, truth


def cosine(a, b):
    return float(np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


def fit(world, method="conditional", **options):
    codes, age, smile, _ = world
    attributes = [Attribute("age", age, "year"), Attribute("smile", smile, "sd")]
    orthogonal_to = {"age": ["smile"], "smile": ["age"]}
    return fit_directions(codes, attributes, orthogonal_to, FitOptions(method, **options))


def test_known_directions_are_found_in_spite_of_their_correlation(world):
    fitted = fit(world)
    for name, vector in world[3].items():
        assert cosine(fitted[name].vector, vector) > 0.97, name
    alone = fit_directions(world[0], [Attribute("age", world[1], "year")])["age"]
    assert cosine(alone.vector, world[3]["age"]) < cosine(fitted["age"].vector, world[3]["age"]) - 0.01


@pytest.mark.parametrize("method", ["conditional", "ridge"])
def test_one_unit_raises_the_own_estimate_by_one_and_no_other(world, method):
    fitted = fit(world, method)
    code = world[0][17]
    for name, other in (("age", "smile"), ("smile", "age")):
        assert fitted[name].gain() == pytest.approx(1, abs=1e-6)
        edited = apply(code, fitted, {name: 5.0})
        assert fitted[name].measure(edited) - fitted[name].measure(code) == pytest.approx(5, abs=1e-3)
        assert fitted[other].measure(edited) - fitted[other].measure(code) == pytest.approx(0, abs=1e-3)


def test_the_conditional_direction_is_nearer_to_how_faces_change(world):
    truth = world[3]["age"]
    assert cosine(fit(world)["age"].vector, truth) > cosine(fit(world, "ridge")["age"].vector, truth) + 0.05


def test_figures_come_from_faces_that_were_held_back(world):
    codes, age, _, _ = world
    noise = np.random.default_rng(1).standard_normal(N)
    fitted = fit_directions(codes, [Attribute("age", age, "year"), Attribute("noise", noise, "sd")])
    age_figures, noise_figures = fitted["age"].statistics, fitted["noise"].statistics
    assert 0.8 < age_figures["r2"] < 1 and abs(noise_figures["r2"]) < 0.1
    estimates = np.array([fitted["age"].measure(code) for code in codes])
    assert age_figures["mae"] == pytest.approx(np.abs(estimates - age).mean(), rel=0.25)
    slope = np.polyfit(age, estimates, 1)[0]
    assert age_figures["slope"] == pytest.approx(slope, abs=0.08) and age_figures["num_faces"] == N
    table = describe(fitted)
    assert len(table) == 3 and table[1].split()[:3] == ["age", "year", str(N)]
    assert float(table[1].split()[3]) == pytest.approx(age_figures["r2"], abs=1e-3)


def test_measure_reads_the_attribute_of_new_codes(world):
    codes, age, _, _ = world
    fitted = fit_directions(codes[:1000], [Attribute("age", age[:1000], "year")])["age"]
    errors = [fitted.measure(code) - value for code, value in zip(codes[1000:], age[1000:], strict=True)]
    assert np.abs(errors).mean() < 6 and abs(np.mean(errors)) < 1


def test_unknown_rows_are_left_out(world):
    codes, age, smile, _ = world
    age, wild = age.copy(), codes.copy()
    age[::3] = np.nan
    labelled = np.isfinite(age)
    fitted = fit_directions(wild, [Attribute("age", age, "year"), Attribute("smile", smile, "sd")], {"age": ["smile"]})
    assert fitted["age"].statistics["num_faces"] == labelled.sum() and fitted["smile"].statistics["num_faces"] == N
    assert fitted["age"].statistics["mean"] == pytest.approx(age[labelled].mean())
    # Labels of unknown rows carry nothing: whatever stood there, the regression is the same.
    assert cosine(fitted["age"].vector, world[3]["age"]) > 0.95


def test_an_attribute_that_repeats_another_cannot_be_freed_of_it(world):
    codes, age, _, _ = world
    with pytest.raises(InputError, match="age: cannot be separated from years"):
        fit_directions(
            codes, [Attribute("age", age, "year"), Attribute("years", 2 * age - 3, "year")], {"age": ["years"]}
        )


def test_the_fit_is_repeatable_and_survives_the_file(world, tmp_path):
    first, second = fit(world, seed=3), fit(world, seed=3)
    assert np.array_equal(first["age"].vector, second["age"].vector)
    assert fit(world, seed=4)["age"].statistics["r2"] != first["age"].statistics["r2"]
    save_directions(tmp_path / "d.safetensors", first)
    back = load_directions(tmp_path / "d.safetensors", LAYERS, style_dim=DIM)["age"]
    assert np.array_equal(back.vector, first["age"].vector) and back.measure(world[0][0]) == first["age"].measure(
        world[0][0]
    )
    assert dict(back.statistics) == dict(first["age"].statistics)


def test_rivals_of_one_attribute_do_not_affect_another(world):
    codes, age, smile, _ = world
    attributes = [Attribute("age", age, "year"), Attribute("smile", smile, "step")]
    alone = fit_directions(codes, attributes, {"age": ["smile"]})["age"]
    assert np.allclose(alone.vector, fit(world)["age"].vector, atol=1e-6)


def test_few_components_are_enough_where_the_codes_have_few(world):
    rng = np.random.default_rng(2)
    mixing = rng.standard_normal((6, LAYERS * DIM))
    hidden = rng.standard_normal((400, 6)) * [5, 4, 3, 2, 1, 0.5]
    codes = (hidden @ mixing).reshape(400, LAYERS, DIM) + 7
    attribute = Attribute("age", 10 * hidden[:, 4] + 50, "year")
    age = fit_directions(codes, [attribute], options=FitOptions(num_components=8))["age"]
    assert age.statistics["r2"] > 0.999 and cosine(age.vector.ravel(), mixing[4]) > 0.98


def test_progress_is_reported(world):
    lines = []
    fit_directions(world[0][:100], [Attribute("age", world[1][:100], "year")], on_step=lines.append)
    assert lines[0].endswith(f"of {LAYERS * DIM}") and lines[-1] == "age"


def test_what_cannot_be_fitted_is_refused(world):
    codes, age, smile, _ = world
    good = Attribute("age", age, "year")
    for attribute, message in (
        (Attribute("a", age[:-1], "year"), "a: .*values for 1500 codes"),
        (Attribute("a", np.ones(N), "year"), "a: the same for all"),
        (Attribute("a", np.where(np.arange(N) < 9, age, np.nan), "year"), "a: known for only 9 faces"),
    ):
        with pytest.raises(InputError, match=message):
            fit_directions(codes, [good, attribute])
    with pytest.raises(InputError, match=r"codes are \(N, n_latent, D\)"):
        fit_directions(codes[0], [good])
    broken = codes.copy()
    broken[5, 1, 2] = np.inf
    with pytest.raises(InputError, match="NaN or infinite"):
        fit_directions(broken, [good])
    with pytest.raises(ConfigError, match="unknown attribute 'smlie'"):
        fit_directions(codes, [good, Attribute("smile", smile, "sd")], {"age": ["smlie"]})
    halves = [np.where(np.arange(N) % 2 == part, age, np.nan) for part in (0, 1)]
    with pytest.raises(InputError, match="only 0 faces have all of a, b"):
        fit_directions(codes, [Attribute("a", halves[0], ""), Attribute("b", halves[1], "")], {"a": ["b"]})
    for options in ({"method": "rigde"}, {"test_share": 0.0}, {"test_share": 0.5, "validation_share": 0.5}):
        with pytest.raises(ConfigError):
            FitOptions(**options)


def test_deviations():
    values = in_deviations(np.array([1.0, 2, 3, np.nan]))
    assert np.nanmean(values) == pytest.approx(0) and np.nanstd(values) == pytest.approx(1) and np.isnan(values[3])
    with pytest.raises(InputError):
        in_deviations(np.ones(4))


def test_ridge_against_the_formula():
    rng = np.random.default_rng(0)
    rows, values = rng.standard_normal((300, 7)) + 2, rng.standard_normal((300, 2))
    values[:, 0] += rows @ rng.standard_normal(7)
    part = split_rows(300, 0.2, 0.2, seed=0)
    for column, ridge in enumerate(fit_ridge(rows, values, part)):
        centred, target = rows - rows.mean(axis=0), values[:, column] - values[:, column].mean()
        scale = np.mean((centred**2).mean(axis=0))
        system = centred.T @ centred + ridge.penalty * scale * len(rows) * np.eye(7)
        assert np.allclose(ridge.weights, np.linalg.inv(system) @ centred.T @ target, atol=1e-9)
        assert ridge.bias == pytest.approx(values[:, column].mean() - rows.mean(axis=0) @ ridge.weights)


def test_the_test_rows_do_not_choose_or_fit():
    rng = np.random.default_rng(0)
    rows, values = rng.standard_normal((100, 60)), rng.standard_normal((100, 1))  # nothing to learn, much to overfit
    part = split_rows(100, 0.2, 0.2, seed=0)
    assert fit_ridge(rows, values, part)[0].r2 < 0.1
    again = values.copy()
    again[part == TEST] += 100
    assert fit_ridge(rows, again, part)[0].penalty == fit_ridge(rows, values, part)[0].penalty


def test_rows_are_dealt_out_by_share():
    part = split_rows(1000, 0.1, 0.25, seed=1)
    assert [(part == kind).sum() for kind in (TRAIN, VALIDATION, TEST)] == [650, 100, 250]
    assert np.array_equal(part, split_rows(1000, 0.1, 0.25, seed=1))
    assert not np.array_equal(part, split_rows(1000, 0.1, 0.25, seed=2))


@pytest.mark.parametrize(("num_rows", "full_size"), [(60, 2048), (90, 2048), (90, 30)])
def test_the_basis_spans_what_varies(num_rows, full_size, monkeypatch):
    """With fewer rows than columns, with more, and by subspace iteration."""
    monkeypatch.setattr(regression, "_FULL_SIZE", full_size)
    rng = np.random.default_rng(0)
    rows = (rng.standard_normal((num_rows, 5)) * [9, 7, 5, 3, 2]) @ rng.standard_normal((5, 80)) + 4
    basis = principal_basis(rows, 20)
    assert basis.num_components == 5
    assert np.allclose(basis.vectors.T @ basis.vectors, np.eye(5), atol=1e-9)
    assert np.allclose(basis.reduce(rows) @ basis.vectors.T + basis.mean, rows, atol=1e-4)
    assert (np.diff(basis.reduce(rows).var(axis=0)) < 0).all()
