"""How the codes of photos are refined, and generators tuned to photos: what editing, mixing and fusion share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ppgan_ext.apps.codes.encoded_face import EncodedFace, Refine, Tune
from ppgan_ext.apps.options import InversionOptions
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.apps.results import ResultFolder
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.latents.projector import Step
    from ppgan_ext.latents.tuning import Tuning, TuningStep

TUNED_SUFFIX = ".tuned.safetensors"


def refiner(predictor: Predictor, options: InversionOptions, number: int) -> Refine | None:
    """Return the function that refines the code of face ``number``; None if ``fit_steps`` is 0.

    The function raises KeyboardInterrupt on Ctrl-C: a half-refined code is of no use.
    """
    if not options.fit_steps:
        return None
    from ppgan_ext.latents.projector import ProjectorOptions, project

    def refine(pixels: FloatArray, w_plus: FloatArray) -> FloatArray:
        def show(step: Step) -> None:
            predictor.show_step(f"refining face {number}", step)

        settings = ProjectorOptions(num_steps=options.fit_steps)
        fit = project(predictor.engine, pixels, settings, start=w_plus, on_step=show, perceptual=predictor.perceptual)
        if fit.interrupted:
            raise KeyboardInterrupt
        return fit.w_plus

    return refine


def tuner(predictor: Predictor, options: InversionOptions, task: str) -> Tune | None:
    """Return the function that tunes the model to photos; None if ``tune`` is 0.

    Ctrl-C ends the tuning, not the run: the function returns the tuning reached so far, marked ``interrupted``.

    Args:
        predictor: provides model, seed and progress.
        options: number of steps.
        task: the name under which progress is shown.
    """
    if not options.tune:
        return None
    from ppgan_ext.latents.tuning import TuningOptions, tune

    def tune_to(pixels: FloatArray, w_plus: FloatArray) -> Tuning:
        def show(step: TuningStep) -> None:
            predictor.show_step(task, step)

        settings = TuningOptions(num_steps=options.tune, seed=predictor.seed or 0)
        return tune(predictor.engine, pixels, w_plus, settings, on_step=show, perceptual=predictor.perceptual)

    return tune_to


def save_tuned(
    results: ResultFolder, name: str, engine: Engine, tuning: Tuning | None, faces: Sequence[EncodedFace]
) -> None:
    """Write a tuned model beside the other results.

    Args:
        results: the run's files.
        name: of the photo or the result.
        engine: the model that was tuned.
        tuning: None where Ctrl-C came before it began: then nothing is written.
        faces: the faces it was tuned to.
    """
    path = None if tuning is None else results.place(f"{name}{TUNED_SUFFIX}")
    if tuning is None or path is None:
        return
    from ppgan_ext.latents.tuning import save_tuning

    encoded = [face.w_plus if face.encoded is None else face.encoded for face in faces]
    save_tuning(path, tuning, engine.face_model, np.stack(encoded))
    results.files.append(path)
