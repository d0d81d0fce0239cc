"""Make the people in a photo older or younger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from ppgan_ext.apps.batch import BatchResult, Job
from ppgan_ext.apps.options import AgeOptions, PhotoOptions
from ppgan_ext.apps.photo.portrait import Portrait
from ppgan_ext.apps.photo.predictor import PhotoPredictor, Variant, apply_edits, layer_numbers
from ppgan_ext.errors import ConfigError
from ppgan_ext.images import ImageSource
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.latents.directions import Direction

DEFAULT_YEARS = (-20.0, 20.0, 40.0)


class AgeResult(NamedTuple):
    """What came of one photo.

    Attributes:
        src: the photo, upright, (H, W, 3) RGB uint8.
        dst: for each of the years the whole edited photo, of the same size.
        latent: for each face the code before editing, (n_latent, 512) float32.
        strip: for each face a labelled row: as in the photo, its reconstruction, as in each edited photo.
        apparent_age: for each face the age it appears to have, in years; None if the direction cannot tell.
    """

    src: Image
    dst: list[Image]
    latent: list[FloatArray]
    strip: Image
    apparent_age: list[float | None]


class AgeEditingPredictor(PhotoPredictor):
    """Edits the age of every chosen face of a photo.

    Example:
        >>> AgeEditingPredictor(model_type="faces-128").run("photo.jpg", years=[20])  # doctest: +SKIP
    """

    needs_encoder = True
    strip_name = "age"

    def run(
        self,
        image: ImageSource | Sequence[ImageSource],
        years: float | Sequence[float] | None = None,
        target_age: float | None = None,
        *,
        faces: Literal["all", "largest"] | int | Sequence[int] = "all",
        fit_steps: int = 0,
        tune: int = 0,
        save_tuned: bool = False,
        edit: Mapping[str, float] | None = None,
        layers: Sequence[int | str] | None = None,
        direction_path: str | None = None,
        blend: str = "change",
        photo_format: str = "png",
        save_gif: bool = False,
        save_mp4: bool = False,
    ) -> AgeResult | BatchResult[AgeResult]:
        """Edit one photo, or several.

        Writes for ``photo.jpg``: ``photo.age+20.png`` and so on (with ``target_age`` 70: ``photo.age70.png``),
        ``photo.age.strip.png``, ``photo.npy`` (``photo.face1.npy`` ... if several faces), and on request
        ``photo.age.gif``, ``photo.age.mp4``.

        Args:
            image: a path, PIL image or RGB uint8 array; or a list of them, or a folder: then a `BatchResult` comes
                back, and a failure ends only its own photo.
            years: years to add, one result for each; by default -20, 20 and 40.
            target_age: apparent age to reach, instead of ``years``.
            faces: "all", "largest", or numbers from 1, the largest.
            fit_steps: refine each face's code by this many optimiser steps.
            tune: tune a copy of the model to each face by this many steps (pivotal tuning), e.g. 60. Ctrl-C ends the
                tuning early: what it has come to is used, and ``interrupted`` is set.
            save_tuned: also write ``photo.tuned.safetensors`` (``photo.face1.tuned.safetensors`` ... if several
                faces), for ``weight_path``.
            edit: further edits to make in every result, e.g. {"smile": 1}.
            layers: edit only these layers.
            direction_path: a file of directions of your own.
            blend: "change", "replace" or "seamless".
            photo_format: "png", "jpg" or "webp".
            save_gif: also write an animation.
            save_mp4: also write it as a video.

        Raises:
            InputError: the picture cannot be read.
            NoFaceError: no face, or not the one asked for.
            ConfigError: an argument that cannot be used.
        """
        options = self.check(
            AgeOptions, years=years, target_age=target_age, faces=faces, fit_steps=fit_steps, tune=tune,
            save_tuned=save_tuned, edit=edit, layers=layers, direction_path=direction_path, blend=blend,
            photo_format=photo_format, save_gif=save_gif, save_mp4=save_mp4,
        )  # fmt: skip
        return self.run_each(image, lambda job: self.run_job(job, options))

    def run_job(self, job: Job, options: AgeOptions) -> AgeResult:
        """Edit one photo with validated options."""
        made = self.edit_photo(job, options)
        direction = self.directions(options.direction_path, ["age"])["age"]
        codes = [portrait.w_plus for portrait in made.portraits]
        return AgeResult(made.photo, made.edited, codes, made.strip, [apparent_age(direction, w) for w in codes])

    def directions(self, path: str | None, names: Iterable[str]) -> dict[str, Direction]:
        """Load directions, refused if their age is not scaled in years, as that of PaddleGAN's file is not."""
        found = super().directions(path, names)
        if "age" in found and found["age"].unit != "year":
            raise ConfigError(
                "this age direction is not scaled in years",
                where=path or self.engine.face_model.name,
                cure="Use 'ppgan-ext edit --edit age=3', where 5 is strong, or fit one with tools/find_directions.py",
            )
        return found

    def wanted(self, options: PhotoOptions) -> list[str]:
        """Name age and the further edits."""
        assert isinstance(options, AgeOptions)
        return ["age", *options.edit]

    def variants(
        self, portraits: Sequence[Portrait], options: PhotoOptions, directions: Mapping[str, Direction]
    ) -> list[Variant]:
        """Make one result per number of years, or one in which everybody reaches the target age."""
        assert isinstance(options, AgeOptions)
        if options.target_age is not None:
            return [self._at_age(portraits, options, directions, options.target_age)]
        found = []
        for years in options.years or DEFAULT_YEARS:
            codes = [self._move(portrait.w_plus, options, directions, years) for portrait in portraits]
            found.append(Variant(f"age{years:+g}", [f"{years:+g} years"] * len(portraits), codes, position=years))
        return found

    def face_labels(self, portraits: Sequence[Portrait], directions: Mapping[str, Direction]) -> list[str]:
        """Say beside each reconstruction how old it looks."""
        ages = [apparent_age(directions["age"], portrait.w_plus) for portrait in portraits]
        return ["reconstruction" if age is None else f"reconstruction, looks {age:.0f}" for age in ages]

    def _move(
        self, w_plus: FloatArray, options: AgeOptions, directions: Mapping[str, Direction], years: float
    ) -> FloatArray:
        return apply_edits(w_plus, directions, {"age": years, **options.edit}, options.layers)

    def _at_age(
        self,
        portraits: Sequence[Portrait],
        options: AgeOptions,
        directions: Mapping[str, Direction],
        target: float,
    ) -> Variant:
        """Choose for each face the years that bring the regression's estimate to the target, other edits included."""
        age = directions["age"]
        layers = None if options.layers is None else layer_numbers(options.layers, self.n_latent)
        moves = [
            age.amount_to(target, apply_edits(portrait.w_plus, directions, options.edit, options.layers), layers)
            for portrait in portraits
        ]
        labels = [f"age {target:g} ({years:+.0f} years)" for years in moves]
        codes = [
            self._move(portrait.w_plus, options, directions, years)
            for portrait, years in zip(portraits, moves, strict=True)
        ]
        return Variant(f"age{target:g}", labels, codes, position=1.0)


def apparent_age(direction: Direction, w_plus: FloatArray) -> float | None:
    """Estimate the age that a code, (n_latent, 512), shows, in years; None if the direction has no regressor."""
    return float(direction.measure(w_plus)) if direction.regressor is not None else None
