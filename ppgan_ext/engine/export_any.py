"""Export of whatever generators a configuration has: of codes (StyleGAN2), or of images."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from ppgan_ext import config
from ppgan_ext.engine.export import DEFAULT_FOLDER, DEFAULT_NAME, Exported, export_model
from ppgan_ext.engine.export_translator import export_translator
from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.weights.translators import translator_names

_TRANSLATING = ("Pix2PixModel", "CycleGANModel", "UGATITModel")


class _Model(BaseModel):
    name: str = ""


class _Listed(BaseModel):
    name: str


class _Configuration(BaseModel):
    model: _Model = _Model()
    export_model: list[_Listed] = []


class Exports(NamedTuple):
    """What was written, as lines for the user.

    Attributes:
        made: the programs.
        missing: networks that the configuration lists and the weights do not contain.
    """

    made: tuple[Exported, ...]
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        notes = [f"note: left out, since the weights do not contain it: {name}" for name in self.missing]
        return "\n".join([*map(str, self.made), *notes])


def export_any(
    config_path: str | os.PathLike[str],
    weight_path: str | os.PathLike[str],
    output_dir: str | os.PathLike[str] = DEFAULT_FOLDER,
    *,
    overrides: Mapping[str, Any] | None = None,
    inputs_size: str | None = None,
    model_name: str | None = None,
    net_name: str | None = None,
) -> Exports:
    """Export the generators of a weight file by `export_model` or `export_translator`, which document the arguments.

    Args:
        config_path: the training configuration, whose ``model.name`` decides, and whose ``export_model`` lists the
            networks that translate images to export: those of them that the weights contain.
        weight_path: weights or checkpoint.
        output_dir: folder of the files.
        overrides: dotted key -> value, which win over the configuration's.
        inputs_size: shapes of the inputs; of networks that translate images one for all, or one for each that the
            configuration lists, separated by ";".
        model_name: name of the files, of several programs with "_<network>" behind it; None: of the family and the
            network.
        net_name: the only network to export.

    Raises:
        PpganExtError: as those functions.
    """
    options = config.load_options(_Configuration, config_path, overrides)
    family = options.model.name
    if family in _TRANSLATING:
        listed = [] if net_name is not None else [network.name for network in options.export_model]
        shapes = _shapes(inputs_size, [network.name for network in options.export_model])
        chosen, missing = _contained(listed, weight_path)
        wanted: Sequence[str | None] = chosen or [net_name]
        made = [
            export_translator(
                weight_path,
                output_dir,
                inputs_size=shapes.get(name, shapes[None]),
                model_name=f"{model_name}_{name}" if model_name is not None and len(chosen) > 1 else model_name,
                net_name=name,
                family=family,
            )
            for name in wanted
        ]
        return Exports(tuple(made), missing)
    made_of_codes = export_model(
        config_path,
        weight_path,
        output_dir,
        overrides=overrides,
        inputs_size=inputs_size,
        model_name=DEFAULT_NAME if model_name is None else model_name,
        net_name=net_name,
    )
    return Exports((made_of_codes,))


def _contained(listed: Sequence[str], weight_path: str | os.PathLike[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return the listed networks that a file contains, and the others; of a file of one nameless network none."""
    if not listed:
        return [], ()
    names = translator_names(weight_path)
    chosen = [name for name in dict.fromkeys(listed) if name in names]
    if not chosen and any(names):
        what = f"contains {', '.join(names)}, but none of {', '.join(listed)}, which export_model lists"
        raise WeightsError(what, where=weight_path, cure="Choose a network with --net-name")
    return chosen, tuple(name for name in listed if name not in names) if chosen else ()


def _shapes(text: str | None, listed: Sequence[str]) -> dict[str | None, str | None]:
    """Read shapes as ``-s`` writes them: network -> shape, and under None that of any other network.

    Raises:
        ConfigError: their number is not that of the networks.
    """
    shapes = [None] if text is None else [shape.strip() for shape in text.strip().strip(";").split(";")]
    if len(shapes) == 1:
        return {None: shapes[0]}
    if len(shapes) != len(listed):
        what = f"{len(shapes)} shapes are given, and export_model of the configuration lists {len(listed)} networks"
        raise ConfigError(what, where="inputs_size", cure="Give one shape for all, or list each there")
    return {**dict(zip(listed, shapes, strict=True)), None: shapes[0]}
