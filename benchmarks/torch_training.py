"""The PyTorch side of `benchmarks.training`; runs in an interpreter that has PyTorch and need not have the package.

python torch_training.py PART SIZE BATCH CHANNEL_BASE CHANNEL_CAP REPEATS
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F

sys.path.insert(0, os.environ["PPGAN_EXT_TORCH_TWIN"])
from networks_torch import Discriminator, Generator

BETAS = (0.0, 0.99)


class Step:
    """The parts of an iteration, as the package's task has them."""

    def __init__(self, size, batch_size, base, cap):
        self.generator, self.discriminator = Generator(size, base, cap), Discriminator(size, base, cap)
        self.of_generator = torch.optim.Adam(self.generator.parameters(), 0.002, betas=BETAS)
        self.of_discriminator = torch.optim.Adam(self.discriminator.parameters(), 0.002, betas=BETAS)
        self.real = torch.rand(batch_size, 3, size, size) * 2 - 1

    def codes(self, num_images):
        """Draw w_plus of two mixed codes."""
        z = torch.randn(2 * num_images, self.generator.w_dim)
        first, second = self.generator.mapping(z)[:, None].repeat(1, self.generator.n_latent, 1).chunk(2)
        early = torch.arange(self.generator.n_latent)[None, :, None] < self.generator.n_latent // 2
        return torch.where(early, first, second)

    def iteration(self):
        """Discriminator, then generator."""
        num_images = len(self.real)
        with torch.no_grad():
            fake = self.generator(self.codes(num_images))
        scores = self.discriminator(fake), self.discriminator(self.real)
        self.move(self.of_discriminator, F.softplus(scores[0]).mean() + F.softplus(-scores[1]).mean())
        self.discriminator.requires_grad_(False)
        fake = self.generator(self.codes(num_images))
        self.move(self.of_generator, F.softplus(-self.discriminator(fake)).mean())
        self.discriminator.requires_grad_(True)

    def r1(self):
        """The penalty on half of the batch."""
        x = self.real[: len(self.real) // 2].detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.discriminator(x).sum(), x, create_graph=True)
        self.move(self.of_discriminator, gradient.square().sum((1, 2, 3)).mean() * 80)

    def path_length(self):
        """The penalty on a quarter of the batch."""
        w = self.codes(len(self.real) // 4)
        image = self.generator(w)
        noise = torch.randn_like(image) / image.shape[-1]
        (gradient,) = torch.autograd.grad((image * noise).sum(), w, create_graph=True)
        self.move(self.of_generator, (gradient.square().sum(2).mean(1).sqrt() - 0.1).square().mean() * 8)

    def move(self, optimizer, loss):
        """Take one step down."""
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def main(part, size, batch_size, base, cap, num_repeats):
    """Time a part and print it as a case of the report."""
    call = getattr(Step(size, batch_size, base, cap), {"R1": "r1", "path length": "path_length"}.get(part, part))
    for _ in range(2):
        call()
    walls, cpus = [], []
    for _ in range(num_repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        cpus.append((time.process_time() - cpu) / torch.get_num_threads())
    lower, _, upper = statistics.quantiles(walls, n=4, method="inclusive")
    timing = {
        "median": statistics.median(walls),
        "lower_quartile": lower,
        "upper_quartile": upper,
        "minimum": min(walls),
        "cpu_median": statistics.median(cpus),
        "num_repeats": len(walls),
    }
    details = {"size": size, "batch_size": batch_size, "torch": torch.__version__}
    print(json.dumps({"name": part, "timing": timing, "peak_rss_mb": None, "details": details}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
