"""Options of the applications on latent codes."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from ppgan_ext.apps.options import (
    FilePath,
    InversionOptions,
    ModelOptions,
    NamedNumbers,
    Numbers,
    Paths,
    Seeds,
    Void,
    WholeNumbers,
    option,
    workers_option,
)


class GenerateOptions(ModelOptions):
    """Options of StyleGANv2Predictor."""

    voids: ClassVar[tuple[Void, ...]] = (
        Void(("n_row", "seed"), lambda options: options.seeds is not None, "the seeds say which faces are drawn"),
    )

    n_row: int = option(3, "rows of the sample sheet; rows of the mixing grids", group="output", ge=1, le=32)
    n_col: int = option(5, "columns of the sample sheet; columns of the mixing grids", group="output", ge=1, le=32)
    truncation: float = option(
        0.7, "pull samples towards the average face: 1 not at all, 0 entirely", group="face", ge=0.0, le=1.0, step=0.05
    )
    seeds: Seeds | None = option(
        None, "draw the faces of these seeds, one file each, instead of a sheet: numbers and ranges, e.g. 0-31,40; "
        "NVIDIA's tools draw the same faces for them", group="input",
    )  # fmt: skip
    save_latents: bool = option(False, "write the samples' codes too: sample_1.npy, ...", group="output")
    save_gif: bool = option(False, "write a film that passes from face to face of the sheet, as a GIF", group="output")
    save_mp4: bool = option(False, "the same as an MP4", group="output")


class EncodeOptions(ModelOptions):
    """Options of Pixel2Style2PixelPredictor."""

    input_image: Paths = option([], "photos, or folders of photos", group="input")
    recursive: bool = option(False, "search the subfolders of folders too", group="input")
    workers: int = workers_option()
    face: int = option(1, "which face of the photo, 1 is the largest", group="input", ge=1)


class FitOptions(ModelOptions):
    """Options of StyleGANv2FittingPredictor."""

    voids: ClassVar[tuple[Void, ...]] = (
        Void(("face",), lambda options: not options.need_align, "it needs need_align, which finds the faces"),
        Void(("start",), lambda options: options.pre_latent is not None, "the fit starts from pre_latent"),
    )

    input_image: Paths = option([], "photos, or folders of photos", group="input")
    recursive: bool = option(False, "search the subfolders of folders too", group="input")
    workers: int = workers_option()
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
    pre_latent: FilePath | None = option(
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
        None, "stop early after this many steps without progress (default: never)", group="fitting", ge=1
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
    face1: int = option(1, "which face of the first photo, 1 is the largest", group="input", ge=1)
    face2: int = option(1, "which face of the second photo, 1 is the largest", group="input", ge=1)
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
