"""One options model per application: the single source of names, defaults, ranges, choices and help texts.

Python calls, YAML files (``--config``), command lines and pages all read these models, so none of them can drift from
the others. Names and defaults of PaddleGAN's flags are kept where it has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Blend: TypeAlias = Literal["change", "replace", "seamless"]
PhotoFormat: TypeAlias = Literal["png", "jpg", "webp"]

_LAYER = re.compile(r"(\d+)(-(\d+)?)?")
_LEVEL_NAMES = ("coarse", "middle", "fine")


def option(default: Any, text: str, *, group: str, step: float | None = None, **limits: Any) -> Any:
    """Describe one option: its default, help text, group of the help page, slider step and limits (ge, le, ...)."""
    return Field(default, description=text, json_schema_extra={"group": group, "step": step}, **limits)


def _faces(value: object) -> object:
    """Accept "all", "largest", 2, "2", [1, 2], ["1", "2"]; a list of one word is that word."""
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(items) == 1 and str(items[0]) in ("all", "largest"):
        return str(items[0])
    try:
        numbers = [int(str(item)) for item in items]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise ValueError("expected all, largest, or face numbers from 1 on (1 is the largest)")
    return numbers


def name_values(value: object) -> object:
    """Accept ``{"age": 20}``, ``"age=20"`` and ``["age=20", "smile=1"]``."""
    if value is None or isinstance(value, Mapping):
        return value
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Sequence):
        raise ValueError("expected NAME=NUMBER")
    pairs: dict[str, float] = {}
    for item in items:
        name, sign, number = str(item).partition("=")
        if not sign or not name:
            raise ValueError(f"expected NAME=NUMBER, got '{item}'")
        if name in pairs:
            raise ValueError(f"'{name}' is given twice")
        try:
            pairs[name] = float(number)
        except ValueError:
            raise ValueError(f"expected a number after '{name}=', got '{number}'") from None
    return pairs


def _layers(value: object) -> object:
    """Check the spelling of layers: numbers (3), ranges (0-3, 8-) and level names."""
    if value is None:
        return None
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    for item in items:
        if str(item) not in _LEVEL_NAMES and not _LAYER.fullmatch(str(item)):
            raise ValueError(f"expected a layer (3), a range (0-3) or {', '.join(_LEVEL_NAMES)}, got '{item}'")
    return [str(item) for item in items]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, (str, int, float)) and not isinstance(value, bool) else value


FaceChoice: TypeAlias = Annotated[Literal["all", "largest"] | list[int], BeforeValidator(_faces)]
NamedNumbers: TypeAlias = Annotated[dict[str, float], BeforeValidator(name_values)]
Layers: TypeAlias = Annotated[list[str], BeforeValidator(_layers)]
Numbers: TypeAlias = Annotated[list[float], BeforeValidator(_as_list)]
WholeNumbers: TypeAlias = Annotated[list[int], BeforeValidator(_as_list)]
Paths: TypeAlias = Annotated[list[str], BeforeValidator(_as_list)]


class Options(BaseModel):
    """Base of all options models; unknown keys are refused.

    Attributes:
        alternatives: groups of options that exclude one another: setting one on the command line takes back what a
            YAML file says for the others of its group.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = ()


class ModelOptions(Options):
    """What every application takes: which model, on which device, and where results go."""

    output_path: str = option("output_dir", "folder for the results, made if missing", group="output")
    model_type: str | None = option(
        None,
        "model by name, e.g. faces-128, ffhq-inversion (default: faces-128, ships with the package)",
        group="model",
    )
    weight_path: str | None = option(
        None, "your own weight file (.pdparams, .safetensors, .pt); wins over --model_type", group="model"
    )
    size: int = option(1024, "output size of the model in --weight_path, pixels", group="model", ge=8, le=1024)
    style_dim: int = option(512, "style dimensions of the model in --weight_path", group="model", ge=1)
    n_mlp: int = option(8, "mapping layers of the model in --weight_path", group="model", ge=1)
    channel_multiplier: int = option(2, "channel multiplier of the model in --weight_path", group="model", ge=1)
    cpu: bool = option(False, "compute on the CPU even where a GPU is found", group="model")
    half: bool = option(False, "half precision; only on a GPU", group="model")
    seed: int | None = option(
        None, "seed of everything random: same seed, same files", group="model", ge=0, le=2**32 - 1
    )


