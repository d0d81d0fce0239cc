"""The command ``ppgan-ext fuse``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.fusion.photo_pairs import open_pairs
from ppgan_ext.apps.reporting import BatchWork
from ppgan_ext.apps.shares.run import run_command
from ppgan_ext.weights.dlib_models import SAME_PERSON

if TYPE_CHECKING:
    from ppgan_ext.apps.fusion.predictor import FusionResult
    from ppgan_ext.apps.predictor import Progress


def run_fuse(options: FuseOptions) -> int:
    """Run ``ppgan-ext fuse``, on a pair of photos or on many, and return the exit code."""
    pairs = open_pairs(options.photo, options.person, options.pairs, options.recursive, Path(options.output_path))
    return run_command(pairs, open_fuse, options, workers=options.workers, noun="pairs")


def open_fuse(options: FuseOptions, progress: Progress) -> BatchWork[Any]:
    """Open what ``ppgan-ext fuse`` does with a pair."""
    from ppgan_ext.apps.fusion.predictor import FaceFusionPredictor

    predictor = FaceFusionPredictor.from_options(options, progress)
    return BatchWork(
        lambda job: predictor.fuse_pair(job, options),
        describe_fusion,
        lambda: predictor.check_before_pairs(options),
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
            f"{face.identity_to_source:.2f} (dlib; below {SAME_PERSON:g} one person)"
        )
        yield f"{name}method {face.method}, because {face.reason}"
        for term, value in face.terms.items():
            yield f"{name}{term}: {value:.4g}"
