"""Random images of a StyleGAN2 generator whose latents and noise depend only on the seed and the image's number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import paddle

from ppgan_ext.training.tensors import from_array

if TYPE_CHECKING:
    from ppgan_ext.networks import StyleGANv2Generator
    from ppgan_ext.nn import Form
    from ppgan_ext.training.random_streams import RandomStreams


def draw_noise(generator: StyleGANv2Generator, num_images: int, rng: np.random.Generator) -> Iterator[paddle.Tensor]:
    """Draw one noise image per layer and sample.

    Args:
        generator: the generator that will use them.
        num_images: number of samples, N.
        rng: generator of random numbers.

    Yields:
        (N, 1, r, r), standard normal, for each layer with noise in order.
    """
    for side in generator.noise_sides():
        yield from_array(rng.standard_normal((num_images, 1, side, side), np.float32))


@paddle.no_grad()
def random_images(
    generator: StyleGANv2Generator, random: RandomStreams, first: int, count: int, form: Form
) -> paddle.Tensor:
    """Render numbered samples for metrics; z and noise of a sample depend on its number, not on the batch.

    Args:
        generator: the generator.
        random: the random numbers of the run.
        first: number of the first sample, from 0.
        count: number of samples.
        form: form in which the generator is called.

    Returns:
        (count, 3, S, S), about [-1, 1].
    """
    rngs = [random.generator("metrics", 0, first + index) for index in range(count)]
    z = np.stack([rng.standard_normal(generator.style_dim, np.float32) for rng in rngs])
    noises = [list(draw_noise(generator, 1, rng)) for rng in rngs]
    noise = [paddle.concat(list(layer)) for layer in zip(*noises, strict=True)]
    return generator.render(generator.mapping(from_array(z)), noise, form)
