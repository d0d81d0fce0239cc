"""`--tune`: a generator for every face, one for a mixture; it is saved and used again."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps import AgeEditingPredictor, StyleGANv2EditingPredictor, StyleGANv2MixingPredictor, command_line
from ppgan_ext.apps.batch import FailedInputsWarning, open_inputs
from ppgan_ext.apps.codes.encoded_face import choose_faces, encode_face
from ppgan_ext.apps.codes.options import MixOptions
from ppgan_ext.apps.commands import COMMANDS
from ppgan_ext.apps.photo.options import AgeOptions
from ppgan_ext.apps.photo.predictor import UnseenTuningWarning
from ppgan_ext.apps.reporting import report_made, run_and_report
from ppgan_ext.errors import ConfigError
from ppgan_ext.weights import readers
from tests.reference.toy_engine import PlainDistance
from tests.reference.toy_face_model import N_LATENT, PLAIN, names


@pytest.fixture
def tuning(make):
    def build(kind=AgeEditingPredictor, **settings):
        predictor = make(kind, **settings)
        predictor.__dict__["perceptual"] = PlainDistance()
        return predictor

    return build


@pytest.fixture
def portraits_of():
    """The encoded faces of a predictor's runs."""

    def watch(predictor):
        seen, plain = [], predictor.edit_photo

        def spy(job, options):
            made = plain(job, options)
            seen.extend(made.result.faces)
            return made

        predictor.edit_photo = spy
        return seen

    return watch


def error(a, b):
    return np.abs(a.astype(int) - b).mean()


def interrupt_at(step, task):
    """A progress callback that is Ctrl-C at one step of a task."""

    def progress(name, done, total, note=""):
        if name == task and done == step:
            raise KeyboardInterrupt

    return progress


@pytest.mark.slow
def test_the_tuned_generator_draws_the_face_and_the_model_stays(tuning, portraits_of, portrait, engine):
    drawn = engine.synthesizer.render(np.repeat(engine.synthesizer.w_avg[None, None], N_LATENT, 1))
    plain, tuned = tuning(output_path=None), tuning(output_path=None)
    before, after = portraits_of(plain), portraits_of(tuned)
    result = plain.run(portrait, years=20, **PLAIN, blend="replace")
    changed = tuned.run(portrait, years=20, **PLAIN, blend="replace", tune=15)
    assert error(after[0].reconstruction, after[0].crop.image) < 0.7 * error(
        before[0].reconstruction, before[0].crop.image
    )
    assert np.array_equal(before[0].w_plus, after[0].w_plus)
    assert error(changed.dst[0], result.dst[0]) > 0.5  # the edit is drawn by the tuned generator too
    assert np.array_equal(
        engine.synthesizer.render(np.repeat(engine.synthesizer.w_avg[None, None], N_LATENT, 1)), drawn
    )
    assert np.array_equal(plain.run(portrait, years=20, **PLAIN, blend="replace").dst[0], result.dst[0])


def test_nothing_is_tuned_where_it_would_neither_be_seen_nor_saved(tuning, portraits_of, portrait):
    predictor = tuning()
    seen = portraits_of(predictor)
    with pytest.warns(UnseenTuningWarning, match="so it is left out; use it with blend replace or seamless") as told:
        result = predictor.run(portrait, years=20, **PLAIN, tune=2)
    assert [warning.filename for warning in told] == [__file__]
    assert np.array_equal(result.dst[0], predictor.run(portrait, years=20, **PLAIN).dst[0])
    predictor.run(portrait, years=20, **PLAIN, tune=2, blend="seamless")
    with pytest.warns(UnseenTuningWarning, match="from the model; use it with blend replace"):
        predictor.run(portrait, years=20, **PLAIN, tune=2, save_tuned=True)
    assert [face.tuning is not None for face in seen] == [False, False, True, True]


def test_edits_of_photos_warn_of_a_tuning_that_is_not_seen(tuning, portrait):
    editor = tuning(StyleGANv2EditingPredictor, output_path=None)
    with pytest.warns(UnseenTuningWarning, match="so it is left out") as told:
        editor.run_photo([portrait, portrait], edit={"smile": 1}, tune=2)
    assert [warning.filename for warning in told] == [__file__]  # once for all photos


