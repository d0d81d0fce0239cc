"""Fitting with a real projector on a toy generator."""

import os
import signal

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps import AgeEditingPredictor, StyleGANv2FittingPredictor
from ppgan_ext.apps.batch import FailedInputsWarning, open_inputs
from ppgan_ext.apps.codes.fit import central_square
from ppgan_ext.apps.codes.options import FitOptions
from ppgan_ext.apps.photo.options import AgeOptions
from ppgan_ext.errors import ConfigError, InputError, NoFaceError
from tests.reference.toy_engine import PlainDistance
from tests.reference.toy_face_model import N_LATENT, PLAIN, SIZE, names


@pytest.fixture
def fitting(make):
    def build(kind=StyleGANv2FittingPredictor, **settings):
        predictor = make(kind, **settings)
        predictor.__dict__["perceptual"] = PlainDistance()
        return predictor

    return build


@pytest.fixture
def drawn(engine):
    """A picture that the generator can draw."""
    from ppgan_ext.images import to_image

    w = engine.synthesizer.w_avg + 0.5 * np.random.default_rng(1).standard_normal((1, N_LATENT, 512))
    return to_image(engine.synthesizer.render(w.astype(np.float32)))


def error(a, b):
    return np.abs(a.astype(int) - b).mean()


@pytest.mark.slow
def test_the_fit_comes_closer_and_code_and_image_belong_together(fitting, engine, drawn, tmp_path):
    few, many = (fitting(output_path=None).run(drawn, step=step) for step in (1, 12))
    assert error(many.dst, drawn) < 0.8 * error(few.dst, drawn)
    src, dst, latent = fitting().run(drawn, step=3)
    assert names(tmp_path / "out") == ["dst.fitting.npy", "dst.fitting.png", "src.fitting.png"]
    assert np.array_equal(src, drawn)
    assert np.array_equal(np.load(tmp_path / "out" / "dst.fitting.npy"), latent)
    pixels = engine.synthesizer.render(latent[None])[0].transpose(1, 2, 0)
    assert np.array_equal(np.rint((np.clip(pixels, -1, 1) + 1) * 127.5).astype(np.uint8), dst)
    assert np.array_equal(np.asarray(PIL.Image.open(tmp_path / "out" / "dst.fitting.png")), dst)


def test_only_the_layers_asked_for_change(fitting, engine, drawn):
    latent = fitting(output_path=None).run(drawn, latent_level=[1, 6], step=2).latent
    start = np.broadcast_to(engine.synthesizer.w_avg, (N_LATENT, 512))
    changed = [bool((latent[i] != start[i]).any()) for i in range(N_LATENT)]
    assert changed == [i in (1, 6) for i in range(N_LATENT)]
    with pytest.raises(ConfigError, match="latent_level"):
        fitting(output_path=None).run(drawn, latent_level=list(range(12)), step=1)


def test_where_to_start(fitting, engine, drawn, tmp_path):
    code = np.full((N_LATENT, 512), 0.25, np.float32)
    np.save(tmp_path / "start.npy", code)
    latent = fitting(output_path=None).run(drawn, latent_level=[0], step=1, pre_latent=tmp_path / "start.npy").latent
    assert np.array_equal(latent[1:], code[1:])
    latent = fitting(output_path=None).run(drawn, latent_level=[0], step=1, start="encoder").latent
    encoded = engine.encode(drawn.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1)[0]
    assert np.allclose(latent[1:], encoded[1:], atol=1e-5)
    with pytest.raises(InputError, match="no such file"):
        fitting(output_path=None).run(drawn, step=1, pre_latent="nowhere.npy")


def test_aligned_or_not(fitting, portrait):
    aligned = fitting(output_path=None).run(portrait, need_align=True, step=1).src
    plain = fitting(output_path=None).run(portrait, step=1).src
    assert aligned.shape == plain.shape == (SIZE, SIZE, 3)
    assert error(aligned, plain) > 10
    with pytest.raises(NoFaceError):
        fitting(output_path=None).run(np.full((90, 120, 3), 200, np.uint8), need_align=True)


def test_a_cut_is_told(fitting, drawn):
    predictor = fitting(output_path=None)
    predictor.run(drawn, step=1)
    assert predictor.notes == []
    predictor.run(np.concatenate([drawn, drawn[:9]]), step=1)
    assert [note for note in predictor.notes if "--need_align" in note]


