"""Translating pictures and faces, and cartoons, with real networks at toy size."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps import Photo2CartoonPredictor, TranslationPredictor
from ppgan_ext.apps.translation.face_square import cut_face, paste_square
from ppgan_ext.errors import ConfigError, NoFaceError, WeightsError
from ppgan_ext.faces.cartoon_crop import cartoon_matrix
from ppgan_ext.faces.head.head_matte import head_matte
from ppgan_ext.faces.warp import transform_points
from ppgan_ext.types import Box, Face
from ppgan_ext.weights.translators import load_translator
from tests.reference.toy import numbers
from tests.reference.toy_translators import CARTOON, RESNET, SIZE, UNET, write_translators

UGATIT = {"name": "ResnetUGATITGenerator", "input_nc": 3, "output_nc": 3, "ngf": 2, "n_blocks": 1, "light": True}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    networks = {
        "cyclegan": {"netG_A": RESNET, "netG_B": {**RESNET, "n_blocks": 2}},
        "pix2pix": {"netG": UNET},
        "ugatit": {"genA2B": UGATIT},
        "cartoon": {"genA2B": CARTOON},
    }
    return {name: write_translators(folder / f"{name}.pdparams", blocks) for name, blocks in networks.items()}


@pytest.fixture(scope="module")
def picture():
    return (numbers("picture", [45, 70, 3]) * 50 + 128).clip(0, 255).astype(np.uint8)


def test_the_directions_are_those_of_the_checkpoint(weights, picture):
    results = [
        TranslationPredictor(weights["cyclegan"], None, **choice).run(picture).dst
        for choice in ({}, {"direction": "a2b"}, {"direction": "b2a"}, {"net_name": "netG_B"})
    ]
    assert all(result.shape == picture.shape for result in results)
    assert (results[0] == results[1]).all() and (results[2] == results[3]).all() and (results[0] != results[2]).any()
    with pytest.raises(WeightsError, match="no generator for the direction b2a, but netG"):
        TranslationPredictor(weights["pix2pix"], None, direction="b2a").run(picture)


def test_what_training_wrote_is_used(weights):
    translator = load_translator(weights["pix2pix"])
    assert translator.options.use_dropout and translator.training_size == SIZE and translator.direction == "a2b"
    assert not load_translator(weights["pix2pix"], use_dropout=False).options.use_dropout
    with pytest.raises(ConfigError, match="ResnetUGATITGenerator has no option use_dropout"):
        load_translator(weights["ugatit"], use_dropout=True)


def test_dropout_obeys_the_seed(weights, picture):
    def translated(seed, **settings):
        return TranslationPredictor(weights["pix2pix"], None, seed=seed, **settings).run(picture).dst

    assert (translated(1) == translated(1)).all() and (translated(1) != translated(2)).any()
    assert (translated(1, test_mode="eval") == translated(2, test_mode="eval")).all()


def test_a_scaled_copy_comes_back_in_the_photos_size(weights, picture):
    tool = TranslationPredictor(weights["cyclegan"], None)
    assert tool.run(picture, scale_to=24).dst.shape == picture.shape
    assert not tool.notes
    tool.run(np.tile(picture, (2, 2, 1)))
    assert tool.notes == ["it has 140x90 pixels, and the network knows pictures of 32: --scale_to 32 may do better"]


def test_grey_is_written_as_grey(picture, tmp_path):
    path = write_translators(tmp_path / "grey.pdparams", {"netG": {**UNET, "input_nc": 1, "output_nc": 1}})
    clear = PIL.Image.fromarray(np.dstack([picture, picture[..., :1]]))
    made = TranslationPredictor(path, tmp_path).run([picture, clear])
    for result, file, mode in zip(made, made.files, ("L", "LA"), strict=True):
        with PIL.Image.open(file) as written:
            assert written.mode == mode and written.size == picture.shape[1::-1]
            assert mode == "LA" or (np.array(written.convert("RGB")) == result.dst).all()


def test_a_pair_is_noticed_and_translated_as_it_is(weights, picture):
    pair = np.ascontiguousarray(picture[:32, :64])
    tool = TranslationPredictor(weights["pix2pix"], None)
    assert tool.run(pair).dst.shape == pair.shape
    assert any("if it is a pair of pix2pix" in note for note in tool.notes)
    tool.run(pair[:, :60])
    assert not any("pair" in note for note in tool.notes)


def test_tiles_and_attention(weights, picture, tmp_path):
    tool = TranslationPredictor(weights["ugatit"], tmp_path)
    result = tool.run(picture, save_heatmap=True)
    assert result.heatmap.shape == picture.shape[:2] and 0 <= result.heatmap.min() <= result.heatmap.max() <= 1
    assert sorted(path.name for path in tool.files) == ["image_attention.png", "image_translated.png"]
    assert tool.run(picture, tile=16).dst.shape == picture.shape
    with pytest.raises(ConfigError, match="each tile has an attention of its own"):
        tool.run(picture, tile=16, save_heatmap=True)
    with pytest.raises(ConfigError, match="ResnetGenerator has no attention to write"):
        TranslationPredictor(weights["cyclegan"], tmp_path).run(picture, save_heatmap=True)
    with pytest.raises(ConfigError, match="face_size would do nothing"):
        tool.run(picture, face_size=64)


def test_only_the_faces_change(weights, couple):
    tool = TranslationPredictor(weights["cartoon"], None)
    both = tool.run(couple, crop="tight").dst
    largest = tool.run(couple, crop="tight", faces="largest", background="white").dst
    changed = [(result != couple).any(axis=2) for result in (both, largest)]
    assert changed[0][:, :270].any() and changed[0][:, 280:].any()
    assert not changed[1][:, :270].any() and changed[1][:, 280:].any() and not changed[1][:20].any()


def test_a_cartoon_has_paddlegans_files(weights, portrait, couple, tmp_path):
    tool = Photo2CartoonPredictor(str(tmp_path / "out"), str(weights["cartoon"]))
    cartoon = tool.run(portrait)
    assert cartoon.shape == (SIZE, SIZE, 3) and cartoon.dtype == np.uint8
    assert sorted(path.name for path in tool.files) == ["p2c_cartoon.png", "p2c_photo.png"]
    with PIL.Image.open(tmp_path / "out" / "p2c_cartoon.png") as written:
        assert np.array_equal(np.asarray(written), cartoon)
    assert (cartoon[:2, :2] == 255).all()  # white behind the head
    tool.run(couple, faces="all", paste=True)
    names = ["p2c_cartoon.png", "p2c_cartoon_2.png", "p2c_pasted.png", "p2c_photo.png", "p2c_photo_2.png"]
    assert sorted(path.name for path in tool.files) == names
    with pytest.raises(NoFaceError):
        tool.run(np.full((80, 90, 3), 200, np.uint8))


def test_another_family_is_named(tmp_path, weights):
    from ppgan_ext.weights import readers

    critic = {
        "model.0.weight": np.zeros((4, 3, 4, 4), np.float32),
        "model.2.weight": np.zeros((8, 4, 4, 4), np.float32),
    }
    critic["model.5.weight"] = np.zeros((1, 8, 4, 4), np.float32)
    readers.write(tmp_path / "netD.pdparams", {"netD": critic})
    with pytest.raises(WeightsError, match=r"no image-to-image generator, but NLayerDiscriminator \(netD\)"):
        load_translator(tmp_path / "netD.pdparams")
    with pytest.raises(WeightsError, match=r"no image-to-image generator \(ppgan_ext model"):
        from ppgan_ext.weights.catalog import BUNDLED_FOLDER

        load_translator(BUNDLED_FOLDER / "faces-128.safetensors")


def test_the_cartoons_square_is_paddlegans():
    """By the steps of PaddleGAN's code on lopsided landmarks, which are turned by 20 degrees and moved."""
    landmarks = numbers("landmarks", [68, 2]).astype(np.float64) * (9, 14) + (120, 140)
    landmarks[36], landmarks[45] = (90.0, 120.0), (150.0, 141.0)
    angle = np.arctan2(21.0, 60.0)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = landmarks @ turn.T
    (left, top), (right, bottom) = turned.min(axis=0), turned.max(axis=0)
    height, width = bottom - top, right - left
    top, bottom, left, right = top - 0.8 * height, bottom + 0.3 * height, left - 0.3 * width, right + 0.3 * width
    middle, side = (left + right) / 2, bottom - top
    assert side > right - left  # the square is widened on both sides
    mapped = transform_points(landmarks, cartoon_matrix(landmarks, 256))
    expected = (turned + 0.5 - (middle - side / 2, top)) * (256 / side) - 0.5
    assert np.allclose(mapped, expected)
    assert np.isclose(mapped[36, 1], mapped[45, 1])


def test_a_pasted_square_leaves_the_rest(portrait):
    from ppgan_ext.faces.detect import find_faces

    (face,) = find_faces(portrait)
    square = cut_face(portrait, face, "cartoon", 64, white=True)
    green = np.zeros((64, 64, 3), np.uint8)
    green[..., 1] = 255
    pasted = paste_square(portrait, square, green)
    nose = tuple(face.landmarks[30].round().astype(int)[::-1])
    assert (np.abs(pasted[nose].astype(int) - (0, 255, 0)) < 12).all()
    assert np.array_equal(pasted[:, :20], portrait[:, :20])
    matte = head_matte(portrait, face.landmarks)
    assert matte[nose] > 0.95 and matte[5, 5] == 0


def test_a_face_at_the_border_is_cut_out_on_white():
    landmarks = numbers("landmarks", [68, 2]).astype(np.float64) * 6 + (10, 12)
    landmarks[36], landmarks[45] = (3.0, 10.0), (17.0, 10.0)
    photo = np.full((40, 40, 3), 60, np.uint8)
    square = cut_face(photo, Face(Box(0, 0, 20, 20), landmarks), "cartoon", 32, white=False)
    assert (square.image[0, 0] == 255).all() and (square.image[-1, -1] < 255).all()
