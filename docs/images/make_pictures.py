"""Draw the README's pictures with the bundled model: python docs/images/make_pictures.py."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import skimage.data

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ppgan_ext import images, pictures
from ppgan_ext.apps import AgeEditingPredictor, FaceFusionPredictor, StyleGANv2EditingPredictor
from ppgan_ext.apps.batch import Job
from ppgan_ext.apps.photo.options import AgeOptions
from ppgan_ext.faces.align import crop_face
from ppgan_ext.latents.truncation import truncate
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


def fused_strips(portrait: Image) -> Image:
    """Put the portrait's face on two people who do not exist, at their poses: samples of the model, turned."""
    predictor, rows, margin = FaceFusionPredictor(output_path=None), [], 60
    synthesizer, yaw = predictor.engine.synthesizer, predictor.directions(None, ("yaw",))["yaw"].vector
    z = np.random.default_rng(5).standard_normal((24, synthesizer.style_dim)).astype(np.float32)
    codes = truncate(synthesizer.map(z), synthesizer.w_avg, 0.8, n_latent=synthesizer.n_latent)
    for number, amount in ((16, -10.0), (15, 8.0)):
        code = (codes[number] + amount * yaw).astype(np.float32)
        drawn = images.resize(images.to_image(synthesizer.render(code[None])[0]), (384, 384))
        photo = np.pad(drawn, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
        result = predictor.run(photo, portrait)
        fused = result.image[margin:-margin, margin:-margin]
        tiles = [drawn, portrait[0:240, 110:350], result.images["target.turned"], fused]
        rows.append(pictures.strip(tiles, ["photo (a sample)", "target", "turned by the model", "fused"]))
    return np.concatenate(rows)


def main() -> None:
    """Edit the portrait and write the strips."""
    portrait = skimage.data.astronaut()
    pictures.write_image(FOLDER / "astronaut.tuned.strip.png", tuned_strip(portrait), NOTE)
    pictures.write_image(FOLDER / "astronaut.fused.strip.png", fused_strips(portrait), NOTE)
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
