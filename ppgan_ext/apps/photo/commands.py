"""The commands that edit photos: ``ppgan-ext age`` and ``ppgan-ext edit``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ppgan_ext.apps.batch import Job
from ppgan_ext.apps.options import ModelOptions
from ppgan_ext.apps.photo.direction_table import describe_model_directions, range_lines
from ppgan_ext.apps.photo.options import AgeOptions, EditOptions, PhotoOptions
from ppgan_ext.apps.progress import Bars
from ppgan_ext.apps.reporting import BatchWork, open_photos, report_made
from ppgan_ext.apps.shares.run import is_left_to_first, run_command
from ppgan_ext.console import DONE
from ppgan_ext.errors import ConfigError

if TYPE_CHECKING:
    from ppgan_ext.apps.codes.encoded_face import EncodedFace
    from ppgan_ext.apps.photo.predictor import FacePreview
    from ppgan_ext.apps.predictor import Progress

_OF_PREVIEWS = ("input_image", "recursive", "list_faces")


def run_age(options: AgeOptions) -> int:
    """Run ``ppgan-ext age`` and return the exit code."""
    photos = open_photos(options.input_image, options.recursive, options.output_path)
    _advise(options)
    return run_command(photos, open_age, options, workers=options.workers)


def open_age(options: AgeOptions, progress: Progress) -> BatchWork[Any]:
    """Open what ``ppgan-ext age`` does with a photo."""
    from ppgan_ext.apps.photo.age import AgeEditingPredictor

    predictor = AgeEditingPredictor.from_options(options, progress)
    if options.list_faces:
        return BatchWork(predictor.number_faces, describe_faces, predictor.open_results)
    return BatchWork(
        lambda job: predictor.edit_noted(job, options),
        lambda edit: describe_ages(edit.faces, predictor.apparent_ages(edit, options)),
        lambda: predictor.check_before_edits(options),
    )


def run_edit(options: EditOptions) -> int:
    """Run ``ppgan-ext edit``, on a code or on photos, and return the exit code.

    Raises:
        ConfigError: neither a code nor photos, or both.
    """
    if (options.latent is None) == (not options.input_image):
        raise ConfigError(
            "give either a code or photos to edit", cure="Use --latent code.npy or --input_image photo.jpg"
        )
    if options.latent is not None:
        from ppgan_ext.apps.photo.edit import StyleGANv2EditingPredictor

        if is_left_to_first():
            return DONE
        with Bars() as bars:
            predictor = StyleGANv2EditingPredictor.from_options(options, bars)
            job = Job(options.latent, "latent")
            job.names.protect(options.latent)
            return report_made(predictor.edit_code(job, options))
    photos = open_photos(options.input_image, options.recursive, options.output_path)
    _advise(options)
    if not options.list_faces and "age" in (*options.edit, options.direction_name):
        print(
            "note: this moves the model's age direction only; 'ppgan-ext age' also draws wrinkles and grey hair",
            file=sys.stderr,
        )
    return run_command(photos, open_edit, options, workers=options.workers)


def open_edit(options: EditOptions, progress: Progress) -> BatchWork[Any]:
    """Open what ``ppgan-ext edit`` does with a photo."""
    from ppgan_ext.apps.photo.edit import StyleGANv2EditingPredictor

    predictor = StyleGANv2EditingPredictor.from_options(options, progress)
    if options.list_faces:
        return BatchWork(predictor.number_faces, describe_faces, predictor.open_results)
    return BatchWork(
        lambda job: predictor.edit_faces(job, options), check=lambda: predictor.check_before_edits(options)
    )


def list_directions() -> str:
    """List the directions of the model that ships with the package, for the help page of ``edit``."""
    lines = "\n".join(f"  {line}" for line in range_lines(describe_model_directions(None)))
    return (
        f"\ndirections of the default model, with the range of sensible amounts and what their signs mean:\n{lines}\n"
    )


def _advise(options: PhotoOptions) -> None:
    """Say what will hardly be seen: a tuned model's change is that of the model itself; a preview edits nothing."""
    fields = type(options).model_fields
    names = options.model_fields_set - {*_OF_PREVIEWS, *ModelOptions.model_fields}
    given = sorted(name for name in names if getattr(options, name) != fields[name].get_default())
    if options.list_faces and given:
        print(f"note: --list_faces draws the numbers and stops; without effect: {', '.join(given)}", file=sys.stderr)
    if options.tuning_note and not options.list_faces:
        print(f"note: {options.tuning_note}", file=sys.stderr)


def describe_faces(result: FacePreview) -> Iterable[str]:
    """Yield size and position of each face."""
    for face in result.faces:
        box = face.box
        yield f"face {face.number}: {box.width:.0f} x {box.height:.0f} px at ({box.left:.0f}, {box.top:.0f})"


def describe_ages(faces: Sequence[EncodedFace], ages: Sequence[float | None]) -> Iterable[str]:
    """Yield the age that each face appears to have; None is not told."""
    for face, age in zip(faces, ages, strict=True):
        if age is not None:
            yield f"face {face.face.number} looks {age:.0f} years old"
