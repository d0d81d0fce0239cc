"""What users call: names, order, kinds and defaults of every predictor's arguments, as literals: none may change."""

import doctest
import inspect
import typing
from collections.abc import Mapping, Sequence

import pytest

from ppgan_ext import apps
from ppgan_ext.apps import call_signatures
from ppgan_ext.apps.options import ModelOptions
from ppgan_ext.apps.photo.options import AgeOptions
from ppgan_ext.errors import ConfigError

REQUIRED = inspect.Parameter.empty
ON_PHOTOS = {
    "faces": "all", "faces_like": None, "fit_steps": 0, "tune": 0, "save_tuned": False, "edit": None, "layers": None,
    "direction_path": None, "blend": "change", "photo_format": "png", "save_gif": False, "save_mp4": False,
    "recursive": False,
}  # fmt: skip

# (predictor, method): arguments that may be given by position, arguments that must be named
CALLS = {
    ("AgeEditingPredictor", "run"): (
        {"image": REQUIRED, "years": None, "target_age": None}, {"detail": 1.0, "grey": 1.0} | ON_PHOTOS,
    ),
    ("AgeEditingPredictor", "list_faces"): ({"image": REQUIRED, "recursive": False}, {}),
    ("FaceFusionPredictor", "run"): (
        {"photo": REQUIRED, "person": REQUIRED, "identity": None},
        {
            "method": None, "shape": None, "skin": None, "pairs": None, "photo_face": None, "person_face": None,
            "pose_method": None, "rotator_path": None, "refine": None, "weights": None, "fit_steps": 0, "tune": 0,
            "photo_format": "png", "save_steps": False, "save_mp4": False, "recursive": False,
        },
    ),
    ("Photo2CartoonPredictor", "run"): (
        {"image_path": REQUIRED},
        {"faces": "largest", "face_size": None, "white_background": True, "paste": False, "recursive": False},
    ),
    ("Pixel2Style2PixelPredictor", "run"): ({"image": REQUIRED}, {"face": 1, "recursive": False}),
    ("StyleGANv2EditingPredictor", "run"): (
        {"latent": REQUIRED, "direction": None, "offset": 0.0},
        {"edit": None, "layers": None},
    ),
    ("StyleGANv2EditingPredictor", "run_photo"): (
        {"image": REQUIRED, "edit": REQUIRED},
        {name: default for name, default in ON_PHOTOS.items() if name not in ("edit", "direction_path")},
    ),
    ("StyleGANv2EditingPredictor", "list_faces"): ({"image": REQUIRED, "recursive": False}, {}),
    ("StyleGANv2FittingPredictor", "run"): (
        {
            "image": REQUIRED, "need_align": False, "start_lr": 0.1, "final_lr": 0.025, "latent_level": None,
            "step": 100, "mse_weight": 1, "pre_latent": None,
        },
        {
            "face": 1, "start": "mean", "stop_at": None, "patience": None, "mask_face": False, "save_gif": False,
            "save_mp4": False, "recursive": False,
        },
    ),
    ("StyleGANv2MixingPredictor", "run"): (
        {"latent1": REQUIRED, "latent2": REQUIRED, "weights": None},
        {"levels": None, "face1": 1, "face2": 1, "fit_steps": 0, "tune": 0, "save_tuned": False},
    ),
    ("TranslationPredictor", "run"): (
        {"image": REQUIRED},
        {
            "scale_to": None, "tile": None, "overlap": 0.25, "crop": None, "faces": "all", "face_size": None,
            "background": "keep", "save_heatmap": False, "recursive": False,
        },
    ),
    ("StyleGANv2Predictor", "run"): (
        {"n_row": 3, "n_col": 5},
        {"truncation": 0.7, "seeds": None, "save_latents": False, "save_gif": False, "save_mp4": False},
    ),
}  # fmt: skip

# Constructors of predictors on other models than faces.
OTHER_CONSTRUCTORS = {
    "Photo2CartoonPredictor": (
        {"output_path": "output", "weight_path": None},
        {"model_type": None, "seed": 0, "cpu": False, "half": False, "progress": None},
    ),
    "StyleGANv2EditingPredictor": ({"model_type": None, "direction_path": None}, {}),  # the rest goes on to Predictor
    "TranslationPredictor": (
        {"weight_path": None, "output_path": "output_dir"},
        {
            "direction": None, "net_name": None, "use_dropout": None, "test_mode": None, "seed": 0, "cpu": False,
            "half": False, "progress": None,
        },
    ),
}  # fmt: skip
CONSTRUCTOR = (
    {
        "output_path": "output_dir", "weight_path": None, "model_type": None, "seed": None, "size": None,
        "style_dim": None, "n_mlp": None, "channel_multiplier": None,
    },
    {"cpu": False, "half": False, "progress": None},
)  # fmt: skip


