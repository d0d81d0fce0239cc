"""Find the latent code of a face by optimisation: PaddleGAN's StyleGANv2FittingPredictor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ppgan_ext import images
from ppgan_ext.apps.batch import BatchResult, Job
from ppgan_ext.apps.call_signatures import options_as_arguments
from ppgan_ext.apps.codes.encoded_face import choose_face
from ppgan_ext.apps.codes.options import FitOptions
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.apps.results import Made, ResultFolder
from ppgan_ext.apps.shown_results import ShownResult
from ppgan_ext.faces.align import crop_face
from ppgan_ext.faces.mask import face_mask
from ppgan_ext.faces.warp import transform_points
from ppgan_ext.images import ImageSource
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.latents.projector import Step

_MAX_FRAMES = 96
_FRAME_SIDE = 512
_FRAMES_PER_SECOND = 12.0
_CUT = "of a picture that is not square, its central square is fitted; --need_align fits the face"


class FitTarget(NamedTuple):
    """What a code is fitted to.

    Attributes:
        image: (S, S, 3) RGB uint8.
        mask: (S, S) in [0, 1], what counts; None for everything.
        is_cut: whether it is the central square of a larger picture.
    """

    image: Image
    mask: FloatArray | None
    is_cut: bool = False


class _FittingFields(NamedTuple):
    src: Image
    dst: Image
    latent: FloatArray


class FittingResult(ShownResult, _FittingFields):
    """The face to fit and the fitted code rendered, both (S, S, 3) RGB uint8, and the code, (n_latent, 512) float32."""

    __slots__ = ()

    @property
    def image(self) -> Image:
        """The face as the model draws it."""
        return self.dst

    def overview(self) -> Image:
        """Return the face and how the model draws it, side by side."""
        return images.grid([self.src, self.dst], 2)


class StyleGANv2FittingPredictor(Predictor):
    """Fits a code to a face.

    Differs from PaddleGAN where that has faults: all layers are fitted unless ``latent_level`` says otherwise
    (layers 0 to 11 alone leave the colours of the photo unfitted), and code and image belong together.
    """

    @options_as_arguments(
        FitOptions,
        positional=("need_align", "start_lr", "final_lr", "latent_level", "step", "mse_weight", "pre_latent"),
        keyword=("face", "start", "stop_at", "patience", "mask_face", "save_gif", "save_mp4", "recursive"),
    )
    def run(
        self, image: ImageSource | Sequence[ImageSource], options: FitOptions
    ) -> FittingResult | BatchResult[FittingResult]:
        """Fit a face; write ``src.fitting.png``, ``dst.fitting.png`` and ``dst.fitting.npy``.

        Without ``need_align`` the central square of the picture is fitted. The learning rate falls geometrically.
        Ctrl-C ends the fit early: the best code until then is returned, and ``interrupted`` is set.

        Args:
            image: a path, PIL image or RGB uint8 array; or a list of them, or a folder: then each gets a folder of its
                own, and the result is a `BatchResult`.
            options: see `FitOptions`.

        Raises:
            InputError: a picture or code that cannot be used.
            NoFaceError: ``need_align``, and no such face.
            ConfigError: an argument that cannot be used.
        """
        return self.run_inputs(self.open_inputs(image, options.recursive), lambda job: self.fit(job, options))

    def fit(self, job: Job, options: FitOptions) -> Made[FittingResult]:
        """Fit one face."""
        results = self.open_results(job, own_folder=True, options=options)
        src, mask, is_cut = self.cut_target(job, options)
        from ppgan_ext.latents.projector import ProjectorOptions, project

        frames = _Frames(options.step) if results.folder and (options.save_gif or options.save_mp4) else None

        def on_step(step: Step) -> None:
            self.show_step("fitting", step)
            if frames is not None:
                frames.add(step)

        settings = ProjectorOptions(
            num_steps=options.step,
            start_lr=options.start_lr,
            final_lr=options.final_lr,
            mse_weight=options.mse_weight,
            latent_level=options.latent_level,
            stop_at=options.stop_at,
            patience=options.patience,
        )
        start = options.pre_latent or options.start
        pixels = images.to_pixels(src)
        fit = project(self.engine, pixels, settings, mask, start, on_step, perceptual=self.perceptual)
        dst = images.to_image(fit.pixels)
        results.image("src.fitting.png", src)
        results.image("dst.fitting.png", dst)
        results.code("dst.fitting.npy", fit.w_plus)
        if frames is not None:
            frames.write(results, options)
        made = results.made(FittingResult(src, dst, fit.w_plus), fit.interrupted)
        return made.with_remarks([_CUT] if is_cut else [])

    def cut_target(self, job: Job, options: FitOptions) -> FitTarget:
        """Cut the image to fit out of the photo, and make the mask of what counts."""
        photo = images.read_image(job.source)
        size = self.engine.synthesizer.size
        if not options.need_align:
            square = central_square(photo)
            return FitTarget(images.resize(square, (size, size)), None, square.shape != photo.shape)
        face, _ = choose_face(photo, options.face, job.source)
        crop = crop_face(photo, face, template=self.engine.face_model.record.crop, size=size)
        if not options.mask_face:
            return FitTarget(crop.image, None)
        landmarks = transform_points(face.landmarks, crop.matrix_photo_to_crop)
        return FitTarget(crop.image, np.clip(face_mask(landmarks, (size, size)), 0.0, 1.0))


class _Frames:
    """Frames that show the progress of a fit: at most about a hundred, of at most 512 px."""

    def __init__(self, num_steps: int) -> None:
        self._every = max(1, num_steps // _MAX_FRAMES)
        self._images: list[Image] = []

    def add(self, step: Step) -> None:
        if step.step % self._every == 0 or step.step == step.total:
            image = step.image()
            side = min(_FRAME_SIDE, image.shape[0])
            self._images.append(images.resize(image, (side, side)))

    def write(self, results: ResultFolder, options: FitOptions) -> None:
        for kind, is_wanted in (("gif", options.save_gif), ("mp4", options.save_mp4)):
            if is_wanted:
                results.animation(f"dst.fitting.{kind}", self._images, _FRAMES_PER_SECOND)


def central_square(image: Image) -> Image:
    """Return the largest central square, (min(H, W), min(H, W), 3)."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(image[top : top + side, left : left + side])
