"""Networks whose features figures rest on. A figure's name contains the network's: each network has its own scale.

"inception-v3" is the network of published figures, with its file from PaddleGAN or pytorch-fid. "faces-128-features" is
the discriminator that ships with the package: it needs no file and was trained on faces, but its figures can only be
compared with one another.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import paddle
from paddle import nn

from ppgan_ext.errors import ConfigError, InputError, WeightsError, nearest
from ppgan_ext.losses.perceptual import unit_length
from ppgan_ext.metrics.model_outputs import Images, images_to_pixels
from ppgan_ext.networks import InceptionV3, StyleGANv2Discriminator
from ppgan_ext.networks.inception import NUM_FEATURES
from ppgan_ext.nn.inference import freeze
from ppgan_ext.nn.resize import fit_to
from ppgan_ext.types import FloatArray
from ppgan_ext.weights import catalog, load, store
from ppgan_ext.weights.network_builders import build_lazily
from ppgan_ext.weights.rename import Rule, rename

INCEPTION = "inception-v3"
OWN = f"{catalog.DEFAULT_MODEL}-features"

# PaddleGAN's file has Paddle's names for the running statistics if it was saved by structure, PyTorch's if by parameter
# name; pytorch-fid's has PyTorch's. Paddle itself would silently skip unknown names.
_INCEPTION_NAMES = (
    Rule(r"(.+\.bn)\.running_mean", r"\1._mean"),
    Rule(r"(.+\.bn)\.running_var", r"\1._variance"),
    Rule(r".+\.num_batches_tracked", None),
    Rule(r".+"),
)
_TORCHVISION_CLASSES = 1000


class FeatureNetwork(Protocol):
    """Maps images to vectors.

    Attributes:
        name: name of the network in the names of figures.
        num_features: F.
        weights_hash: identifies the weights.
    """

    name: str
    num_features: int
    weights_hash: str

    def extract(self, images: Images) -> FloatArray:
        """Map images (N, H, W, 3) RGB uint8 to features (N, F) float64."""
        ...


class PixelFeatures:
    """A feature network made from a Paddle function.

    Args:
        name: see :class:`FeatureNetwork`, also for the next two.
        num_features: F.
        weights_hash: identifies the weights.
        apply: maps pixels (N, 3, H, W) in [-1, 1] to features (N, F).
    """

    def __init__(
        self, name: str, num_features: int, weights_hash: str, apply: Callable[[paddle.Tensor], paddle.Tensor]
    ) -> None:
        self.name = name
        self.num_features = num_features
        self.weights_hash = weights_hash
        self._apply = apply

    def extract(self, images: Images) -> FloatArray:
        """Map images (N, H, W, 3) RGB uint8 to features (N, F) float64, on Paddle's current device.

        Raises:
            InputError: the images have another shape or type.
        """
        if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
            what = f"expected (N, H, W, 3) uint8, got {images.shape} {images.dtype}"
            raise InputError(what, where="images", cure="Give 8-bit RGB images, the colour axis last")
        with paddle.no_grad():
            features = self._apply(paddle.to_tensor(images_to_pixels(images))).numpy()
        return features.astype(np.float64)


def inception_features(path: str | os.PathLike[str] | None = None) -> PixelFeatures:
    """Load the network of published figures, "inception-v3": 2048 channel means of images resized to 299 pixels.

    Args:
        path: PaddleGAN's ``InceptionV3.pdparams``, or pytorch-fid's ``pt_inception-2015-12-05-6726825d.pth``; None
            finds or downloads the former.

    Raises:
        WeightsError: the file is missing and cannot be downloaded, or has other contents, such as torchvision's
            ``inception_v3``, which has the same shapes but was trained on other labels, so that its figures differ.
    """
    file = store.locate(catalog.INCEPTION, path)
    state, unknown = rename(load.load_state(file), _INCEPTION_NAMES)
    cure = f"Give {catalog.INCEPTION.name} of PaddleGAN"
    if "fc.weight" in state and _TORCHVISION_CLASSES in state["fc.weight"].shape:
        what = f"is an Inception network of {_TORCHVISION_CLASSES} classes; that of published figures has 1008"
        raise WeightsError(what, where=file, cure=cure)
    network = build_lazily(InceptionV3)
    # The classifier does not contribute to the features.
    load.load_into(network, state, file, ignored=["fc.", "AuxLogits."], unknown=unknown, cure=cure)
    freeze(network)
    return PixelFeatures(INCEPTION, NUM_FEATURES, store.file_hash(file), network)


def discriminator_features(discriminator: StyleGANv2Discriminator | None = None) -> PixelFeatures:
    """Return the features of the discriminator that ships with the package, "faces-128-features".

    Images are resized to its size. The feature vector of every pixel after each residual block is scaled to root mean
    square 1, so that all blocks have equal weight; then each channel is averaged over space.

    Args:
        discriminator: a network with its weights; None loads the bundled one.
    """
    network = load.load_discriminator() if discriminator is None else discriminator
    freeze(network)
    widths = [int(width) for width in _block_widths(network)]

    def apply(pixels: paddle.Tensor) -> paddle.Tensor:
        maps = network.feature_maps(fit_to(pixels, network.size))
        parts = [unit_length(layer).mean(axis=[2, 3]) * layer.shape[1] ** 0.5 for layer in maps]
        return paddle.concat(parts, axis=1)

    return PixelFeatures(OWN, sum(widths), _hash_of(network), apply)


NETWORKS: dict[str, Callable[[Path | None], PixelFeatures]] = {
    INCEPTION: inception_features,
    OWN: lambda path: discriminator_features(),
}


def choose(name: str | None = None, weight_path: str | os.PathLike[str] | None = None) -> PixelFeatures:
    """Load a feature network.

    Args:
        name: "inception-v3", downloaded if necessary, or "faces-128-features". None never downloads: it selects
            "inception-v3" if its file is given or on this machine, otherwise "faces-128-features".
        weight_path: local file of the network; "faces-128-features" has none.

    Raises:
        ConfigError: an unknown name, or a file for a network that has none.
        WeightsError: the file is missing and cannot be downloaded, or has other contents.
    """
    if name is None:
        is_here = weight_path is not None or store.find_local(catalog.INCEPTION) is not None
        name = INCEPTION if is_here else OWN
    if name not in NETWORKS:
        raise ConfigError(f"there is no feature network '{name}'", where="network", cure=nearest(name, NETWORKS))
    if name == OWN and weight_path is not None:
        cure = f"Leave weight_path out, or choose {INCEPTION}"
        raise ConfigError(f"'{OWN}' comes with the package and takes no file", where="weight_path", cure=cure)
    return NETWORKS[name](None if weight_path is None else Path(weight_path))


def _block_widths(network: StyleGANv2Discriminator) -> list[int]:
    with paddle.no_grad():
        return [layer.shape[1] for layer in network.feature_maps(paddle.zeros([1, 3, network.size, network.size]))]


def _hash_of(network: nn.Layer) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.numpy()).tobytes())
    return digest.hexdigest()
