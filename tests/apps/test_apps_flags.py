import re

import pytest
from pydantic import Field, ValidationError

from ppgan_ext.apps import command_line
from ppgan_ext.apps.codes.options import FitOptions, GenerateOptions, MixOptions
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.faces_data.options import PrepareOptions
from ppgan_ext.apps.flags import Parser, add_arguments, reset_alternatives, value_kind
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.options import Options, literal_choices, plain_types
from ppgan_ext.apps.photo.options import AgeOptions, EditOptions
from ppgan_ext.apps.translation.options import CartoonOptions, TranslateOptions
from ppgan_ext.errors import ConfigError


def parse(model, line):
    parser = Parser("tool")
    add_arguments(parser, model)
    return model(**parser.parse(line.split()))


@pytest.mark.parametrize(
    ("model", "line", "expected"),
    [
        (GenerateOptions, "--seed 0 --n_row 2 --cpu", {"seed": 0, "n_row": 2, "n_col": 5, "cpu": True}),
        (FitOptions, "--latent_level 0 1 2 --need_align", {"latent_level": [0, 1, 2], "need_align": True}),
        (FitOptions, "--start_lr=.2 --pre_latent a.npy", {"start_lr": 0.2, "pre_latent": "a.npy"}),
        (MixOptions, "--weights 0.5 -0.25 1", {"weights": [0.5, -0.25, 1.0]}),
        (EditOptions, "--direction_name age --direction_offset -5", {"direction_offset": -5.0}),
        (AgeOptions, "--years -20 +20 40.5", {"years": [-20.0, 20.0, 40.5]}),
        (AgeOptions, "--years -20,20,40.5", {"years": [-20.0, 20.0, 40.5]}),
        (AgeOptions, "--years=-20,20 --faces 1,2", {"years": [-20.0, 20.0], "faces": [1, 2]}),
        (AgeOptions, "--years -.5, 20 --edit smile=1,yaw=-3", {"years": [-0.5, 20.0], "edit": {"smile": 1, "yaw": -3}}),
        (EditOptions, "--layers 0-3,8- --edit smile=1", {"layers": ["0-3", "8-"]}),
        (FitOptions, "--latent_level 0,1 2", {"latent_level": [0, 1, 2]}),
        (AgeOptions, "--faces 2 1 --edit smile=1 yaw=-3", {"faces": [2, 1], "edit": {"smile": 1, "yaw": -3}}),
        (AgeOptions, "--input-image a.jpg b --save-gif", {"input_image": ["a.jpg", "b"], "save_gif": True}),
        (AgeOptions, "--cpu --no-cpu", {"cpu": False}),
        (AgeOptions, "--years 10 --years 20 30", {"years": [10.0, 20.0, 30.0]}),
        (AgeOptions, "--edit smile=1 --edit yaw=-3", {"edit": {"smile": 1, "yaw": -3}}),
        (AgeOptions, "--input_image a --input-image b c", {"input_image": ["a", "b", "c"]}),
        (AgeOptions, "--faces 1 --faces 2", {"faces": [1, 2]}),
    ],
)
def test_a_command_line_becomes_options(model, line, expected):
    made = parse(model, line)
    assert {name: getattr(made, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--year 20", "unknown flag '--year'. The nearest flag is --years"),
        ("--input_imag x.jpg", "nearest flag is --input_image"),
        ("--qqqqqq", "See tool --help"),
        ("--years", "expected at least one argument"),
        ("--target_age 3 photo.jpg", "unknown word 'photo.jpg'"),
        ("--input_image a.jpg -years 20", "unknown flag '-years'. The nearest flag is --years"),
        ("--years -x", "--years needs a value, and '-x' reads as a flag. Write --years=-x if that is its value"),
        ("--seed -inf --years 2", "--seed needs a value, and '-inf' reads as a flag"),
    ],
)
def test_wrong_command_lines_name_the_cure(line, message):
    with pytest.raises(ConfigError) as caught:
        parse(AgeOptions, line)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("model", "words", "message"),
    [
        (AgeOptions, ["--seed", "1", "--seed", "1"], "--seed is given twice, '1' and '1'"),
        (AgeOptions, ["--blend", "change", "--blend=replace"], "--blend is given twice"),
        (AgeOptions, ["--output_path", "a", "--output-path", "b"], "--output_path is given twice, 'a' and 'b'"),
        (AgeOptions, ["--input_image", ""], "--input_image is empty; a shell variable may be unset"),
        (AgeOptions, ["--input_image", "a", " "], "--input_image is empty"),
        (AgeOptions, ["--output_path="], "--output_path is empty"),
        (MixOptions, ["--latent1", ""], "--latent1 is empty"),
    ],
)
def test_no_word_is_dropped_or_taken_for_the_current_folder(model, words, message):
    parser = Parser("tool")
    add_arguments(parser, model)
    with pytest.raises(ConfigError, match=re.escape(message)):
        parser.parse(words)


