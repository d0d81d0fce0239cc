"""Make the two toy snapshots of this folder with NVIDIA's own code, and what that code computes from them.

Needs PyTorch, NumPy and checkouts of NVlabs/stylegan2-ada-pytorch (d72cc7d) and NVlabs/stylegan3 (c233a91):

    python tests/goldens/weights/make_nvidia_files.py stylegan2-ada-pytorch ada
    python tests/goldens/weights/make_nvidia_files.py stylegan3 sg3

Made with PyTorch 2.13.0 (CPU). The source code that the pickles would carry is left out of them: it is NVIDIA's, and
no reader here looks at it. Numbers are those of tests/reference/toy.py under NVIDIA's names.
"""

import importlib
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))

from tests.reference.toy import numbers  # noqa: E402

DIM = 8
# Only ada's file has the settings that a converter can get wrong unseen: a lopsided filter, another multiplier.
CASES = {
    "ada": {"size": 8, "filter": [1, 2, 5, 3], "lr_multiplier": 0.02, "clamp": None},
    "sg3": {"size": 16, "filter": [1, 3, 3, 1], "lr_multiplier": 0.01, "clamp": 256},
}


def import_nvidia(checkout):
    """Import the network module of a checkout, its uses of the network and of old packages cut off."""
    sys.path.insert(0, checkout)
    sys.modules["requests"] = types.ModuleType("requests")
    sys.modules["pkg_resources"] = types.ModuleType("pkg_resources")
    sys.modules["pkg_resources"].parse_version = lambda text: tuple(int(part) for part in text.split(".")[:2])
    persistence = importlib.import_module("torch_utils.persistence")
    persistence._module_to_src = lambda module: ""
    name = "networks" if (Path(checkout) / "training" / "networks.py").exists() else "networks_stylegan2"
    return importlib.import_module(f"training.{name}"), importlib.import_module("dnnlib").EasyDict


def fill(network, prefix):
    """Give every array lopsided numbers that its name determines."""
    with torch.no_grad():
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if name.endswith("resample_filter"):
                continue
            array = numbers(f"{prefix}.{name}", tuple(tensor.shape))
            if name.endswith("affine.bias"):
                array = 1 + 0.3 * array
            elif name.endswith(("bias", "noise_strength")):
                array = 0.3 * array
            elif ".fc" in name and "mapping" in name and name.endswith("weight"):
                array = 50 * array
            tensor.copy_(torch.from_numpy(np.asarray(array)))
    return network.eval().requires_grad_(False)


def build(module, easy_dict, case):
    synthesis = {
        "channel_base": 32,
        "channel_max": 6,
        "conv_clamp": case["clamp"],
        "resample_filter": case["filter"],
        "num_fp16_res": 1,
    }
    common = {"c_dim": 0, "img_resolution": case["size"], "img_channels": 3}
    kwargs = {**common, "z_dim": DIM, "w_dim": DIM}
    kwargs["mapping_kwargs"] = easy_dict(num_layers=2, lr_multiplier=case["lr_multiplier"])
    kwargs |= {"synthesis_kwargs": synthesis} if module.__name__ == "training.networks" else synthesis
    narrow = {"channel_base": 32, "channel_max": 6, "conv_clamp": case["clamp"], "num_fp16_res": 1}
    epilogue = easy_dict(mbstd_group_size=4)
    return {
        "G": fill(module.Generator(**kwargs), "G"),
        "D": fill(module.Discriminator(**common, **narrow, epilogue_kwargs=epilogue), "D"),
        "G_ema": fill(module.Generator(**kwargs), "G_ema"),
    }


def compute(networks, size, tag):
    """Codes, images with both kinds of noise, truncated images, and scores, in float32."""
    z = torch.from_numpy(numbers("z", (4, DIM)))
    photos = torch.from_numpy(numbers("photos", (4, 3, size, size)))
    labels = torch.zeros(4, 0)
    results = {f"{tag}_scores": networks["D"](photos, labels, force_fp32=True)}
    for name in ("G", "G_ema"):
        network = networks[name]
        results |= {
            f"{tag}_{name}_w": network.mapping(z, labels)[:, 0],
            f"{tag}_{name}_const": network(z, labels, noise_mode="const", force_fp32=True),
            f"{tag}_{name}_none": network(z, labels, noise_mode="none", force_fp32=True),
            f"{tag}_{name}_truncated": network(z, labels, 0.6, noise_mode="none", force_fp32=True),
        }
    return {name: tensor.numpy() for name, tensor in results.items()}


def main():
    checkout, tag = sys.argv[1:]
    case = CASES[tag]
    module, easy_dict = import_nvidia(checkout)
    networks = build(module, easy_dict, case)
    options = {"class_name": "training.dataset.ImageFolderDataset", "path": "faces.zip", "max_size": None}
    snapshot = {"training_set_kwargs": options, **networks, "augment_pipe": None}
    if tag == "sg3":
        snapshot = {**networks, "augment_pipe": None, "training_set_kwargs": options}
    # Python 3.7, for which the older repository was written, pickled with protocol 3.
    data = pickle.dumps(snapshot, protocol=3 if tag == "ada" else 4)
    assert b"import torch" not in data, "the pickle carries source code"
    (HERE / f"nvidia_{tag}.pkl").write_bytes(data)
    np.savez_compressed(HERE / f"nvidia_{tag}.npz", **compute(networks, case["size"], tag))


if __name__ == "__main__":
    main()
