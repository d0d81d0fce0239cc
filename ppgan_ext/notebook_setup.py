"""The first cell of a notebook: install what is missing, so that it outlives the session, and say where things are.

It runs in a bare kernel, before anything that the package needs is installed. What is there and suits stays, above all
the Paddle that a host such as AI Studio brings along; only what is missing is installed. AI Studio forgets what pip
installs, so there packages go into a folder that it keeps.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ppgan_ext import gpu_install
from ppgan_ext.errors import ConfigError
from ppgan_ext.hosts import Host, find_host

# Whichever of these is there serves as well.
_SAME_MODULE = {
    "opencv-python-headless": ("opencv-python", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "dlib-bin": ("dlib",),
}
_PADDLE = "paddlepaddle"  # and the names that begin so: its builds for other devices
_PIP = ("-m", "pip", "--disable-pip-version-check")
_ASK = ("install", "--quiet", "--dry-run", "--report", "-")

Run = Callable[[Sequence[str]], str]


def set_up(root: str | os.PathLike[str], host: Host | None = None, extras: Sequence[str] = ()) -> Host:
    """Prepare this kernel: install what is missing, make the package importable, print where results belong.

    Args:
        root: the toolkit's folder.
        host: where this runs; None finds out.
        extras: extras of the package whose requirements are wanted too, such as "page".

    Returns:
        The host, for its folders and its page's address.

    Raises:
        ConfigError: there is no such extra, the Paddle that is there is too old, or pip fails.
    """
    host = host or find_host()
    folder = Path(root).resolve()
    for place in filter(None, (host.packages, folder)):
        if str(place) not in sys.path:
            sys.path.insert(0, str(place))  # before what the host brings along and is too old
    wanted = [word for name in ("dependencies", *extras) for word in requirements(folder, name)]
    missing = unmet(wanted, installed_versions())
    if missing:
        print(f"installing {', '.join(missing)}: this can take some minutes", flush=True)
        for command in pip_commands(missing, host, paddle_words(folder), _answer):
            _answer(command)
            importlib.invalidate_caches()
        missing = unmet(wanted, installed_versions())
        if missing:
            cure = "Restart the kernel and run this cell again"
            raise ConfigError(f"still missing after the installation: {', '.join(missing)}", cure=cure)
    print(f"{host.name}, Python {platform.python_version()}; the toolkit lies in {folder}, your files in {host.work}")
    return host


def requirements(root: Path, extra: str = "dependencies") -> list[str]:
    """Return a list of requirements in the project's file: "dependencies", or the name of an extra.

    Python 3.10 has no reader for TOML yet.
    """
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(extra)} = \[(.*?)\]$", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ConfigError(f"there is no list '{extra}'", where=root / "pyproject.toml", cure="Fetch the file again")
    return re.findall(r'"(.+?)"', found[1])


def installed_versions() -> dict[str, str]:
    """Return the versions of the distributions that this process can import, by lower-case name with hyphens."""
    versions: dict[str, str] = {}
    for found in importlib.metadata.distributions():  # in the order of sys.path, so the first is imported
        versions.setdefault(_plain(found.metadata["Name"] or ""), found.version)
    return versions


def unmet(wanted: Sequence[str], versions: Mapping[str, str]) -> list[str]:
    """Return which requirements are not met, and "paddlepaddle" if no Paddle is there.

    Args:
        wanted: requirements, such as "pillow>=11.3,<14".
        versions: from `installed_versions`.

    Raises:
        ConfigError: the Paddle that is there is older than 3.
    """
    from packaging.requirements import Requirement  # every kernel of Jupyter has it

    missing = []
    for requirement in map(Requirement, wanted):
        names = (requirement.name, *_SAME_MODULE.get(requirement.name, ()))
        found = [versions[_plain(name)] for name in names if _plain(name) in versions]
        if not any(requirement.specifier.contains(version, prereleases=True) for version in found):
            missing.append(str(requirement))
    paddles = {name: version for name, version in versions.items() if name.startswith(_PADDLE)}
    for name, version in paddles.items():
        if version.partition(".")[0] in ("0", "1", "2"):
            cure = "Choose an environment with PaddlePaddle 3, or uninstall this one and run the cell again"
            raise ConfigError(f"PaddlePaddle 3 is needed, this is {version}", where=name, cure=cure)
    return missing if paddles else [*missing, _PADDLE]


def paddle_words(root: Path) -> list[str]:
    """Return what to give to ``pip install`` for this machine's Paddle: its GPU's if there is one that suits."""
    gpu = gpu_install.find_gpu()
    cuda = None if gpu is None else gpu_install.cuda_for(gpu, platform.system(), platform.machine())
    return requirements(root, "cpu") if cuda is None else gpu_install.pip_arguments(cuda)


def pip_commands(missing: Sequence[str], host: Host, paddle: Sequence[str], ask: Run) -> Iterator[list[str]]:
    """Yield the commands that install what is missing, each to be run before the next is asked for.

    ``pip install --target`` installs all that its packages need once more, even what is there. So where packages go
    into a folder, pip is asked first what it would install, and then gets exactly that.

    Args:
        missing: from `unmet`.
        host: where to.
        paddle: from `paddle_words`.
        ask: runs a command and returns what it prints.

    Raises:
        ConfigError: pip fails.
    """
    pip = [sys.executable, *_PIP]
    batches = [[word for word in missing if word != _PADDLE], list(paddle) if _PADDLE in missing else []]
    batches = [batch for batch in batches if batch]
    for batch in batches:
        if host.packages is None:
            yield [*pip, "install", "--quiet", *batch]
            continue
        report = json.loads(ask([*pip, *_ASK, *batch]))
        exact = [f"{item['metadata']['name']}=={item['metadata']['version']}" for item in report["install"]]
        index = batch[batch.index("--index-url") :] if "--index-url" in batch else []
        target = ["install", "--quiet", "--no-deps", "--upgrade", "--target", str(host.packages)]
        yield [*pip, *target, *exact, *index]


def _answer(command: Sequence[str]) -> str:
    """Run a command, which sees the packages that this process sees, and return what it prints.

    Raises:
        ConfigError: it fails.
    """
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    if run.returncode != 0:
        lines = run.stderr.strip().splitlines()
        reason = next((line for line in reversed(lines) if line.startswith("ERROR")), (lines or ["no message"])[-1])
        cure = f"Run it in a terminal to see more: {shlex.join(command)}"
        raise ConfigError(f"pip could not install the packages ({reason})", cure=cure)
    return run.stdout


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
