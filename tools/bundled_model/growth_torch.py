"""Start a network from one of half its size, as progressive growing does (arXiv 1710.10196)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

_NEW_LAYER = 0.05  # what is new starts nearly silent: the grown model first draws the enlarged small image
_HEAD = r"heads\.\d\.1\..+"  # the last layer of a head, whose rows are its level's codes


def grow(part: str, arrays: Mapping[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return ``own`` with all that the smaller network has in its place; arrays of the same size as they are.

    A generator's layers keep their names, the new ones come behind them. A trunk's blocks count from the image down, so
    its old blocks move by one. The encoder's last heads get rows for two more layers.

    Args:
        part: "generator", "discriminator" or "encoder".
        arrays: of a network of the same or half the size.
        own: state of the network to fill.

    Raises:
        ValueError: it is neither.
    """
    if all(own[name].shape == array.shape for name, array in arrays.items() if name in own) and set(arrays) == set(own):
        return dict(arrays)
    grown = {name: tensor.clone() for name, tensor in own.items()}
    last = max((name for name in own if re.fullmatch(r"rgbs\.\d+\.weight", name)), default=None)
    if last is not None and last not in arrays:
        grown[last] *= _NEW_LAYER
    for name, array in arrays.items():
        target = _target(part, name)
        if target is None:
            continue
        if target not in grown:
            raise ValueError(f"there is no place for {name}")
        if grown[target].shape == array.shape:
            grown[target] = array
        elif re.fullmatch(_HEAD, target) and len(array) < len(own[target]):
            grown[target] *= _NEW_LAYER
            grown[target][: len(array)] = array
        else:
            raise ValueError(f"{name} is {tuple(array.shape)}, {tuple(grown[target].shape)} is needed")
    return grown


def _target(part: str, name: str) -> str | None:
    block = re.fullmatch(r"blocks\.(\d+)\.(.+)", name)
    if part == "generator" or block is None:
        # The smaller trunk reads its image with as many channels as the grown one has one block further down.
        return name if part == "generator" or not name.startswith("from_rgb.") else None
    return f"blocks.{int(block[1]) + 1}.{block[2]}"
