"""One held-back face: the photo, what encoder, projector and tuning make of it, and edits of the tuned face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ppgan_ext.apps.studies.models.faces import HeldBack, typology_angle
from ppgan_ext.apps.studies.models.learned import Learned
from ppgan_ext.apps.studies.models.observer import Look, observe
from ppgan_ext.images import to_image, to_pixels
from ppgan_ext.metrics.image_quality import psnr, ssim
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine, Synthesizer
    from ppgan_ext.latents.directions import Direction
    from ppgan_ext.losses.perceptual import FeatureDistance

METHODS = ("encoder", "projector", "tuning")
EDITS: dict[str, tuple[float, ...]] = {"age": (-20.0, 20.0), "yaw": (-15.0, 15.0)}
_DIGITS = 6


@dataclass(frozen=True, eq=False)
class Bench:
    """What a face is measured with.

    Attributes:
        engine: the model.
        directions: by name; those of `EDITS` are used.
        perceptual: distance, of the projector and the tuning as well.
        learned: tells age and gender; None does not.
        fit_steps: of the projector, 0 for none.
        tune_steps: of the tuning.
    """

    engine: Engine
    directions: Mapping[str, Direction]
    perceptual: FeatureDistance
    learned: Learned | None
    fit_steps: int
    tune_steps: int


def measure_face(bench: Bench, faces: HeldBack, row: int, refined: bool) -> tuple[dict[str, Any], list[Image]]:
    """Measure one face.

    Args:
        bench: what with.
        faces: the source.
        row: which face.
        refined: also refine and tune.

    Returns:
        What was found, as JSON holds it; and pictures: the photo, its reconstructions, the edits.

    Raises:
        BadFileError: it cannot be read.
        KeyboardInterrupt: Ctrl-C.
    """
    photo = faces.image(row)
    look = observe(photo, bench.learned)
    entry: dict[str, Any] = {"photo": _describe_photo(faces, row, photo, look)}
    target = to_pixels(photo)
    code = bench.engine.encode(target)[0]
    pictures = [photo, _draw(bench.engine.synthesizer, code)]
    entry["encoder"] = _compare(bench, photo, look, pictures[-1])
    if not refined:
        return entry, pictures
    if bench.fit_steps:
        code = _project(bench, target, code)
        pictures.append(_draw(bench.engine.synthesizer, code))
        entry["projector"] = _compare(bench, photo, look, pictures[-1])
    tuned = _tune(bench, target, code)
    pictures.append(_draw(tuned, code))
    entry["tuning"] = _compare(bench, photo, look, pictures[-1])
    entry["edits"] = {}
    for name, amounts in EDITS.items():
        if name in bench.directions:
            steps = [_edit(bench, tuned, code, name, amount) for amount in (*amounts[:1], 0.0, *amounts[1:])]
            pictures += [steps[0], steps[2]]
            entry["edits"][name] = [_describe_edit(bench, look, step, name) for step in steps]
    return entry, pictures


def rounded(value: float) -> float:
    """Round to six significant digits, as figures are kept."""
    return float(f"{value:.{_DIGITS}g}")


def _describe_photo(faces: HeldBack, row: int, photo: Image, look: Look | None) -> dict[str, Any]:
    angle = None if look is None else typology_angle(photo, look.landmarks)
    return {
        "has_face": look is not None,
        "age": faces.age(row),
        "gender": faces.gender(row),
        "typology_angle": None if angle is None or np.isnan(angle) else rounded(angle),
        "attributes": {} if look is None else {name: rounded(value) for name, value in look.attributes.items()},
    }


def _compare(bench: Bench, photo: Image, look: Look | None, copy: Image) -> dict[str, Any]:
    import paddle

    ours, theirs = (paddle.to_tensor(to_pixels(image)) for image in (copy, photo))
    with paddle.no_grad():
        perceptual = bench.perceptual.distance(ours, bench.perceptual.prepare(theirs)).item()
    again = None if look is None else observe(copy, None)
    return {
        "psnr": rounded(psnr(copy, photo)),
        "ssim": rounded(ssim(copy, photo)),
        "perceptual": rounded(perceptual),
        "distance": None if look is None or again is None else rounded(again.distance(look)),
    }


def _describe_edit(bench: Bench, look: Look | None, picture: Image, name: str) -> dict[str, Any]:
    seen = observe(picture, bench.learned)
    value = None if seen is None else seen.attributes.get(name)
    return {
        "value": None if value is None else rounded(value),
        "distance": None if look is None or seen is None else rounded(seen.distance(look)),
    }


def _draw(synthesizer: Synthesizer, code: FloatArray) -> Image:
    return to_image(synthesizer.render(np.ascontiguousarray(code, np.float32)[None]))


def _edit(bench: Bench, synthesizer: Synthesizer, code: FloatArray, name: str, amount: float) -> Image:
    from ppgan_ext.latents.directions import apply

    return _draw(synthesizer, apply(code, bench.directions, {name: amount}))


def _project(bench: Bench, target: FloatArray, code: FloatArray) -> FloatArray:
    from ppgan_ext.latents.projector import ProjectorOptions, project

    options = ProjectorOptions(num_steps=bench.fit_steps)
    fit = project(bench.engine, target, options, start=code, perceptual=bench.perceptual)
    if fit.interrupted:
        raise KeyboardInterrupt
    return fit.w_plus


def _tune(bench: Bench, target: FloatArray, code: FloatArray) -> Synthesizer:
    from ppgan_ext.latents.tuning import TuningOptions, tune

    options = TuningOptions(num_steps=bench.tune_steps)
    tuning = tune(bench.engine, target, code, options, perceptual=bench.perceptual)
    if tuning.interrupted:
        raise KeyboardInterrupt
    return tuning.synthesizer
