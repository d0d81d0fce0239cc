"""The networks of encoder training: made from a configuration, or taken from a file that must agree with it."""

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

# encoder_type in pSp's files -> ours, where they differ.
_OLD_NAMES = {"PSPEncoder": "GradualStyleEncoder"}


class LatentNotes(nn.Layer):
    """Notes on the codes, kept as arrays, since a checkpoint of networks holds nothing else.

    Args:
        n_latent: rows of a code.
        style_dim: length of w.
        options: read by `weights.load`: the encoder's type, the crop.

    Attributes:
        latent_avg: buffer (n_latent, style_dim), to which the encoder's output is added.
        options: buffer, the options as text (`recognise.pack_options`).
        settled: buffer (1,), 1 when ``latent_avg`` belongs to the generator.
    """

    def __init__(self, n_latent: int, style_dim: int, options: dict[str, Any]) -> None:
        super().__init__()
        self.register_buffer("latent_avg", paddle.zeros([n_latent, style_dim]))
        self.register_buffer("options", paddle.to_tensor(pack_options(options)))
        self.register_buffer("settled", paddle.zeros([1], dtype="uint8"))

    def settle(self, mean: FloatArray) -> None:
        """Take the mean latent, (style_dim,) or (n_latent, style_dim)."""
        rows = np.broadcast_to(np.asarray(mean, np.float32), self.latent_avg.shape)
        self.latent_avg.set_value(np.ascontiguousarray(rows))
        self.settled.set_value(np.ones(1, np.uint8))

    def read(self) -> dict[str, Any]:
        """Return the options."""
        return unpack_options(self.options.numpy(), "latent.options")


def open_file(options: Pixel2Style2PixelOptions) -> FaceModel | None:
    """Load the file that the configuration names, if it names one.

    Raises:
        WeightsError: it cannot be had, read or recognised.
        ConfigError: its generator is not the one that `generator` describes.
    """
    if not options.has_file:
        return None
    model = load.load_face_model(options.model_type, options.generator_weight)
    if options.generator is not None:
        _check_agreement(options.generator, _architecture(model), model)
    return model


def make_generator(options: Pixel2Style2PixelOptions, model: FaceModel | None) -> StyleGANv2Generator:
    """Make a generator: the file's with its weights, or a fresh one."""
    if model is None:
        assert options.generator is not None, "`problems` has refused this"
        return options.generator.build()
    generator = StyleGANv2Generator(**_architecture(model).arguments())
    load.load_into(generator, _arrays(model.generator), model.path)
    return generator


def make_encoder(
    options: Pixel2Style2PixelOptions, generator: StyleGANv2Generator, model: FaceModel | None
) -> LightEncoder | PSPEncoder:
    """Make an encoder for a generator.

    A fresh one gives the mean latent for every image: its last layers are 0, so offsets are learnt from there, and
    heads that have not learnt yet add nothing.

    Raises:
        ConfigError: sizes that do not go together, or no encoder of this kind in the file it shall be taken from.
        WeightsError: the trunk's file cannot be had or does not fit.
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


def make_notes(options: Pixel2Style2PixelOptions, encoder: LightEncoder | PSPEncoder) -> LatentNotes:
    """Make the notes on the codes, not settled yet."""
    kind = type(encoder).__name__
    told = {
        "encoder_type": _OLD_NAMES.get(kind, kind),
        "crop": options.crop,
        "start_from_latent_avg": options.start_from_latent_avg,
    }
    return LatentNotes(encoder.n_latent, encoder.style_dim, told)


def _architecture(model: FaceModel) -> Architecture:
    return generator_architecture(_arrays(model.generator), model.path)


def _arrays(network: nn.Layer) -> dict[str, Any]:
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def _check_agreement(asked: StyleGANv2GeneratorOptions, found: Architecture, model: FaceModel) -> None:
    wrong = [
        f"{key} {getattr(asked, key)} where the file has {getattr(found, key)}"
        for key in ("size", "style_dim", "n_mlp")
        if getattr(asked, key) != getattr(found, key)
    ]
    table = channel_table(asked.channel_multiplier, asked.channel_base, asked.channel_cap)
    other = [resolution for resolution, count in found.channels.items() if table[resolution] != count]
    if other:
        first = other[0]
        wrong.append(f"{table[first]} channels at {first} px where the file has {found.channels[first]}")
    if wrong:
        cure = f"Leave the block out, or describe the generator of {model.path}: {found}"
        raise ConfigError(f"is not the file's: {', '.join(wrong)}", where="model.generator", cure=cure)


def _load_encoder(encoder: LightEncoder | PSPEncoder, model: FaceModel | None) -> None:
    given = None if model is None else model.encoder
    if model is None or type(given) is not type(encoder):
        found = "no encoder" if given is None else f"a {type(given).__name__}"
        where = "model.encoder.pretrained"
        path = "" if model is None else f"{model.path} "
        cure = "Set pretrained: false, or name and code of the file's"
        raise ConfigError(f"{path}holds {found}, a {type(encoder).__name__} is asked for", where=where, cure=cure)
    assert given is not None
    load.load_into(encoder, _arrays(given), model.path, cure="Give the encoder's block the numbers of the file")


def _load_trunk(encoder: PSPEncoder, name: str) -> None:
    path = store.locate(catalog.ARCFACE) if name == TRUNK_ARCFACE else store.locate(catalog.ARCFACE, name)
    state = load.load_state(path)
    for part in ("input_layer", "body"):
        own = {key[len(part) + 1 :]: array for key, array in state.items() if key.startswith(f"{part}.")}
        load.load_into(getattr(encoder, part), own, path, cure="Give ArcFace's IR-SE-50, for a style_dim of 512")
