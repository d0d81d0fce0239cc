"""What all predictors share: the model, the seed, and the folder that results go to."""

from __future__ import annotations

import abc
import functools
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from ppgan_ext import runtime, seeding
from ppgan_ext.apps.batch import BatchResult, Inputs, Job, open_inputs, run_batch, run_single
from ppgan_ext.apps.options import ModelOptions, Options
from ppgan_ext.apps.results import Made, ResultFolder
from ppgan_ext.errors import ConfigError
from ppgan_ext.latents.directions import Direction, find, load_directions
from ppgan_ext.types import FloatArray
from ppgan_ext.weights import catalog

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine
    from ppgan_ext.latents.projector import Step
    from ppgan_ext.losses.perceptual import FeatureDistance
    from ppgan_ext.networks.rotator import LatentRotator

Result = TypeVar("Result")
PredictorT = TypeVar("PredictorT", bound="Predictor")
_TURN = threading.RLock()


class Progress(Protocol):
    """Called while work goes on."""

    def __call__(self, task: str, done: int, total: int, note: str = "") -> None:
        """Show progress.

        Args:
            task: what is being done.
            done: steps done.
            total: steps in all; 0 where that is unknown.
            note: figures to show beside them.
        """


def no_progress(task: str, done: int, total: int, note: str = "") -> None:
    """Ignore progress."""


def take_turns(work: Callable[[], Result]) -> Result:
    """Run ``work`` while no other thread does.

    Paddle crashes when two threads compute at once, and when a thread ends that has used oneDNN (Paddle 3.3). So work
    for threads other than the main one is done by one thread that stays.
    """
    with _TURN:
        if threading.current_thread() is threading.main_thread():
            return work()
        return _staying_thread().submit(work).result()


@functools.cache
def _staying_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="ppgan_ext-predictor")


