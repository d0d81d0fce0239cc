"""A generator that translates images, as a program for anybody's paddle.inference; PaddleGAN: tools/export_model.py.

The program maps images (N, C, H, W) in [-1, 1] to images, of any number and size that the network takes. As in
PaddleGAN's, dropout is left out, so that an image has one translation.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle.static import InputSpec

from ppgan_ext.engine.compiled import save_program
from ppgan_ext.engine.export import DEFAULT_FOLDER, Exported
from ppgan_ext.engine.program_files import check_file_name, check_result, difference, open_program, write_verified
from ppgan_ext.errors import ConfigError
from ppgan_ext.weights.translators import Translator, load_translator

INPUT = "images"
_OPEN = -1  # length of an axis that may have any
_SIDE = 256  # of images where neither the file nor the caller says it
# Normalised features of few pixels may enlarge rounding ten thousand times, as in the hourglasses of Photo2Cartoon.
_ROUNDED = np.float32(1 + 1e-6)


def export_translator(
    weight_path: str | os.PathLike[str],
    output_dir: str | os.PathLike[str] = DEFAULT_FOLDER,
    *,
    inputs_size: str | None = None,
    model_name: str | None = None,
    net_name: str | None = None,
    family: str = "translator",
) -> Exported:
    """Export an image-to-image generator of a weight file, which tells its architecture.

    Args:
        weight_path: weights or checkpoint, of any layout that is known.
        output_dir: folder of the files, made if missing.
        inputs_size: shape of the images as PaddleGAN's ``-s`` writes it, "1,3,256,256"; -1 for any number of images,
            height or width; None: one image of the size of training.
        model_name: name of the files without their suffixes; None: "<family>_<network>", such as cycleganmodel_netG_A.
        net_name: the network to take out of a checkpoint; None: the one that leads from A to B, or the only one.
        family: the name of the model in the configuration.

    Raises:
        ConfigError: a mistake in the shape or the name.
        WeightsError: the weights cannot be read.
        OutputError: the files cannot be written, or compute other images than the network.
    """
    translator = load_translator(weight_path, net_name=net_name)
    if getattr(translator.options, "use_dropout", False):
        translator = load_translator(weight_path, net_name=net_name, use_dropout=False)
    shape = _shape(inputs_size, translator)
    name = model_name if model_name is not None else "_".join(filter(None, [family.lower(), translator.net_name]))
    check_file_name(name)
    network, prefix = translator.network, Path(output_dir) / name

    def translate(images: paddle.Tensor) -> paddle.Tensor:
        result: Any = network(images)
        return result[0] if isinstance(result, tuple) else result

    errors: list[float] = []

    def save(fresh: Path) -> None:
        save_program(network, translate, [InputSpec(list(shape), "float32", INPUT)], fresh)
        run, rng = open_program(fresh), np.random.default_rng(0)
        for sample in _samples_of(shape, translator):
            images = rng.uniform(-1, 1, sample).astype(np.float32)
            with paddle.no_grad():
                expected, moved = (translate(paddle.to_tensor(x)).numpy() for x in (images, images * _ROUNDED))
            errors.append(check_result(run(images), expected, fresh.name, difference(moved, expected)))

    written = write_verified(prefix, save)
    return Exported(prefix, written, translator.net_name, {INPUT: shape}, max(errors))


def _shape(text: str | None, translator: Translator) -> tuple[int, ...]:
    """Read a shape as ``-s`` writes it and check that the network takes it.

    Raises:
        ConfigError: another shape.
    """
    rule, channels = translator.options.size_rule, translator.input_channels
    if text is None:
        side = rule.next(translator.training_size or _SIDE)
        return 1, channels, side, side
    cure = f"Write N,{channels},H,W, such as 1,{channels},256,256; N, H and W may be -1"
    try:
        shape = tuple(int(side) for side in text.split(","))
    except ValueError:
        raise ConfigError(f"'{text}' is not a shape", where="inputs_size", cure=cure) from None
    if len(shape) != 4 or shape[1] != channels or not all(length > 0 or length == _OPEN for length in shape):
        raise ConfigError(f"images cannot be of shape {shape}", where="inputs_size", cure=cure)
    if rule.exact is not None and _OPEN in shape[2:]:
        what = f"{translator.options.name} of these weights takes images of {rule.exact}x{rule.exact} pixels only"
        cure = f"Write {shape[0]},{channels},{rule.exact},{rule.exact}"
        raise ConfigError(what, where="inputs_size", cure=cure)
    height, width = (rule.next(1) if side == _OPEN else side for side in shape[2:])
    rule.check(height, width, translator.options.name)
    return shape


def _samples_of(shape: tuple[int, ...], translator: Translator) -> list[tuple[int, ...]]:
    """Return two shapes of images to verify a program with, which differ where its shape is open."""
    rule = translator.options.size_rule
    small = rule.next(translator.training_size or _SIDE)
    opened = [(2, 0, small, small), (3, 0, rule.next(small + 1), small)]
    return [tuple(o if length == _OPEN else length for o, length in zip(one, shape, strict=True)) for one in opened]