class InversionOptions(ModelOptions):
    """What applications share that find the codes of photos."""

    fit_steps: int = option(
        0, "refine each face's code by this many optimiser steps: closer to the photo, slower",
        group="face", ge=0, le=5000, step=10,
    )  # fmt: skip
    tune: int = option(
        0, "tune a copy of the model to each face by this many steps, e.g. 60: draws this very person, slower",
        group="face", ge=0, le=5000, step=10,
    )  # fmt: skip
    save_tuned: bool = option(
        False, "with --tune: write the tuned model as .tuned.safetensors, for --weight_path", group="output"
    )

    @model_validator(mode="after")
    def _something_to_save(self) -> InversionOptions:
        if self.save_tuned and not self.tune:
            raise ValueError("save_tuned needs tune: give the number of steps, e.g. 60")
        return self


class PhotoOptions(InversionOptions):
    """What applications on whole photos share: input, choice of faces, pasting, output format."""

    input_image: Paths = option([], "photos, or folders of photos", group="input")
    faces: FaceChoice = option(
        "all", "faces to edit: all, largest, or numbers as --list_faces shows them", group="input"
    )
    list_faces: bool = option(False, "write a preview with the faces numbered, and stop", group="input")
    layers: Layers | None = option(
        None, "edit only these layers: numbers, ranges (0-3) or coarse, middle, fine (default: all)", group="face"
    )
    direction_path: str | None = option(
        None, "your own file of directions (default: the file that belongs to the model)", group="face"
    )
    blend: Blend = option(
        "change", "how an edited face goes back: add the change to the photo; replace the face; replace it seamlessly "
        "(Poisson)", group="output",
    )  # fmt: skip
    photo_format: PhotoFormat = option("png", "file format of edited photos", group="output")
    save_gif: bool = option(
        False, "write an animation that passes smoothly through the results, as a GIF", group="output"
    )
    save_mp4: bool = option(False, "the same as an MP4", group="output")


class GenerateOptions(ModelOptions):
    """Options of StyleGANv2Predictor."""

    n_row: int = option(3, "rows of the sample sheet; rows of the mixing grids", group="output", ge=1, le=32)
    n_col: int = option(5, "columns of the sample sheet; columns of the mixing grids", group="output", ge=1, le=32)
    truncation: float = option(
        0.7, "pull samples towards the average face: 1 not at all, 0 entirely", group="face", ge=0.0, le=1.0, step=0.05
    )
    save_latents: bool = option(False, "write the samples' codes too: sample_1.npy, ...", group="output")


class EncodeOptions(ModelOptions):
    """Options of Pixel2Style2PixelPredictor."""

    input_image: Paths = option([], "photos, or folders of photos", group="input")
    face: int = option(1, "which face of the photo, 1 is the largest", group="input", ge=1)


class FitOptions(ModelOptions):
    """Options of StyleGANv2FittingPredictor."""

    input_image: Paths = option([], "photos, or folders of photos", group="input")
    need_align: bool = option(
        False, "find and crop the face first; otherwise the picture is an aligned face", group="input"
    )
    face: int = option(1, "with --need_align: which face of the photo, 1 is the largest", group="input", ge=1)
    start_lr: float = option(0.1, "learning rate at the start", group="fitting", gt=0.0, le=1.0, step=0.01)
    final_lr: float = option(0.025, "learning rate at the end", group="fitting", gt=0.0, le=1.0, step=0.005)
    latent_level: WholeNumbers | None = option(
        None, "layers of the code to fit, e.g. 0 1 2 3 (default: all, so that colour is fitted too)", group="fitting"
    )
    step: int = option(100, "optimiser steps", group="fitting", ge=1, le=100_000, step=10)
    mse_weight: float = option(
        1.0, "weight of the mean squared error beside the perceptual distance", group="fitting", ge=0.0
    )
    pre_latent: str | None = option(
        None, "start from this code (.npy, .npz, .pt) instead of the average face", group="fitting"
    )
    start: Literal["mean", "encoder"] = option(
        "mean", "start from the average face or from the model's encoder", group="fitting"
    )
    stop_at: int | None = option(
        None,
        "compare at this resolution only, e.g. 256: much faster with large models, less exact",
        group="fitting",
        ge=8,
    )
    patience: int | None = option(
        None, "stop early after so many steps without progress (default: never)", group="fitting", ge=1
    )
    mask_face: bool = option(False, "with --need_align: fit the face only, not hair and background", group="fitting")
    save_gif: bool = option(False, "write the progress as dst.fitting.gif", group="output")
    save_mp4: bool = option(False, "write the progress as dst.fitting.mp4", group="output")

    @model_validator(mode="after")
    def _mask_needs_landmarks(self) -> FitOptions:
        if self.mask_face and not self.need_align:
            raise ValueError("mask_face needs need_align, which finds the face")
        return self


