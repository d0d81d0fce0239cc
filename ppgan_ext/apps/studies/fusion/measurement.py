"""Measure the fusion of one pair of photos by one method."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass

import cv2
import numpy as np

from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.fusion.predictor import FaceFusionPredictor, FusionResult
from ppgan_ext.apps.studies.fusion.pairs import PhotoPair
from ppgan_ext.errors import PpganExtError
from ppgan_ext.metrics.pose import pose_difference
from ppgan_ext.types import FloatArray, Image

_SETTINGS = ("identity", "method", "shape", "skin", "pose_method", "rotator_path", "refine", "fit_steps", "tune")


@dataclass(frozen=True)
class PairMeasurement:
    """Figures of one pair by one method; the fields are the columns of ``pairs.csv``.

    Attributes:
        source, target: names of the photos.
        method: "auto", "warp", "latent" or "rotator".
        kind: what the pair stands for.
        used: the method that was used, "warp" or "latent".
        yaw_difference: between the two photos, degrees.
        yaw_error, pitch_error: between the result and the source photo, degrees.
        pose_error: the root of the sum of their squares.
        identity_to_target, identity_to_source: distances of dlib's descriptors.
        border_step, border_step_photo: mean colour step across the mask's border, CIE76, in the result and the photo.
        sharpness: fine detail within the mask, as a share of the photo's.
        seconds: time of the fusion alone, with both photos in memory and the model loaded.
        reached: False where the model could not turn the face as far as the photo's.
        error: why there is no result; the figures are then NaN.
    """

    source: str
    target: str
    method: str
    kind: str = ""
    used: str = ""
    yaw_difference: float = float("nan")
    yaw_error: float = float("nan")
    pitch_error: float = float("nan")
    pose_error: float = float("nan")
    identity_to_target: float = float("nan")
    identity_to_source: float = float("nan")
    border_step: float = float("nan")
    border_step_photo: float = float("nan")
    sharpness: float = float("nan")
    seconds: float = float("nan")
    reached: bool = True
    error: str = ""


def measure_pair(
    predictor: FaceFusionPredictor, pair: PhotoPair, options: FuseOptions, method: str
) -> tuple[PairMeasurement, FusionResult | None]:
    """Fuse one pair and measure the result.

    Args:
        predictor: fuses the photos.
        pair: the photos.
        options: options of the fusion.
        method: name of the method in the figures.

    Returns:
        The figures, and the result; None where the fusion failed.
    """
    from ppgan_ext.apps.fusion.pose_transfer import PoseLimitWarning

    settings = {name: getattr(options, name) for name in _SETTINGS}
    weights: dict[str, float] = {**options.weights}  # type: ignore[dict-item]
    try:
        photos = pair.read()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", PoseLimitWarning)
            start = time.perf_counter()
            result = predictor.run(*photos, **settings, weights=weights, photo_face="largest", person_face="largest")
            seconds = time.perf_counter() - start
    except PpganExtError as error:
        return PairMeasurement(pair.source, pair.target, method, pair.kind, error=str(error)), None
    assert isinstance(result, FusionResult)
    yaw, pitch, _ = pose_difference(result.matched_pose, result.source_pose)
    face = result.faces[0]
    measurement = PairMeasurement(
        pair.source, pair.target, method, pair.kind, face.method,
        yaw_difference=pose_difference(result.source_pose, result.target_pose)[0],
        yaw_error=yaw, pitch_error=pitch, pose_error=float(np.hypot(yaw, pitch)),
        identity_to_target=result.identity_to_target, identity_to_source=result.identity_to_source,
        border_step=face.border_step, border_step_photo=face.border_step_before, seconds=seconds,
        sharpness=_sharpness(result.image, result.mask) / max(_sharpness(photos[0], result.mask), 1e-6),
        reached=not any(issubclass(item.category, PoseLimitWarning) for item in caught),
    )  # fmt: skip
    return measurement, result


def _sharpness(photo: Image, mask: FloatArray) -> float:
    """Return the root mean square of the luma's Laplacian within a mask (H, W), levels."""
    luma = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.sqrt(np.square(cv2.Laplacian(luma, cv2.CV_32F)[mask > 0.5]).mean()))
