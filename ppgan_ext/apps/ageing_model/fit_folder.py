"""Fit a model of ageing to a folder of portraits, and write it with its card."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from ppgan_ext import files, images
from ppgan_ext.apps.age_table import AgeColumns, read_ages
from ppgan_ext.apps.ageing_model.options import AgeingFitOptions
from ppgan_ext.apps.batch import Job, open_inputs
from ppgan_ext.apps.progress import make_bar
from ppgan_ext.errors import InputError, NoFaceError
from ppgan_ext.faces.ageing import fit, frame
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.types import FloatArray


def fit_folder(options: AgeingFitOptions, report: Callable[[str], None]) -> Path:
    """Fit a model of ageing and write it; beside it, as JSON, its card: data, licence, how many faces of which age.

    Args:
        options: portraits, their ages, what to leave out, where to write.
        report: called with a line for each photo that is left out, and for each step.

    Returns:
        The file written.

    Raises:
        InputError: the table cannot be read, or too few faces are usable.
        OutputError: the model cannot be written.
    """
    ages = read_ages(Path(options.ages), AgeColumns(options.file_column, options.age_column, options.sex_column))
    found = list(_find(options, ages, report))
    usable = [(job, points) for job, points in found if fit.is_usable(points)]
    report(f"{len(usable)} of {len(found)} faces are seen from the front and large enough")
    if not usable:
        raise InputError(
            "no face can be used", cure="Give portraits seen from the front, with 85 pixels between the eyes"
        )
    mean_face = frame.mean_face([points for _, points in usable])
    samples = []
    with contextlib.closing(make_bar("measuring faces", len(usable))) as bar:
        for job, points in usable:
            age, sex = ages[_name(job)]
            is_female = sex.strip().lower().startswith("f")
            samples.append(fit.measure_sample(images.read_image(job.source), points, age, is_female, mean_face))
            bar.update()
    model = fit.fit_model(samples, mean_face, lambda done, total: report(f"fitting: {done} of {total}"))
    output = Path(options.output)
    arrays = {name: np.ascontiguousarray(array) for name, array in model.arrays().items()}
    files.write_bytes(output, save(arrays))
    card = {
        "data": options.data, "licence": options.licence, "faces": len(samples),
        "women": sum(sample.is_female for sample in samples),
        "ages": sorted(round(sample.age) for sample in samples),
        "left_out": sorted(options.leave_out),
        "limits": "Faces of adults, seen from the front. No photo and no one person's skin is in the file: every map "
        "is a robust regression or a mean over all faces.",
    }  # fmt: skip
    files.write_bytes(output.with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode())
    return output


def _find(
    options: AgeingFitOptions, ages: dict[str, tuple[float, str]], report: Callable[[str], None]
) -> Iterator[tuple[Job, FloatArray]]:
    """Yield the photos of known age and sex with the landmarks of their largest face."""
    left_out = set(options.leave_out)
    for job in open_inputs(list(options.input)).jobs:
        name = _name(job)
        age, sex = ages.get(name, (math.nan, ""))
        if name in left_out:
            continue
        if math.isnan(age) or not sex:
            report(f"{name}: left out, the table does not give its age and sex")
            continue
        try:
            faces = find_faces(images.read_image(job.source))
        except (InputError, NoFaceError) as error:
            report(f"{name}: left out, {error}")
            continue
        if faces:
            yield job, faces[0].landmarks
        else:
            report(f"{name}: left out, no face was found")


def _name(job: Job) -> str:
    return Path(job.name).name
