"""Draw the README's pictures with the bundled model: python docs/images/make_pictures.py."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import skimage.data

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext import pictures
from ppgan_ext.apps import AgeEditingPredictor, StyleGANv2EditingPredictor
from ppgan_ext.apps.batch import Job
from ppgan_ext.apps.photo.options import AgeOptions
from ppgan_ext.faces.align import crop_face
from ppgan_ext.types import Image

FOLDER = Path(__file__).resolve().parent
NOTE = "NASA's portrait of Eileen Collins (public domain), edited by a neural network"


def tuned_strip(portrait: Image) -> Image:
    """Show what the model draws by itself, and what a copy draws that was tuned to the photo."""
    predictor, rows = AgeEditingPredictor(output_path=None), []
    for num_steps, name in ((0, "the model itself"), (60, "tuned, 60 steps")):
        options = AgeOptions(years=[-20, 20], blend="replace", tune=num_steps)
        made = predictor.edit_photo(Job(portrait, "portrait"), options).result
        face = made.faces[0].face
        edited = [crop_face(variant.image, face, template="tight", size=256).image for variant in made.edited]
        labels = ["photo", name, "-20 years", "+20 years"]
        photo = crop_face(portrait, face, template="tight", size=256).image
        rows.append(pictures.strip([photo, made.faces[0].reconstruction, *edited], labels))
    return np.concatenate(rows)


def main() -> None:
    """Edit the portrait and write the strips."""
    portrait = skimage.data.astronaut()
    pictures.write_image(FOLDER / "astronaut.tuned.strip.png", tuned_strip(portrait), NOTE)
    aged = AgeEditingPredictor(output_path=None).run(portrait, years=[-20, 20, 40])
    younger, _, older = aged.dst
    pictures.write_image(FOLDER / "astronaut.age.strip.png", aged.strip, NOTE)
    whole = pictures.strip([younger, portrait, older], ["-20 years", "photo", "+40 years"], height=384)
    pictures.write_image(FOLDER / "astronaut.before_after.jpg", whole, NOTE)
    editor = StyleGANv2EditingPredictor(output_path=None)
    edits = {"less smile": {"smile": -1}, "mouth open": {"mouth_open": 1}, "turned 15 degrees": {"yaw": 15}}
    tiles = [portrait, *(editor.run_photo(portrait, edit=edit).dst for edit in edits.values())]
    faces = [tile[0:220, 120:340] for tile in tiles]
    pictures.write_image(FOLDER / "astronaut.edit.strip.png", pictures.strip(faces, ["photo", *edits]), NOTE)


if __name__ == "__main__":
    main()
