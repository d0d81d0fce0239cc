"""A generator, an encoder and perceptual distances of toy size, for tests that fit codes and tune generators."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import paddle

from ppgan_ext.engine import EncoderEngine, Engine, Synthesizer
from ppgan_ext.losses.perceptual import FeatureDistance, bundled_distance
from ppgan_ext.networks.light_encoder import LightEncoder
from ppgan_ext.networks.stylegan2 import StyleGANv2Generator
from ppgan_ext.networks.stylegan2_discriminator import StyleGANv2Discriminator

SIZE, STYLE_DIM, N_LATENT = 32, 24, 8


def toy_engine() -> Engine:
    """Return an uncompiled engine whose model has only a name and two passes of the encoder."""
    paddle.seed(3)
    generator = StyleGANv2Generator(SIZE, style_dim=STYLE_DIM, n_mlp=2, channel_base=256, channel_cap=16)
    for block in [generator.conv1, *generator.convs]:
        block.noise.weight.set_value(paddle.full([1], 0.3))  # initially generators ignore their noise
    encoder = LightEncoder(SIZE, 256, 16, style_dim=STYLE_DIM)
    average = np.zeros((N_LATENT, STYLE_DIM), np.float32)
    model = SimpleNamespace(name="toy", record=SimpleNamespace(encoder_passes=2))
    return Engine(
        Synthesizer(generator, compiled=False), EncoderEngine(encoder, average, compiled=False), cast(Any, model)
    )


def toy_perceptual() -> FeatureDistance:
    """Return a distance on the features of a random discriminator."""
    paddle.seed(4)
    return bundled_distance(StyleGANv2Discriminator(SIZE, channel_base=256, channel_cap=16), "toy")


class PlainDistance:
    """Mean squared difference of pixels, which replaces a perceptual network to save time."""

    name = "plain"

    def prepare(self, target):
        """Return the target itself."""
        return [target]

    def distance(self, pixels, features):
        """Return one distance per image, (N,)."""
        return ((pixels - features[0]) ** 2).mean(axis=[1, 2, 3])
