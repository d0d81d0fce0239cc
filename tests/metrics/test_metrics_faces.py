"""Identity and pose of reconstructions: drawn heads with known angles, one real photo, and images without a face."""

from __future__ import annotations

import cv2
import numpy as np
import paddle
import pytest
import skimage.data

from ppgan_ext.errors import ConfigError
from ppgan_ext.faces import detect
from ppgan_ext.losses.face_chips import WHOLE
from ppgan_ext.losses.identity import IdentityDistance
from ppgan_ext.metrics import IdentitySimilarity, ModelOutputs, PoseError
from ppgan_ext.metrics.pose import pose_difference
from ppgan_ext.networks import ArcFaceBackbone
from ppgan_ext.types import Pose
from tests.reference.drawn import DrawnFace, draw_photo
from tests.reference.toy_metrics import ArraySource

SIDE = 200


def head(**pose):
    return draw_photo((SIDE, SIDE), [DrawnFace((100, 90), 44, **pose)])[0]


def grey():
    return np.full((SIDE, SIDE, 3), 120, np.uint8)


def outputs_of(photos, copies):
    left = iter(copies)

    def reconstruct(pixels):
        taken = np.stack([next(left) for _ in range(len(pixels))])
        return taken.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1

    return ModelOutputs(ArraySource(photos), reconstruct=reconstruct, size=SIDE)


def astronaut():
    return cv2.resize(skimage.data.astronaut()[0:230, 110:340], (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def test_pose_differences_take_the_short_way_round():
    a, b = Pose(10.0, -5.0, 175.0), Pose(-20.0, 3.0, -179.0)
    assert pose_difference(a, b) == pytest.approx((30, 8, 6))
    assert pose_difference(b, a) == pytest.approx((30, 8, 6))


def test_turned_heads_have_the_angle_as_error():
    turned = head(roll_degrees=15)
    figures = PoseError().compute(outputs_of([head(), head()], [turned, head()]))
    assert set(figures) == {f"pose_{name}_dlib-68" for name in ("yaw", "pitch", "roll", "lost")}
    assert figures["pose_roll_dlib-68"] == pytest.approx(7.5, abs=1.5)
    assert figures["pose_yaw_dlib-68"] < 2
    assert figures["pose_lost_dlib-68"] == 0
    yaw = PoseError().compute(outputs_of([head()], [head(yaw_degrees=20)]))
    assert yaw["pose_yaw_dlib-68"] == pytest.approx(20, abs=7)
    assert yaw["pose_roll_dlib-68"] < 4


@pytest.mark.slow
def test_a_good_copy_is_the_same_person_and_a_drawing_is_not():
    photo = astronaut()
    near = cv2.GaussianBlur(photo, (0, 0), 1.0)
    figures = IdentitySimilarity().compute(outputs_of([photo, photo], [near, head()]))
    assert figures["identity_same_dlib-resnet"] == 0.5
    assert figures["identity_lost_dlib-resnet"] == 0
    same = IdentitySimilarity().compute(outputs_of([photo], [photo]))
    assert same == {
        "identity_distance_dlib-resnet": pytest.approx(0, abs=1e-6),
        "identity_same_dlib-resnet": 1.0,
        "identity_lost_dlib-resnet": 0.0,
    }
    assert figures["identity_distance_dlib-resnet"] > 0.3


@pytest.mark.slow
def test_lost_faces_are_counted_and_faceless_photos_noted():
    photos, copies = [head(), grey(), head()], [head(), head(), grey()]
    identity = IdentitySimilarity().compute(outputs_of(photos, copies))
    assert identity["identity_lost_dlib-resnet"] == 1
    assert identity["identity_same_dlib-resnet"] == 0.5
    assert identity["identity_distance_dlib-resnet"] < 0.1
    assert identity.notes == ["no face was found in 1 of 3 real images; they do not count"]
    pose = PoseError().compute(outputs_of(photos, copies))
    assert (pose["pose_lost_dlib-68"], pose.notes) == (1, identity.notes)


@pytest.mark.slow
def test_nothing_to_average_leaves_the_figure_out():
    assert IdentitySimilarity().compute(outputs_of([head()], [grey()])) == {
        "identity_same_dlib-resnet": 0.0,
        "identity_lost_dlib-resnet": 1.0,
    }
    figures = PoseError().compute(outputs_of([grey()], [head()]))
    assert figures == {"pose_lost_dlib-68": 0.0}
    assert "in 1 of 1 real images" in figures.notes[0]


def test_arcface_gives_the_mean_cosine():
    paddle.seed(3)
    backbone = ArcFaceBackbone(16)
    backbone.eval()
    side = backbone.input_size
    images = np.random.default_rng(0).integers(0, 256, (4, side, side, 3), dtype=np.uint8)
    pixels = images.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
    copies = iter([pixels[2:3], pixels[1:2]])
    outputs = ModelOutputs(ArraySource(images[:2]), reconstruct=lambda _: next(copies), size=side)
    metric = IdentitySimilarity(
        {"network": "arcface-ir-se50", "batch_size": 1},
        IdentityDistance("arcface-ir-se50", backbone, WHOLE, "cosine"),
    )
    figures = metric.compute(outputs)
    vectors = backbone(paddle.to_tensor(pixels)).numpy()
    assert figures == {"identity_cosine_arcface-ir-se50": pytest.approx((vectors[0] @ vectors[2] + 1) / 2, abs=1e-4)}
    assert abs(vectors[0] @ vectors[2]) < 0.999


def test_a_file_is_arcfaces(tmp_path):
    file = tmp_path / "model_ir_se50.pdparams"
    file.write_bytes(b"x")
    assert IdentitySimilarity({"network": "arcface-ir-se50", "weight_path": str(file)}).options.weight_path == file
    with pytest.raises(ConfigError, match="weight_path belongs to arcface-ir-se50; choose that network"):
        IdentitySimilarity({"weight_path": str(file)})


def test_faces_are_detected_once(monkeypatch):
    outputs, calls, find = outputs_of([head()], [head()]), [], detect.find_faces

    def counted(image):
        calls.append(image)
        return find(image)

    monkeypatch.setattr(detect, "find_faces", counted)
    pose = PoseError().compute(outputs)
    IdentitySimilarity().compute(outputs)
    assert PoseError().compute(outputs) == pose
    assert len(calls) == 2
