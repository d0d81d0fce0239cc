"""Recognising the layout of a checkpoint, and splitting it into parts under the package's names."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ppgan_ext.errors import WeightsError, nearest
from ppgan_ext.untrusted import shown
from ppgan_ext.weights.gan_family import FoundNetwork, find_networks
from ppgan_ext.weights.readers.nvidia_pkl import PickledNetwork
from ppgan_ext.weights.rename import FROM_TORCH, IDENTITY, State, check_numbers, has_torch_names, rename
from ppgan_ext.weights.rename_nvidia import translate
from ppgan_ext.weights.tuned import Tuned

PARTS = ("generator", "encoder", "discriminator")
# Names under which training scripts store a network, the averaged one first.
_NETS = {
    "generator": ("gen_ema", "g_ema", "generator_ema", "params_ema", "ema", "gen", "g", "generator", "params", "netG"),
    "encoder": ("encoder_ema", "encoder"),
    "discriminator": ("disc", "d", "discriminator", "netD"),
}
_PROJECTS = {"rosinality": {"g_ema", "g"}, "PaddleGAN": {"gen_ema", "gen", "disc", "encoder_ema", "encoder"}}
# The entry in which the training of encoders stores `latent_avg`, and the options as the bytes of a text.
NOTES_NET = "latent"
_OWN_ENTRY = "ppgan_ext"  # what training notes beside networks: the iteration, and how checkpoints continue
_NVIDIA_NETS = (("G_ema", "G"), ("D",))
# For files of several parts: a distinguishing prefix, prefix -> part, and the layout's name.
_PREFIXED = (
    ("generator.", {f"{part}.": part for part in PARTS}, "ppgan_ext model"),
    ("decoder.", {"encoder.": "encoder", "decoder.": "generator"}, "pSp model"),
)
# For files of one part: the part, a distinguishing array, and the layout's name.
_SINGLE = (
    ("generator", "to_rgb1.bias", "StyleGAN2 generator"),
    ("discriminator", "final_linear.1.weight", "StyleGAN2 discriminator"),
    ("identity", "output_layer.3.weight", "ArcFace IR-SE-50"),
    ("encoder", "input_layer.0.weight", "pSp encoder"),
    ("encoder", "heads.0.0.weight", "light encoder"),
)
# What data-parallel training puts before every name, and torch.compile before the names of a module.
_WRAPPERS = ("module.", "_layers.")
_COMPILED = "_orig_mod."
_MAX_LISTED, _MAX_NAME, _MAX_ENTRIES = 5, 60, 100_000
_MEAN_NAMES = ("latent_avg", "w_avg")
_CURE = "Give a checkpoint of PaddleGAN, rosinality's StyleGAN2, pSp, e4e, NVIDIA's StyleGAN2 for PyTorch, or ppgan_ext"
_PLAIN = "state_dict"  # the entry in which many projects store a network


@dataclass
class Checkpoint:
    """A checkpoint split into its parts.

    Attributes:
        layout: the recognised layout, in words.
        parts: "generator", "encoder", "discriminator", "identity" -> arrays under the package's names.
        latent_avg: (style_dim,) or (n_latent, style_dim) float32, or None.
        options: the training options stored in it.
        unknown: part -> names that no rule matches, as in the file.
        ignored: entries other than a network's weights, such as optimisers and counters.
        names: part -> the network's name in a checkpoint of several, such as "gen_ema".
        tuned: the content of a file of a tuned generator, whose arrays are already in ``parts``; else None.
        gan_networks: networks of DCGAN, pix2pix, CycleGAN, U-GAT-IT and Photo2Cartoon; there are no ``parts`` then.
    """

    layout: str
    parts: dict[str, State]
    latent_avg: npt.NDArray[np.float32] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, list[str]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    tuned: Tuned | None = None
    gan_networks: list[FoundNetwork] = field(default_factory=list)


def recognise(tree: Any, where: object, net_name: str | None = None) -> Checkpoint:
    """Recognise the layout of a file's content and translate it to the package's names.

    Args:
        tree: from :func:`ppgan_ext.weights.readers.read`.
        where: the file, for messages.
        net_name: the network to select from a checkpoint of several, such as "gen".

    Raises:
        WeightsError: the layout is unknown, or there is no network of that name.
    """
    if isinstance(tree, PickledNetwork) and net_name is None:
        return _translated({"": tree}, where)
    if not isinstance(tree, Mapping) or not tree:
        raise WeightsError("contains no networks", where=where, cure=_CURE)
    largest = max(len(state) for state in (tree, *(state for state in tree.values() if isinstance(state, Mapping))))
    if largest > _MAX_ENTRIES:
        raise WeightsError(f"has {largest:,} entries, more than any network", where=where, cure=_CURE)
    pickled = {str(key): value for key, value in tree.items() if isinstance(value, PickledNetwork)}
    if pickled:
        return _nvidia(tree, pickled, where, net_name)
    nets = {str(key): value for key, value in tree.items() if _is_state(value)}
    gan_family = _gan_family(tree, nets, where, net_name)
    if gan_family is not None:
        return gan_family
    if net_name is not None:
        nets = nets or _by_first_name(tree)
        _check_net_name(net_name, nets, where)
        checkpoint = _flat(_unwrapped(nets[net_name]), where, f"network '{net_name}'")
        checkpoint.names = dict.fromkeys(checkpoint.parts, net_name)
    elif "state_dict" in nets:
        checkpoint = _flat(_unwrapped(nets["state_dict"]), where, "pSp or e4e checkpoint")
        checkpoint.ignored = [str(key) for key in tree if key not in ("state_dict", "opts", *_MEAN_NAMES)]
    elif any(name in nets for names in _NETS.values() for name in names):
        checkpoint = _nested(tree, nets, where)
    elif nets:
        checkpoint = _only_one(tree, nets, where)
    else:
        checkpoint = _flat(_unwrapped({str(key): value for key, value in tree.items()}), where, None)
    if isinstance(tree.get("opts"), Mapping):
        checkpoint.options = dict(tree["opts"])
    mean = next((tree[name] for name in _MEAN_NAMES if isinstance(tree.get(name), np.ndarray)), None)
    if mean is not None:
        checkpoint.latent_avg = _mean(mean, where)
    return checkpoint


def _gan_family(tree: Mapping, nets: Mapping[str, Mapping], where: object, net_name: str | None) -> Checkpoint | None:
    """Read a file with networks of DCGAN, pix2pix, CycleGAN, U-GAT-IT or Photo2Cartoon; None if it has none."""
    plain = {str(key): value for key, value in tree.items()}
    for named in (nets, {"": plain}, {} if nets else _by_first_name(tree)):
        found = find_networks({name: _unwrapped(state) for name, state in named.items()})
        if found:
            break
    else:
        return None
    if net_name is not None:
        _check_net_name(net_name, named if "" not in named else {}, where)
        found = [network for network in found if network.net_name == net_name]
        if not found:
            return None
    for network in found:
        if network.net_name == _PLAIN:
            network.net_name = ""
    layout = f"{', '.join(network.title for network in found)}, {'PyTorch' if found[0].torch else 'Paddle'} names"
    used = {network.net_name or _PLAIN for network in found}
    left = () if named is not nets else (str(key) for key in tree if key not in used)
    return Checkpoint(layout, {}, ignored=list(left), gan_networks=found)


def _only_one(tree: Mapping, nets: Mapping[str, Mapping], where: object) -> Checkpoint:
    """Read the only network of a checkpoint that gives its networks names of its own."""
    known = [name for name, state in nets.items() if _split(_arrays_in(_unwrapped(state)))[0]]
    if len(known) == 1:
        checkpoint = _flat(_unwrapped(nets[known[0]]), where, f"network '{known[0]}'")
        checkpoint.names = dict.fromkeys(checkpoint.parts, known[0])
        checkpoint.ignored = [str(key) for key in tree if key != known[0]]
        return checkpoint
    named = _listed(known or nets)
    if known:
        raise WeightsError(f"contains several networks: {named}", where=where, cure="Choose one with --net-name")
    raise WeightsError(f"has none of the known layouts (it contains {named})", where=where, cure=_CURE)


def _check_net_name(net_name: str, nets: Mapping[str, Any], where: object) -> None:
    if net_name not in nets:
        cure = nearest(net_name, nets) if nets else "Leave --net-name out: the file contains only one network"
        raise WeightsError(f"contains no network '{net_name}'", where=where, cure=cure)


def _nvidia(tree: Mapping, nets: Mapping[str, PickledNetwork], where: object, net_name: str | None) -> Checkpoint:
    """Read a snapshot of NVIDIA's training: by default the averaged generator and, if possible, the discriminator."""
    if net_name is not None:
        _check_net_name(net_name, nets, where)
        return _translated({net_name: nets[net_name]}, where)
    selected = [next(name for name in names if name in nets) for names in _NVIDIA_NETS if set(names) & set(nets)]
    checkpoint = _translated({name: nets[name] for name in selected or nets}, where)
    checkpoint.ignored = [*(str(key) for key in tree if key not in selected), *checkpoint.ignored]
    return checkpoint