@pytest.mark.parametrize(
    "words", [["--years", "-x,3"], ["--years=-x,3"], ["--years", "-3,-x"], ["--years", "3", "-x,3"]]
)
def test_a_list_that_begins_with_a_minus_is_checked_as_any_other(words):
    with pytest.raises(ConfigError, match=re.escape("years: expected numbers, such as -20 40 or -20,40, got '-x'")):
        command_line.read_options(COMMANDS["age"], words, "tool")


def test_a_parser_can_be_used_again():
    parser = Parser("tool")
    add_arguments(parser, AgeOptions)
    for _ in range(2):
        assert parser.parse(["--seed", "1", "--years", "2"]) == {"seed": "1", "years": ["2"]}


@pytest.mark.parametrize("model", [AgeOptions, EditOptions, FitOptions, MixOptions, FuseOptions, PrepareOptions])
def test_empty_text_is_refused_wherever_it_comes_from(model):
    texts = [
        name for name, field in model.model_fields.items()
        if value_kind(field.annotation) != "switch" and str in {*plain_types(field.annotation)}
    ]  # fmt: skip
    assert {"output_path", "weight_path"} <= set(texts) or {"input", "output"} <= set(texts)
    for name in texts:
        with pytest.raises(ValidationError, match="a shell variable may be unset"):
            model(**{name: ""})


def test_every_field_becomes_a_flag_with_its_help_and_default():
    for model in (AgeOptions, EditOptions, FitOptions, MixOptions, GenerateOptions):
        parser = Parser("tool")
        add_arguments(parser, model)
        page = " ".join(parser.format_help().split())
        for name, field in model.model_fields.items():
            assert f"--{name} " in page, name
            assert " ".join(field.description.split())[:40] in page, name
    assert "; 0 to 1 (default: 0.7)" in page


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (AgeOptions, "instead of --years; 0 to 120"),
        (AgeOptions, "-100 to 100; one result for each (default: -20 20 40)"),
        (AgeOptions, "pixels; 8 to 1024 (default: read off its file)"),
        (AgeOptions, "same files; 0 to 4294967295"),
        (AgeOptions, "style dimensions that it must have (default: read off its file)"),  # at least 1: of course
        (FitOptions, "learning rate at the start; above 0, up to 1 (default: 0.1)"),
        (TranslateOptions, "overlaps with the next one; at least 0, below 0.5 (default: 0.25)"),
        (CartoonOptions, "as it was trained (default: on; --no_white_background turns it off)"),
    ],
)
def test_help_tells_ranges_beside_defaults(model, told):
    parser = Parser("tool")
    add_arguments(parser, model)
    assert told in " ".join(parser.format_help().split())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_where_photos_may_come_first(name):
    usage = command_line.make_parser(COMMANDS[name], name).format_help().splitlines()[0]
    takes_photos = bool({"input_image", "input"} & set(COMMANDS[name].options.model_fields))
    assert usage == f"usage: {name} {'[photos] ' if takes_photos else ''}[flags]"


def test_a_flag_resets_what_it_excludes():
    assert reset_alternatives(AgeOptions, {"target_age": "70"}) == {"target_age": "70", "years": None}
    both = {"target_age": "70", "years": ["1"]}
    assert reset_alternatives(AgeOptions, both) == both
    assert reset_alternatives(AgeOptions, {"blend": "replace"}) == {"blend": "replace"}
    assert reset_alternatives(EditOptions, {"latent": "x"}) == {"latent": "x", "input_image": []}


def test_kinds_are_read_from_annotations():
    kinds = {name: value_kind(field.annotation) for name, field in AgeOptions.model_fields.items()}
    assert kinds["cpu"] == "switch"
    assert kinds["faces"] == kinds["years"] == kinds["edit"] == kinds["layers"] == kinds["input_image"] == "list"
    assert kinds["blend"] == kinds["seed"] == kinds["target_age"] == "value"
    assert literal_choices(AgeOptions.model_fields["blend"].annotation) == ("change", "replace", "seamless")


def test_percent_signs_in_help_texts_are_not_formats():
    class Strange(Options):
        share: float = Field(0.5, description="a share of 100% of it all", json_schema_extra={"group": "output"})

    parser = Parser("tool")
    add_arguments(parser, Strange)
    assert "100% of it all (default: 0.5)" in parser.format_help()
