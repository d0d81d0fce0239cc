"""The predictors on real networks of toy size and real photos: what PaddleGAN's do, and where they differ from it."""

import io

import numpy as np
import PIL.Image
import pytest

from ppgan_ext import apps
from ppgan_ext.apps.batch import BatchResult, FailedInputsWarning
from ppgan_ext.apps.predictor import Predictor
from ppgan_ext.errors import ConfigError, InputError, NoFaceError
from tests.reference.toy_face_model import N_LATENT, SIZE, names, toy_face_model

PREDICTORS = [getattr(apps, name) for name in apps.__all__]


def code(seed):
    return np.random.default_rng(seed).standard_normal((N_LATENT, 512)).astype(np.float32)


# Names


def test_names_are_loaded_when_they_are_used():
    assert sorted(apps.__all__) == dir(apps)
    assert len(PREDICTORS) == 9
    with pytest.raises(AttributeError, match="StyleGANv3Predictor"):
        apps.StyleGANv3Predictor  # noqa: B018


def test_what_is_not_carried_over_names_its_substitute():
    with pytest.raises(ImportError, match=r"StyleCLIP is not carried over from PaddleGAN\. Find directions with tools"):
        from ppgan_ext.apps import StyleGANv2ClipPredictor  # noqa: F401


@pytest.mark.parametrize("kind", [kind for kind in PREDICTORS if issubclass(kind, Predictor)])
def test_an_unknown_model_is_refused_at_once(kind):
    with pytest.raises(ConfigError, match="faces-128"):
        kind(model_type="faces-127")


# StyleGANv2Predictor


@pytest.mark.slow
def test_generate(make, tmp_path):
    from PIL import Image

    predictor = make(apps.StyleGANv2Predictor, seed=5)
    result = predictor.run(n_row=2, n_col=3, save_latents=True)
    sheets = ["sample.png", "sample_mixing_0.png", "sample_mixing_1.png"]
    assert names(tmp_path / "out") == sorted([*sheets, *(f"sample_{i}.npy" for i in range(1, 7))])
    assert result.sample.shape == (2 * SIZE, 3 * SIZE, 3)
    assert result.mixing_0.shape == (3 * SIZE, 4 * SIZE, 3)
    for name, sheet in zip(sheets, result[:3], strict=True):
        assert np.array_equal(np.asarray(Image.open(tmp_path / "out" / name)), sheet)
    # The codes are those of the sheet, row by row.
    second_row_first = predictor.engine.synthesizer.render(np.load(tmp_path / "out" / "sample_4.npy")[None])
    tile = np.clip(np.rint((second_row_first[0].transpose(1, 2, 0) + 1) * 127.5), 0, 255)
    assert np.abs(tile - result.sample[SIZE : 2 * SIZE, :SIZE]).max() <= 1


@pytest.mark.slow
def test_same_seed_same_bytes_another_seed_others(make):
    first, again, other = (make(apps.StyleGANv2Predictor, seed=s, output_path=None).run(1, 2) for s in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.sample, other.sample)


@pytest.mark.slow
def test_truncation_shrinks_towards_the_average(make, engine):
    codes = make(apps.StyleGANv2Predictor, seed=1, output_path=None)
    distance = [
        np.linalg.norm(codes.run(1, 3, truncation=psi).latent - engine.synthesizer.w_avg) for psi in (0.0, 0.5, 1.0)
    ]
    assert distance[0] < 1e-3
    assert distance[1] == pytest.approx(distance[2] / 2, rel=1e-4)


def test_a_seed_draws_its_face_alone_and_among_others(make, engine, tmp_path):
    many = make(apps.StyleGANv2Predictor).run(n_col=2, seeds=["0-2", 7], save_latents=True)
    stems = [f"seed{seed:04d}" for seed in (0, 1, 2, 7)]
    files = [f"{stem}{suffix}" for stem in stems for suffix in (".npy", ".png")]
    assert names(tmp_path / "out") == sorted(["sample.png", *files])
    assert many.sample.shape == (2 * SIZE, 2 * SIZE, 3)
    assert many.mixing_0 is None and many.mixing_1 is None
    alone = make(apps.StyleGANv2Predictor, output_path=None).run(seeds=7)
    assert np.array_equal(alone.latent[0], many.latent[3])
    z = np.random.RandomState(7).randn(1, engine.synthesizer.style_dim).astype(np.float32)  # as NVIDIA's tools
    w = engine.synthesizer.w_avg + 0.7 * (engine.synthesizer.map(z)[0] - engine.synthesizer.w_avg)
    assert np.allclose(alone.latent[0], w, atol=1e-5)


