"""Options of the Multi-PIE study."""

from __future__ import annotations

from typing import Literal

from ppgan_ext.apps.options import Options, option
from ppgan_ext.data.multipie import GALLERY_ILLUMINATION
from ppgan_ext.losses.network_names import DLIB, IdentityName
from ppgan_ext.metrics.rank1 import Measure


class RecognitionOptions(Options):
    """Options of tools/evaluate_multipie.py."""

    input: str | None = option(
        None, "aligned Multi-PIE: the folder that contains session01/multiview/... (docs/data.md)", group="input"
    )
    synthesised: str | None = option(
        None, "frontal pictures made from the probes: a folder; file names start like the probes' names",
        group="input",
    )  # fmt: skip
    setting: int = option(
        2, "1: session 1, subjects 151-250; 2: all sessions, subjects from 201", group="input", ge=1, le=2
    )
    max_yaw: float = option(90.0, "leave out cameras that see a larger angle, degrees", group="input", ge=0, le=90)
    gallery_light: int = option(
        GALLERY_ILLUMINATION, "illumination of the gallery's pictures", group="input", ge=0, le=19
    )
    network: IdentityName = option(DLIB, "network that describes the faces", group="face")
    weight_path: str | None = option(None, "local file of that network", group="face")
    crop: Literal["tight", "ffhq", "chip"] = option(
        "tight", "alignment of the pictures; chip: the network's own", group="face"
    )
    measure: Measure | None = option(
        None, "distance of descriptors (default: euclidean for dlib-resnet, cosine for arcface-ir-se50)", group="face"
    )
    output_path: str = option("multipie", "folder for rank1.json and rank1.md", group="output")
