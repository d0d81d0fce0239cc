"""Bad input of any kind: one line that names the fault and the cure, exit code 1, and no half-written file."""

import errno
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps import AgeEditingPredictor
from ppgan_ext.apps.command_line import main
from ppgan_ext.apps.predictor import Predictor
from tests.reference.remembered import pictures_measured_once
from tests.reference.toy_face_model import PLAIN

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.bundled
PLAIN_WORDS = [word for name, value in PLAIN.items() for word in (f"--{name}", value)]


@pytest.fixture(scope="module", autouse=True)
def _pictures_are_measured_once():
    with pictures_measured_once():
        yield


@pytest.fixture(scope="module")
def portrait():
    """A real face, in the public domain (NASA), from scikit-image; 512 x 512 RGB."""
    from skimage import data

    return data.astronaut()


@pytest.fixture
def photo(portrait, tmp_path):
    path = tmp_path / "photo.jpg"
    PIL.Image.fromarray(portrait).save(path, quality=95)
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture(scope="module")
def bundled():
    """A predictor with the bundled model, loaded once."""
    return AgeEditingPredictor(output_path=None, cpu=True)


@pytest.fixture
def _loaded(bundled, monkeypatch):
    """The command finds the bundled model loaded."""
    monkeypatch.setattr(Predictor, "engine", bundled.engine)


def age(*words, out):
    return main(["age", *map(str, words), "--output_path", str(out), "--cpu"])


def written(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def assert_refused(code, capsys, out, *parts):
    """One line on stderr that contains all parts, code 1, no result file, no leftovers."""
    printed = capsys.readouterr()
    assert code == 1
    lines = printed.err.splitlines()
    assert len(lines) == 1, printed.err
    assert lines[0].startswith("error: ")
    assert "Traceback" not in printed.err
    assert "unexpected" not in printed.err
    for part in parts:
        assert str(part) in lines[0], lines[0]
    assert written(out) == []


@pytest.mark.slow
def test_no_face(tmp_path, out, capsys):
    path = tmp_path / "wall.jpg"
    ramp = np.linspace(0, 255, 400)[:, None, None]
    PIL.Image.fromarray(np.broadcast_to(ramp, (400, 300, 3)).astype(np.uint8)).save(path)
    assert_refused(age(path, out=out), capsys, out, path, "no face")


def test_no_such_face_number(photo, out, capsys):
    assert_refused(age(photo, "--faces", 5, out=out), capsys, out, photo, "5")


def test_no_file(tmp_path, out, capsys):
    assert_refused(age(tmp_path / "nowhere.jpg", out=out), capsys, out, "nowhere.jpg", "no such file")


def test_no_input(out, capsys):
    assert_refused(age("--years", 20, out=out), capsys, out, "--input_image")


def test_a_folder_without_pictures(tmp_path, out, capsys):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("hello")
    assert_refused(age(folder, out=out), capsys, out, folder, "no pictures")


def test_a_truncated_jpeg(photo, out, capsys):
    photo.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])
    assert_refused(age(photo, out=out), capsys, out, photo, "truncated")


def test_a_text_file_named_png(tmp_path, out, capsys):
    path = tmp_path / "text.png"
    path.write_text("this is no picture")
    assert_refused(age(path, out=out), capsys, out, path, "not a picture", "Convert it")


def test_an_empty_file(tmp_path, out, capsys):
    path = tmp_path / "empty.jpg"
    path.touch()
    assert_refused(age(path, out=out), capsys, out, path)


def test_one_pixel(tmp_path, out, capsys):
    path = tmp_path / "dot.png"
    PIL.Image.new("RGB", (1, 1), "red").save(path)
    assert_refused(age(path, out=out), capsys, out, path, "no face")


def as_16_bit(picture):
    return PIL.Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)


def as_rgba(picture):
    picture = picture.convert("RGBA")
    picture.putalpha(255)
    return picture


FORMS = {
    "grey.png": lambda picture: picture.convert("L"),
    "deep.png": as_16_bit,
    "cmyk.jpg": lambda picture: picture.convert("CMYK"),
    "rgba.png": as_rgba,
    "palette.png": lambda picture: picture.quantize(256),
    "webp.webp": lambda picture: picture,
}


@pytest.mark.slow
@pytest.mark.usefixtures("_loaded")
@pytest.mark.parametrize("name", FORMS)
def test_every_kind_of_picture_that_can_be_edited_is(name, portrait, tmp_path, out, capsys):
    path = tmp_path / name
    # Neither square nor centred, so that a swapped axis would show.
    FORMS[name](PIL.Image.fromarray(portrait[:300, 60:420])).save(path)
    assert age(path, "--years", 20, *PLAIN_WORDS, out=out) == 0, capsys.readouterr().err
    edited = np.asarray(PIL.Image.open(out / f"{path.stem}.age+20.png"))
    assert edited.shape == (300, 360, 3)
    before = np.asarray(PIL.Image.fromarray(portrait[:300, 60:420]).convert("L"), dtype=float)
    assert np.abs(edited.mean(axis=2) - before).mean() < 12  # still the same photo
    assert written(out) == sorted([f"{path.stem}.age+20.png", f"{path.stem}.age.strip.png", f"{path.stem}.npy"])


