"""The image-to-image networks in PyTorch, under the array names of junyanz, UGATIT-pytorch and minivision.

Written after the papers and after the names that those projects' checkpoints have. Run by an interpreter that has
PyTorch, it writes random checkpoints and what the networks make of a random input:

    python torch_translators.py FOLDER
    python torch_translators.py --golden tests/goldens/translators.npz     # written with PyTorch 2.13.0

For every entry of `TWINS`, FOLDER/NAME.pth holds the checkpoint as the project lays it out, and FOLDER/NAME.npz the
arrays "input" and "output0", "output1", ...
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.reference.golden_gans import SIDES, golden_input, golden_numbers

WIDTH = 4  # channels after the first layer


def reflected(num_in, num_out, side, stride=1, bias=False, width=None):
    return [
        nn.ReflectionPad2d(side // 2 if width is None else width),
        nn.Conv2d(num_in, num_out, side, stride, bias=bias),
    ]


def instance(num):
    return [nn.InstanceNorm2d(num), nn.ReLU()]


class Residual(nn.Module):
    def __init__(self, num, bias, dropout=False):
        super().__init__()
        drop = [nn.Dropout(0.5)] if dropout else []
        first = [*reflected(num, num, 3, bias=bias), *instance(num), *drop]
        self.conv_block = nn.Sequential(*first, *reflected(num, num, 3, bias=bias), nn.InstanceNorm2d(num))

    def forward(self, x):
        return x + self.conv_block(x)


class ResnetGenerator(nn.Module):
    """junyanz."""

    def __init__(self, num_blocks=2, dropout=False, width=WIDTH):
        super().__init__()
        layers = [*reflected(3, width, 7, bias=True), *instance(width)]
        for factor in (1, 2):
            layers += [nn.Conv2d(factor * width, 2 * factor * width, 3, 2, 1), *instance(2 * factor * width)]
        layers += [Residual(4 * width, True, dropout) for _ in range(num_blocks)]
        for factor in (4, 2):
            num_out = factor * width // 2
            layers += [nn.ConvTranspose2d(factor * width, num_out, 3, 2, 1, 1), *instance(num_out)]
        self.model = nn.Sequential(*layers, *reflected(width, 3, 7, bias=True), nn.Tanh())

    def forward(self, x):
        return self.model(x)


class Skip(nn.Module):
    def __init__(self, outer, inner, inside):
        super().__init__()
        down = [nn.LeakyReLU(0.2), nn.Conv2d(outer, inner, 4, 2, 1, bias=False)]
        middle = [] if inside is None else [nn.BatchNorm2d(inner), inside]
        wide = inner if inside is None else 2 * inner
        up = [nn.ReLU(), nn.ConvTranspose2d(wide, outer, 4, 2, 1, bias=False), nn.BatchNorm2d(outer)]
        self.model = nn.Sequential(*down, *middle, *up)

    def forward(self, x):
        return torch.cat([x, self.model(x)], 1)


class UnetGenerator(nn.Module):
    """junyanz, with batch normalisation."""

    def __init__(self, num_downs=5, width=WIDTH):
        super().__init__()
        inside = Skip(8 * width, 8 * width, None)
        for _ in range(num_downs - 5):
            inside = Skip(8 * width, 8 * width, inside)
        for factor in (4, 2, 1):
            inside = Skip(factor * width, 2 * factor * width, inside)
        outer = nn.Module()
        up = [nn.ReLU(), nn.ConvTranspose2d(2 * width, 3, 4, 2, 1), nn.Tanh()]
        outer.model = nn.Sequential(nn.Conv2d(3, width, 4, 2, 1, bias=False), inside, *up)
        self.model = outer

    def forward(self, x):
        return self.model.model(x)


class NLayerDiscriminator(nn.Module):
    """junyanz, whose first convolution always has a bias."""

    def __init__(self, norm=nn.InstanceNorm2d, num_layers=3, width=WIDTH):
        super().__init__()
        bias = norm is nn.InstanceNorm2d
        layers, num_in = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)], width
        for depth in range(1, num_layers + 1):
            num_out, stride = min(2**depth, 8) * width, 2 if depth < num_layers else 1
            layers += [nn.Conv2d(num_in, num_out, 4, stride, 1, bias=bias), norm(num_out), nn.LeakyReLU(0.2)]
            num_in = num_out
        self.model = nn.Sequential(*layers, nn.Conv2d(num_in, 1, 4, 1, 1))

    def forward(self, x):
        return self.model(x)


def mixed(x, rho):
    """Instance and layer normalisation, with the variances of n - 1."""

    def normalized(axes):
        return (x - x.mean(axes, keepdim=True)) / torch.sqrt(x.var(axes, keepdim=True) + 1e-5)

    return rho * normalized([2, 3]) + (1 - rho) * normalized([1, 2, 3])


class AdaptiveNorm(nn.Module):
    def __init__(self, num):
        super().__init__()
        self.rho = nn.Parameter(torch.full((1, num, 1, 1), 0.9))

    def forward(self, x, gamma, beta):
        return mixed(x, self.rho) * gamma[:, :, None, None] + beta[:, :, None, None]


class LayerInstanceNorm(nn.Module):
    def __init__(self, num):
        super().__init__()
        self.rho = nn.Parameter(torch.rand(1, num, 1, 1))
        self.gamma, self.beta = nn.Parameter(torch.rand(1, num, 1, 1)), nn.Parameter(torch.randn(1, num, 1, 1))

    def forward(self, x):
        return mixed(x, self.rho) * self.gamma + self.beta


class Adaptive(nn.Module):
    def __init__(self, num, norm):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(num, num, 3, bias=False), norm(num)
        self.conv2, self.norm2 = nn.Conv2d(num, num, 3, bias=False), norm(num)

    def forward(self, x, *styles):
        y = F.relu(self.norm1(self.conv1(F.pad(x, [1] * 4, mode="reflect")), *styles))
        return x + self.norm2(self.conv2(F.pad(y, [1] * 4, mode="reflect")), *styles)


class Attention(nn.Module):
    def attend(self, x, activation):
        planes = x.flatten(2)
        pooled = planes.mean(2), planes.max(2).values
        logits = torch.cat([self.gap_fc(pooled[0]), self.gmp_fc(pooled[1])], 1)
        weights = [list(layer.parameters()) for layer in (self.gap_fc, self.gmp_fc)]
        weights = [next(p for p in some if p.ndim == 2)[:, :, None, None] for some in weights]
        x = activation(self.conv1x1(torch.cat([x * weight for weight in weights], 1)))
        return x, logits, x.sum(1, keepdim=True)


class UGATITGenerator(Attention):
    """UGATIT-pytorch."""

    def __init__(self, light, size=32, num_blocks=2, width=WIDTH):
        super().__init__()
        self.light, self.num_blocks, wide = light, num_blocks, 4 * width
        down = [*reflected(3, width, 7), *instance(width)]
        for factor in (1, 2):
            down += [*reflected(factor * width, 2 * factor * width, 3, 2), *instance(2 * factor * width)]
        self.DownBlock = nn.Sequential(*down, *(Residual(wide, False) for _ in range(num_blocks)))
        self.gap_fc, self.gmp_fc = nn.Linear(wide, 1, bias=False), nn.Linear(wide, 1, bias=False)
        self.conv1x1 = nn.Conv2d(2 * wide, wide, 1)
        first = nn.Linear(wide if light else (size // 4) ** 2 * wide, wide, bias=False)
        self.FC = nn.Sequential(first, nn.ReLU(), nn.Linear(wide, wide, bias=False), nn.ReLU())
        self.gamma, self.beta = nn.Linear(wide, wide, bias=False), nn.Linear(wide, wide, bias=False)
        for index in range(num_blocks):
            setattr(self, f"UpBlock1_{index + 1}", Adaptive(wide, AdaptiveNorm))
        self.UpBlock2 = nn.Sequential(*doubled(width), *reflected(width, 3, 7), nn.Tanh())

    def forward(self, x):
        x, logits, heatmap = self.attend(self.DownBlock(x), F.relu)
        style = self.FC(x.mean([2, 3]) if self.light else x.flatten(1))
        for index in range(self.num_blocks):
            x = getattr(self, f"UpBlock1_{index + 1}")(x, self.gamma(style), self.beta(style))
        return self.UpBlock2(x), logits, heatmap


def doubled(width):
    layers = []
    for factor in (4, 2):
        num_out = factor * width // 2
        conv = reflected(factor * width, num_out, 3)
        layers += [nn.Upsample(scale_factor=2), *conv, LayerInstanceNorm(num_out), nn.ReLU()]
    return layers


class UGATITDiscriminator(Attention):
    """UGATIT-pytorch."""

    def __init__(self, num_layers=5, width=WIDTH):
        super().__init__()
        layers, num_in = [], 3
        for depth in range(num_layers - 1):
            num_out, stride = width * 2**depth, 2 if depth < num_layers - 2 else 1
            layers += [nn.ReflectionPad2d(1), spectral_norm(nn.Conv2d(num_in, num_out, 4, stride)), nn.LeakyReLU(0.2)]
            num_in = num_out
        self.gap_fc = spectral_norm(nn.Linear(num_in, 1, bias=False))
        self.gmp_fc = spectral_norm(nn.Linear(num_in, 1, bias=False))
        self.conv1x1 = nn.Conv2d(2 * num_in, num_in, 1)
        self.conv = spectral_norm(nn.Conv2d(num_in, 1, 4, bias=False))
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        x, logits, heatmap = self.attend(self.model(x), lambda y: F.leaky_relu(y, 0.2))
        return self.conv(F.pad(x, [1] * 4, mode="reflect")), logits, heatmap


class SoftNorm(nn.Module):
    def __init__(self, num):
        super().__init__()
        self.norm = AdaptiveNorm(num)
        self.w_gamma, self.w_beta = nn.Parameter(torch.rand(1, num)), nn.Parameter(torch.rand(1, num))
        self.c_gamma = nn.Sequential(nn.Linear(num, num), nn.ReLU(), nn.Linear(num, num))
        self.c_beta = nn.Sequential(nn.Linear(num, num), nn.ReLU(), nn.Linear(num, num))
        self.s_gamma, self.s_beta = nn.Linear(num, num), nn.Linear(num, num)

    def forward(self, x, content, style):
        gamma = (1 - self.w_gamma) * self.s_gamma(style) + self.w_gamma * self.c_gamma(content)
        beta = (1 - self.w_beta) * self.s_beta(style) + self.w_beta * self.c_beta(content)
        return self.norm(x, gamma, beta)


def before(num_in, num_out, side=3):
    pad = [nn.ReflectionPad2d(1)] if side == 3 else []
    return nn.Sequential(*instance(num_in), *pad, nn.Conv2d(num_in, num_out, side, bias=False))


class ConvBlock(nn.Module):
    def __init__(self, num):
        super().__init__()
        self.ConvBlock1, self.ConvBlock2 = before(num, num // 2), before(num // 2, num // 4)
        self.ConvBlock3, self.ConvBlock4 = before(num // 4, num // 4), before(num, num, 1)

    def forward(self, x):
        first = self.ConvBlock1(x)
        second = self.ConvBlock2(first)
        return x + torch.cat([first, second, self.ConvBlock3(second)], 1)


class Levels(nn.Module):
    def __init__(self, num):
        super().__init__()
        for name in [f"{level}_{kind}" for level in range(1, 5) for kind in (1, 2)] + [str(n) for n in range(5, 10)]:
            setattr(self, f"ConvBlock{name}", ConvBlock(num))

    def forward(self, x, level=1):
        if level == 5:
            return self.ConvBlock5(x)
        across = getattr(self, f"ConvBlock{level}_1")(x)
        x = self.forward(getattr(self, f"ConvBlock{level}_2")(F.avg_pool2d(x, 2)), level + 1)
        return across + F.interpolate(getattr(self, f"ConvBlock{10 - level}")(x), scale_factor=2)


class HourGlass(nn.Module):
    def __init__(self, num, residual=True):
        super().__init__()
        self.HG = nn.Sequential(Levels(num), ConvBlock(num), nn.Conv2d(num, num, 1, bias=False), *instance(num))
        self.Conv1, self.residual = nn.Conv2d(num, 3, 1), residual
        if residual:
            self.Conv2, self.Conv3 = nn.Conv2d(num, num, 1), nn.Conv2d(3, num, 1)

    def forward(self, x):
        features = self.HG(x)
        picture = self.Conv1(features)
        return x + self.Conv2(features) + self.Conv3(picture) if self.residual else picture


class CartoonGenerator(Attention):
    """minivision's photo2cartoon."""

    def __init__(self, width=WIDTH):
        super().__init__()
        wide = 4 * width
        self.ConvBlock1 = nn.Sequential(*reflected(3, width, 7), *instance(width))
        self.HourGlass1, self.HourGlass2 = HourGlass(width), HourGlass(width)
        for index in (1, 2):
            num = index * width
            setattr(self, f"DownBlock{index}", nn.Sequential(*reflected(num, 2 * num, 3, 2), *instance(2 * num)))
        for index in range(1, 5):
            setattr(self, f"EncodeBlock{index}", Residual(wide, False))
            setattr(self, f"DecodeBlock{index}", Adaptive(wide, SoftNorm))
        self.gap_fc, self.gmp_fc = nn.Linear(wide, 1), nn.Linear(wide, 1)
        self.conv1x1 = nn.Conv2d(2 * wide, wide, 1)
        self.FC = nn.Sequential(nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, wide), nn.ReLU())
        layers = doubled(width)
        self.UpBlock1, self.UpBlock2 = nn.Sequential(*layers[:5]), nn.Sequential(*layers[5:])
        self.HourGlass3, self.HourGlass4 = HourGlass(width), HourGlass(width, residual=False)
        self.ConvBlock2 = nn.Sequential(*reflected(3, 3, 7), nn.Tanh())

    def forward(self, x):
        x = self.HourGlass2(self.HourGlass1(self.ConvBlock1(x)))
        x = self.DownBlock2(self.DownBlock1(x))
        contents = []
        for index in range(1, 5):
            x = getattr(self, f"EncodeBlock{index}")(x)
            contents.append(x.mean([2, 3]))
        x, logits, heatmap = self.attend(x, F.relu)
        style = self.FC(x.mean([2, 3]))
        for index in range(1, 5):
            x = getattr(self, f"DecodeBlock{index}")(x, contents.pop(), style)
        x = self.HourGlass4(self.HourGlass3(self.UpBlock2(self.UpBlock1(x))))
        return self.ConvBlock2(x), logits, heatmap


