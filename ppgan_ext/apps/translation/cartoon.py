"""Draw the faces of a photo as cartoons: PaddleGAN's Photo2CartoonPredictor."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from ppgan_ext import images, runtime
from ppgan_ext.apps.batch import BatchResult, Job
from ppgan_ext.apps.call_signatures import options_as_arguments
from ppgan_ext.apps.codes.encoded_face import choose_faces
from ppgan_ext.apps.predictor import BasePredictor, Progress
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.translation.artists import Artist, NetworkArtist, RuleArtist
from ppgan_ext.apps.translation.face_square import paste_square
from ppgan_ext.apps.translation.options import CartoonOptions
from ppgan_ext.errors import ConfigError, nearest
from ppgan_ext.images import ImageSource
from ppgan_ext.types import Image
from ppgan_ext.weights import catalog, store

if TYPE_CHECKING:
    from ppgan_ext.weights.translators import Translator

_DRAWING, _NETWORK = _CHOICES = ("drawing", "photo2cartoon")
_NOT_FOUND = (
    "drawn by rules, since PaddleGAN's network is not on this machine; --model_type photo2cartoon downloads it, "
    "--weight_path takes your own, --model_type drawing asks for the rules"
)
_NOTES = {True: "Drawn by a neural network", False: "Drawn by a program after a photo"}


class Photo2CartoonPredictor(BasePredictor):
    """Draws faces as cartoons. Constructor, `run`, its result and the names of the files are PaddleGAN's.

    Differs from PaddleGAN: without weights it draws by rules, with eyes and mouth as shapes, flat tones and lines along
    the flow (`faces.drawing`); a training checkpoint is taken by the name of its network instead of loading nothing;
    the mask of the head is soft, from this package's own networks; photos may have any mode, EXIF and several faces.

    Args:
        output_path: folder for result files; None writes nothing.
        weight_path: PaddleGAN's or minivision's weights, or any checkpoint with a generator of photos to drawings.
        model_type: "drawing" draws by rules; "photo2cartoon" is PaddleGAN's network, downloaded at first use. None: the
            network of ``weight_path``, or PaddleGAN's if it is on this machine, else "drawing", and a note says so.
        seed: of dropout, for networks that keep it.
        cpu: compute on the CPU even where a GPU is found.
        half: half precision; only on a GPU, and only for networks.
        progress: called while work goes on.

    Raises:
        ConfigError: a drawing is asked for, and weights.
    """

    def __init__(
        self,
        output_path: str | os.PathLike[str] | None = "output",
        weight_path: str | os.PathLike[str] | None = None,
        *,
        model_type: Literal["drawing", "photo2cartoon"] | None = None,
        seed: int = 0,
        cpu: bool = False,
        half: bool = False,
        progress: Progress | None = None,
    ) -> None:
        super().__init__(output_path, weight_path, seed, cpu=cpu, half=half, progress=progress)
        if model_type not in (None, _DRAWING, _NETWORK):
            raise ConfigError(f"there is no '{model_type}'", where="model_type", cure=nearest(model_type, _CHOICES))
        if model_type == _DRAWING and weight_path is not None:
            raise ConfigError("a drawing needs no weights", where="weight_path", cure="Leave out one of the two")
        self.model_type = model_type

    @classmethod
    def from_options(cls, options: CartoonOptions, progress: Progress | None = None) -> Photo2CartoonPredictor:
        """Build a predictor from an options model."""
        settings = {name: getattr(options, name) for name in ("model_type", "seed", "cpu", "half")}
        return cls(options.output_path, options.weight_path, **settings, progress=progress)

    @functools.cached_property
    def model_name(self) -> str:
        """The path of the weights, "photo2cartoon" or "drawing"."""
        if self.weight_path is not None:
            return os.fspath(self.weight_path)
        if self.model_type is not None:
            return self.model_type
        return _DRAWING if store.find_local(catalog.PHOTO2CARTOON) is None else _NETWORK

    @functools.cached_property
    def translator(self) -> Translator:
        """The generator.

        Raises:
            ConfigError: no network draws.
            WeightsError: the weights cannot be fetched or read, or contain no generator from photos to drawings.
        """
        if self.model_name == _DRAWING:
            raise ConfigError("a drawing is made without a network", cure="Give weight_path, or photo2cartoon")
        runtime.import_paddle()
        from ppgan_ext.weights.translators import load_translator

        path = store.locate(catalog.PHOTO2CARTOON, self.weight_path, on_progress=self.show_fetching)
        return load_translator(path)

    @functools.cached_property
    def engine(self) -> Artist:
        """Who draws."""
        if self.model_name == _DRAWING:
            return RuleArtist()
        translator = self.translator
        from ppgan_ext.engine.translator import TranslatorEngine

        device = runtime.choose_device(self.cpu)
        engine = TranslatorEngine(translator.network, seed=self.seed or 0, device=device, half=self.half)
        return NetworkArtist(translator, engine)

    @options_as_arguments(CartoonOptions, keyword=("faces", "face_size", "white_background", "paste", "recursive"))
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
        note = _NOTES[self.model_name != _DRAWING]
        cartoons = []
        for number, face in enumerate(faces, start=1):
            cartoon = self.engine.draw(photo.image, face, options.face_size, options.white_background)
            cartoons.append(cartoon)
            suffix = "" if number == 1 else f"_{number}"
            results.image(f"p2c_photo{suffix}.png", cartoon.square.image)
            results.image(f"p2c_cartoon{suffix}.png", cartoon.image, note)
        if options.paste:
            pasted = photo.image
            for cartoon in reversed(cartoons):
                pasted = paste_square(pasted, cartoon.square, cartoon.pasted)
            results.image("p2c_pasted.png", pasted, note, photo)
        return results.made(cartoons[0].image).with_remarks([_NOT_FOUND] if self._falls_back else [])

    @property
    def _falls_back(self) -> bool:
        """Whether the rules draw only because there is no network."""
        return self.model_type is None and self.model_name == _DRAWING
