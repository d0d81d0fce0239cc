import pytest
from pydantic import ValidationError

from ppgan_ext.apps.codes.options import EncodeOptions, FitOptions, GenerateOptions, MixOptions
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.photo.options import AgeOptions, EditOptions
from ppgan_ext.config import load_options
from ppgan_ext.errors import ConfigError

ALL_MODELS = tuple(command.options for command in COMMANDS.values())

# Names and defaults of PaddleGAN's scripts. latent_level departs on purpose: 0..11 leaves the photo's colour unfitted.
PADDLEGAN_COMMON = {
    "output_path": "output_dir", "weight_path": None, "model_type": None, "size": 1024, "style_dim": 512, "n_mlp": 8,
    "channel_multiplier": 2, "cpu": False,
}  # fmt: skip
PADDLEGAN_OWN = {
    GenerateOptions: {"seed": None, "n_row": 3, "n_col": 5},
    FitOptions: {
        "need_align": False, "start_lr": 0.1, "final_lr": 0.025, "latent_level": None, "step": 100, "mse_weight": 1,
        "pre_latent": None,
    },
    MixOptions: {"latent1": None, "latent2": None, "weights": None},
    EditOptions: {"latent": None, "direction_name": None, "direction_offset": 0.0, "direction_path": None},
    EncodeOptions: {"seed": None},
}  # fmt: skip


@pytest.mark.parametrize("model", ALL_MODELS)
def test_every_option_explains_itself_and_has_a_default(model):
    for name, field in model.model_fields.items():
        assert len(field.description) > 10, name
        assert field.json_schema_extra["group"] in ("input", "face", "fitting", "model", "output"), name
        assert not field.is_required(), name
    model()


@pytest.mark.parametrize("model", PADDLEGAN_OWN)
def test_paddlegans_names_and_defaults_are_kept(model):
    made = model()
    for name, default in (PADDLEGAN_COMMON | PADDLEGAN_OWN[model]).items():
        assert getattr(made, name) == default, name


@pytest.mark.parametrize(
    ("given", "expected"),
    [("all", "all"), (["largest"], "largest"), (2, [2]), ("3", [3]), (["2", "1"], [2, 1]), ((1, 4), [1, 4])],
)
def test_choice_of_faces_has_many_spellings(given, expected):
    assert AgeOptions(faces=given).faces == expected


@pytest.mark.parametrize("given", ["biggest", 0, ["1", "all"], [-1], []])
def test_wrong_choices_of_faces_are_refused(given):
    with pytest.raises(ValidationError, match="expected all, largest, or face numbers"):
        AgeOptions(faces=given)


@pytest.mark.parametrize("given", [{"age": 20, "yaw": -15.5}, ["age=20", "yaw=-15.5"]])
def test_edits_as_words_and_as_a_mapping(given):
    assert EditOptions(edit=given).edit == {"age": 20.0, "yaw": -15.5}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["age"], "expected NAME=NUMBER"),
        (["=3"], "expected NAME=NUMBER"),
        (["age=old"], "expected a number after 'age='"),
        (["age=1", "age=2"], "given twice"),
        (["age=nan"], "finite"),
        (7, "expected NAME=NUMBER"),
    ],
)
def test_wrong_edits_are_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        EditOptions(edit=given)


def test_layers_are_numbers_ranges_and_levels():
    assert EditOptions(layers=[3, "0-2", "8-", "middle"]).layers == ["3", "0-2", "8-", "middle"]
    with pytest.raises(ValidationError, match="expected a layer"):
        EditOptions(layers=["top"])


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (AgeOptions, {"years": [1], "target_age": 70}, "not both"),
        (AgeOptions, {"years": []}, "empty"),
        (AgeOptions, {"edit": {"age": 1}}, "set by years"),
        (AgeOptions, {"years": [float("nan")]}, "finite"),
        (MixOptions, {"weights": [1], "levels": {"fine": 1}}, "not both"),
    ],
)
def test_contradictions_are_refused(model, settings, message):
    with pytest.raises(ValidationError, match=message):
        model(**settings)


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(ConfigError, match="yeras: unknown key; did you mean 'years'"):
        load_options(AgeOptions, overrides={"yeras": [20]})


def test_one_number_stands_for_a_list():
    assert AgeOptions(years=20).years == [20.0]
    assert FitOptions(latent_level="3").latent_level == [3]