@pytest.mark.slow
@pytest.mark.usefixtures("_loaded")
def test_of_an_animation_the_first_frame_is_edited_and_the_user_is_warned(portrait, tmp_path, out, capsys):
    path = tmp_path / "moving.gif"
    frames = [PIL.Image.fromarray(portrait[:300, 60:420]), PIL.Image.new("RGB", (360, 300))]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert age(path, "--years", 20, *PLAIN_WORDS, out=out) == 0
    assert "moving.gif: animated; only the first frame is used" in capsys.readouterr().err
    assert np.asarray(PIL.Image.open(out / "moving.age+20.png")).shape == (300, 360, 3)


@pytest.mark.alone
def test_48_megapixels(portrait, tmp_path, out, capsys):
    path = tmp_path / "huge.jpg"
    big = PIL.Image.fromarray(portrait).resize((6000, 6000), PIL.Image.Resampling.BICUBIC)
    canvas = PIL.Image.new("RGB", (8000, 6000), "grey")
    canvas.paste(big, (500, 0))
    canvas.save(path, quality=80)
    assert age(path, "--years", 20, "--photo_format", "jpg", out=out) == 0, capsys.readouterr().err
    with PIL.Image.open(out / "huge.age+20.jpg") as edited:
        assert edited.size == (8000, 6000)


def save(path, array):
    np.save(path, array)
    return path


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((5, 512), np.float32), "5 layers"),
        (np.zeros((3, 7), np.float32), "7 numbers"),
        (np.full((512,), np.nan, np.float32), "NaN"),
        (np.array(["a", "b"]), "not real numbers"),
        (np.array([{"a": 1}], dtype=object), "Python objects"),
    ],
)
def test_a_file_that_is_not_a_latent_code(array, message, tmp_path, out, capsys):
    path = save(tmp_path / "code.npy", array)
    words = ["edit", "--latent", str(path), "--edit", "age=20", "--output_path", str(out)]
    assert_refused(main(words), capsys, out, path, message)


def test_an_unknown_direction_names_the_nearest(photo, tmp_path, out, capsys):
    code = save(tmp_path / "code.npy", np.zeros(512, np.float32))
    words = ["edit", "--latent", str(code), "--direction_name", "smlie", "--direction_offset", "1"]
    assert_refused(main([*words, "--output_path", str(out)]), capsys, out, "smlie", "Did you mean 'smile'")
    assert_refused(age(photo, "--edit", "smlie=1", out=out), capsys, out, "smlie", "Did you mean 'smile'")


def test_an_unknown_model_names_the_nearest(photo, out, capsys):
    code = age(photo, "--model_type", "faces128", out=out)
    assert_refused(code, capsys, out, "faces128", "Did you mean 'faces-128'")


def test_an_unknown_flag_names_the_nearest(photo, out, capsys):
    assert_refused(age(photo, "--year", 20, out=out), capsys, out, "'--year'", "--years")


def test_an_unknown_command_names_the_nearest(out, capsys):
    assert_refused(main(["agee"]), capsys, out, "agee", "Did you mean 'age'")


def test_years_as_text(photo, out, capsys):
    assert_refused(age(photo, "--years", "twenty", out=out), capsys, out, "years", "number", "twenty")


def test_a_layer_that_the_model_does_not_have(photo, out, capsys):
    assert_refused(age(photo, "--layers", "3-40", out=out), capsys, out, "3-40")


def test_a_mistake_in_a_yaml_file_names_its_line(photo, tmp_path, out, capsys):
    config = tmp_path / "mine.yaml"
    config.write_text("blend: change\nyeras: [20]\n")
    code = age(photo, "--config", config, out=out)
    assert_refused(code, capsys, out, f"{config}:2", "yeras", "did you mean 'years'")


def test_a_weight_file_that_is_truncated(photo, tmp_path, out, capsys):
    from ppgan_ext.weights.catalog import BUNDLED_FOLDER

    path = tmp_path / "cut.safetensors"
    path.write_bytes((BUNDLED_FOLDER / "faces-128.safetensors").read_bytes()[:50_000])
    assert_refused(age(photo, "--weight_path", path, out=out), capsys, out, path)


