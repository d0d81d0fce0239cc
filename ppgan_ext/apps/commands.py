"""What each sub-command does with its validated options: open the predictor, go through the inputs, report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppgan_ext.apps import options as models
from ppgan_ext.apps.batch import Job, Outcome, UnexpectedError, make_jobs, run_batch
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.options import Options
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.apps.progress import Bars, make_bar
from ppgan_ext.console import DONE, FAILED, INTERRUPTED
from ppgan_ext.errors import ConfigError, PpganExtError


@dataclass(frozen=True)
class Command:
    """One sub-command.

    Attributes:
        options: the model of its flags.
        summary: what it does, for its help page and the overview.
        examples: flags to learn from, one line each.
        run: carries it out and returns the exit code.
    """

    options: type[Options]
    summary: str
    examples: tuple[str, ...]
    run: Callable[[Any], int]


def run_age(options: models.AgeOptions) -> int:
    """Carry out ``ppgan-ext age``."""
    from ppgan_ext.apps.photo.age import AgeEditingPredictor

    with Bars(quiet=_is_many(options.input_image)) as bars:
        predictor = AgeEditingPredictor.from_options(options, progress=bars)
        if options.list_faces:
            return _each(predictor, options, predictor.list_job, _describe_faces)
        return _each(predictor, options, lambda job: predictor.run_job(job, options), _describe_ages)


def run_edit(options: models.EditOptions) -> int:
    """Carry out ``ppgan-ext edit``, on a code or on photos."""
    from ppgan_ext.apps.photo.edit import StyleGANv2EditingPredictor

    if (options.latent is None) == (not options.input_image):
        raise ConfigError(
            "give either a code or photos to edit", cure="Use --latent code.npy or --input_image photo.jpg"
        )
    if options.latent is not None and options.tune:
        raise ConfigError("there is no photo to tune to", where="tune", cure="Give --input_image instead of --latent")
    with Bars(quiet=_is_many(options.input_image)) as bars:
        predictor = StyleGANv2EditingPredictor.from_options(options, progress=bars)
        if options.latent is not None:
            predictor.run_job(Job(options.latent, "latent"), options)
            return _say_files(predictor)
        if options.list_faces:
            return _each(predictor, options, predictor.list_job, _describe_faces)
        return _each(predictor, options, lambda job: predictor.run_photo_job(job, options))


def run_encode(options: models.EncodeOptions) -> int:
    """Carry out ``ppgan-ext encode``."""
    from ppgan_ext.apps.codes.encode import Pixel2Style2PixelPredictor

    many = _is_many(options.input_image)
    with Bars(quiet=many) as bars:
        predictor = Pixel2Style2PixelPredictor.from_options(options, progress=bars)
        return _each(predictor, options, lambda job: predictor.run_job(job, options, job.stem if many else None))


def run_fit(options: models.FitOptions) -> int:
    """Carry out ``ppgan-ext fit``."""
    from ppgan_ext.apps.codes.fit import StyleGANv2FittingPredictor

    many = _is_many(options.input_image)
    with Bars(quiet=many) as bars:
        predictor = StyleGANv2FittingPredictor.from_options(options, progress=bars)
        return _each(predictor, options, lambda job: predictor.run_job(job, options, job.stem if many else None))


def run_mix(options: models.MixOptions) -> int:
    """Carry out ``ppgan-ext mix``."""
    from ppgan_ext.apps.codes.mix import StyleGANv2MixingPredictor

    missing = [f"--{name}" for name in ("latent1", "latent2") if getattr(options, name) is None]
    if missing:
        raise ConfigError(f"{' and '.join(missing)} is missing", cure="Give two codes (.npy) or photos")
    with Bars() as bars:
        predictor = StyleGANv2MixingPredictor.from_options(options, progress=bars)
        predictor.run_options(options.latent1, options.latent2, options)
        return _say_files(predictor)


def run_generate(options: models.GenerateOptions) -> int:
    """Carry out ``ppgan-ext generate``."""
    from ppgan_ext.apps.codes.generate import StyleGANv2Predictor

    with Bars() as bars:
        predictor = StyleGANv2Predictor.from_options(options, progress=bars)
        predictor.run_options(options)
        return _say_files(predictor)


def run_fuse(options: FuseOptions) -> int:
    """Carry out ``ppgan-ext fuse``, on a pair of photos or on many."""
    from ppgan_ext.apps.fusion.photo_pairs import is_many, make_pairs
    from ppgan_ext.apps.fusion.predictor import FaceFusionPredictor

    jobs = make_pairs(options.source, options.target, options.pairs)
    many = is_many(options.source) or is_many(options.target)
    with Bars(quiet=many) as bars:
        predictor = FaceFusionPredictor.from_options(options, progress=bars)

        def report(result: Any) -> None:
            _say([*_describe_fusion(result), *map(str, predictor.files)], sys.stdout)
            if predictor.interrupted:
                raise KeyboardInterrupt

        if many:
            predictor.prepare(options)
            return _batch(jobs, lambda job: predictor.run_job(job, options), report)
        report(predictor.run_job(jobs[0], options))
        return DONE


def run_prepare(options: models.PrepareOptions) -> int:
    """Carry out ``ppgan-ext prepare``."""
    from ppgan_ext.apps.faces_data.cutting import Summary, prepare_faces

    summary = Summary()
    with make_bar("photos", 0) as bar:

        def report(outcome: Outcome[Any]) -> None:
            if outcome.error is not None:
                _say([f"error: {_located(outcome.error, outcome.job)}"], sys.stderr)
            bar.total = summary.num_photos - summary.num_before
            bar.update()

        try:
            prepare_faces(options, report, summary)
        except KeyboardInterrupt:
            _say([f"interrupted: {summary}; run it again to go on"], sys.stderr)
            return INTERRUPTED
    _say([options.output], sys.stdout)
    _say([str(summary)], sys.stderr)
    return FAILED if summary.failures else DONE


def _each(
    predictor: Predictor,
    options: Any,
    work: Callable[[Job], Any],
    describe: Callable[[Any], Iterable[str]] = lambda result: (),
) -> int:
    """Run over all inputs; 1 if any failed. The error of a single one is raised."""
    if not options.input_image:
        raise ConfigError("--input_image is missing", cure="Give a photo or a folder of photos")
    jobs = make_jobs(options.input_image)
    if len(jobs) == 1 and jobs[0].problem is not None:
        raise jobs[0].problem

    def report(result: Any) -> None:
        _say([*describe(result), *map(str, predictor.files)], sys.stdout)
        if predictor.interrupted:
            raise KeyboardInterrupt

    if _is_many(options.input_image):
        predictor.prepare(options)
        return _batch(jobs, work, report)
    outcome = next(run_batch(jobs, work))
    if outcome.error is not None:
        raise _sole_error(outcome)
    report(outcome.result)
    return 0


def _batch(jobs: Sequence[Job], work: Callable[[Job], Any], report: Callable[[Any], None]) -> int:
    """Say at once what became of each input, and in the end how many failed."""
    num_done = num_failed = 0
    with make_bar("photos", len(jobs)) as bar:
        try:
            for outcome in run_batch(jobs, work):
                if outcome.error is None:
                    num_done += 1
                    report(outcome.result)
                else:
                    num_failed += 1
                    _say([f"error: {_located(outcome.error, outcome.job)}"], sys.stderr)
                bar.update()
        except KeyboardInterrupt:
            _say([f"interrupted: {num_done} of {len(jobs)} photos done, {num_failed} failed"], sys.stderr)
            return INTERRUPTED
    _say([f"{num_done} of {len(jobs)} photos done, {num_failed} failed"], sys.stderr)
    return FAILED if num_failed else 0


def _is_many(paths: Sequence[str]) -> bool:
    """Say whether the inputs are a batch: several paths, or a folder."""
    return len(paths) > 1 or any(Path(path).is_dir() for path in paths)


def _sole_error(outcome: Outcome[Any]) -> BaseException:
    """The error of the only input, as it was raised, with the input's name if it names no place itself."""
    error = outcome.error
    assert error is not None
    if isinstance(error, UnexpectedError) and error.__cause__ is not None:
        return error.__cause__
    error.where = error.where or outcome.job.name
    return error


