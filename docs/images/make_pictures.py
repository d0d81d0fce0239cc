"""Draw the README's pictures with the bundled model: python docs/images/make_pictures.py."""

from __future__ import annotations

import sys
from pathlib import Path

import skimage.data

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext import pictures
from ppgan_ext.apps import AgeEditingPredictor, StyleGANv2EditingPredictor

FOLDER = Path(__file__).resolve().parent
NOTE = "NASA's portrait of Eileen Collins (public domain), edited by a neural network"


def main() -> None:
    """Edit the portrait and write the strips."""
    portrait = skimage.data.astronaut()
    aged = AgeEditingPredictor(output_path=None).run(portrait, years=[-20, 20, 40])
    younger, _, older = aged.dst
    pictures.write_image(FOLDER / "astronaut.age.strip.png", aged.strip, NOTE)
    whole = pictures.strip([younger, portrait, older], ["-20 years", "photo", "+40 years"], height=384)
    pictures.write_image(FOLDER / "astronaut.before_after.jpg", whole, NOTE)
    editor = StyleGANv2EditingPredictor(output_path=None)
    edits = {"less smile": {"smile": -2}, "mouth open": {"mouth_open": 2}, "turned 15 degrees": {"yaw": 15}}
    tiles = [portrait, *(editor.run_photo(portrait, edit=edit).dst for edit in edits.values())]
    faces = [tile[0:220, 120:340] for tile in tiles]
    pictures.write_image(FOLDER / "astronaut.edit.strip.png", pictures.strip(faces, ["photo", *edits]), NOTE)


if __name__ == "__main__":
    main()
