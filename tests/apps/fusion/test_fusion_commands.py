"""What the command says of a fused face."""

from types import SimpleNamespace

import pytest

from ppgan_ext.apps.fusion.commands import describe_fusion
from ppgan_ext.faces.pose import Pose


@pytest.mark.parametrize(("yaw", "far"), [(0.0, False), (28.0, False), (-28.0, False), (36.0, True), (-36.0, True)])
def test_a_photo_whose_head_is_turned_far_is_warned_of(yaw, far):
    level = Pose(0.0, -7.0, 0.0)
    face = SimpleNamespace(
        source_pose=Pose(yaw, -7.0, 0.0),
        target_pose=level,
        matched_pose=level,
        identity_to_target=0.4,
        identity_to_source=0.7,
        method="warp",
        reason="it was asked for",
        kept_covers=(),
        dropped_covers=(),
        terms={},
    )
    lines = list(describe_fusion(SimpleNamespace(faces=[face])))
    assert any("turned far" in line for line in lines) == far
    assert len(lines) == (4 if far else 3)
