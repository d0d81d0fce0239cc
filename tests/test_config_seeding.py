"""Options files list all mistakes at once; equal seeds give equal numbers."""

from __future__ import annotations

import random

import numpy as np
import pydantic
import pytest

from ppgan_ext import seeding
from ppgan_ext.config import load_options, parse_overrides, read_yaml
from ppgan_ext.errors import ConfigError, InputError


class Optim(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    lr: float = 0.1
    betas: list[float] = [0.0, 0.99]


class Options(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    size: int = pydantic.Field(ge=8)
    noise: str = "const"
    optim: Optim = Optim()
    checking: int = pydantic.Field(default=1, alias="check")


def test_file_and_overrides_make_a_model(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("size: 64\noptim:\n  lr: 1e-3\n")
    options = load_options(Options, path, {"noise": "random", "optim.betas.1": 0.5, "optim.betas": [0.1, 0.2]})
    assert (options.size, options.noise, options.optim.lr) == (64, "random", 1e-3)
    assert options.optim.betas == [0.1, 0.2]
    assert load_options(Options, overrides={"size": 8}).size == 8


def test_every_mistake_is_listed_with_its_line(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("noize: const\nsize: 4\noptim:\n  lr: fast\n  betta: 1\n  lr: 2x\n")
    with pytest.raises(ConfigError) as caught:
        load_options(Options, path)
    heading, *mistakes = str(caught.value).split("\n")
    assert heading == f"5 mistakes in {path}:"
    assert f"  {path}:1: noize: unknown key; did you mean 'noise'?" in mistakes
    assert f"  {path}:2: size: input should be greater than or equal to 8, got 4" in mistakes
    assert f"  {path}:5: optim.betta: unknown key; did you mean 'betas'?" in mistakes
    assert f"  {path}:6: 'optim.lr' is given twice, first in line 4" in mistakes
    assert any(line.startswith(f"  {path}:6: optim.lr: input should be a valid number") for line in mistakes)
    assert len(mistakes) == 5


def test_a_value_that_the_message_names_is_told_once():
    class Painter(pydantic.BaseModel):
        colour: str

        @pydantic.field_validator("colour")
        @classmethod
        def _is_known(cls, value):
            raise ValueError(f"unknown colour '{value}'")

    with pytest.raises(ConfigError) as caught:
        load_options(Painter, overrides={"colour": "redd"})
    assert str(caught.value) == "1 mistake in the options: colour: unknown colour 'redd'"


def test_mistakes_without_a_file_are_in_the_options():
    with pytest.raises(ConfigError) as caught:
        load_options(Options, overrides={"size": 4, "noize": "const"})
    assert str(caught.value).split("\n") == [
        "2 mistakes in the options:",
        "  size: input should be greater than or equal to 8, got 4",
        "  noize: unknown key; did you mean 'noise'?",
    ]


def test_an_unknown_key_is_led_to_the_name_that_is_read():
    with pytest.raises(ConfigError, match=r"checking: unknown key; did you mean 'check'\?"):
        load_options(Options, overrides={"size": 8, "checking": 2})
    assert load_options(Options, overrides={"size": 8, "check": 2}).checking == 2


def test_an_unknown_key_is_led_to_the_block_that_has_it():
    with pytest.raises(ConfigError, match=r"betas: unknown key; did you mean 'optim\.betas'\?"):
        load_options(Options, overrides={"size": 8, "betas": [0, 1]})


def test_a_single_mistake_is_on_one_line(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("size: 4\n")
    with pytest.raises(ConfigError) as caught:
        load_options(Options, path)
    assert str(caught.value) == (
        f"1 mistake in the options: {path}:1: size: input should be greater than or equal to 8, got 4"
    )


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match="1 mistake in the options: size: missing"):
        load_options(Options)


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        ("a: [", ConfigError, "is not YAML"),
        ("- 1\n- 2\n", ConfigError, "contains a list"),
        (None, InputError, "no such file"),
    ],
)
def test_unreadable_files(tmp_path, content, kind, words):
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(kind, match=words):
        load_options(Options, path)


def test_yaml_runs_nothing(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("size: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(ConfigError, match="is not YAML"):
        read_yaml(path)
    path.write_text("")
    assert read_yaml(path) == ({}, {}, [])


def test_overrides_are_values_not_code():
    assert parse_overrides(["a.b=1", "c=[1, x]", "d=__import__('os')", "e="]) == {
        "a.b": 1,
        "c": [1, "x"],
        "d": "__import__('os')",
        "e": None,
    }
    for bad in ("novalue", "=1", "a=[1"):
        with pytest.raises(ConfigError):
            parse_overrides([bad])
    with pytest.raises(ConfigError, match="nothing to set"):
        load_options(Options, overrides={"size": 8, "size.x": 1})
    with pytest.raises(ConfigError, match=r"'a\[2\]\.b' has a number in brackets\. Write list items as a\.2\.b"):
        parse_overrides(["a[2].b=1"])


def test_same_seed_gives_the_same_numbers_and_the_state_can_be_restored():
    import paddle

    def draw() -> list[float]:
        return [random.random(), float(np.random.rand()), paddle.rand([1]).item()]

    seeding.seed_everything(3)
    first = draw()
    state = seeding.save_state()
    second = draw()
    seeding.restore_state(state)
    assert draw() == second
    seeding.seed_everything(3)
    assert draw() == first != second
    assert seeding.generator(5).random() == seeding.generator(5).random()
    assert seeding.generator(None).random() != seeding.generator(None).random()
    for bad in (-1, 2**32):
        with pytest.raises(ConfigError, match="between 0"):
            seeding.seed_everything(bad)
