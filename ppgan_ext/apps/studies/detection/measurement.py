"""Count what detectors find in scenes with known faces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from ppgan_ext.apps.studies.detection.scenes import Scene, is_hit
from ppgan_ext.types import Box, Image

Detector: TypeAlias = Callable[[Image], Sequence[Box]]


@dataclass
class Tally:
    """What one detector did in the scenes of one kind and setting.

    Attributes:
        num_faces: faces that the scenes show.
        num_found: those that were found.
        num_false: boxes that show no face, or a face that another box shows already.
        num_scenes: scenes.
        megapixels: in all scenes.
        seconds: for all scenes.
    """

    num_faces: int = 0
    num_found: int = 0
    num_false: int = 0
    num_scenes: int = 0
    megapixels: float = 0.0
    seconds: float = 0.0

    def add(self, scene: Scene, boxes: Sequence[Box], seconds: float) -> None:
        """Add one scene."""
        found: set[int] = set()
        for box in boxes:
            hits = [i for i, face in enumerate(scene.faces) if i not in found and is_hit(box, face)]
            found.update(hits[:1])
            self.num_false += not hits
        self.num_faces += len(scene.faces)
        self.num_found += len(found)
        self.num_scenes += 1
        self.megapixels += scene.image.shape[0] * scene.image.shape[1] / 1e6
        self.seconds += seconds


@dataclass
class Measured:
    """The tallies of one detector: kind of scene, then setting."""

    tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)

    def of(self, kind: str, setting: str) -> Tally:
        """Return the tally of a kind and setting, new if it is the first."""
        return self.tallies.setdefault(kind, {}).setdefault(setting, Tally())


def measure(scenes: Iterable[Scene], detectors: Mapping[str, Detector]) -> dict[str, Measured]:
    """Run every detector on every scene, in turns.

    Args:
        scenes: made one at a time.
        detectors: name -> function from a picture to boxes.
    """
    measured = {name: Measured() for name in detectors}
    for scene in scenes:
        image = np.ascontiguousarray(scene.image)
        for name, detect in detectors.items():
            start = time.process_time()
            boxes = detect(image)
            measured[name].of(scene.kind, scene.setting).add(scene, boxes, time.process_time() - start)
    return measured
