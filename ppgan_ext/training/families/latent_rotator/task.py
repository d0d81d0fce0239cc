"""Training of a network that turns heads in W+, for a frozen generator and encoder.

A data set contains no second photo of a face from another side. But the mirror image of a photo looks to the other side
and shows a head of the same shape, so a code turned to that pose should render the mirrored photo. Other poses have no
target photo. For them the losses measure the pose on the code of the rendered picture, whether the picture looks like
one that was not turned, whether it is symmetric at its yaw, and whether turning back restores the code.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F

from ppgan_ext import images
from ppgan_ext.errors import ConfigError
from ppgan_ext.latents.directions import Direction, find, load_directions
from ppgan_ext.latents.rotation import AXES
from ppgan_ext.losses import identity
from ppgan_ext.losses.adversary import Adversary, Penalty
from ppgan_ext.losses.symmetry import Half, MirrorSymmetry, known_half
from ppgan_ext.networks.latent_options import LatentRotatorOptions
from ppgan_ext.nn.forms import once_form
from ppgan_ext.nn.inference import freeze
from ppgan_ext.nn.resize import fit_to
from ppgan_ext.training.shared.averaged_weights import Averaged
from ppgan_ext.training.shared.critic import Critic, Samples, make_adversary
from ppgan_ext.training.shared.image_discriminator import make_discriminator
from ppgan_ext.training.shared.lazy_penalties import lazy_ratio, with_raised_betas
from ppgan_ext.training.shared.phases import Phase, Shard
from ppgan_ext.training.task import Task
from ppgan_ext.training.tensors import from_array
from ppgan_ext.types import FloatArray, Image
from ppgan_ext.weights import load

if TYPE_CHECKING:
    from paddle import nn

    from ppgan_ext.metrics import ModelOutputs
    from ppgan_ext.training.optimizers import OptimizerOptions

_NUM_CODES = 256  # faces from whose codes the unit of differences between codes is estimated
_HUBER_DEGREES = 5.0
_FULL_TURN = 20.0  # degrees of yaw between a face and its mirror image from which a pair has full weight
_COARSE = 4  # side in pixels of the boxes that the coarse half of the pixel loss averages over
_YAW_STEP = 5  # yaws are rounded to this many degrees for the symmetry loss, whose maps are cached
_SHOWN_YAWS = (-30.0, -15.0, 0.0, 15.0, 30.0)
_NUM_SHOWN = 6
_RENDER_BATCH = 8  # faces rendered together for pictures and metrics


class _Turned(NamedTuple):
    """The faces of a shard, turned.

    Attributes:
        w_plus: codes of the photos, (N, n_latent, D).
        mirrored: codes of their mirror images, (N, n_latent, D).
        pose: yaw and pitch measured on `w_plus`, (N, 2), degrees.
        turn: yaw and pitch to turn by, (N, 2), degrees.
        turned: turned codes, (N, n_latent, D).
        images: images rendered from `turned`, (N, 3, S, S).
    """

    w_plus: paddle.Tensor
    mirrored: paddle.Tensor
    pose: paddle.Tensor
    turn: paddle.Tensor
    turned: paddle.Tensor
    images: paddle.Tensor


class LatentRotatorTask(Task):
    """Training of a rotator of codes.

    Networks: ``rotator``, its average ``rotator_ema``, and ``disc`` if there is an adversarial loss.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._form = once_form(self.processes.device == "cpu")
        self._symmetries: dict[tuple[int, Half | None], MirrorSymmetry] = {}
        self._adversary: Adversary | None = None

    # ---- networks, optimisers, phases

    def make_networks(self) -> dict[str, nn.Layer]:
        """Create the rotator of the model's codes; generator and encoder are frozen and not part of checkpoints.

        Raises:
            ConfigError: the model has no encoder, or no directions of yaw and pitch that measure degrees.
            WeightsError: the model's file cannot be found, downloaded or read.
        """
        options = self.options
        model = load.load_face_model(options.model_type, options.generator_weight)
        if model.encoder is None:
            cure = "Set model.model_type to a model with an encoder, such as faces-128"
            raise ConfigError(f"{model.name} has no encoder", where="model", cure=cure)
        self._generator: Any = freeze(model.generator)
        self._encoder: Any = freeze(model.encoder)
        self._latent_avg = from_array(np.asarray(model.latent_avg, np.float32))
        self._crop = model.record.crop
        axes = self._read_directions(model)
        n_latent = self._generator.n_latent
        self._regressor = from_array(np.stack([np.asarray(axis.regressor).ravel() for axis in axes]))
        self._bias = from_array(np.array([axis.bias for axis in axes], np.float32))
        vectors = np.stack([np.broadcast_to(axis.vector, (n_latent, self._generator.style_dim)) for axis in axes])
        block = LatentRotatorOptions(width=options.width, num_blocks=options.num_blocks)
        rotator, averaged = (block.build(n_latent, self._generator.style_dim) for _ in range(2))
        rotator.set_statistics(np.asarray(model.latent_avg), self._spread_of_codes(), vectors)
        averaged.set_state_dict(rotator.state_dict())
        networks: dict[str, nn.Layer] = {"rotator": rotator, "rotator_ema": freeze(averaged)}
        if options.trains_disc:
            networks["disc"] = make_discriminator(options.discriminator, model)
        return networks

    def make_averages(self) -> Averaged:
        """Average the rotator."""
        pairs = {"rotator_ema": "rotator"}
        return Averaged(self.networks, pairs, self.options.ema_images, self.options.ema_rampup)

    def make_phases(self) -> list[Phase]:
        """Return the phases: the rotator, then the discriminator."""
        options = self.options
        self._identity = self._make_identity()
        if not options.trains_disc:
            return [Phase("rotator", ("rotator",), self._rotator_shard)]
        r1 = Penalty("r1", options.r1_reg_weight, options.d_reg_every)
        self._adversary = make_adversary(self, "disc", options.gan_criterion.gan_mode, [r1])
        critic = Critic("disc", self._adversary, self._critic_samples)
        return [Phase("rotator", ("rotator",), self._rotator_shard, frozen=("disc",)), *critic.phases()]

    def _read_directions(self, model: load.FaceModel) -> list[Direction]:
        """Read the directions of yaw and pitch, which must have regressions in degrees."""
        path = self.options.directions or model.directions_file
        if path is None:
            cure = "Fit them with tools/find_directions.py, and set model.directions to the file"
            raise ConfigError(f"{model.name} has no directions", where="model.directions", cure=cure)
        generator = model.generator
        directions = load_directions(path, generator.n_latent, style_dim=generator.style_dim)
        axes = [find(directions, name) for name in AXES]
        for axis in axes:
            if axis.regressor is None or axis.unit != "degree":
                cure = "Fit it with tools/find_directions.py, which writes degrees and regressions"
                raise ConfigError(f"'{axis.name}' cannot measure degrees", where=path, cure=cure)
        return axes

    def _spread_of_codes(self) -> float:
        """Return the standard deviation of the numbers in a code, each about its own mean."""
        faces = self.samples.first(_NUM_CODES, training=True)
        parts = [faces[first : first + _RENDER_BATCH] for first in range(0, len(faces), _RENDER_BATCH)]
        codes = np.concatenate([self._encode(from_array(np.stack(part))).numpy() for part in parts])
        return float(np.sqrt(codes.var(axis=0).mean()))

    def _make_identity(self) -> identity.IdentityDistance | None:
        options = self.options
        if not options.id_lambda:
            return None
        return identity.identity_network(options.id_network, options.id_weight, template=self._crop)

    def adjust(self, name: str, options: OptimizerOptions) -> OptimizerOptions:
        """Scale learning rate and betas of the discriminator's optimiser for the additional steps of lazy R1."""
        lazy = "disc" in options.net_names and self.options.r1_reg_weight
        self.rate_scales[name] = ratio = lazy_ratio(self.options.d_reg_every) if lazy else 1.0
        return with_raised_betas(options, ratio)

    # ---- one iteration

    def _rotator_shard(self, shard: Shard) -> dict[str, float]:
        """Compute the gradients of one shard; store codes and images for the discriminator."""
        options, real = self.options, shard.tensor()
        faces = self._turn(shard)
        parts = self._losses(faces, real)
        total = paddle.add_n([getattr(options, f"{name}_lambda") * value for name, value in parts.items()])
        total.backward()
        if self._adversary is not None:
            shard.results["codes"], shard.results["turned"] = faces.w_plus, faces.images.detach()
        return {"loss": total.item(), **{f"loss_{name}": value.item() for name, value in parts.items()}}

    def _critic_samples(self, shard: Shard) -> Samples:
        """Return rendered faces that are not turned as real, and turned faces as fake samples.

        Photos as real samples would show details that the generator cannot render, whether a face is turned or not.
        """
        side = self.networks["disc"].size
        with paddle.no_grad():
            unturned = self._render(shard.results["codes"])
        return Samples(fit_to(unturned, side), fit_to(shard.results["turned"], side))

    def _turn(self, shard: Shard) -> _Turned:
        """Encode photos, choose poses, turn the codes, render them."""
        options, real, count = self.options, shard.tensor(), len(shard)
        both = self._encode(paddle.concat([real, real.flip(axis=3)]))
        w_plus, mirrored = both[:count], both[count:]
        pose = self._pose(w_plus)
        random_poses = shard.generator("poses").uniform(-1, 1, (count, 2)) * (options.max_yaw, options.max_pitch)
        num_mirrored = options.num_mirrored(count)
        others = from_array(random_poses[num_mirrored:].astype(np.float32))
        turn = paddle.concat([self._pose(mirrored)[:num_mirrored], others]) - pose
        turned = self.networks["rotator"](w_plus, turn)
        return _Turned(w_plus, mirrored, pose, turn, turned, self._render(turned))

    def _losses(self, faces: _Turned, real: paddle.Tensor) -> dict[str, paddle.Tensor]:
        """Return the losses whose weights are not 0, each (), by the names of their weights without ``_lambda``."""
        options, rotator = self.options, self.networks["rotator"]
        variance = rotator.scale**2
        num_mirrored, parts = options.num_mirrored(len(real)), {}
        # The mirror image of a frontal face is hardly turned; it differs mainly in the side that the light comes from.
        shares = (faces.turn[:num_mirrored, 0].abs() / _FULL_TURN).clip(max=1.0)
        if options.pixel_lambda and num_mirrored:
            distances = _pixel_distances(faces.images[:num_mirrored], real[:num_mirrored].flip(axis=3))
            parts["pixel"] = (shares * distances).mean()
        if options.latent_lambda and num_mirrored:
            offsets = faces.turned[:num_mirrored] - faces.mirrored[:num_mirrored]
            parts["latent"] = (shares * (offsets * offsets).mean(axis=[1, 2])).mean() / variance
        if options.pose_lambda:
            measured = self._pose(self._encode(faces.images, learn=True))
            errors = (measured - faces.pose - faces.turn) / _HUBER_DEGREES
            parts["pose"] = F.smooth_l1_loss(errors, paddle.zeros_like(errors))
        if options.symmetry_lambda:
            parts["symmetry"] = self._asymmetry(faces)
        if self._adversary is not None:
            parts["adv"] = self._adversary.generator_loss(fit_to(faces.images, self.networks["disc"].size))
        if self._identity is not None:
            parts["id"] = self._identity.distance(faces.images, self._identity.prepare(real)).mean()
        if options.cycle_lambda:
            errors = rotator(faces.turned, -faces.turn) - faces.w_plus
            parts["cycle"] = (errors * errors).mean() / variance
        if options.bend_lambda:
            bend = faces.turned - faces.w_plus - rotator.straight(faces.turn)
            parts["bend"] = (bend * bend).mean() / variance
        return {name: value.reshape([]) for name, value in parts.items()}

    def _asymmetry(self, faces: _Turned) -> paddle.Tensor:
        """Return the mean distance between turned faces and their mirror images, each at its yaw, ().

        Only the half that its photo hides is changed to match the other half. Near a profile one half is invisible and
        cannot be compared; the weights of `MirrorSymmetry` account for it.
        """
        target, own = (faces.pose + faces.turn)[:, 0].numpy(), faces.pose[:, 0].numpy()
        distances = []
        for number, (yaw, own_yaw) in enumerate(zip(target, own, strict=True)):
            rounded = int(np.clip(round(float(yaw) / _YAW_STEP), -80 // _YAW_STEP, 80 // _YAW_STEP)) * _YAW_STEP
            half = known_half(float(own_yaw))
            if (rounded, half) not in self._symmetries:
                symmetry = MirrorSymmetry(self._generator.size, rounded, self._crop, known=half)
                self._symmetries[rounded, half] = symmetry
            distances.append(self._symmetries[rounded, half].distance(faces.images[number : number + 1]))
        return paddle.concat(distances).mean()

    # ---- parts of an iteration

    def _encode(self, pixels: paddle.Tensor, learn: bool = False) -> paddle.Tensor:
        """Encode faces (N, 3, H, H) of any size into w_plus (N, n_latent, style_dim), with gradients if ``learn``."""
        with self.autocast(), paddle.set_grad_enabled(learn):
            offsets = self._encoder(fit_to(pixels, self._encoder.input_size), form=self._form)
        return offsets.astype("float32") + self._latent_avg

    def _render(self, w_plus: paddle.Tensor) -> paddle.Tensor:
        """Render codes (N, n_latent, style_dim) to images (N, 3, S, S) float32, about [-1, 1]."""
        with self.autocast():
            return self._generator.render(w_plus, "fixed", self._form).astype("float32")

    def _pose(self, w_plus: paddle.Tensor) -> paddle.Tensor:
        """Measure yaw and pitch of codes (N, n_latent, style_dim), (N, 2) in degrees."""
        return paddle.matmul(w_plus.flatten(1), self._regressor, transpose_y=True) + self._bias

    # ---- pictures and metrics

    @paddle.no_grad()
    def pictures(self, iteration: int) -> dict[str, Image]:
        """Return test faces turned to five yaws, in pairs of rows: by the rotator, then by the directions alone."""
        rotator, cells = self.networks["rotator_ema"], []
        for photo in self._shown:
            w_plus = self._encode(from_array(photo[None]))
            pose = self._pose(w_plus)
            for by_rotator in (True, False):
                cells.append(images.to_image(photo))
                for yaw in _SHOWN_YAWS:
                    turn = paddle.concat([yaw - pose[:, :1], paddle.zeros_like(pose[:, 1:])], axis=1)
                    turned = rotator(w_plus, turn) if by_rotator else w_plus + rotator.straight(turn)
                    rendered = fit_to(self._render(turned), photo.shape[1])
                    cells.append(images.to_image(rendered.numpy()))
        return {"turned": images.grid(cells, 1 + len(_SHOWN_YAWS))}

    @functools.cached_property
    def _shown(self) -> list[FloatArray]:
        """The photos in the pictures, (3, H, H) in [-1, 1]."""
        return self.samples.first(self.settings.image_num or _NUM_SHOWN)

    def outputs(self) -> ModelOutputs:
        """Return, as reconstructions, faces turned to the pose of their mirror image, rendered, and mirrored back.

        The metrics of reconstructions (PSNR, identity, ...) therefore measure how well faces are turned.
        """
        from ppgan_ext.metrics import ModelOutputs

        rotator = self.networks["rotator_ema"]

        @paddle.no_grad()
        def reconstruct(pixels: FloatArray) -> FloatArray:
            parts = []
            for first in range(0, len(pixels), _RENDER_BATCH):
                photos = from_array(np.ascontiguousarray(pixels[first : first + _RENDER_BATCH]))
                both = self._encode(paddle.concat([photos, photos.flip(axis=3)]))
                w_plus, mirrored = both[: len(photos)], both[len(photos) :]
                turned = rotator(w_plus, self._pose(mirrored) - self._pose(w_plus))
                parts.append(fit_to(self._render(turned), pixels.shape[3]).flip(axis=3).numpy())
            return np.concatenate(parts)

        side = self._shown[0].shape[2]
        return ModelOutputs(real=self.samples.test, reconstruct=reconstruct, generator=self._generator, size=side)


def _pixel_distances(rendered: paddle.Tensor, targets: paddle.Tensor) -> paddle.Tensor:
    """Return the sum of the mean absolute differences at full and at coarse resolution, (N,).

    Args:
        rendered: (N, 3, S, S).
        targets: (N, 3, H, H); the comparison is at the smaller of both sizes.
    """
    side = min(rendered.shape[3], targets.shape[3])
    difference = fit_to(rendered, side) - fit_to(targets, side)
    coarse = fit_to(difference, max(side // _COARSE, 1))
    return difference.abs().mean(axis=[1, 2, 3]) + coarse.abs().mean(axis=[1, 2, 3])
