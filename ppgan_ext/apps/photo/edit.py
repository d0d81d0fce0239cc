"""Move latent codes, or the faces of whole photos, along directions: PaddleGAN's StyleGANv2EditingPredictor."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from ppgan_ext.apps.batch import BatchResult, Job, is_batch
from ppgan_ext.apps.options import EditOptions, PhotoOptions
from ppgan_ext.apps.photo.portrait import Portrait, render_image
from ppgan_ext.apps.photo.predictor import PhotoPredictor, Variant, apply_edits
from ppgan_ext.errors import ConfigError
from ppgan_ext.images import ImageSource
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.latents.directions import Direction

_LONGEST_NAME = 80


class EditResult(NamedTuple):
    """Before and after.

    Attributes:
        src: the code as given, rendered; or the photo, upright. (H, W, 3) RGB uint8.
        dst: the edited code rendered; or the edited photo.
        latent: the edited code, (n_latent, 512) float32; for a photo (num_faces, n_latent, 512).
    """

    src: Image
    dst: Image
    latent: FloatArray


class StyleGANv2EditingPredictor(PhotoPredictor):
    """Edits codes and photos.

    Args:
        model_type: a model of the catalog.
        direction_path: a file of directions of your own; by default the one that belongs to the model.
        **settings: as for `Predictor`.
    """

    strip_name = "edit"

    def __init__(self, model_type: str | None = None, direction_path: str | None = None, **settings: Any) -> None:
        super().__init__(model_type=model_type, **settings)
        self.direction_path = direction_path

    def run(
        self,
        latent: str | os.PathLike[str] | FloatArray | Sequence[str | os.PathLike[str] | FloatArray],
        direction: str | None = None,
        offset: float = 0.0,
        *,
        edit: Mapping[str, float] | None = None,
        layers: Sequence[int | str] | None = None,
    ) -> EditResult | BatchResult[EditResult]:
        """Edit a latent code.

        Writes ``src.editing.png``, ``dst.editing.png`` and ``dst.editing.npy``; for a list, into one folder per code.

        Args:
            latent: path (.npy, .npz, .pt) or array, W or W+; or a list of those.
            direction: name of a direction.
            offset: how far, in the direction's unit.
            edit: more directions at once, e.g. {"age": 20, "smile": 1}.
            layers: edit only these layers: numbers, ranges as "0-3", or "coarse", "middle", "fine".

        Raises:
            ConfigError: an unknown direction, or nothing to do.
            InputError: the code cannot be read or has another shape.
        """
        options = self.check(
            EditOptions, direction_name=direction, direction_offset=offset, edit=edit, layers=layers,
            direction_path=self.direction_path,
        )  # fmt: skip
        alone = not is_batch(latent)
        return self.run_each(latent, lambda job: self.run_job(job, options, None if alone else job.stem))

    def run_job(self, job: Job, options: EditOptions, subfolder: str | None = None) -> EditResult:
        """Edit one code with validated options."""
        from ppgan_ext.latents.codes import load_code

        results = self.results(subfolder)
        self.files = results.files
        edits = wanted_edits(options)
        directions = self.directions(options.direction_path, edits)
        before = load_code(job.source, self.n_latent)
        after = apply_edits(before, directions, edits, options.layers)
        src, dst = render_image(self.engine, before), render_image(self.engine, after)
        results.image("src.editing.png", src)
        results.image("dst.editing.png", dst)
        results.code("dst.editing.npy", after)
        return EditResult(src, dst, after)

    def run_photo(
        self,
        image: ImageSource | Sequence[ImageSource],
        edit: Mapping[str, float],
        *,
        faces: Literal["all", "largest"] | int | Sequence[int] = "all",
        fit_steps: int = 0,
        tune: int = 0,
        save_tuned: bool = False,
        layers: Sequence[int | str] | None = None,
        blend: str = "change",
        photo_format: str = "png",
        save_gif: bool = False,
        save_mp4: bool = False,
    ) -> EditResult | BatchResult[EditResult]:
        """Edit the faces of a whole photo; arguments and files as for `AgeEditingPredictor.run`.

        For ``photo.jpg`` and {"age": 20, "smile": 1} the photo is written as ``photo.age+20.smile+1.png``.
        """
        options = self.check(
            EditOptions, edit=edit, faces=faces, fit_steps=fit_steps, tune=tune, save_tuned=save_tuned, layers=layers,
            blend=blend, photo_format=photo_format, save_gif=save_gif, save_mp4=save_mp4,
            direction_path=self.direction_path,
        )  # fmt: skip
        return self.run_each(image, lambda job: self.run_photo_job(job, options))

    def run_photo_job(self, job: Job, options: EditOptions) -> EditResult:
        """Edit one photo with validated options."""
        made = self.edit_photo(job, options)
        return EditResult(made.photo, made.edited[0], np.stack(made.variants[0].codes))

    def wanted(self, options: PhotoOptions) -> list[str]:
        """Name all directions of the edits."""
        assert isinstance(options, EditOptions)
        return list(wanted_edits(options))

    def variants(
        self, portraits: Sequence[Portrait], options: PhotoOptions, directions: Mapping[str, Direction]
    ) -> list[Variant]:
        """Make the one result that all edits together give."""
        assert isinstance(options, EditOptions)
        edits = wanted_edits(options)
        codes = [apply_edits(portrait.w_plus, directions, edits, options.layers) for portrait in portraits]
        label = ", ".join(f"{name} {offset:+g}" for name, offset in edits.items())
        return [Variant(edit_name(edits), [label] * len(portraits), codes, position=1.0)]


def wanted_edits(options: EditOptions) -> dict[str, float]:
    """Put ``direction_name`` and ``edit`` together.

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
            "there is nothing to edit", cure="Give --direction_name and --direction_offset, or --edit age=20"
        )
    return edits


def edit_name(edits: Mapping[str, float]) -> str:
    """Name a result file after its edits, e.g. "age+20.smile+1"."""
    name = ".".join(f"{key}{offset:+g}" for key, offset in edits.items())
    return name if len(name) <= _LONGEST_NAME else "edit"