def _translated(nets: Mapping[str, PickledNetwork], where: object) -> Checkpoint:
    checkpoint = Checkpoint("StyleGAN2 of NVIDIA's PyTorch code", {})
    for name, network in nets.items():
        try:
            translated = translate(network, where)
        except WeightsError as error:
            if not checkpoint.parts:
                raise
            # A generator can be used without its discriminator.
            checkpoint.ignored.append(f"{name} ({error.what})")
            continue
        checkpoint.parts[translated.part] = translated.state
        checkpoint.names[translated.part] = name
        checkpoint.ignored += translated.notes
        if translated.unknown:
            checkpoint.unknown[translated.part] = translated.unknown
        if translated.w_avg is not None:
            checkpoint.latent_avg = _mean(translated.w_avg, where)
    return checkpoint


def _nested(tree: Mapping, nets: Mapping[str, Mapping], where: object) -> Checkpoint:
    """Read a training checkpoint with several networks side by side."""
    selected = {
        part: next(name for name in names if name in nets)
        for part, names in _NETS.items()
        if any(name in nets for name in names)
    }
    merged = Checkpoint("", {})
    for name in selected.values():
        network = _flat(_unwrapped(nets[name]), where, None)
        merged.layout = f"{_project(selected.values())}training checkpoint"
        merged.parts |= network.parts
        merged.names |= dict.fromkeys(network.parts, name)
        merged.unknown |= network.unknown
    notes = _latent_notes(nets, where) if "encoder" in merged.parts else {}
    if notes:
        merged.layout = "ppgan_ext training checkpoint of an encoder"
        merged.latent_avg, merged.options = notes["latent_avg"], notes["options"]
    used = (*selected.values(), *_MEAN_NAMES, _OWN_ENTRY, *((NOTES_NET,) if notes else ()))
    merged.ignored = [str(key) for key in tree if key not in used]
    return merged


