"""Everything a run goes on from: networks, averages, optimisers, counts and the state of the random generators."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch._dynamo
from augment_torch import AdaptiveProbability
from growth_torch import grow
from muon_torch import Muon, matrices
from networks_torch import Discriminator, Encoder, Generator
from torch import Tensor, nn

from ppgan_ext.errors import InputError, WeightsError
from ppgan_ext.files import atomic_path, make_folder, write_bytes

FORMAT = 2
SHARD_BYTES = 14 * 2**20  # of one exported file
EMA_RAMP = 0.05  # the half-life of the averages is at most this share of the images seen so far
STAGE_NAMES = ("gan", "rec", "map", "joint")
PARTS = {"generator": ("g", "g_ema"), "encoder": ("e", "e_ema"), "discriminator": ("d",)}
_MOST_GRAPHS = 64  # of one function; beyond its limit PyTorch goes on uncompiled, and slowly
_NETWORKS = ("g", "d", "e", "g_ema", "e_ema")
_OPTIMIZERS = ("opt_g", "opt_d", "opt_e", "opt_m")
_LATER = ("opt_m",)  # which older checkpoints do not hold
_STATISTICS = ("path_mean", "codes_mean", "codes_root")


@dataclass(frozen=True)
class Architecture:
    """What decides the shapes of the networks.

    Attributes:
        size: side of the images.
        base: channels of a resolution are min(base / resolution, cap).
        cap: see there.
        n_mlp: layers of the mapping network.
    """

    size: int = 128
    base: int = 8192
    cap: int = 256
    n_mlp: int = 8


@dataclass(frozen=True)
class Rates:
    """How the optimisers are made.

    Attributes:
        lr: Adam's rate, before it is scaled for lazy regularisation.
        path_every: steps between path length penalties, 0 for none.
        r1_every: steps between R1 penalties.
    """

    lr: float = 0.0025
    path_every: int = 8
    r1_every: int = 16

    def scale(self, every: int) -> float:
        """Return k / (k + 1): a lazily regularised step is so much of a whole one (arXiv 1912.04958, appendix B)."""
        return every / (every + 1) if every else 1.0


class State:
    """Networks and what goes with them.

    Args:
        architecture: of the networks.
        rates: of the optimisers.
        device: where everything lives.

    Attributes:
        images: real images seen, by stage.
        steps: made, by stage.
        notes: what an export says of the run: the faces held back, where it started.
        path_mean: running mean of the path lengths, ().
        codes_mean: of faces, as `map` found it, (w_dim,).
        codes_root: square root of their covariance, (w_dim, w_dim).
    """

    def __init__(self, architecture: Architecture, rates: Rates, device: torch.device) -> None:
        a = architecture
        self.architecture, self.rates, self.device = architecture, rates, device
        self.g = Generator(a.size, a.base, a.cap, n_mlp=a.n_mlp).to(device)
        self.d = Discriminator(a.size, a.base, a.cap).to(device)
        self.e = Encoder(a.size, a.base, a.cap).to(device)
        self.g_ema, self.e_ema = (copy.deepcopy(net).requires_grad_(False) for net in (self.g, self.e))
        self.opt_g = self._adam(self.g, rates.scale(rates.path_every))
        self.opt_d = self._adam(self.d, rates.scale(rates.r1_every))
        self.opt_e = self._adam(self.e, 1.0)
        self.opt_m = Muon(matrices(self.g, self.e), rates.lr)  # in place of Adam, where a stage uses it
        self.ada = AdaptiveProbability(device)
        self.path_mean = torch.zeros([], device=device)
        self.codes_mean = torch.zeros(self.g.w_dim, device=device)
        self.codes_root = torch.zeros(self.g.w_dim, self.g.w_dim, device=device)
        self.images = dict.fromkeys(STAGE_NAMES, 0)
        self.steps = dict.fromkeys(STAGE_NAMES, 0)
        self.notes: dict[str, Any] = {}

    def _adam(self, network: nn.Module, scale: float) -> torch.optim.Adam:
        fused = {"fused": True} if self.device.type == "cuda" else {}
        return torch.optim.Adam(network.parameters(), self.rates.lr * scale, betas=(0.0, 0.99**scale), **fused)

    def use(self, channels_last: bool, compiled: bool) -> None:
        """Choose how the networks compute; call it once, after loading.

        ``net(x)`` is then compiled, ``net.forward(x)`` never: compiled graphs cannot be differentiated twice.
        """
        if compiled:
            # With and without gradient, of real and drawn images, alone and with features: more graphs than usual.
            torch._dynamo.config.recompile_limit = _MOST_GRAPHS
        for name in ("g", "d", "e"):
            network: nn.Module = getattr(self, name)
            if channels_last:
                network.to(memory_format=torch.channels_last)
            if compiled:
                network.compile(dynamic=False)

    @torch.no_grad()
    def average(self, names: tuple[str, ...], batch: int, num_images: int, half_life: float = 10_000) -> None:
        """Move the averaged networks towards the trained ones.

        Args:
            names: of "g" and "e".
            batch: images of this step.
            num_images: images seen so far.
            half_life: of a weight in the average, in images.
        """
        beta = 0.5 ** (batch / max(min(half_life, num_images * EMA_RAMP), 1e-8))
        for name in names:
            network, averaged = getattr(self, name), getattr(self, f"{name}_ema")
            torch._foreach_lerp_(list(averaged.parameters()), list(network.parameters()), 1 - beta)
            for ours, theirs in zip(averaged.buffers(), network.buffers(), strict=True):
                ours.copy_(theirs)

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        content: dict[str, Any] = {name: getattr(self, name).state_dict() for name in (*_NETWORKS, *_OPTIMIZERS)}
        content |= {
            "format": FORMAT,
            "architecture": asdict(self.architecture),
            "rates": asdict(self.rates),
            "ada": self.ada.state_dict(),
            **{name: getattr(self, name) for name in _STATISTICS},
            "images": self.images,
            "steps": self.steps,
            "notes": self.notes,
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state() if self.device.type == "cuda" else None,
        }
        # Given a path, PyTorch would write the temporary name into the file.
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            torch.save(content, file)

    def load(self, content: dict[str, Any]) -> None:
        """Take back a checkpoint of the same architecture, so that the run goes on as if it had not stopped."""
        for name in (*_NETWORKS, *_OPTIMIZERS):
            if name in content or name not in _LATER:
                getattr(self, name).load_state_dict(content[name])
        self.ada.load_state_dict(content["ada"])
        for name in _STATISTICS:
            if name in content:
                getattr(self, name).copy_(content[name])
        for name in ("images", "steps", "notes"):  # an older checkpoint knows no `map`
            getattr(self, name).update(content[name])
        torch.set_rng_state(content["random"])
        if self.device.type == "cuda" and content["random_cuda"] is not None:
            torch.cuda.set_rng_state(content["random_cuda"])

    def start_from(self, source: Path) -> None:
        """Take over weights, with fresh optimisers and counts: from a checkpoint, or a folder of exported arrays.

        Arrays of half the size are grown (`growth_torch`).

        Raises:
            InputError: nothing there.
            WeightsError: other shapes.
        """
        given = read_arrays(source) if source.is_dir() else _networks_of(read_checkpoint(source))
        for name in _NETWORKS:
            part = next(part for part, names in PARTS.items() if name in names)
            arrays = given.get(name) or given.get(part)
            if not arrays:
                continue
            network = getattr(self, name)
            try:
                network.load_state_dict(grow(part, arrays, network.state_dict()))
            except (RuntimeError, ValueError) as error:
                what = f"{part} does not fit {self.architecture}: {' '.join(str(error).split())[:200]}"
                raise WeightsError(what, where=source, cure="Give its own --size, --base, --cap") from error

    def export(self, folder: Path) -> list[Path]:
        """Write the averaged networks and the discriminator as float16 arrays, ``part_0.npz`` and on, and the notes."""
        written = []
        for part, names in PARTS.items():
            state = getattr(self, names[-1]).state_dict()
            arrays = {name: tensor.cpu().numpy().astype(np.float16) for name, tensor in state.items()}
            for number, shard in enumerate(_shards(arrays)):
                path = make_folder(folder) / f"{part}_{number}.npz"
                with atomic_path(path) as temporary:
                    np.savez(temporary, **shard)
                written.append(path)
        record = {**asdict(self.architecture), "images": self.images, **self.notes}
        write_bytes(folder / "export.json", (json.dumps(record, indent=2) + "\n").encode())
        return [*written, folder / "export.json"]


def _shards(arrays: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    shards: list[dict[str, np.ndarray]] = [{}]
    for name, array in arrays.items():
        if sum(one.nbytes for one in shards[-1].values()) + array.nbytes > SHARD_BYTES:
            shards.append({})
        shards[-1][name] = array
    return shards


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; nothing in it can run code.

    Raises:
        InputError: no such file.
        WeightsError: something else, or damaged.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError("no such file or folder", where=path, cure="Check --ckpt and --init") from error
    except Exception as error:
        raise WeightsError(f"is no checkpoint that can be read ({error})", where=path) from error


def _networks_of(content: dict[str, Any]) -> dict[str, dict[str, Tensor]]:
    return {name: content[name] for name in _NETWORKS if name in content}


def read_arrays(folder: Path) -> dict[str, dict[str, Tensor]]:
    """Read exported arrays as float32, by part.

    Raises:
        InputError: the folder holds none.
    """
    found: dict[str, dict[str, Tensor]] = {}
    for part in PARTS:
        for path in sorted(folder.glob(f"{part}_*.npz")):
            with np.load(path, allow_pickle=False) as shard:
                arrays = {name: torch.from_numpy(shard[name].astype(np.float32)) for name in shard.files}
            found.setdefault(part, {}).update(arrays)
    if not found:
        raise InputError("holds no exported arrays", where=folder, cure="Give a folder with generator_0.npz, ...")
    return found
