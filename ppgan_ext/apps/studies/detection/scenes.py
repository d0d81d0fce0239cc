"""Photos with known faces, made from portraits: small and huge, tilted, cut by the border, dark, noisy, in groups.

A portrait is placed by one warp that averages, so a small face has no sampling noise. Beyond the portrait lies grey or
another picture without faces: never its reflection, which could be a second face.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ppgan_ext.faces.landmarks import INNER_FACE
from ppgan_ext.faces.pose import head_pose
from ppgan_ext.faces.warp import warp
from ppgan_ext.types import Box, FloatArray, Image

_SIZES = (16, 20, 24, 32, 48, 80, 160, 320, 640, 1000, 2000)
_TILTS = (0, 15, 30, 45, 60, 75, 90, 120, 150, 180)
_CUTS = {"left half": (0.5, 0.0), "right half": (-0.5, 0.0), "forehead and eyes": (0.0, 0.35), "mouth": (0.0, -0.4)}
_LIGHTS = (0.5, 0.25, 0.1, 0.05)
_NOISES = (10, 25, 50)
_GREY = 127.0
_HUGE, _NUM_LARGE = 640, 6  # of faces larger than this, a few suffice


@dataclass(frozen=True, eq=False)
class Portrait:
    """A photo of one person, (H, W, 3), with 68 landmarks and without another face."""

    name: str
    image: Image
    landmarks: FloatArray

    @property
    def middle(self) -> FloatArray:
        """Middle of the inner landmarks, (2,)."""
        return (self.landmarks[INNER_FACE].min(axis=0) + self.landmarks[INNER_FACE].max(axis=0)) / 2

    @property
    def size(self) -> float:
        """Larger side of the landmarks' bounding box, pixels."""
        return float(np.ptp(self.landmarks, axis=0).max())


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture, and where its faces are.

    Attributes:
        kind: what is varied.
        setting: to which value.
        image: (H, W, 3).
        faces: middle and size of each, (F, 3): x, y, pixels.
    """

    kind: str
    setting: str
    image: Image
    faces: FloatArray


def is_hit(box: Box, face: FloatArray) -> bool:
    """Return whether a box shows a face: centres at most half a size apart, sides within a factor of two."""
    x, y, size = face
    apart = math.hypot((box.left + box.right - 1) / 2 - x, (box.top + box.bottom - 1) / 2 - y)
    return bool(apart < 0.5 * size and 0.5 < math.sqrt(box.area) / size < 2.0)


def make_scenes(portraits: Sequence[Portrait], empty: Sequence[Image]) -> Iterator[Scene]:
    """Make all scenes, one at a time.

    Args:
        portraits: their order decides who is in which scene.
        empty: pictures without a face.
    """
    yield from _by_yaw(portraits)
    for size in _SIZES:
        few = portraits[:: max(1, len(portraits) // _NUM_LARGE)] if size > _HUGE else portraits
        for index, portrait in enumerate(few):
            yield _sized(portrait, size, empty[index % len(empty)])
    for tilt in _TILTS:
        for index, portrait in enumerate(portraits):
            sign = -1 if index % 2 else 1
            yield _placed("tilt, degrees", str(tilt), portrait, 150.0, sign * tilt)
    for setting, shift in _CUTS.items():
        for portrait in portraits:
            yield _placed("cut off", setting, portrait, 200.0, 0, shift, border=True)
    for light in _LIGHTS:
        for portrait in portraits:
            yield _darkened("light", str(light), portrait, light)
    for noise in _NOISES:
        generator = np.random.default_rng(noise)
        for portrait in portraits:
            yield _darkened("noise at 0.3 of the light, levels", str(noise), portrait, 0.3, generator, 0.3 * noise)
    yield from _groups(portraits)
    yield from _without_faces(portraits, empty)


def _by_yaw(portraits: Sequence[Portrait]) -> Iterator[Scene]:
    for portrait in portraits:
        yaw = abs(head_pose(portrait.landmarks, portrait.image.shape[1::-1]).yaw_degrees)
        setting = next(f"under {limit}" for limit in (10, 20, 30, 90) if yaw < limit)
        for image, x in ((portrait.image, portrait.middle[0]), (cv2.flip(portrait.image, 1), None)):
            x = portrait.image.shape[1] - 1 - portrait.middle[0] if x is None else x
            yield Scene("yaw of the photos", setting, image, np.array([[x, portrait.middle[1], portrait.size]]))


def _sized(portrait: Portrait, size: int, background: Image) -> Scene:
    """Show a face of ``size`` pixels: a small portrait in a picture of 960 by 720, a large one alone."""
    scale = size / portrait.size
    height, width = (max(1, round(side * scale)) for side in portrait.image.shape[:2])
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(portrait.image, (width, height), interpolation=interpolation)
    x, y = portrait.middle * scale
    if width <= 480 and height <= 480:
        canvas = cv2.resize(background, (960, 720), interpolation=cv2.INTER_AREA)
        left, top = (960 - width) // 3, (720 - height) // 2
        canvas[top : top + height, left : left + width] = small
        small, x, y = canvas, x + left, y + top
    return Scene("size, pixels", str(size), small, np.array([[x, y, size]]))


def _placed(
    kind: str, setting: str, portrait: Portrait, size: float, tilt_degrees: float,
    shift: tuple[float, float] = (0.0, 0.0), border: bool = False,
) -> Scene:  # fmt: skip
    """Show a face of ``size`` pixels in 640 by 640, tilted, or cut by the picture's border."""
    side, scale = 640, size / portrait.size
    cosine, sine = (scale * f(math.radians(tilt_degrees)) for f in (math.cos, math.sin))
    linear = np.array([[cosine, sine], [-sine, cosine]])
    where = np.full(2, side / 2)
    if border:  # the shift, in sizes, says which part lies beyond the border
        where = np.where(np.array(shift) > 0, 0.0, np.where(np.array(shift) < 0, side, side / 2))
        where = where + np.sign(shift) * (0.5 - np.abs(shift)) * size * (np.array(shift) != 0)
    matrix = np.hstack([linear, (where - linear @ portrait.middle)[:, None]])
    image = warp(portrait.image, matrix, (side, side), border_value=_GREY)
    return Scene(kind, setting, image, np.array([[*where, size]]))


