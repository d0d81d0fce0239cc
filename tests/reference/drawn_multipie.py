"""A small Multi-PIE drawn by code, with its folders and names, and heads turned as each camera sees them.

The angles of the cameras are stated here independently, as the left and right of the picture, so that a swapped sign in
the package is noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import PIL.Image

from tests.reference.drawn import DrawnFace, draw_photo

# The nose points to the right of the picture from 24_0 to 05_0, to the left from 14_0 to 11_0.
NOSE_TO_THE_RIGHT = ("05_0", "04_1", "19_0", "20_0", "01_0", "24_0")
NOSE_TO_THE_LEFT = ("14_0", "13_0", "08_0", "09_0", "12_0", "11_0")
_SKINS = ((232, 190, 160), (120, 80, 60), (200, 120, 120), (170, 150, 90), (90, 60, 90), (245, 225, 215))


def turned(camera: str) -> float:
    """Return the yaw in degrees of the drawn head, positive to the right of the picture."""
    if camera in NOSE_TO_THE_RIGHT:
        return 15.0 * (1 + NOSE_TO_THE_RIGHT.index(camera))
    if camera in NOSE_TO_THE_LEFT:
        return -15.0 * (1 + NOSE_TO_THE_LEFT.index(camera))
    return 0.0


def draw_shot(subject: int, camera: str, illumination: int, size: tuple[int, int]) -> np.ndarray:
    """Draw a subject in some illumination, (height, width, 3) uint8; skin and eye distance depend on the subject."""
    width, height = size
    skin = np.array(_SKINS[subject % len(_SKINS)]) * (0.75 + 0.25 * (illumination % 10) / 9)
    eyes = height * (0.2 + 0.02 * (subject % 4))
    red, green, blue = (int(value) for value in skin)
    face = DrawnFace((width / 2, height * 0.4), eyes, yaw_degrees=turned(camera), skin=(red, green, blue))
    return draw_photo(size, [face], seed=subject)[0]


def file_of(subject: int, session: int, recording: int, camera: str, illumination: int) -> str:
    """Return the path of a picture below the folder of the sessions."""
    name = f"{subject:03d}_{session:02d}_{recording:02d}_{camera.replace('_', '')}_{illumination:02d}.png"
    return f"session{session:02d}/multiview/{subject:03d}/{recording:02d}/{camera}/{name}"


def write_multipie(
    root: Path,
    moments: Iterable[tuple[int, int, int]],
    cameras: Sequence[str],
    illuminations: Sequence[int] = (7,),
    size: tuple[int, int] = (48, 40),
) -> list[str]:
    """Write the pictures of each (subject, session, recording) by all cameras, in all illuminations; return paths."""
    written = []
    for subject, session, recording in moments:
        for camera in cameras:
            for illumination in illuminations:
                file = file_of(subject, session, recording, camera, illumination)
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                PIL.Image.fromarray(draw_shot(subject, camera, illumination, size)).save(root / file)
                written.append(file)
    return sorted(written)