def test_a_weight_file_of_another_architecture(photo, tmp_path, out, capsys):
    from safetensors.numpy import save_file

    path = tmp_path / "other.safetensors"
    save_file({"layer.weight": np.zeros((3, 3), np.float32)}, path)
    assert_refused(age(photo, "--weight_path", path, out=out), capsys, out, path)


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_weight_file_that_would_run_code(photo, tmp_path, out, capsys):
    path, trace = tmp_path / "bomb.pdparams", tmp_path / "trace"
    path.write_bytes(pickle.dumps({"style.1.weight": Bomb(str(trace))}))
    assert_refused(age(photo, "--weight_path", path, out=out), capsys, out, path, "mkdir")
    assert not trace.exists()


def test_an_output_folder_that_cannot_be_written(photo, tmp_path, capsys):
    out = tmp_path / "file"
    out.write_text("in the way")
    assert age(photo, out=out) == 1
    line = capsys.readouterr().err
    assert line.startswith("error: ")
    assert len(line.splitlines()) == 1
    assert str(out) in line
    assert out.read_text() == "in the way"


@pytest.mark.slow
@pytest.mark.usefixtures("_loaded")
def test_a_full_disk(photo, out, capsys, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert_refused(age(photo, "--years", 20, *PLAIN_WORDS, out=out), capsys, out, "disk is full")


@pytest.mark.slow
@pytest.mark.usefixtures("_loaded")
def test_in_a_batch_the_rest_goes_on_and_failures_are_counted(photo, portrait, tmp_path, out, capsys):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 no more")
    wall = tmp_path / "wall.png"
    PIL.Image.new("RGB", (300, 200), "white").save(wall)
    twin = tmp_path / "other" / "photo.png"
    twin.parent.mkdir()
    PIL.Image.fromarray(portrait[:, ::-1]).save(twin)
    code = age(broken, wall, tmp_path / "nowhere.jpg", photo, twin, "--years", 20, *PLAIN_WORDS, out=out)
    printed = capsys.readouterr()
    assert code == 1
    # A slow machine prints lines of progress too.
    lines = [line for line in printed.err.splitlines() if not re.match(r"[^:/]+: \d+ of \d+", line)]
    assert [line.split(":")[0] for line in lines[:3]] == ["error"] * 3
    for name, line in zip(("broken.jpg", "wall.png", "nowhere.jpg"), lines, strict=False):
        assert name in line
    assert lines[3:] == ["2 of 5 photos done, 3 failed"]
    # Two inputs of one name do not overwrite one another.
    assert {"photo.age+20.png", "photo-2.age+20.png"} <= set(written(out))
    first, second = (np.asarray(PIL.Image.open(out / f"{stem}.age+20.png")) for stem in ("photo", "photo-2"))
    assert np.abs(first.astype(int) - second).mean() > 5


@pytest.mark.slow
def test_ctrl_c_in_a_batch_keeps_what_is_done(portrait, tmp_path, out):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(60):
        PIL.Image.fromarray(portrait).save(photos / f"{number:02}.jpg", quality=95)
    words = [sys.executable, ROOT / "applications/tools/age_editing.py", "--input_image", photos, "--years", "20"]
    words += PLAIN_WORDS
    process = subprocess.Popen(
        [*map(str, words), "--output_path", str(out), "--cpu"],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not (out / "00.npy").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.startswith("interrupted: ")
    assert " of 60 photos done, 0 failed" in errors
    assert len(errors.splitlines()) == 1
    names = written(out)
    assert not [name for name in names if name.startswith(".part-")]
    for name in names:
        if name.endswith(".png"):
            PIL.Image.open(out / name).load()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps_before", "files"), [(0, []), (2, ["dst.fitting.npy", "dst.fitting.png", "src.fitting.png"])]
)
def test_ctrl_c_in_the_projector_keeps_the_best_if_there_is_one(steps_before, files, photo, out, capsys, monkeypatch):
    from ppgan_ext.engine import Synthesizer

    plain, calls = Synthesizer.render_tensor, []

    def interrupt(self, *words, **settings):
        calls.append(1)
        if len(calls) > steps_before:
            raise KeyboardInterrupt
        return plain(self, *words, **settings)

    monkeypatch.setattr(Synthesizer, "render_tensor", interrupt)
    code = main(["fit", str(photo), "--need_align", "--step", "500", "--output_path", str(out), "--cpu"])
    assert code == 130
    assert capsys.readouterr().err == "error: interrupted; files written so far are complete\n"
    assert written(out) == files


def test_a_bug_is_one_line_and_with_debug_a_traceback(photo, out, capsys, monkeypatch):
    from ppgan_ext import images

    def broken(_):
        raise ZeroDivisionError("something we did not think of")

    monkeypatch.setattr(images, "read_photo", broken)
    assert age(photo, out=out) == 1
    line = capsys.readouterr().err
    assert line.startswith(
        "error: unexpected ZeroDivisionError: something we did not think of. Run it again with --debug"
    )
    assert len(line.splitlines()) == 1
    assert age(photo, "--debug", out=out) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err