class BasePredictor(abc.ABC):
    """What every predictor has: a file of weights, a seed, an output folder, and one way to run inputs.

    Several threads may call `run`; their inputs are then processed one at a time.

    Attributes:
        files: result files of the last `run` that returned; of a batch those of all inputs.
        interrupted: whether Ctrl-C ended that `run` early; its result is then the best until that moment.
        notes: what there is to know about its results, one line each, such as a part of a face that is covered.

    Args:
        output_path: folder for result files; None writes nothing.
        weight_path: your own weight file.
        seed: makes everything random repeatable: same seed, same bytes.
        cpu: compute on the CPU even where a GPU is found.
        half: half precision; only on a GPU.
        progress: called while work goes on, see `Progress`.

    Raises:
        ConfigError: a path is empty, or the seed out of range.
    """

    def __init__(
        self,
        output_path: str | os.PathLike[str] | None,
        weight_path: str | os.PathLike[str] | None,
        seed: int | None,
        *,
        cpu: bool = False,
        half: bool = False,
        progress: Progress | None = None,
    ) -> None:
        for name, path in (("output_path", output_path), ("weight_path", weight_path)):
            if isinstance(path, str) and not path.strip():
                raise ConfigError("is empty", where=name, cure="Give a path, or None for none")
        self.output_path = None if output_path is None else Path(output_path)
        self.weight_path = weight_path
        self.seed = None if seed is None else seeding.check_seed(seed)
        self.cpu = cpu
        self.half = half
        self.progress = progress or no_progress
        self.files: list[Path] = []
        self.interrupted = False
        self.notes: list[str] = []

    @property
    @abc.abstractmethod
    def model_name(self) -> str:
        """What to call the model: a path or a name of the catalog."""

    @functools.cached_property
    @abc.abstractmethod
    def engine(self) -> Any:
        """The model, loaded and made fast at first use."""

    def __repr__(self) -> str:
        where = None if self.output_path is None else os.fspath(self.output_path)
        return f"{type(self).__name__}(model={self.model_name!r}, output_path={where!r}, seed={self.seed})"

    def show_fetching(self, done: int, total: int | None) -> None:
        """Show the progress of a download."""
        self.progress("fetching the model", done, total or 0)

    def random(self) -> np.random.Generator:
        """Return a new random generator; the same one for the same seed."""
        return seeding.generator(self.seed)

    def open_inputs(self, source: object, recursive: bool = False) -> Inputs:
        """List the inputs of a call, see `batch.open_inputs`; results in the output folder are not among them."""
        return open_inputs(source, recursive, self.output_path)

    def open_results(
        self, job: Job | None = None, own_folder: bool = False, options: Options | None = None
    ) -> ResultFolder:
        """Open the output folder for a run, before the work, so that an unusable folder costs no time.

        Args:
            job: the input whose results are written; None where there is none.
            own_folder: each input of a batch gets a folder of its own, as the results are always called the same.
            options: those of the run; files that they ask for need an output folder.

        Raises:
            ConfigError: the options ask for files, and ``output_path`` is None.
            OutputError: the folder cannot be made or written to.
        """
        names = None if job is None else job.names
        if self.output_path is None:
            wanted = [name for name in type(options).model_fields if name.startswith("save_")] if options else []
            wanted = [name for name in wanted if getattr(options, name)]
            if wanted:
                cure = "Give the predictor an output_path"
                raise ConfigError(f"{', '.join(wanted)} would write nothing: there is no output_path", cure=cure)
            return ResultFolder(None)
        if job is not None and own_folder and job.subfolder:
            return ResultFolder(self.output_path / job.subfolder, names)
        return ResultFolder(self.output_path, names)

    def check_before_batch(self) -> None:
        """Open the output folder and the model, whose faults would fail every input of a batch alike.

        Raises:
            PpganExtError: the first fault.
        """
        self.open_results()
        _ = self.engine

    def run_inputs(
        self, inputs: Inputs, work: Callable[[Job], Made[Result]], warns: bool = True
    ) -> Result | BatchResult[Result]:
        """Run ``work`` on one input and return its result, or on several and return a `BatchResult`.

        Args:
            inputs: what to work on.
            work: makes the result of one of them.
            warns: warn whoever called the `run` that calls this of inputs that failed.

        Raises:
            PpganExtError: the only input failed.
        """
        if not inputs.is_batch:
            return self._unwrap(self.work_on(inputs.jobs[0], work))
        batch = run_batch(inputs.jobs, lambda job: take_turns(lambda: work(job)))
        batch.left_out = list(inputs.left_out)
        self.files, self.interrupted, self.notes = batch.files, batch.interrupted, batch.notes
        if warns:
            batch.warn_of_failures(stacklevel=4)
        return batch

    def work_on(self, job: Job, work: Callable[[Job], Result]) -> Result:
        """Run ``work`` on one input, and return all that it made: `run_inputs` returns of it what PaddleGAN's do.

        Raises:
            PpganExtError: it failed.
        """
        return run_single(job, lambda one: take_turns(lambda: work(one)))

    def run_once(self, work: Callable[[], Made[Result]]) -> Result:
        """Run ``work``, which is never a batch, and return its result."""
        return self._unwrap(take_turns(work))

    def _unwrap(self, made: Made[Result]) -> Result:
        """Return a run's result, and keep the rest as ``files``, ``interrupted`` and ``notes`` for the user."""
        self.files, self.interrupted, self.notes = list(made.files), made.interrupted, made.all_notes
        return made.result