def _darkened(
    kind: str, setting: str, portrait: Portrait, light: float,
    generator: np.random.Generator | None = None, noise: float = 0.0,
) -> Scene:  # fmt: skip
    scene = _placed(kind, setting, portrait, 150.0, 0)
    levels = scene.image * light
    if generator is not None:
        levels = levels + generator.normal(0, noise, levels.shape)
    return Scene(kind, setting, np.clip(np.rint(levels), 0, 255).astype(np.uint8), scene.faces)


def _groups(portraits: Sequence[Portrait]) -> Iterator[Scene]:
    """Show twelve people, 4 by 3, faces of 40 to 140 pixels."""
    cell, generator = 320, np.random.default_rng(0)
    for start in range(0, len(portraits) - 11, 12):
        canvas, faces = np.zeros((3 * cell, 4 * cell, 3), np.uint8), []
        for place, portrait in enumerate(portraits[start : start + 12]):
            size = float(generator.uniform(40, 140))
            scale, corner = size / portrait.size, np.array([place % 4, place // 4]) * cell
            matrix = np.hstack([np.eye(2) * scale, (cell / 2 - scale * portrait.middle)[:, None]])
            person = warp(portrait.image, matrix, (cell, cell), border_value=_GREY)
            canvas[corner[1] : corner[1] + cell, corner[0] : corner[0] + cell] = person
            faces.append([*(corner + cell / 2), size])
        yield Scene("groups of 12, 40 to 140 pixels", "all", canvas, np.array(faces))


def _without_faces(portraits: Sequence[Portrait], empty: Sequence[Image]) -> Iterator[Scene]:
    """Show clothes: what lies below the chin; and pictures of other things."""
    nobody = np.zeros((0, 3))
    for portrait in portraits:
        top = math.ceil(portrait.landmarks[:17, 1].max() + 0.1 * portrait.size)
        if portrait.image.shape[0] - top >= 200:
            yield Scene("no face", "clothes", np.ascontiguousarray(portrait.image[top:]), nobody)
    for image in empty:
        yield Scene("no face", "other pictures", image, nobody)
