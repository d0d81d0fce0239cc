"""Training of a network that turns heads in W+, for a generator and an encoder that stand still.

What a face looks like from the other side nobody has photographed. But its mirror image looks to the other side, and
that is a photo of a head of the same shape: turned to that pose, the code should draw the mirrored photo. To all other
poses there is no photo, but the pose can be read off the picture's own code, the picture must pass for one that was not
turned, be as symmetric as its yaw shows it, and turning back must give the code back.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F

from ppgan_ext import images as pictures
from ppgan_ext.errors import ConfigError
from ppgan_ext.latents.directions import Direction, find, load_directions
from ppgan_ext.latents.rotation import AXES
from ppgan_ext.losses import adversarial, identity
from ppgan_ext.losses.symmetry import Half, MirrorSymmetry, known_half
from ppgan_ext.networks.rotator import LatentRotator
from ppgan_ext.nn.forms import once_form
from ppgan_ext.nn.inference import freeze
from ppgan_ext.nn.resize import fit_to
from ppgan_ext.training.families.latent_rotator import options as rotator_options
from ppgan_ext.training.families.latent_rotator.options import LatentRotatorOptions
from ppgan_ext.training.families.psp.networks import make_discriminator
from ppgan_ext.training.samples import read_samples
from ppgan_ext.training.shared import phases
from ppgan_ext.training.shared.averaged_weights import average_weights, share_kept
from ppgan_ext.training.shared.judge import ImageJudge
from ppgan_ext.training.task import Batch, Task
from ppgan_ext.training.tensors import from_array
from ppgan_ext.types import FloatArray, Image
from ppgan_ext.weights import load

if TYPE_CHECKING:
    from paddle import nn

    from ppgan_ext.metrics import Subject
    from ppgan_ext.option_types import Block
    from ppgan_ext.training.optimizers import OptimizerOptions
    from ppgan_ext.training.schema import Settings

_NUM_CODES = 256  # of faces, whose spread is the unit of codes
_HUBER_DEGREES = 5.0
_WHOLE_TURN = 20.0  # degrees of yaw to the mirror image, from which on a pair counts fully
_COARSE = 4  # boxes of so many pixels a side, for the coarse half of the pixel loss
_YAW_STEP = 5  # degrees to which yaws are rounded for the symmetry, whose maps are kept
_SHOWN_YAWS = (-30.0, -15.0, 0.0, 15.0, 30.0)
_NUM_SHOWN = 6
_AT_ONCE = 8  # faces drawn together for pictures and metrics


class _Turned(NamedTuple):
    """A shard of faces, turned.

    Attributes:
        w_plus: (N, n_latent, D), codes of the photos.
        mirrored: the same of their mirror images.
        pose: (N, 2), read off `w_plus`, degrees.
        turn: (N, 2), degrees they are turned by.
        turned: (N, n_latent, D).
        images: (N, 3, S, S), drawn from `turned`.
    """

    w_plus: paddle.Tensor
    mirrored: paddle.Tensor
    pose: paddle.Tensor
    turn: paddle.Tensor
    turned: paddle.Tensor
    images: paddle.Tensor


class LatentRotatorTask(Task):
    """A rotator of codes. Networks: ``rotator``, ``rotator_ema``, and ``disc`` where there is an adversarial loss."""

    Options: ClassVar[type[Block]] = LatentRotatorOptions

    networks: dict[str, Any]
    options: Any

    def __init__(self, settings: Settings, world: Any, draws: Any) -> None:
        self.options = settings.model
        self._form = once_form(world.device == "cpu")
        super().__init__(settings, world, draws)
        self._identity = self._make_identity()
        self._symmetries: dict[tuple[int, Half | None], MirrorSymmetry] = {}
        self._judge: ImageJudge | None = None
        if self.options.trains_disc:
            loss = adversarial.find(self.options.gan_criterion.gan_mode)
            self._judge = ImageJudge(self, "disc", loss, self.options.r1_reg_weight, self.options.d_reg_every)

    @classmethod
    def check(cls, settings: Settings) -> list[str]:
        """Losses have the networks they need, and each trained network its optimiser."""
        return list(rotator_options.problems(settings))

    # ---- networks and optimisers

    def make_networks(self) -> dict[str, nn.Layer]:
        """Make the rotator for the model's codes; generator and encoder stand still and are not in checkpoints.

        Raises:
            ConfigError: the model has no encoder, or no directions of yaw and pitch that can measure.
        """
        options = self.options
        model = load.load_face_model(options.model_type, options.generator_weight)
        if model.encoder is None:
            cure = "Give a model with an encoder, such as faces-128"
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
        rotator, averaged = (
            LatentRotator(n_latent, self._generator.style_dim, options.width, options.num_blocks) for _ in range(2)
        )
        rotator.settle(np.asarray(model.latent_avg), self._spread_of_codes(), vectors)
        averaged.set_state_dict(rotator.state_dict())
        networks: dict[str, nn.Layer] = {"rotator": rotator, "rotator_ema": freeze(averaged)}
        if options.trains_disc:
            networks["disc"] = make_discriminator(options, model)
        return networks

    def _read_directions(self, model: load.FaceModel) -> list[Direction]:
        path = self.options.directions or model.directions_file
        if path is None:
            cure = "Fit them with tools/find_directions.py and name the file"
            raise ConfigError(f"{model.name} has no directions", where="model.directions", cure=cure)
        generator = model.generator
        known = load_directions(path, generator.n_latent, style_dim=generator.style_dim)
        axes = [find(known, name) for name in AXES]
        for axis in axes:
            if axis.regressor is None or axis.unit != "degree":
                cure = "Fit them with tools/find_directions.py: it writes degrees, and what measures them"
                raise ConfigError(f"'{axis.name}' cannot measure degrees", where=path, cure=cure)
        return axes

    def _spread_of_codes(self) -> float:
        """Find the standard deviation of the numbers of codes, each about its own mean."""
        faces = read_samples(self.settings, self.draws, _NUM_CODES, training=True)
        parts = [faces[first : first + _AT_ONCE] for first in range(0, len(faces), _AT_ONCE)]
        codes = np.concatenate([self._encode(from_array(np.stack(part))).numpy() for part in parts])
        return float(np.sqrt(codes.var(axis=0).mean()))

    def _make_identity(self) -> identity.IdentityDistance | None:
        options = self.options
        if not options.id_lambda:
            return None
        return identity.identity_network(options.id_network, options.id_weight, template=self._crop)

    def adjust(self, name: str, options: OptimizerOptions) -> OptimizerOptions:
        """Scale rate and betas of the discriminator's optimiser for the steps that its lazy R1 adds."""
        lazy = "disc" in options.net_names and self.options.r1_reg_weight
        self.rate_scales[name] = ratio = phases.lazy_ratio(self.options.d_reg_every) if lazy else 1.0
        return phases.with_raised_betas(options, ratio)

    # ---- one iteration

    def step(self, batches: list[Batch], iteration: int) -> dict[str, float]:
        """Train the rotator, then the discriminator, then average."""
        reals = [from_array(batch["A"]) for batch in batches]
        numbers, seen = [], []
        judges = [self.networks[name] for name in ("disc",) if name in self.networks]
        with phases.frozen(*judges):
            for shard, real in self.numbered(reals):
                faces = self._turn(real, iteration, shard)
                numbers.append(self._rotator_shard(faces, real))
                seen.append((faces.w_plus, faces.images.detach()))
        self.move("rotator")
        told = self.world.mean(numbers)
        if self._judge is not None:
            # What the generator cannot draw it cannot draw of turned faces either: they need only pass for its own.
            with paddle.no_grad():
                plain = [self._draw(w_plus) for w_plus, _ in seen]
            told |= self._judge.teach(plain, [images for _, images in seen], iteration)
        num_images = sum(len(real) for real in reals) * self.world.size
        keep = share_kept(num_images, iteration, self.options.ema_images, self.options.ema_rampup)
        average_weights(self.networks["rotator_ema"], self.networks["rotator"], keep)
        return told

    def _turn(self, real: paddle.Tensor, iteration: int, shard: int) -> _Turned:
        """Encode photos, choose poses, turn, draw."""
        options, count = self.options, len(real)
        both = self._encode(paddle.concat([real, real.flip(axis=3)]))
        w_plus, mirrored = both[:count], both[count:]
        pose = self._pose(w_plus)
        rng = self.draws.generator("poses", iteration, shard)
        drawn = rng.uniform(-1, 1, (count, 2)) * (options.max_yaw, options.max_pitch)
        num_mirrored = options.num_mirrored(count)
        others = from_array(drawn[num_mirrored:].astype(np.float32))
        turn = paddle.concat([self._pose(mirrored)[:num_mirrored], others]) - pose
        turned = self.networks["rotator"](w_plus, turn)
        return _Turned(w_plus, mirrored, pose, turn, turned, self._draw(turned))

    def _rotator_shard(self, faces: _Turned, real: paddle.Tensor) -> dict[str, float]:
        """Compute the gradients of one shard; return its numbers."""
        options, parts = self.options, self._losses(faces, real)
        total = paddle.add_n([getattr(options, f"{name}_lambda") * value for name, value in parts.items()])
        total.backward()
        return {"loss": total.item(), **{f"loss_{name}": value.item() for name, value in parts.items()}}

    def _losses(self, faces: _Turned, real: paddle.Tensor) -> dict[str, paddle.Tensor]:
        """Compute the losses whose weights are not 0, by their names without ``_lambda``."""
        options, rotator = self.options, self.networks["rotator"]
        variance = rotator.scale**2
        num_mirrored, parts = options.num_mirrored(len(real)), {}
        # A frontal face is hardly turned, but its mirror image has the light on the other side: that says nothing.
        shares = (faces.turn[:num_mirrored, 0].abs() / _WHOLE_TURN).clip(max=1.0)
        if options.pixel_lambda and num_mirrored:
            away = _difference(faces.images[:num_mirrored], real[:num_mirrored].flip(axis=3))
            parts["pixel"] = (shares * away).mean()
        if options.latent_lambda and num_mirrored:
            away = faces.turned[:num_mirrored] - faces.mirrored[:num_mirrored]
            parts["latent"] = (shares * (away * away).mean(axis=[1, 2])).mean() / variance
        if options.pose_lambda:
            seen = self._pose(self._encode(faces.images, learn=True))
            off = (seen - faces.pose - faces.turn) / _HUBER_DEGREES
            parts["pose"] = F.smooth_l1_loss(off, paddle.zeros_like(off))
        if options.symmetry_lambda:
            parts["symmetry"] = self._asymmetry(faces)
        if self._judge is not None:
            parts["adv"] = self._judge.fooled(faces.images)
        if self._identity is not None:
            parts["id"] = self._identity.distance(faces.images, self._identity.prepare(real)).mean()
        if options.cycle_lambda:
            back = rotator(faces.turned, -faces.turn) - faces.w_plus
            parts["cycle"] = (back * back).mean() / variance
        if options.bend_lambda:
            bend = faces.turned - faces.w_plus - rotator.straight(faces.turn)
            parts["bend"] = (bend * bend).mean() / variance
        return {name: value.reshape([]) for name, value in parts.items()}

    def _asymmetry(self, faces: _Turned) -> paddle.Tensor:
        """Compare each face with its mirror image at the yaw it was turned to; what its photo hides follows the rest.

        Near a profile one half is not to be seen, and there is nothing to compare; the maps weigh that.
        """
        wanted, own = (faces.pose + faces.turn)[:, 0].numpy(), faces.pose[:, 0].numpy()
        found = []
        for number, (yaw, before) in enumerate(zip(wanted, own, strict=True)):
            rounded = int(np.clip(round(float(yaw) / _YAW_STEP), -80 // _YAW_STEP, 80 // _YAW_STEP)) * _YAW_STEP
            half = known_half(float(before))
            if (rounded, half) not in self._symmetries:
                made = MirrorSymmetry(self._generator.size, rounded, self._crop, known=half)
                self._symmetries[rounded, half] = made
            found.append(self._symmetries[rounded, half].distance(faces.images[number : number + 1]))
        return paddle.concat(found).mean()

    # ---- parts of an iteration

    def _encode(self, pixels: paddle.Tensor, learn: bool = False) -> paddle.Tensor:
        """Encode faces of any size into w_plus (N, n_latent, style_dim); with ``learn`` gradients go through."""
        with self.autocast(), paddle.set_grad_enabled(learn):
            offsets = self._encoder(fit_to(pixels, self._encoder.input_size), form=self._form)
        return offsets.astype("float32") + self._latent_avg

    def _draw(self, w_plus: paddle.Tensor) -> paddle.Tensor:
        with self.autocast():
            return self._generator.render(w_plus, "fixed", self._form).astype("float32")

    def _pose(self, w_plus: paddle.Tensor) -> paddle.Tensor:
        """Read yaw and pitch off codes, (N, 2) degrees."""
        return paddle.matmul(w_plus.flatten(1), self._regressor, transpose_y=True) + self._bias

    # ---- what is shown and measured

    @paddle.no_grad()
    def pictures(self, iteration: int) -> dict[str, Image]:
        """Draw held-out faces turned to five yaws: a row by the rotator, under it one by the directions alone."""
        rotator, rows = self.networks["rotator_ema"], []
        for photo in self._shown:
            w_plus = self._encode(from_array(photo[None]))
            pose = self._pose(w_plus)
            for bent in (True, False):
                row = [pictures.to_image(photo)]
                for yaw in _SHOWN_YAWS:
                    turn = paddle.concat([yaw - pose[:, :1], paddle.zeros_like(pose[:, 1:])], axis=1)
                    turned = rotator(w_plus, turn) if bent else w_plus + rotator.straight(turn)
                    drawn = fit_to(self._draw(turned), photo.shape[1])
                    row.append(pictures.to_image(drawn.numpy()))
                rows += row
        return {"turned": pictures.grid(rows, 1 + len(_SHOWN_YAWS))}

    @functools.cached_property
    def _shown(self) -> list[FloatArray]:
        return read_samples(self.settings, self.draws, self.settings.image_num or _NUM_SHOWN)

    def subject(self, real: Any) -> Subject:
        """Measure faces that were turned to their mirror image's pose: the pictures, mirrored back, against the photos.

        So the figures of reconstructions (PSNR, identity, ...) say how well faces are turned.
        """
        from ppgan_ext.metrics import Subject

        rotator = self.networks["rotator_ema"]

        @paddle.no_grad()
        def reconstruct(pixels: FloatArray) -> FloatArray:
            parts = []
            for first in range(0, len(pixels), _AT_ONCE):
                photos = from_array(np.ascontiguousarray(pixels[first : first + _AT_ONCE]))
                both = self._encode(paddle.concat([photos, photos.flip(axis=3)]))
                w_plus, mirrored = both[: len(photos)], both[len(photos) :]
                turned = rotator(w_plus, self._pose(mirrored) - self._pose(w_plus))
                parts.append(fit_to(self._draw(turned), pixels.shape[3]).flip(axis=3).numpy())
            return np.concatenate(parts)

        return Subject(real=real, reconstruct=reconstruct, generator=self._generator, size=self._shown[0].shape[2])


def _difference(ours: paddle.Tensor, theirs: paddle.Tensor) -> paddle.Tensor:
    """Return the mean absolute differences of images, in full and in boxes added up, at the smaller side; (N,)."""
    side = min(ours.shape[3], theirs.shape[3])
    off = fit_to(ours, side) - fit_to(theirs, side)
    return off.abs().mean(axis=[1, 2, 3]) + fit_to(off, max(side // _COARSE, 1)).abs().mean(axis=[1, 2, 3])
