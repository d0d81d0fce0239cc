"""Cutting faces out of a folder of photos: what is written, what is skipped, and how a stopped run continues."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps import command_line
from ppgan_ext.apps.faces_data import cutting
from ppgan_ext.apps.faces_data.cutting import FaceCutter, Summary, prepare_faces
from ppgan_ext.apps.faces_data.options import PrepareOptions
from ppgan_ext.errors import ConfigError, InputError, OutputError
from ppgan_ext.faces.align import TEMPLATES, crop_face
from ppgan_ext.faces.detect import find_faces
from ppgan_ext.images import read_image
from tests.reference.drawn import DrawnFace, draw_photo

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "prepare_faces.py"
LARGE, SMALL = DrawnFace((105, 100), 34), DrawnFace((290, 110), 22)


@pytest.fixture(scope="session")
def album(tmp_path_factory):
    """Four photos: one face, a large and a small face, no face, no picture."""
    root = tmp_path_factory.mktemp("album")
    (root / "trip").mkdir()
    PIL.Image.fromarray(draw_photo((220, 230), [LARGE])[0]).save(root / "anna.jpg", quality=95)
    PIL.Image.fromarray(draw_photo((400, 220), [SMALL, LARGE])[0]).save(root / "trip" / "two.png")
    PIL.Image.fromarray(draw_photo((160, 120), [])[0]).save(root / "view.png")
    (root / "broken.jpg").write_bytes(b"not a picture")
    return root


@pytest.fixture(scope="session")
def prepared(album, tmp_path_factory):
    """The faces of the album, with their summary."""
    folder = tmp_path_factory.mktemp("prepared") / "faces"
    return folder, prepare_faces(options(album, output=str(folder), jobs=3))


@pytest.fixture
def photos(album, tmp_path):
    return Path(shutil.copytree(album, tmp_path / "photos"))


@pytest.fixture
def done(photos, prepared):
    """The faces of `photos`, as an earlier run has left them beside them."""
    return Path(shutil.copytree(prepared[0], photos.parent / "faces"))


class PoolInThisProcess:
    """Stands for a `WorkerPool` where processes are not the subject: each takes a second to find its first face."""

    def __init__(self, function, num_workers):
        self.function = pickle.loads(pickle.dumps(function))

    def ask(self, task):
        return task

    def take(self, task):
        return pickle.loads(pickle.dumps(self.function(task)))

    def close(self):
        pass


@pytest.fixture
def _in_this_process(monkeypatch):
    monkeypatch.setattr(cutting, "WorkerPool", PoolInThisProcess)


in_this_process = pytest.mark.usefixtures("_in_this_process")


def options(photos, **settings):
    given = {
        "input": str(photos),
        "output": str(photos.parent / "faces"),
        "size": 64,
        "min_size": 30,
        "jobs": 1,
        "recursive": True,
    }
    return PrepareOptions(**{**given, **settings})


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def contents(folder):
    return {name: (folder / name).read_bytes() for name in files(folder)}


def manifest(folder):
    header, *entries = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    return header, {entry["source"]: entry for entry in entries}


FACES = ["anna.jpg.1.png", "trip/two.png.1.png", "trip/two.png.2.png"]


def test_every_face_is_cut_out_and_recorded(album, prepared):
    photos, (folder, summary) = album, prepared
    assert files(folder) == [FACES[0], "manifest.jsonl", *FACES[1:]]
    assert str(summary) == "2 of 4 photos done, 3 faces written, 2 photos failed"
    header, entries = manifest(folder)
    assert header["options"] == {"size": 64, "crop": "ffhq", "which": "all", "min_size": 30}
    assert list(entries) == ["anna.jpg", "broken.jpg", "trip/two.png", "view.png"]
    for name in ("anna.jpg", "trip/two.png"):
        photo = read_image(photos / name)
        faces = find_faces(photo)
        entry = entries[name]
        assert entry["bytes"] == (photos / name).stat().st_size
        assert entry["pixels_sha256"] == hashlib.sha256(photo.tobytes()).hexdigest()
        assert len(entry["faces"]) == len(faces)
        for record, face in zip(entry["faces"], faces, strict=True):
            np.testing.assert_array_equal(read_image(folder / record["file"]), crop_face(photo, face, "ffhq", 64).image)
            assert record["sha256"] == hashlib.sha256((folder / record["file"]).read_bytes()).hexdigest()
            np.testing.assert_allclose(
                record["box"], [face.box.left, face.box.top, face.box.right, face.box.bottom], atol=0.05
            )
    # The drawn eyes lie within the box that is recorded, left, top, right, bottom.
    left, top, right, bottom = entries["anna.jpg"]["faces"][0]["box"]
    assert left < 105 - 17 < 105 + 17 < right
    assert top < 100 < bottom
    assert entries["broken.jpg"]["error"] == "is not a picture in a format that can be read"
    assert entries["view.png"]["error"] == "no face was found"
    assert set(summary.failures) == {"broken.jpg", "view.png"}


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(photos, prepared):
    prepare_faces(options(photos))
    assert contents(photos.parent / "faces") == contents(prepared[0])


@pytest.mark.slow
@in_this_process
def test_which_and_how_large_a_face_must_be(photos):
    for name in ("anna.jpg", "view.png", "broken.jpg"):
        (photos / name).unlink()
    summary = prepare_faces(options(photos, which="largest", crop="tight"))
    folder = photos.parent / "faces"
    assert files(folder) == ["manifest.jsonl", FACES[1]]
    photo = read_image(photos / "trip" / "two.png")
    faces = find_faces(photo)
    np.testing.assert_array_equal(read_image(folder / FACES[1]), crop_face(photo, faces[0], "tight", 64).image)
    widths = [face.box.width for face in faces]
    assert widths[0] > 70 > widths[1]
    summary = prepare_faces(options(photos, min_size=70, output=str(photos.parent / "large")))
    assert str(summary) == "1 of 1 photo done, 1 face written, 1 face left out as too small, 0 photos failed"
    summary = prepare_faces(options(photos, min_size=300, output=str(photos.parent / "huge")))
    assert summary.failures["trip/two.png"].startswith(f"its widest face has {widths[0]:.0f} pixels, less than 300")


def test_a_second_run_skips_what_is_done(photos, done, monkeypatch):
    before = contents(done)
    monkeypatch.setattr(cutting, "WorkerPool", None)  # nothing to do needs no process
    second = prepare_faces(options(photos))
    assert contents(done) == before
    assert (second.num_before, second.num_done, second.failures) == (4, 0, {})
    assert str(second) == "0 of 4 photos done, 0 faces written, 4 photos done before, 2 of them failed, 0 photos failed"


@pytest.mark.slow
@in_this_process
def test_what_is_new_changed_or_lost_is_done_again(photos, done):
    folder = done
    before = contents(folder)
    (folder / FACES[2]).unlink()  # lost
    shutil.copy(photos / "anna.jpg", photos / "new.jpg")
    assert prepare_faces(options(photos)).num_done == 2
    after = contents(folder)
    assert after[FACES[2]] == before[FACES[2]]
    assert after["new.jpg.1.png"] == after["anna.jpg.1.png"]
    shutil.copy(photos / "anna.jpg", photos / "trip" / "two.png")  # changed: one face where there were two
    assert prepare_faces(options(photos)).num_done == 1
    assert files(folder) == [FACES[0], "manifest.jsonl", "new.jpg.1.png", FACES[1]]
    assert prepare_faces(options(photos)).num_before == 5


@in_this_process
def test_failures_are_tried_again_when_asked_for_or_mended(photos, done):
    assert set(prepare_faces(options(photos, retry=True)).failures) == {"broken.jpg", "view.png"}
    shutil.copy(photos / "anna.jpg", photos / "broken.jpg")
    summary = prepare_faces(options(photos))
    assert (summary.num_done, summary.failures) == (1, {})


@in_this_process
def test_half_a_line_is_dropped_and_its_photo_done_again(photos, done):
    path = done / "manifest.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert set(prepare_faces(options(photos)).failures) == {"view.png"}
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size": 32}, "the folder was made with --size 64, not --size 32. Use the same options, or choose another"),
        ({"crop": "tight", "which": "largest"}, "--crop ffhq --which all, not --crop tight --which largest"),
        ({"min_size": 31}, "--min_size 30, not --min_size 31"),
    ],
)
def test_other_options_than_the_manifests_are_refused(photos, done, changed, message):
    before = contents(done)
    with pytest.raises(ConfigError) as caught:
        prepare_faces(options(photos, **changed))
    assert message in str(caught.value)
    assert contents(done) == before
    assert prepare_faces(options(photos, jobs=2)).num_before == 4


@pytest.mark.parametrize("text", ["", "not json\n", '{"format": 2, "options": {}}\n', "[]\n", '{"format": 1}\n'])
def test_a_damaged_manifest_is_refused_and_left_alone(photos, text):
    folder = photos.parent / "faces"
    folder.mkdir()
    (folder / "manifest.jsonl").write_text(text)
    with pytest.raises(InputError, match=r"manifest\.jsonl: is not a valid manifest"):
        prepare_faces(options(photos))
    assert (folder / "manifest.jsonl").read_text() == text


def test_folders_that_cannot_be_used_are_refused(photos):
    with pytest.raises(ConfigError, match=r"--input is missing"):
        prepare_faces(PrepareOptions())
    for output in (photos, photos / "faces", photos.parent, photos / "x" / ".."):
        with pytest.raises(ConfigError, match=r"--output: .* lie within one another"):
            prepare_faces(options(photos, output=str(output)))
    others = photos.parent / "others"
    others.mkdir()
    shutil.copy(photos / "anna.jpg", others)
    with pytest.raises(OutputError, match=r"others: holds pictures but no manifest\.jsonl"):
        prepare_faces(options(photos, output=str(others)))
    assert files(others) == ["anna.jpg"]
    with pytest.raises(InputError, match="no such file or folder"):
        prepare_faces(options(photos, input=str(photos / "nothing")))


@in_this_process
def test_photos_are_read_from_a_zip(photos, tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.write(photos / "trip" / "two.png", "trip/two.png")
    prepare_faces(options(photos, input=str(tmp_path / "photos.zip")))
    assert files(tmp_path / "faces") == ["manifest.jsonl", *FACES[1:]]
    assert prepare_faces(options(photos, input=str(tmp_path / "photos.zip"))).num_before == 1


@in_this_process
def test_names_out_of_a_pack_cannot_lead_out_of_the_folder(photos, tmp_path):
    data = np.frombuffer((photos / "anna.jpg").read_bytes(), np.uint8)
    names = np.array(["../../../escaped", "C:\\a"])
    np.savez(tmp_path / "p.npz", encoded=np.tile(data, 2), ends=np.array([1, 2]) * data.size, name=names)
    prepare_faces(options(photos, input=str(tmp_path / "p.npz"), output=str(tmp_path / "deep" / "faces")))
    assert files(tmp_path / "deep") == [
        "faces/manifest.jsonl",
        "faces/p.npz/C__a.1.png",
        "faces/p.npz/_/_/_/escaped.1.png",
    ]


class DeadlyCutter(FaceCutter):
    """Ends its process over one photo."""

    def __call__(self, index):
        if self.source.name(index) == "anna.jpg":
            os._exit(9)
        return super().__call__(index)


@pytest.mark.slow
def test_a_photo_that_kills_its_process_fails_alone(photos, monkeypatch):
    parts = __name__.split(".")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[len(parts) - 1]))
    monkeypatch.setattr(cutting, "FaceCutter", DeadlyCutter)
    summary = prepare_faces(options(photos))
    assert "a worker process ended with code 9" in summary.failures["anna.jpg"]
    assert set(summary.failures) == {"anna.jpg", "broken.jpg", "view.png"}
    assert files(photos.parent / "faces") == ["manifest.jsonl", *FACES[1:]]


@pytest.mark.slow
@in_this_process
def test_a_full_disk_ends_the_run_and_keeps_what_is_done(photos, monkeypatch):
    write = cutting.write_bytes

    def fill(path, data):
        if "two" in path.name:
            raise OutputError("the disk is full", where=path)
        write(path, data)

    with monkeypatch.context() as patch, pytest.raises(OutputError, match="the disk is full"):
        patch.setattr(cutting, "write_bytes", fill)
        prepare_faces(options(photos))
    assert list(manifest(photos.parent / "faces")[1]) == ["anna.jpg", "broken.jpg"]
    assert prepare_faces(options(photos)).num_before == 2
    assert set(FACES) < set(files(photos.parent / "faces"))


@pytest.mark.slow
@in_this_process
def test_the_command_names_each_failure_and_counts(photos, capsys):
    words = ["prepare", str(photos), "--output", str(photos.parent / "faces"), "--size", "64", "--min_size", "30"]
    words.append("--recursive")
    assert command_line.main(words) == 1
    output, errors = capsys.readouterr()
    assert output == f"{photos.parent / 'faces'}\n"
    lines = errors.splitlines()
    assert lines[0].startswith(f"error: {photos / 'broken.jpg'}: is not a picture")
    assert lines[1].startswith("error: view.png: no face was found. ")
    assert lines[2:] == ["2 of 4 photos done, 3 faces written, 2 photos failed"]
    assert command_line.main(words) == 1  # they have failed still
    assert capsys.readouterr().err.splitlines() == [
        "error: broken.jpg: is not a picture in a format that can be read (in an earlier run; --retry tries it again)",
        "error: view.png: no face was found (in an earlier run; --retry tries it again)",
        "0 of 4 photos done, 0 faces written, 4 photos done before, 2 of them failed, 0 photos failed",
    ]
    assert command_line.main([*words, "--crop", "tihgt"]) == 1


@pytest.mark.slow
@in_this_process
def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(photos, monkeypatch, capsys):
    def interrupted(*arguments):
        prepare_faces(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(cutting, "prepare_faces", interrupted)
    words = ["--input", str(photos), "--output", str(photos.parent / "faces"), "--size", "64", "--min_size", "30"]
    assert command_line.main(["prepare", *words, "--recursive"]) == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "interrupted: 2 of 4 photos done, 3 faces written, 2 photos failed; run it again to go on"


def as_if_unbroken(prepared, copies):
    """What an unbroken run over the album and copies of its photo of two leaves, from the album's own result."""
    expected, source = contents(prepared), "trip/two.png"
    header, *lines = expected["manifest.jsonl"].decode().splitlines(keepends=True)
    (line,) = (line for line in lines if f'"source": "{source}"' in line)
    for name in copies:
        for number in (1, 2):
            expected[f"{name}.{number}.png"] = expected[f"{source}.{number}.png"]
        lines.append(line.replace(source, name))
    lines.sort(key=lambda line: json.loads(line)["source"])
    expected["manifest.jsonl"] = "".join([header, *lines]).encode()
    return expected


