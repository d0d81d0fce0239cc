"""How an edit moves a face's parts: optical flow between the reconstruction and the edited face.

Both come from one generator, so they differ by the edit alone, without noise or detail: the easy case for dense inverse
search (Kroeger et al., ECCV 2016). Where the flow does not explain the change (teeth that appear, wrinkles, another
skin tone) the motion is taken as zero.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ppgan_ext.types import FloatArray

GRID = 256  # the motion's resolution, whatever the generator's

_DIS_MEDIUM = 2  # the preset's constant has two names in OpenCV 4 and 5
_SMOOTHING = 3.0  # pixels of the grid, as all below
_SHADING = 15.0
_NEIGHBOURHOOD = 8.0
_FADE = 5.0
# Mean absolute differences in grey levels: below the first nothing has changed that could be seen to move.
_NOTHING, _SOMETHING = 1.0, 3.0
# Share of the change that the flow must explain to be believed in full.
_EXPLAINED = 0.25


def estimate_motion(reconstruction: FloatArray, edited: FloatArray) -> FloatArray:
    """Estimate where each point of the edited face came from.

    Convention: the edited face shows at position x what the reconstruction shows at x + motion.

    Args:
        reconstruction: (S, S, 3) RGB float32, 0 to 255.
        edited: the same after the edit.

    Returns:
        (GRID, GRID, 2) float32, (x, y) in shares of the side; 0 where nothing moves.
    """
    before, after = _to_grid(reconstruction), _to_grid(edited)
    module: Any = cv2  # OpenCV's own annotations leave this class out
    flow = module.DISOpticalFlow_create(_DIS_MEDIUM).calc(_grey(after), _grey(before), None)
    flow = cv2.GaussianBlur(flow, (0, 0), _SMOOTHING)
    return flow * (_trust(before, after, flow)[..., None] / GRID)


def move(image: FloatArray, motion: FloatArray) -> FloatArray:
    """Draw a picture as moved: the result shows at x what the picture shows at x + motion.

    Args:
        image: (H, W) or (H, W, C) float32.
        motion: (H, W, 2), (x, y) in pixels of the picture.
    """
    height, width = image.shape[:2]
    map_x = np.arange(width, dtype=np.float32)[None, :] + motion[..., 0]
    map_y = np.arange(height, dtype=np.float32)[:, None] + motion[..., 1]
    return cv2.remap(image, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def _trust(before: FloatArray, after: FloatArray, flow: FloatArray) -> FloatArray:
    """Say for each point how far the flow explains the change, (GRID, GRID) in [0, 1]."""
    unmoved = _difference(before, after)
    moved = _difference(move(before, flow), after)
    explained = np.clip((unmoved - moved) / (_EXPLAINED * unmoved + 1e-3), 0.0, 1.0)
    visible = np.clip((unmoved - _NOTHING) / (_SOMETHING - _NOTHING), 0.0, 1.0)
    return cv2.GaussianBlur(explained * visible, (0, 0), _FADE)


def _difference(a: FloatArray, b: FloatArray) -> FloatArray:
    """Compare two pictures around each point, slow changes of shade left out."""
    change = a - b
    structure = change - cv2.GaussianBlur(change, (0, 0), _SHADING)
    return cv2.GaussianBlur(np.abs(structure).mean(axis=2), (0, 0), _NEIGHBOURHOOD)


def _to_grid(image: FloatArray) -> FloatArray:
    interpolation = cv2.INTER_AREA if image.shape[0] > GRID else cv2.INTER_CUBIC
    return cv2.resize(image, (GRID, GRID), interpolation=interpolation)


def _grey(image: FloatArray) -> FloatArray:
    return cv2.cvtColor(np.clip(np.rint(image), 0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
