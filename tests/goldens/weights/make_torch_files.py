"""Make the small PyTorch files of this folder, and what PyTorch itself says is in them. Needs PyTorch and NumPy.

Made with PyTorch 2.13.0 (CPU): python tests/goldens/weights/make_torch_files.py
"""

import argparse
import collections
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

HERE = Path(__file__).resolve().parent
SIZE, STYLE_DIM, N_MLP, BASE, CAP = 16, 8, 2, 64, 12
CHANNELS = {4: 12, 8: 8, 16: 4}


def tensors():
    """One tensor of every kind that checkpoints hold, with shapes that tell a swapped axis."""
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6) - 5.5
    tree = collections.OrderedDict(
        base=base,
        rows=base[1:3],  # shares the storage, with an offset
        turned=base.t(),  # not contiguous
        every_other=base[:, ::2],
        expanded=torch.tensor([[1.5], [-2.5]]).expand(2, 3),  # stride 0
        half=torch.linspace(-3, 3, 7, dtype=torch.float16),
        bfloat=torch.linspace(-300, 300, 9).to(torch.bfloat16).reshape(3, 3).t(),
        double=torch.tensor([math.pi, -math.e], dtype=torch.float64),
        long=torch.tensor([2**40, -7]),
        integer=torch.tensor([[1, -2, 3]], dtype=torch.int32),
        short=torch.tensor([-300, 300], dtype=torch.int16),
        char=torch.tensor([-128, 127], dtype=torch.int8),
        byte=torch.tensor([0, 255], dtype=torch.uint8),
        flags=torch.tensor([True, False, True]),
        complex=torch.tensor([1 + 2j, -3j], dtype=torch.complex64),
        scalar=torch.tensor(2.25),
        empty=torch.zeros(0, 5),
        parameter=torch.nn.Parameter(torch.full((2, 1), 0.125)),
    )
    return tree


def expected(tree):
    """The same as NumPy arrays; bfloat16 as float32."""
    arrays = {}
    for name, tensor in tree.items():
        tensor = tensor.detach()
        arrays[name] = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return arrays


def normal(rng, *shape):
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))


def blur(gain):
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = torch.outer(taps, taps)
    return kernel / kernel.sum() * gain


def styled(state, rng, prefix, num_in, num_out, side):
    state[f"{prefix}.conv.weight"] = normal(rng, 1, num_out, num_in, side, side)
    state[f"{prefix}.conv.modulation.weight"] = normal(rng, num_in, STYLE_DIM)
    state[f"{prefix}.conv.modulation.bias"] = 1 + 0.1 * normal(rng, num_in)