def arguments_of(function):
    """Arguments by position, arguments by name: name -> default, in order, without ``self`` and ``**settings``."""
    parameters = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple([(p.name, p.default) for p in parameters if p.kind is kind] for kind in kinds)


@pytest.mark.parametrize(("predictor", "method"), CALLS)
def test_arguments_are_these(predictor, method):
    expected = tuple(list(arguments.items()) for arguments in CALLS[predictor, method])
    assert arguments_of(getattr(getattr(apps, predictor), method)) == expected


@pytest.mark.parametrize("predictor", sorted({predictor for predictor, _ in CALLS}))
def test_constructors_are_paddlegans(predictor):
    expected = OTHER_CONSTRUCTORS.get(predictor, CONSTRUCTOR)
    assert arguments_of(getattr(apps, predictor)) == tuple(list(arguments.items()) for arguments in expected)


def test_every_predictor_is_recorded():
    assert {predictor for predictor, _ in CALLS} == set(apps.__all__)


def test_defaults_of_the_constructor_are_the_models():
    for name, default in (CONSTRUCTOR[0] | CONSTRUCTOR[1]).items():
        assert name == "progress" or ModelOptions.model_fields[name].default == default, name


@pytest.mark.parametrize(("predictor", "method"), CALLS)
def test_every_argument_has_a_type_and_a_description(predictor, method):
    function = getattr(getattr(apps, predictor), method)
    hints = typing.get_type_hints(function)
    names = [*CALLS[predictor, method][0], *CALLS[predictor, method][1]]
    assert set(hints) == {*names, "return"}
    described = inspect.getdoc(function).partition("Args:")[2].partition("Raises:")[0]
    assert [line.split(":")[0].strip() for line in described.splitlines() if line.startswith("    ") and ":" in line
            and not line.startswith("     ")] == names  # fmt: skip


# The decorator


class Painter:
    @call_signatures.options_as_arguments(
        AgeOptions, required=("edit",), positional=("years", "age"), keyword=("blend", "tune"),
        none_by_default=("blend",), renamed={"age": "target_age"},
    )  # fmt: skip
    def run(self, image: str, options: AgeOptions) -> tuple[str, AgeOptions]:
        """Paint.

        Args:
            image: a photo.
            options: these words
                are replaced.

        Raises:
            ConfigError: never.
        """
        return image, options


def test_arguments_become_options():
    assert Painter().run("a.jpg", {"smile": 1}, 20) == ("a.jpg", AgeOptions(edit={"smile": 1}, years=[20]))
    given = Painter().run(image="a.jpg", edit={}, age=70, tune=3)
    assert given == ("a.jpg", AgeOptions(target_age=70, tune=3))


def test_none_stands_for_the_default():
    assert Painter().run("a.jpg", {}, None, blend=None, tune=None)[1] == AgeOptions()


def test_the_signature_is_the_models():
    parameters = inspect.signature(Painter.run).parameters
    assert list(parameters) == ["self", "image", "edit", "years", "age", "blend", "tune"]
    assert parameters["edit"].default is REQUIRED and parameters["blend"].default is None
    hints = typing.get_type_hints(Painter.run)
    assert hints["edit"] == Mapping[str, float] and hints["years"] == float | Sequence[float] | None
    assert hints["return"] == tuple[str, AgeOptions]


def test_the_docstring_describes_the_arguments_where_it_described_the_options():
    lines = inspect.getdoc(Painter.run).splitlines()
    assert lines[:6] == [
        "Paint.", "", "Args:", "    image: a photo.",
        '    edit: further edits to make in every result, e.g. {"smile": 1}.',
        "    years: years to add, -100 to 100; one result for each (default: -20 20 40).",
    ]  # fmt: skip
    assert lines[6] == "    age: apparent age to reach, in years, instead of ``years`` (0 to 120)."
    assert '"change", "replace" or "seamless"; default "change").' in " ".join(line.strip() for line in lines)
    assert lines[-2:] == ["Raises:", "    ConfigError: never."]
    assert "these words" not in Painter.run.__doc__


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"yeers": [1]}, ConfigError, r"Painter.run: unknown argument 'yeers'. Did you mean 'years'"),
        ({"output_path": "x"}, ConfigError, "unknown argument 'output_path'"),
        ({"tune": -1}, ConfigError, "tune: input should be greater than or equal to 0"),
        ({"image": "twice"}, TypeError, "multiple values for argument 'image'"),
    ],
)
def test_wrong_arguments_are_refused(words, error, message):
    with pytest.raises(error, match=message):
        Painter().run("a.jpg", {}, **words)
    with pytest.raises(TypeError, match="missing a required argument: 'edit'"):
        Painter().run("a.jpg")


def test_the_examples_are_right():
    assert doctest.testmod(call_signatures).failed == 0
