"""What is to be made of a photo, settled from options and directions before its codes are known; and what was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ppgan_ext.apps.codes.encoded_face import EncodedFace
from ppgan_ext.errors import ConfigError
from ppgan_ext.latents.directions import Direction
from ppgan_ext.latents.mixing import LEVELS, level_layers
from ppgan_ext.types import FloatArray, Image


class EditedCode(NamedTuple):
    """A face after an edit.

    Attributes:
        w_plus: its code, (n_latent, 512).
        label: the text under its tile in the strip.
        years: years that `EditPlan.finish` adds, at the photo's resolution.
    """

    w_plus: FloatArray
    label: str
    years: float = 0.0


class Finish(Protocol):
    """Draws on a face of the edited photo what the generator leaves out."""

    def __call__(self, photo: Image, before: Image, face: EncodedFace, years: float) -> Image:
        """Return the edited photo, (H, W, 3), with the face made older by so many years; ``before`` is the original."""


class Remark(Protocol):
    """Says what is to be known of a face that `Finish` has completed."""

    def __call__(self, face: EncodedFace, years: float) -> str | None:
        """Return a line about the face made older by so many years; None if there is nothing to say."""


@dataclass(frozen=True, eq=False)
class Variant:
    """One result to make of a photo.

    Attributes:
        name: part of the file name, such as "age+20".
        position: place in the animation; the unedited photo is at 0.
        edit: edits the code of a face, (n_latent, 512).
    """

    name: str
    position: float
    edit: Callable[[FloatArray], EditedCode]


@dataclass(frozen=True, eq=False)
class EditPlan:
    """What to make of a photo.

    Attributes:
        directions: those that the edits move along, by name.
        variants: one result each.
        describe: from a face's code, (n_latent, 512), to the label under its reconstruction.
        finish: completes each face of a result, or None.
        remark: says what is to be known of a face that was completed, or None.
    """

    directions: Mapping[str, Direction]
    variants: Sequence[Variant]
    describe: Callable[[FloatArray], str] = lambda w_plus: "reconstruction"
    finish: Finish | None = None
    remark: Remark | None = None

    def complete(self, photo: Image, before: Image, faces: Sequence[EncodedFace], years: Sequence[float]) -> Image:
        """Complete every face of an edited photo, (H, W, 3), whose years are not 0."""
        for face, added in zip(faces, years, strict=True):
            if self.finish is not None and added != 0.0:
                photo = self.finish(photo, before, face, added)
        return photo


@dataclass(frozen=True, eq=False)
class EditedPhoto:
    """One variant of a photo.

    Attributes:
        variant: what it is.
        codes: for each face the edited code and its label.
        image: the whole photo, (H, W, 3) RGB uint8.
    """

    variant: Variant
    codes: list[EditedCode]
    image: Image


@dataclass(frozen=True, eq=False)
class PhotoEdit:
    """A photo, its faces, and what was made of them.

    Attributes:
        photo: the photo as read, upright, (H, W, 3) RGB uint8.
        plan: what was to be made of it.
        faces: the chosen faces.
        edited: one for each variant.
        strip: for each face a labelled row.
    """

    photo: Image
    plan: EditPlan
    faces: list[EncodedFace]
    edited: list[EditedPhoto]
    strip: Image


def layer_numbers(layers: Sequence[str] | None, n_latent: int) -> list[int] | None:
    """Turn layer numbers, ranges and level names into sorted numbers; None, which means all layers, stays None.

    Example:
        >>> layer_numbers(["1", "middle", "9-"], 12)
        [1, 4, 5, 6, 7, 9, 10, 11]

    Raises:
        ConfigError: a layer that the model does not have, or a range that runs backwards.
    """
    if layers is None:
        return None
    numbers: set[int] = set()
    for item in layers:
        if item in LEVELS:
            numbers.update(level_layers(item, n_latent))
            continue
        first, dash, last = item.partition("-")
        start, stop = int(first), int(last) if last else (n_latent - 1 if dash else int(first))
        if not start <= stop < n_latent:
            cure = f"Choose from 0 to {n_latent - 1}, or coarse, middle, fine"
            raise ConfigError(f"there is no layer '{item}' in this model", where="layers", cure=cure)
        numbers.update(range(start, stop + 1))
    return sorted(numbers)
