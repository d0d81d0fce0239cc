"""The networks of encoder training, created from a configuration or from a file that must agree with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import paddle
from paddle import nn

from ppgan_ext.errors import ConfigError
from ppgan_ext.networks import LightEncoder, PSPEncoder, StyleGANv2Generator
from ppgan_ext.networks.sizes import channel_table
from ppgan_ext.networks.stylegan2_options import StyleGANv2GeneratorOptions
from ppgan_ext.training.families.psp.options import TRUNK_ARCFACE, Pixel2Style2PixelOptions, PSPEncoderBlock
from ppgan_ext.types import FloatArray
from ppgan_ext.weights import catalog, load, store
from ppgan_ext.weights.architecture import Architecture, generator_architecture
from ppgan_ext.weights.recognise import pack_options, unpack_options

if TYPE_CHECKING:
    from ppgan_ext.weights.load import FaceModel

# Class of an encoder -> its `encoder_type` in pSp's files, if they differ.
_PSP_NAMES = {"PSPEncoder": "GradualStyleEncoder"}


class LatentMetadata(nn.Layer):
    """The mean latent and the meaning of the codes, stored as arrays because a file of networks contains only arrays.

    Args:
        n_latent: number of rows of a code.
        style_dim: length of w.
        options: the encoder's type, the crop, and whether codes start at the mean latent; read by `weights.load`.

    Attributes:
        latent_avg: buffer (n_latent, style_dim), which is added to the encoder's output.
        options: buffer with the packed options (`recognise.pack_options`).
        settled: buffer (1,); 1 if ``latent_avg`` has been set.
    """

    def __init__(self, n_latent: int, style_dim: int, options: dict[str, Any]) -> None:
        super().__init__()
        self.register_buffer("latent_avg", paddle.zeros([n_latent, style_dim]))
        self.register_buffer("options", paddle.to_tensor(pack_options(options)))
        self.register_buffer("settled", paddle.zeros([1], dtype="uint8"))

    def set_mean(self, mean: FloatArray) -> None:
        """Set the mean latent, (style_dim,) or (n_latent, style_dim)."""
        rows = np.broadcast_to(np.asarray(mean, np.float32), self.latent_avg.shape)
        self.latent_avg.set_value(np.ascontiguousarray(rows))
        self.settled.set_value(np.ones(1, np.uint8))

    def read_options(self) -> dict[str, Any]:
        """Return the options as a dict."""
        return unpack_options(self.options.numpy(), "latent.options")


def open_file(options: Pixel2Style2PixelOptions) -> FaceModel | None:
    """Load the file that the configuration names; return None if it names none.

    Raises:
        WeightsError: the file cannot be found, downloaded, read or recognised.
        ConfigError: its generator differs from the one that `generator` describes.
    """
    if not options.has_file:
        return None
    model = load.load_face_model(options.model_type, options.generator_weight)
    if options.generator is not None:
        _check_agreement(options.generator, _architecture(model), model)
    return model


def make_generator(options: Pixel2Style2PixelOptions, model: FaceModel | None) -> StyleGANv2Generator:
    """Create the generator of the file with its weights, or without a file one with random weights."""
    if model is None:
        assert options.generator is not None, "`problems` rejects a missing block"
        return options.generator.build()
    generator = StyleGANv2Generator(**_architecture(model).arguments())
    load.load_into(generator, _arrays(model.generator), model.path)
    return generator


def make_encoder(
    options: Pixel2Style2PixelOptions, generator: StyleGANv2Generator, model: FaceModel | None
) -> LightEncoder | PSPEncoder:
    """Create an encoder for a generator.

    A new encoder returns the mean latent for every image, because its last layers are 0: the offsets are learnt from
    0, and heads that have not learnt yet add nothing.

    Args:
        options: the encoder's block.
        generator: the generator that it encodes for.
        model: the file that a pretrained encoder comes from.

    Raises:
        ConfigError: the sizes do not fit each other, or the file contains no encoder of this kind.
        WeightsError: the trunk's file cannot be found, downloaded or read, or does not fit.
    """
    block = options.encoder
    encoder: LightEncoder | PSPEncoder = block.build(generator.size, generator.style_dim)
    if isinstance(encoder, LightEncoder):
        last = [head[1] for head in encoder.heads]
    else:
        last = [style.linear for style in encoder.styles]
    if isinstance(block, PSPEncoderBlock) and block.trunk_weight is not None:
        _load_trunk(encoder, block.trunk_weight)
    for layer in last:
        layer.weight.set_value(paddle.zeros_like(layer.weight))
    if block.pretrained:
        _load_encoder(encoder, model)
    return encoder


def make_metadata(options: Pixel2Style2PixelOptions, encoder: LightEncoder | PSPEncoder) -> LatentMetadata:
    """Create the metadata of an encoder's codes, with a mean latent of 0."""
    kind = type(encoder).__name__
    latent_options = {
        "encoder_type": _PSP_NAMES.get(kind, kind),
        "crop": options.crop,
        "start_from_latent_avg": options.start_from_latent_avg,
    }
    return LatentMetadata(encoder.n_latent, encoder.style_dim, latent_options)


def _architecture(model: FaceModel) -> Architecture:
    return generator_architecture(_arrays(model.generator), model.path)


def _arrays(network: nn.Layer) -> dict[str, Any]:
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def _check_agreement(options: StyleGANv2GeneratorOptions, architecture: Architecture, model: FaceModel) -> None:
    """Check that the configuration describes the generator of the file."""
    differences = [
        f"{key} {getattr(options, key)} where the file has {getattr(architecture, key)}"
        for key in ("size", "style_dim", "n_mlp")
        if getattr(options, key) != getattr(architecture, key)
    ]
    table = channel_table(options.channel_multiplier, options.channel_base, options.channel_cap)
    others = [resolution for resolution, count in architecture.channels.items() if table[resolution] != count]
    if others:
        first = others[0]
        differences.append(f"{table[first]} channels at {first} px where the file has {architecture.channels[first]}")
    if differences:
        cure = f"Omit the block, or describe the generator of {model.path}: {architecture}"
        raise ConfigError(f"differs from the file: {', '.join(differences)}", where="model.generator", cure=cure)


def _load_encoder(encoder: LightEncoder | PSPEncoder, model: FaceModel | None) -> None:
    """Load the weights of a file's encoder, which must be of the same class."""
    source = None if model is None else model.encoder
    if model is None or source is None or type(source) is not type(encoder):
        content = "no encoder" if source is None else f"a {type(source).__name__}"
        path = "the configuration's file" if model is None else str(model.path)
        what = f"{path} contains {content}, but the configuration describes a {type(encoder).__name__}"
        cure = "Set pretrained: false, or name and code as in the file"
        raise ConfigError(what, where="model.encoder.pretrained", cure=cure)
    load.load_into(encoder, _arrays(source), model.path, cure="Set the encoder's sizes as in the file")


def _load_trunk(encoder: PSPEncoder, name: str) -> None:
    """Load the weights of ArcFace's trunk from a file, or from PaddleGAN's file."""
    path = store.locate(catalog.ARCFACE) if name == TRUNK_ARCFACE else store.locate(catalog.ARCFACE, name)
    state = load.load_state(path)
    for part in ("input_layer", "body"):
        own = {key[len(part) + 1 :]: array for key, array in state.items() if key.startswith(f"{part}.")}
        load.load_into(
            getattr(encoder, part), own, path, cure="Use the file of ArcFace's IR-SE-50, with a style_dim of 512"
        )
