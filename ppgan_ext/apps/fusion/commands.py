"""The command ``ppgan-ext fuse``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.fusion.photo_pairs import open_pairs
from ppgan_ext.apps.progress import Bars
from ppgan_ext.apps.reporting import run_and_report

if TYPE_CHECKING:
    from ppgan_ext.apps.fusion.predictor import FusionResult


def run_fuse(options: FuseOptions) -> int:
    """Run ``ppgan-ext fuse``, on a pair of photos or on many, and return the exit code."""
    from ppgan_ext.apps.fusion.predictor import FaceFusionPredictor

    pairs = open_pairs(options.photo, options.person, options.pairs, options.recursive, Path(options.output_path))
    with Bars(quiet=pairs.is_batch) as bars:
        predictor = FaceFusionPredictor.from_options(options, bars)
        return run_and_report(
            pairs,
            lambda job: predictor.fuse_pair(job, options),
            describe_fusion,
            lambda: predictor.check_before_pairs(options),
            "pairs",
        )


def describe_fusion(result: FusionResult) -> Iterable[str]:
    """Yield poses, distances and the refinement's terms of each face."""
    for number, face in enumerate(result.faces, start=1):
        name = f"face {number}: " if len(result.faces) > 1 else ""
        source, target, matched = (
            f"yaw {pose.yaw_degrees:+.0f}, pitch {pose.pitch_degrees:+.0f}"
            for pose in (face.source_pose, face.target_pose, face.matched_pose)
        )
        yield f"{name}pose of the photo {source}, of the person {target}, of the result {matched}"
        yield (
            f"{name}distance to the person {face.identity_to_target:.2f}, to the photo's own face "
            f"{face.identity_to_source:.2f} (dlib; below 0.6 one person)"
        )
        for term, value in face.terms.items():
            yield f"{name}{term}: {value:.4g}"