def generator_state(rng):
    """A state dict with the names and shapes of rosinality's Generator, at toy size."""
    state = collections.OrderedDict()
    for index in range(1, N_MLP + 1):
        state[f"style.{index}.weight"] = normal(rng, STYLE_DIM, STYLE_DIM) / 0.01
        state[f"style.{index}.bias"] = normal(rng, STYLE_DIM)
    state["input.input"] = normal(rng, 1, CHANNELS[4], 4, 4)
    plan = [("conv1", 4, 4, None)]
    for block, res in enumerate((8, 16)):
        plan += [(f"convs.{2 * block}", res // 2, res, blur(4)), (f"convs.{2 * block + 1}", res, res, None)]
    for prefix, res_in, res_out, kernel in plan:
        styled(state, rng, prefix, CHANNELS[res_in], CHANNELS[res_out], 3)
        if kernel is not None:
            state[f"{prefix}.conv.blur.kernel"] = kernel
        state[f"{prefix}.noise.weight"] = 0.1 * normal(rng, 1)
        state[f"{prefix}.activate.bias"] = 0.1 * normal(rng, CHANNELS[res_out])
    for prefix, res in (("to_rgb1", 4), ("to_rgbs.0", 8), ("to_rgbs.1", 16)):
        styled(state, rng, prefix, CHANNELS[res], 3, 1)
        state[f"{prefix}.bias"] = 0.1 * normal(rng, 1, 3, 1, 1)
        if res > 4:
            state[f"{prefix}.upsample.kernel"] = blur(4)
    for index, side in enumerate((4, 8, 8, 16, 16)):
        state[f"noises.noise_{index}"] = normal(rng, 1, 1, side, side)
    return state


def discriminator_state(rng):
    """A state dict with the names and shapes of rosinality's Discriminator, at toy size."""
    state = collections.OrderedDict()
    state["convs.0.0.weight"] = normal(rng, CHANNELS[16], 3, 1, 1)
    state["convs.0.1.bias"] = 0.1 * normal(rng, CHANNELS[16])
    for block, res in ((1, 16), (2, 8)):
        num_in, num_out = CHANNELS[res], CHANNELS[res // 2]
        state[f"convs.{block}.conv1.0.weight"] = normal(rng, num_in, num_in, 3, 3)
        state[f"convs.{block}.conv1.1.bias"] = 0.1 * normal(rng, num_in)
        state[f"convs.{block}.conv2.0.kernel"] = blur(1)
        state[f"convs.{block}.conv2.1.weight"] = normal(rng, num_out, num_in, 3, 3)
        state[f"convs.{block}.conv2.2.bias"] = 0.1 * normal(rng, num_out)
        state[f"convs.{block}.skip.0.kernel"] = blur(1)
        state[f"convs.{block}.skip.1.weight"] = normal(rng, num_out, num_in, 1, 1)
    last = CHANNELS[4]
    state["final_conv.0.weight"] = normal(rng, last, last + 1, 3, 3)
    state["final_conv.1.bias"] = 0.1 * normal(rng, last)
    state["final_linear.0.weight"] = normal(rng, last, last * 16)
    state["final_linear.0.bias"] = 0.1 * normal(rng, last)
    state["final_linear.1.weight"] = normal(rng, 1, last)
    state["final_linear.1.bias"] = 0.1 * normal(rng, 1)
    return state


def fir(x, kernel, pad):
    x = F.pad(x, [pad[0], pad[1], pad[0], pad[1]])
    return F.conv2d(x, kernel.flip((0, 1)).expand(x.shape[1], 1, 4, 4), groups=x.shape[1])


def activate(x, bias):
    return F.leaky_relu(x + bias.reshape(1, -1, 1, 1), 0.2) * math.sqrt(2)


def modulated(state, prefix, x, w, demodulate, kernel=None):
    """Equations 1 to 3 of arXiv 1912.04958 by the book: a filter of its own for each of the samples (here one)."""
    weight = state[f"{prefix}.conv.weight"][0]
    num_in, side = weight.shape[1], weight.shape[2]
    style = F.linear(w, state[f"{prefix}.conv.modulation.weight"] / math.sqrt(STYLE_DIM))
    style = style + state[f"{prefix}.conv.modulation.bias"]
    weight = weight / math.sqrt(num_in * side * side) * style.reshape(1, -1, 1, 1)
    if demodulate:
        weight = weight * torch.rsqrt((weight**2).sum((1, 2, 3), keepdim=True) + 1e-8)
    if kernel is None:
        return F.conv2d(x, weight, padding=side // 2)
    return fir(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), kernel, (1, 1))


def draw(state, w_plus):
    """The image of one w_plus (n_latent, style_dim) with the fixed noise."""

    def conv(prefix, x, row, index):
        kernel = state.get(f"{prefix}.conv.blur.kernel")
        x = modulated(state, prefix, x, w_plus[row : row + 1], True, kernel)
        x = x + state[f"{prefix}.noise.weight"] * state[f"noises.noise_{index}"]
        return activate(x, state[f"{prefix}.activate.bias"])

    def rgb(prefix, x, row, skip):
        y = modulated(state, prefix, x, w_plus[row : row + 1], False) + state[f"{prefix}.bias"]
        if skip is None:
            return y
        wide = torch.zeros(1, 3, skip.shape[2] * 2, skip.shape[3] * 2)
        wide[:, :, ::2, ::2] = skip
        return y + fir(wide, state[f"{prefix}.upsample.kernel"], (2, 1))

    x = conv("conv1", state["input.input"], 0, 0)
    image = rgb("to_rgb1", x, 1, None)
    for block in range(2):
        x = conv(f"convs.{2 * block}", x, 2 * block + 1, 2 * block + 1)
        x = conv(f"convs.{2 * block + 1}", x, 2 * block + 2, 2 * block + 2)
        image = rgb(f"to_rgbs.{block}", x, 2 * block + 3, image)
    return image


def mapping(state, z):
    x = z * torch.rsqrt((z**2).mean(1, keepdim=True) + 1e-8)
    for index in range(1, N_MLP + 1):
        x = F.linear(x, state[f"style.{index}.weight"] * 0.01 / math.sqrt(STYLE_DIM))
        x = F.leaky_relu(x + state[f"style.{index}.bias"] * 0.01, 0.2) * math.sqrt(2)
    return x


def score(state, pixels):
    """Scores of four images, one group of the minibatch deviation."""

    def conv(prefix, x, at, padding=1):
        weight = state[f"{prefix}.{at}.weight"]
        return F.conv2d(x, weight / math.sqrt(weight[0].numel()), padding=padding)

    x = activate(conv("convs.0", pixels, 0, 0), state["convs.0.1.bias"])
    for block in (1, 2):
        name = f"convs.{block}"
        y = activate(conv(f"{name}.conv1", x, 0), state[f"{name}.conv1.1.bias"])
        weight = state[f"{name}.conv2.1.weight"]
        y = F.conv2d(fir(y, state[f"{name}.conv2.0.kernel"], (2, 2)), weight / math.sqrt(weight[0].numel()), stride=2)
        y = activate(y, state[f"{name}.conv2.2.bias"])
        weight = state[f"{name}.skip.1.weight"]
        short = F.conv2d(fir(x, state[f"{name}.skip.0.kernel"], (1, 1)), weight / math.sqrt(weight.shape[1]), stride=2)
        x = (y + short) / math.sqrt(2)
    deviation = torch.sqrt(x.var(0, unbiased=False) + 1e-8).mean()
    x = torch.cat([x, deviation.expand(4, 1, 4, 4)], 1)
    x = activate(conv("final_conv", x, 0), state["final_conv.1.bias"]).flatten(1)
    for index in range(2):
        weight = state[f"final_linear.{index}.weight"]
        x = F.linear(x, weight / math.sqrt(weight.shape[1]), state[f"final_linear.{index}.bias"])
        x = F.leaky_relu(x, 0.2) * math.sqrt(2) if index == 0 else x
    return x


def main():
    tree = tensors()
    np.savez(HERE / "tensors.npz", **expected(tree))
    options = argparse.Namespace(size=16, lr=0.002, path=None, names=["a", "b"], device="cuda:0", ada=False)
    content = {
        "state": tree,
        "args": options,
        "shape": torch.Size([2, 3]),
        "dtype": torch.float16,
        "device": torch.device("cuda:1"),
        "milestones": collections.Counter([3, 3]),
        "nested": [1, (2.5, {"deep": tree["rows"]})],
    }
    torch.save(content, HERE / "tensors_zip.pt")
    torch.save(content, HERE / "tensors_legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(tree["turned"], HERE / "one_tensor.pt")
    torch.save(torch.arange(6).to(torch.uint16).reshape(2, 3), HERE / "untyped_storage.pt")

    rng = np.random.default_rng(0)
    averaged, discriminator = generator_state(rng), discriminator_state(rng)
    trained = generator_state(rng)
    mean = normal(rng, STYLE_DIM)
    for state in (averaged, trained, discriminator):
        state._metadata = collections.OrderedDict({"": {"version": 1}})
    checkpoint = {"g": trained, "d": discriminator, "g_ema": averaged, "latent_avg": mean, "args": options}
    torch.save(checkpoint, HERE / "rosinality_zip.pt")
    torch.save(
        {"g_ema": averaged, "latent_avg": mean}, HERE / "rosinality_legacy.pt", _use_new_zipfile_serialization=False
    )
    w_plus, z, photos = normal(rng, 6, STYLE_DIM), normal(rng, 3, STYLE_DIM), normal(rng, 4, 3, 16, 16)
    np.savez(
        HERE / "rosinality.npz",
        w_plus=w_plus,
        image=draw(averaged, w_plus),
        image_trained=draw(trained, w_plus),
        z=z,
        w=mapping(averaged, z),
        photos=photos,
        scores=score(discriminator, photos),
        latent_avg=mean,
    )


if __name__ == "__main__":
    main()
