"""Strict loading of networks by name or from a file: no array may be missing or left over.

Paddle's ``set_state_dict`` skips arrays that do not fit, with a warning at most, so that a program seems to work
although some of its layers are random. All loading here uses :func:`load_into`, which raises an error instead.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.files import expand_user
from ppgan_ext.types import FloatArray
from ppgan_ext.untrusted import door
from ppgan_ext.weights import architecture, catalog, readers, store, tuned
from ppgan_ext.weights.architecture import Architecture
from ppgan_ext.weights.catalog import ModelRecord
from ppgan_ext.weights.download import OnProgress
from ppgan_ext.weights.network_builders import build_lazily, network_builders
from ppgan_ext.weights.recognise import Checkpoint, recognise
from ppgan_ext.weights.rename import State, check_match, check_numbers
from ppgan_ext.weights.tuned import Base, Tuned

if TYPE_CHECKING:
    from paddle import nn

    from ppgan_ext.networks import StyleGANv2Generator

CROPS = ("ffhq", "tight")
# Size, style_dim, n_mlp and channel multiplier that the user expects of a file; None accepts any.
_Requested: TypeAlias = "tuple[int | None, int | None, int | None, float | None]"
_door = functools.partial(
    door, kind=WeightsError, cure="Give a complete checkpoint", what="contains no networks that can be built"
)
W_AVG_SEED = 0


@dataclass(frozen=True, eq=False)
class FaceModel:
    """A generator with its encoder, if any, its mean code and its record.

    Attributes:
        record: the catalog's record; for a file of the user's own, one inferred from the file.
        generator: in evaluation mode, with ``w_avg`` set.
        encoder: in evaluation mode; None if the file has none.
        latent_avg: added to the encoder's output, (style_dim,) or (n_latent, style_dim) float32.
        name: of the model, for messages and file names.
        weights_hash: sha256 of the file, in hexadecimal.
        path: the file.
        tuned: the content of a tuned generator's file, else None. Record, encoder and mean are then the base model's.
    """

    record: ModelRecord
    generator: StyleGANv2Generator
    encoder: nn.Layer | None
    latent_avg: FloatArray
    name: str
    weights_hash: str
    path: Path
    tuned: Tuned | None = None

    @property
    def base(self) -> Base:
        """The base model of generators tuned from this one: this model, or the one from which it was tuned itself."""
        if self.tuned is not None:
            return self.tuned.base
        return Base(self.name if self.record.weights is not None else "", self.path, self.weights_hash)

    @functools.cached_property
    def directions_file(self) -> Path | None:
        """The file of directions in this model's latent space, downloaded at first use; None if there is none."""
        return None if self.record.directions is None else store.locate(self.record.directions)


def load_face_model(
    model_type: str | None = None,
    weight_path: str | os.PathLike[str] | None = None,
    size: int | None = None,
    style_dim: int | None = None,
    n_mlp: int | None = None,
    channel_multiplier: float | None = None,
    *,
    net_name: str | None = None,
    on_progress: OnProgress | None = None,
) -> FaceModel:
    """Load a model of the catalog, or a checkpoint of any known layout and format.

    Args:
        model_type: a name of the catalog. None: determined by ``weight_path``, or without one the bundled model.
        weight_path: a file to load instead of the catalog's. The architecture is inferred from it.
        size: the expected size, which the file must have; None accepts any.
        style_dim: as ``size``.
        n_mlp: as ``size``.
        channel_multiplier: as ``size``.
        net_name: the network to select from a training checkpoint; by default its averaged generator.
        on_progress: called with the bytes done and the total during a download.

    Raises:
        ConfigError: the name is unknown, or has no file of its own.
        WeightsError: the file cannot be obtained, read or recognised, or does not fit.
    """
    source = _open(model_type, weight_path, net_name, on_progress)
    requested = (size, style_dim, n_mlp, channel_multiplier)
    with _door(source.path):
        return _face_model(source, requested, is_catalogs=weight_path is None)


def _face_model(source: _Source, requested: _Requested, is_catalogs: bool) -> FaceModel:
    """Build the networks of a file, which must have the requested architecture; the catalog's also its record's."""
    parts, path = source.checkpoint.parts, source.path
    if "generator" not in parts:
        cure = "Give a checkpoint with a StyleGAN2 generator"
        raise WeightsError(f"contains no generator ({source.checkpoint.layout})", where=path, cure=cure)
    actual = architecture.generator_architecture(parts["generator"], path)
    if is_catalogs:
        _check_record(actual, source.record, path)
    _check_request(actual, requested, path)
    networks = {
        part: _filled(build, source.checkpoint, part, path)
        for part, build in network_builders(source.checkpoint, path).items()
        if part != "discriminator"
    }
    generator, encoder = networks["generator"], networks.get("encoder")
    latent_avg = _set_means(generator, source.checkpoint, path)
    record = replace(
        source.record, size=actual.size, style_dim=actual.style_dim, n_mlp=actual.n_mlp, has_encoder=encoder is not None
    )
    weights_hash, tuning = store.file_hash(path), source.checkpoint.tuned
    return FaceModel(record, generator, encoder, latent_avg, record.name, weights_hash, path, tuning)


