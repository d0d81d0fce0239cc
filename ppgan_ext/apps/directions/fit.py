"""Fit directions from labelled faces and save them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ppgan_ext.apps.directions.faces import encode_photos, open_encoding_model
from ppgan_ext.latents import direction_files, face_labels
from ppgan_ext.latents.codes import read_codes, read_numpy, save_codes
from ppgan_ext.latents.directions import Direction, save_directions
from ppgan_ext.latents.fit_directions import FitOptions, fit_directions
from ppgan_ext.types import FloatArray


@dataclass(frozen=True)
class FitSettings:
    """Settings of a fit; the fields are the flags of tools/find_directions.py.

    Attributes:
        labels: .csv or .npz of labels.
        output: the .safetensors file to write.
        codes: .npz with ``w`` (N, n_latent, 512) and, if need be, ``name``; None encodes ``images``.
        images: folder of photos to encode.
        recursive: search the folder's subfolders too.
        aligned: the photos are aligned crops.
        model_type: the model that encodes; None takes the bundled one.
        weight_path: file with another model's weights.
        save_codes: .npz to write the codes of ``images`` to.
        attributes: columns to fit; None fits all.
        orthogonal_to: attributes that every direction leaves unchanged; None takes all the others.
        method: "conditional" or "ridge", see `latents.fit_directions`.
        num_components: principal components of the codes.
        seed: seed of the split into fitted and held-back faces.
    """

    labels: str
    output: str
    codes: str | None = None
    images: str | None = None
    recursive: bool = False
    aligned: bool = False
    model_type: str | None = None
    weight_path: str | None = None
    save_codes: str | None = None
    attributes: list[str] | None = None
    orthogonal_to: list[str] | None = None
    method: str = "conditional"
    num_components: int = 1024
    seed: int = 0


def fit_and_save(settings: FitSettings, report: Callable[[str], None]) -> dict[str, Direction]:
    """Fit directions of a model's latent space from labelled faces, and write them.

    Args:
        settings: faces, labels and method.
        report: called with a line for each step.

    Returns:
        The directions by name.

    Raises:
        InputError: codes, photos or labels cannot be read, or do not belong together.
        ConfigError: an unknown attribute, method or model.
        OutputError: the file cannot be written.
    """
    direction_files.check_target(settings.output)
    table = face_labels.read_table(settings.labels)
    options = FitOptions(settings.method, settings.num_components, seed=settings.seed)
    w_plus, names = _encode(settings, report) if settings.images else _read_codes(str(settings.codes), report)
    columns = face_labels.match_rows(table, names, len(w_plus))
    fitted_names = _all_columns(table, report) if settings.attributes is None else settings.attributes
    others = fitted_names if settings.orthogonal_to is None else settings.orthogonal_to
    table.check([*fitted_names, *others])
    attributes = face_labels.as_attributes(columns, [*fitted_names, *others])
    orthogonal_to = {name: others for name in fitted_names}
    fitted = fit_directions(w_plus, attributes, orthogonal_to, options, on_step=report)
    directions = {name: fitted[name] for name in dict.fromkeys(fitted_names)}
    notes = {"method": settings.method, "orthogonal_to": " ".join(others)}
    save_directions(settings.output, directions, notes=notes)
    return directions


def _all_columns(table: face_labels.LabelTable, report: Callable[[str], None]) -> list[str]:
    """Return the names of all columns of numbers; a column of words is left out, one with a single word is refused."""
    table.check([name for name, words in table.words.items() if words.has_numbers])
    for name, words in table.words.items():
        report(f"left out: column '{name}' {words}")
    return list(table.columns)


def _read_codes(path: str, report: Callable[[str], None]) -> tuple[FloatArray, list[str] | None]:
    w_plus, info = read_codes(path, None)
    report(str(info))
    stored = read_numpy(Path(path))
    names = stored.get("name") if isinstance(stored, dict) else None
    return w_plus, None if names is None else [str(name) for name in names]


def _encode(settings: FitSettings, report: Callable[[str], None]) -> tuple[FloatArray, list[str]]:
    engine = open_encoding_model(settings.model_type, settings.weight_path)
    w_plus, names = encode_photos(engine, str(settings.images), settings.aligned, report, settings.recursive)
    if settings.save_codes:
        save_codes(settings.save_codes, w_plus, names)
    return w_plus, names
