"""One seed for Python, NumPy and Paddle, and the state to go on from."""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np

MAX_SEED = 2**32 - 1


def check_seed(seed: int) -> int:
    """Return the seed, refused if it is not in [0, 2**32 - 1] (NumPy's range)."""
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
    """A NumPy generator of its own; None draws a fresh seed from the operating system."""
    return np.random.default_rng(None if seed is None else check_seed(seed))


def save_state() -> dict[str, Any]:
    """Take the state of all global generators, to be given back by :func:`restore_state`.

    Paddle's part is taken only if Paddle has been imported.
    """
    state: dict[str, Any] = {"python": random.getstate(), "numpy": np.random.get_state()}
    if "paddle" in sys.modules:
        import paddle

        state["paddle"] = paddle.get_rng_state()
        if paddle.is_compiled_with_cuda():
            state["paddle_cuda"] = paddle.get_cuda_rng_state()
    return state


def restore_state(state: dict[str, Any]) -> None:
    """Put all global generators back to where :func:`save_state` found them."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    if "paddle" in state:
        import paddle

        paddle.set_rng_state(state["paddle"])
        if "paddle_cuda" in state:
            paddle.set_cuda_rng_state(state["paddle_cuda"])


def pack_state(state: dict[str, Any]) -> dict[str, Any]:
    """Turn what :func:`save_state` took into numbers, text and arrays alone, which a weight file can hold."""
    return {
        name: [_pack_generator(item) for item in value] if name.startswith("paddle") else value
        for name, value in state.items()
    }


def unpack_state(packed: dict[str, Any]) -> dict[str, Any]:
    """Turn what :func:`pack_state` gave back into what :func:`restore_state` takes."""
    state = dict(packed)
    state["python"] = (packed["python"][0], tuple(packed["python"][1]), packed["python"][2])
    for name in packed:
        if name.startswith("paddle"):
            state[name] = [_unpack_generator(item) for item in packed[name]]
    return state


def _pack_generator(state: Any) -> list[Any]:
    """Take a state of Paddle apart: device, seed, offset, and the text that describes the engine."""
    device, seed, offset, engine = state.__getstate__()
    return [device, seed, offset, np.array(engine, np.uint8)]


def _unpack_generator(item: list[Any]) -> Any:
    import paddle

    device, seed, offset, engine = item
    kind: Any = type(paddle.get_rng_state()[0])
    state = kind.__new__(kind)
    state.__setstate__((device, seed, offset, engine.tolist()))
    return state