@pytest.mark.slow
def test_every_face_has_a_generator_of_its_own(tuning, portraits_of, couple, tmp_path):
    predictor = tuning()
    seen = portraits_of(predictor)
    (job,) = open_inputs(couple).jobs
    made = predictor.edit_ages(job, AgeOptions(years=[20], **PLAIN, tune=2, save_tuned=True))
    first, second = (face.tuning for face in seen)
    assert first.generator is not second.generator and first.num_steps == second.num_steps == 2
    assert not np.array_equal(first.generator.to_rgb1.bias.numpy(), second.generator.to_rgb1.bias.numpy())
    written = [name for name in names(tmp_path / "out") if "tuned" in name]
    assert written == ["image.face1.tuned.safetensors", "image.face2.tuned.safetensors"]
    for face, name in zip(seen, written, strict=True):
        state = readers.read(tmp_path / "out" / name)
        assert np.array_equal(state["pivots"], face.w_plus[None]) and np.array_equal(
            state["encoded"], face.encoded[None]
        )
        bias = face.tuning.generator.to_rgb1.bias.numpy()
        assert np.array_equal(state["tuned.to_rgb1.bias"], bias.astype(np.float16))
    assert str(made.files[-1]).endswith(written[-1])


@pytest.mark.slow
def test_the_same_seed_gives_the_same_pictures(tuning, portrait):
    def edited(seed):
        return tuning(output_path=None, seed=seed).run(portrait, years=20, **PLAIN, tune=4, blend="replace").dst[0]

    assert np.array_equal(edited(1), edited(1))
    assert not np.array_equal(edited(1), edited(2))


@pytest.mark.slow
def test_the_pivot_can_be_refined_first(tuning, portraits_of, portrait):
    predictor = tuning(StyleGANv2EditingPredictor, output_path=None)
    seen = portraits_of(predictor)
    predictor.run_photo(portrait, edit={"smile": 1}, fit_steps=3, tune=1, blend="replace")
    assert not np.array_equal(seen[0].w_plus, seen[0].encoded)
    assert np.array_equal(seen[0].tuning.pivots[0], seen[0].w_plus)


@pytest.mark.slow
def test_ctrl_c_uses_what_has_been_learnt(tuning, portraits_of, couple, tmp_path):
    predictor = tuning(progress=interrupt_at(2, "tuning to face 1"))
    seen = portraits_of(predictor)
    result = predictor.run(couple, years=20, **PLAIN, tune=30, save_tuned=True, blend="replace")
    assert predictor.interrupted and len(result.dst) == 1
    assert seen[0].tuning.num_steps == 2 and seen[1].tuning is None
    assert [name for name in names(tmp_path / "out") if "tuned" in name] == ["image.face1.tuned.safetensors"]
    predictor.progress = lambda *words: None
    predictor.run(couple, years=20, **PLAIN)
    assert not predictor.interrupted


@pytest.mark.slow
def test_ctrl_c_ends_a_batch_with_the_photo_at_hand(tuning, portrait):
    predictor = tuning(output_path=None, progress=interrupt_at(1, "tuning to face 1"))
    result = predictor.run([portrait, portrait], years=20, **PLAIN, tune=9, blend="replace")
    assert predictor.interrupted and len(result) == 1 and not result.failures
    predictor.progress = lambda *words: None
    assert len(predictor.run([portrait, portrait], years=20, **PLAIN, tune=1, blend="replace")) == 2
    assert not predictor.interrupted


def test_a_command_says_that_it_was_interrupted(tuning, portrait, tmp_path, capsys):
    path = tmp_path / "photo.png"
    PIL.Image.fromarray(portrait).save(path)
    predictor = tuning(progress=interrupt_at(1, "tuning to face 1"))
    options = AgeOptions(input_image=[str(path)], years=[20], **PLAIN, tune=9, blend="replace")
    with pytest.raises(KeyboardInterrupt):  # which becomes the exit code 130
        run_and_report(open_inputs(str(path)), lambda job: predictor.edit_ages(job, options))
    assert "photo.age+20.png" in capsys.readouterr().out and (tmp_path / "out" / "photo.age+20.png").exists()


