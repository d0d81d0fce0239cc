"""Loading rotators of codes (`networks.rotator`): a model's own, or one that the user has trained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.files import expand_user
from ppgan_ext.networks.rotator import LatentRotator
from ppgan_ext.untrusted import door
from ppgan_ext.weights import extract, load, readers, store
from ppgan_ext.weights.rename import check_numbers

if TYPE_CHECKING:
    from ppgan_ext.weights.load import FaceModel

_NETS = ("rotator_ema", "rotator")
_SAME_MEAN = 0.02  # largest difference between equal mean latents, which half precision rounds
_CURE = "Train one with configs/fusion_rotator_faces128.yaml"


def load_rotator(model: FaceModel, path: str | os.PathLike[str] | None = None) -> LatentRotator:
    """Load the rotator of a model's codes, in evaluation mode.

    Args:
        model: the model whose codes the rotator turns.
        path: a file from training (``iter_N_weight.pdparams``, whose averaged rotator is used) or the arrays of one
            rotator; None loads the model's own.

    Raises:
        ConfigError: the model has no rotator of its own.
        WeightsError: the file cannot be read, contains no rotator, or contains one for another model's codes.
    """
    if path is None:
        if model.record.rotator is None:
            cure = f"{_CURE} and pass it with --rotator_path, or use --pose_method linear"
            raise ConfigError(f"the model '{model.name}' has no rotator of its own", where="pose_method", cure=cure)
        file = store.locate(model.record.rotator)
    else:
        file = expand_user(path)
    tree = readers.read(file)
    with door(file, WeightsError, _CURE, what="contains no rotator of codes"):
        nets = extract.networks_in(tree)
        state = next((nets[name] for name in _NETS if name in nets), None)
        if state is None:
            state = {name: array for name, array in tree.items() if isinstance(array, np.ndarray)}
        check_numbers(state, file)
        state = {name: array.astype(np.float32) for name, array in state.items()}
        rotator = LatentRotator.from_state(state, file)
        load.load_into(rotator, state, file, cure=_CURE)
        _check(rotator, model, file)
    rotator.eval()
    return rotator


def _check(rotator: LatentRotator, model: FaceModel, file: Path) -> None:
    """Check that a rotator was trained for this model's codes, by comparing the mean latents."""
    shape = (model.generator.n_latent, model.generator.style_dim)
    mean = np.broadcast_to(np.asarray(model.latent_avg, np.float32), shape)
    own = rotator.mean.numpy()
    if own.shape != shape or float(np.abs(own - mean).max()) > _SAME_MEAN * max(1.0, float(np.abs(mean).max())):
        what = f"was trained for the codes of another model than '{model.name}'"
        raise WeightsError(what, where=file, cure=f"{_CURE}, for this model")
