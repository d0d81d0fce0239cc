"""Fit directions from codes of labelled faces.

Two different things are fitted for an attribute y, given codes x (all layers of W+ in one vector):

* the *regressor* r, a ridge regression of y on x: the best linear estimate of the attribute, `Direction.measure`;
* the *direction* d, how the code changes with the attribute. Method "conditional" (the default) regresses the other
  way, x = c + a y + B o + noise, with the named other attributes o beside y, and takes a, the change of the mean code
  per unit of y at equal o: a = cov(x, y~) / var(y~), y~ being y without what o explains of it (Frisch and Waugh). It
  averages over faces and so is smooth, where r is the noisy inverse of a covariance: r finds y with the least error,
  but adding it to a code moves along what is rare among faces. Method "ridge" takes r itself, as InterFaceGAN (arXiv
  2005.09635) takes the normal of its boundary; it is the shortest step that changes the estimate.

Then d is freed of the others: their estimates must not move, r_o . d = 0 for each. "conditional" subtracts a
combination of the others' own columns of B, so that d stays a change that faces show; "ridge" subtracts their r_o
(InterFaceGAN's conditional manipulation). Last, d is scaled to r . d = 1: one unit of d raises the estimate by one
year, degree, standard deviation or class.

The estimate is a conditional mean and shrinks towards the average face: faces of age y are estimated at
mean + slope * (y - mean) on average, slope being about R^2 (both are in the statistics). So one unit of d is about
1 / slope units of the true attribute: edits err on the visible side.
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
_LEAST_SHARE = 1e-3  # of its effect on its own estimate that a direction must keep when it is freed of the others


@dataclass(frozen=True, eq=False)
class Attribute:
    """What is known about the faces behind the codes.

    Attributes:
        name: such as "age".
        values: (N,), NaN where unknown.
        unit: of the values: "year", "degree", "sd", "class".
    """

    name: str
    values: FloatArray
    unit: str


@dataclass(frozen=True)
class FitOptions:
    """How directions are fitted.

    Attributes:
        method: "conditional" or "ridge", see the module.
        num_components: the codes are first expressed in so many principal components.
        validation_share: faces that choose the ridge penalty.
        test_share: faces that neither fit nor choose, on which R^2 and the mean error are measured.
        seed: of the split.
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
        attributes: with values (N,) in the order of the codes; unknown ones are left out attribute by attribute.
        orthogonal_to: for an attribute, the names of others that its direction must leave alone.
        options: see `FitOptions`.
        on_step: called with a line of text when a part is done.

    Returns:
        By name, in the order of `attributes`. The statistics are "num_faces", "mean", "sd" of the known values, and on
        held-back faces "r2", "mae" and "slope" (of the estimate against the truth).

    Raises:
        InputError: shapes that do not go together, NaN in codes, an attribute that hardly any face has, or that does
            not vary, or that cannot be told from those it shall be orthogonal to.
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
    found = {}
    for attribute in attributes:
        rivals = [by_name[name] for name in others[attribute.name]]
        vector = _direction(scores, attribute, rivals, ridges, options.method)
        found[attribute.name] = _record(attribute, vector, ridges[attribute.name], basis, codes.shape[1:])
        report(attribute.name)
    return found


def fit_direction(
    codes: FloatArray,
    values: FloatArray,
    *,
    name: str = "attribute",
    unit: str = "step",
    others: Mapping[str, FloatArray] | None = None,
    options: FitOptions | None = None,
) -> Direction:
    """Fit one direction, orthogonal to all `others`; see `fit_directions`."""
    rivals = [Attribute(key, np.asarray(value), "step") for key, value in (others or {}).items()]
    attributes = [Attribute(name, np.asarray(values), unit), *rivals]
    return fit_directions(codes, attributes, {name: [rival.name for rival in rivals]}, options)[name]


def describe(directions: Mapping[str, Direction]) -> list[str]:
    """Lay out names, units and how well the estimates did on held-back faces, as the lines of a table."""
    lines = [f"{'name':24s}{'unit':>8s}{'faces':>8s}{'R2':>8s}{'MAE':>8s}{'slope':>8s}"]
    for name, direction in directions.items():
        s = direction.statistics
        figures = f"{s['num_faces']:8.0f}{s['r2']:8.3f}{s['mae']:8.2f}{s['slope']:8.2f}"
        lines.append(f"{name:24s}{direction.unit:>8s}{figures}")
    return lines


