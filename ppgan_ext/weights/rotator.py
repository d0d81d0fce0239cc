"""Rotators of codes (`networks.rotator`): the model's own, or one of the user's training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.networks.rotator import LatentRotator
from ppgan_ext.weights import extract, load, readers, store

if TYPE_CHECKING:
    from ppgan_ext.weights.load import FaceModel

_NETS = ("rotator_ema", "rotator")
_SAME_MEAN = 0.02  # largest difference of the mean latent's numbers; half precision rounds them
_CURE = "Train one with configs/fusion_rotator_faces128.yaml"


def load_rotator(model: FaceModel, path: str | os.PathLike[str] | None = None) -> LatentRotator:
    """Load the rotator of a model's codes, in evaluation mode.

    Args:
        model: whose codes it is to turn.
        path: what training has written (``iter_N_weight.pdparams``, whose averaged rotator is taken), or one rotator's
            arrays; None takes the model's own.

    Raises:
        ConfigError: the model has none of its own.
        WeightsError: the file cannot be read, holds none, or one for another model's codes.
    """
    if path is None:
        if model.record.rotator is None:
            cure = f"{_CURE} and give it with --rotator_path, or leave --pose_method at linear"
            raise ConfigError(f"the model '{model.name}' has no rotator of its own", where="pose_method", cure=cure)
        file = store.locate(model.record.rotator)
    else:
        file = Path(path).expanduser()
    tree = readers.read(file)
    nets = extract.networks_in(tree)
    state = next((nets[name] for name in _NETS if name in nets), None)
    if state is None:
        state = {name: array for name, array in tree.items() if isinstance(array, np.ndarray)}
    state = {name: array.astype(np.float32) for name, array in state.items()}
    rotator = LatentRotator.from_state(state, file)
    load.load_into(rotator, state, file, cure=_CURE)
    _check(rotator, model, file)
    rotator.eval()
    return rotator


def _check(rotator: LatentRotator, model: FaceModel, file: Path) -> None:
    """Refuse a rotator of other codes: what it was trained for shows in the mean that it holds."""
    shape = (model.generator.n_latent, model.generator.style_dim)
    mean = np.broadcast_to(np.asarray(model.latent_avg, np.float32), shape)
    own = rotator.mean.numpy()
    if own.shape != shape or float(np.abs(own - mean).max()) > _SAME_MEAN * max(1.0, float(np.abs(mean).max())):
        what = f"turns the codes of another model than '{model.name}'"
        raise WeightsError(what, where=file, cure=f"{_CURE}, for this model")
