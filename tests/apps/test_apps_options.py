import pytest
from pydantic import ValidationError

from ppgan_ext.apps.codes.options import EncodeOptions, FitOptions, GenerateOptions, MixOptions
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.photo.options import AgeOptions, EditOptions
from ppgan_ext.apps.studies.fusion.options import FusionStudyOptions
from ppgan_ext.apps.studies.models.options import EvaluateOptions
from ppgan_ext.apps.studies.photos.options import PhotoStudyOptions
from ppgan_ext.config import load_options
from ppgan_ext.errors import ConfigError

ALL_MODELS = tuple(command.options for command in COMMANDS.values())

# Names and defaults of PaddleGAN's scripts. They depart on purpose in latent_level (0..11 leaves the photo's colour
# unfitted) and in the model's sizes, which are read off its file: a size that is given is checked against it.
PADDLEGAN_COMMON = {
    "output_path": "output_dir", "weight_path": None, "model_type": None, "size": None, "style_dim": None,
    "n_mlp": None, "channel_multiplier": None, "cpu": False,
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
        assert field.json_schema_extra["group"] in ("input", "face", "fitting", "model", "output", "server"), name
        assert not field.is_required(), name
    model()


@pytest.mark.parametrize("model", PADDLEGAN_OWN)
def test_paddlegans_names_and_defaults_are_kept(model):
    made = model()
    for name, default in (PADDLEGAN_COMMON | PADDLEGAN_OWN[model]).items():
        assert getattr(made, name) == default, name


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("all", "all"),
        (["largest"], "largest"),
        (2, [2]),
        ("3", [3]),
        (["2", "1"], [2, 1]),
        ((1, 4), [1, 4]),
        ("left", "left"),
    ],
)
def test_choice_of_faces_has_many_spellings(given, expected):
    assert AgeOptions(faces=given).faces == expected


@pytest.mark.parametrize("given", ["biggest", 0, ["1", "all"], [-1], []])
def test_wrong_choices_of_faces_are_refused(given):
    with pytest.raises(ValidationError, match="expected all, largest, left, right, top, bottom, or face numbers"):
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
        (AgeOptions, {"years": ["5", "twenty"]}, "expected numbers, such as -20 40 or -20,40, got 'twenty'"),
        (AgeOptions, {"years": ["nan"]}, "expected numbers, .*, got 'nan'"),
        (FitOptions, {"latent_level": ["1.5"]}, "expected whole numbers, .*, got '1.5'"),
        (AgeOptions, {"edit": {"age": 1}}, "set by years"),
        (AgeOptions, {"years": [float("nan")]}, "finite"),
        (MixOptions, {"weights": [1], "levels": {"fine": 1}}, "not both"),
    ],
)
def test_contradictions_are_refused(model, settings, message):
    with pytest.raises(ValidationError, match=message):
        model(**settings)


@pytest.mark.parametrize(
    ("model", "settings", "names", "message"),
    [
        (FuseOptions, {"method": "warp", "tune": 60}, "tune", "method warp uses no model"),
        (FuseOptions, {"method": "warp", "refine": 40, "save_tuned": True, "tune": 1}, "tune, save_tuned, refine", ""),
        (FuseOptions, {"method": "warp", "weight_path": "w.pt"}, "weight_path", "method warp"),
        (FuseOptions, {"rotator_path": "r.safetensors"}, "rotator_path", "pose_method rotator"),
        (FitOptions, {"face": 2}, "face", "needs need_align"),
        (FitOptions, {"pre_latent": "a.npy", "start": "encoder"}, "start", "pre_latent"),
        (EditOptions, {"latent": "a.npy", "edit": {"age": 1}, "blend": "replace"}, "blend", "a code is edited"),
        (EditOptions, {"latent": "a.npy", "edit": {"age": 1}, "save_gif": True}, "save_gif", "a code is edited"),
        (EditOptions, {"edit": {"age": 1}, "faces": 1, "faces_like": "b.png"}, "faces", "faces_like chooses the faces"),
        (AgeOptions, {"faces": "left", "faces_like": ["b.png"]}, "faces", "faces_like chooses the faces"),
        (EditOptions, {"edit": {"age": 1}, "direction_offset": 2}, "direction_offset", "needs direction_name"),
        (FusionStudyOptions, {"photo": "a.png"}, "photo", "input or csv"),
        (FusionStudyOptions, {"methods": "warp", "tune": 9}, "tune", "method warp"),
        (FusionStudyOptions, {"rotator_path": "r.safetensors"}, "rotator_path", "methods rotator"),
        (EvaluateOptions, {"only": "samples", "num_refined": 9}, "num_refined", "leaves the reconstruction out"),
        (PhotoStudyOptions, {"only": "age", "num_blends": 3}, "num_blends", "leaves the blends out"),
        (PhotoStudyOptions, {"sex_column": "s"}, "sex_column", "needs ages"),
    ],
)
def test_options_that_would_do_nothing_are_refused(model, settings, names, message):
    with pytest.raises(ConfigError, match=f"{names} would do nothing: .*{message}"):
        load_options(model, overrides=settings)


def test_defaults_may_be_written_beside_what_makes_them_void():
    assert FuseOptions(method="warp", tune=0, refine=0, pose_method="linear").method == "warp"
    assert FuseOptions(method="latent", tune=60, refine=40, weights={"identity": 2}).tune == 60
    assert FusionStudyOptions(methods=["warp", "rotator"], rotator_path="r.safetensors").methods == ["warp", "rotator"]


def test_a_direction_needs_an_offset():
    with pytest.raises(ValidationError, match="direction_offset: how far"):
        EditOptions(direction_name="age")
    assert EditOptions(direction_name="age", direction_offset=0).direction_offset == 0


@pytest.mark.parametrize("model", ALL_MODELS)
def test_voids_name_options(model):
    assert {name for void in model.voids for name in void.names} <= set(model.model_fields)


def test_a_mistake_of_the_whole_is_told_without_a_name():
    with pytest.raises(ConfigError, match=r"^1 mistake in the options: give years or target_age"):
        load_options(AgeOptions, overrides={"years": [1], "target_age": 3})


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(ConfigError, match="yeras: unknown key; did you mean 'years'"):
        load_options(AgeOptions, overrides={"yeras": [20]})


def test_one_number_stands_for_a_list():
    assert AgeOptions(years=20).years == [20.0]
    assert FitOptions(latent_level="3").latent_level == [3]


@pytest.mark.parametrize(
    ("given", "expected"),
    [(7, [7]), ("0-3", [0, 1, 2, 3]), ("5,0-2", [5, 0, 1, 2]), (["2", 2, "1-2"], [2, 1]), ("4294967295", [4294967295])],
)
def test_seeds_are_numbers_and_ranges(given, expected):
    assert GenerateOptions(seeds=given).seeds == expected


@pytest.mark.parametrize("given", ["a", "3-1", "1-", "-1", "0-99999999", "4294967296", 1.5, ["0-9999", "10000"]])
def test_wrong_seeds_are_refused(given):
    with pytest.raises(ValidationError, match=r"expected (seeds|at most)"):
        GenerateOptions(seeds=given)
