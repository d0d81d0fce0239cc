"""Make the people in a photo older or younger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from ppgan_ext.apps.batch import BatchResult, Job
from ppgan_ext.apps.call_signatures import options_as_arguments
from ppgan_ext.apps.photo.ageing import Ager, apparent_age, generator_years, looks_after, short_notes
from ppgan_ext.apps.photo.options import AgeOptions
from ppgan_ext.apps.photo.plan import EditedCode, EditPlan, Variant, layer_numbers
from ppgan_ext.apps.photo.predictor import PhotoPredictor
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.shown_results import ShownResult
from ppgan_ext.errors import ConfigError
from ppgan_ext.faces.ageing.model import bundled_model
from ppgan_ext.images import ImageSource, grid
from ppgan_ext.latents.directions import Direction, apply
from ppgan_ext.types import FloatArray, Image

DEFAULT_YEARS = (-20.0, 20.0, 40.0)


class _AgeFields(NamedTuple):
    src: Image
    dst: list[Image]
    latent: list[FloatArray]
    strip: Image
    apparent_age: list[float | None]


class AgeResult(ShownResult, _AgeFields):
    """A photo at other ages.

    Attributes:
        src: the photo, upright, (H, W, 3) RGB uint8.
        dst: for each of the years the whole edited photo, of the same size.
        latent: for each face the code before editing, (n_latent, 512) float32.
        strip: for each face a labelled row: as in the photo, its reconstruction, as in each edited photo.
        apparent_age: for each face the age it appears to have, in years; None if the direction has no regression.
    """

    __slots__ = ()

    @property
    def image(self) -> Image:
        """The edited photo; several of them side by side."""
        return self.dst[0] if len(self.dst) == 1 else grid(self.dst, len(self.dst))

    def overview(self) -> Image:
        """Return the strip, which shows each face at all ages."""
        return self.strip


class AgeEditingPredictor(PhotoPredictor[AgeOptions]):
    """Edits the age of every chosen face of a photo.

    Example:
        >>> AgeEditingPredictor(model_type="faces-128").run("photo.jpg", years=[20])  # doctest: +SKIP
    """

    needs_encoder = True
    edit_name = "age"

    @options_as_arguments(
        AgeOptions,
        positional=("years", "target_age"),
        keyword=(
            "detail", "grey", "faces", "fit_steps", "tune", "save_tuned", "edit", "layers", "direction_path", "blend",
            "photo_format", "save_gif", "save_mp4", "recursive",
        ),
    )  # fmt: skip
    def run(
        self, image: ImageSource | Sequence[ImageSource], options: AgeOptions
    ) -> AgeResult | BatchResult[AgeResult]:
        """Edit one photo, or several.

        Writes for ``photo.jpg``: ``photo.age+20.png`` and so on (with ``target_age`` 70: ``photo.age70.png``),
        ``photo.age.strip.png``, ``photo.npy`` (``photo.face1.npy`` ... if several faces), and on request
        ``photo.age.gif``, ``photo.age.mp4`` and ``photo.tuned.safetensors`` (``photo.face1.tuned.safetensors`` ...).

        Ctrl-C ends a tuning (pivotal tuning, arXiv 2106.05744) early: the generator as tuned until then is used, and
        ``interrupted`` is set.

        Args:
            image: a path, PIL image or RGB uint8 array; or a list of them, or a folder: then the result is a
                `BatchResult`, and a failure ends only its own photo.
            options: see `AgeOptions`.

        Raises:
            InputError: the picture cannot be read.
            NoFaceError: no face, or not the one asked for.
            ConfigError: an argument that cannot be used.
        """
        return self.run_inputs(self.open_inputs(image, options.recursive), lambda job: self.edit_ages(job, options))

    def edit_ages(self, job: Job, options: AgeOptions) -> Made[AgeResult]:
        """Edit one photo."""
        made = self.edit_photo(job, options)
        edit = made.result
        if options.detail == 1.0:
            made = made.with_notes(short_notes(edit))
        return made.with_result(
            AgeResult(
                edit.photo,
                [edited.image for edited in edit.edited],
                [face.w_plus for face in edit.faces],
                edit.strip,
                [apparent_age(edit.plan.directions, face.w_plus) for face in edit.faces],
            )
        )

    def plan(self, options: AgeOptions) -> EditPlan:
        """Make one result for each number of years, or one in which everybody reaches the target age.

        Raises:
            ConfigError: an unknown direction or layer, or an age that is not scaled in years, as PaddleGAN's is not.
        """
        directions = self.directions(options.direction_path, ["age", *options.edit])
        if directions["age"].unit != "year":
            raise ConfigError(
                "this age direction is not scaled in years",
                where=options.direction_path or self.engine.face_model.name,
                cure="Use 'ppgan-ext edit --edit age=3', where 5 is strong, or fit one with tools/find_directions.py",
            )
        plan = plan_ages(options, directions, layer_numbers(options.layers, self.n_latent))
        if options.detail == 0 and options.grey == 0:
            return plan
        ager = Ager(bundled_model(), directions, options.detail, options.grey, self.seed or 0)
        return replace(plan, finish=ager.age)


def plan_ages(options: AgeOptions, directions: Mapping[str, Direction], layers: Sequence[int] | None) -> EditPlan:
    """Plan the ages that the options ask for.

    Args:
        options: years or target age, and further edits.
        directions: by name; "age" is scaled in years.
        layers: the only layers to edit; None for all.
    """
    age = directions["age"]

    def add_years(w_plus: FloatArray, years: float, label: str) -> EditedCode:
        edits = {"age": generator_years(years, options.detail), **options.edit}
        return EditedCode(apply(w_plus, directions, edits, layers), label, years)

    def add_and_tell(w_plus: FloatArray, years: float) -> EditedCode:
        looks = looks_after(directions, w_plus, years) if options.detail == 1.0 else None
        return add_years(w_plus, years, f"{years:+g} years" if looks is None else f"{years:+g}, looks {looks:.0f}")

    def reach(w_plus: FloatArray, target: float) -> EditedCode:
        """Add the years after which the regression estimates the target age, the other edits included."""
        years = age.amount_to(target, apply(w_plus, directions, options.edit, layers), layers)
        return add_years(w_plus, years, f"age {target:g} ({years:+.0f} years)")

    def describe(w_plus: FloatArray) -> str:
        estimate = apparent_age(directions, w_plus)
        return "reconstruction" if estimate is None else f"reconstruction, looks {estimate:.0f}"

    if options.target_age is not None:
        variants = [Variant(f"age{options.target_age:g}", 1.0, partial(reach, target=options.target_age))]
    else:
        variants = [
            Variant(f"age{years:+g}", years, partial(add_and_tell, years=years))
            for years in options.years or DEFAULT_YEARS
        ]
    return EditPlan(directions, variants, describe)
