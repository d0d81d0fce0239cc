"""Fit directions from codes of labelled faces.

Two vectors are fitted for an attribute y, from codes x (all layers of W+ in one vector):

* the *regressor* r, a ridge regression of y on x: the best linear estimate of the attribute, `Direction.measure`;
* the *direction* d, the change of the code with the attribute. Method "conditional" (the default) regresses the other
  way, x = c + a y + B o + noise, with the named other attributes o beside y, and uses a, the change of the mean code
  per unit of y at equal o: a = cov(x, y~) / var(y~), where y~ is the part of y that o does not explain (Frisch and
  Waugh). It averages over faces and is therefore smooth, while r is the noisy inverse of a covariance: r estimates y
  with the least error, but adding it to a code moves along what is rare among faces. Method "ridge" uses r itself, as
  InterFaceGAN (arXiv 2005.09635) uses the normal of its boundary; it is the shortest step that changes the estimate.

Then d is made orthogonal to the others: their estimates must not change, r_o . d = 0 for each. "conditional" subtracts
a combination of the others' own columns of B, so that d stays a typical change of faces; "ridge" subtracts their r_o
(InterFaceGAN's conditional manipulation). Last, d is scaled to r . d = 1: one unit of d raises the estimate by one
year, degree, standard deviation or class.

The estimate is a conditional mean and shrinks towards the average face: faces of age y are estimated at
mean + slope * (y - mean) on average, where slope is about R^2 (both are in the statistics). So one unit of d is about
1 / slope units of the true attribute, and edits err on the strong side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import ConfigError, InputError, nearest
from ppgan_ext.latents.directions import Direction
from ppgan_ext.latents.regression import Basis, Ridge, fit_ridge, principal_basis, split_rows
from ppgan_ext.types import FloatArray

METHODS = ("conditional", "ridge")
MIN_FACES = 20
_LEAST_SHARE = 1e-3  # of the effect on its own estimate that a direction must keep after orthogonalisation


@dataclass(frozen=True, eq=False)
class Attribute:
    """The values of one attribute for all faces.

    Attributes:
        name: name, such as "age".
        values: (N,), NaN where unknown.
        unit: unit of the values: "year", "degree", "sd", "class".
    """

    name: str
    values: FloatArray
    unit: str


@dataclass(frozen=True)
class FitOptions:
    """Options of the fit.

    Attributes:
        method: "conditional" or "ridge", see the module.
        num_components: number of principal components to which the codes are reduced first.
        validation_share: share of faces for selecting the ridge penalty.
        test_share: share of faces for measuring R^2 and the mean error, used for nothing else.
        seed: seed of the split.
    """

    method: str = "conditional"
    num_components: int = 1024
    validation_share: float = 0.1
    test_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(f"unknown method '{self.method}'", where="method", cure=nearest(self.method, METHODS))
        shares = (self.validation_share, self.test_share)
        if min(shares) <= 0 or sum(shares) > 0.8:
            cure = "Give two positive shares, together at most 0.8"
            raise ConfigError(f"held-out shares {shares} leave too little", where="test_share", cure=cure)


def fit_directions(
    codes: FloatArray,
    attributes: Sequence[Attribute],
    orthogonal_to: Mapping[str, Sequence[str]] | None = None,
    options: FitOptions | None = None,
    on_step: Callable[[str], None] | None = None,
) -> dict[str, Direction]:
    """Fit a direction and a regressor for each attribute.

    Args:
        codes: (N, n_latent, D).
        attributes: values (N,) in the order of the codes; each attribute leaves out the faces where it is unknown.
        orthogonal_to: for an attribute, the names of others whose estimates its direction must not change.
        options: see `FitOptions`.
        on_step: called with a line of text after each part.

    Returns:
        By name, in the order of `attributes`. The statistics are "num_faces", "mean", "sd" of the known values, and on
        held-back faces "r2", "mae" and "slope" (of the estimate against the truth).

    Raises:
        InputError: the shapes do not match; codes contain NaN; an attribute is known for too few faces, does not vary,
            or cannot be separated from those it should be orthogonal to.
        ConfigError: an unknown name in `orthogonal_to`.
    """
    options = options or FitOptions()
    report = on_step or (lambda _line: None)
    flat = _check(codes, attributes)
    others = _check_names(attributes, orthogonal_to or {})
    basis = principal_basis(flat, options.num_components)
    scores = basis.reduce(flat)
    report(f"{basis.num_components} principal components of {flat.shape[1]}")
    part = split_rows(len(flat), options.validation_share, options.test_share, options.seed)
    ridges = _fit_ridges(scores, attributes, part, report)
    by_name = {attribute.name: attribute for attribute in attributes}
    directions = {}
    for attribute in attributes:
        rivals = [by_name[name] for name in others[attribute.name]]
        vector = _direction(scores, attribute, rivals, ridges, options.method)
        directions[attribute.name] = _record(attribute, vector, ridges[attribute.name], basis, codes.shape[1:])
        report(attribute.name)
    return directions


def describe(directions: Mapping[str, Direction]) -> list[str]:
    """Return a table of names, units and the accuracy of the estimates on held-back faces, as lines of text."""
    lines = [f"{'name':24s}{'unit':>8s}{'faces':>8s}{'R2':>8s}{'MAE':>8s}{'slope':>8s}"]
    for name, direction in directions.items():
        s = direction.statistics
        figures = f"{s['num_faces']:8.0f}{s['r2']:8.3f}{s['mae']:8.2f}{s['slope']:8.2f}"
        lines.append(f"{name:24s}{direction.unit:>8s}{figures}")
    return lines


def in_deviations(values: FloatArray) -> FloatArray:
    """Convert values (N,) to standard deviations from their mean, the unit "sd"; NaN stays NaN.

    Raises:
        InputError: all values are the same.
    """
    numbers = np.asarray(values, dtype=np.float64)
    deviation = np.nanstd(numbers)
    if not deviation > 0:
        what = "an attribute that is the same for all faces has no standard deviation"
        raise InputError(what, cure="Leave this attribute out")
    return (numbers - np.nanmean(numbers)) / deviation


def _check(codes: FloatArray, attributes: Sequence[Attribute]) -> FloatArray:
    if codes.ndim != 3:
        what = f"codes are (N, n_latent, D), got {codes.shape}"
        raise InputError(what, where="codes", cure="Give W+ codes of many faces")
    if not np.isfinite(codes).all():
        raise InputError("some codes contain NaN or infinite numbers", where="codes", cure="Encode those faces again")
    for attribute in attributes:
        if np.shape(attribute.values) != (len(codes),):
            what = f"{np.shape(attribute.values)} values for {len(codes)} codes"
            raise InputError(what, where=attribute.name, cure="Give one value per code, NaN where it is unknown")
        values = attribute.values[np.isfinite(attribute.values)]
        if len(values) < MIN_FACES:
            cure = f"Label at least {MIN_FACES}, better some thousands"
            raise InputError(f"known for only {len(values)} faces", where=attribute.name, cure=cure)
        if np.ptp(values) == 0:
            raise InputError("the same for all faces", where=attribute.name, cure="Leave this attribute out")
    return codes.reshape(len(codes), -1)


def _check_names(attributes: Sequence[Attribute], orthogonal_to: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    names = [attribute.name for attribute in attributes]
    for name in [*orthogonal_to, *(other for others in orthogonal_to.values() for other in others)]:
        if name not in names:
            raise ConfigError(f"unknown attribute '{name}'", where="orthogonal_to", cure=nearest(name, names))
    return {name: [other for other in dict.fromkeys(orthogonal_to.get(name, ())) if other != name] for name in names}


def _fit_ridges(
    scores: FloatArray, attributes: Sequence[Attribute], part: npt.NDArray, report: Callable[[str], None]
) -> dict[str, Ridge]:
    """Fit regressors. Those with the same labelled faces are fitted together, as they share the expensive matrices."""
    groups: dict[bytes, list[Attribute]] = {}
    for attribute in attributes:
        groups.setdefault(np.isfinite(attribute.values).tobytes(), []).append(attribute)
    ridges: dict[str, Ridge] = {}
    for group in groups.values():
        rows = np.isfinite(group[0].values)
        values = np.stack([attribute.values for attribute in group], axis=1).astype(np.float64)
        fitted = fit_ridge(scores[rows], values[rows], part[rows])
        ridges.update({attribute.name: ridge for attribute, ridge in zip(group, fitted, strict=True)})
        report(f"regressions for {', '.join(attribute.name for attribute in group)}")
    return ridges


def _direction(
    scores: FloatArray,
    attribute: Attribute,
    rivals: Sequence[Attribute],
    ridges: Mapping[str, Ridge],
    method: str,
) -> FloatArray:
    """Return d (K,) with r . d = 1 and r_o . d = 0 for every rival o."""
    own = ridges[attribute.name].weights
    theirs = np.array([ridges[rival.name].weights for rival in rivals]).reshape(-1, len(own))  # (m, K)
    if method == "ridge":
        vector, columns = own, theirs
    else:
        changes = _conditional_changes(scores, [attribute, *rivals])  # (1 + m, K)
        vector, columns = changes[0], changes[1:]
    floor = _LEAST_SHARE * float(own @ vector)
    if rivals:
        vector = vector - np.linalg.lstsq(theirs @ columns.T, theirs @ vector, rcond=1e-10)[0] @ columns
    gain = float(own @ vector)
    if not gain > max(floor, 0.0):
        names = ", ".join(rival.name for rival in rivals)
        what = f"cannot be separated from {names}" if rivals else "has no effect on the codes"
        raise InputError(what, where=attribute.name, cure="Leave this attribute out, or make it orthogonal to fewer")
    return vector / gain


def _conditional_changes(scores: FloatArray, attributes: Sequence[Attribute]) -> FloatArray:
    """Regress codes (N, K) on all m attributes at once; row j of (m, K) is the change per unit of attribute j."""
    values = np.stack([attribute.values for attribute in attributes], axis=1).astype(np.float64)
    complete = np.isfinite(values).all(axis=1)
    if complete.sum() < MIN_FACES:
        what = f"only {int(complete.sum())} faces have all of {', '.join(a.name for a in attributes)}"
        cure = "Label more faces, or make it orthogonal to fewer"
        raise InputError(what, where=attributes[0].name, cure=cure)
    centred = values[complete] - values[complete].mean(axis=0)
    return np.linalg.lstsq(centred, scores[complete] - scores[complete].mean(axis=0), rcond=1e-10)[0]


def _record(attribute: Attribute, vector: FloatArray, ridge: Ridge, basis: Basis, shape: tuple[int, ...]) -> Direction:
    """Transform a fit from principal components back to codes, as a `Direction`."""
    regressor = (basis.vectors @ ridge.weights).reshape(shape)
    direction = (basis.vectors @ vector).reshape(shape)
    # Rounding to float32 changes r . d by about 1e-7; dividing by the result keeps one unit exactly one unit.
    stored = regressor.astype(np.float32).astype(np.float64)
    direction = direction / float((stored * direction).sum())
    bias = ridge.bias - float(stored.ravel() @ basis.mean)
    values = attribute.values[np.isfinite(attribute.values)]
    statistics = {
        "num_faces": float(len(values)),
        "mean": float(values.mean()),
        "sd": float(values.std()),
        "r2": ridge.r2,
        "mae": ridge.mae,
        "slope": ridge.slope,
    }
    return Direction(attribute.name, direction, attribute.unit, regressor, bias, statistics)