class MixOptions(InversionOptions):
    """Options of StyleGANv2MixingPredictor."""

    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (("weights", "levels"),)

    latent1: str | None = option(None, "first code (.npy, .npz, .pt), or a photo", group="input")
    latent2: str | None = option(None, "second code (.npy, .npz, .pt), or a photo", group="input")
    weights: Numbers | None = option(
        None, "share of the first code, one number for each layer or one for all (default: 0.5)", group="face"
    )
    levels: NamedNumbers | None = option(
        None,
        "the same by name, e.g. coarse=1 middle=0.5 fine=0: pose and shape, features and hair, colour",
        group="face",
    )

    @model_validator(mode="after")
    def _one_way(self) -> MixOptions:
        if self.weights is not None and self.levels is not None:
            raise ValueError("give weights or levels, not both")
        return self


class EditOptions(PhotoOptions):
    """Options of StyleGANv2EditingPredictor."""

    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (("latent", "input_image"),)

    latent: str | None = option(None, "code to edit (.npy, .npz, .pt); or give --input_image", group="input")
    direction_name: str | None = option(None, "direction to move in, e.g. age; see also --edit", group="face")
    direction_offset: float = option(0.0, "how far, in the direction's unit", group="face", step=0.5)
    edit: NamedNumbers = option({}, "several edits at once, e.g. age=20 smile=1 yaw=-15", group="face")


class AgeOptions(PhotoOptions):
    """Options of AgeEditingPredictor."""

    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (("years", "target_age"),)

    years: Numbers | None = option(None, "years to add; one result for each (default: -20 20 40)", group="face", step=1)
    target_age: float | None = option(
        None, "apparent age to reach, instead of --years", group="face", ge=0.0, le=120.0, step=1
    )
    edit: NamedNumbers = option({}, "further edits to make in every result, e.g. smile=1", group="face")

    @model_validator(mode="after")
    def _one_aim(self) -> AgeOptions:
        if self.years is not None and self.target_age is not None:
            raise ValueError("give years or target_age, not both")
        if self.years is not None and not self.years:
            raise ValueError("years is empty: give at least one number")
        if "age" in self.edit:
            raise ValueError("edit: the age is set by years or target_age")
        return self


class PrepareOptions(Options):
    """Options of `prepare.prepare_faces`."""

    input: str | None = option(
        None, "folder of photos, searched to its depth, or a .zip or .npz of them", group="input"
    )
    output: str = option("faces", "folder for the faces and their manifest.jsonl, made if missing", group="output")
    size: int = option(256, "side of the faces' pictures, pixels", group="output", ge=16, le=4096)
    crop: Literal["ffhq", "tight"] = option(
        "ffhq", "how much of the head is cut out: as in FFHQ, or from the brows to below the lip", group="output"
    )
    which: Literal["all", "largest"] = option("all", "faces of each photo to take", group="input")
    min_size: int = option(64, "leave out faces narrower than this, pixels of the photo", group="input", ge=0)
    retry: bool = option(False, "try photos again that failed in an earlier run", group="input")
    jobs: int | None = option(None, "processes (default: one for each core)", group="output", ge=1, le=512)