class _BreaksOnce(PlainDistance):
    """NaN for the second photo's picture."""

    num_targets = 0

    def prepare(self, target):
        self.num_targets += 1
        return [target * (float("nan") if self.num_targets == 2 else 1.0)]


@pytest.mark.slow
def test_a_face_that_fails_is_reported_and_the_batch_goes_on(tuning, portrait):
    predictor = tuning(output_path=None)
    predictor.__dict__["perceptual"] = _BreaksOnce()
    photos = [portrait, portrait[:, ::-1].copy(), portrait]
    with pytest.warns(FailedInputsWarning, match="the first: image-2: .*the loss became nan"):
        result = predictor.run(photos, years=20, **PLAIN, tune=1, blend="replace")
    assert len(result) == 2 and len(result.failures) == 1
    assert "the loss became nan at step 0" in str(result.failures[0].error)
    assert result.failures[0].job.stem == "image-2"


@pytest.mark.slow
def test_a_mixture_is_drawn_by_one_generator_for_both(tuning, portrait, engine, tmp_path):
    mirrored = np.ascontiguousarray(portrait[:, ::-1]) // 2
    plain = tuning(StyleGANv2MixingPredictor, output_path=None).run(portrait, mirrored)
    predictor = tuning(StyleGANv2MixingPredictor)
    result = predictor.run(portrait, mirrored, tune=15, save_tuned=True)
    state = readers.read(tmp_path / "out" / "dst.mixing.tuned.safetensors")
    assert state["pivots"].shape == (2, N_LATENT, 512)
    mixed = np.load(tmp_path / "out" / "dst.mixing.npy")
    assert np.allclose(mixed, state["pivots"].mean(axis=0), atol=1e-6)
    crops = [images_of(engine, photo) for photo in (portrait, mirrored)]
    for number in (0, 1):
        assert error(result[number], crops[number]) < 0.75 * error(plain[number], crops[number])
    assert error(result.dst, plain.dst) > 1


def images_of(engine, photo):
    return encode_face(engine, photo, choose_faces(photo, "largest")[0]).crop.image


def test_a_code_can_be_mixed_with_a_photo_that_is_tuned_to(tuning, portrait, engine, tmp_path):
    code = np.random.default_rng(0).standard_normal((N_LATENT, 512)).astype(np.float32)
    tuning(StyleGANv2MixingPredictor).run(code, portrait, tune=2, save_tuned=True)
    assert readers.read(tmp_path / "out" / "dst.mixing.tuned.safetensors")["pivots"].shape == (1, N_LATENT, 512)
    with pytest.raises(ConfigError, match=r"no photo to tune to\. Give photos"):
        tuning(StyleGANv2MixingPredictor, output_path=None).run(code, code, tune=2)


@pytest.mark.slow
def test_ctrl_c_while_mixing(tuning, portrait):
    progress = interrupt_at(1, "tuning to both faces")
    predictor = tuning(StyleGANv2MixingPredictor, output_path=None, progress=progress)
    assert predictor.run(portrait, portrait, tune=9).dst.shape == (32, 32, 3)
    assert predictor.interrupted
    with pytest.raises(KeyboardInterrupt):  # which becomes the exit code 130
        report_made(predictor.mix(portrait, portrait, MixOptions(tune=9)))


@pytest.mark.parametrize("command_name", ["age", "edit", "mix"])
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tune", "-5"], "greater than or equal to 0"),
        (["--tune", "many"], "valid integer"),
        (["--save_tuned"], "save_tuned needs tune"),
    ],
)
def test_bad_numbers_are_refused(command_name, words, message, capsys):
    assert command_line.main([command_name, *words]) == 1
    assert message in capsys.readouterr().err


