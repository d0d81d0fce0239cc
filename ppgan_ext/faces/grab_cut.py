"""What is unsure in a picture, decided by colours and edges (Rother, Kolmogorov and Blake, GrabCut, SIGGRAPH 2004)."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ppgan_ext.types import Image

_NUM_MODEL = 65  # numbers of OpenCV's model of colours


def grab_cut(picture: Image, kinds: npt.NDArray[np.uint8], steps: int) -> None:
    """Decide what is unsure by the colours of what is sure and by edges.

    Args:
        picture: (H, W, 3) RGB uint8.
        kinds: (H, W), surely or perhaps foreground or background by OpenCV's numbers; is written to.
        steps: how often colours and outline are told anew.
    """
    # OpenCV begins with random means: with the same ones, the same photo gives the same bytes.
    cv2.setRNGSeed(0)
    models = np.zeros((1, _NUM_MODEL)), np.zeros((1, _NUM_MODEL))
    cv2.grabCut(picture, kinds, None, *models, steps, cv2.GC_INIT_WITH_MASK)


def foreground(kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return where the kinds (H, W) of `grab_cut` say foreground, surely or perhaps; (H, W) of 0 and 1."""
    return np.isin(kinds, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
