"""Options of the evaluation of a face model."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator

from ppgan_ext.apps.options import ModelOptions, Void, option

SectionName: TypeAlias = Literal["reconstruction", "directions", "samples"]
SECTIONS: tuple[SectionName, ...] = ("reconstruction", "directions", "samples")


def _words(value: object) -> object:
    """Split ``a,b``, ``["a", "b"]`` or ``["a,b"]`` into words."""
    items = [value] if isinstance(value, str) else value
    return [word for item in items for word in str(item).split(",")] if isinstance(items, (list, tuple)) else items


Sections: TypeAlias = Annotated[list[SectionName], BeforeValidator(_words)]


def _of(section: SectionName, *names: str) -> Void:
    return Void(names, lambda options: section not in options.only, f"only leaves the {section} out")


class EvaluateOptions(ModelOptions):
    """Options of `evaluate.evaluate`."""

    voids: ClassVar[tuple[Void, ...]] = (
        _of("reconstruction", "num", "num_refined"),
        _of("directions", "num_directions"),
        _of("samples", "num_samples"),
        Void(("num_learned",), lambda options: set(options.only) == {"samples"}, "only leaves the faces out"),
    )

    output_path: str = option("evaluation", "folder for the report, its record and pictures", group="output")
    input: str | None = option(
        None, "aligned faces: a folder, a .zip, a pack (.npz) or a folder of packs", group="input"
    )
    held_back: int | None = option(
        None, "measure only the last N faces, which were held back from training; 0: all faces were held back "
        "(default: the number in the model's record, or as many as there are)", group="input", ge=0,
    )  # fmt: skip
    keep_twins: bool = option(
        False, "also measure held-back faces whose photo is among the other faces too: only valid if the training "
        "left those out", group="input",
    )  # fmt: skip
    num: int = option(500, "number of held-back faces to measure, evenly spread", group="input", ge=1)
    only: Sections = option(list(SECTIONS), "sections to measure: reconstruction directions samples", group="input")
    fit_steps: int = option(
        50, "projector steps after the encoder; 0: none, as with --tune alone", group="face", ge=0, le=5000
    )
    tune: int = option(60, "steps that tune a copy of the model to each face", group="face", ge=1, le=5000)
    num_refined: int | None = option(
        None, "number of faces that are also refined and tuned, which is slow (default: all)", group="face", ge=0
    )
    num_directions: int = option(100, "number of faces that are moved along every direction", group="face", ge=1)
    direction_path: str | None = option(None, "file of directions (default: the model's own)", group="face")
    num_learned: int = option(
        4000, "number of other, labelled faces from which to learn age and gender of a picture; 0: measure neither",
        group="face", ge=0,
    )  # fmt: skip
    num_samples: int = option(10_000, "number of samples for FID, KID and PPL", group="output", ge=10)
