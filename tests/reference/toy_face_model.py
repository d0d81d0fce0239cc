"""A face model with real networks at toy size, directions and regressions, for tests that need a model."""

from __future__ import annotations

import dataclasses

import numpy as np

from tests.reference.toy import numbers

SIZE = 32
N_LATENT = 8
NAMES = ("age", "smile", "yaw")
# Ageing by the code alone: most of the time of a toy's age edit goes into wrinkles and grey hair.
PLAIN = {"detail": 0.0, "grey": 0.0}


def toy_face_model(folder, *, encoder=True, directions=True):
    """Return a model with random networks: a generator of 32 px with 8 layers, an encoder, the "tight" crop."""
    import paddle

    from ppgan_ext.networks import LightEncoder, StyleGANv2Generator
    from ppgan_ext.weights.catalog import find
    from ppgan_ext.weights.load import FaceModel

    paddle.seed(3)
    generator = StyleGANv2Generator(SIZE, n_mlp=2, channel_base=512, channel_cap=16)
    generator.ensure_w_avg()
    network = LightEncoder(SIZE, channel_base=512, channel_cap=16) if encoder else None
    record = dataclasses.replace(
        find("faces-128"), name="toy", size=SIZE, n_mlp=2, channel_base=512, channel_cap=16,
        has_encoder=encoder, encoder_passes=2,
    )  # fmt: skip
    file = toy_directions(folder / "directions.safetensors") if directions else None
    average = 0.1 * numbers("latent_avg", (512,))
    model = FaceModel(record, generator, network, average, "toy", "0" * 64, folder / "toy.safetensors")
    model.__dict__["directions_file"] = file  # instead of the catalog's
    return model


def toy_directions(path):
    """Write directions for the toy model; one unit of "age" raises its estimate by exactly 1 year."""
    from ppgan_ext.latents.directions import Direction, save_directions

    directions = {}
    for name in NAMES:
        regressor = numbers(f"regressor {name}", (N_LATENT, 512)).astype(np.float64)
        vector = regressor / (regressor**2).sum()
        unit = {"age": "year", "yaw": "degree"}.get(name, "sd")
        directions[name] = Direction(name, vector, unit, regressor=regressor, bias=35.0)
    save_directions(str(path), directions)
    return path


def names(folder):
    """Return the relative paths of all files in a folder, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