def load_discriminator(
    model_type: str | None = None, weight_path: str | os.PathLike[str] | None = None, *, net_name: str | None = None
) -> nn.Layer:
    """Load the discriminator of a model, in evaluation mode; the arguments are those of :func:`load_face_model`.

    Raises:
        ConfigError: the name is unknown.
        WeightsError: the file contains no discriminator, or does not fit.
    """
    source = _open(model_type, weight_path, net_name, None)
    if "discriminator" not in source.checkpoint.parts:
        what = f"contains no discriminator ({source.checkpoint.layout})"
        raise WeightsError(what, where=source.path, cure="Give a checkpoint with a StyleGAN2 discriminator")
    with _door(source.path):
        build = network_builders(source.checkpoint, source.path)["discriminator"]
        return _filled(build, source.checkpoint, "discriminator", source.path)


def load_state(path: str | os.PathLike[str], net_name: str | None = None) -> State:
    """Read a network's arrays from a file of any format, under the package's names if the layout is known.

    Args:
        path: the file.
        net_name: the network to select from a checkpoint of several.

    Returns:
        Name -> array. Several parts in one file keep their prefixes (``generator.``, ``encoder.``, ...).

    Raises:
        WeightsError: the file cannot be read, or contains no flat set of arrays.
    """
    tree = readers.read(path)
    try:
        checkpoint = recognise(tree, path, net_name)
        parts = checkpoint.parts or {network.net_name: network.state for network in checkpoint.gan_networks}
    except WeightsError:
        state = {name: value for name, value in _flat_items(tree, net_name) if isinstance(value, np.ndarray)}
        if not state:
            raise
        return state
    if len(parts) == 1:
        return next(iter(parts.values()))
    return {f"{part}.{name}": array for part, state in parts.items() for name, array in state.items()}


def load_into(
    network: nn.Layer,
    state: MutableMapping[str, npt.NDArray],
    where: object,
    *,
    ignored: Sequence[str] = (),
    unknown: Sequence[str] = (),
    cure: str | None = None,
    consume: bool = False,
) -> None:
    """Load a complete state into a network, or nothing at all.

    Args:
        network: receives copies of the arrays, in the types of its parameters.
        state: name -> array.
        where: the file, for messages.
        ignored: prefixes of names in ``state`` that the network need not have.
        unknown: further names of the file to report as unexpected.
        cure: what the user can do, for the message.
        consume: empty ``state`` while loading, so that a large model is not in memory twice.

    Raises:
        WeightsError: lists all missing, unexpected and misshapen names, or names an array with NaN or infinite numbers.
    """
    targets = network.state_dict()
    arrays = {name: array for name, array in state.items() if name in targets or not name.startswith(tuple(ignored))}
    check_match(
        {name: array.shape for name, array in arrays.items()},
        {name: tuple(target.shape) for name, target in targets.items()},
        where,
        unknown=unknown,
        cure=cure or "Give the weights of this network",
    )
    check_numbers(arrays, where)
    if consume:
        state.clear()
    for name, target in targets.items():
        array = arrays.pop(name)
        dtype = str(target.dtype).rsplit(".", 1)[-1]
        target.set_value(np.ascontiguousarray(array, dtype=dtype).reshape(array.shape))


@dataclass
class _Source:
    record: ModelRecord
    path: Path
    checkpoint: Checkpoint


def _open(
    model_type: str | None,
    weight_path: str | os.PathLike[str] | None,
    net_name: str | None,
    on_progress: OnProgress | None,
) -> _Source:
    """Find and read the file, and determine its record."""
    record = None
    if model_type is not None or weight_path is None:
        record = catalog.find(model_type or catalog.DEFAULT_MODEL)
    if weight_path is not None:
        path = expand_user(weight_path)
    elif record is not None and record.weights is not None:
        path = store.locate(record.weights, on_progress=on_progress)
    else:
        cure = "Give its file with --weight_path"
        raise ConfigError(f"the model '{model_type}' has no weights of its own", where="model_type", cure=cure)
    checkpoint, notes = read_checkpoint(path, net_name)
    if checkpoint.tuned is not None:
        record = checkpoint.tuned.base.record(record, path)
    if record is None:
        light = any(name.startswith("heads.") for name in checkpoint.parts.get("encoder", ()))
        crop = notes.get("crop") or checkpoint.options.get("crop")
        if crop not in CROPS:
            crop = "tight" if light else "ffhq"
        licence = notes.get("licence", "as its source")
        base_path = path if checkpoint.tuned is None else checkpoint.tuned.base.path
        record = ModelRecord(base_path.stem, None, crop=crop, licence=licence, provenance=str(path))
    return _Source(record, path, checkpoint)


