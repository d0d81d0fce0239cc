"""Reconstruct one held-back face by encoder, projector and tuning, edit the tuned face, and measure each picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ppgan_ext.apps.studies.models.age_gender import AgeGenderRegression
from ppgan_ext.apps.studies.models.face_groups import typology_angle
from ppgan_ext.apps.studies.models.face_measurements import FaceMeasurements, measure_face, rounded
from ppgan_ext.apps.studies.models.held_back import HeldBackFaces
from ppgan_ext.images import to_image, to_pixels
from ppgan_ext.metrics.image_quality import psnr, ssim
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine, Synthesizer
    from ppgan_ext.latents.directions import Direction
    from ppgan_ext.losses.perceptual import FeatureDistance

METHODS = ("encoder", "projector", "tuning")
EDITS: dict[str, tuple[float, ...]] = {"age": (-20.0, 20.0), "yaw": (-15.0, 15.0)}


@dataclass(frozen=True, eq=False)
class ReconstructionSetup:
    """The model and the settings with which faces are reconstructed and measured.

    Attributes:
        engine: the model.
        directions: by name; those of `EDITS` are used.
        perceptual: the distance that is reported, and that projector and tuning minimise.
        age_gender: estimates age and gender; None leaves them out.
        fit_steps: steps of the projector, 0 for none.
        tune_steps: steps of the tuning.
    """

    engine: Engine
    directions: Mapping[str, Direction]
    perceptual: FeatureDistance
    age_gender: AgeGenderRegression | None
    fit_steps: int
    tune_steps: int


def measure_reconstruction(
    setup: ReconstructionSetup, faces: HeldBackFaces, row: int, refined: bool
) -> tuple[dict[str, Any], list[Image]]:
    """Reconstruct and measure one face.

    Args:
        setup: model and settings.
        faces: the faces.
        row: the face to measure.
        refined: also run projector and tuning, and edit the tuned face.

    Returns:
        A record for JSON; and pictures: the photo, its reconstructions, the edits.

    Raises:
        BadFileError: the face cannot be read.
        KeyboardInterrupt: Ctrl-C.
    """
    photo = faces.image(row)
    original = measure_face(photo, setup.age_gender)
    entry: dict[str, Any] = {"photo": _describe_photo(faces, row, photo, original)}
    target = to_pixels(photo)
    code = setup.engine.encode(target)[0]
    pictures = [photo, _render(setup.engine.synthesizer, code)]
    entry["encoder"] = _compare(setup, photo, original, pictures[-1])
    if not refined:
        return entry, pictures
    if setup.fit_steps:
        code = _project(setup, target, code)
        pictures.append(_render(setup.engine.synthesizer, code))
        entry["projector"] = _compare(setup, photo, original, pictures[-1])
    tuned = _tune(setup, target, code)
    pictures.append(_render(tuned, code))
    entry["tuning"] = _compare(setup, photo, original, pictures[-1])
    entry["edits"] = {}
    for name, amounts in EDITS.items():
        if name in setup.directions:
            edited = [_edit(setup, tuned, code, name, amount) for amount in (*amounts[:1], 0.0, *amounts[1:])]
            pictures += [edited[0], edited[2]]
            entry["edits"][name] = [_describe_edit(setup, original, picture, name) for picture in edited]
    return entry, pictures


def _describe_photo(faces: HeldBackFaces, row: int, photo: Image, original: FaceMeasurements | None) -> dict[str, Any]:
    angle = None if original is None else typology_angle(photo, original.landmarks)
    return {
        "has_face": original is not None,
        "age": faces.age(row),
        "gender": faces.gender(row),
        "typology_angle": None if angle is None or np.isnan(angle) else rounded(angle),
        "attributes": {} if original is None else original.rounded_attributes(),
    }


def _compare(
    setup: ReconstructionSetup, photo: Image, original: FaceMeasurements | None, copy: Image
) -> dict[str, Any]:
    import paddle

    ours, theirs = (paddle.to_tensor(to_pixels(image)) for image in (copy, photo))
    with paddle.no_grad():
        perceptual = setup.perceptual.distance(ours, setup.perceptual.prepare(theirs)).item()
    measured = None if original is None else measure_face(copy, None)
    return {
        "psnr": rounded(psnr(copy, photo)),
        "ssim": rounded(ssim(copy, photo)),
        "perceptual": rounded(perceptual),
        "distance": None if original is None or measured is None else rounded(measured.distance(original)),
    }


def _describe_edit(
    setup: ReconstructionSetup, original: FaceMeasurements | None, picture: Image, name: str
) -> dict[str, Any]:
    measured = measure_face(picture, setup.age_gender)
    value = None if measured is None else measured.attributes.get(name)
    return {
        "value": None if value is None else rounded(value),
        "distance": None if original is None or measured is None else rounded(measured.distance(original)),
    }


def _render(synthesizer: Synthesizer, code: FloatArray) -> Image:
    return to_image(synthesizer.render(np.ascontiguousarray(code, np.float32)[None]))


def _edit(setup: ReconstructionSetup, synthesizer: Synthesizer, code: FloatArray, name: str, amount: float) -> Image:
    from ppgan_ext.latents.directions import apply

    return _render(synthesizer, apply(code, setup.directions, {name: amount}))


def _project(setup: ReconstructionSetup, target: FloatArray, code: FloatArray) -> FloatArray:
    from ppgan_ext.latents.projector import ProjectorOptions, project

    options = ProjectorOptions(num_steps=setup.fit_steps)
    fit = project(setup.engine, target, options, start=code, perceptual=setup.perceptual)
    if fit.interrupted:
        raise KeyboardInterrupt
    return fit.w_plus


def _tune(setup: ReconstructionSetup, target: FloatArray, code: FloatArray) -> Synthesizer:
    from ppgan_ext.latents.tuning import TuningOptions, tune

    options = TuningOptions(num_steps=setup.tune_steps)
    tuning = tune(setup.engine, target, code, options, perceptual=setup.perceptual)
    if tuning.interrupted:
        raise KeyboardInterrupt
    return tuning.synthesizer
