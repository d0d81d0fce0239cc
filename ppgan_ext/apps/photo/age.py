"""Make the people in a photo older or younger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import NamedTuple

from ppgan_ext.apps.batch import BatchResult, Job
from ppgan_ext.apps.call_signatures import options_as_arguments
from ppgan_ext.apps.photo.ageing import Ager, generator_years, held_notes, short_notes, small_notes
from ppgan_ext.apps.photo.apparent_age import BundledEyes, Estimates, in_years
from ppgan_ext.apps.photo.direction_table import amount_notes
from ppgan_ext.apps.photo.options import AgeOptions
from ppgan_ext.apps.photo.plan import EditedCode, EditPlan, PhotoEdit, Variant, layer_numbers
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
            "detail", "grey", "faces", "faces_like", "fit_steps", "tune", "save_tuned", "edit", "layers",
            "direction_path", "blend", "photo_format", "save_gif", "save_mp4", "recursive",
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
        self._warn_of_unseen_tuning(options)
        return self.run_inputs(self.open_inputs(image, options.recursive), lambda job: self.edit_ages(job, options))

    def edit_ages(self, job: Job, options: AgeOptions) -> Made[AgeResult]:
        """Edit one photo."""
        made = self.edit_noted(job, options)
        edit = made.result
        return made.with_result(
            AgeResult(
                edit.photo,
                [edited.image for edited in edit.edited],
                [face.w_plus for face in edit.faces],
                edit.strip,
                self.apparent_ages(edit, options),
            )
        )

    def edit_noted(self, job: Job, options: AgeOptions) -> Made[PhotoEdit]:
        """Edit one photo; note where a face changes less than was asked for, and further edits beyond their range."""
        made = self.edit_photo(job, options)
        notes = small_notes(made.result.faces) + held_notes(made.result)
        if options.detail == 1.0:
            notes += short_notes(made.result, self._in_years(options)[1], options.target_age)
        remarks = amount_notes(options.edit, made.result.plan.directions, self.engine.face_model.name)
        return made.with_notes(notes).with_remarks(remarks)

    def apparent_ages(self, edit: PhotoEdit, options: AgeOptions) -> list[float | None]:
        """Return for each face the age it appears to have, in years; None if that cannot be told."""
        estimates = self._in_years(options)[1]
        return [estimates.age(face.w_plus) for face in edit.faces]

    def plan(self, options: AgeOptions) -> EditPlan:
        """Make one result for each number of years, or one in which everybody reaches the target age.

        Raises:
            ConfigError: an unknown direction or layer, or an age whose steps cannot be turned into years.
        """
        directions, estimates = self._in_years(options)
        plan = plan_ages(options, directions, estimates, layer_numbers(options.layers, self.n_latent))
        if options.detail == 0 and options.grey == 0:
            return plan
        ager = Ager(bundled_model(), estimates, options.detail, options.grey, self.seed or 0)
        return replace(plan, finish=ager.age, remark=ager.remark)

    def _in_years(self, options: AgeOptions) -> tuple[dict[str, Direction], Estimates]:
        """Return the directions, "age" scaled in years where its file does not say its unit, and what tells ages.

        Raises:
            ConfigError: an unknown direction, or an age whose steps cannot be turned into years.
        """
        directions = dict(self.directions(options.direction_path, ["age", *options.edit]))
        age = directions["age"]
        if age.unit == "year" and age.regressor is not None:
            return directions, Estimates(directions)
        estimates = self._eyes.estimates()
        if age.unit == "step":
            if id(age) not in self._scaled:
                self.progress("telling how many years a step is", 0, 0)
                self._scaled[id(age)] = in_years(age, self.engine, estimates)
            directions["age"] = self._scaled[id(age)]
        elif age.unit != "year":
            where = options.direction_path or self.engine.face_model.name
            cure = "Use 'ppgan-ext edit', or fit one in years with tools/find_directions.py"
            raise ConfigError(f"this age direction is scaled by '{age.unit}', not in years", where=where, cure=cure)
        return directions, estimates

    @cached_property
    def _eyes(self) -> BundledEyes:
        return BundledEyes(self.engine)

    @cached_property
    def _scaled(self) -> dict[int, Direction]:
        return {}


def plan_ages(
    options: AgeOptions, directions: Mapping[str, Direction], estimates: Estimates, layers: Sequence[int] | None
) -> EditPlan:
    """Plan the ages that the options ask for.

    Args:
        options: years or target age, and further edits.
        directions: by name; "age" is scaled in years.
        estimates: tells the apparent age of a code.
        layers: the only layers to edit; None for all.
    """
    age = directions["age"]

    def add_years(w_plus: FloatArray, years: float, label: str) -> EditedCode:
        edits = {"age": generator_years(years, options.detail), **options.edit}
        return EditedCode(apply(w_plus, directions, edits, layers), label, years)

    def add_and_tell(w_plus: FloatArray, years: float) -> EditedCode:
        looks = estimates.looks_after(w_plus, years) if options.detail == 1.0 else None
        return add_years(w_plus, years, f"{years:+g} years" if looks is None else f"{years:+g}, looks {looks:.0f}")

    def reach(w_plus: FloatArray, target: float) -> EditedCode:
        """Add the years after which the face is estimated to have the target age, the other edits included."""
        before = apply(w_plus, directions, options.edit, layers)
        if options.detail == 0 and age.regressor is not None:
            years = age.amount_to(estimates.as_measured(target), before, layers)
        else:
            estimate = estimates.age(before)
            if estimate is None:
                cure = "Give --years instead"
                raise ConfigError("the age of this face cannot be told", where="target_age", cure=cure)
            years = target - estimate
        return add_years(w_plus, years, f"age {target:g} ({years:+.0f} years)")

    def describe(w_plus: FloatArray) -> str:
        estimate = estimates.age(w_plus)
        return "reconstruction" if estimate is None else f"reconstruction, looks {estimate:.0f}"

    if options.target_age is not None:
        variants = [Variant(f"age{options.target_age:g}", 1.0, partial(reach, target=options.target_age))]
    else:
        variants = [
            Variant(f"age{years:+g}", years, partial(add_and_tell, years=years))
            for years in options.years or DEFAULT_YEARS
        ]
    return EditPlan(directions, variants, describe)