def _project(names: Iterable[str]) -> str:
    """Return the project that gives networks these names, and a space; nothing if many do."""
    return next((f"{project} " for project, own in _PROJECTS.items() if own & set(names)), "")


def pack_options(options: Mapping[str, Any], length: int = 1024) -> npt.NDArray[np.uint8]:
    """Encode options as JSON in a (length,) uint8 array, padded with spaces, for files that can only contain arrays.

    Raises:
        ValueError: the options are longer than ``length``.
    """
    text = json.dumps(dict(options), sort_keys=True).encode()
    if len(text) > length:
        raise ValueError(f"{len(text)} bytes of options do not fit into {length}")
    return np.frombuffer(text.ljust(length), np.uint8).copy()


def unpack_options(array: npt.NDArray, where: object) -> dict[str, Any]:
    """Decode an array of `pack_options`, (length,) uint8.

    Raises:
        WeightsError: the array does not contain options.
    """
    try:
        return dict(json.loads(np.asarray(array, np.uint8).tobytes()))
    except (ValueError, TypeError, RecursionError) as error:
        raise WeightsError("its options are damaged", where=where, cure="Download or copy it again") from error


def _latent_notes(nets: Mapping[str, Mapping], where: object) -> dict[str, Any]:
    notes = nets.get(NOTES_NET, {})
    if not all(isinstance(notes.get(name), np.ndarray) for name in ("latent_avg", "options")):
        return {}
    return {
        "latent_avg": _mean(notes["latent_avg"], where),
        "options": unpack_options(notes["options"], where),
    }


