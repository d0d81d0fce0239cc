"""Directions in W+: the change of a code with one attribute of a face, and the estimate of the attribute from a code.

Editing is linear, w_plus + amount * vector (InterFaceGAN, arXiv 2005.09635, Eq. 2); `measure` is the linear regression
by which the direction was scaled. Files are read and written by `direction_files`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ppgan_ext.errors import ConfigError, InputError, nearest
from ppgan_ext.latents.direction_files import Record, read_records, write_records
from ppgan_ext.types import FloatArray

STYLE_DIM = 512


@dataclass(frozen=True, eq=False)
class Direction:
    """One attribute of a face in the latent space of one model.

    Attributes:
        name: the attribute, such as "age".
        vector: change of the code per unit, (n_latent, D) or (1, D) for the same change in every layer; float32.
        unit: the meaning of an amount of 1: "year", "degree", "sd" (standard deviation of the training faces), "class"
            (from one class to the other), or "step" if unknown.
        regressor: weights (n_latent, D) of the estimate regressor . w_plus + bias, or None.
        bias: constant of that estimate, in units.
        statistics: numbers about the fit, such as "num_faces", "r2", "mae", and "stretch" after a calibration.
    """

    name: str
    vector: FloatArray
    unit: str = "step"
    regressor: FloatArray | None = None
    bias: float = 0.0
    statistics: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "vector", _frozen(self.vector, self.name))
        if self.regressor is not None:
            object.__setattr__(self, "regressor", _frozen(self.regressor, self.name))

    @property
    def num_layers(self) -> int:
        """Number of layers of the vector; 1 if all layers of the generator change alike."""
        return int(self.vector.shape[0])

    def measure(self, w_plus: FloatArray) -> float:
        """Estimate the attribute of a code (n_latent, D), in units.

        Raises:
            ConfigError: the direction has no regressor.
            InputError: the shapes of code and regressor differ.
        """
        regressor = self._need_regressor()
        code = np.asarray(w_plus)
        if code.shape != regressor.shape:
            what = f"'{self.name}' measures codes {regressor.shape}, got {code.shape}"
            raise InputError(what, cure="Use a code and directions of the same model")
        return float(np.vdot(regressor.astype(np.float64), code.astype(np.float64)) + self.bias)

    def gain(self, layers: Iterable[int] | None = None) -> float:
        """Return the increase of the estimate per unit of this direction, applied to some layers (None: all).

        For a calibrated direction (`calibration`) this is the estimate of the image: the estimate of the code increases
        "stretch" times as much.
        """
        regressor = self._need_regressor().astype(np.float64)
        rows = chosen_layers(layers, len(regressor))
        rise = float((regressor * self.vector.astype(np.float64))[rows].sum())
        return rise / self.statistics.get("stretch", 1.0)

    def amount_to(self, target: float, w_plus: FloatArray, layers: Iterable[int] | None = None) -> float:
        """Return the amount that moves the estimate for a code to a target.

        Args:
            target: in units of the direction.
            w_plus: (n_latent, D).
            layers: the layers that change, None for all.

        Raises:
            ConfigError: the direction has no regressor, or these layers do not raise the estimate.
        """
        gain = self.gain(layers)
        if gain < 1e-3:
            cure = "Choose other layers, or all"
            raise ConfigError(f"these layers do not change the estimate of '{self.name}'", where="layers", cure=cure)
        return (target - self.measure(w_plus)) / gain

    def _need_regressor(self) -> FloatArray:
        if self.regressor is None:
            cure = "Give a relative amount, or a direction fitted with tools/find_directions.py"
            raise ConfigError(f"the direction '{self.name}' cannot measure: it has no regressor", cure=cure)
        return self.regressor


def apply(
    w_plus: FloatArray,
    directions: Mapping[str, Direction],
    amounts: Mapping[str, float],
    layers: Iterable[int] | None = None,
) -> FloatArray:
    """Move codes along several directions at once, in any order.

    Args:
        w_plus: (n_latent, D) or (N, n_latent, D); not changed in place.
        directions: by name, as `load_directions` returns them.
        amounts: units to move along each, such as {"age": 20, "smile": -1}.
        layers: the layers that change, None for all.

    Returns:
        float32 with the shape of `w_plus`; the other layers stay bit-equal.

    Raises:
        ConfigError: an unknown name, with the nearest one; an amount that is not finite; a layer that does not exist.
        InputError: a direction has another number of layers.

    Example:
        >>> edited = apply(w_plus, directions, {"age": 20.0}, layers=range(8))
    """
    code = np.array(w_plus, dtype=np.float32)
    if code.ndim not in (2, 3):
        what = f"a code to edit is (n_latent, D) or (N, n_latent, D), got {code.shape}"
        raise InputError(what, cure="Give codes with one row per layer")
    change = np.zeros(code.shape[-2:], np.float64)
    for name, amount in amounts.items():
        direction = find(directions, name)
        if not np.isfinite(amount):
            raise ConfigError(f"the amount {amount} is not a number", where=name, cure="Give a finite number")
        _check_layers(direction, code.shape[-2], code.shape[-1], name)
        change += float(amount) * direction.vector.astype(np.float64)
    rows = chosen_layers(layers, code.shape[-2])
    code[..., rows, :] += change[rows].astype(np.float32)
    return code


def find(directions: Mapping[str, Direction], name: str) -> Direction:
    """Return the direction with a name, or raise ConfigError with the nearest name."""
    if name not in directions:
        raise ConfigError(f"unknown direction '{name}'", where="direction", cure=nearest(name, directions))
    return directions[name]


def load_directions(
    path: str | os.PathLike[str], n_latent: int, *, style_dim: int = STYLE_DIM, name: str | None = None
) -> dict[str, Direction]:
    """Read directions from a file or a folder of files.

    Args:
        path: `.safetensors` of this package; PaddleGAN's `.pdparams` or a `.pt` with a dict of name -> tensor; a single
            tensor as `.npy`, `.npz` or `.pt`, such as InterFaceGAN's boundaries and e4e's directions.
        n_latent: number of layers of the generator.
        style_dim: length of one style vector.
        name: name of the direction if the file contains a single tensor; None takes it from the file name.

    Returns:
        By name, in the order of the file. Tensors may be (D,), (1, D), (n_latent, D) or (1, n_latent, D).

    Raises:
        InputError: the file does not exist or contains no directions; another shape or number of layers.
        WeightsError: the file is damaged or would run code.
    """
    directions: dict[str, Direction] = {}
    for record in read_records(path, name):
        direction = Direction(
            record.name, record.vector, record.unit, record.regressor, record.bias, dict(record.statistics)
        )
        _check_layers(direction, n_latent, style_dim, path)
        directions[direction.name] = direction
    return directions


def save_directions(
    path: str | os.PathLike[str], directions: Mapping[str, Direction], *, notes: Mapping[str, str] | None = None
) -> None:
    """Write directions in the package's own layout: `.safetensors`, see `direction_files`.

    Args:
        path: file to write, whole or not at all.
        directions: by name.
        notes: free text for the header, such as the model and the data of the fit.

    Raises:
        InputError: the name does not end in .safetensors.
        OutputError: the file cannot be written.
    """
    records = [
        Record(name, d.vector, d.unit, d.regressor, d.bias, dict(d.statistics)) for name, d in directions.items()
    ]
    write_records(path, records, notes or {})


def _frozen(array: FloatArray, name: str) -> FloatArray:
    with np.errstate(over="ignore"):  # a number too large for single precision is found below
        copy = np.array(array, dtype=np.float32, order="C")
    if copy.ndim == 3 and copy.shape[0] == 1:
        copy = copy[0]
    if copy.ndim == 1:
        copy = copy[None]
    if copy.ndim != 2 or copy.size == 0:
        cure = "Give (512,), (1, 512), (n_latent, 512) or (1, n_latent, 512)"
        raise InputError(f"a direction cannot have shape {np.shape(array)}", where=name, cure=cure)
    if not np.isfinite(copy).all():
        raise InputError("the direction contains NaN or infinite numbers", where=name, cure="Fit it again")
    copy.flags.writeable = False
    return copy


def _check_layers(direction: Direction, n_latent: int, style_dim: int, where: object) -> None:
    layers, width = direction.vector.shape
    if layers in (1, n_latent) and width == style_dim:
        return
    raise InputError(
        f"the direction '{direction.name}' has {layers} layers of {width} numbers; "
        f"this model has {n_latent} of {style_dim}",
        where=where,
        cure="Use directions that were fitted for this model, or fit them with tools/find_directions.py",
    )


def chosen_layers(layers: Iterable[int] | None, n_latent: int, *, where: str = "layers") -> list[int]:
    """Return a selection of layers in order, each once; None selects all.

    Args:
        layers: any order.
        n_latent: number of layers of the model.
        where: name of the option in an error message.

    Raises:
        ConfigError: the selection is empty, or the model lacks one of them.
    """
    if layers is None:
        return list(range(n_latent))
    rows = sorted({int(layer) for layer in layers})
    if not rows or rows[0] < 0 or rows[-1] >= n_latent:
        cure = f"Give layers from 0 to {n_latent - 1}"
        raise ConfigError(f"layers {rows} do not fit a model of {n_latent}", where=where, cure=cure)
    return rows
