"""What all predictors share: the model, the seed, and the folder that results go to."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from ppgan_ext import pictures, runtime, seeding
from ppgan_ext.apps.batch import BatchResult, Job, Outcome, is_batch, make_jobs, run_batch
from ppgan_ext.apps.options import ModelOptions, Options
from ppgan_ext.config import load_options
from ppgan_ext.errors import ConfigError
from ppgan_ext.files import make_folder
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.latents.directions import Direction
    from ppgan_ext.latents.projector import Step
    from ppgan_ext.losses.perceptual import FeatureDistance
    from ppgan_ext.networks.rotator import LatentRotator

Result = TypeVar("Result")
_PADDLEGAN_DEFAULTS = {"size": 1024, "style_dim": 512, "n_mlp": 8, "channel_multiplier": 2}
OptionsT = TypeVar("OptionsT", bound=Options)
PredictorT = TypeVar("PredictorT", bound="Predictor")


class Progress(Protocol):
    """Called while work goes on."""

    def __call__(self, task: str, done: int, total: int, note: str = "") -> None:
        """Say what is being done, the steps done, the steps in all (0: unknown), and figures to show beside them."""


def no_progress(task: str, done: int, total: int, note: str = "") -> None:
    """Ignore progress."""


class Results:
    """Writes the result files of one run into a folder, or nowhere.

    Attributes:
        folder: where files go; None keeps everything in memory.
        files: what has been written, in order.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = None if folder is None else make_folder(folder)
        self.files: list[Path] = []

    def image(self, name: str, image: Image, note: str = "Edited or made by a neural network") -> None:
        """Write a picture, marked as edited by this software; the suffix of ``name`` is the format."""
        if self.folder is not None:
            self.files.append(pictures.write_image(self.folder / name, image, note))

    def code(self, name: str, w_plus: FloatArray) -> None:
        """Write a latent code, (n_latent, 512) float32, as .npy."""
        if self.folder is not None:
            from ppgan_ext.latents.codes import save_code

            save_code(self.folder / name, w_plus)
            self.files.append(self.folder / name)

    def animation(self, name: str, frames: Any, fps: float, note: str = "Made by a neural network") -> None:
        """Write frames as .gif or .mp4; ``frames`` is not touched when nothing is written."""
        if self.folder is not None:
            self.files.append(pictures.write_animation(self.folder / name, frames, fps, note))


