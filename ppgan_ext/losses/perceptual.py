"""Perceptual distances: LPIPS (arXiv 1801.03924), and the same construction on the bundled model's discriminator.

A distance compares the features of two images at every pixel, after scaling each feature vector to length 1. Its name
is that of the network which computes the features; values under different names are not comparable. Departs from
paddle-lpips, whose linear heads it uses: the target's features are computed only once, gradients pass to the image
through a frozen trunk, and a pixel whose features are all zero has a finite gradient.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import paddle

from ppgan_ext.errors import InputError, WeightsError
from ppgan_ext.networks import StyleGANv2Discriminator, VGG16Features
from ppgan_ext.networks.vgg import CHANNELS
from ppgan_ext.nn import Form
from ppgan_ext.nn.inference import freeze
from ppgan_ext.nn.resize import fit_to
from ppgan_ext.types import FloatArray
from ppgan_ext.weights import catalog, load, readers, store

# LPIPS v0.1's input layer: ImageNet's mean and deviation, for images in [-1, 1].
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
# Added to a squared length: LPIPS adds 1e-10 to the length, which matters only if that is zero.
_EPSILON = 1e-20

Features = list[paddle.Tensor]
Extract = Callable[[paddle.Tensor], Sequence[paddle.Tensor]]


class Perceptual(Protocol):
    """A distance between images that prepares its target once.

    Attributes:
        name: name of the network that computes the features.
    """

    name: str

    def prepare(self, target: paddle.Tensor) -> Features:
        """Compute the features of a target (1 or N, 3, H, W) in [-1, 1] for :meth:`distance`, without gradient."""
        ...

    def distance(self, pixels: paddle.Tensor, features: Features) -> paddle.Tensor:
        """Return one distance per image, (N,), differentiable in ``pixels`` (N, 3, H, W) in [-1, 1]."""
        ...


class FeatureDistance:
    """Weighted squared distance between unit-length features, averaged over pixels, summed over layers.

    Args:
        name: name of the network that computes the features.
        extract: maps images (N, 3, H, W) in [-1, 1] to feature maps (N, C, h, w), one per layer.
        weights: for every layer one weight per channel, (C,), or one number for all channels.

    Example:
        >>> colour = FeatureDistance("colour", lambda images: [images], [1.0])
        >>> red, green = paddle.eye(3).reshape([3, 3, 1, 1])[:2].split(2)
        >>> colour.distance(red, colour.prepare(green)).numpy().tolist()
        [2.0]
    """

    def __init__(self, name: str, extract: Extract, weights: Sequence[FloatArray | float]) -> None:
        self.name = name
        self._extract = extract
        self._weights = [paddle.to_tensor(np.asarray(w, np.float32).reshape(1, -1, 1, 1)) for w in weights]

    def prepare(self, target: paddle.Tensor) -> Features:
        """Compute the target's features, without gradient.

        Args:
            target: (1 or N, 3, H, W), [-1, 1], RGB.

        Returns:
            Feature maps (1 or N, C, h, w) with vectors of length 1, one per layer.

        Raises:
            InputError: the shape is wrong.
        """
        with paddle.no_grad():
            return self._features(target)

    def distance(self, pixels: paddle.Tensor, features: Features) -> paddle.Tensor:
        """Compute the distance of images from the target.

        Args:
            pixels: (N, 3, H, W), [-1, 1], RGB, of the target's size.
            features: from :meth:`prepare`, of one target for all images or of one target per image.

        Returns:
            (N,), at least 0, differentiable in ``pixels``.

        Raises:
            InputError: the shape is wrong or differs from the target's.
        """
        total = paddle.zeros([pixels.shape[0]], dtype=pixels.dtype)
        maps = self._features(pixels)
        for ours, theirs, weight in zip(maps, features, self._weights, strict=True):
            if ours.shape[1:] != theirs.shape[1:] or theirs.shape[0] not in (1, ours.shape[0]):
                what = f"images {tuple(pixels.shape)} and the prepared target differ in size or number"
                cure = "Resize both to one size, and prepare one target or one for each image"
                raise InputError(what, where="perceptual distance", cure=cure)
            difference = ours - theirs
            total = total + (difference * difference * weight).sum(axis=1).mean(axis=[1, 2])
        return total

    def _features(self, images: paddle.Tensor) -> Features:
        if images.ndim != 4 or images.shape[1] != 3:
            raise InputError(f"expected (N, 3, H, W), got {tuple(images.shape)}", where="images")
        return [unit_length(layer) for layer in self._extract(images)]


def unit_length(features: paddle.Tensor) -> paddle.Tensor:
    """Scale the feature vector of every pixel, axis 1 of (N, C, H, W), to length 1; zero vectors stay zero."""
    return features * paddle.rsqrt((features * features).sum(axis=1, keepdim=True) + _EPSILON)


def lpips_vgg(
    trunk: str | os.PathLike[str] | VGG16Features | None = None, heads: str | os.PathLike[str] | None = None
) -> FeatureDistance:
    """Return LPIPS v0.1 on VGG-16, under the name "lpips-vgg16".

    Args:
        trunk: PaddleGAN's ``vgg16_official.pdparams`` (or torchvision's vgg16), or a network with its weights; None:
            the file on this machine, otherwise a download.
        heads: PaddleGAN's ``lins_0.1_vgg.pdparams``; None: the file on this machine, otherwise the same numbers from
            the installed package paddle-lpips, otherwise a download.

    Raises:
        WeightsError: a file cannot be found or downloaded, or contains something else.
    """
    network = trunk if isinstance(trunk, VGG16Features) else _load_trunk(trunk)
    freeze(network)
    shift = paddle.to_tensor(_SHIFT).reshape([1, 3, 1, 1])
    scale = paddle.to_tensor(_SCALE).reshape([1, 3, 1, 1])
    head_file = _find_heads() if heads is None else Path(heads)
    return FeatureDistance("lpips-vgg16", lambda images: network((images - shift) / scale), read_heads(head_file))


def bundled_distance(
    discriminator: StyleGANv2Discriminator | None = None,
    model_type: str = catalog.DEFAULT_MODEL,
    form: Form = "fast",
) -> FeatureDistance:
    """Return a distance on the features of a model's discriminator, under the name "<model_type>-features".

    All channels have the same weight and the layers are averaged, so values lie between 0 and 4. Images are resized to
    the discriminator's size first. It suits only faces in the crop that the discriminator was trained on.

    Args:
        discriminator: a network with its weights, which is frozen; None: load that of ``model_type``.
        model_type: name of the model that the discriminator belongs to.
        form: "fast", or "fused" for the fastest dygraph on a CPU; the same numbers.

    Raises:
        ConfigError: the model is unknown.
        WeightsError: the model has no discriminator.
    """
    network = load.load_discriminator(model_type) if discriminator is None else discriminator
    freeze(network)
    return discriminator_distance(network, f"{model_type}-features", form)


def discriminator_distance(network: StyleGANv2Discriminator, name: str, form: Form = "fast") -> FeatureDistance:
    """Return a distance on the features of a discriminator, as :func:`bundled_distance` does, without freezing it.

    Args:
        network: the discriminator; its weights may keep changing.
        name: name of the distance.
        form: see :func:`bundled_distance`.
    """
    num_layers = len(network.convs) - 1
    weights = [1.0 / num_layers] * num_layers
    return FeatureDistance(name, lambda images: network.feature_maps(fit_to(images, network.size), form), weights)


def default_perceptual(form: Form = "fast") -> FeatureDistance:
    """Return LPIPS if PaddleGAN's VGG weights are on this machine, otherwise :func:`bundled_distance`; no download."""
    trunk = store.find_local(catalog.LPIPS_TRUNK)
    return bundled_distance(form=form) if trunk is None else lpips_vgg(trunk)


