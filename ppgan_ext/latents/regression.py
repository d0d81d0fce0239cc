"""Linear algebra for fitting directions: principal components of many long codes, and ridge regression on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ppgan_ext.types import FloatArray

TRAIN, VALIDATION, TEST = 0, 1, 2
PENALTIES = tuple(10.0 ** (k / 2) for k in range(-10, 9))  # times the mean variance of a component

_ROWS_AT_ONCE = 1024
_FULL_SIZE = 2048  # up to this size all eigenvectors are computed, which is exact and cheap enough
_NUM_ITERATIONS = 4


@dataclass(frozen=True, eq=False)
class Basis:
    """Principal components: mean (P,) and orthonormal vectors (P, K), largest variance first, float64."""

    mean: FloatArray
    vectors: FloatArray

    @property
    def num_components(self) -> int:
        """The number of components, K."""
        return int(self.vectors.shape[1])

    def reduce(self, rows: FloatArray) -> FloatArray:
        """Express rows (N, P) in the basis, (N, K) float64."""
        return np.concatenate([(chunk - self.mean) @ self.vectors for chunk in _chunks(rows)])


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted regression weights . x + bias, and its accuracy on held-back rows.

    Attributes:
        weights: (K,), fitted on all rows with the best penalty on the validation rows.
        bias: in the unit of the values.
        penalty: the selected one of `PENALTIES`.
        r2: 1 - squared error / variance on the test rows, of a fit without them.
        mae: mean absolute error on the test rows.
        slope: slope of the estimate against the truth on the test rows: 1 for a perfect fit, 0 for none.
    """

    weights: FloatArray
    bias: float
    penalty: float
    r2: float
    mae: float
    slope: float


