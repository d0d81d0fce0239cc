"""Open a model with an encoder, and read or encode the faces that directions are fitted and calibrated on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ppgan_ext import images, seeding
from ppgan_ext.apps.progress import make_bar
from ppgan_ext.errors import ConfigError, InputError, PpganExtError
from ppgan_ext.picture_listing import describe_left_out, list_pictures, no_pictures
from ppgan_ext.types import FloatArray

if TYPE_CHECKING:
    from ppgan_ext.engine import Engine


def open_encoding_model(model_type: str | None, weight_path: str | None) -> Engine:
    """Open a model that has an encoder; by default the bundled one.

    Raises:
        ConfigError: no such model, or it has no encoder.
    """
    from ppgan_ext.engine import open_model
    from ppgan_ext.weights.load import load_face_model

    engine = open_model(load_face_model(model_type, weight_path))
    if engine.encoder is None:
        cure = "Choose a model with an encoder"
        raise ConfigError(f"the model '{engine.face_model.name}' has no encoder", cure=cure)
    return engine


def encode_photos(
    engine: Engine, folder: str, aligned: bool, report: Callable[[str], None], recursive: bool = False
) -> tuple[FloatArray, list[str]]:
    """Encode the largest face of every photo in a folder.

    Args:
        engine: a model with an encoder.
        folder: the folder.
        aligned: the photos are aligned crops and are encoded whole.
        report: called with a line for each photo that is left out, and for what else the folder contains.
        recursive: search subfolders too.

    Returns:
        Codes (N, n_latent, 512), and the paths of the files relative to the folder.

    Raises:
        InputError: no photo could be encoded.
    """
    from ppgan_ext.apps.codes.encoded_face import choose_faces, encode_face

    root = Path(folder)
    listing = list_pictures(root, recursive)
    if not listing.names:
        raise no_pictures(root, listing.left_out)
    if listing.left_out:
        report(f"left out: {describe_left_out(listing.left_out)}")
    codes, names = [], []
    with contextlib.closing(make_bar("encoding faces", len(listing.names))) as bar:
        for name in listing.names:
            try:
                photo = images.read_image(root / name)
                if aligned:
                    codes.append(engine.encode(images.to_pixels(photo))[0])
                else:
                    codes.append(encode_face(engine, photo, choose_faces(photo, "largest")[0]).w_plus)
                names.append(name)
            except PpganExtError as error:
                report(f"left out: {name}: {error}")
            bar.update()
    if not codes:
        raise InputError("no photo could be encoded", where=folder, cure="Give photos of faces")
    return np.stack(codes), names


def read_aligned_faces(path: str, num: int, skip_last: int, seed: int) -> FloatArray:
    """Read aligned faces, chosen at random.

    Args:
        path: a folder, a .zip or packs.
        num: number of faces.
        skip_last: leave out this many of the last faces.
        seed: seed of the choice.

    Returns:
        (N, 3, S, S) in [-1, 1], in the order of the source.

    Raises:
        InputError: no faces are left, or they cannot be read.
    """
    from ppgan_ext.data.sources import open_source

    source = open_source(path)
    count = len(source) - skip_last
    if num < 1 or count < 1:
        raise InputError(f"of {len(source)} faces {skip_last} are left out", where=path, cure="Give more faces")
    rows = seeding.generator(seed).permutation(count)[:num]
    return np.concatenate([images.to_pixels(source.read(int(row))) for row in sorted(rows)])
