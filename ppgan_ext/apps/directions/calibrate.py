"""Calibrate directions: scale them so that one unit changes the picture by one unit, not only the code."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ppgan_ext.apps.directions.faces import open_encoding_model, read_aligned_faces
from ppgan_ext.apps.progress import make_bar
from ppgan_ext.errors import ConfigError, InputError, PpganExtError
from ppgan_ext.latents import direction_files
from ppgan_ext.latents.calibration import calibrate
from ppgan_ext.latents.directions import Direction, find, load_directions, save_directions
from ppgan_ext.types import FloatArray


@dataclass(frozen=True)
class CalibrateSettings:
    """Settings of a calibration; the fields are the flags of tools/calibrate_directions.py.

    Attributes:
        images: aligned faces: a folder, a .zip or packs.
        output: the .safetensors file to write.
        directions: file to calibrate; None takes the model's own.
        model_type: the model that draws and encodes; None takes the bundled one.
        weight_path: file with another model's weights.
        leave: names of directions that keep their length.
        num_faces: number of faces to measure with.
        skip_last: leave out this many of the last faces.
        seed: seed of the choice of faces.
    """

    images: str
    output: str
    directions: str | None = None
    model_type: str | None = None
    weight_path: str | None = None
    leave: Sequence[str] = ()
    num_faces: int = 48
    skip_last: int = 0
    seed: int = 0


def calibrate_and_save(settings: CalibrateSettings, report: Callable[[str], None]) -> dict[str, Direction]:
    """Scale directions by the change measured in pictures, and write them.

    Args:
        settings: directions, faces and model.
        report: called with a line for each direction that cannot be calibrated and so keeps its length.

    Returns:
        The directions that were calibrated, by name; the file contains the others too.

    Raises:
        ConfigError: no such model or direction, or the model has no encoder or no directions.
        InputError: the faces cannot be read, or no direction could be calibrated.
        OutputError: the file cannot be written.
    """
    direction_files.check_target(settings.output)
    engine = open_encoding_model(settings.model_type, settings.weight_path)
    path = settings.directions or engine.face_model.directions_file
    if path is None:
        raise ConfigError("the model has no directions of its own", cure="Give --directions FILE")
    directions = load_directions(path, engine.synthesizer.n_latent, style_dim=engine.synthesizer.style_dim)
    for name in settings.leave:
        find(directions, name)
    faces = read_aligned_faces(settings.images, settings.num_faces, settings.skip_last, settings.seed)
    codes = engine.encode(faces)

    calibrated: dict[str, Direction] = {}
    with contextlib.closing(make_bar("calibrating directions", len(directions))) as bar:

        def encode_again(w_plus: FloatArray) -> FloatArray:
            encoded = []
            for code in w_plus:
                encoded.append(engine.encode(engine.synthesizer.render(code[None])))
                bar.update(0)
            return np.concatenate(encoded)

        for name, direction in directions.items():
            bar.set_postfix_str(name)
            if name not in settings.leave:
                try:
                    calibrated[name] = calibrate(direction, codes, encode_again)
                except PpganExtError as error:
                    report(f"left as it is: {error}")
            bar.update()
    if not calibrated:
        cure = "Use directions with a regression, or leave fewer out"
        raise InputError("not one direction could be calibrated", where=path, cure=cure)
    notes = direction_files.read_notes(path) | {"calibrated_on": f"{len(codes)} faces"}
    save_directions(settings.output, directions | calibrated, notes=notes)
    return calibrated
