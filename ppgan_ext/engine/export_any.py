"""Export of whatever generator a configuration has: of codes (StyleGAN2), or of images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ppgan_ext import config
from ppgan_ext.engine.export import DEFAULT_FOLDER, DEFAULT_NAME, Exported, export_model
from ppgan_ext.engine.export_translator import export_translator

_TRANSLATING = ("Pix2PixModel", "CycleGANModel", "UGATITModel")


class _Model(BaseModel):
    name: str = ""


class _Configuration(BaseModel):
    model: _Model = _Model()


def export_any(
    config_path: str | os.PathLike[str],
    weight_path: str | os.PathLike[str],
    output_dir: str | os.PathLike[str] = DEFAULT_FOLDER,
    *,
    overrides: Mapping[str, Any] | None = None,
    inputs_size: str | None = None,
    model_name: str | None = None,
    net_name: str | None = None,
) -> Exported:
    """Export the generator of a weight file by `export_model` or `export_translator`, which document the arguments.

    Args:
        config_path: the training configuration, whose ``model.name`` decides.
        weight_path: weights or checkpoint.
        output_dir: folder of the files.
        overrides: dotted key -> value, which win over the configuration's.
        inputs_size: shapes of the inputs.
        model_name: name of the files; None: of the family and the network.
        net_name: the network to take out of a checkpoint.

    Raises:
        PpganExtError: as those functions.
    """
    family = config.load_options(_Configuration, config_path, overrides).model.name
    if family in _TRANSLATING:
        return export_translator(
            weight_path,
            output_dir,
            inputs_size=inputs_size,
            model_name=model_name,
            net_name=net_name,
            family=family,
        )
    return export_model(
        config_path,
        weight_path,
        output_dir,
        overrides=overrides,
        inputs_size=inputs_size,
        model_name=DEFAULT_NAME if model_name is None else model_name,
        net_name=net_name,
    )