def _located(error: PpganExtError, job: Job) -> str:
    """Name the input in front of an error that does not name it itself."""
    text = str(error)
    return text if job.name in text else f"{job.name}: {text}"


def _describe_faces(result: Any) -> Iterable[str]:
    for number, face in enumerate(result.faces, start=1):
        box = face.box
        yield f"face {number}: {box.width:.0f} x {box.height:.0f} px at ({box.left:.0f}, {box.top:.0f})"


def _describe_ages(result: Any) -> Iterable[str]:
    for number, age in enumerate(result.apparent_age, start=1):
        if age is not None:
            yield f"face {number} looks {age:.0f} years old"


def _describe_fusion(result: Any) -> Iterable[str]:
    for number, face in enumerate(result.faces, start=1):
        name = f"face {number}: " if len(result.faces) > 1 else ""
        source, target, matched = (
            f"yaw {pose.yaw_degrees:+.0f}, pitch {pose.pitch_degrees:+.0f}"
            for pose in (face.source_pose, face.target_pose, face.matched_pose)
        )
        yield f"{name}pose of the photo {source}, of the target {target}, of the result {matched}"
        yield (
            f"{name}distance to the target {face.identity_to_target:.2f}, to the source {face.identity_to_source:.2f} "
            "(dlib; below 0.6 one person)"
        )
        for term, value in face.terms.items():
            yield f"{name}{term}: {value:.4g}"


