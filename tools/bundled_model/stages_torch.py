"""The stages of training.

`gan` (StyleGAN2), `rec` (auto-encoder), `map` (the mapping network learns where faces lie), `joint` (encoder, generator
and discriminator).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from augment_torch import augment
from faces_torch import Faces
from losses_torch import (
    discriminator_loss,
    edge_l1,
    face_window,
    feature_matching,
    generator_loss,
    path_lengths,
    psnr,
    pyramid_l1,
    r1_penalty,
)
from networks_torch import Encoder, normalize
from state_torch import State
from torch import Tensor

_MIXING = 0.9  # share of generated images that mix two codes
_W_AVG_STEP = 0.005
_PATH_DECAY = 0.01
_PATH_WEIGHT = 2.0
PATH_FROM_STEP = 100  # at the start the lengths say nothing yet
_MAP_FACES = 4096  # whose codes `map` looks at, mirrored besides
_MAP_CODES = 32  # drawn by `map` for each image of the batch
_MAP_RATE = 100.0  # times --lr: undoes that the mapping network learns at a hundredth (lr_mul)
_SQUARED_ERROR = 2.0  # beside the pyramid in `rec`
_MOMENTUM = 0.9  # Adam's first beta in `rec`; with a discriminator it is 0

Losses = dict[str, Tensor]


@dataclass(frozen=True)
class StageOptions:
    """What the stages can be told.

    Attributes:
        batch: real images of a step.
        lr: rate of the encoder in `joint`, and of all in `gan`, before lazy scaling.
        g_lr: rate of the generator in `joint` (0 freezes it), of encoder and generator in `rec`.
        gamma: weight of R1.
        match: weight of the discriminator's features in `joint`.
        adv: weight of the adversarial loss in `joint`.
        spread: weight of the distance of a code's layers from one another, which keeps codes near W.
        back: weight of finding the codes of generated images again.
        freeze: images during which `joint` leaves the generator as it is, while the encoder learns to use it.
        warm: images over which `match` and `adv` rise from 0.
        bf16: compute convolutions in bfloat16.
        ema: half-life of the averaged weights in images.
        flat: share of a batch that `rec` draws from one code for all layers, so that W holds faces and not only W+.
        focus: how much more an error in the inner face counts than one at the margin.
        edges: weight in `rec` of the differences between neighbouring pixels, beside the pyramid.
    """

    batch: int = 64
    lr: float = 0.0025
    g_lr: float = 0.0
    gamma: float = 0.2
    match: float = 0.5
    adv: float = 0.1
    spread: float = 0.02
    back: float = 0.1
    freeze: float = 0
    warm: float = 30_000
    bf16: bool = True
    ema: float = 10_000
    flat: float = 0.25
    focus: float = 4.0
    edges: float = 2.0


class Stage(ABC):
    """One stage on a state; `step` is what it repeats.

    Args:
        state: trained in place.
        faces: real images.
        options: see there.
    """

    name: ClassVar[str]

    def __init__(self, state: State, faces: Faces, options: StageOptions) -> None:
        self.state, self.faces, self.options = state, faces, options
        self.window = face_window(state.architecture.size, options.focus).to(state.device)
        self.begin()

    @abstractmethod
    def begin(self) -> None:
        """Set rates, and what is trained at all."""

    @abstractmethod
    def update(self, step: int) -> Losses:
        """Update the networks once."""

    def step(self) -> Losses:
        """Make one step, count it, and average the weights; returns what to show, still on the device."""
        losses = self.update(self.state.steps[self.name])
        self.state.steps[self.name] += 1
        self.state.images[self.name] += self.options.batch
        self.state.average(self.averaged(), self.options.batch, self.state.images[self.name], self.options.ema)
        return losses

    def averaged(self) -> tuple[str, ...]:
        """Name the networks that are averaged."""
        return ("g", "e")

    def autocast(self) -> torch.autocast:
        """Return the context for what may run in bfloat16."""
        return torch.autocast(self.state.device.type, torch.bfloat16, enabled=self.options.bf16)

    def set_rate(self, optimizer: torch.optim.Optimizer, rate: float, momentum: float = 0.0) -> None:
        """Change the rate of an Adam, and its first beta."""
        for group in optimizer.param_groups:
            group.update(lr=rate, betas=(momentum, group["betas"][1]))

    def mixed_codes(self, count: int) -> Tensor:
        """Draw w_plus (count, n_latent, w_dim): most change from one code to another at a random layer."""
        g, device = self.state.g, self.state.device
        w = g.mapping(torch.randn(2 * count, g.w_dim, device=device))
        with torch.no_grad():
            g.w_avg.lerp_(w.detach().mean(0), _W_AVG_STEP)
        first, second = w[:, None].expand(-1, g.n_latent, -1).chunk(2)
        cut = torch.randint(1, g.n_latent, (count, 1, 1), device=device)
        is_mixed = torch.rand(count, 1, 1, device=device) < _MIXING
        keep = torch.arange(g.n_latent, device=device)[None, :, None] < cut
        return torch.where(keep | ~is_mixed, first, second)

    def update_discriminator(self, real: Tensor, fake: Tensor, step: int) -> Losses:
        """Take a step of the discriminator; both sets (N, 3, S, S), the fake ones without gradient."""
        state = self.state
        p = state.ada.p
        with self.autocast():
            fake_scores = state.d(augment(fake, p))
            real_scores = state.d(augment(real, p))
        shown = discriminator_loss(real_scores.float(), fake_scores.float())
        loss = shown
        every = state.rates.r1_every
        if step % every == 0:  # on half of the batch, in float32, and outside of what is compiled
            images = augment(real[: max(len(real) // 2, 1)], p)
            loss = loss + r1_penalty(state.d.forward, images) * (self.options.gamma / 2 * every)
        self.descend(loss, state.opt_d)
        state.ada.update(real_scores)
        return {"D": shown.detach()}

    def descend(self, loss: Tensor, *optimizers: torch.optim.Optimizer) -> None:
        """Take one step down."""
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()


class GanStage(Stage):
    """StyleGAN2: non-saturating logistic loss, lazy R1 and path length, style mixing, adaptive augmentation."""

    name = "gan"

    def begin(self) -> None:
        """Train generator and discriminator at the full rate."""
        state = self.state
        self.set_rate(state.opt_g, self.options.lr * state.rates.scale(state.rates.path_every))
        self.set_rate(state.opt_d, self.options.lr * state.rates.scale(state.rates.r1_every))

    def averaged(self) -> tuple[str, ...]:
        """Name the networks that are averaged."""
        return ("g",)

    def update(self, step: int) -> Losses:
        """Update discriminator, then generator."""
        state, count = self.state, self.options.batch
        with torch.no_grad(), self.autocast():
            fake = state.g(self.mixed_codes(count))
        losses = self.update_discriminator(self.faces.draw(count), fake, step)
        state.d.requires_grad_(False)
        codes = self.mixed_codes(count)
        with self.autocast():
            scores = state.d(augment(state.g(codes), state.ada.p))
        shown = generator_loss(scores.float())
        loss = shown
        every = state.rates.path_every
        if every and step % every == 0 and step >= PATH_FROM_STEP:
            loss = loss + self.path_penalty(max(count // 4, 1)) * (_PATH_WEIGHT * every)
        self.descend(loss, state.opt_g)
        state.d.requires_grad_(True)
        return losses | {"G": shown.detach(), "p": state.ada.p, "path": state.path_mean}

    def path_penalty(self, count: int) -> Tensor:
        """Return E (|J^T y| - a)^2 with the running mean a, ()."""
        codes = self.mixed_codes(count)
        lengths = path_lengths(self.state.g.forward(codes), codes)
        self.state.path_mean.lerp_(lengths.detach().mean(), _PATH_DECAY)
        return (lengths - self.state.path_mean).square().mean()


class RecStage(Stage):
    """Encoder and generator as an auto-encoder without a discriminator: a CPU's cheap start."""

    name = "rec"

    def begin(self) -> None:
        """Train encoder and generator at one rate: their matrices by Muon, the rest by Adam with momentum."""
        for optimizer in (self.state.opt_g, self.state.opt_e):
            self.set_rate(optimizer, self.options.g_lr, _MOMENTUM)
        for group in self.state.opt_m.param_groups:
            group["lr"] = self.options.g_lr

    def update(self, step: int) -> Losses:
        """Update both."""
        state = self.state
        real = self.faces.draw(self.options.batch)
        num_flat = round(self.options.flat * len(real))
        with self.autocast():
            offsets = state.e(real)
            flat = offsets[:num_flat].mean(1, keepdim=True).expand_as(offsets[:num_flat])
            ours = state.g(state.g.w_avg + torch.cat([flat, offsets[num_flat:]]))
        window = self.window
        shown = pyramid_l1(ours, real, window)
        squared = ((ours - real).square() * window).mean()
        loss = shown + _SQUARED_ERROR * squared + self.options.edges * edge_l1(ours, real, window)
        self.descend(loss, state.opt_m, state.opt_e, state.opt_g)
        ratios = psnr(ours.detach(), real)
        found = {"psnr_w": ratios[:num_flat], "psnr": ratios[num_flat:]}
        return {"rec": shown.detach()} | {name: part.mean() for name, part in found.items() if len(part)}


