"""Photos that a run shows again and again, to see how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgan_ext.data.datasets import build_dataset
from ppgan_ext.errors import InputError
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    from ppgan_ext.training.random_streams import Draws
    from ppgan_ext.training.schema import Settings


def read_samples(settings: Settings, draws: Draws, count: int, *, training: bool = False) -> list[FloatArray]:
    """Read the first photos of the test set, of the training set where there is none; those that can be read.

    Args:
        settings: of the run.
        draws: of the run.
        count: photos at most.
        training: of the training set in any case.

    Returns:
        (3, H, H) in [-1, 1] each.

    Raises:
        InputError: not one can be read.
    """
    dataset = settings.dataset
    data = build_dataset(dataset.train if training or dataset.test is None else dataset.test)
    found: list[FloatArray] = []
    problem: InputError | None = None
    for index in range(len(data)):
        if len(found) == count:
            break
        try:
            found.append(data.sample(index, draws.generator("pictures", index))["A"])
        except InputError as error:
            problem = error
    if not found:
        raise problem or InputError("there is no picture to show", where="dataset")
    return found