@pytest.mark.slow
def test_a_film_passes_through_the_sheet_and_back(make, tmp_path):
    from PIL import Image

    make(apps.StyleGANv2Predictor).run(seeds=[1, 2], save_gif=True)
    with Image.open(tmp_path / "out" / "sample.gif") as film:
        assert film.size == (SIZE, SIZE) and film.n_frames == 24


def test_the_mixing_sheet_takes_shape_from_the_left_and_the_rest_from_above(make, engine):
    sheet = make(apps.StyleGANv2Predictor, seed=5, output_path=None).run(n_row=2, n_col=3).mixing_0
    tiles = sheet.reshape(3, SIZE, 4, SIZE, 3).swapaxes(1, 2)
    assert (tiles[0, 0] == 255).all()
    assert len({tiles[i, j].tobytes() for i in range(3) for j in range(4)}) == 12


# StyleGANv2EditingPredictor


def test_edit_a_code(make, engine, tmp_path):
    w = code(1)
    np.save(tmp_path / "w.npy", w)
    result = make(apps.StyleGANv2EditingPredictor).run(str(tmp_path / "w.npy"), "age", 7.5)
    src, dst, latent = result
    assert names(tmp_path / "out") == ["dst.editing.npy", "dst.editing.png", "src.editing.png"]
    assert src.shape == dst.shape == (SIZE, SIZE, 3)
    assert src.dtype == dst.dtype == np.uint8
    from ppgan_ext.latents.directions import load_directions

    vector = load_directions(str(engine.face_model.directions_file), N_LATENT)["age"].vector
    assert np.allclose(latent, w + 7.5 * vector, atol=1e-6)
    assert np.array_equal(np.load(tmp_path / "out" / "dst.editing.npy"), latent)


def test_several_edits_at_once_on_some_layers(make):
    predictor = make(apps.StyleGANv2EditingPredictor, output_path=None)
    w = code(1)
    both = predictor.run(w, edit={"age": 5, "smile": -2}, layers=["coarse", 6]).latent
    one_by_one = predictor.run(predictor.run(w, "age", 5).latent, "smile", -2).latent
    rows = [0, 1, 2, 3, 6]
    assert np.allclose(both[rows], one_by_one[rows], atol=1e-6)
    assert np.array_equal(both[[4, 5, 7]], w[[4, 5, 7]])


def test_edit_a_list_of_codes(make, tmp_path):
    np.save(tmp_path / "a.npy", code(1))
    np.save(tmp_path / "b.npy", np.zeros((3, 4), np.float32))
    with pytest.warns(FailedInputsWarning, match="1 of 2 inputs failed.*b.npy"):
        result = make(apps.StyleGANv2EditingPredictor).run([tmp_path / "a.npy", tmp_path / "b.npy"], "age", 5)
    assert isinstance(result, BatchResult)
    assert len(result) == 1
    assert [failure.job.stem for failure in result.failures] == ["b"]
    assert names(tmp_path / "out" / "a") == ["dst.editing.npy", "dst.editing.png", "src.editing.png"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "nothing to edit"),
        ({"direction": "agee", "offset": 1}, "Did you mean 'age'"),
        ({"direction": "age", "offset": 3, "edit": {"age": 2}}, "given twice"),
        ({"edit": {"age": 2}, "layers": ["9"]}, "no layer '9'"),
        ({"edit": {"age": 2}, "layers": ["5-3"]}, "no layer '5-3'"),
    ],
)
def test_edits_that_cannot_be_made(make, settings, message):
    with pytest.raises(ConfigError, match=message):
        make(apps.StyleGANv2EditingPredictor, output_path=None).run(code(1), **settings)