@pytest.mark.slow
def test_a_mask_hides_what_is_not_the_face(fitting, portrait):
    predictor = fitting(output_path=None)
    settings = {"need_align": True, "mask_face": True}
    mask = predictor.cut_target(open_inputs(portrait).jobs[0], FitOptions(**settings)).mask
    assert mask.shape == (SIZE, SIZE)
    assert mask[SIZE // 2, SIZE // 2] > 0.99  # the nose
    assert mask[-1, 0] < 0.5 and mask[-1, -1] < 0.5  # beside the chin
    masked = predictor.run(portrait, step=2, **settings)
    assert not np.array_equal(masked.latent, predictor.run(portrait, step=2, need_align=True).latent)
    with pytest.raises(ConfigError, match="need_align"):
        predictor.run(portrait, mask_face=True)


def test_progress_shows_paddlegans_figures_and_the_video_its_steps(fitting, drawn, tmp_path):
    shown = []
    fitting(progress=lambda *words: shown.append(words)).run(drawn, step=4, save_gif=True)
    assert [(task, done, total) for task, done, total, _ in shown] == [("fitting", i, 4) for i in range(5)]
    assert shown[0][3].startswith("perceptual: ") and "; mse: " in shown[0][3] and shown[0][3].endswith("; lr: 0.1000")
    with PIL.Image.open(tmp_path / "out" / "dst.fitting.gif") as animation:
        assert animation.n_frames == 5


def test_ctrl_c_ends_the_fit_and_keeps_the_best(fitting, drawn, tmp_path):
    def stop(task, done, total, note=""):
        if done == 3:
            raise KeyboardInterrupt

    predictor = fitting(progress=stop)
    result = predictor.run(drawn, step=500)
    assert predictor.interrupted
    assert names(tmp_path / "out") == ["dst.fitting.npy", "dst.fitting.png", "src.fitting.png"]
    assert error(result.dst, drawn) < error(fitting(output_path=None).run(drawn, step=1).dst, drawn)


def test_ctrl_c_within_a_backward_pass_loses_nothing(fitting, drawn, monkeypatch):
    """Paddle would turn it into an OSError of its own."""
    passes = []

    def press(gradient):
        passes.append(1)
        if len(passes) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return gradient

    class Pressing(PlainDistance):
        def distance(self, pixels, features):
            if not pixels.stop_gradient:
                pixels.register_hook(press)
            return super().distance(pixels, features)

    predictor = fitting(output_path=None)
    predictor.__dict__["perceptual"] = Pressing()
    result = predictor.run(drawn, step=500)
    assert predictor.interrupted
    assert len(passes) == 3
    assert error(result.dst, drawn) < error(fitting(output_path=None).run(drawn, step=1).dst, drawn)


def test_a_batch_has_a_folder_for_each(fitting, drawn, tmp_path):
    with pytest.warns(FailedInputsWarning, match="nowhere.png"):
        result = fitting().run([drawn, "nowhere.png", drawn], step=1)
    assert len(result) == 2
    assert len(result.failures) == 1
    assert names(tmp_path / "out")[:4] == [
        "image-2/dst.fitting.npy", "image-2/dst.fitting.png", "image-2/src.fitting.png", "image/dst.fitting.npy",
    ]  # fmt: skip


@pytest.mark.slow
def test_fit_steps_bring_the_reconstruction_closer_to_the_photo(fitting, portrait):
    errors = []
    for fit_steps in (0, 15):
        predictor = fitting(AgeEditingPredictor, output_path=None)
        made = predictor.edit_photo(open_inputs(portrait).jobs[0], AgeOptions(years=1, fit_steps=fit_steps, **PLAIN))
        (face,) = made.result.faces
        errors.append(error(face.reconstruction, face.crop.image))
    assert errors[1] < 0.9 * errors[0]


def test_central_square():
    image = np.arange(5 * 8 * 3, dtype=np.uint8).reshape(5, 8, 3)
    assert np.array_equal(central_square(image), image[:, 1:6])
    assert np.array_equal(central_square(image.swapaxes(0, 1)), image.swapaxes(0, 1)[1:6])
