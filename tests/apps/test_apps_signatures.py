"""What users call: names, order, kinds and defaults of every predictor's arguments, as literals, so that none drifts."""

import inspect

import pytest

from ppgan_ext import apps

REQUIRED = inspect.Parameter.empty
ON_PHOTOS = {
    "faces": "all", "fit_steps": 0, "tune": 0, "save_tuned": False, "edit": None, "layers": None,
    "direction_path": None, "blend": "change", "photo_format": "png", "save_gif": False, "save_mp4": False,
}  # fmt: skip

# (predictor, method): arguments that may be given by position, arguments that must be named
CALLS = {
    ("AgeEditingPredictor", "run"): ({"image": REQUIRED, "years": None, "target_age": None}, ON_PHOTOS),
    ("AgeEditingPredictor", "list_faces"): ({"image": REQUIRED}, {}),
    ("FaceFusionPredictor", "run"): (
        {"source": REQUIRED, "target": REQUIRED, "identity": None},
        {
            "method": None, "shape": None, "skin": None, "pairs": None, "source_face": None, "target_face": None,
            "pose_method": None, "rotator_path": None, "refine": None, "weights": None, "fit_steps": 0, "tune": 0,
            "photo_format": "png", "save_steps": False, "save_mp4": False,
        },
    ),
    ("Pixel2Style2PixelPredictor", "run"): ({"image": REQUIRED}, {"face": 1}),
    ("StyleGANv2EditingPredictor", "run"): (
        {"latent": REQUIRED, "direction": None, "offset": 0.0},
        {"edit": None, "layers": None},
    ),
    ("StyleGANv2EditingPredictor", "run_photo"): (
        {"image": REQUIRED, "edit": REQUIRED},
        {name: default for name, default in ON_PHOTOS.items() if name not in ("edit", "direction_path")},
    ),
    ("StyleGANv2EditingPredictor", "list_faces"): ({"image": REQUIRED}, {}),
    ("StyleGANv2FittingPredictor", "run"): (
        {
            "image": REQUIRED, "need_align": False, "start_lr": 0.1, "final_lr": 0.025, "latent_level": None,
            "step": 100, "mse_weight": 1, "pre_latent": None,
        },
        {
            "face": 1, "start": "mean", "stop_at": None, "patience": None, "mask_face": False, "save_gif": False,
            "save_mp4": False,
        },
    ),
    ("StyleGANv2MixingPredictor", "run"): (
        {"latent1": REQUIRED, "latent2": REQUIRED, "weights": None},
        {"levels": None, "fit_steps": 0, "tune": 0, "save_tuned": False},
    ),
    ("StyleGANv2Predictor", "run"): ({"n_row": 3, "n_col": 5}, {"truncation": 0.7, "save_latents": False}),
}  # fmt: skip

CONSTRUCTOR = (
    {
        "output_path": "output_dir", "weight_path": None, "model_type": None, "seed": None, "size": 1024,
        "style_dim": 512, "n_mlp": 8, "channel_multiplier": 2,
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
    positional, named = arguments_of(getattr(apps, predictor))
    if predictor == "StyleGANv2EditingPredictor":  # as in PaddleGAN; the rest goes on to Predictor
        assert (positional, named) == ([("model_type", None), ("direction_path", None)], [])
    else:
        assert (positional, named) == tuple(list(arguments.items()) for arguments in CONSTRUCTOR)


def test_every_predictor_is_recorded():
    assert {predictor for predictor, _ in CALLS} == set(apps.__all__)