class MapStage(Stage):
    """The mapping network learns to draw codes as faces have them: Gaussian, with their mean and covariance.

    An auto-encoder has no samples until a density is fitted to its codes (arXiv 1903.12436, section 4). Here it is
    w = m + C^(1/2) z over the codes of training faces, the mean over each code's layers, and z as the mapping network
    normalises it. That is a start from which `joint` draws faces at once.
    """

    name = "map"

    def begin(self) -> None:
        """Before the first step: find mean and covariance, and let the encoder count from that mean."""
        state = self.state
        if state.images["map"] == 0:
            codes = self.codes_of_faces()
            mean, covariance = codes.mean(0), torch.cov(codes.t().double())
            values, vectors = torch.linalg.eigh(covariance)
            root = (vectors * values.clamp(min=0).sqrt()) @ vectors.t()
            self._center(state.e, mean - state.g.w_avg)
            self._center(state.e_ema, mean - state.g_ema.w_avg)
            for network in (state.g, state.g_ema):
                network.w_avg.copy_(mean)
            state.codes_mean, state.codes_root = mean, root.float()
        self.set_rate(state.opt_g, _MAP_RATE * self.options.lr)

    def averaged(self) -> tuple[str, ...]:
        """Name the networks that are averaged."""
        return ("g",)

    def update(self, step: int) -> Losses:
        """Update the mapping network; ``left`` is the share of the codes' variance that it misses."""
        state, g = self.state, self.state.g
        z = torch.randn(_MAP_CODES * self.options.batch, g.w_dim, device=state.device)
        wanted = normalize(z) @ state.codes_root
        left = (g.mapping(z) - state.codes_mean - wanted).square().sum() / wanted.square().sum()
        self.descend(left, state.opt_g)
        return {"left": left.detach()}

    @torch.no_grad()
    def codes_of_faces(self) -> Tensor:
        """Return the codes of faces, each face once and once mirrored, (2 N, w_dim): means over the layers."""
        state, codes = self.state, []
        for pixels in self.faces.some(_MAP_FACES, self.options.batch):
            with self.autocast():
                offsets = state.e_ema(torch.cat([pixels, pixels.flip(3)]))
            codes.append(state.g_ema.w_avg + offsets.mean(1))
        return torch.cat(codes)

    @torch.no_grad()
    def _center(self, encoder: Encoder, shift: Tensor) -> None:
        """Take the mean code's ``shift``, (w_dim,), from all that the encoder finds, so that the sum stays."""
        for head in encoder.heads:
            head[1].bias.sub_(shift.repeat(len(head[1].bias) // len(shift)))


class JointStage(Stage):
    """Encoder and generator reconstruct real faces, stay a GAN on random codes, and keep codes near W."""

    name = "joint"

    def begin(self) -> None:
        """Go on from the averaged networks, those that are exported."""
        state, options = self.state, self.options
        if state.images["joint"] == 0:
            state.g.load_state_dict(state.g_ema.state_dict())
            state.e.load_state_dict(state.e_ema.state_dict())
        self.set_rate(state.opt_g, options.g_lr)
        self.set_rate(state.opt_e, options.lr)
        self.set_rate(state.opt_d, options.lr * state.rates.scale(state.rates.r1_every))

    def averaged(self) -> tuple[str, ...]:
        """Name the networks that are averaged."""
        return ("g", "e") if self.trains_generator() else ("e",)

    def trains_generator(self) -> bool:
        """Say whether the generator is updated: not at rate 0, and not while it is frozen."""
        return self.options.g_lr > 0 and self.state.images["joint"] >= self.options.freeze

    def update(self, step: int) -> Losses:
        """Update discriminator, then encoder and, unless it is frozen, generator."""
        state, options = self.state, self.options
        g, e, count = state.g, state.e, options.batch
        trains_generator = self.trains_generator()
        g.requires_grad_(trains_generator)
        real = self.faces.draw(count)
        mean = g.w_avg.clone()
        with self.autocast():
            offsets = e(real)
            ours = g(mean + offsets)
            with torch.set_grad_enabled(trains_generator):
                codes = self.mixed_codes(max(count // 2, 1))
                drawn = g(codes)
        fake = torch.cat([ours, drawn])
        losses = self.update_discriminator(self.faces.draw(len(fake)), fake.detach(), step)
        state.d.requires_grad_(False)
        with self.autocast():
            scores = state.d(augment(fake, state.ada.p))
            _, maps = state.d(ours, features=True)
            with torch.no_grad():
                _, targets = state.d(real, features=True)
            found = e(drawn.detach())
        terms = {
            "rec": pyramid_l1(ours, real, self.window),
            "match": feature_matching(maps, targets),
            "adv": generator_loss(scores.float()),
            "spread": (offsets - offsets.mean(1, keepdim=True)).square().mean(),
            "back": (found + mean - codes.detach()).square().mean(),
        }
        ramp = min(1.0, state.images["joint"] / options.warm) if options.warm else 1.0
        weights = {
            "rec": 2.0,
            "match": ramp * options.match,
            "adv": ramp * options.adv,
            "spread": options.spread,
            "back": options.back,
        }
        loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        self.descend(loss, state.opt_e, *([state.opt_g] if trains_generator else []))
        state.d.requires_grad_(True)
        shown = {name: term.detach() for name, term in terms.items()}
        return losses | shown | {"p": state.ada.p, "psnr": psnr(ours.detach(), real).mean()}


STAGES: dict[str, type[Stage]] = {stage.name: stage for stage in (GanStage, RecStage, MapStage, JointStage)}
