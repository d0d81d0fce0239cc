"""Draw the faces of a photo as cartoons: PaddleGAN's Photo2CartoonPredictor."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ppgan_ext import images, runtime
from ppgan_ext.apps.batch import BatchResult, Job
from ppgan_ext.apps.call_signatures import options_as_arguments
from ppgan_ext.apps.codes.encoded_face import choose_faces
from ppgan_ext.apps.predictor import BasePredictor, Progress
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.translation.face_square import cut_face, on_white, paste_square
from ppgan_ext.apps.translation.options import CartoonOptions
from ppgan_ext.apps.translation.whole_picture import to_input, to_result
from ppgan_ext.images import ImageSource
from ppgan_ext.types import Image
from ppgan_ext.weights import catalog, store

if TYPE_CHECKING:
    from ppgan_ext.engine.translator import TranslatorEngine
    from ppgan_ext.weights.translators import Translator

_SIZE = 256
_NOTE = "Drawn by a neural network"


class Photo2CartoonPredictor(BasePredictor):
    """Draws faces as cartoons. Constructor, `run`, its result and the names of the files are PaddleGAN's.

    Differs from PaddleGAN: a training checkpoint is taken by the name of its network instead of loading nothing; the
    mask of the head is soft, from this package's own networks; photos may have any mode, EXIF and several faces.

    Args:
        output_path: folder for result files; None writes nothing.
        weight_path: PaddleGAN's or minivision's weights, or any checkpoint with a generator of photos to drawings;
            None: PaddleGAN's, downloaded at first use.
        seed: of dropout, for networks that keep it.
        cpu: compute on the CPU even where a GPU is found.
        half: half precision; only on a GPU.
        progress: called while work goes on.
    """

    def __init__(
        self,
        output_path: str | os.PathLike[str] | None = "output",
        weight_path: str | os.PathLike[str] | None = None,
        *,
        seed: int = 0,
        cpu: bool = False,
        half: bool = False,
        progress: Progress | None = None,
    ) -> None:
        super().__init__(output_path, weight_path, seed, cpu=cpu, half=half, progress=progress)

    @classmethod
    def from_options(cls, options: CartoonOptions, progress: Progress | None = None) -> Photo2CartoonPredictor:
        """Build a predictor from an options model."""
        settings = {name: getattr(options, name) for name in ("seed", "cpu", "half")}
        return cls(options.output_path, options.weight_path, **settings, progress=progress)

    @property
    def model_name(self) -> str:
        """The path of the weights, or the catalog's name."""
        return os.fspath(self.weight_path or "photo2cartoon")

    @functools.cached_property
    def translator(self) -> Translator:
        """The generator.

        Raises:
            WeightsError: the weights cannot be fetched or read, or contain no generator from photos to drawings.
        """
        runtime.import_paddle()
        from ppgan_ext.weights.translators import load_translator

        path = store.locate(catalog.PHOTO2CARTOON, self.weight_path, on_progress=self.show_fetching)
        return load_translator(path)

    @functools.cached_property
    def engine(self) -> TranslatorEngine:
        """The generator, made fast."""
        translator = self.translator
        from ppgan_ext.engine.translator import TranslatorEngine

        device = runtime.choose_device(self.cpu)
        return TranslatorEngine(translator.network, seed=self.seed or 0, device=device, half=self.half)

    @property
    def size(self) -> int:
        """Side of the cartoons in pixels: that of training, or 256."""
        return self.translator.options.size_rule.next(self.translator.training_size or _SIZE)

    @options_as_arguments(CartoonOptions, keyword=("faces", "white_background", "paste", "recursive"))
    def run(
        self, image_path: ImageSource | Sequence[ImageSource], options: CartoonOptions
    ) -> Image | BatchResult[Image]:
        """Draw the face of a photo; write ``p2c_photo.png`` and ``p2c_cartoon.png``.

        Args:
            image_path: a path, PIL image or RGB uint8 array; or a list of them, or a folder: then each gets a folder
                of its own, and the result is a `BatchResult`.
            options: see `CartoonOptions`. Of several faces, the files of the second are called ``p2c_photo_2.png`` and
                so on; ``p2c_pasted.png`` is the whole photo with all cartoons.

        Returns:
            The cartoon, (S, S, 3) RGB uint8; of several faces that of the largest.

        Raises:
            InputError: the picture cannot be read.
            NoFaceError: no such face.
            WeightsError: the weights cannot be fetched or read.
        """
        inputs = self.open_inputs(image_path, options.recursive)
        return self.run_inputs(inputs, lambda job: self.draw(job, options))

    def draw(self, job: Job, options: CartoonOptions) -> Made[Image]:
        """Draw the faces of one photo."""
        results = self.open_results(job, own_folder=True, options=options)
        photo = images.read_photo(job.source)
        faces = choose_faces(photo.image, options.faces, job.source)
        squares = [cut_face(photo.image, face, "cartoon", self.size, options.white_background) for face in faces]
        cartoons = []
        for number, square in enumerate(squares, start=1):
            drawn = to_result(self.engine.translate(to_input(square.seen, self.translator.input_channels)).pixels)
            cartoons.append(on_white(drawn, square.matte) if options.white_background else drawn)
            suffix = "" if number == 1 else f"_{number}"
            results.image(f"p2c_photo{suffix}.png", square.image)
            results.image(f"p2c_cartoon{suffix}.png", cartoons[-1], _NOTE)
        if options.paste:
            pasted = photo.image
            for square, cartoon in reversed(list(zip(squares, cartoons, strict=True))):
                pasted = paste_square(pasted, square, cartoon)
            results.image("p2c_pasted.png", pasted, _NOTE, photo)
        return results.made(cartoons[0])
