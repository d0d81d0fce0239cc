"""Write twin.npz: what the PyTorch twins of the bundled model's networks make of fixed toy numbers.

Run with PyTorch and NumPy alone, from the root: ``python tests/goldens/make_twin_golden.py PATH/networks_torch.py``.
Written with PyTorch 2.13.0. The test is tests/networks/test_networks_twin.py.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.reference import twin  # noqa: E402


def build(path: Path) -> dict[str, torch.nn.Module]:
    """Make the three twins at toy size and fill them."""
    spec = importlib.util.spec_from_file_location("networks_torch", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    networks = {
        "generator": module.Generator(twin.SIZE, twin.BASE, twin.CAP, twin.DIM, twin.NUM_MLP),
        "discriminator": module.Discriminator(twin.SIZE, twin.BASE, twin.CAP),
        "encoder": module.Encoder(twin.SIZE, twin.BASE, twin.CAP, twin.DIM),
    }
    for network in networks.values():
        state = {n: torch.from_numpy(twin.twin_numbers(n, t.shape)) for n, t in network.state_dict().items()}
        network.load_state_dict(state)
        network.eval()
    return networks


@torch.no_grad()
def results(networks: dict[str, torch.nn.Module]) -> dict[str, np.ndarray]:
    """Run them on the fixed inputs."""
    given = {name: torch.from_numpy(array) for name, array in twin.inputs().items()}
    scores, maps = networks["discriminator"](given["images"], features=True)
    found = {
        "w": networks["generator"].mapping(given["z"]),
        "pixels": networks["generator"](given["w_plus"], fixed_noise=True),
        "scores": scores,
        "last_map": maps[-1],
        "one_score": networks["discriminator"](given["images"][:1]),
        "codes": networks["encoder"](given["images"][:2]),
    }
    return {name: tensor.numpy() for name, tensor in found.items()}


def main() -> None:
    """Write the file beside this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = ROOT.parent / "shared" / "bundled_model" / "networks_torch.py"
    parser.add_argument("twins", type=Path, nargs="?", default=default)
    networks = build(parser.parse_args().twins)
    shapes = {part: {n: list(t.shape) for n, t in net.state_dict().items()} for part, net in networks.items()}
    np.savez_compressed(Path(__file__).parent / "twin.npz", shapes=json.dumps(shapes), **results(networks))


if __name__ == "__main__":
    main()
