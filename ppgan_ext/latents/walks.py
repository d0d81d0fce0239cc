"""Ways through latent space, frame by frame, for films."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from ppgan_ext.types import FloatArray


def between(stops: Sequence[Sequence[FloatArray]], num_frames: int) -> Iterator[list[FloatArray]]:
    """Pass through ``stops`` in straight lines with a soft start and end at each, ``num_frames`` from stop to stop.

    Args:
        stops: for each stop the codes of all faces.
        num_frames: frames from one stop up to, not including, the next.

    Yields:
        The codes of all faces for each frame, the last stop included.
    """
    for first, second in itertools.pairwise(stops):
        for frame in range(num_frames):
            share = 0.5 - 0.5 * np.cos(np.pi * frame / num_frames)
            yield [a + np.float32(share) * (b - a) for a, b in zip(first, second, strict=True)]
    yield list(stops[-1])


def around(codes: FloatArray, num_frames: int) -> Iterator[FloatArray]:
    """Walk from code to code and back to the first, so that a film of it can be played in a loop.

    Args:
        codes: (N, n_latent, D).
        num_frames: frames from one code up to, not including, the next.

    Yields:
        N * num_frames codes, (n_latent, D) each; a single code stands still.
    """
    path = between([[code] for code in (*codes, codes[0])], num_frames)
    return itertools.islice((code for (code,) in path), len(codes) * num_frames)