def in_deviations(values: FloatArray) -> FloatArray:
    """Express values in standard deviations from their mean, NaN staying NaN: the unit "sd"."""
    known = np.asarray(values, dtype=np.float64)
    deviation = np.nanstd(known)
    if not deviation > 0:
        raise InputError("an attribute that is the same for all faces has no standard deviation")
    return (known - np.nanmean(known)) / deviation


def _check(codes: FloatArray, attributes: Sequence[Attribute]) -> FloatArray:
    if codes.ndim != 3:
        raise InputError(f"codes are (N, n_latent, D), got {codes.shape}", where="codes")
    if not np.isfinite(codes).all():
        raise InputError("some codes hold NaN or infinite numbers", where="codes", cure="Encode those faces anew")
    for attribute in attributes:
        if np.shape(attribute.values) != (len(codes),):
            what = f"{np.shape(attribute.values)} values for {len(codes)} codes"
            raise InputError(what, where=attribute.name, cure="Give one value per code, NaN where it is unknown")
        known = attribute.values[np.isfinite(attribute.values)]
        if len(known) < MIN_FACES:
            cure = f"Label at least {MIN_FACES}, better some thousands"
            raise InputError(f"known for {len(known)} faces only", where=attribute.name, cure=cure)
        if np.ptp(known) == 0:
            raise InputError("the same for all faces", where=attribute.name, cure="Leave this attribute out")
    return codes.reshape(len(codes), -1)


def _check_names(attributes: Sequence[Attribute], wanted: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    names = [attribute.name for attribute in attributes]
    for name in [*wanted, *(other for others in wanted.values() for other in others)]:
        if name not in names:
            raise ConfigError(f"unknown attribute '{name}'", where="orthogonal_to", cure=nearest(name, names))
    return {name: [other for other in dict.fromkeys(wanted.get(name, ())) if other != name] for name in names}


def _fit_ridges(
    scores: FloatArray, attributes: Sequence[Attribute], part: npt.NDArray, report: Callable[[str], None]
) -> dict[str, Ridge]:
    """Fit regressors, those with the same known faces together: they share the costly matrices."""
    groups: dict[bytes, list[Attribute]] = {}
    for attribute in attributes:
        groups.setdefault(np.isfinite(attribute.values).tobytes(), []).append(attribute)
    ridges: dict[str, Ridge] = {}
    for group in groups.values():
        known = np.isfinite(group[0].values)
        values = np.stack([attribute.values for attribute in group], axis=1).astype(np.float64)
        fitted = fit_ridge(scores[known], values[known], part[known])
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
        what = f"cannot be told apart from {names}" if rivals else "leaves no trace in the codes"
        raise InputError(what, where=attribute.name, cure="Leave this attribute out, or free it from fewer others")
    return vector / gain


def _conditional_changes(scores: FloatArray, attributes: Sequence[Attribute]) -> FloatArray:
    """Regress codes on all attributes at once; row j is the change of the mean code per unit of attribute j, (m, K)."""
    values = np.stack([attribute.values for attribute in attributes], axis=1).astype(np.float64)
    known = np.isfinite(values).all(axis=1)
    if known.sum() < MIN_FACES:
        what = f"only {int(known.sum())} faces have all of it: {', '.join(a.name for a in attributes)}"
        raise InputError(what, where=attributes[0].name, cure="Label more faces, or free it from fewer others")
    centred = values[known] - values[known].mean(axis=0)
    return np.linalg.lstsq(centred, scores[known] - scores[known].mean(axis=0), rcond=1e-10)[0]


def _record(attribute: Attribute, vector: FloatArray, ridge: Ridge, basis: Basis, shape: tuple[int, ...]) -> Direction:
    """Carry results back from principal components to codes."""
    regressor = (basis.vectors @ ridge.weights).reshape(shape)
    direction = (basis.vectors @ vector).reshape(shape)
    # Rounding to float32 moves r . d by some 1e-7; dividing by what is left of it keeps one unit exactly one unit.
    stored = regressor.astype(np.float32).astype(np.float64)
    direction = direction / float((stored * direction).sum())
    bias = ridge.bias - float(stored.ravel() @ basis.mean)
    known = attribute.values[np.isfinite(attribute.values)]
    statistics = {
        "num_faces": float(len(known)),
        "mean": float(known.mean()),
        "sd": float(known.std()),
        "r2": ridge.r2,
        "mae": ridge.mae,
        "slope": ridge.slope,
    }
    return Direction(attribute.name, direction, attribute.unit, regressor, bias, statistics)
