"""How the codes of photos are refined, and generators tuned to them: what editing and mixing share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ppgan_ext.apps.options import InversionOptions
from ppgan_ext.apps.photo.portrait import Portrait, Refine, Tune
from ppgan_ext.apps.predictor import Predictor, Results
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.latents.projector import Step
    from ppgan_ext.latents.tuning import Tuning, TuningStep

TUNED_SUFFIX = ".tuned.safetensors"


def refiner(predictor: Predictor, options: InversionOptions, number: int) -> Refine | None:
    """Give what refines the code of face ``number``; None if that is not asked for."""
    if not options.fit_steps:
        return None

    def refine(pixels: FloatArray, w_plus: FloatArray) -> FloatArray:
        from ppgan_ext.latents.projector import ProjectorOptions, project

        def show(step: Step) -> None:
            predictor.show_step(f"refining face {number}", step)

        settings = ProjectorOptions(num_steps=options.fit_steps)
        fit = project(predictor.engine, pixels, settings, start=w_plus, on_step=show, perceptual=predictor.perceptual)
        if fit.interrupted:
            raise KeyboardInterrupt
        return fit.w_plus

    return refine


def tuner(predictor: Predictor, options: InversionOptions, task: str) -> Tune | None:
    """Give what tunes the model to photos, None if that is not asked for.

    Ctrl-C ends the tuning, not the run: what has been learned is used, further faces are drawn by the model itself,
    and ``predictor.interrupted`` says so.

    Args:
        predictor: whose model, seed and progress it is.
        options: number of steps.
        task: what to call it while it goes on.
    """
    if not options.tune:
        return None

    def tune_to(pixels: FloatArray, w_plus: FloatArray) -> Tuning | None:
        from ppgan_ext.latents.tuning import TuningOptions, tune

        if predictor.interrupted:
            return None

        def show(step: TuningStep) -> None:
            predictor.show_step(task, step)

        settings = TuningOptions(num_steps=options.tune, seed=predictor.seed or 0)
        tuning = tune(predictor.engine, pixels, w_plus, settings, on_step=show, perceptual=predictor.perceptual)
        predictor.interrupted = tuning.interrupted
        return tuning

    return tune_to


def save(results: Results, name: str, engine: Engine, tuning: Tuning | None, portraits: Sequence[Portrait]) -> None:
    """Write a tuned model beside the other results.

    Args:
        results: the run's files.
        name: of the photo or the result.
        engine: whose model was tuned.
        tuning: None where Ctrl-C came before it began: then nothing is written.
        portraits: the faces it was tuned to.
    """
    if tuning is None or results.folder is None:
        return
    from ppgan_ext.latents.tuning import save_tuning

    encoded = [portrait.w_plus if portrait.encoded is None else portrait.encoded for portrait in portraits]
    path = results.folder / f"{name}{TUNED_SUFFIX}"
    save_tuning(path, tuning, engine.face_model, np.stack(encoded))
    results.files.append(path)
