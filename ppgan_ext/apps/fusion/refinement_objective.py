"""The objective of a fusion's refinement: seven weighted terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import paddle
import paddle.nn.functional as F

from ppgan_ext.errors import ConfigError
from ppgan_ext.latents.objective import Objective, box_average, shrink_mask, shrink_target
from ppgan_ext.losses import adversarial
from ppgan_ext.losses.identity import IdentityDistance, identity_network
from ppgan_ext.losses.perceptual import Perceptual, default_perceptual
from ppgan_ext.losses.symmetry import MirrorSymmetry, known_half
from ppgan_ext.networks import StyleGANv2Discriminator
from ppgan_ext.nn.forms import once_form
from ppgan_ext.nn.inference import freeze
from ppgan_ext.nn.resize import fit_to
from ppgan_ext.types import FloatArray, Pose
from ppgan_ext.weights import load

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine

TERMS = ("identity", "adversarial", "symmetry", "perceptual", "color", "latent", "mean")
COLOR_CELLS = 16  # mean colours are compared in this many cells per side


@dataclass(frozen=True)
class FusionWeights:
    """Weights of the terms; 0 leaves a term out, and its network is not loaded.

    Attributes:
        identity: excess of the descriptors' distance to the target person, for the picture and its mirror image, over
            `identity_enough`; see `identity_network`.
        adversarial: softplus(-score) of the model's discriminator.
        symmetry: mean absolute difference between the face and its mirror image, see `losses.symmetry`.
        perceptual: perceptual distance to the source inside the mask.
        color: mean squared difference from the source inside the mask, of colours averaged over 16 x 16 cells.
        latent: mean squared distance of the code from the start, relative to the start's from the mean latent.
        mean: mean squared distance of the code from the mean latent, relative to the start's.
        identity_enough: not a weight but the distance that counts as the same person. For dlib's network, two photos of
            one person are about this far apart; a smaller distance pleases the network, not the eye.
    """

    identity: float = 1.0
    adversarial: float = 0.02
    symmetry: float = 0.5
    perceptual: float = 0.1
    color: float = 2.0
    latent: float = 1.0
    mean: float = 0.0
    identity_enough: float = 0.35

    def __post_init__(self) -> None:
        wrong = [f"{f.name}={getattr(self, f.name)}" for f in fields(self) if not 0 <= getattr(self, f.name) < np.inf]
        if wrong:
            cure = "Give finite numbers; 0 leaves a term out"
            raise ConfigError(f"out of range: {', '.join(wrong)}", where="weights", cure=cure)
        if not any(getattr(self, name) for name in TERMS):
            raise ConfigError("all weights are 0", where="weights", cure="Raise one of them, or refine 0 steps")


@dataclass(frozen=True, eq=False)
class FusionNetworks:
    """Networks that measure the terms; for None, the default is loaded if its weight is not 0.

    Attributes:
        identity: distance between people; by default dlib's network, for the model's crop.
        perceptual: perceptual distance; by default `losses.perceptual.default_perceptual`.
        discriminator: by default the model's own.
    """

    identity: IdentityDistance | None = None
    perceptual: Perceptual | None = None
    discriminator: StyleGANv2Discriminator | None = None


class FusionObjective:
    """The terms of one fusion.

    Attributes:
        names: by term, the name of the network that measures it.

    Args:
        engine: the model that renders.
        start: (1, n_latent, D), the code that the refinement starts from.
        source: (1, 3, H, H) in [-1, 1], crop of the photo that is kept.
        target: (1, 3, H, H) in [-1, 1], crop of the person who is put in.
        mask: (H', H') in [0, 1], weight of the source's pixels; None weights all of them by 1.
        weights: weights of the terms.
        source_pose: pose of the source and so of the result; None leaves symmetry out.
        target_pose: pose of the target in its own photo, from which follows which half of the face that photo shows;
            None: both.
        networks: see `FusionNetworks`.

    Raises:
        InputError: crops or mask of another shape, or not finite.
        WeightsError: a network that a weight needs is not available.
    """

    def __init__(
        self,
        engine: Engine,
        start: paddle.Tensor,
        source: FloatArray,
        target: FloatArray,
        mask: FloatArray | None,
        weights: FusionWeights,
        source_pose: Pose | None,
        target_pose: Pose | None,
        networks: FusionNetworks,
    ) -> None:
        synthesizer = engine.synthesizer
        self._form = once_form(synthesizer.device == "cpu")
        self._weights, self._start, self._size = weights, start, synthesizer.size
        template = engine.face_model.record.crop
        self._source = paddle.to_tensor(shrink_target(source, self._size), place=synthesizer.device)
        person = paddle.to_tensor(shrink_target(target, self._size), place=synthesizer.device)
        self.names: dict[str, str] = {}
        if weights.identity:
            self._identity = networks.identity or identity_network("dlib-resnet", template=template)
            self._person = self._identity.prepare(person)
            self.names["identity"] = self._identity.name
        if weights.adversarial:
            discriminator = networks.discriminator or load.load_discriminator(engine.face_model.record.name)
            self._discriminator = freeze(discriminator)
        if weights.perceptual:
            distance = networks.perceptual or default_perceptual(self._form)
            self._look = Objective(source, self._size, distance, mask, synthesizer.device)
            self.names["perceptual"] = distance.name
        inside = np.ones((self._size, self._size), np.float32)
        if mask is not None:
            inside = shrink_mask(mask, self._size)[0, 0]
        self._symmetry: MirrorSymmetry | None = None
        if weights.symmetry and source_pose is not None:
            half = None if target_pose is None else known_half(target_pose.yaw_degrees)
            self._symmetry = MirrorSymmetry(self._size, source_pose.yaw_degrees, template, inside, half)
        self._inside = paddle.to_tensor(inside[None, None], place=synthesizer.device)
        self._colors = self._mean_colors(self._source)
        self._mean = paddle.to_tensor(synthesizer.w_avg, place=synthesizer.device)
        self._spread = max(float(((start - self._mean) ** 2).mean()), 1e-12)

    def terms(self, pixels: paddle.Tensor, w_plus: paddle.Tensor) -> dict[str, paddle.Tensor]:
        """Measure a rendering, (1, 3, S, S), of a code, (1, n_latent, D); each term is a scalar (), not weighted."""
        weights, terms = self._weights, {}
        if weights.identity:
            views = paddle.concat([pixels, pixels.flip(axis=3)])
            excess = self._identity.distance(views, self._person) - weights.identity_enough
            terms["identity"] = F.relu(excess).mean()
        if weights.adversarial:
            score = self._discriminator(fit_to(pixels, self._discriminator.size), form=self._form)
            terms["adversarial"] = adversarial.find("logistic").of_generator(score)
        if self._symmetry is not None:
            terms["symmetry"] = self._symmetry.distance(pixels).sum()
        if weights.perceptual:
            terms["perceptual"] = self._look.distance(pixels).perceptual
        if weights.color:
            terms["color"] = ((self._mean_colors(pixels) - self._colors) ** 2).mean()
        if weights.latent:
            terms["latent"] = ((w_plus - self._start) ** 2).mean() / self._spread
        if weights.mean:
            terms["mean"] = ((w_plus - self._mean) ** 2).mean() / self._spread
        return terms

    def weigh(self, terms: Mapping[str, paddle.Tensor]) -> paddle.Tensor:
        """Return the weighted sum of the terms, ()."""
        return paddle.add_n([getattr(self._weights, name) * value for name, value in terms.items()])

    def _mean_colors(self, pixels: paddle.Tensor) -> paddle.Tensor:
        """Average the colours inside the mask over cells."""
        cells = min(COLOR_CELLS, self._size)
        return box_average(pixels * self._inside, cells)
