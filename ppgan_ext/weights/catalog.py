"""The catalog of models: for each name, its architecture, its files, and the settings that belong to them.

The names are PaddleGAN's ``model_type`` names, and ``faces-128``, the model that ships with the package. A record
ties a file to its crop template, value range, latent shape and licence, so that they cannot be combined wrongly.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ppgan_ext.errors import ConfigError, WeightsError, nearest

DEFAULT_MODEL = "faces-128"
_ROTATOR = f"{DEFAULT_MODEL}-rotator.safetensors"
BUNDLED_FOLDER = Path(__file__).parent / "bundled"
_PADDLEGAN = "https://paddlegan.bj.bcebos.com/models/"
_NVIDIA = "NVIDIA Source Code License-NC (non-commercial), as the FFHQ StyleGAN2 it comes from"
_STYLEGAN2 = "arXiv 1912.04958"
_PSP = "arXiv 2008.00951"
_MIB = 2**20


@dataclass(frozen=True)
class FileRecord:
    """One file of weights.

    Attributes:
        name: its name in caches and folders.
        url: where it is published, or None.
        bundled: whether it ships with the package.
        sha256: of its bytes, in hexadecimal; None if the publisher states none.
        min_bytes: a shorter file is rejected.
        max_bytes: a longer download is rejected.
        hosts: further hosts that its publisher may send on to; the URL's own is always allowed.
        licence: in words.
    """

    name: str
    url: str | None = None
    bundled: bool = False
    sha256: str | None = None
    min_bytes: int = 1
    max_bytes: int = 4 * 2**30
    hosts: tuple[str, ...] = ()
    licence: str = "not stated by its publisher"


@dataclass(frozen=True)
class ModelRecord:
    """A face model.

    Attributes:
        name: PaddleGAN's ``model_type``.
        weights: the file; None for a model whose file the user provides.
        has_encoder: whether the file contains an encoder as well as the generator.
        size: side of the generator's images.
        style_dim: length of z and w.
        n_mlp: layers of the mapping network.
        channel_multiplier: see ``networks.sizes.channel_table``; used if ``channel_base`` is None.
        channel_base: see ``networks.sizes.channel_table``.
        channel_cap: see ``networks.sizes.channel_table``.
        crop: crop template with which photos are aligned, "ffhq" or "tight".
        value_range: of pixels, for input and output.
        directions: file of directions in this model's latent space.
        rotator: file of the network that turns heads in this model's latent space.
        licence: of the weights, in words.
        papers: the papers that the model implements.
        provenance: where the model comes from.
        held_back: how many faces, the last ones of its data, were never used in training; None if unknown.
        encoder_passes: number of passes after which the encoder's codes stop improving: see `Engine.encode`.
    """

    name: str
    weights: FileRecord | None
    has_encoder: bool = False
    size: int = 1024
    style_dim: int = 512
    n_mlp: int = 8
    channel_multiplier: float = 2
    channel_base: int | None = None
    channel_cap: int = 512
    crop: str = "ffhq"
    value_range: tuple[float, float] = (-1.0, 1.0)
    directions: FileRecord | None = None
    rotator: FileRecord | None = None
    licence: str = "not stated by its publisher"
    papers: tuple[str, ...] = field(default=())
    provenance: str = "PaddleGAN"
    held_back: int | None = None
    encoder_passes: int = 1

    @property
    def kind(self) -> str:
        """What the model can do: "encoder" if it can encode photos, else "generator"."""
        return "encoder" if self.has_encoder else "generator"

    @property
    def n_latent(self) -> int:
        """Rows of a w_plus code: 2 log2(size) - 2."""
        return 2 * (self.size.bit_length() - 1) - 2


def _paddlegan(name: str, **settings: Any) -> FileRecord:
    return FileRecord(name, url=_PADDLEGAN + name, **settings)


_FFHQ_DIRECTIONS = _paddlegan("stylegan2-ffhq-config-f-directions.pdparams", min_bytes=10_000, max_bytes=64 * _MIB)
LPIPS_TRUNK = _paddlegan(
    "vgg16_official.pdparams",
    min_bytes=50 * _MIB,
    max_bytes=1024 * _MIB,
    licence="BSD-3-Clause (torchvision's VGG16; trained on ImageNet, whose images are for research)",
)
INCEPTION = FileRecord(
    "InceptionV3.pdparams",
    url="https://paddlegan.bj.bcebos.com/InceptionV3.pdparams",
    min_bytes=50 * _MIB,
    max_bytes=512 * _MIB,
    licence="Apache-2.0 (TensorFlow's Inception-v3 of 2015-12-05; trained on ImageNet, whose images are for research)",
)
LPIPS_HEADS = _paddlegan("lins_0.1_vgg.pdparams", min_bytes=5_000, max_bytes=_MIB, licence="BSD-2-Clause (LPIPS v0.1)")
ARCFACE = _paddlegan(
    "model_ir_se50.pdparams",
    min_bytes=100 * _MIB,
    max_bytes=1024 * _MIB,
    licence="not stated for the numbers (InsightFace_Pytorch's code is MIT); trained on MS-Celeb-1M, for research only",
)
PHOTO2CARTOON = _paddlegan(
    "photo2cartoon_genA2B_weight.pdparams",
    min_bytes=4 * _MIB,
    max_bytes=256 * _MIB,
    licence="not stated for the numbers (minivision's photo2cartoon, whose code is MIT)",
)


def _bundled_model(folder: Path) -> ModelRecord:
    """Build the record of the bundled model from the JSON file beside it.

    Raises:
        WeightsError: the JSON is damaged.
    """
    path = folder / f"{DEFAULT_MODEL}.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        hashes = facts.get("sha256", {})
        licence = str(facts.get("licence", "non-commercial research use"))

        def bundled(name: str) -> FileRecord:
            return FileRecord(name, bundled=True, sha256=hashes.get(name), licence=licence)

        return ModelRecord(
            DEFAULT_MODEL,
            bundled(f"{DEFAULT_MODEL}.safetensors"),
            has_encoder=True,
            size=int(facts.get("size", 128)),
            style_dim=int(facts.get("style_dim", 512)),
            n_mlp=int(facts.get("n_mlp", 8)),
            channel_base=int(facts.get("channel_base", 8192)),
            channel_cap=int(facts.get("channel_cap", 256)),
            crop=str(facts.get("crop", "tight")),
            directions=bundled(f"{DEFAULT_MODEL}-directions.safetensors"),
            rotator=bundled(_ROTATOR) if _ROTATOR in hashes else None,
            licence=licence,
            papers=(_STYLEGAN2, _PSP),
            provenance=str(facts.get("provenance", "trained for this package")),
            held_back=int(facts["held_back"]) if "held_back" in facts else None,
            encoder_passes=int(facts.get("encoder_passes", 1)),
        )
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"the record of the bundled model is damaged ({error})", where=path, cure="Install the package again"
        ) from error


_RECORDS = (
    _bundled_model(BUNDLED_FOLDER),
    ModelRecord(
        "ffhq-config-f",
        _paddlegan("stylegan2-ffhq-config-f.pdparams", min_bytes=100 * _MIB, max_bytes=1024 * _MIB, licence=_NVIDIA),
        directions=_FFHQ_DIRECTIONS,
        licence=_NVIDIA,
        papers=(_STYLEGAN2,),
    ),
    ModelRecord(
        "animeface-512",
        _paddlegan("stylegan2-animeface-512.pdparams", min_bytes=100 * _MIB, max_bytes=1024 * _MIB),
        size=512,
        papers=(_STYLEGAN2,),
    ),
    ModelRecord(
        "ffhq-inversion",
        _paddlegan("pSp-ffhq-inversion.pdparams", min_bytes=500 * _MIB, licence=_NVIDIA),
        has_encoder=True,
        # Its decoder is the FFHQ generator itself, so the FFHQ model's directions are valid for it.
        directions=_FFHQ_DIRECTIONS,
        licence=_NVIDIA,
        papers=(_PSP, _STYLEGAN2),
    ),
    ModelRecord(
        "ffhq-toonify",
        _paddlegan("pSp-ffhq-toonify.pdparams", min_bytes=500 * _MIB, licence=_NVIDIA),
        has_encoder=True,
        licence=_NVIDIA,
        papers=(_PSP, "arXiv 2010.05334"),
    ),
    # PaddleGAN's name for the pSp file given by --weight_path.
    ModelRecord("default", None, has_encoder=True, papers=(_PSP,)),
)
MODELS: dict[str, ModelRecord] = {record.name: record for record in _RECORDS}


def find(name: str, kind: str | None = None) -> ModelRecord:
    """Look up a model.

    Args:
        name: its ``model_type``.
        kind: "encoder" to accept only models that can encode photos; "generator" or None for any model, since all have
            a generator.

    Raises:
        ConfigError: there is no such model (the message names the nearest one), or it lacks a required encoder.

    Example:
        >>> find("ffhq-inversion").n_latent
        18
    """
    choices = [key for key, record in MODELS.items() if kind != "encoder" or record.has_encoder]
    if name in MODELS and name not in choices:
        cure = f"Choose from: {', '.join(choices)}"
        raise ConfigError(f"the model '{name}' has no encoder, which is required", where="model_type", cure=cure)
    if name not in MODELS:
        raise ConfigError(f"there is no model '{name}'", where="model_type", cure=nearest(name, choices))
    return MODELS[name]
