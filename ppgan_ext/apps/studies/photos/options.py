"""Options of the study of edited photos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator

from ppgan_ext.apps.options import FaceChoice, FilePath, ModelOptions, Numbers, Paths, Void, option
from ppgan_ext.apps.photo.age import DEFAULT_YEARS
from ppgan_ext.apps.photo.options import Blend

SectionName: TypeAlias = Literal["age", "directions", "blends"]
SECTIONS: tuple[SectionName, ...] = ("age", "directions", "blends")
BLENDS: tuple[Blend, ...] = ("change", "replace", "seamless")


def _words(value: object) -> object:
    """Split ``a,b``, ``["a", "b"]`` or ``["a,b"]`` into words."""
    items = [value] if isinstance(value, str) else value
    return [word for item in items for word in str(item).split(",")] if isinstance(items, (list, tuple)) else items


def _settings(value: object) -> object:
    """Accept ``{"tune": 60}``, ``"tune=60"`` and ``["tune=60", "blend=replace"]``."""
    if value is None or isinstance(value, Mapping):
        return value
    pairs: dict[str, str] = {}
    for item in [value] if isinstance(value, str) else value:  # type: ignore[attr-defined]
        name, sign, setting = str(item).partition("=")
        if not sign or not name:
            raise ValueError(f"expected OPTION=VALUE, got '{item}'")
        if name in pairs:
            raise ValueError(f"'{name}' is given twice")
        pairs[name] = setting
    return pairs


Sections: TypeAlias = Annotated[list[SectionName], BeforeValidator(_words)]
Blends: TypeAlias = Annotated[list[Blend], BeforeValidator(_words)]
Names: TypeAlias = Annotated[list[str], BeforeValidator(_words)]
Settings: TypeAlias = Annotated[dict[str, str | bool | int | float], BeforeValidator(_settings)]


def _of(section: SectionName, *names: str) -> Void:
    return Void(names, lambda options: section not in options.only, f"only leaves the {section} out")


class PhotoStudyOptions(ModelOptions):
    """Options of tools/evaluate_photos.py."""

    voids: ClassVar[tuple[Void, ...]] = (
        _of("age", "num"),
        _of("directions", "num_directions", "directions"),
        _of("blends", "num_blends", "blends"),
        Void(("file_column", "age_column", "sex_column"), lambda options: options.ages is None, "it needs ages"),
        Void(("years",), lambda options: set(options.only) == {"directions"}, "only leaves the ages out"),
    )

    output_path: str = option("photo_study", "folder for tables and sheets", group="output")
    input: Paths = option([], "photos, or folders of photos", group="input")
    num: int | None = option(
        None, "number of photos for ageing, evenly spread (default: all)", group="input", ge=1
    )  # fmt: skip
    num_directions: int = option(24, "number of photos for the directions", group="input", ge=1)
    num_blends: int = option(24, "number of photos for the blends", group="input", ge=1)
    faces: FaceChoice = option("largest", "faces to edit and measure: all, largest, or numbers", group="input")
    ages: FilePath | None = option(None, "CSV with a line for each photo: its file, age and sex", group="input")
    file_column: str = option("file", "column of --ages with the file's name", group="input")
    age_column: str | None = option(
        None, "column of --ages with the age (default: age, or the first whose name begins with it)", group="input"
    )
    sex_column: str = option("sex", "column of --ages with the sex; may be missing", group="input")
    only: Sections = option(list(SECTIONS), "sections to measure: age directions blends", group="face")
    years: Numbers = option(list(DEFAULT_YEARS), "years to add", group="face")
    directions: Names | None = option(None, "directions to measure (default: all but age)", group="face")
    direction_path: FilePath | None = option(None, "file of directions (default: the model's own)", group="face")
    blends: Blends = option(list(BLENDS), "blends to compare", group="face")
    set: Settings = option(
        {}, "further options of 'ppgan-ext age', passed on by name, e.g. tune=60 fit_steps=50", group="face"
    )
    tile: int = option(400, "side of a picture on the sheets, pixels", group="output", ge=64, le=2048)
    rows: int = option(4, "faces on a sheet", group="output", ge=1, le=12)
