"""One held-back face moved along every direction: what changes with it that should, and what that should not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ppgan_ext.apps.studies.models.faces import HeldBack
from ppgan_ext.apps.studies.models.learned import Learned
from ppgan_ext.apps.studies.models.observer import Look, observe
from ppgan_ext.apps.studies.models.reconstruction import rounded
from ppgan_ext.images import to_image, to_pixels

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.latents.directions import Direction

# How far to either side, in the direction's unit; a class goes from one to the other.
_BY_NAME = {"age": 20.0, "yaw": 15.0, "pitch": 10.0, "roll": 5.0}
_BY_UNIT = {"class": 0.5}


def amount_of(direction: Direction) -> float:
    """Return how far a direction is followed to either side; 1 where nothing better is known."""
    return _BY_NAME.get(direction.name, _BY_UNIT.get(direction.unit, 1.0))


def move_face(
    engine: Engine, directions: Mapping[str, Direction], learned: Learned | None, faces: HeldBack, row: int
) -> dict[str, Any]:
    """Encode a face, move its code to both sides along each direction, and look at the pictures.

    Args:
        engine: a model with an encoder.
        directions: by name.
        learned: tells age and gender; None does not.
        faces: the source.
        row: which face.

    Returns:
        As JSON holds it: "reference", what the reconstruction shows (None where no face is found in it), and "moved":
        for each direction what "minus" and "plus" show. ``distance`` is that of the person in the reconstruction.

    Raises:
        BadFileError: it cannot be read.
    """
    from ppgan_ext.latents.directions import apply

    code = engine.encode(to_pixels(faces.image(row)))[0]
    reference = observe(to_image(engine.synthesizer.render(code[None])), learned)
    moved: dict[str, Any] = {}
    if reference is not None:
        for name, direction in directions.items():
            sides = {}
            for side, sign in (("minus", -1.0), ("plus", 1.0)):
                there = apply(code, directions, {name: sign * amount_of(direction)})
                sides[side] = _describe(observe(to_image(engine.synthesizer.render(there[None])), learned), reference)
            moved[name] = sides
    return {"reference": _describe(reference, reference), "moved": moved}


def _describe(look: Look | None, reference: Look | None) -> dict[str, Any] | None:
    if look is None or reference is None:
        return None
    attributes = {name: rounded(value) for name, value in look.attributes.items()}
    return {"attributes": attributes, "distance": rounded(look.distance(reference))}
