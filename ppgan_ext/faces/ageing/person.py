"""People told from the background, by MediaPipe's selfie segmentation (general model, Apache 2.0), run by OpenCV."""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import WeightsError
from ppgan_ext.types import FloatArray

_FILE = Path(__file__).parent / "selfie_segmentation.tflite"
_SIDE = 256
# OpenCV's networks keep the pictures they work on, so only one call at a time is allowed.
_lock = threading.Lock()


def person_chance(picture: FloatArray) -> npt.NDArray[np.float32]:
    """Return how likely each pixel shows a person, (H, W) in [0, 1].

    Args:
        picture: (H, W, 3) RGB, 0 to 255, with a head and shoulders.
    """
    small = cv2.resize(np.asarray(picture, np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_LINEAR)
    pixels = np.ascontiguousarray(small.transpose(2, 0, 1)[None] / np.float32(255.0))
    with _lock:
        network = _network(_FILE)
        network.setInput(pixels)
        chance = network.forward()[0, 0].copy()
    return np.asarray(cv2.resize(chance, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)


@functools.lru_cache(maxsize=1)
def _network(path: Path) -> Any:
    try:
        return cv2.dnn.readNetFromTFLite(np.frombuffer(path.read_bytes(), np.uint8))
    except (OSError, cv2.error) as error:
        what = "the model that tells people from the background is missing or damaged"
        raise WeightsError(what, where=path, cure="Install the package again") from error
