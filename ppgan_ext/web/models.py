"""The one model of the page: every visitor's predictor is a new one that shares it."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any, TypeVar

from ppgan_ext.apps.codes.encode import Pixel2Style2PixelPredictor
from ppgan_ext.apps.page.options import PageOptions
from ppgan_ext.apps.predictor import Predictor, Progress, take_turns
from ppgan_ext.errors import PpganExtError
from ppgan_ext.web.uploads import warm_up_detection

PredictorT = TypeVar("PredictorT", bound=Predictor)


class Model:
    """The model that the page works with, loaded once.

    Args:
        options: name and device.
    """

    def __init__(self, options: PageOptions) -> None:
        self.settings: dict[str, Any] = {"model_type": options.model_type, "cpu": options.cpu}
        self._owner = Pixel2Style2PixelPredictor(output_path=None, **self.settings)

    def predictor(
        self,
        kind: type[PredictorT],
        folder: Path,
        progress: Progress,
        seed: int | None = None,
        needs_model: bool = True,
    ) -> PredictorT:
        """Make a predictor for one run.

        Args:
            kind: its class.
            folder: for its files.
            progress: called while it works.
            seed: of everything random.
            needs_model: whether it will use the model, which is then loaded.
        """
        predictor = kind(output_path=folder, seed=seed, progress=progress, **self.settings)
        if needs_model:
            take_turns(lambda: predictor.share_model(self._owner))
        return predictor

    def warm_up(self) -> None:
        """Load the model in the background, so that the first visitor need not wait for it."""
        threading.Thread(target=self._load, name="ppgan_ext-page-warm-up", daemon=True).start()

    def _load(self) -> None:
        warm_up_detection()
        with contextlib.suppress(PpganExtError):  # the first visitor is told
            take_turns(lambda: (self._owner.engine, self._owner.perceptual))
