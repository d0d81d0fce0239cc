"""Options of translating pictures, and of drawing faces as cartoons."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from ppgan_ext.apps.options import (
    FaceChoice,
    FilePath,
    OutputOptions,
    Paths,
    Void,
    option,
    workers_option,
)


class ApplyOptions(OutputOptions):
    """Options of both: the checkpoint, the device, the photos and their results."""

    weight_path: FilePath | None = option(None, "checkpoint: .pdparams, .safetensors, .pth or .pt", group="model")
    cpu: bool = option(False, "compute on the CPU even where a GPU is found", group="model")
    half: bool = option(False, "half precision; only on a GPU", group="model")
    seed: int = option(
        0, "seed of the dropout that pix2pix keeps when it is applied: same seed, same files", group="model",
        ge=0, le=2**32 - 1,
    )  # fmt: skip
    input_image: Paths = option([], "photos, or folders of photos", group="input", names=("input_image", "image"))
    recursive: bool = option(False, "search the subfolders of folders too", group="input")
    workers: int = workers_option()


class TranslateOptions(ApplyOptions):
    """Options of `TranslationPredictor`."""

    direction: Literal["a2b", "b2a"] | None = option(
        None, "which of a checkpoint's two generators (default: a2b, or the only one)", group="model"
    )
    net_name: str | None = option(
        None, "the generator by its name in the checkpoint, e.g. netG_B, instead of --direction", group="model"
    )
    use_dropout: bool | None = option(
        None, "the U-Net was trained with dropout, which other projects' files do not tell", group="model"
    )
    test_mode: Literal["train", "eval"] | None = option(
        None,
        "batch normalisation and dropout as in training (pix2pix and CycleGAN; default) or with running statistics",
        group="model",
    )
    scale_to: int | None = option(
        None, "show the network a copy whose shorter side has so many pixels; the result has the photo's size again",
        group="output", ge=8, le=8192,
    )  # fmt: skip
    tile: int | None = option(
        None, "translate by tiles of so many pixels; 0: never (default: 512 above 1.1 megapixels)",
        group="output", ge=0, le=4096,
    )  # fmt: skip
    overlap: float = option(
        0.25, "share of a tile that overlaps with the next one", group="output", ge=0, lt=0.5, step=0.05
    )
    crop: Literal["ffhq", "tight", "cartoon"] | None = option(
        None, "translate the faces only, each cut out like this and pasted back (default: the whole picture)",
        group="face",
    )  # fmt: skip
    faces: FaceChoice = option(
        "all", "with --crop: all, largest, left, right, top, bottom, or face numbers from 1 on", group="face"
    )
    face_size: int | None = option(
        None,
        "with --crop: side of the cut-out face, pixels (default: that of training, or 256)",
        group="face",
        ge=8,
        le=2048,
    )
    background: Literal["keep", "white"] = option(
        "keep", "with --crop: what is behind the head that the network sees", group="face"
    )
    save_heatmap: bool = option(False, "also write where the network's attention lies (U-GAT-IT)", group="output")

    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (("direction", "net_name"),)
    voids: ClassVar[tuple[Void, ...]] = (
        Void(("faces", "face_size", "background"), lambda o: o.crop is None, "they belong to --crop"),
        Void(("tile", "overlap", "scale_to", "save_heatmap"), lambda o: o.crop is not None, "faces have one size"),
        Void(("overlap",), lambda o: o.tile == 0, "there are no tiles"),
    )

    @model_validator(mode="after")
    def _one_choice(self) -> TranslateOptions:
        if self.direction is not None and self.net_name is not None:
            raise ValueError("direction and net_name both choose the generator; give one of them")
        return self


class CartoonOptions(ApplyOptions):
    """Options of `Photo2CartoonPredictor`."""

    output_path: str = option("output", "folder for the results, made if missing", group="output")
    model_type: Literal["drawing", "photo2cartoon"] | None = option(
        None,
        "drawing: by rules, without a network; photo2cartoon: PaddleGAN's network, downloaded at first use (default: "
        "the network of --weight_path, or PaddleGAN's if it is on this machine, else drawing)",
        group="model",
    )
    faces: FaceChoice = option(
        "largest", "faces to draw: all, largest, left, right, top, bottom, or numbers, of which 1 is the largest",
        group="face",
    )  # fmt: skip
    face_size: int | None = option(
        None, "side of the cartoons, pixels (default: 512 for a drawing; that of training, or 256, for a network)",
        group="output", ge=64, le=2048,
    )  # fmt: skip
    white_background: bool = option(
        True, "put white behind the head, for a network before and after it, as it was trained", group="face"
    )
    paste: bool = option(False, "also paste the cartoons into the whole photo", group="output")

    voids: ClassVar[tuple[Void, ...]] = (
        Void(("weight_path", "half"), lambda o: o.model_type == "drawing", "a drawing needs no network"),
    )