def test_a_code_alone_cannot_be_tuned_to(capsys):
    assert command_line.main(["edit", "--latent", "a.npy", "--edit", "smile=1", "--tune", "5"]) == 1
    assert "tune would do nothing: a code is edited, not a photo" in capsys.readouterr().err


def test_options_come_from_yaml(tmp_path):
    (tmp_path / "tune.yaml").write_text("tune: 40\nfit_steps: 5\nsave_tuned: true\n", encoding="utf-8")
    options = command_line.read_options(COMMANDS["mix"], ["--config", str(tmp_path / "tune.yaml")], "mix")
    assert options == MixOptions(tune=40, fit_steps=5, save_tuned=True)


@pytest.mark.slow
@pytest.mark.bundled
def test_tuned_once_and_used_again_from_the_command_line(portrait, tmp_path, capsys):
    photo, once, again = tmp_path / "photo.png", tmp_path / "once", tmp_path / "again"
    PIL.Image.fromarray(portrait).save(photo)
    edit = ["--input_image", str(photo), "--years", "20", "--blend", "replace", "--detail", "0", "--grey", "0"]
    assert (
        command_line.main(["age", *edit, "--tune", "5", "--save_tuned", "--fit_steps", "2", "--output_path", str(once)])
        == 0
    )
    tuned = once / "photo.tuned.safetensors"
    assert str(tuned) in capsys.readouterr().out
    assert command_line.main(["age", *edit, "--weight_path", str(tuned), "--output_path", str(again)]) == 0
    first, second = (np.asarray(PIL.Image.open(folder / "photo.age+20.png")) for folder in (once, again))
    assert np.abs(first.astype(int) - second).max() <= 4  # half precision
    assert np.array_equal(np.load(once / "photo.npy"), np.load(again / "photo.npy"))
    plain = tmp_path / "plain"
    assert command_line.main(["age", *edit, "--output_path", str(plain)]) == 0
    assert np.abs(first.astype(int) - np.asarray(PIL.Image.open(plain / "photo.age+20.png"))).max() > 10
    assert command_line.main(["age", *edit, "--weight_path", str(tuned), "--model_type", "ffhq-inversion"]) == 1
    assert "was tuned from faces-128, not from the model 'ffhq-inversion'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "is_told"),
    [
        ("--edit smile=1 age=20", True),
        ("--direction_name age --direction_offset 9", True),
        ("--edit smile=1", False),
        ("--list_faces", False),
    ],
)
def test_who_edits_the_age_is_told_what_ageing_is(monkeypatch, capsys, tmp_path, words, is_told):
    from ppgan_ext.apps.photo import commands

    monkeypatch.setattr(commands, "run_command", lambda *_, **__: 0)  # the work itself
    photo = tmp_path / "photo.png"
    PIL.Image.new("RGB", (8, 8)).save(photo)
    assert command_line.main(f"edit --input_image {photo} {words}".split()) == 0
    assert ("'ppgan-ext age' also draws wrinkles" in capsys.readouterr().err) == is_told


@pytest.mark.parametrize(
    ("words", "is_advised"),
    [
        ("--tune 60", True),
        ("--tune 60 --save_tuned", True),
        ("", False),
        ("--tune 60 --blend replace", False),
        ("--tune 60 --list_faces", False),
    ],
)
@pytest.mark.parametrize("command", ["age", "edit --edit smile=1"])
def test_who_tunes_for_a_change_that_hides_it_is_told(monkeypatch, capsys, tmp_path, words, is_advised, command):
    from ppgan_ext.apps.photo import commands

    monkeypatch.setattr(commands, "run_command", lambda *_, **__: 0)  # the work itself
    photo = tmp_path / "photo.png"
    PIL.Image.new("RGB", (8, 8)).save(photo)
    line = f"{command} --input_image {photo} --output_path {tmp_path / 'out'} {words}"
    assert command_line.main(line.split()) == 0
    said = capsys.readouterr().err
    assert ("use it with blend replace or seamless" in said) == is_advised
    assert ("so it is left out" in said) == (is_advised and "--save_tuned" not in words)
    assert len(said.splitlines()) == (is_advised or "--list_faces" in words)
