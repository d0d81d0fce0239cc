"""A result says how to make it again, in YAML, in one command line, and inside of the picture."""

import shlex

import numpy as np
import pytest

from ppgan_ext import pictures
from ppgan_ext.apps.codes.options import FitOptions, GenerateOptions, MixOptions
from ppgan_ext.apps.command_line import read_options
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.photo.options import AgeOptions, EditOptions
from ppgan_ext.config import load_options
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.picture_settings import put_settings
from ppgan_ext.web.recipes import Recipe, read_recipe


def recipe(command, model, options, **photos):
    return Recipe(command, load_options(model, overrides=options), photos)


RECIPES = [
    recipe(
        "age", AgeOptions, {"years": [-20, 30.5], "faces": [2], "edit": {"smile": 1}, "detail": 0.5},
        input_image="my photo.jpg",
    ),
    recipe("age", AgeOptions, {"years": [5], "layers": ["0-3", "fine"]}, input_image="a.jpg"),
    recipe("edit", EditOptions, {"edit": {"yaw": -15.0, "smile": 0.5}, "save_gif": True}, input_image="a.jpg"),
    recipe(
        "fuse", FuseOptions, {"identity": 0.81234567, "photo_face": [1, 2], "weights": ["identity=2"]}, photo="a.jpg",
        person="b.jpg",
    ),
    recipe("mix", MixOptions, {"levels": {"coarse": 1, "fine": 0.25}}, latent1="a.jpg", latent2="b.jpg"),
    recipe("fit", FitOptions, {"need_align": True, "step": 40, "latent_level": ["0", "1"]}, input_image="a.jpg"),
    recipe("generate", GenerateOptions, {"seed": 7, "truncation": 0.5}),
]  # fmt: skip
every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.command)


@every_recipe
def test_the_command_line_says_the_same(recipe):
    program, name, *words = shlex.split(recipe.command_line())
    options = read_options(COMMANDS[name], words, name)
    assert program == "ppgan-ext"
    expected = {**recipe.settings(), **{key: getattr(options, key) for key in recipe.photos}}
    assert options.model_dump(include=set(expected)) == expected
    assert [shlex.split(recipe.command_line())[at + 1] for at, word in enumerate(shlex.split(recipe.command_line()))
            if word.lstrip("-") in recipe.photos] == list(recipe.photos.values())  # fmt: skip


@every_recipe
def test_yaml_is_read_back(recipe, tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text(recipe.yaml(), encoding="utf-8")
    again = read_recipe(path, tmp_path)
    assert again.command == recipe.command and again.settings() == recipe.settings()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_settings_are_read_back_from_a_picture(suffix, tmp_path):
    path = pictures.write_image(tmp_path / f"picture{suffix}", np.zeros((20, 30, 3), np.uint8))
    assert read_recipe(path, tmp_path) is None
    put_settings(path, RECIPES[0].yaml())
    assert read_recipe(path, tmp_path).settings() == RECIPES[0].settings()
    assert pictures.made_here(path)


def test_a_recipe_names_no_photo_and_no_folder_in_the_picture():
    assert "my photo" not in RECIPES[0].yaml()
    assert "output_path" not in RECIPES[0].command_line()


@pytest.mark.parametrize("text", ["", "years: [1]\n", "# ppgan-ext moon\nyears: 1\n", "# ppgan-ext\n"])
def test_other_files_hold_no_recipe(text, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    assert read_recipe(path, tmp_path) is None


def test_wrong_values_are_refused(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("# ppgan-ext fuse\nidentity: 7\n")
    with pytest.raises(ConfigError, match="identity"):
        read_recipe(path, tmp_path)
    path.write_text("# ppgan-ext fuse\nidentity: [7\n")
    with pytest.raises((ConfigError, InputError)):
        read_recipe(path, tmp_path)
