"""The PyTorch side of `benchmarks.translation`; runs in an interpreter that has PyTorch and need not have the package.

python torch_translation.py FAMILY SIZE WIDTH: answers every line of stdin with the processor seconds of one step.
"""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.reference import torch_translators as twins


def both(function):
    """Return function(0) + function(1): the same for both domains."""
    return function(0) + function(1)


class CycleGAN:
    """The passes and losses of junyanz's cycle_gan_model.py."""

    def __init__(self, size, width):
        self.generators = [twins.ResnetGenerator(6, width=width) for _ in range(2)]
        self.critics = [twins.NLayerDiscriminator(width=width) for _ in range(2)]
        self.of_generators = adam(self.generators, 2e-4, 0.0)
        self.of_critics = adam(self.critics, 2e-4, 0.0)
        self.real = [torch.rand(1, 3, size, size) * 2 - 1 for _ in range(2)]

    def step(self):
        """Train for one iteration."""
        real, fakes = self.real, [self.generators[i](self.real[i]) for i in range(2)]
        freeze(self.critics, True)

        def loss(i):
            score = self.critics[i](fakes[i])
            cycle = F.l1_loss(self.generators[1 - i](fakes[i]), real[i])
            same = F.l1_loss(self.generators[1 - i](real[i]), real[i])
            return (score - 1).square().mean() + 10 * cycle + 5 * same

        move(self.of_generators, both(loss))
        freeze(self.critics, False)
        self.of_critics.zero_grad()
        for i in range(2):
            scores = self.critics[i](real[1 - i]), self.critics[i](fakes[i].detach())
            (0.5 * ((scores[0] - 1).square().mean() + scores[1].square().mean())).backward()
        self.of_critics.step()


class UGATIT:
    """The losses of UGATIT-pytorch's UGATIT.py, with the translations made once and detached for the critics."""

    def __init__(self, size, width):
        self.generators = [twins.UGATITGenerator(True, size, 4, width) for _ in range(2)]
        self.critics = [[twins.UGATITDiscriminator(n, width) for n in (7, 5)] for _ in range(2)]
        self.of_generators = adam(self.generators, 1e-4, 1e-4)
        self.of_critics = adam(itertools.chain(*self.critics), 1e-4, 1e-4)
        self.real = [torch.rand(1, 3, size, size) * 2 - 1 for _ in range(2)]

    def step(self):
        """Train for one iteration."""
        real, fakes = self.real, [self.generators[i](self.real[i]) for i in range(2)]

        def judged(i):
            total = 0
            for critic in self.critics[i]:
                for image, target in ((real[1 - i], 1), (fakes[i][0].detach(), 0)):
                    scores, logits, _ = critic(image)
                    total = total + (scores - target).square().mean() + (logits - target).square().mean()
            return total

        move(self.of_critics, both(judged))
        freeze(itertools.chain(*self.critics), True)

        def loss(i):
            total = 0
            for critic in self.critics[i]:
                scores, logits, _ = critic(fakes[i][0])
                total = total + (scores - 1).square().mean() + (logits - 1).square().mean()
            cycle = F.l1_loss(self.generators[1 - i](fakes[i][0])[0], real[i])
            same, same_logits, _ = self.generators[1 - i](real[i])
            cam = cross_entropy(fakes[i][1], 1) + cross_entropy(same_logits, 0)
            return total + 10 * cycle + 10 * F.l1_loss(same, real[i]) + 1000 * cam

        move(self.of_generators, both(loss))
        freeze(itertools.chain(*self.critics), False)
        with torch.no_grad():
            for generator in self.generators:
                for name, parameter in generator.named_parameters():
                    if name.endswith("rho"):
                        parameter.clamp_(0, 1)


def cross_entropy(logits, label):
    """Return the mean binary cross entropy of logits and one label."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def adam(networks, rate, decay):
    """Create the optimiser of several networks, whose activations then work in place, as in both projects."""
    networks = list(networks)
    for layer in itertools.chain(*(network.modules() for network in networks)):
        if isinstance(layer, torch.nn.ReLU | torch.nn.LeakyReLU):
            layer.inplace = True
    parameters = itertools.chain(*(network.parameters() for network in networks))
    return torch.optim.Adam(parameters, rate, betas=(0.5, 0.999), weight_decay=decay)


def freeze(networks, frozen):
    """Stop or resume the computation of the networks' gradients."""
    for network in networks:
        network.requires_grad_(not frozen)


def move(optimizer, loss):
    """Take one step down."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def main(family, size, width):
    """Answer every line with the seconds of a step."""
    model = {"cyclegan": CycleGAN, "ugatit": UGATIT}[family](int(size), int(width))
    print(torch.__version__, flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        model.step()
        print(time.process_time() - start, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
