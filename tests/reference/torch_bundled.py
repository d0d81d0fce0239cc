"""Run by an interpreter that has PyTorch: trains the bundled model at toy size and writes what its networks make of
fixed inputs.

    python torch_bundled.py REPOSITORY PACKS WORK_FOLDER
"""

import contextlib
import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np

ROOT, PACKS, WORK = (Path(word) for word in sys.argv[1:4])
sys.path.insert(0, str(ROOT / "tools" / "bundled_model"))

import torch  # noqa: E402
import train  # noqa: E402  (the script itself; it makes the package importable)
from augment_torch import AdaptiveProbability, augment  # noqa: E402
from growth_torch import grow  # noqa: E402
from losses_torch import edge_l1, face_window, pyramid_l1  # noqa: E402
from muon_torch import Muon, matrices, orthogonal  # noqa: E402
from networks_torch import Discriminator, Encoder, Generator  # noqa: E402
from state_torch import read_arrays  # noqa: E402

SHAPES = {"size": 32, "base": 256, "cap": 20, "n_mlp": 3}
COMMON = ["--data", PACKS, "--held_back", 5, "--batch", 4, "--g_lr", 0.001, "--precision", "float32", "--threads", 1]


def run(stage: str, *words: object) -> int:
    shapes = [word for name, value in SHAPES.items() for word in (f"--{name}", value)]
    with contextlib.redirect_stdout(sys.stderr):
        return train.main([stage, *map(str, [*COMMON, *shapes, *words])])


def digest(path: Path) -> str:
    """Hash all that a checkpoint holds; the bytes of a pickle also depend on which strings are the same object."""
    found = hashlib.sha256()

    def add(node: object) -> None:
        if isinstance(node, dict):
            for name in sorted(node, key=str):
                found.update(str(name).encode())
                add(node[name])
        elif isinstance(node, (list, tuple)):
            for item in node:
                add(item)
        elif isinstance(node, torch.Tensor):
            found.update(f"{node.dtype} {tuple(node.shape)}".encode() + node.contiguous().numpy().tobytes())
        else:
            found.update(repr(node).encode())

    add(torch.load(path, weights_only=True))
    return found.hexdigest()


def resumed() -> dict[str, list[str]]:
    """Each stage in one go and in two, one after the other on the same checkpoint."""
    once, twice, found = WORK / "once.pt", WORK / "twice.pt", {}
    for stage in ("gan", "rec", "map", "joint"):
        assert run(stage, "--ckpt", once, "--steps", 5, "--freeze", 8) == 0
        assert run(stage, "--ckpt", twice, "--steps", 3, "--freeze", 8) == 0
        assert run(stage, "--ckpt", twice, "--steps", 2, "--freeze", 8) == 0
        found[stage] = [digest(once), digest(twice)]
    return found


def outputs() -> None:
    """Load the exported arrays anew and keep what the networks make of the inputs."""
    assert run("export", "--ckpt", WORK / "once.pt", "--out", WORK / "export") == 0
    arrays = read_arrays(WORK / "export")
    shape = (SHAPES["size"], SHAPES["base"], SHAPES["cap"])
    networks = {"generator": Generator(*shape, n_mlp=SHAPES["n_mlp"])}
    networks |= {"discriminator": Discriminator(*shape), "encoder": Encoder(*shape)}
    for part, network in networks.items():
        network.load_state_dict(arrays[part])
    rng = np.random.default_rng(0)
    z, codes = (rng.standard_normal(size).astype(np.float32) for size in ((2, 512), (3, 8, 512)))
    images = np.tanh(rng.standard_normal((4, 3, 32, 32))).astype(np.float32)
    with torch.no_grad():
        scores, maps = networks["discriminator"](torch.from_numpy(images), features=True)
        made = {
            "w": networks["generator"].mapping(torch.from_numpy(z)),
            "pixels": networks["generator"](torch.from_numpy(codes), fixed_noise=True),
            "scores": scores,
            "last_map": maps[-1],
            "offsets": networks["encoder"](torch.from_numpy(images)),
        }
    given = {"z": z, "codes": codes, "images": images}
    np.savez(WORK / "outputs.npz", **given, **{name: tensor.numpy() for name, tensor in made.items()})


def augmented() -> dict[str, float]:
    """What the transforms do at p = 0 and p = 1, and how p is steered."""
    torch.manual_seed(0)
    images = torch.rand(64, 3, 16, 16) * 2 - 1
    same = augment(images, torch.zeros([])) - images
    changed = (augment(images, torch.ones([])) - images).abs().mean((1, 2, 3))
    ada = AdaptiveProbability(torch.device("cpu"), num_images_to_one=1000, interval=2, limit=0.3)
    history = []
    for score in (1.0, 1.0, 1.0, 1.0, -1.0, -1.0):
        ada.update(torch.full((50, 1), score))
        history.append(ada.p.item())
    for _ in range(20):
        ada.update(torch.ones(50, 1))
    return {"same": same.abs().max().item(), "changed": changed.min().item(), "p": history, "limit": ada.p.item()}