class Predictor(BasePredictor):
    """Base of the predictors of face models. The constructor is PaddleGAN's, with keyword-only additions.

    The model is loaded when it is first needed, so that mistakes in the options show before anything slow begins.

    Args:
        output_path: folder for result files; None writes nothing.
        weight_path: your own weight file; wins over ``model_type``.
        model_type: name of a model in the catalog; without it and ``weight_path``, the model that ships with the
            package.
        seed: makes everything random repeatable: same seed, same bytes.
        size: output size that the model must have, in pixels. This and the next three are read off the model's file;
            a value that is given is checked against it. (PaddleGAN's defaults are 1024, 512, 8 and 2.)
        style_dim: style dimensions of that model.
        n_mlp: number of its mapping layers.
        channel_multiplier: its channel multiplier.
        cpu: compute on the CPU even where a GPU is found.
        half: half precision; only on a GPU.
        progress: called while work goes on, see `Progress`.

    Raises:
        ConfigError: no such model, or a model without an encoder for a predictor that reads photos.
    """

    needs_encoder = False

    def __init__(
        self,
        output_path: str | os.PathLike[str] | None = "output_dir",
        weight_path: str | os.PathLike[str] | None = None,
        model_type: str | None = None,
        seed: int | None = None,
        size: int | None = None,
        style_dim: int | None = None,
        n_mlp: int | None = None,
        channel_multiplier: int | None = None,
        *,
        cpu: bool = False,
        half: bool = False,
        progress: Progress | None = None,
    ) -> None:
        if model_type is not None:
            catalog.find(model_type, "encoder" if self.needs_encoder and weight_path is None else None)
        super().__init__(output_path, weight_path, seed, cpu=cpu, half=half, progress=progress)
        self.model_type = model_type
        sizes = {"size": size, "style_dim": style_dim, "n_mlp": n_mlp, "channel_multiplier": channel_multiplier}
        self.architecture: dict[str, Any] = {name: value for name, value in sizes.items() if value is not None}
        self._directions: dict[str, dict[str, Direction]] = {}
        self._rotators: dict[str | None, LatentRotator] = {}

    @classmethod
    def from_options(cls: type[PredictorT], options: ModelOptions, progress: Progress | None = None) -> PredictorT:
        """Build a predictor from an options model."""
        settings = {name: getattr(options, name) for name in ModelOptions.model_fields}
        return cls(**settings, progress=progress)

    @property
    def model_name(self) -> str:
        """What to call the model: a path or a name of the catalog."""
        return os.fspath(self.weight_path or self.model_type or catalog.DEFAULT_MODEL)

    def share_model(self, other: Predictor) -> None:
        """Use the model of another predictor, and what belongs to it, in place of one loaded anew.

        Args:
            other: made for the same model and device; it is loaded now if it is not yet.
        """
        self.engine = other.engine
        self.perceptual = other.perceptual
        self._directions, self._rotators = other._directions, other._rotators

    # The model

    @functools.cached_property
    def engine(self) -> Engine:
        """The model, loaded and made fast.

        Raises:
            ConfigError: PaddlePaddle is not installed.
            WeightsError: the weights cannot be fetched or read.
        """
        runtime.import_paddle()
        from ppgan_ext.engine import open_model
        from ppgan_ext.weights.load import load_face_model

        model = load_face_model(self.model_type, self.weight_path, **self.architecture, on_progress=self.show_fetching)
        return open_model(model, device=runtime.choose_device(self.cpu), half=self.half)

    @functools.cached_property
    def perceptual(self) -> FeatureDistance:
        """The perceptual distance that the projector and the tuning minimise."""
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

    def render(self, w_plus: FloatArray) -> FloatArray:
        """Render codes with fixed noise.

        Args:
            w_plus: (N, n_latent, 512).

        Returns:
            (N, 3, S, S) float32, about [-1, 1].
        """
        return self.engine.synthesizer.render(np.ascontiguousarray(w_plus, dtype=np.float32))

    def directions(self, path: str | None, names: Iterable[str]) -> dict[str, Direction]:
        """Load the directions of a file, or of the model's own file.

        Args:
            path: a file of directions; None takes the model's own.
            names: directions that must be in it.

        Raises:
            ConfigError: the model has no directions and no file is given, or a name is unknown.
        """
        file = path or self.engine.face_model.directions_file
        if file is None:
            raise ConfigError(
                f"the model '{self.engine.face_model.name}' has no directions of its own",
                cure="Give a file of directions with --direction_path",
            )
        if str(file) not in self._directions:
            self._directions[str(file)] = load_directions(str(file), self.n_latent)
        directions = self._directions[str(file)]
        for name in names:
            find(directions, name)
        return directions

    def rotator(self, path: str | None) -> LatentRotator:
        """Load the network that turns heads in this model's latent space, once for each file.

        Args:
            path: a file written by the network's training; None takes the model's own.

        Raises:
            ConfigError: the model has no such network and no file is given.
            WeightsError: the file cannot be read, or belongs to another model.
        """
        from ppgan_ext.weights.rotator import load_rotator

        if path not in self._rotators:
            self._rotators[path] = load_rotator(self.engine.face_model, path)
        return self._rotators[path]

    def show_step(self, task: str, step: Step) -> None:
        """Show one step of the projector, with PaddleGAN's three figures."""
        figures = f"perceptual: {step.perceptual:.4f}; mse: {step.mse:.4f}; lr: {step.learning_rate:.4f}"
        self.progress(task, step.step, step.total, figures)
