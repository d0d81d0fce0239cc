"""The toy networks of the golden file, and the numbers they are filled with: shared by the test and by the script
that made the file under PyTorch."""

from __future__ import annotations

import numpy as np

from tests.reference.toy import numbers

SIZE, BASE, CAP, DIM, NUM_MLP = 32, 64, 12, 24, 3
BATCH = 6


def twin_numbers(name: str, shape) -> np.ndarray:
    """What one array of a twin holds, by its name there."""
    array = numbers(name, shape)
    if name.endswith("modulation.bias"):
        return 1 + 0.3 * array
    if name.startswith("mapping_layers") and name.endswith("weight"):
        return 100 * array
    if name.endswith(("bias", "noise_strength")):
        return 0.3 * array
    return array


def inputs() -> dict[str, np.ndarray]:
    return {
        "z": numbers("z", [2, DIM]),
        "w_plus": numbers("w_plus", [2, 8, DIM]),
        "images": np.tanh(numbers("images", [BATCH, 3, SIZE, SIZE])),
    }
