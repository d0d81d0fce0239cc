"""All randomness of a training run, as a function of what it is for.

A counter-based generator (Philox 4x64, Salmon et al. 2011) is keyed by the seed and the name of a stream and starts at
a counter made of iteration and shard. So there is no state to save or to lose, an iteration draws the same numbers
whatever came before it, and a shard does so in whichever process it is computed.
"""

from __future__ import annotations

import hashlib

import numpy as np

from ppgan_ext.seeding import check_seed
from ppgan_ext.types import FloatArray


class RandomStreams:
    """Random numbers of a run.

    Args:
        seed: of everything.
    """

    def __init__(self, seed: int) -> None:
        self.seed = check_seed(seed)

    def generator(self, stream: str, iteration: int, shard: int = 0) -> np.random.Generator:
        """Return a generator of its own.

        Args:
            stream: what the numbers are for; other names give other numbers.
            iteration: from 0.
            shard: number of the shard over all processes.
        """
        name = int.from_bytes(hashlib.sha256(stream.encode()).digest()[:8], "little")
        # The low word of the counter counts the numbers drawn.
        bits = np.random.Philox(key=[self.seed, name], counter=[0, 0, shard, iteration])
        return np.random.Generator(bits)

    def normal(self, stream: str, iteration: int, shard: int, shape: tuple[int, ...]) -> FloatArray:
        """Draw standard normal numbers, float32."""
        return self.generator(stream, iteration, shard).standard_normal(shape, np.float32)
