"""What `paddle.distributed.launch` tells the processes that it starts, by environment variables."""

from __future__ import annotations

import hashlib
import os

from ppgan_ext.errors import ConfigError

_RANK, _SIZE = "PADDLE_TRAINER_ID", "PADDLE_TRAINERS_NUM"
# Free ports, chosen anew at each start, and alike in all processes of it.
_CHOSEN_AT_START = ("PADDLE_TRAINER_ENDPOINTS", "PADDLE_MASTER")


def launched_rank() -> int:
    """Return the rank of this process from the launcher's environment; 0 without a launcher.

    Raises:
        ConfigError: the environment contradicts itself.
    """
    rank, size = _number(_RANK, 0), launched_size()
    if _SIZE in os.environ and rank >= size:
        raise ConfigError(f"is {rank}, but {_SIZE} is {size}", where=_RANK, cure="Ranks count from 0")
    return rank


def launched_size() -> int:
    """Return the number of processes from the launcher's environment; 1 without a launcher.

    Raises:
        ConfigError: the environment holds no such number.
    """
    return max(_number(_SIZE, 1), 1)


def launch_name() -> str:
    """Return a word that the processes of one start share, and other starts do not have."""
    text = "\n".join(os.environ.get(name, "") for name in _CHOSEN_AT_START)
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ConfigError(f"is '{text}', not a number", where=name, cure="Start with paddle.distributed.launch")
    return int(text)