# name -> (network, side of its input, names under which the checkpoint holds it; none: a plain state)
TWINS = {
    "resnet": (ResnetGenerator, 32, ()),
    "resnet_dropout": (lambda: ResnetGenerator(dropout=True), 32, ()),
    "unet": (UnetGenerator, 32, ()),
    "unet_deep": (lambda: UnetGenerator(6), 64, ()),
    "patches": (NLayerDiscriminator, 32, ()),
    "patches_batch": (lambda: NLayerDiscriminator(nn.BatchNorm2d), 32, ()),
    "ugatit_light": (lambda: UGATITGenerator(True), 32, ("genA2B", "genB2A")),
    "ugatit_full": (lambda: UGATITGenerator(False), 32, ("genA2B", "genB2A")),
    # wide enough for Winograd's algorithm: 128 channels of 24x24 pixels
    "resnet_wide": (lambda: ResnetGenerator(width=32), 96, ()),
    "ugatit_wide": (lambda: UGATITGenerator(True, width=32), 96, ("genA2B", "genB2A")),
    "ugatit_critic": (UGATITDiscriminator, 32, ("disLA",)),
    "cartoon": (CartoonGenerator, 64, ("genA2B", "genB2A")),
}


def write_golden(path):
    """Write what the networks, filled with fixed numbers, make of fixed inputs."""
    arrays, shapes = {}, {}
    for name in SIDES:
        network = TWINS[name][0]()
        state = {key: tensor for key, tensor in network.state_dict().items() if tensor.is_floating_point()}
        network.load_state_dict(
            {key: torch.from_numpy(golden_numbers(key, tensor.shape)) for key, tensor in state.items()}, strict=False
        )
        with torch.no_grad():
            outputs = network.eval()(torch.from_numpy(golden_input(name)))
        for index, output in enumerate(outputs if isinstance(outputs, tuple) else (outputs,)):
            arrays[f"{name}.{index}"] = output.numpy()
        shapes[name] = {key: list(tensor.shape) for key, tensor in state.items()}
    np.savez_compressed(path, shapes=json.dumps(shapes), **arrays)


def main(folder):
    torch.manual_seed(3)
    for name, (make, side, nets) in TWINS.items():
        networks = {net: make() for net in nets or ("",)}
        for network in networks.values():
            for parameter in network.parameters():
                if parameter.ndim == 4 and parameter.shape[0] > 1:
                    gain = 0.1 if parameter.shape[0] == 3 else 2  # pictures stay clear of the ends of tanh
                    nn.init.normal_(parameter, 0, (gain / parameter[0].numel()) ** 0.5)
        x = torch.randn(2, 3, side, side).clamp(-1, 1)
        for network in networks.values():
            network.train()(x)  # moves running statistics and the vectors of spectral normalisation
        first = next(iter(networks.values())).eval()
        with torch.no_grad():
            outputs = first(x)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        states = {net: network.state_dict() for net, network in networks.items()}
        torch.save(states if nets else states[""], folder / f"{name}.pth")
        arrays = {f"output{index}": output.numpy() for index, output in enumerate(outputs)}
        np.savez(folder / f"{name}.npz", input=x.numpy(), **arrays)


if __name__ == "__main__":
    write_golden(sys.argv[2]) if sys.argv[1] == "--golden" else main(Path(sys.argv[1]))