def grown() -> dict[str, float]:
    """A grown generator draws the small one's image, enlarged, plus little."""
    torch.manual_seed(1)
    small, large = Generator(16, 128, 16, n_mlp=2), Generator(32, 128, 16, n_mlp=2)
    large.load_state_dict(grow("generator", small.state_dict(), large.state_dict()))
    w = torch.randn(2, 512)
    with torch.no_grad():
        coarse = torch.nn.functional.avg_pool2d(large(w, fixed_noise=True), 2)
        apart = (coarse - small(w, fixed_noise=True)).abs().mean() / small(w, fixed_noise=True).abs().mean()
    trunk = grow("encoder", Encoder(16, 128, 16).state_dict(), Encoder(32, 128, 16).state_dict())
    return {"apart": apart.item(), "arrays": len(trunk)}


def stepped() -> dict[str, list[float] | float | bool]:
    """What Muon makes of a matrix's gradient, and which parameters it takes."""
    torch.manual_seed(2)
    values = torch.linalg.svdvals(orthogonal(torch.randn(24, 40) * 1e-3))
    generator = Generator(16, 256, 16, n_mlp=2)
    taken = matrices(generator)
    before = [parameter.detach().clone() for parameter in taken]
    muon = Muon(taken, lr=0.01)
    generator(generator.mapping(torch.randn(2, 512))).square().mean().backward()
    muon.step()
    moved = [(after - old).square().mean().sqrt().item() for after, old in zip(taken, before, strict=True)]
    names = {name for name, parameter in generator.named_parameters() if parameter.grad is None}
    return {
        "values": [values.min().item(), values.max().item()],
        "moved": [min(moved), max(moved)],
        "left": any(name.startswith("mapping") or name.endswith("bias") for name in names),
    }


def weighed() -> dict[str, float]:
    """What errors of the same size cost in the middle of the face and in the corner, and a shift of all pixels."""
    window = face_window(32, 4.0)
    real = torch.zeros(1, 3, 32, 32)
    middle, corner = real.clone(), real.clone()
    middle[..., 12:20, 12:20] = corner[..., :8, :8] = 0.5
    return {
        "mean": window.mean().item(),
        "pyramid": (pyramid_l1(middle, real, window) / pyramid_l1(corner, real, window)).item(),
        "shift": edge_l1(real + 0.5, real, window).item(),
        "edge": edge_l1(middle, real, window).item(),
    }


def mapped() -> dict[str, float]:
    """How far `map` moves faces' codes, and how far the mean sample lies from their mean, before and after."""
    before, after = WORK / "before.pt", WORK / "after.pt"
    assert run("rec", "--ckpt", before, "--steps", 60) == 0
    shutil.copy(before, after)
    assert run("map", "--ckpt", after, "--steps", 300) == 0
    pixels = torch.rand(20, 3, SHAPES["size"], SHAPES["size"]) * 2 - 1
    codes, samples = {}, {}
    for path in (before, after):
        content = torch.load(path, weights_only=True)
        shape = (SHAPES["size"], SHAPES["base"], SHAPES["cap"])
        generator, encoder = Generator(*shape, n_mlp=SHAPES["n_mlp"]), Encoder(*shape)
        generator.load_state_dict(content["g_ema"])
        encoder.load_state_dict(content["e_ema"])
        with torch.no_grad():
            codes[path] = generator.w_avg + encoder(pixels)
            samples[path] = generator.mapping(torch.randn(500, 512)).mean(0)
    mean = content["codes_mean"]
    return {
        "moved": ((codes[after] - codes[before]).abs().max() / codes[before].abs().max()).item(),
        "mean_before": ((samples[before] - mean).norm() / mean.norm()).item(),
        "mean": ((samples[after] - mean).norm() / mean.norm()).item(),
    }


def refusals() -> dict[str, int]:
    """Exit codes of what must not go on."""
    return {
        "other faces": run("gan", "--ckpt", WORK / "once.pt", "--steps", 1, "--held_back", 6),
        "nothing left": run("gan", "--ckpt", WORK / "none.pt", "--steps", 1, "--held_back", 1000),
        "no checkpoint": run("sheet", "--ckpt", WORK / "none.pt", "--out", WORK / "sheet.png"),
    }


if __name__ == "__main__":
    report = {"resumed": resumed(), "augmented": augmented(), "grown": grown(), "mapped": mapped()}
    report |= {"stepped": stepped(), "weighed": weighed()}
    outputs()
    report["sheet"] = run("sheet", "--ckpt", WORK / "once.pt", "--out", WORK / "sheet.png")
    report["refusals"] = refusals()
    print(json.dumps(report))
