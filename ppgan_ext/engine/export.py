"""A generator as a program for anybody's paddle.inference: what PaddleGAN's tools/export_model.py makes of StyleGAN2.

The program has PaddleGAN's two inputs: ``style`` (1, N, style_dim), normally distributed z, and ``truncation`` (1, 1)
or (N, 1), psi. It departs from PaddleGAN's in four things:

* the averaged generator is exported where the file has one, since it draws the better images (PaddleGAN: ``gen``);
* noise is the fixed one of the weights (PaddleGAN: random), so that a code has one image, the network's;
* the mean w is a constant (PaddleGAN draws 10240 codes in every run and so never gets the same one twice);
* truncation is linear for every psi (PaddleGAN: only below 1).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle.static import InputSpec
from pydantic import BaseModel

from ppgan_ext import config
from ppgan_ext.engine.compiled import save_program
from ppgan_ext.engine.program_files import check_file_name, check_result, open_program, write_verified
from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.networks import StyleGANv2Generator
from ppgan_ext.networks.stylegan2_options import StyleGANv2GeneratorOptions
from ppgan_ext.nn.activation import ROOT2, SLOPE
from ppgan_ext.weights import load
from ppgan_ext.weights.network_builders import build_lazily, network_builders

DEFAULT_NAME = "stylegan2model_gen"
DEFAULT_FOLDER = "inference_model"
INPUTS = ("style", "truncation")


class _ModelBlock(BaseModel):
    generator: StyleGANv2GeneratorOptions


class _Configuration(BaseModel):
    """All that matters here of a training configuration: a mistake in its data set is no obstacle to an export."""

    model: _ModelBlock


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        prefix: path of the files without their suffixes.
        files: the program and its weights.
        net_name: the network in the weight file; "" where the file holds one only.
        input_shapes: by the inputs' names; -1 is any number.
        error: the largest difference from the network's images, as a share of the largest value; None: not told.
    """

    prefix: Path
    files: tuple[Path, ...]
    net_name: str
    input_shapes: Mapping[str, tuple[int, ...]]
    error: float | None = None

    def __str__(self) -> str:
        inputs = ", ".join(f"{name} {shape}" for name, shape in self.input_shapes.items())
        source = f" (network {self.net_name})" if self.net_name else ""
        parity = "" if self.error is None else f"; at most {self.error:.1g} of the largest value off the network"
        return f"exported{source}: {' and '.join(map(str, self.files))}; inputs: {inputs}{parity}"


def export_model(
    config_path: str | os.PathLike[str],
    weight_path: str | os.PathLike[str],
    output_dir: str | os.PathLike[str] = DEFAULT_FOLDER,
    *,
    overrides: Mapping[str, Any] | None = None,
    inputs_size: str | None = None,
    model_name: str = DEFAULT_NAME,
    net_name: str | None = None,
) -> Exported:
    """Export the generator of a weight file.

    Args:
        config_path: the training configuration, of which only ``model.generator`` is read.
        weight_path: weights or checkpoint, of any layout that is known.
        output_dir: folder of the files, made if missing.
        overrides: dotted key -> value, which win over the configuration's.
        inputs_size: shapes of the inputs as PaddleGAN's ``-s`` writes them, "1,1,512;1,1"; -1 for any number of images.
        model_name: name of the files without their suffixes.
        net_name: the network to take out of a checkpoint; None prefers the averaged generator.

    Raises:
        ConfigError: a mistake in ``model.generator`` or in the shapes.
        InputError: the configuration cannot be read.
        WeightsError: the weights cannot be read, or are not those of this configuration.
        OutputError: the files cannot be written, or compute other images than the network.
    """
    options = config.load_options(_Configuration, config_path, overrides).model.generator
    shapes = _input_shapes(inputs_size, options.style_dim)
    check_file_name(model_name)
    generator, chosen = _load(options, Path(weight_path), net_name)
    written = export_generator(generator, Path(output_dir) / model_name, shapes)
    return Exported(Path(output_dir) / model_name, written, chosen, dict(zip(INPUTS, shapes, strict=True)))


