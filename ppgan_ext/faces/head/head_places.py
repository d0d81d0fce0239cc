"""Places of a head that matter to its hair: near skin, where grey begins, and where hair may become lighter."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.faces.axes import eye_distance, upwards
from ppgan_ext.faces.head.bands import blur
from ppgan_ext.faces.head.bare_skin import face_outline
from ppgan_ext.faces.head.head_patch import CENTRE, EYES, patch_matrix
from ppgan_ext.faces.landmarks import JAW
from ppgan_ext.faces.mask import draw_part
from ppgan_ext.faces.ramps import smooth_step
from ppgan_ext.types import FloatArray

# How far around the face and its neck, and how softly, as shares of the eyes' distance.
_NEAR, _NEAR_SOFT, _NECK = 0.15, 0.08, 0.8
_BELOW_JAW = 1.75  # times as near: there skin lies in the shadow of hair, and is not much brighter
# Below the chin, in eyes' distances, hair becomes as light as grey hair from fully to not at all.
_LIGHTER_ABOVE = (0.3, 2.5)
_SOON = 0.4  # below the chin what is beside the face ends, likewise
_ON_NECK = 0.75  # how far the light of what lies below the jaw stays
_LINE, _LINE_REACH = 0.05, 0.3  # width of the Gaussian by which hair begins on the face, likewise
_EDGE = 0.03
_BESIDE = 0.35


def near_skin(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw the face and its neck, with what is close to them, softly; (H, W), 1, on the neck `_BELOW_JAW`."""
    eyes = eye_distance(landmarks)
    face = draw_part(face_outline(landmarks), shape, _NEAR * eyes)
    return blur(np.maximum(face, np.float32(_BELOW_JAW) * _neck(landmarks, shape)), _NEAR_SOFT * eyes)


def beside_jaw(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw the jaw, the neck and what is beside them, softly; (H, W) in [0, 1]."""
    eyes = eye_distance(landmarks)
    lower = landmarks[4:13] - _NECK * eyes * upwards(landmarks)
    place = draw_part(np.vstack([landmarks[3:14], lower]), shape, _BESIDE * eyes)
    return np.asarray(blur(place, 0.1 * eyes), np.float32)


def beside_jaw_rows(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return a weight for each row, 0 above the nose to 1 at the chin, (H, 1)."""
    nose, chin = np.float32(landmarks[29, 1]), np.float32(landmarks[8, 1])
    rows = (np.arange(shape[0], dtype=np.float32) - nose) / max(chin - nose, np.float32(1.0))
    return np.clip(rows, 0.0, 1.0)[:, None]


def below_chin_rows(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return a weight for each row, 0 above the chin to 1 below it, (H, 1)."""
    depth = (np.arange(shape[0], dtype=np.float32) - np.float32(landmarks[8, 1])) / np.float32(eye_distance(landmarks))
    return np.clip(depth / np.float32(_SOON), 0.0, 1.0)[:, None]


def may_lighten(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return how far hair may become lighter by its place, (H, W) in [0, 1].

    Long hair stays darker towards its ends, as grown-out hair does. Colour that is lost where there is no hair is
    hardly seen on a dark collar, or on a neck in shadow; light that is gained there is seen at once.
    """
    eyes = eye_distance(landmarks)
    depth = (np.arange(shape[0], dtype=np.float32) - np.float32(landmarks[8, 1])) / np.float32(eyes)
    low, high = _LIGHTER_ABOVE
    share = np.clip((depth - low) / (high - low), 0.0, 1.0)
    rows = (1.0 - smooth_step(share))[:, None]
    return (rows * (1.0 - np.float32(_ON_NECK) * blur(_neck(landmarks, shape), 0.12 * eyes))).astype(np.float32)


def hairline(landmarks: FloatArray, hair: FloatArray) -> npt.NDArray[np.float32]:
    """Return how near hair (H, W) is to the bare skin of the face, 1 at its edge and softly to 0; (H, W)."""
    eyes = eye_distance(landmarks)
    skin = draw_part(face_outline(landmarks), hair.shape, _LINE_REACH * eyes) * (1.0 - np.clip(2.0 * hair, 0.0, 1.0))
    return np.clip(2.0 * blur(skin, _LINE * eyes), 0.0, 1.0).astype(np.float32)


def within(hair: FloatArray, eyes: float) -> npt.NDArray[np.float32]:
    """Return how far each pixel of hair (H, W) lies inside it and not at its edge, (H, W) in [0, 1]."""
    return np.clip((blur(hair, _EDGE * eyes) - 0.45) / 0.4, 0.0, 1.0).astype(np.float32)


def first_places(landmarks: FloatArray, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return where hair turns grey earlier: more at the temples and sides, less at the crown; (H, W), -0.3 to 0.5."""
    _, down = _from_centre(landmarks, size)
    crown = np.clip((-down - 1.2) / 0.8, 0.0, 1.0)
    return (0.5 * at_sides(landmarks, size) - 0.3 * crown).astype(np.float32)


def at_sides(landmarks: FloatArray, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return how far each pixel lies at a temple or the side of a head, (H, W) in [0, 1]."""
    across, down = _from_centre(landmarks, size)
    side = np.clip((np.abs(across) - 0.7) / 0.6, 0.0, 1.0) * np.clip((1.2 - np.abs(down + 0.3)) / 0.8, 0.0, 1.0)
    return np.asarray(side, np.float32)


def _from_centre(landmarks: FloatArray, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Return how far each pixel lies across and down from between the eyes of an upright head, in their distance."""
    matrix = patch_matrix(landmarks)
    columns, rows = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    places = np.stack([columns, rows], axis=2) @ matrix[:, :2].T + matrix[:, 2]
    return (places[..., 0] - CENTRE[0]) / EYES, (places[..., 1] - CENTRE[1]) / EYES


def below_jaw(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return how far each pixel lies outside the jaw, in distances of the eyes; (H, W), 0 on the face."""
    return np.maximum(beyond_jaw(landmarks, shape), 0.0)


def beyond_jaw(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return how far each pixel lies outside the jaw, in distances of the eyes; (H, W), negative on the face."""
    above = landmarks[27] - (landmarks[8] - landmarks[27])
    inside = np.uint8(draw_part(np.vstack([landmarks[JAW], above]), shape, 0.0))
    outer, inner = (cv2.distanceTransform(region, cv2.DIST_L2, 3) for region in (1 - inside, inside))
    return (outer - inner) / np.float32(eye_distance(landmarks))


def _neck(landmarks: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    lower = landmarks[5:12] - _NECK * eye_distance(landmarks) * upwards(landmarks)
    neck = draw_part(np.vstack([landmarks[5:12], lower]), shape, 0.0) - draw_part(landmarks[JAW], shape, 0.0)
    return np.maximum(neck, 0.0).astype(np.float32)
