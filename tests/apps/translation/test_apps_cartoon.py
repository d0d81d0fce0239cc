"""Cartoons without weights: drawn by rules, from the command line and from Python."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps import Photo2CartoonPredictor
from ppgan_ext.apps.command_line import main
from ppgan_ext.errors import ConfigError, NoFaceError
from ppgan_ext.weights import catalog, store
from tests.reference.toy_translators import CARTOON, SIZE, write_translators

SIDE = 128


def test_without_weights_a_drawing_is_made(portrait, tmp_path):
    tool = Photo2CartoonPredictor(str(tmp_path / "out"))
    assert tool.model_name == "drawing"
    cartoon = tool.run(portrait)
    assert cartoon.shape == (512, 512, 3) and cartoon.dtype == np.uint8
    assert [path.name for path in tool.files] == ["p2c_photo.png", "p2c_cartoon.png"]
    with PIL.Image.open(tmp_path / "out" / "p2c_cartoon.png") as written:
        assert np.array_equal(np.asarray(written), cartoon)
        assert "Drawn by a program after a photo" in written.info.values()
    assert (cartoon[:4, :4] == 255).all()
    with pytest.raises(ConfigError, match="made without a network"):
        _ = tool.translator
    (note,) = tool.notes
    assert "PaddleGAN's network is not on this machine; --model_type photo2cartoon" in note


def test_a_drawing_that_was_asked_for_has_no_note(portrait, tmp_path, capsys):
    tool = Photo2CartoonPredictor(None, model_type="drawing")
    tool.run(portrait, face_size=SIDE)
    assert tool.notes == []
    PIL.Image.fromarray(portrait).save(tmp_path / "photo.png")
    words = ["cartoon", "--input_image", str(tmp_path / "photo.png"), "--output_path", str(tmp_path / "out")]
    assert main([*words, "--face_size", str(SIDE)]) == 0
    assert capsys.readouterr().out.count("drawn by rules, since") == 1
    assert main([*words, "--face_size", str(SIDE), "--model_type", "drawing"]) == 0
    assert "drawn by rules" not in capsys.readouterr().out


def test_why_rules_draw_is_told_once_of_a_batch(portrait, tmp_path, capsys):
    for name in ("a.png", "b.png"):
        PIL.Image.fromarray(portrait).save(tmp_path / name)
    words = ["cartoon", "--input_image", str(tmp_path), "--output_path", str(tmp_path / "out")]
    assert main([*words, "--face_size", str(SIDE)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("drawn by rules, since") and printed.count("drawn by rules") == 1
    tool = Photo2CartoonPredictor(None)
    tool.run([portrait, portrait[:, ::-1]], face_size=SIDE)
    (note,) = tool.notes
    assert note.startswith("drawn by rules, since")


def test_cartoons_are_pasted_where_the_heads_are(couple):
    tool = Photo2CartoonPredictor(None)
    tool.output_path = None
    kept = tool.run(couple, face_size=SIDE, white_background=False)
    white = tool.run(couple, face_size=SIDE)
    corner = (slice(0, 6), slice(0, 6))
    assert (white[corner] == 255).all() and (kept[corner] != 255).any()
    inner = (slice(60, 90), slice(50, 78))
    assert np.array_equal(white[inner], kept[inner])


def test_both_faces_of_a_photo_are_drawn(couple, tmp_path):
    clear = np.dstack([couple, np.full(couple.shape[:2], 255, np.uint8)])
    clear[:20, :, 3] = 0
    PIL.Image.fromarray(clear).save(tmp_path / "couple.png")
    tool = Photo2CartoonPredictor(tmp_path / "out")
    tool.run(tmp_path / "couple.png", faces="all", face_size=SIDE, paste=True)
    with PIL.Image.open(tmp_path / "out" / "p2c_pasted.png") as written:
        pasted = np.asarray(written)
    assert pasted.shape == clear.shape and (pasted[:20, :, 3] == 0).all()
    changed = (pasted[..., :3] != couple).any(axis=2)
    assert changed[:, :270].any() and changed[:, 280:].any() and not changed[300:].any() and changed.mean() < 0.5


def test_small_grey_and_faceless_photos(portrait):
    tool = Photo2CartoonPredictor(None)
    tiny = np.asarray(PIL.Image.fromarray(portrait).resize((72, 60), PIL.Image.Resampling.BOX))
    assert tool.run(tiny, face_size=SIDE).shape == (SIDE, SIDE, 3)
    grey = PIL.Image.fromarray(portrait).convert("L")
    assert np.ptp(tool.run(grey, face_size=SIDE), axis=2).max() == 0
    with pytest.raises(NoFaceError):
        tool.run(np.full((80, 90, 3), 200, np.uint8))


def test_paddlegans_weights_are_used_where_they_are(portrait, tmp_path, monkeypatch):
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path))
    weights = write_translators(tmp_path / catalog.PHOTO2CARTOON.name, {"genA2B": CARTOON})
    assert store.find_local(catalog.PHOTO2CARTOON) == weights
    tool = Photo2CartoonPredictor(None)
    assert tool.model_name == "photo2cartoon" and tool.run(portrait).shape == (SIZE, SIZE, 3) and not tool.notes
    assert tool.run(portrait, face_size=65).shape == (80, 80, 3)
    assert Photo2CartoonPredictor(None, model_type="drawing").run(portrait, face_size=SIDE).shape == (SIDE, SIDE, 3)


def test_what_does_not_go_together_is_refused(tmp_path, portrait, capsys):
    with pytest.raises(ConfigError, match="a drawing needs no weights"):
        Photo2CartoonPredictor(None, "weights.pdparams", model_type="drawing")
    with pytest.raises(ConfigError, match="there is no 'drawin'"):
        Photo2CartoonPredictor(None, model_type="drawin")
    PIL.Image.fromarray(portrait).save(tmp_path / "photo.png")
    words = ["cartoon", "--input_image", str(tmp_path / "photo.png"), "--output_path", str(tmp_path / "out")]
    assert main([*words, "--model_type", "drawing", "--weight_path", "weights.pdparams"]) != 0
    assert "a drawing needs no network" in capsys.readouterr().err
    assert main([*words, "--face_size", "4000"]) != 0
    assert main([*words, "--face_size", str(SIDE)]) == 0
    assert "p2c_cartoon.png" in capsys.readouterr().out