def principal_basis(rows: FloatArray, num_components: int) -> Basis:
    """Compute the principal components of rows.

    They are exact if N or P is at most 2048. Otherwise subspace iteration from a fixed random start is used (Halko et
    al., arXiv 0909.4061, Algorithm 4.4), which is exact if the rows have no more than `num_components` dimensions. This
    is so for the codes of an encoder whose heads pass through a few hundred units.

    Args:
        rows: (N, P), finite numbers.
        num_components: most components to keep; those without variance are dropped.
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    count = min(num_components, *rows.shape)
    if len(rows) <= min(_FULL_SIZE, rows.shape[1]):
        centred = rows - mean
        variances, left = np.linalg.eigh(centred @ centred.T / len(rows))
        kept = _largest(variances, count, 1e-9)
        return Basis(mean, centred.T @ (left[:, kept] / np.sqrt(variances[kept] * len(rows))))
    # Single precision is enough to select some of many components; the regression on them is computed in double.
    covariance = _covariance(rows, mean, np.float64 if rows.shape[1] <= _FULL_SIZE else np.float32)
    if rows.shape[1] <= _FULL_SIZE:
        variances, vectors = np.linalg.eigh(covariance)
        return Basis(mean, np.ascontiguousarray(vectors[:, _largest(variances, count, 1e-9)]))
    variances, vectors = _leading_eigenvectors(covariance, count)
    return Basis(mean, np.ascontiguousarray(vectors[:, _largest(variances, count, 1e-7)]))


def split_rows(num_rows: int, validation_share: float, test_share: float, seed: int) -> npt.NDArray:
    """Assign rows to TRAIN, VALIDATION and TEST at random; return (num_rows,) of those numbers."""
    position = np.empty(num_rows)
    position[np.random.default_rng(seed).permutation(num_rows)] = np.arange(num_rows) / num_rows
    return np.select([position < test_share, position < test_share + validation_share], [TEST, VALIDATION], TRAIN)


def fit_ridge(rows: FloatArray, values: FloatArray, part: npt.NDArray) -> list[Ridge]:
    """Regress each column of values on rows, (X'X / N + penalty * s I) w = X'y / N, s the mean variance of a component.

    Args:
        rows: (N, K) float64.
        values: (N, m) float64, all known.
        part: (N,) of TRAIN, VALIDATION, TEST. The penalty is selected on the second; the figures come from the third.

    Returns:
        One `Ridge` per column.
    """
    train, validation, test = (part == kind for kind in (TRAIN, VALIDATION, TEST))
    system = _System(rows[train], values[train])
    paths = np.stack([system.solve(penalty) for penalty in PENALTIES])  # (penalties, K, m)
    scores = [_r2(values[validation], system.predict(rows[validation], weights)) for weights in paths]
    best = np.argmax(np.stack(scores), axis=0)  # (m,)
    best_weights = np.stack([paths[index, :, column] for column, index in enumerate(best)], axis=1)  # (K, m)
    estimates = system.predict(rows[test], best_weights)
    r2 = _r2(values[test], estimates)
    mae = np.abs(values[test] - estimates).mean(axis=0)
    spread = values[test] - values[test].mean(axis=0)
    slope = (spread * estimates).sum(axis=0) / np.maximum((spread**2).sum(axis=0), 1e-300)
    whole = _System(rows, values)
    final = {int(index): whole.solve(PENALTIES[index]) for index in set(best.tolist())}
    return [
        Ridge(
            weights=(weights := final[int(index)][:, column]),
            bias=float(whole.value_mean[column] - whole.row_mean @ weights),
            penalty=PENALTIES[index],
            r2=float(r2[column]),
            mae=float(mae[column]),
            slope=float(slope[column]),
        )
        for column, index in enumerate(best)
    ]


class _System:
    """The normal equations of centred rows and values, solved for any penalty."""

    def __init__(self, rows: FloatArray, values: FloatArray) -> None:
        self.row_mean, self.value_mean = rows.mean(axis=0), values.mean(axis=0)
        centred = rows - self.row_mean
        self._matrix = centred.T @ centred / len(rows)
        self._right = centred.T @ (values - self.value_mean) / len(rows)
        self._unit = np.trace(self._matrix) / len(self._matrix)

    def solve(self, penalty: float) -> FloatArray:
        """Return weights (K, m)."""
        matrix = self._matrix.copy()
        matrix[np.diag_indices_from(matrix)] += penalty * self._unit
        return np.linalg.solve(matrix, self._right)

    def predict(self, rows: FloatArray, weights: FloatArray) -> FloatArray:
        """Return estimates (N, m)."""
        return (rows - self.row_mean) @ weights + self.value_mean


def _covariance(rows: FloatArray, mean: FloatArray, precision: npt.DTypeLike) -> FloatArray:
    """Return the covariance (P, P) float64 of rows (N, P), multiplied chunk by chunk in the given precision."""
    total = np.zeros((rows.shape[1],) * 2)
    for chunk in _chunks(rows):
        centred = (chunk - mean).astype(precision)
        total += centred.T @ centred
    return total / len(rows)


def _largest(variances: FloatArray, count: int, least_share: float) -> npt.NDArray:
    """Return the indices of the `count` largest, largest first, without those below a share of the first."""
    order = np.argsort(variances)[::-1][:count]
    return order[variances[order] > least_share * variances.max()]


def _leading_eigenvectors(matrix: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Approximate the `count` largest eigenvalues and their vectors of a symmetric matrix, in any order."""
    width = min(count + 64, len(matrix))
    start = np.random.default_rng(0).standard_normal((len(matrix), width))
    subspace = np.linalg.qr(matrix @ start)[0]
    for _ in range(_NUM_ITERATIONS - 1):
        subspace = np.linalg.qr(matrix @ subspace)[0]
    values, rotation = np.linalg.eigh(subspace.T @ matrix @ subspace)
    return values, subspace @ rotation


def _r2(truth: FloatArray, estimate: FloatArray) -> FloatArray:
    """Return 1 - squared error / variance per column."""
    variance = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    return 1.0 - ((truth - estimate) ** 2).sum(axis=0) / np.maximum(variance, 1e-300)


def _chunks(rows: FloatArray) -> list[FloatArray]:
    return [rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE)]
