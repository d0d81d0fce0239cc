"""What a run is looked at by: a sheet of pictures, and how fast each way to compute is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import PIL.Image
import torch
from faces_torch import Faces, to_pixels
from losses_torch import psnr
from stages_torch import PATH_FROM_STEP, GanStage, JointStage, Stage, StageOptions
from state_torch import Architecture, Rates, State
from torch import Tensor

from ppgan_ext.files import atomic_path

NUM_SAMPLES = 24
PSI = 0.7
_SEED = 1
_ROW = 12
_BATCH = 50
_WARM_UP, _TIMED = 17, 32  # steps; the timed ones hold two R1 penalties and four of path length


@torch.no_grad()
def write_sheet(state: State, held_back: Tensor, path: Path) -> str:
    """Write two rows of samples (psi 0.7), then pairs of rows: faces never trained on, and their reconstructions.

    Args:
        state: its averaged networks are looked at.
        held_back: (N, 3, S, S) uint8; the first 24 are drawn.
        path: the picture.

    Returns:
        A line with the mean signal-to-noise ratio of all reconstructions.
    """
    g, e, device = state.g_ema, state.e_ema, state.device
    z = torch.randn(NUM_SAMPLES, g.w_dim, generator=torch.Generator().manual_seed(_SEED)).to(device)
    samples = g(g.w_avg + PSI * (g.mapping(z) - g.w_avg), fixed_noise=True).cpu()
    faces, copies, ratios = [], [], []
    for start in range(0, len(held_back), _BATCH):
        real = to_pixels(held_back[start : start + _BATCH].to(device))
        ours = g(g.w_avg + e(real), fixed_noise=True)
        ratios.append(psnr(ours, real).cpu())
        if start < NUM_SAMPLES:
            faces, copies = [*faces, *real.cpu()][:NUM_SAMPLES], [*copies, *ours.cpu()][:NUM_SAMPLES]
    rows = [list(samples[:_ROW]), list(samples[_ROW:])]
    for start in range(0, len(faces), _ROW):
        rows += [faces[start : start + _ROW], copies[start : start + _ROW]]
    blank = torch.ones_like(samples[0])
    lines = [torch.cat([*row, *[blank] * (_ROW - len(row))], 2) for row in rows]
    sheet = ((torch.cat(lines, 1).clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    with atomic_path(path) as temporary:
        PIL.Image.fromarray(sheet).save(temporary)
    mean = torch.cat(ratios).mean().item() if ratios else float("nan")
    return f"{path}: {len(held_back)} held-back faces reconstructed at {mean:.2f} dB; images seen {state.images}"


def measure_speed(architecture: Architecture, rates: Rates, options: StageOptions, faces: Faces) -> Iterator[str]:
    """Time steps of `gan` and `joint` in each way to compute, with fresh networks.

    Yields:
        A line for each; one that fails says why and does not end the others.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for compiled in (False, True):  # what has to be compiled takes minutes, and comes last
        for channels_last in (True, False):
            words = f"{'channels_last' if channels_last else 'contiguous':13s} {'compiled' if compiled else 'eager':8s}"
            for kind in (GanStage, JointStage):
                torch.manual_seed(0)
                state = State(architecture, rates, device)
                state.steps["gan"] = PATH_FROM_STEP
                state.use(channels_last, compiled)
                try:
                    yield f"{words} {kind.name:5s} {_images_per_second(kind(state, faces, options)):8.1f} images/s"
                except Exception as error:  # noqa: BLE001 - what the compiler of a machine cannot do is the finding
                    yield f"{words} {kind.name:5s} failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _images_per_second(stage: Stage) -> float:
    for _ in range(_WARM_UP):
        stage.step()
    _wait(stage.state.device)
    begin = time.monotonic()
    for _ in range(_TIMED):
        stage.step()
    _wait(stage.state.device)
    return _TIMED * stage.options.batch / (time.monotonic() - begin)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
