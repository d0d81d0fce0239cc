"""Move one held-back face along every direction, and measure what changes besides the direction's own attribute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ppgan_ext.apps.studies.models.age_gender import AgeGenderRegression
from ppgan_ext.apps.studies.models.face_measurements import FaceMeasurements, measure_face, rounded
from ppgan_ext.apps.studies.models.held_back import HeldBackFaces
from ppgan_ext.images import to_image, to_pixels

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.latents.directions import Direction

# How far to either side, in the direction's unit; half of a class on each side changes one class to the other.
_BY_NAME = {"age": 20.0, "yaw": 15.0, "pitch": 10.0, "roll": 5.0}
_BY_UNIT = {"class": 0.5}


def amount_of(direction: Direction) -> float:
    """Return how far to move along a direction to either side, in its unit; 1 by default."""
    return _BY_NAME.get(direction.name, _BY_UNIT.get(direction.unit, 1.0))


def measure_directions(
    engine: Engine,
    directions: Mapping[str, Direction],
    age_gender: AgeGenderRegression | None,
    faces: HeldBackFaces,
    row: int,
) -> dict[str, Any]:
    """Encode a face, move its code to both sides along each direction, and measure the pictures.

    Args:
        engine: a model with an encoder.
        directions: by name.
        age_gender: estimates age and gender; None leaves them out.
        faces: the faces.
        row: the face to measure.

    Returns:
        A record for JSON: "reference", the measurements of the reconstruction (None where no face is found in it), and
        "moved", for each direction the measurements of "minus" and "plus". ``distance`` is that to the reconstruction.

    Raises:
        BadFileError: the face cannot be read.
    """
    from ppgan_ext.latents.directions import apply

    code = engine.encode(to_pixels(faces.image(row)))[0]
    reference = measure_face(to_image(engine.synthesizer.render(code[None])), age_gender)
    moved: dict[str, Any] = {}
    if reference is not None:
        for name, direction in directions.items():
            sides = {}
            for side, sign in (("minus", -1.0), ("plus", 1.0)):
                edited = apply(code, directions, {name: sign * amount_of(direction)})
                picture = to_image(engine.synthesizer.render(edited[None]))
                sides[side] = _record(measure_face(picture, age_gender), reference)
            moved[name] = sides
    return {"reference": _record(reference, reference), "moved": moved}


def _record(measured: FaceMeasurements | None, reference: FaceMeasurements | None) -> dict[str, Any] | None:
    if measured is None or reference is None:
        return None
    return {"attributes": measured.rounded_attributes(), "distance": rounded(measured.distance(reference))}
