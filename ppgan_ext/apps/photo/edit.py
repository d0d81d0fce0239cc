"""Move latent codes, or the faces of whole photos, along directions: PaddleGAN's StyleGANv2EditingPredictor."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ppgan_ext.apps.batch import BatchResult, Job
from ppgan_ext.apps.call_signatures import options_as_arguments
from ppgan_ext.apps.codes.encoded_face import EncodedFace, render_image
from ppgan_ext.apps.codes.mix import is_photo
from ppgan_ext.apps.photo.direction_table import amount_notes
from ppgan_ext.apps.photo.options import EditOptions
from ppgan_ext.apps.photo.plan import EditedCode, EditPlan, Variant, layer_numbers
from ppgan_ext.apps.photo.predictor import PhotoPredictor
from ppgan_ext.apps.photo.result_images import covered_notes, paste_faces
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.shown_results import ShownResult
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.images import ImageSource, grid, read_photo
from ppgan_ext.latents.codes import load_code
from ppgan_ext.latents.directions import apply
from ppgan_ext.transparency import show_on_white, solid_picture
from ppgan_ext.types import FloatArray, Image

_LONGEST_NAME = 80
# The outline of a head stays as the photo has it, so a turn shows less in a photo than in the model's own picture.
_IN_PHOTOS = {"yaw": 1.3}


class _EditFields(NamedTuple):
    src: Image
    dst: Image
    latent: FloatArray


class EditResult(ShownResult, _EditFields):
    """Before and after.

    Attributes:
        src: the code as given, rendered; or the photo, upright. (H, W, 3) RGB uint8.
        dst: the edited code rendered; or the edited photo.
        latent: the edited code, (n_latent, 512) float32; for a photo (num_faces, n_latent, 512).
    """

    __slots__ = ()

    @property
    def image(self) -> Image:
        """The edited picture."""
        return self.dst

    def overview(self) -> Image:
        """Return before and after, side by side."""
        return grid([self.src, self.dst], 2)


class StyleGANv2EditingPredictor(PhotoPredictor[EditOptions]):
    """Edits codes and photos.

    Args:
        model_type: a model of the catalog.
        direction_path: your own file of directions; by default the file that belongs to the model.
        **settings: as for `Predictor`.
    """

    edit_name = "edit"

    def __init__(self, model_type: str | None = None, direction_path: str | None = None, **settings: Any) -> None:
        super().__init__(model_type=model_type, **settings)
        self.direction_path = direction_path

    @options_as_arguments(
        EditOptions,
        positional=("direction", "offset"),
        keyword=("edit", "layers"),
        renamed={"direction": "direction_name", "offset": "direction_offset"},
    )
    def run(
        self,
        latent: str | os.PathLike[str] | FloatArray | Sequence[str | os.PathLike[str] | FloatArray],
        options: EditOptions,
    ) -> EditResult | BatchResult[EditResult]:
        """Edit a latent code.

        Writes ``src.editing.png``, ``dst.editing.png`` and ``dst.editing.npy``; for a list, into one folder per code.

        Args:
            latent: path (.npy, .npz, .pt) or array, W or W+; or a list of those.
            options: see `EditOptions`.

        Raises:
            ConfigError: an unknown direction, or nothing to do.
            InputError: the code cannot be read or has another shape, or it is a photo, which `run_photo` takes.
        """
        options = self._with_own_directions(options)
        return self.run_inputs(self.open_inputs(latent, options.recursive), lambda job: self.edit_code(job, options))

    @options_as_arguments(
        EditOptions,
        required=("edit",),
        keyword=(
            "faces", "faces_like", "fit_steps", "tune", "save_tuned", "layers", "blend", "photo_format", "save_gif",
            "save_mp4", "recursive",
        ),
    )  # fmt: skip
    def run_photo(
        self, image: ImageSource | Sequence[ImageSource], options: EditOptions
    ) -> EditResult | BatchResult[EditResult]:
        """Edit the faces of a whole photo, or of several.

        Writes for ``photo.jpg`` and {"smile": 1, "yaw": 10} ``photo.smile+1.yaw+10.png``, for {"age": 20} alone
        ``photo.edit.age+20.png``, since `AgeEditingPredictor` writes ``photo.age+20.png``; other files as
        `AgeEditingPredictor.run`, with "edit" in place of "age", or with all edits if there are several:
        ``photo.smile+1.yaw+10.strip.png``.

        Args:
            image: a path, PIL image or RGB uint8 array; or a list of them, or a folder: then the result is a
                `BatchResult`, and a failure ends only its own photo.
            options: see `EditOptions`.

        Raises:
            InputError: the picture cannot be read.
            NoFaceError: no face, or not the one asked for.
            ConfigError: an argument that cannot be used.
        """
        self._warn_of_unseen_tuning(options)
        options = self._with_own_directions(options)
        return self.run_inputs(self.open_inputs(image, options.recursive), lambda job: self.edit_faces(job, options))

    def edit_code(self, job: Job, options: EditOptions) -> Made[EditResult]:
        """Edit one code."""
        if is_photo(job.source):
            cure = "Give photos to run_photo, or to the command as --input_image"
            raise InputError("is a photo, where a latent code is needed", where=_name(job), cure=cure)
        results = self.open_results(job, own_folder=True)
        (variant,) = self._plan(options, {}).variants
        before = load_code(job.source, self.n_latent)
        after = variant.edit(before).w_plus
        src, dst = render_image(self.engine, before), render_image(self.engine, after)
        results.image("src.editing.png", src)
        results.image("dst.editing.png", dst)
        results.code("dst.editing.npy", after)
        return results.made(EditResult(src, dst, after)).with_remarks(self._amount_notes(options))

    def edit_faces(self, job: Job, options: EditOptions) -> Made[EditResult]:
        """Edit one photo."""
        made = self.edit_photo(job, options)
        (edited,) = made.result.edited
        codes = np.stack([code.w_plus for code in edited.codes])
        made = made.with_remarks(self._amount_notes(options))
        return made.with_result(EditResult(made.result.photo, edited.image, codes))

    def draw_faces(self, faces: Sequence[EncodedFace], options: EditOptions) -> list[FloatArray]:
        """Draw encoded faces after the edits, without their photo: (1, 3, S, S), about [-1, 1], each.

        Args:
            faces: of `encode_photo`.
            options: the edits; without any, the faces as they are.

        Raises:
            ConfigError: an unknown direction or layer.
        """
        if not options.edit and options.direction_name is None:
            return [face.pixels for face in faces]
        (variant,) = self.plan(options).variants
        return [face.draw(self.engine, variant.edit(face.w_plus).w_plus) for face in faces]

    def paste_drawn(
        self, job: Job, options: EditOptions, faces: Sequence[EncodedFace], drawn: Sequence[FloatArray]
    ) -> Made[Image]:
        """Paste drawn faces into their photo, to be looked at: nothing is written.

        Args:
            job: the photo.
            options: the edits.
            faces: of `encode_photo`.
            drawn: of `draw_faces`.

        Returns:
            The picture that `edit_encoded` makes, (H, W, 3) RGB uint8, with its notes.

        Raises:
            InputError: the picture cannot be read.
        """
        self.progress("editing", 0, 1)
        original = read_photo(job.source)
        photo = solid_picture(original)
        pasted = paste_faces(photo, faces, drawn, options.blend)
        return Made(show_on_white(pasted, photo, original), notes=tuple(covered_notes(faces)))

    def plan(self, options: EditOptions) -> EditPlan:
        """Make the one result of all edits together, in a photo."""
        return self._plan(options, _IN_PHOTOS)

    def strip_name(self, options: EditOptions) -> str:
        """Return "edit" for one edit, and the names and amounts of several, which are told apart so."""
        edits = named_edits(options)
        return self.edit_name if len(edits) == 1 else edit_name(edits)

    def _plan(self, options: EditOptions, gains: Mapping[str, float]) -> EditPlan:
        """Plan all edits together; ``gains`` lengthens those in degrees, by name."""
        edits = named_edits(options)
        directions = self.directions(options.direction_path, edits)
        layers = layer_numbers(options.layers, self.n_latent)
        label = ", ".join(f"{name} {offset:+g}" for name, offset in edits.items())

        amounts = {
            name: offset * (gains.get(name, 1.0) if directions[name].unit == "degree" else 1.0)
            for name, offset in edits.items()
        }

        def edit(w_plus: FloatArray) -> EditedCode:
            return EditedCode(apply(w_plus, directions, amounts, layers), label)

        return EditPlan(directions, [Variant(edit_name(edits), 1.0, edit)])

    def _amount_notes(self, options: EditOptions) -> list[str]:
        """Say which amounts lie beyond the sensible ones, or break the mouth; a line for each."""
        edits = named_edits(options)
        return amount_notes(edits, self.directions(options.direction_path, edits), self.engine.face_model.name)

    def _with_own_directions(self, options: EditOptions) -> EditOptions:
        """Add the constructor's file of directions to the options of a call."""
        return options.model_copy(update={"direction_path": self.direction_path})


def named_edits(options: EditOptions) -> dict[str, float]:
    """Merge ``direction_name`` and ``edit``.

    Raises:
        ConfigError: there is none, or one is given twice.
    """
    edits = dict(options.edit)
    if options.direction_name is not None:
        if options.direction_name in edits:
            raise ConfigError(f"'{options.direction_name}' is given twice", where="edit", cure="Give it once")
        edits = {options.direction_name: options.direction_offset, **edits}
    if not edits:
        raise ConfigError(
            "there is nothing to edit", cure="Give --direction_name and --direction_offset, or --edit smile=1"
        )
    return edits


def _name(job: Job) -> str:
    return os.fspath(job.source) if isinstance(job.source, (str, os.PathLike)) else "the given picture"


def edit_name(edits: Mapping[str, float]) -> str:
    """Name a result file after its edits, e.g. "smile+1.yaw-15"; an age alone, which `age` names so, "edit.age+20"."""
    name = ".".join(f"{key}{offset:+g}" for key, offset in edits.items())
    name = f"edit.{name}" if list(edits) == ["age"] else name
    return name if len(name) <= _LONGEST_NAME else "edit"
