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
    from ppgan_ext.apps.fusion.predictor import FusedFace, FusionResult
    from ppgan_ext.apps.predictor import Progress


# Yaw in degrees beyond which a photo's far cheek is a narrow strip: landmarks are unsure of it, and of 4 faces that the
# bundled generator turned to 32 to 38 degrees, 3 had breaks there. Landmarks of a profile tell 40 degrees at most.
_FAR = 32.0
_CURE = "try a photo of the person without glasses, from the front and in the light and pose of --photo"


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
        lambda result: describe_fusion(result, options.identity),
        lambda: predictor.check_before_pairs(options),
    )


def describe_fusion(result: FusionResult, identity: float = 1.0) -> Iterable[str]:
    """Yield poses, distances and the refinement's terms of each face.

    Args:
        result: of a pair.
        identity: share of the person's face that was asked for.
    """
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
        unlike = _unlike(face)
        if unlike:
            yield f"{name}{unlike}: {'raise --identity, or ' if identity < 1.0 else ''}{_CURE}"
        yield f"{name}method {face.method}, because {face.reason}"
        if abs(face.source_pose.yaw_degrees) > _FAR:
            yield f"{name}the photo's head is turned far, so the cheek behind the nose may break: choose another photo"
        if face.kept_covers:
            yield f"{name}kept over the face, from the photo: {', '.join(face.kept_covers)}"
        if face.dropped_covers:
            yield f"{name}not taken along from the person: {', '.join(face.dropped_covers)}"
        for term, value in face.terms.items():
            yield f"{name}{term}: {value:.4g}"


def _unlike(face: FusedFace) -> str:
    """Say that a fused face does not look like the person; nothing if it does."""
    if face.identity_to_target >= face.identity_to_source:
        return "it looks more like the photo's own face than like the person"
    return "it looks like neither of the two people" if face.identity_to_target >= SAME_PERSON else ""
