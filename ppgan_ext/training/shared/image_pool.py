"""Pools of earlier generated images, from which a discriminator learns too (arXiv 1612.07828, section 2.3).

A pool belongs to one shard, and its draws depend on seed, purpose, iteration and shard alone. So a resumed run and any
number of processes meet the same images.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import WeightsError
from ppgan_ext.training.tensors import from_array
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    import paddle

    from ppgan_ext.training.shared.phases import Shard

_SWAP_SHARE = 0.5


class ImagePools:
    """One pool for each of this process's shards and each kind of image.

    Args:
        size: images in a pool; 0: images pass unchanged.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._pools: dict[tuple[int, str], list[FloatArray]] = {}

    def exchange(self, shard: Shard, name: str, images: paddle.Tensor) -> paddle.Tensor:
        """Put new images into a shard's pool, and return as many images of the pool and of the new ones.

        While the pool is not full, new images enter it and are returned. Later, half of them take the place of an
        earlier one, which is returned instead.

        Args:
            shard: the shard, to which the pool belongs.
            name: kind of the images.
            images: new images (N, C, H, W), detached.

        Returns:
            (N, C, H, W).
        """
        if not self.size:
            return images
        pool = self._pools.setdefault((shard.number, name), [])
        rng = shard.generator(f"pool {name}")
        chosen = []
        for image in images.numpy():
            swap, slot = bool(rng.random() < _SWAP_SHARE), int(rng.integers(self.size))
            if len(pool) < self.size:
                pool.append(image)
            elif swap:
                pool[slot], image = image, pool[slot]
            chosen.append(image)
        return from_array(np.stack(chosen))

    def state(self, shard: int) -> dict[str, npt.NDArray]:
        """Return the pools of a shard, name -> (n, C, H, W) float32."""
        return {f"pool_{name}": np.stack(pool) for (number, name), pool in self._pools.items() if number == shard}

    def load_state(self, shard: int, state: Mapping[str, npt.NDArray]) -> None:
        """Restore what `state` returned; of a pool larger than the present size, the first images.

        Raises:
            WeightsError: the state has other names.
        """
        for key, images in state.items():
            prefix, _, name = key.partition("_")
            if prefix != "pool" or np.ndim(images) != 4:
                cure = "Resume with the configuration that the checkpoint was written with"
                raise WeightsError(f"contains shard state that this task does not use: {key}", cure=cure)
            self._pools[shard, name] = list(np.asarray(images, np.float32)[: self.size])