def read_heads(path: str | os.PathLike[str]) -> list[FloatArray]:
    """Read the five linear heads of LPIPS, named as in PaddleGAN or in paddle-lpips.

    Returns:
        One weight per channel for every layer, (C,) float32 each.

    Raises:
        WeightsError: the file cannot be read or contains something else.
    """
    state = readers.read(path)
    heads: dict[int, FloatArray] = {}
    for name, array in state.items() if isinstance(state, Mapping) else ():
        match = re.fullmatch(r"(?:lins\.|lin)?(\d)\.model\.\d\.weight", str(name))
        if match and isinstance(array, np.ndarray):
            heads[int(match.group(1))] = np.asarray(array, np.float32).reshape(-1)
    if [len(heads[layer]) for layer in sorted(heads)] != list(CHANNELS):
        cure = "Use lins_0.1_vgg.pdparams of PaddleGAN"
        raise WeightsError("does not contain the linear heads of LPIPS for VGG-16", where=path, cure=cure)
    return [heads[layer] for layer in sorted(heads)]


def _find_heads() -> Path:
    local = store.find_local(catalog.LPIPS_HEADS)
    if local is not None:
        return local
    # Find the package without importing it, because only its file is needed.
    package = importlib.util.find_spec("paddle_lpips")
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder) / "weights" / "v0.1" / "vgg.pdparams"
        if path.is_file():
            return path
    return store.locate(catalog.LPIPS_HEADS)


def _load_trunk(path: str | os.PathLike[str] | None) -> VGG16Features:
    file = store.locate(catalog.LPIPS_TRUNK, path)
    network = VGG16Features()
    # A distance does not use the classifier.
    load.load_into(network, load.load_state(file), file, ignored=["classifier."])
    return network
