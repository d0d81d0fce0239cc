"""Options of the evaluation."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator

from ppgan_ext.apps.options import ModelOptions, option

SectionName: TypeAlias = Literal["reconstruction", "directions", "samples"]
SECTIONS: tuple[SectionName, ...] = ("reconstruction", "directions", "samples")


def _words(value: object) -> object:
    """Accept ``a,b``, ``["a", "b"]`` and ``["a,b"]``."""
    items = [value] if isinstance(value, str) else value
    return [word for item in items for word in str(item).split(",")] if isinstance(items, (list, tuple)) else items


Sections: TypeAlias = Annotated[list[SectionName], BeforeValidator(_words)]


class EvaluateOptions(ModelOptions):
    """Options of `evaluate.evaluate`."""

    output_path: str = option("evaluation", "folder for the report, its record and pictures", group="output")
    input: str | None = option(
        None, "aligned faces: a folder, a .zip, a pack (.npz) or a folder of packs", group="input"
    )
    held_back: int | None = option(
        None, "the last N faces were held back from training, and only they are measured; 0: all of them were "
        "(default: what the model's record says)", group="input", ge=0,
    )  # fmt: skip
    keep_twins: bool = option(
        False, "measure held-back faces too whose photo lies among the others once more: right only if the training "
        "left those others out", group="input",
    )  # fmt: skip
    num: int = option(500, "how many of them to measure, evenly spread", group="input", ge=1)
    only: Sections = option(list(SECTIONS), "parts to do: reconstruction directions samples", group="input")
    fit_steps: int = option(
        50, "projector steps after the encoder; 0: none, as users get them by --tune alone", group="face", ge=0, le=5000
    )
    tune: int = option(60, "steps that tune a copy of the model to the face", group="face", ge=1, le=5000)
    num_refined: int | None = option(
        None, "faces that are also refined and tuned, which is slow (default: all)", group="face", ge=0
    )
    num_directions: int = option(100, "faces that are moved along every direction", group="face", ge=1)
    direction_path: str | None = option(
        None, "your own file of directions (default: the file that belongs to the model)", group="face"
    )
    num_learned: int = option(
        4000, "other faces, labelled, from which to learn to tell age and gender of a picture; 0: do not",
        group="face", ge=0,
    )  # fmt: skip
    num_samples: int = option(10_000, "faces to draw for FID, KID and PPL", group="output", ge=10)