def test_a_photo_for_a_code_names_run_photo(make, portrait, tmp_path):
    PIL.Image.fromarray(portrait).save(tmp_path / "a.jpg")
    predictor = make(apps.StyleGANv2EditingPredictor, output_path=None)
    content = io.BytesIO((tmp_path / "a.jpg").read_bytes())
    for photo in (tmp_path / "a.jpg", portrait, PIL.Image.fromarray(portrait), content):
        with pytest.raises(InputError, match=r"is a photo, .*run_photo, or to the command as --input_image"):
            predictor.run(photo, "age", 5)


@pytest.mark.slow
def test_edit_the_faces_of_a_photo(make, couple, tmp_path):
    predictor = make(apps.StyleGANv2EditingPredictor)
    result = predictor.run_photo(couple, {"age": 400, "smile": 100})
    assert names(tmp_path / "out") == [
        "image.age+400.smile+100.png", "image.age+400.smile+100.strip.png", "image.face1.npy", "image.face2.npy",
    ]  # fmt: skip
    predictor.run_photo(couple, {"smile": 100}, faces=1)
    assert {"image.smile+100.png", "image.edit.strip.png"} <= {path.name for path in predictor.files}
    assert result.latent.shape == (2, N_LATENT, 512)
    assert result.dst.shape == couple.shape
    assert np.array_equal(result.src, couple)


# StyleGANv2MixingPredictor


def test_mix_codes(make, tmp_path):
    first, second = code(1), code(2)
    src1, src2, dst = make(apps.StyleGANv2MixingPredictor).run(first, second, [1] * 3 + [0] * 4 + [0.25])
    assert names(tmp_path / "out") == ["dst.mixing.npy", "dst.mixing.png", "src1.mixing.png", "src2.mixing.png"]
    mixed = np.load(tmp_path / "out" / "dst.mixing.npy")
    assert np.array_equal(mixed[:3], first[:3])
    assert np.array_equal(mixed[3:7], second[3:7])
    assert np.allclose(mixed[7], 0.25 * first[7] + 0.75 * second[7], atol=1e-6)
    assert {image.shape for image in (src1, src2, dst)} == {(SIZE, SIZE, 3)}
    assert not np.array_equal(src1, src2)


def test_mix_by_level_and_by_halves(make, tmp_path):
    predictor = make(apps.StyleGANv2MixingPredictor)
    first, second = code(1), code(2)
    predictor.run(first, second, levels={"coarse": 1})
    mixed = np.load(tmp_path / "out" / "dst.mixing.npy")
    assert np.array_equal(mixed[:4], first[:4])
    assert np.allclose(mixed[4:], (first[4:] + second[4:]) / 2, atol=1e-6)
    predictor.run(first, second)
    assert np.allclose(np.load(tmp_path / "out" / "dst.mixing.npy"), (first + second) / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"weights": 2}, ["weights: 2 is far beyond 0 to 1, the range of sensible amounts"]),
        ({"weights": [0.5] * 7 + [-0.25]}, ["weights: -0.25 is beyond 0 to 1, the range of sensible amounts"]),
        ({"levels": {"coarse": 1.25}}, ["levels: 1.25 is beyond 0 to 1, the range of sensible amounts"]),
        ({"weights": [0.0, 1.0] * 4}, []),
    ],
)
def test_shares_beyond_both_codes_are_told(make, how, told):
    predictor = make(apps.StyleGANv2MixingPredictor, output_path=None)
    predictor.run(code(1), code(2), **how)
    assert predictor.notes == told


def test_mixing_weights_of_another_model_are_refused(make):
    with pytest.raises(ConfigError, match="8 layers"):
        make(apps.StyleGANv2MixingPredictor, output_path=None).run(code(1), code(2), [0.5] * 18)


def test_photos_can_be_mixed(make, engine, portrait, tmp_path):
    path = tmp_path / "photo.png"
    PIL.Image.fromarray(portrait).save(path)
    result = make(apps.StyleGANv2MixingPredictor, output_path=None).run(path, portrait[:, ::-1].copy(), 1.0)
    encoded = make(apps.Pixel2Style2PixelPredictor, output_path=None).run(path)
    assert np.array_equal(result.src1, encoded.dst)
    assert np.array_equal(result.dst, encoded.dst)


