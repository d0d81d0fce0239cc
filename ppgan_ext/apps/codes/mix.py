"""Mix the styles of two faces: PaddleGAN's StyleGANv2MixingPredictor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import PIL.Image

from ppgan_ext import images
from ppgan_ext.apps.batch import open_inputs
from ppgan_ext.apps.call_signatures import options_as_arguments
from ppgan_ext.apps.codes import inversion
from ppgan_ext.apps.codes.encoded_face import EncodedFace, choose_face, encode_face, render_image
from ppgan_ext.apps.codes.options import MixOptions
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.sensible_amounts import beyond_notes
from ppgan_ext.apps.shown_results import ShownResult
from ppgan_ext.errors import ConfigError
from ppgan_ext.latents.codes import load_code
from ppgan_ext.latents.mixing import level_weights, mix
from ppgan_ext.picture_listing import is_picture
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.latents.tuning import Tuning


# Of the first code. Beyond them the mixture exaggerates: at 1.5 some faces of the bundled model break, at 2 most do.
_SENSIBLE_SHARES = (0.0, 1.0)
_FAR_BEYOND = 0.5


class _MixingFields(NamedTuple):
    src1: Image
    src2: Image
    dst: Image


class MixingResult(ShownResult, _MixingFields):
    """Both faces and their mixture, (S, S, 3) RGB uint8; it unpacks to these three, as PaddleGAN's.

    Args:
        src1: the first face.
        src2: the second face.
        dst: their mixture.
        latent: see below.

    Attributes:
        latent: the code of the mixture, (n_latent, 512) float32.
    """

    latent: FloatArray

    def __new__(cls, src1: Image, src2: Image, dst: Image, latent: FloatArray) -> MixingResult:
        """Make the tuple, and keep the code beside it."""
        made = super().__new__(cls, src1, src2, dst)
        made.latent = latent
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Copy and pickle the code too."""
        return (*self, self.latent)

    def _replace(self, **changes: Any) -> MixingResult:
        """Replace fields, and keep the code."""
        return MixingResult(*super()._replace(**changes), self.latent)

    @property
    def image(self) -> Image:
        """The mixture."""
        return self.dst

    def overview(self) -> Image:
        """Return both faces and their mixture, side by side."""
        return images.grid(list(self), 3)


class StyleGANv2MixingPredictor(Predictor):
    """Blends two codes layer by layer."""

    @options_as_arguments(
        MixOptions, positional=("weights",), keyword=("levels", "face1", "face2", "fit_steps", "tune", "save_tuned")
    )
    def run(self, latent1: Any, latent2: Any, options: MixOptions) -> MixingResult:
        """Write ``src1.mixing.png``, ``src2.mixing.png``, ``dst.mixing.png`` and the mixed code ``dst.mixing.npy``.

        ``tune`` tunes one copy of the model to all photos (pivotal tuning); ``save_tuned`` writes it as
        ``dst.mixing.tuned.safetensors``. Levels that ``levels`` does not name get 0.5.

        Args:
            latent1: a code (file or array), or a photo (file, PIL image or uint8 array) whose face is encoded.
            latent2: the same.
            options: see `MixOptions`.

        Raises:
            ConfigError: weights of another number than the model has layers, an unknown level, no photo to tune to, or
                a face of a code.
            InputError: a code or photo that cannot be used.
            NoFaceError: a photo has no such face.
        """
        return self.run_once(lambda: self.mix(latent1, latent2, options))

    def mix(self, latent1: Any, latent2: Any, options: MixOptions) -> Made[MixingResult]:
        """Mix two codes or photos."""
        sources: list[Any] = [
            images.file_content(each) if images.is_content(each) else each for each in (latent1, latent2)
        ]
        results = self.open_results(open_inputs(sources).jobs[0], options=options)
        if options.levels is not None:
            weights = level_weights(options.levels, self.n_latent, rest=0.5)
        else:
            weights = options.weights or [0.5]
        for name, work in (("tune", "tune to"), ("fit_steps", "refine the code of")):
            if getattr(options, name) and not any(map(is_photo, sources)):
                raise ConfigError(f"there is no photo to {work}", where=name, cure="Give photos instead of codes")
        numbers = (options.face1, options.face2)
        for i, number in enumerate(numbers):
            if number > 1 and not is_photo(sources[i]):
                raise ConfigError("a code has no faces to choose from", where=f"face{i + 1}", cure="Leave it out")
        faces = {i: self._encode(sources[i], options, i, numbers[i]) for i in (0, 1) if is_photo(sources[i])}
        first, second = (faces[i].w_plus if i in faces else load_code(sources[i], self.n_latent) for i in (0, 1))
        mixed = mix(first, second, weights[0] if len(weights) == 1 else weights)
        tuning = self._tune(list(faces.values()), options)
        src1, src2, dst = (render_image(tuning or self.engine, code) for code in (first, second, mixed))
        result = MixingResult(src1, src2, dst, mixed)
        for name, image in zip(result._fields, result, strict=True):
            results.image(f"{name}.mixing.png", image)
        results.code("dst.mixing.npy", mixed)
        if options.save_tuned:
            inversion.save_tuned(results, "dst.mixing", self.engine, tuning, list(faces.values()))
        name = "weights" if options.levels is None else "levels"
        return results.made(result, tuning is not None and tuning.interrupted, _share_notes(name, weights))

    def _encode(self, source: Any, options: MixOptions, index: int, number: int) -> EncodedFace:
        """Encode a face of the photo of an index; the largest has number 1."""
        photo = images.read_image(source)
        face, _ = choose_face(photo, number, source)
        return encode_face(self.engine, photo, face, inversion.refiner(self, options, index + 1))

    def _tune(self, faces: Sequence[EncodedFace], options: MixOptions) -> Tuning | None:
        """Tune one copy of the model to all the photos; None if that is not asked for."""
        tune = inversion.tuner(self, options, "tuning to both faces" if len(faces) > 1 else "tuning to the face")
        if tune is None:
            return None
        pixels = np.concatenate([images.to_pixels(face.crop.image) for face in faces])
        return tune(pixels, np.stack([face.w_plus for face in faces]))


def _share_notes(name: str, shares: Sequence[float]) -> list[str]:
    """Say that a share lies outside the sensible range: the one that does so farthest."""
    low, high = _SENSIBLE_SHARES
    farthest = max(shares, key=lambda share: max(low - share, share - high))
    return beyond_notes(name, farthest, low, high, _FAR_BEYOND)


def is_photo(source: object) -> bool:
    """Distinguish a photo from a code: by the content of a file, by the type of an object in memory (uint8: a photo).

    Where a file cannot be read, its suffix decides.
    """
    if isinstance(source, (str, os.PathLike)):
        return is_picture(source)
    if isinstance(source, PIL.Image.Image) or images.is_content(source):
        return True
    return isinstance(source, np.ndarray) and source.dtype == np.uint8
