"""Write the `.pt` files beside this script with PyTorch: the layouts of rosinality's projector and of e4e, toy size."""

from pathlib import Path

import torch

FOLDER = Path(__file__).parent


def main() -> None:
    """Write every file; 6 layers of 8 numbers."""
    code = torch.arange(48, dtype=torch.float32).reshape(6, 8) / 8 - 2
    photo = {"img": torch.zeros(3, 2, 2), "latent": code, "noise": [torch.ones(1, 1, 4, 4)]}
    torch.save({"photo.png": photo}, FOLDER / "rosinality.pt")
    torch.save(code[None], FOLDER / "e4e.pt")
    torch.save({"age": code[None], "smile": code[0]}, FOLDER / "named.pt")
    torch.save(code[:1] * 0.5, FOLDER / "one_row.pt")


if __name__ == "__main__":
    main()