# A shell that starts the tests in the background has them ignore Ctrl-C, and so would the script.
HEARING = "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); del sys.argv[0]; "
HEARING += "runpy.run_path(sys.argv[0], run_name='__main__')"


@pytest.mark.slow
@in_this_process  # which goes on
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_cut_short_goes_on_to_the_same_result(photos, prepared, number):
    copies = [f"copy{i:02}.png" for i in range(60)]  # far more than are done before the signal
    for name in copies:
        shutil.copy(photos / "trip" / "two.png", photos / name)
    folder = photos.parent / "faces"
    words = ["--input", str(photos), "--output", str(folder), "--size", "64", "--min_size", "30", "--jobs", "2"]
    process = subprocess.Popen(
        [sys.executable, "-c", HEARING, str(SCRIPT), *words], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not list(folder.glob("copy*.png")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.kill()
    assert process.wait(timeout=60) == (130 if number == signal.SIGINT else -number)
    errors = process.stderr.read()  # ends when no worker holds the stream any more
    process.stderr.close()
    begun = [name for name in copies if (folder / f"{name}.1.png").exists()]
    assert 1 <= len(begun) < 60
    if number == signal.SIGINT:
        assert errors.splitlines()[-1].startswith("interrupted: ")
        assert "run it again to go on" in errors.splitlines()[-1]
        assert not list(folder.rglob(".part-*"))
    kept = copies[: len(begun) + 2]
    for name in copies[len(kept) :]:
        (photos / name).unlink()
    prepare_faces(options(photos))
    finished = {name: data for name, data in contents(folder).items() if ".part-" not in name}
    assert finished == as_if_unbroken(prepared[0], kept)


def test_the_script_is_thin_and_explains_itself_from_any_folder(tmp_path):
    assert len(SCRIPT.read_text().splitlines()) <= 40
    words = [sys.executable, "-X", "importtime", str(SCRIPT), "--help"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: prepare_faces.py ")
    assert "--min_size" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"paddle", "cv2", "dlib"}


def test_the_choices_are_the_templates():
    assert set(TEMPLATES) == {"ffhq", "tight"}
    for crop in TEMPLATES:
        assert PrepareOptions(crop=crop).crop == crop
    assert str(Summary(1, 0, 1, 1, 1)).startswith("1 of 1 photo done, 1 face written, 1 face left out as too small")


def test_subfolders_are_searched_on_request_and_told(photos, capsys):
    words = ["prepare", str(photos), "--output", str(photos.parent / "faces"), "--size", "64", "--min_size", "30"]
    (photos / "notes.txt").write_text("hello")
    assert command_line.main(words) == 1
    first, *_, last = capsys.readouterr().err.splitlines()
    left_out = "left out: 1 file that is no picture: notes.txt; 1 subfolder, which --recursive searches: trip"
    assert first == f"note: {left_out}"
    assert last == "1 of 3 photos done, 1 face written, 2 photos failed"  # what was said once
    assert command_line.main([*words, "--recursive"]) == 1
    assert FACES[1] in files(photos.parent / "faces")


@in_this_process
def test_names_that_some_file_system_takes_for_one_give_different_files(photos):
    for name in ("broken.jpg", "view.png"):
        (photos / name).unlink()
    colons = ("IMG 10:30.jpg", "IMG 10_30.jpg", "IMG 10*30.jpg", "img 10_30.jpg")
    for name in colons:
        shutil.copy(photos / "anna.jpg", photos / name)
    summary = prepare_faces(options(photos, recursive=False))
    folder = photos.parent / "faces"
    assert summary.num_faces == len(list(folder.glob("*.png"))) == 5
    _, entries = manifest(folder)
    made = [face["file"] for entry in entries.values() for face in entry["faces"]]
    assert len({name.casefold() for name in made}) == 5 and not any(set(':*?"<>|') & set(name) for name in made)
    assert set(entries) == {"anna.jpg", *colons}
    # Another run, and another photo, keep the names that were given.
    (photos / "IMG 10?30.jpg").write_bytes((photos / "anna.jpg").read_bytes())
    (folder / entries["IMG 10_30.jpg"]["faces"][0]["file"]).unlink()
    assert prepare_faces(options(photos, recursive=False)).num_done == 2
    _, again = manifest(folder)
    assert {name: again[name]["faces"] for name in entries} == {name: entries[name]["faces"] for name in entries}


@in_this_process
@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_text_or_too_long_do_not_end_a_run(photos, capsys):
    data = (photos / "anna.jpg").read_bytes()
    names = [
        b"IMG_\xff\xfe.jpg",
        b"\xff.jpg",
        "ü".encode() * 125 + b".jpg"[:4],
        b"a\nb\x1b[2J.jpg",
        b"n" * 250 + b".jpg",
    ]
    for name in names:
        Path(os.fsdecode(os.fsencode(photos) + b"/" + name)).write_bytes(data)
    (photos / "bad\udcff.jpg").write_bytes(b"no picture")
    words = ["prepare", str(photos), "--output", str(photos.parent / "faces"), "--size", "64", "--min_size", "30"]
    for num_new in (6, 0):
        assert command_line.main(words) == 1
        errors = capsys.readouterr().err
        assert "bad\\xff.jpg" in errors and f"{num_new} of 9 photos done" in errors
        assert all(line.isprintable() for line in errors.splitlines())
    made = [path.name for path in (photos.parent / "faces").glob("*.png")]
    assert len(made) == 6 and all(name.isprintable() and len(name.encode()) < 255 for name in made)
