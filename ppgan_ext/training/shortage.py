"""What is said where memory is short: what needs it, and what can be made smaller, by its name in the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ppgan_ext.errors import TrainingError

if TYPE_CHECKING:
    from ppgan_ext.training.settings import Settings

_WIDTHS = ("ngf", "ndf", "channel_base")  # of which the channels of all layers are multiples


def smaller(settings: Settings) -> str:
    """Return what needs less memory, such as "Lower dataset.train.batch_size (8), ...", without a full stop."""
    parts = []
    if settings.batch_size > 1:
        parts.append(f"dataset.train.batch_size ({settings.batch_size}; accumulate makes up for it)")
    train = settings.dataset.train
    parts.append(f"the images' size (dataset.train.{'size' if hasattr(train, 'size') else 'preprocess'})")
    if widths := dict.fromkeys(_widths(settings.model.model_dump(), "model")):
        parts.append(f"the networks' width ({', '.join(widths)})")
    return f"Lower {', '.join(parts[:-1])}{' or ' if parts[:-1] else ''}{parts[-1]}"


def shortage(settings: Settings, what: str, then: str = "") -> TrainingError:
    """Return the error for a `MemoryError`.

    Args:
        settings: the configuration.
        what: what was done, such as "iteration 3".
        then: how to go on afterwards.
    """
    cure = "; ".join(text for text in (smaller(settings), then) if text)
    return TrainingError(f"{what} needs more memory than there is", where=settings.name, cure=cure)


def _widths(block: Mapping[str, Any], path: str) -> Iterator[str]:
    for key, value in block.items():
        if isinstance(value, Mapping):
            yield from _widths(value, f"{path}.{key}")
        elif key in _WIDTHS:
            yield f"{path}.{key}"