def _say_files(predictor: Predictor) -> int:
    _say(map(str, predictor.files), sys.stdout)
    return INTERRUPTED if predictor.interrupted else DONE


def _say(lines: Iterable[str], stream: Any) -> None:
    """Print lines without tearing a progress bar apart."""
    from tqdm import tqdm

    for line in lines:
        tqdm.write(line, file=stream)


COMMANDS: dict[str, Command] = {
    "age": Command(
        models.AgeOptions,
        "Make the people in a photo older or younger.",
        (
            "--input_image photo.jpg --years -20 20 40",
            "--input_image photos/ --target_age 70 --save_gif --output_path out",
            "--input_image group.jpg --list_faces",
            "--input_image group.jpg --faces 1 3 --years 30",
            "--input_image photo.jpg --tune 60 --save_tuned",
        ),
        run_age,
    ),
    "encode": Command(
        models.EncodeOptions,
        "Find the latent code of the face in a photo with an encoder (PaddleGAN's pixel2style2pixel).",
        ("--input_image photo.jpg", "--input_image photo.jpg --model_type ffhq-toonify"),
        run_encode,
    ),
    "fit": Command(
        models.FitOptions,
        "Find the latent code of a face by optimisation: slower than encode, closer to the photo.",
        (
            "--input_image photo.jpg --need_align --step 200",
            "--input_image face.png --latent_level 0 1 2 3 4 5 6 7 8 9 10 11",
            "--input_image photo.jpg --need_align --start encoder --save_mp4",
        ),
        run_fit,
    ),
    "mix": Command(
        models.MixOptions,
        "Mix two faces, given as latent codes or photos.",
        (
            "--latent1 a.npy --latent2 b.npy",
            "--latent1 a.jpg --latent2 b.jpg --levels coarse=1 middle=0.5 fine=0",
            "--latent1 a.jpg --latent2 b.jpg --tune 60",
        ),
        run_mix,
    ),
    "edit": Command(
        models.EditOptions,
        "Change age, smile, pose and more, of a latent code or of the faces in a photo.",
        (
            "--latent dst.npy --direction_name age --direction_offset 20",
            "--latent dst.npy --edit age=20 smile=1 --layers 0-7",
            "--input_image photo.jpg --edit smile=1 yaw=-15",
            "--input_image photo.jpg --edit smile=1 --tune 60",
        ),
        run_edit,
    ),
    "generate": Command(
        models.GenerateOptions,
        "Draw faces of people who do not exist, and mixtures of them.",
        ("--seed 1 --n_row 3 --n_col 5", "--seed 1 --truncation 0.5 --save_latents"),
        run_generate,
    ),
    "fuse": Command(
        FuseOptions,
        "Put one person's face into another's photo, at the photo's pose, light and tone of skin.",
        (
            "--source photo_a.jpg --target person_b.jpg --output_path out",
            "--source photo_a.jpg --target person_b.jpg --method warp --identity 0.6 --shape 0.3",
            "--source group.jpg --source_face 1 --target person_b.jpg --tune 60 --refine 40 --save_steps --save_mp4",
            "--source photos/ --target people/ --pairs all --method warp",
        ),
        run_fuse,
    ),
    "prepare": Command(
        models.PrepareOptions,
        "Cut the faces out of a folder of photos, aligned, as a training set.",
        (
            "--input photos/ --output faces/ --size 256 --crop ffhq",
            "--input photos.zip --output faces/ --which largest --min_size 128 --jobs 8",
        ),
        run_prepare,
    ),
}