def export_generator(
    generator: StyleGANv2Generator, prefix: Path, input_shapes: Sequence[Sequence[int]] | None = None
) -> tuple[Path, ...]:
    """Write a generator's program, run it as anybody would, and compare its images with the network's.

    Args:
        generator: in eval mode; ``w_avg`` is estimated if nobody has set it.
        prefix: path of the files without their suffixes; older ones are replaced once the new ones are verified.
        input_shapes: of ``style`` and ``truncation``; default for one image.

    Returns:
        The program's file and the file of its weights.

    Raises:
        ConfigError: a generator that needs feature maps, not noise.
        OutputError: the files cannot be written, or compute other images than the network.
    """
    if generator.is_concat:
        raise ConfigError("a generator that concatenates feature maps has no program of codes", where="is_concat")
    generator.ensure_w_avg(load.W_AVG_SEED)
    shapes = input_shapes or _input_shapes(None, generator.style_dim)

    def draw(style: paddle.Tensor, truncation: paddle.Tensor) -> paddle.Tensor:
        w = _mapping(generator, style.reshape([-1, generator.style_dim]))
        w = generator.w_avg + (w - generator.w_avg) * truncation.reshape([-1, 1])
        return generator.render(w)

    inputs = [InputSpec(list(shape), "float32", name) for shape, name in zip(shapes, INPUTS, strict=True)]

    def save(fresh: Path) -> None:
        save_program(generator, draw, inputs, fresh)
        _verify(generator, fresh, shapes)

    return write_verified(prefix, save)


def _mapping(generator: StyleGANv2Generator, z: paddle.Tensor) -> paddle.Tensor:
    """Compute ``generator.mapping`` with the activation as a maximum.

    Paddle 3.3 crashes on a matrix product with a leaky ReLU behind it as soon as somebody runs the program with the
    passes that are on by default on a CPU (see ``compiled._BROKEN_PASSES``), and whoever loads the file cannot know.
    """
    norm, *layers = generator.style
    w = norm(z)
    for layer in layers:
        y = paddle.matmul(w, layer.weight * layer.scale) + layer.bias * layer.lr_mul
        w = paddle.maximum(y, y * SLOPE) * ROOT2
    return w


def _load(options: StyleGANv2GeneratorOptions, path: Path, net_name: str | None) -> tuple[StyleGANv2Generator, str]:
    """Build the configuration's generator and fill it from the file, strictly."""
    checkpoint, _ = load.read_checkpoint(path, net_name)
    if "generator" not in checkpoint.parts:
        raise WeightsError(f"holds no generator ({checkpoint.layout})", where=path)
    network_builders(checkpoint, path)  # completes the fixed noise, which early files lack
    generator = build_lazily(options.build)
    unknown, cure = checkpoint.unknown.get("generator", ()), "Give the configuration that it was trained with"
    load.load_into(generator, checkpoint.parts["generator"], path, unknown=unknown, cure=cure, consume=True)
    generator.eval()
    mean = checkpoint.latent_avg
    if mean is not None and mean.reshape(-1, mean.shape[-1]).shape == (1, options.style_dim):
        generator.set_w_avg(mean)
    return generator, checkpoint.names.get("generator", "")


def _input_shapes(text: str | None, style_dim: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Read shapes as ``-s`` writes them and check that they are those of a style and a truncation.

    Raises:
        ConfigError: other shapes.
    """
    if text is None:
        return (1, 1, style_dim), (1, 1)
    cure = f"Write 1,1,{style_dim};1,1 (or 1,N,{style_dim};N,1 for N images, -1 for any number)"
    try:
        style, truncation = (tuple(int(side) for side in shape.split(",")) for shape in text.split(";"))
    except ValueError:
        raise ConfigError(f"'{text}' is not two shapes", where="inputs_size", cure=cure) from None
    num_images = style[1] if len(style) == 3 else 0
    if style != (1, num_images, style_dim) or not (num_images > 0 or num_images == -1):
        raise ConfigError(f"style cannot be of shape {style}", where="inputs_size", cure=cure)
    if truncation not in ((1,), (1, 1), (num_images, 1)):
        raise ConfigError(f"truncation cannot be of shape {truncation}", where="inputs_size", cure=cure)
    return style, truncation


def _verify(generator: StyleGANv2Generator, prefix: Path, shapes: Sequence[Sequence[int]]) -> None:
    """Run the program with Paddle's default passes and compare it with the network, twice, with other inputs."""
    run = open_program(prefix)
    rng = np.random.default_rng(0)
    for psi in (0.7, 1.0):
        style, truncation = ([2 if side == -1 else side for side in shape] for shape in shapes)
        z = rng.standard_normal(style).astype(np.float32)
        with paddle.no_grad():
            w = generator.get_latents(paddle.to_tensor(z[0]), psi)
            expected = generator.render(w).numpy()
        check_result(run(z, np.full(truncation, psi, np.float32)), expected, prefix.name)
