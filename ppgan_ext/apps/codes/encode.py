"""Turn a photo into a latent code with an encoder: PaddleGAN's Pixel2Style2PixelPredictor (arXiv 2008.00951)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from ppgan_ext import images
from ppgan_ext.apps.batch import BatchResult, Job
from ppgan_ext.apps.call_signatures import options_as_arguments
from ppgan_ext.apps.codes.encoded_face import choose_face, encode_face
from ppgan_ext.apps.codes.options import EncodeOptions
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.shown_results import ShownResult
from ppgan_ext.images import ImageSource
from ppgan_ext.types import FloatArray, Image


class _EncodeFields(NamedTuple):
    src: Image
    dst: Image
    latent: FloatArray


class EncodeResult(ShownResult, _EncodeFields):
    """The aligned face and how the model draws it, both (S, S, 3) RGB uint8, and its code, (n_latent, 512) float32."""

    __slots__ = ()

    @property
    def image(self) -> Image:
        """The face as the model draws it."""
        return self.dst

    def overview(self) -> Image:
        """Return the face and how the model draws it, side by side."""
        return images.grid([self.src, self.dst], 2)


class Pixel2Style2PixelPredictor(Predictor):
    """Encodes the face of a photo, or draws it in another style (``model_type="ffhq-toonify"``).

    Differs from PaddleGAN where that has faults: the result is uint8 and the same at every call (fixed noise), and
    ``src.png`` has the model's size instead of 4096 px.
    """

    needs_encoder = True

    @options_as_arguments(EncodeOptions, keyword=("face", "recursive"))
    def run(
        self, image: ImageSource | Sequence[ImageSource], options: EncodeOptions
    ) -> EncodeResult | BatchResult[EncodeResult]:
        """Align, encode, render; write ``src.png``, ``dst.png``, ``dst.npy``, and the code of ``a.jpg`` as ``a.npy``.

        Args:
            image: a path, PIL image or RGB uint8 array; or a list of them, or a folder: then each gets a folder of its
                own for the first three, and the result is a `BatchResult`.
            options: see `EncodeOptions`.

        Raises:
            InputError: the picture cannot be read.
            NoFaceError: no such face.
            ConfigError: the model has no encoder.
        """
        return self.run_inputs(self.open_inputs(image, options.recursive), lambda job: self.encode(job, options))

    def encode(self, job: Job, options: EncodeOptions) -> Made[EncodeResult]:
        """Encode one photo."""
        results = self.open_results(job, own_folder=True)
        photo = images.read_image(job.source)
        chosen, num_faces = choose_face(photo, options.face, job.source)
        face = encode_face(self.engine, photo, chosen)
        result = EncodeResult(face.crop.image, face.reconstruction, face.w_plus)
        results.image("src.png", result.src)
        results.image("dst.png", result.dst)
        results.code("dst.npy", result.latent)
        if isinstance(job.source, (str, os.PathLike)):  # dst.npy is always the last photo's
            named = self.open_results(job)
            named.code(f"{job.stem}.npy", result.latent)
            results.files += named.files
        notes = []
        if num_faces > 1 and "face" not in options.model_fields_set:
            notes.append(f"{num_faces} faces; the largest is encoded, --face chooses")
        return results.made(result, notes=notes)
