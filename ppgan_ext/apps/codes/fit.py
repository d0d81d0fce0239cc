"""Find the latent code of a face by optimisation: PaddleGAN's StyleGANv2FittingPredictor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ppgan_ext import images
from ppgan_ext.apps.batch import BatchResult, Job, is_batch
from ppgan_ext.apps.options import FitOptions
from ppgan_ext.apps.photo.portrait import choose_faces
from ppgan_ext.apps.predictor import Predictor, Results
from ppgan_ext.images import ImageSource
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.latents.projector import Step

_MAX_FRAMES = 96
_FRAME_SIDE = 512
_FRAMES_PER_SECOND = 12.0


class FittingResult(NamedTuple):
    """The face that was fitted, what the fitted code draws, both (S, S, 3) RGB uint8, and the code, (n_latent, 512)."""

    src: Image
    dst: Image
    latent: FloatArray


class StyleGANv2FittingPredictor(Predictor):
    """Fits a code to a face.

    Departs from PaddleGAN where that one is at fault: all layers are fitted unless ``latent_level`` says otherwise
    (layers 0 to 11 alone leave the colours of the photo unfitted), and code and image belong together.
    """

    def run(
        self,
        image: ImageSource | Sequence[ImageSource],
        need_align: bool = False,
        start_lr: float = 0.1,
        final_lr: float = 0.025,
        latent_level: Sequence[int] | None = None,
        step: int = 100,
        mse_weight: float = 1,
        pre_latent: str | os.PathLike[str] | None = None,
        *,
        face: int = 1,
        start: str = "mean",
        stop_at: int | None = None,
        patience: int | None = None,
        mask_face: bool = False,
        save_gif: bool = False,
        save_mp4: bool = False,
    ) -> FittingResult | BatchResult[FittingResult]:
        """Fit a face; write ``src.fitting.png``, ``dst.fitting.png`` and ``dst.fitting.npy``.

        Ctrl-C ends the fit early: the best code until then is returned, and ``interrupted`` is set.

        Args:
            image: a path, PIL image or RGB uint8 array; or a list of them, or a folder: then each gets a folder of its
                own, and a `BatchResult` comes back.
            need_align: find the face and crop it; otherwise the picture is an aligned face (its central square counts).
            start_lr: learning rate at the start; it falls geometrically.
            final_lr: learning rate at the end.
            latent_level: layers to fit; all by default.
            step: optimiser steps.
            mse_weight: weight of the mean squared error beside the perceptual distance.
            pre_latent: file with the code to start from.
            face: with ``need_align`` which face, 1 is the largest.
            start: "mean" or "encoder": where to start without ``pre_latent``.
            stop_at: compare at this resolution only: faster, less exact.
            patience: stop after so many steps without progress.
            mask_face: fit the face only, not hair and background; needs ``need_align``.
            save_gif: also write the progress as ``dst.fitting.gif``.
            save_mp4: also write the progress as ``dst.fitting.mp4``.

        Raises:
            InputError: a picture or code that cannot be used.
            NoFaceError: ``need_align``, and no such face.
            ConfigError: an argument that cannot be used.
        """
        options = self.check(
            FitOptions, need_align=need_align, start_lr=start_lr, final_lr=final_lr, latent_level=latent_level,
            step=step, mse_weight=mse_weight, pre_latent=None if pre_latent is None else os.fspath(pre_latent),
            face=face, start=start, stop_at=stop_at, patience=patience, mask_face=mask_face, save_gif=save_gif,
            save_mp4=save_mp4,
        )  # fmt: skip
        alone = not is_batch(image)
        return self.run_each(image, lambda job: self.run_job(job, options, None if alone else job.stem))

    def run_job(self, job: Job, options: FitOptions, subfolder: str | None = None) -> FittingResult:
        """Fit one face with validated options."""
        results = self.results(subfolder)
        self.files = results.files
        src, mask = self._target(job, options)
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
        self.interrupted = fit.interrupted
        dst = images.to_image(fit.pixels)
        results.image("src.fitting.png", src)
        results.image("dst.fitting.png", dst)
        results.code("dst.fitting.npy", fit.w_plus)
        if frames is not None:
            frames.write(results, options)
        return FittingResult(src, dst, fit.w_plus)

    def _target(self, job: Job, options: FitOptions) -> tuple[Image, FloatArray | None]:
        """Cut out what is to be fitted, (S, S, 3), and the mask of what counts, (S, S) or None."""
        photo = images.read_image(job.source)
        size = self.engine.synthesizer.size
        if not options.need_align:
            return images.resize(central_square(photo), (size, size)), None
        from ppgan_ext.faces.align import crop_face

        face = choose_faces(photo, [options.face], job.source)[0]
        crop = crop_face(photo, face, template=self.engine.face_model.record.crop, size=size)
        if not options.mask_face:
            return crop.image, None
        from ppgan_ext.faces.mask import face_mask

        landmarks = face.landmarks @ crop.matrix_photo_to_crop[:, :2].T + crop.matrix_photo_to_crop[:, 2]
        return crop.image, np.clip(face_mask(landmarks, (size, size)), 0.0, 1.0)


class _Frames:
    """Pictures of the fit on its way, at most about a hundred, at most 512 px."""

    def __init__(self, num_steps: int) -> None:
        self._every = max(1, num_steps // _MAX_FRAMES)
        self._images: list[Image] = []

    def add(self, step: Step) -> None:
        if step.step % self._every == 0 or step.step == step.total:
            image = step.image()
            side = min(_FRAME_SIDE, image.shape[0])
            self._images.append(images.resize(image, (side, side)))

    def write(self, results: Results, options: FitOptions) -> None:
        for kind, wanted in (("gif", options.save_gif), ("mp4", options.save_mp4)):
            if wanted:
                results.animation(f"dst.fitting.{kind}", self._images, _FRAMES_PER_SECOND)


def central_square(image: Image) -> Image:
    """Cut the largest central square out, (min(H, W), min(H, W), 3)."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(image[top : top + side, left : left + side])
