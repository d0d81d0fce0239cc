"""Which pip line installs Paddle for this machine's NVIDIA GPU.

Paddle 3 for GPUs is not on the Python package index (paddlepaddle-gpu ends there at 2.6.2) but on Paddle's own site,
with one index for each CUDA version. The driver decides which of them run; the wheels bring CUDA itself along.
``python -m ppgan_ext.gpu_install`` prints what to give to ``pip install``.
"""

from __future__ import annotations

import platform
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass

REQUIREMENT = "paddlepaddle-gpu>=3.0,<4"
PAGE = "https://www.paddlepaddle.org.cn/en/install/quick"
_INDEX = "https://www.paddlepaddle.org.cn/packages/stable/{cuda}/"
_QUERY = ["nvidia-smi", "--query-gpu=driver_version,compute_cap", "--format=csv,noheader"]
# CUDA version -> the oldest driver that Paddle's installation guide names for it, on Linux and Windows.
DRIVERS = {
    "cu129": ((575, 51, 3), (576, 2)),
    "cu126": ((550, 54, 14), (550, 54, 14)),
    "cu118": ((450, 80, 2), (452, 39)),
}
# Blackwell and later have no code in Paddle's wheels for older CUDA versions.
_NEEDS_CU129 = 10.0
_SECONDS = 20


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA GPU as its driver describes it.

    Attributes:
        driver: version, such as (550, 54, 14).
        capability: compute capability, such as 8.6; 0 if the driver is too old to say.
    """

    driver: tuple[int, ...]
    capability: float = 0.0


def find_gpu() -> Gpu | None:
    """Ask nvidia-smi for the machine's newest GPU; None if there is none, or its driver does not answer."""
    program = shutil.which(_QUERY[0])
    if program is None:
        return None
    try:
        run = subprocess.run([program, *_QUERY[1:]], capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return newest(run.stdout)


def newest(answer: str) -> Gpu | None:
    """Return the newest GPU in an answer of nvidia-smi, lines such as ``550.54.14, 8.6``; None if there is none."""
    found = re.findall(r"^\s*(\d+(?:\.\d+)+)\s*(?:,\s*(\d+\.\d+))?", answer, re.MULTILINE)
    gpus = [Gpu(tuple(map(int, driver.split("."))), float(capability or 0)) for driver, capability in found]
    return max(gpus, key=lambda gpu: gpu.capability, default=None)


def cuda_for(gpu: Gpu, system: str, architecture: str) -> str | None:
    """Return the CUDA version of the Paddle that runs on a GPU, as in the name of its index.

    Args:
        gpu: from `find_gpu`.
        system: ``platform.system()``.
        architecture: ``platform.machine()``.

    Returns:
        Such as "cu126"; None if no Paddle runs: another processor than x86-64, or a driver that is too old.
    """
    if architecture.lower() not in ("x86_64", "amd64"):
        return None
    choices = ["cu129"] if gpu.capability >= _NEEDS_CU129 else ["cu126", "cu118"]
    column = 1 if system == "Windows" else 0
    return next((cuda for cuda in choices if gpu.driver >= DRIVERS[cuda][column]), None)


def pip_arguments(cuda: str) -> list[str]:
    """Return what to give to ``pip install``."""
    return [REQUIREMENT, "--index-url", _INDEX.format(cuda=cuda)]


def advice(gpu: Gpu | None = None) -> str:
    """Return the commands that install Paddle for this machine's GPU, or why there are none.

    Args:
        gpu: from `find_gpu`; None asks the machine.
    """
    gpu = gpu or find_gpu()
    if gpu is None:
        return "no NVIDIA driver answers: install one, then start nvidia-smi to check it"
    cuda = cuda_for(gpu, platform.system(), platform.machine())
    if cuda is None:
        driver = ".".join(map(str, gpu.driver))
        what = f"Paddle has no package for driver {driver} on {platform.system()} {platform.machine()}"
        return f"{what}: update the driver, or see {PAGE}"
    return f"pip uninstall --yes paddlepaddle && pip install {shlex.join(pip_arguments(cuda))}"


def main() -> int:
    """Print the arguments for ``pip install``, and return the exit code: 1 if there are none."""
    gpu = find_gpu()
    cuda = None if gpu is None else cuda_for(gpu, platform.system(), platform.machine())
    if cuda is None:
        print(f"error: {advice(gpu)}", file=sys.stderr)
        return 1
    print(*pip_arguments(cuda))
    return 0


if __name__ == "__main__":
    sys.exit(main())
