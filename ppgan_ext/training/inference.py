"""Translate the test images of a configuration with a trained generator, as PaddleGAN's ``tools/inference.py``.

PaddleGAN's runs an exported program; this takes the weights, since a file that is read never runs code.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ppgan_ext import config, console, files, images, pictures, runtime
from ppgan_ext.argument_parser import RepeatableParser
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.training.random_streams import RandomStreams
from ppgan_ext.training.schema import read_config
from ppgan_ext.training.shared.direction import Ends, ends_of

if TYPE_CHECKING:
    from ppgan_ext.training.settings import Settings

FAMILIES = {"pix2pix": "Pix2PixModel", "cyclegan": "CycleGANModel", "ugatit": "UGATITModel"}
_DEVICES = ("cpu", "gpu")
_WITHOUT_EFFECT = (
    "batch_size",
    "run_mode",
    "trt_min_shape",
    "trt_max_shape",
    "trt_opt_shape",
    "min_subgraph_size",
    "use_dynamic_shape",
    "trt_calib_mode",
)
_NOTE = "Translated by a neural network"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command, print where the images are, and return the exit code."""
    parser = RepeatableParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model_type", required=True, choices=FAMILIES, help="family of the model")
    parser.add_argument("--model_path", required=True, help="weights: .pdparams, .safetensors, .pth or .pt; no program")
    parser.add_argument("-c", "--config-file", required=True, help="the configuration, for its test images")
    parser.add_argument("-o", "--opt", nargs="+", default=[], metavar="KEY=VALUE", help="change the configuration")
    parser.add_argument("--output_path", default="infer_output", help="folder for the images (default: %(default)s)")
    parser.add_argument("--direction", choices=("a2b", "b2a"), help="the generator (default: the configuration's)")
    parser.add_argument("--device", default="gpu", metavar="{cpu,gpu}", help="device (default: gpu, if there is one)")
    parser.add_argument("--seed", type=int, help="seed of dropout (default: the configuration's)")
    for name in _WITHOUT_EFFECT:
        parser.add_argument(f"--{name}", nargs="?", help="accepted, no effect: PaddleGAN's, for an exported program")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    args = parser.parse_args(argv)
    return console.run(lambda: _run(args), args.debug, "interrupted; the images written so far are complete")


def _run(args: argparse.Namespace) -> int:
    if args.device not in _DEVICES:
        raise ConfigError(f"'{args.device}' is not supported", where="--device", cure="Choose cpu or gpu")
    settings = read_config(args.config_file, config.parse_overrides(args.opt))
    family = settings.model.name  # type: ignore[attr-defined]
    if family != FAMILIES[args.model_type]:
        cure = "Give the configuration that the model was trained with"
        raise ConfigError(f"is a {family}, not a {args.model_type} model", where=args.config_file, cure=cure)
    if not Path(args.model_path).is_file() and Path(f"{args.model_path}.pdiparams").is_file():
        cure = "Give its weights, such as iter_N_weight.pdparams, which also tell the architecture"
        raise ConfigError("is an exported program", where=args.model_path, cure=cure)
    runtime.import_paddle()
    device = runtime.choose_device(args.device == "cpu")
    seed = settings.seed if args.seed is None else args.seed
    folder = Path(args.output_path) / args.model_type
    ends = ends_of(args.direction or settings.model.direction)  # type: ignore[attr-defined]
    count = translate_test_images(settings, args.model_path, ends, folder, device, seed)
    print(f"{count} images in {folder}; for figures: tools/main.py --evaluate-only --load {args.model_path}")
    return console.DONE


def translate_test_images(settings: Settings, weights: str, ends: Ends, folder: Path, device: str, seed: int) -> int:
    """Translate the test images of a configuration and write them as 0.png, 1.png and so on.

    Args:
        settings: the configuration, of a family that translates images.
        weights: the file of the generator.
        ends: the domains to translate between.
        folder: for the images, made if missing.
        device: "cpu" or "gpu:0".
        seed: of dropout and of random transforms.

    Returns:
        The number of images.

    Raises:
        WeightsError: the file contains no such generator.
        InputError: an image does not fit the network.
    """
    from ppgan_ext.engine.translator import TranslatorEngine
    from ppgan_ext.training.samples import build_part
    from ppgan_ext.weights.translators import load_translator

    translator = load_translator(weights, "a2b" if ends.source == "A" else "b2a")
    part = "test" if settings.dataset.test is not None else "train"
    dataset = build_part(part, getattr(settings.dataset, part))
    engine = TranslatorEngine(translator.network, seed=seed, device=device)
    random = RandomStreams(seed)
    files.make_folder(folder)
    for index in range(len(dataset)):
        pixels = dataset.sample(index, random.generator("pictures", index))[ends.source][None]
        if pixels.shape[1] != translator.input_channels:
            what = f"has {pixels.shape[1]} channels, but the network takes {translator.input_channels}"
            raise InputError(what, where=f"test image {index}", cure="Give the configuration of its training")
        translator.options.check_image_size(pixels.shape[2], pixels.shape[3])
        made = engine.translate(pixels).pixels
        image = images.to_image(np.repeat(made, 3, axis=1) if made.shape[1] == 1 else made)
        pictures.write_image(folder / f"{index}.png", image, _NOTE)
    return len(dataset)
