"""Translate pictures with pix2pix, CycleGAN, U-GAT-IT or Photo2Cartoon: any size, both directions, faces in photos."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import cv2
import numpy as np

from ppgan_ext import images, runtime
from ppgan_ext.apps.batch import BatchResult, Job
from ppgan_ext.apps.call_signatures import options_as_arguments
from ppgan_ext.apps.codes.encoded_face import choose_faces
from ppgan_ext.apps.predictor import BasePredictor, Progress
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.shown_results import ShownResult
from ppgan_ext.apps.translation.face_square import cut_face, paste_square
from ppgan_ext.apps.translation.options import TranslateOptions
from ppgan_ext.apps.translation.whole_picture import (
    num_tiles,
    resized,
    to_input,
    to_result,
    translate_padded,
    translate_tiles,
)
from ppgan_ext.errors import ConfigError
from ppgan_ext.images import ImageSource
from ppgan_ext.networks.image_sizes import SizeRule
from ppgan_ext.types import FloatArray, Image

if TYPE_CHECKING:
    from ppgan_ext.engine.translator import TranslatorEngine
    from ppgan_ext.weights.translators import Translator

_TILE, _LARGE_PIXELS = 512, 1_100_000  # a megapixel at once takes 4 GB of memory
_FACE_SIZE = 256
_MUCH_LARGER = 1.6  # of the shorter side than in training
_NOTE = "Translated by a neural network"


class _TranslationFields(NamedTuple):
    src: Image
    dst: Image
    heatmap: FloatArray | None


class TranslationResult(ShownResult, _TranslationFields):
    """The photo and its translation, both (H, W, 3) RGB uint8, and the attention, (H, W) in [0, 1], or None."""

    __slots__ = ()

    @property
    def image(self) -> Image:
        """The translation."""
        return self.dst

    def overview(self) -> Image:
        """Return photo and translation side by side."""
        return images.grid([self.src, self.dst], 2)


class TranslationPredictor(BasePredictor):
    """Translates pictures with an image-to-image checkpoint.

    Args:
        weight_path: PaddleGAN's, junyanz's, UGATIT-pytorch's, minivision's or this package's checkpoint.
        output_path: folder for result files; None writes nothing.
        direction: "a2b" or "b2a", which of a checkpoint's generators; None: a to b, or the only one.
        net_name: the generator by its name in the checkpoint instead.
        use_dropout: a U-Net was trained with dropout, which other projects' files do not tell.
        test_mode: what batch normalisation and dropout do, see `nn.dropout.TestMode`; None: as in the checkpoint.
        seed: of dropout, which pix2pix keeps.
        cpu: compute on the CPU even where a GPU is found.
        half: half precision; only on a GPU.
        progress: called while work goes on.

    Raises:
        ConfigError: there is no ``weight_path``.
    """

    def __init__(
        self,
        weight_path: str | os.PathLike[str] | None = None,
        output_path: str | os.PathLike[str] | None = "output_dir",
        *,
        direction: Literal["a2b", "b2a"] | None = None,
        net_name: str | None = None,
        use_dropout: bool | None = None,
        test_mode: Literal["train", "eval"] | None = None,
        seed: int = 0,
        cpu: bool = False,
        half: bool = False,
        progress: Progress | None = None,
    ) -> None:
        if weight_path is None:
            cure = "Give the checkpoint of an image-to-image network; `ppgan-ext cartoon` draws faces without one"
            raise ConfigError("is missing", where="weight_path", cure=cure)
        super().__init__(output_path, weight_path, seed, cpu=cpu, half=half, progress=progress)
        self.direction, self.net_name = direction, net_name
        self._arguments = {"use_dropout": use_dropout, "test_mode": test_mode}

    @classmethod
    def from_options(cls, options: TranslateOptions, progress: Progress | None = None) -> TranslationPredictor:
        """Build a predictor from an options model."""
        names = ("direction", "net_name", "use_dropout", "test_mode", "seed", "cpu", "half")
        settings = {name: getattr(options, name) for name in names}
        return cls(options.weight_path, options.output_path, **settings, progress=progress)

    @property
    def model_name(self) -> str:
        """The path of the checkpoint."""
        return os.fspath(self.weight_path or "")

    @functools.cached_property
    def translator(self) -> Translator:
        """The generator and what its file says of its use.

        Raises:
            WeightsError: the file cannot be read, or contains no such generator.
        """
        runtime.import_paddle()
        from ppgan_ext.weights.translators import load_translator

        assert self.weight_path is not None
        return load_translator(self.weight_path, self.direction, self.net_name, **self._arguments)

    @functools.cached_property
    def engine(self) -> TranslatorEngine:
        """The generator, made fast.

        Raises:
            ConfigError: PaddlePaddle is not installed.
        """
        translator = self.translator
        from ppgan_ext.engine.translator import TranslatorEngine

        device = runtime.choose_device(self.cpu)
        return TranslatorEngine(translator.network, seed=self.seed or 0, device=device, half=self.half)

    @options_as_arguments(
        TranslateOptions,
        keyword=(
            "scale_to", "tile", "overlap", "crop", "faces", "face_size", "background", "save_heatmap", "recursive",
        ),
    )  # fmt: skip
    def run(
        self, image: ImageSource | Sequence[ImageSource], options: TranslateOptions
    ) -> TranslationResult | BatchResult[TranslationResult]:
        """Translate; write the translation of ``a.jpg`` as ``a_translated.png``.

        Args:
            image: a path, PIL image or RGB uint8 array; or a list of them, or a folder: then the result is a
                `BatchResult`.
            options: see `TranslateOptions`.

        Raises:
            InputError: the picture cannot be read.
            NoFaceError: with ``crop``, no such face.
            WeightsError: the checkpoint cannot be read, or contains no such generator.
        """
        return self.run_inputs(self.open_inputs(image, options.recursive), lambda job: self.translate(job, options))

    def translate(self, job: Job, options: TranslateOptions) -> Made[TranslationResult]:
        """Translate one picture."""
        results = self.open_results(job, options=options)
        photo = images.read_photo(job.source)
        notes: list[str] = []
        if options.crop is None:
            translated, heatmap = self._translate_whole(photo.image, options, notes)
        else:
            translated, heatmap = self._translate_faces(photo.image, job, options), None
        grey = options.crop is None and self.translator.output_channels == 1
        results.image(f"{job.stem}_translated.png", translated, _NOTE, photo, grey=grey)
        if options.save_heatmap:
            if heatmap is None:
                cure = "Leave out save_heatmap"
                raise ConfigError(f"{self.translator.options.name} has no attention to write", cure=cure)
            results.image(f"{job.stem}_attention.png", draw_heatmap(heatmap), _NOTE)
        return results.made(TranslationResult(photo.image, translated, heatmap), notes=notes)

    def _translate_whole(
        self, photo: Image, options: TranslateOptions, notes: list[str]
    ) -> tuple[Image, FloatArray | None]:
        """Translate a picture in its own size, or a scaled copy of it."""
        translator, shape = self.translator, (photo.shape[0], photo.shape[1])
        pixels = to_input(photo, translator.input_channels)
        if options.scale_to is not None:
            factor = options.scale_to / min(shape)
            pixels = resized(pixels, (max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))))
        height, width = pixels.shape[2:]
        trained = translator.training_size
        if trained is not None and min(height, width) > _MUCH_LARGER * trained and options.scale_to is None:
            notes.append(
                f"it has {width}x{height} pixels, and the network knows pictures of {trained}: "
                f"--scale_to {trained} may do better"
            )
        if width == 2 * height and translator.options.name == "UnetGenerator":
            notes.append("it is twice as wide as high: if it is a pair of pix2pix, cut out the half to translate")
        rule = translator.options.size_rule
        tile = _choose_tile(options.tile, height * width, rule)
        if tile and options.save_heatmap:
            cure = "Give tile 0, or scale_to for a smaller copy"
            raise ConfigError("each tile has an attention of its own", where="save_heatmap", cure=cure)
        if not tile:
            made, heatmap = self._padded(pixels, rule)
        else:
            made, heatmap = self._tiled(pixels, rule, tile, options), None
        return to_result(resized(made, shape)), None if heatmap is None else _heat(heatmap, shape)

    def _padded(self, pixels: FloatArray, rule: SizeRule) -> tuple[FloatArray, FloatArray | None]:
        """Translate a padded copy, and return what the attention shows of the picture itself."""
        heatmaps: list[FloatArray | None] = []

        def translate(padded: FloatArray) -> FloatArray:
            made = self.engine.translate(padded)
            heatmaps.append(made.heatmap)
            return made.pixels

        result, heatmap = translate_padded(pixels, rule, translate), heatmaps[0]
        if heatmap is not None and rule.exact is None:
            height, width = pixels.shape[2:]
            rows, columns = heatmap.shape[0] * height / rule.next(height), heatmap.shape[1] * width / rule.next(width)
            heatmap = heatmap[: max(1, round(rows)), : max(1, round(columns))]
        return result, heatmap

    def _tiled(self, pixels: FloatArray, rule: SizeRule, tile: int, options: TranslateOptions) -> FloatArray:
        total, done = num_tiles((pixels.shape[2], pixels.shape[3]), rule, tile, options.overlap), 0

        def translate(part: FloatArray) -> FloatArray:
            nonlocal done
            made = self.engine.translate(part).pixels
            done += 1
            self.progress("translating tiles", done, total)
            return made

        return translate_tiles(pixels, rule, translate, tile, options.overlap)

    def _translate_faces(self, photo: Image, job: Job, options: TranslateOptions) -> Image:
        """Translate the chosen faces and paste them back, the smallest first."""
        assert options.crop is not None
        rule, translator = self.translator.options.size_rule, self.translator
        size = rule.next(options.face_size or translator.training_size or _FACE_SIZE)
        result = photo
        for face in reversed(choose_faces(photo, options.faces, job.source)):
            square = cut_face(photo, face, options.crop, size, options.background == "white")
            pixels = to_input(square.seen, translator.input_channels)
            result = paste_square(result, square, to_result(self.engine.translate(pixels).pixels))
        return result


def _choose_tile(tile: int | None, num_pixels: int, rule: SizeRule) -> int:
    """Return the side of tiles; 0 for the whole picture at once."""
    if tile is not None:
        return tile
    return _TILE if num_pixels > _LARGE_PIXELS and rule.exact is None else 0


def _heat(heatmap: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Scale attention to [0, 1] and to a shape (H, W); without any attention it is 0."""
    low, high = float(heatmap.min()), float(heatmap.max())
    scaled = (heatmap - low) / (high - low) if high > low else np.zeros_like(heatmap)
    return np.clip(cv2.resize(scaled, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), 0.0, 1.0)


def draw_heatmap(heatmap: FloatArray) -> Image:
    """Draw attention, (H, W) in [0, 1], from blue over green to red."""
    colours = cv2.applyColorMap(np.rint(heatmap * 255).astype(np.uint8), cv2.COLORMAP_JET)
    return np.ascontiguousarray(colours[..., ::-1])
