"""One seed for Python, NumPy and Paddle, and saving and restoring the state of their generators."""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np

MAX_SEED = 2**32 - 1


def check_seed(seed: int) -> int:
    """Return the seed as an int.

    Raises:
        ConfigError: the seed is not in [0, 2**32 - 1], NumPy's range.
    """
    if not 0 <= int(seed) <= MAX_SEED:
        from ppgan_ext.errors import ConfigError

        raise ConfigError(f"must lie between 0 and {MAX_SEED}, got {seed}", where="seed")
    return int(seed)


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and Paddle's global generators."""
    import paddle

    check_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    paddle.seed(seed)


def generator(seed: int | None) -> np.random.Generator:
    """Return a new, independent NumPy generator; None draws its seed from the operating system."""
    return np.random.default_rng(None if seed is None else check_seed(seed))


def save_state() -> dict[str, Any]:
    """Return the state of all global generators, for :func:`restore_state`.

    Paddle's state is included only if Paddle has been imported.
    """
    state: dict[str, Any] = {"python": random.getstate(), "numpy": np.random.get_state()}
    if "paddle" in sys.modules:
        import paddle

        state["paddle"] = paddle.get_rng_state()
        if paddle.is_compiled_with_cuda():
            state["paddle_cuda"] = paddle.get_cuda_rng_state()
    return state


def restore_state(state: dict[str, Any]) -> None:
    """Restore all global generators to a state returned by :func:`save_state`."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    if "paddle" in state:
        import paddle

        paddle.set_rng_state(state["paddle"])
        if "paddle_cuda" in state:
            paddle.set_cuda_rng_state(state["paddle_cuda"])


def pack_state(state: dict[str, Any]) -> dict[str, Any]:
    """Convert a state of :func:`save_state` to plain numbers, text and arrays, which a weight file can store."""
    return {
        name: [_pack_generator(item) for item in value] if name.startswith("paddle") else value
        for name, value in state.items()
    }


def unpack_state(packed: dict[str, Any]) -> dict[str, Any]:
    """Undo :func:`pack_state`: the result is accepted by :func:`restore_state`."""
    state = dict(packed)
    state["python"] = (packed["python"][0], tuple(packed["python"][1]), packed["python"][2])
    for name in packed:
        if name.startswith("paddle"):
            state[name] = [_unpack_generator(item) for item in packed[name]]
    return state


def _pack_generator(state: Any) -> list[Any]:
    """Split the state of a Paddle generator into device, seed, offset and the bytes of its engine."""
    device, seed, offset, engine = state.__getstate__()
    return [device, seed, offset, np.array(engine, np.uint8)]


def _unpack_generator(item: list[Any]) -> Any:
    import paddle

    device, seed, offset, engine = item
    kind: Any = type(paddle.get_rng_state()[0])
    state = kind.__new__(kind)
    state.__setstate__((device, seed, offset, engine.tolist()))
    return state
