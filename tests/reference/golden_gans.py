"""The numbers in the networks of tests/goldens/translators.npz: shared by the test and by the script that wrote it
under PyTorch (tests/reference/torch_translators.py)."""

from __future__ import annotations

import numpy as np

from tests.reference.toy import numbers

# name in torch_translators.TWINS -> side of the input
SIDES = {
    "resnet": 16, "unet": 32, "patches": 24, "ugatit_light": 16, "ugatit_full": 32, "ugatit_critic": 24, "cartoon": 32,
}  # fmt: skip


def golden_numbers(name: str, shape) -> np.ndarray:
    """What one array of a network holds, by its name there: features keep their size, pictures stay clear of tanh's
    ends, where rounding is magnified."""
    array = numbers(name, shape)
    if name.endswith("running_var"):
        return 1 + np.abs(array)
    if name.endswith(("rho", "w_gamma", "w_beta")):
        return 1 / (1 + np.exp(-array))
    if array.ndim > 1:
        gain = 0.1 if array.ndim == 4 and array.shape[0] == 3 else 2
        return array * np.float32((gain / array[0].size) ** 0.5)
    return 0.3 * array


def golden_input(name: str) -> np.ndarray:
    """The network's input, (1, 3, H, H) in [-1, 1]."""
    return np.tanh(numbers("input", [1, 3, SIDES[name], SIDES[name]]))
