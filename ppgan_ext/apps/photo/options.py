"""Options of the applications that edit the faces of whole photos."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, model_validator

from ppgan_ext.apps.options import (
    Accepts,
    FaceChoice,
    FilePath,
    InversionOptions,
    ModelOptions,
    NamedNumbers,
    Numbers,
    Paths,
    PhotoFormat,
    Void,
    list_items,
    option,
    workers_option,
)

Blend: TypeAlias = Literal["change", "replace", "seamless"]

MOST_YEARS = 100.0  # that can be added or taken away

_LAYER = re.compile(r"(\d+)(-(\d+)?)?")
_LEVEL_NAMES = ("coarse", "middle", "fine")


def _layers(value: object) -> object:
    """Check the spelling of layers: numbers (3), ranges (0-3, 8-) and level names."""
    if value is None:
        return None
    items = list_items(value)
    for item in items:
        if str(item) not in _LEVEL_NAMES and not _LAYER.fullmatch(str(item)):
            raise ValueError(f"expected a layer (3), a range (0-3) or {', '.join(_LEVEL_NAMES)}, got '{item}'")
    return [str(item) for item in items]


Layers: TypeAlias = Annotated[list[str], BeforeValidator(_layers), Accepts(Sequence[int | str])]


class PhotoOptions(InversionOptions):
    """Options shared by the applications on whole photos: input, choice of faces, pasting, output format."""

    voids: ClassVar[tuple[Void, ...]] = (
        Void(("faces",), lambda options: bool(options.faces_like), "faces_like chooses the faces; give one of the two"),
    )

    input_image: Paths = option([], "photos, or folders of photos", group="input")
    recursive: bool = option(False, "search the subfolders of folders too", group="input")
    workers: int = workers_option()
    faces: FaceChoice = option(
        "all", "faces to edit: all, largest, left, right, top, bottom, or numbers as --list_faces shows them",
        group="input",
    )  # fmt: skip
    faces_like: Paths = option(
        [], "edit the faces of these people instead: a photo of each, in which that face is the largest", group="input"
    )
    list_faces: bool = option(False, "write a preview with the faces numbered, and stop", group="input")
    layers: Layers | None = option(
        None, "edit only these layers: numbers, ranges (0-3) or coarse, middle, fine (default: all)", group="face"
    )
    direction_path: FilePath | None = option(
        None, "your own file of directions (default: the file that belongs to the model)", group="face"
    )
    tune: int = option(
        0, "with --blend replace or seamless: tune a copy of the model to each face by this many steps, e.g. 60: draws "
        "this very person, slower; with --blend change it makes no difference to be seen and is left out unless "
        "--save_tuned asks for the copy", group="face", ge=0, le=5000, step=10,
    )  # fmt: skip
    blend: Blend = option(
        "change", "how an edited face goes back: apply the change to the photo; replace the face; or replace it "
        "seamlessly (Poisson)", group="output",
    )  # fmt: skip
    photo_format: PhotoFormat = option("png", "file format of edited photos", group="output")
    save_gif: bool = option(
        False, "write an animation that passes smoothly through the results, as a GIF", group="output"
    )
    save_mp4: bool = option(False, "the same as an MP4", group="output")

    @property
    def tunes(self) -> bool:
        """Whether the model is tuned: only where that is seen in the result, or saved."""
        return self.tune > 0 and (self.blend != "change" or self.save_tuned)

    @property
    def tuning_note(self) -> str:
        """What to know of a tuning that is not seen in the result; empty where there is nothing to say."""
        if not self.tune or self.blend != "change":
            return ""
        left_out = "" if self.tunes else ", so it is left out"
        return (
            "tune makes no difference to be seen with blend change, which takes only the change from the model"
            f"{left_out}; use it with blend replace or seamless"
        )


# What of `PhotoOptions` an edit of a code reads too.
_OF_CODES = (*ModelOptions.model_fields, "layers", "direction_path")


class EditOptions(PhotoOptions):
    """Options of StyleGANv2EditingPredictor."""

    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (("latent", "input_image"), ("faces", "faces_like"))
    voids: ClassVar[tuple[Void, ...]] = (
        *PhotoOptions.voids,
        Void(
            tuple(name for name in PhotoOptions.model_fields if name not in _OF_CODES),
            lambda options: options.latent is not None and not options.input_image,
            "a code is edited, not a photo; give input_image instead of latent",
        ),
        Void(("direction_offset",), lambda options: options.direction_name is None, "it needs direction_name"),
    )

    latent: str | None = option(None, "code to edit (.npy, .npz, .pt); or give --input_image", group="input")
    direction_name: str | None = option(None, "direction to move in, e.g. smile; see also --edit", group="face")
    direction_offset: float = option(0.0, "how far, in the direction's unit", group="face", step=0.5)
    edit: NamedNumbers = option({}, "several edits at once, e.g. smile=1 yaw=-15", group="face")

    @model_validator(mode="after")
    def _has_an_offset(self) -> EditOptions:
        if self.direction_name is not None and "direction_offset" not in self.model_fields_set:
            raise ValueError("direction_name needs direction_offset: how far to go, in the direction's unit")
        return self


class AgeOptions(PhotoOptions):
    """Options of AgeEditingPredictor."""

    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (("years", "target_age"), ("faces", "faces_like"))

    years: Numbers | None = option(
        None, "years to add, -100 to 100; one result for each (default: -20 20 40)", group="face", step=1
    )
    target_age: float | None = option(
        None, "apparent age to reach, in years, instead of --years", group="face", ge=0.0, le=120.0, step=1
    )
    edit: NamedNumbers = option({}, "further edits to make in every result, e.g. smile=1", group="face")
    detail: float = option(
        1.0, "wrinkles, folds and spots at the photo's own resolution: 0 none, 1 as calibrated", group="face",
        ge=0.0, le=1.5, step=0.1,
    )  # fmt: skip
    grey: float = option(1.0, "greying of hair, brows and beard: 0 none, 1 as calibrated", group="face", ge=0.0, le=1.0,
        step=0.1,
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_aim(self) -> AgeOptions:
        if self.years is not None and self.target_age is not None:
            raise ValueError("give years or target_age, not both")
        if self.years is not None and not self.years:
            raise ValueError("years is empty: give at least one number")
        for years in self.years or ():
            if not abs(years) <= MOST_YEARS:
                raise ValueError(f"years: {years:g} is out of range, give -{MOST_YEARS:g} to {MOST_YEARS:g}")
        if "age" in self.edit:
            raise ValueError("edit: the age is set by years or target_age")
        return self