def read_checkpoint(path: Path, net_name: str | None = None) -> tuple[Checkpoint, dict[str, str]]:
    """Read a file and split it into its parts; a tuned generator's file is completed with its base model's.

    Returns:
        The checkpoint, and the notes in the file's header.

    Raises:
        WeightsError: the file cannot be read or recognised.
    """
    tree, notes = readers.read(path), readers.read_metadata(path)
    with _door(path):
        return _checkpoint(tree, notes, path, net_name)


def _checkpoint(
    tree: Any, notes: dict[str, str], path: Path, net_name: str | None
) -> tuple[Checkpoint, dict[str, str]]:
    if tuned.is_tuned(notes):
        tuning = tuned.unpack(tree, notes, path)
        checkpoint, notes = read_checkpoint(tuning.base.locate(path), net_name)
        checkpoint.parts["generator"] = tuning.put_into(checkpoint.parts.get("generator", {}), path)
        checkpoint.tuned = tuning
        return checkpoint, notes
    checkpoint = recognise(tree, path, net_name)
    if "opts" in notes:
        try:
            checkpoint.options = dict(json.loads(notes["opts"]))
        except (ValueError, TypeError, RecursionError) as error:
            cure = "Download or copy it again"
            raise WeightsError("the options in its header are damaged", where=path, cure=cure) from error
    return checkpoint, notes


def _flat_items(tree: Any, net_name: str | None) -> list[tuple[str, Any]]:
    inner = tree.get(net_name) if net_name is not None and isinstance(tree, Mapping) else tree
    return [(str(name), value) for name, value in inner.items()] if isinstance(inner, Mapping) else []


def _check_record(actual: Architecture, record: ModelRecord, path: Path) -> None:
    from ppgan_ext.networks.sizes import channel_table

    table = channel_table(record.channel_multiplier, record.channel_base, record.channel_cap)
    channels = {res: table[res] for res in table if res <= record.size}
    expected = Architecture(record.size, record.style_dim, record.n_mlp, channels)
    if replace(actual, blur_kernel=expected.blur_kernel) != expected:
        what = f"is not the model '{record.name}': it contains {actual} instead of {expected}"
        raise WeightsError(what, where=path, cure="Remove the file, so that the right one is downloaded")


def _check_request(actual: Architecture, requested: _Requested, path: Path) -> None:
    from ppgan_ext.networks.sizes import channel_table

    size, style_dim, n_mlp, channel_multiplier = requested
    request = {"size": size, "style_dim": style_dim, "n_mlp": n_mlp}
    wrong = [f"{key} {value}" for key, value in request.items() if value is not None and value != getattr(actual, key)]
    if channel_multiplier is not None:
        table = channel_table(channel_multiplier)
        if any(table[res] != count for res, count in actual.channels.items()):
            wrong.append(f"channel multiplier {channel_multiplier:g}")
    if wrong:
        what = f"has another architecture: {', '.join(wrong)} was requested, but the file contains {actual}"
        flags = actual.flags()
        if channel_multiplier is not None and "--channel_multiplier" not in flags:
            flags += " without --channel_multiplier, by which its channels cannot be told"
        raise WeightsError(what, where=path, cure=f"Give {flags}, or none of these flags")


def _filled(build: Callable[[], Any], checkpoint: Checkpoint, part: str, path: Path) -> Any:
    network = build_lazily(build)
    load_into(network, checkpoint.parts[part], path, unknown=checkpoint.unknown.get(part, ()), consume=True)
    network.eval()
    return network


def _set_means(generator: StyleGANv2Generator, checkpoint: Checkpoint, path: Path) -> FloatArray:
    """Set the generator's mean w, and return the mean that is added to the encoder's output."""
    mean = checkpoint.latent_avg
    shapes = ((generator.style_dim,), (generator.n_latent, generator.style_dim))
    if mean is not None and mean.shape not in shapes:
        what = f"its mean latent has shape {mean.shape}, but the generator needs {shapes[0]} or {shapes[1]}"
        raise WeightsError(what, where=path, cure="Give a checkpoint with the mean of this generator")
    if mean is not None and (mean.ndim == 1 or (mean == mean[0]).all()):
        generator.set_w_avg(mean.reshape(-1, generator.style_dim)[0])
    w_avg = generator.ensure_w_avg(W_AVG_SEED).numpy()
    if checkpoint.options.get("start_from_latent_avg", True):
        return w_avg if mean is None else mean
    return np.zeros_like(w_avg)