def test_the_faces_to_mix_can_be_chosen(make, couple):
    predictor = make(apps.StyleGANv2MixingPredictor, output_path=None)
    faces = [make(apps.Pixel2Style2PixelPredictor, output_path=None).run(couple, face=number).dst for number in (1, 2)]
    assert not np.array_equal(*faces)
    first, second, _ = predictor.run(couple, couple, face1=2)
    assert np.array_equal(first, faces[1]) and np.array_equal(second, faces[0])
    with pytest.raises(NoFaceError, match="no face 3"):
        predictor.run(couple, couple, face2=3)
    with pytest.raises(ConfigError, match="a code has no faces"):
        predictor.run(couple, code(1), face2=2)


# Pixel2Style2PixelPredictor


def test_encode(make, engine, portrait, tmp_path):
    src, dst, latent = make(apps.Pixel2Style2PixelPredictor).run(PIL.Image.fromarray(portrait))
    assert names(tmp_path / "out") == ["dst.npy", "dst.png", "src.png"]
    assert src.shape == dst.shape == (SIZE, SIZE, 3)
    assert src.dtype == dst.dtype == np.uint8
    assert latent.shape == (N_LATENT, 512)
    assert np.array_equal(np.load(tmp_path / "out" / "dst.npy"), latent)
    assert np.array_equal(np.asarray(PIL.Image.open(tmp_path / "out" / "dst.png")), dst)
    pixels = src.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1
    assert np.allclose(engine.encode(pixels)[0], latent, atol=1e-5)


def test_encode_a_folder(make, portrait, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    PIL.Image.fromarray(portrait).save(folder / "a.png")
    PIL.Image.new("RGB", (200, 150)).save(folder / "b.png")
    (folder / "c.jpg").write_text("no picture")
    with pytest.warns(FailedInputsWarning, match="2 of 3 inputs failed"):
        result = make(apps.Pixel2Style2PixelPredictor).run(folder)
    assert len(result) == 1
    assert [type(failure.error) for failure in result.failures] == [NoFaceError, InputError]
    assert names(tmp_path / "out") == ["a.npy", "a/dst.npy", "a/dst.png", "a/src.png"]


@pytest.mark.slow
def test_the_second_face_is_another(make, couple):
    predictor = make(apps.Pixel2Style2PixelPredictor, output_path=None)
    first = predictor.run(couple).src
    assert predictor.notes == ["2 faces; the largest is encoded, --face chooses"]
    second = predictor.run(couple, face=2).src
    assert predictor.notes == []
    assert np.abs(first.astype(int) - second).mean() > 5
    with pytest.raises(NoFaceError):
        predictor.run(couple, face=3)


def test_a_model_without_an_encoder_says_what_to_do(tmp_path, portrait):
    from ppgan_ext.engine import open_model

    predictor = apps.AgeEditingPredictor(output_path=None)
    predictor.__dict__["engine"] = open_model(toy_face_model(tmp_path, encoder=False), device="cpu", compiled=False)
    with pytest.raises(ConfigError, match="no encoder") as caught:
        predictor.run(portrait)
    assert "ppgan-ext fit" in str(caught.value)


def test_a_model_without_directions_says_what_to_do(tmp_path, portrait):
    from ppgan_ext.engine import open_model

    predictor = apps.AgeEditingPredictor(output_path=None)
    predictor.__dict__["engine"] = open_model(toy_face_model(tmp_path, directions=False), device="cpu", compiled=False)
    with pytest.raises(ConfigError, match="--direction_path"):
        predictor.run(portrait)


def test_a_turn_is_lengthened_in_photos_and_not_in_codes(make, engine, portrait):
    from ppgan_ext.latents.directions import load_directions

    vector = load_directions(str(engine.face_model.directions_file), N_LATENT)["yaw"].vector
    predictor = make(apps.StyleGANv2EditingPredictor, output_path=None)
    turned, still = (predictor.run_photo(portrait, edit={"yaw": amount, "smile": 1}).latent for amount in (10.0, 0.0))
    assert np.allclose(turned - still, 13.0 * vector, atol=1e-5)
    w = code(1)
    assert np.allclose(predictor.run(w, "yaw", 10.0).latent, w + 10.0 * vector, atol=1e-5)
