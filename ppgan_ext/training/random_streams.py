"""All random numbers of a training run, as functions of seed, purpose, iteration and shard.

A counter-based generator (Philox 4x64, Salmon et al. 2011) is keyed by the seed and the name of a stream, and starts at
a counter made of iteration and shard. It therefore has no state to save: an iteration draws the same numbers whatever
was drawn before it, and a shard draws the same numbers in any process.
"""

from __future__ import annotations

import hashlib

import numpy as np

from ppgan_ext.seeding import check_seed
from ppgan_ext.types import FloatArray


class RandomStreams:
    """The random numbers of a run.

    Args:
        seed: seed of the run.

    Raises:
        ConfigError: the seed is out of range.
    """

    def __init__(self, seed: int) -> None:
        self.seed = check_seed(seed)

    def generator(self, stream: str, iteration: int, shard: int = 0) -> np.random.Generator:
        """Return a fresh generator; equal arguments always yield equal numbers.

        Args:
            stream: purpose of the numbers; each name has its own numbers.
            iteration: at least 0.
            shard: number of the shard, counted over all processes.
        """
        name = int.from_bytes(hashlib.sha256(stream.encode()).digest()[:8], "little")
        # The low word of the counter advances as numbers are drawn.
        bits = np.random.Philox(key=[self.seed, name], counter=[0, 0, shard, iteration])
        return np.random.Generator(bits)

    def normal(self, stream: str, iteration: int, shard: int, shape: tuple[int, ...]) -> FloatArray:
        """Draw standard normal numbers of a shape, float32; arguments as for `generator`."""
        return self.generator(stream, iteration, shard).standard_normal(shape, np.float32)