class Predictor:
    """Base of all predictors. The constructor is PaddleGAN's, with keyword-only additions.

    The model is loaded when it is first needed, so that mistakes in the options show before anything slow begins.

    Attributes:
        files: what the last run wrote.
        interrupted: Ctrl-C ended the last run early; its result is the best until then.

    Args:
        output_path: folder for result files; None writes nothing.
        weight_path: a weight file of your own; wins over ``model_type``.
        model_type: a model of the catalog by name; without either, the model that ships with the package.
        seed: makes everything random repeatable: same seed, same bytes.
        size: output size of the model in ``weight_path``, in pixels. This and the next three are read off the file;
            a value other than PaddleGAN's default is checked against it.
        style_dim: style dimensions of that model.
        n_mlp: number of its mapping layers.
        channel_multiplier: its channel multiplier.
        cpu: stay on the CPU even where a GPU is found.
        half: half precision; only on a GPU.
        progress: called while work goes on, see `Progress`.

    Raises:
        ConfigError: no such model, or one without an encoder where photos are read.
    """

    needs_encoder = False

    def __init__(
        self,
        output_path: str | os.PathLike[str] | None = "output_dir",
        weight_path: str | os.PathLike[str] | None = None,
        model_type: str | None = None,
        seed: int | None = None,
        size: int = 1024,
        style_dim: int = 512,
        n_mlp: int = 8,
        channel_multiplier: int = 2,
        *,
        cpu: bool = False,
        half: bool = False,
        progress: Progress | None = None,
    ) -> None:
        from ppgan_ext.weights import catalog

        if model_type is not None:
            catalog.find(model_type, "encoder" if self.needs_encoder and weight_path is None else None)
        self.output_path = None if output_path is None else Path(output_path)
        self.weight_path = weight_path
        self.model_type = model_type
        self.seed = None if seed is None else seeding.check_seed(seed)
        # PaddleGAN's defaults stand for "not said": the file itself knows its size.
        given = {"size": size, "style_dim": style_dim, "n_mlp": n_mlp, "channel_multiplier": channel_multiplier}
        self.architecture: dict[str, Any] = {
            name: value for name, value in given.items() if value != _PADDLEGAN_DEFAULTS[name]
        }
        self.cpu = cpu
        self.half = half
        self.progress = progress or no_progress
        self.files: list[Path] = []
        self.interrupted = False
        self._directions: dict[str, dict[str, Direction]] = {}
        self._rotators: dict[str | None, LatentRotator] = {}

    @classmethod
    def from_options(cls: type[PredictorT], options: ModelOptions, **extra: Any) -> PredictorT:
        """Build a predictor from an options model."""
        names = ("output_path", "weight_path", "model_type", "seed", "size", "style_dim", "n_mlp", "channel_multiplier")
        settings = {name: getattr(options, name) for name in (*names, "cpu", "half")}
        return cls(**settings, **extra)

    @functools.cached_property
    def engine(self) -> Engine:
        """The model, loaded and made fast."""
        runtime.import_paddle()
        from ppgan_ext.engine import open_model
        from ppgan_ext.weights.load import load_face_model

        def fetching(done: int, total: int | None) -> None:
            self.progress("fetching the model", done, total or 0)

        model = load_face_model(self.model_type, self.weight_path, **self.architecture, on_progress=fetching)
        return open_model(model, device=runtime.choose_device(self.cpu), half=self.half)

    @functools.cached_property
    def perceptual(self) -> FeatureDistance:
        """What the projector compares images with."""
        from ppgan_ext.losses.perceptual import default_perceptual
        from ppgan_ext.nn.forms import once_form

        return default_perceptual(once_form(self.engine.synthesizer.device == "cpu"))

    @property
    def generator(self) -> Any:
        """The Paddle network, as PaddleGAN's predictors offer it."""
        return self.engine.synthesizer.generator

    @property
    def n_latent(self) -> int:
        """Layers of a latent code of this model."""
        return int(self.engine.synthesizer.n_latent)

    def random(self) -> np.random.Generator:
        """A fresh random generator; the same one for the same seed."""
        return seeding.generator(self.seed)

    def check(self, model: type[OptionsT], **settings: Any) -> OptionsT:
        """Validate the arguments of a run.

        Raises:
            ConfigError: names every wrong argument.
        """
        return load_options(model, overrides={name: value for name, value in settings.items() if value is not None})

    def results(self, subfolder: str | None = None) -> Results:
        """Open the output folder for a run, before the work, so that an unusable folder costs no time."""
        if self.output_path is None:
            return Results(None)
        return Results(self.output_path / subfolder if subfolder else self.output_path)

    def prepare(self, options: ModelOptions) -> None:
        """Find mistakes that would fail every input alike, before the first: model, output folder, ...

        Raises:
            PpganExtError: the first of them.
        """
        self.results()
        _ = self.engine

    def run_each(self, source: object, work: Callable[[Job], Result]) -> Result | BatchResult[Result]:
        """Run ``work`` on one input and return its result, or on several and return a `BatchResult`.

        Where Ctrl-C ended the work on an input early, that is the last one, and ``interrupted`` is set.
        """
        jobs, self.interrupted = make_jobs(source), False
        if is_batch(source):
            return BatchResult(self._until_interrupted(run_batch(jobs, work)))
        if jobs[0].problem is not None:
            raise jobs[0].problem
        return work(jobs[0])

    def _until_interrupted(self, outcomes: Iterable[Outcome[Result]]) -> Iterator[Outcome[Result]]:
        for outcome in outcomes:
            yield outcome
            if self.interrupted:
                return

    def render(self, w_plus: FloatArray) -> FloatArray:
        """Render codes with fixed noise.

        Args:
            w_plus: (N, n_latent, 512).

        Returns:
            (N, 3, S, S) float32, about [-1, 1].
        """
        return self.engine.synthesizer.render(np.ascontiguousarray(w_plus, dtype=np.float32))

    def show_step(self, task: str, step: Step) -> None:
        """Show one step of the projector, with PaddleGAN's three figures."""
        figures = f"perceptual: {step.perceptual:.4f}; mse: {step.mse:.4f}; lr: {step.learning_rate:.4f}"
        self.progress(task, step.step, step.total, figures)

    def directions(self, path: str | None, names: Iterable[str]) -> dict[str, Direction]:
        """Load the directions of a file, or of the model's own file.

        Args:
            path: a file of directions; None takes the model's own.
            names: directions that must be in it.

        Raises:
            ConfigError: the model has none and no file is given, or an unknown name.
        """
        from ppgan_ext.latents.directions import find, load_directions

        file = path or self.engine.face_model.directions_file
        if file is None:
            raise ConfigError(
                f"the model '{self.engine.face_model.name}' has no directions of its own",
                cure="Give a file of directions with --direction_path",
            )
        if str(file) not in self._directions:
            self._directions[str(file)] = load_directions(str(file), self.n_latent)
        known = self._directions[str(file)]
        for name in names:
            find(known, name)
        return known

    def rotator(self, path: str | None) -> LatentRotator:
        """Load the network that turns heads in this model's latent space, once for each file.

        Args:
            path: what its training has written; None takes the model's own.

        Raises:
            ConfigError: the model has none and no file is given.
            WeightsError: the file cannot be read, or belongs to another model.
        """
        from ppgan_ext.weights.rotator import load_rotator

        if path not in self._rotators:
            self._rotators[path] = load_rotator(self.engine.face_model, path)
        return self._rotators[path]