def _flat(tree: Mapping[str, Any], where: object, layout: str | None) -> Checkpoint:
    """Read a flat state dict, of one network or of several with prefixes."""
    state = _arrays_in(tree)
    ignored = [name for name in tree if name not in state and name != "opts"]
    means = {name: state.pop(name) for name in (*_MEAN_NAMES, "generator.w_avg") if name in state}
    groups, recognised = _split(state)
    if not groups:
        nets = _by_first_name(tree)
        if any(name in nets for names in _NETS.values() for name in names):
            return _nested(nets, nets, where)
        named = _listed(tree)
        raise WeightsError(f"has none of the known layouts (it contains {named})", where=where, cure=_CURE)
    from_torch = has_torch_names(state)
    checkpoint = Checkpoint(layout or f"{recognised}, {'PyTorch' if from_torch else 'Paddle'} names", {})
    checkpoint.ignored = ignored
    for part, arrays in groups.items():
        checkpoint.parts[part], unknown = rename(arrays, FROM_TORCH[part] if from_torch else IDENTITY)
        if unknown:
            checkpoint.unknown[part] = unknown
    if means:
        checkpoint.latent_avg = _mean(next(iter(means.values())), where)
    return checkpoint


def _arrays_in(tree: Mapping[str, Any]) -> State:
    return {name: value for name, value in tree.items() if isinstance(value, np.ndarray)}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(shown(str(name), _MAX_NAME) for name in itertools.islice(names, _MAX_LISTED))


def _by_first_name(tree: Mapping[str, Any]) -> dict[str, State]:
    """Undo the flattening of a checkpoint of several networks: ``g_ema.conv1.bias`` is ``conv1.bias`` of ``g_ema``."""
    nets: dict[str, State] = {}
    for name, array in _arrays_in(tree).items():
        net, dot, inner = str(name).partition(".")
        if dot:
            nets.setdefault(net, {})[inner] = array
    return nets


def _split(state: State) -> tuple[dict[str, State], str]:
    """Return part -> arrays and the layout's name; nothing if the layout is unknown."""
    for mark, prefixes, layout in _PREFIXED:
        if any(name.startswith(mark) for name in state):
            return _by_prefix(state, prefixes), layout
    for part, mark, layout in _SINGLE:
        if mark in state:
            return {part: state}, layout
    return {}, ""


def _by_prefix(state: State, prefixes: Mapping[str, str]) -> dict[str, State]:
    groups: dict[str, State] = {}
    for name, array in state.items():
        prefix = next((prefix for prefix in prefixes if name.startswith(prefix)), "")
        # A name without a known prefix is reported with the generator, as unexpected.
        groups.setdefault(prefixes.get(prefix, "generator"), {})[name[len(prefix) :]] = array
    return groups


def _is_state(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(array, np.ndarray) for array in value.values())


def _unwrapped(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Remove what data-parallel training puts before every name, and torch.compile before a module's names."""
    if any(_COMPILED in str(name) for name in state):
        state = {f".{name}".replace(f".{_COMPILED}", ".")[1:]: value for name, value in state.items()}
    for prefix in _WRAPPERS:
        if state and all(str(name).startswith(prefix) for name in state):
            return _unwrapped({name[len(prefix) :]: value for name, value in state.items()})
    return state


def _mean(array: npt.NDArray, where: object) -> npt.NDArray[np.float32]:
    """Reshape a mean latent to (style_dim,) or (n_latent, style_dim)."""
    check_numbers({"its mean latent": array}, where)
    axes: Sequence[int] = array.shape
    while len(axes) > 1 and axes[0] == 1:
        axes = axes[1:]
    if len(axes) not in (1, 2) or not array.size:
        cure = "Give a checkpoint whose latent_avg is (style_dim,) or (n_latent, style_dim)"
        raise WeightsError(f"has a mean latent of shape {array.shape}", where=where, cure=cure)
    return np.array(array, np.float32).reshape(axes)
