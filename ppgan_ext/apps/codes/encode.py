"""Turn a photo into a latent code with an encoder: PaddleGAN's Pixel2Style2PixelPredictor (arXiv 2008.00951)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ppgan_ext import images
from ppgan_ext.apps.batch import BatchResult, Job, is_batch
from ppgan_ext.apps.options import EncodeOptions
from ppgan_ext.apps.photo.portrait import choose_faces, invert
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.images import ImageSource
from ppgan_ext.types import FloatArray, Image


class EncodeResult(NamedTuple):
    """The aligned face, what the model makes of it, both (S, S, 3) RGB uint8, and the code, (n_latent, 512) float32."""

    src: Image
    dst: Image
    latent: FloatArray


class Pixel2Style2PixelPredictor(Predictor):
    """Inverts the face of a photo, or draws it in another style (``model_type="ffhq-toonify"``).

    Departs from PaddleGAN where that one is at fault: the result is uint8 and the same at every call (fixed noise), and
    ``src.png`` has the model's size instead of 4096 px.
    """

    needs_encoder = True

    def run(
        self, image: ImageSource | Sequence[ImageSource], *, face: int = 1
    ) -> EncodeResult | BatchResult[EncodeResult]:
        """Align, encode, render; write ``src.png``, ``dst.png`` and ``dst.npy``.

        Args:
            image: a path, PIL image or RGB uint8 array; or a list of them, or a folder: then each gets a folder of its
                own, and a `BatchResult` comes back.
            face: which face of the photo, 1 is the largest.

        Raises:
            InputError: the picture cannot be read.
            NoFaceError: no such face.
            ConfigError: the model has no encoder.
        """
        options = self.check(EncodeOptions, face=face)
        alone = not is_batch(image)
        return self.run_each(image, lambda job: self.run_job(job, options, None if alone else job.stem))

    def run_job(self, job: Job, options: EncodeOptions, subfolder: str | None = None) -> EncodeResult:
        """Encode one photo with validated options."""
        results = self.results(subfolder)
        self.files = results.files
        photo = images.read_image(job.source)
        portrait = invert(self.engine, photo, choose_faces(photo, [options.face], job.source)[0])
        results.image("src.png", portrait.crop.image)
        results.image("dst.png", portrait.reconstruction)
        results.code("dst.npy", portrait.w_plus)
        return EncodeResult(portrait.crop.image, portrait.reconstruction, portrait.w_plus)
