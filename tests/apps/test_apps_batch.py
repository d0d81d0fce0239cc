from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps.batch import Job, attempt, open_inputs, run_batch, run_single
from ppgan_ext.apps.reporting import report_made
from ppgan_ext.apps.results import Made, ResultFolder
from ppgan_ext.errors import InputError, NoFaceError, OutputError
from ppgan_ext.images import read_image
from ppgan_ext.picture_listing import OWN_RESULT, SUBFOLDER


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def jobs_of(source):
    return open_inputs(source).jobs


# What is a batch, and of what


def test_folders_are_opened_and_repeated_files_dropped(tmp_path):
    a, b = touch(tmp_path / "photos" / "b.jpg"), touch(tmp_path / "photos" / "a.PNG")
    touch(tmp_path / "photos" / "notes.txt")
    touch(tmp_path / "photos" / ".hidden.jpg")
    jobs = jobs_of([tmp_path / "photos", str(a)])
    assert [job.source for job in jobs] == [b, a]
    assert [job.stem for job in jobs] == ["a", "b"]


def test_equal_stems_are_told_apart(tmp_path):
    paths = [touch(tmp_path / name) for name in ("p.jpg", "p.png", "sub/P.jpg", "p-2.jpg")]
    stems = [job.stem for job in jobs_of(paths)]
    assert stems == ["p", "p-2", "P-3", "p-2-2"]
    assert len({stem.casefold() for stem in stems}) == 4


def test_lists_and_folders_are_batches_and_files_and_pictures_are_not(tmp_path):
    photo = touch(tmp_path / "photos" / "a.jpg")
    array = np.zeros((3, 5, 3), np.uint8)
    for source in ([photo], (photo,), [array], photo.parent, str(photo.parent)):
        assert open_inputs(source).is_batch
        assert [job.subfolder for job in jobs_of(source)] == [job.stem for job in jobs_of(source)]
    for source in (photo, str(photo), "nowhere.jpg", array, PIL.Image.fromarray(array)):
        assert not open_inputs(source).is_batch
        assert [job.subfolder for job in jobs_of(source)] == [None]


def test_what_cannot_be_opened_becomes_a_failure_and_not_an_end(tmp_path):
    (tmp_path / "empty").mkdir()
    good = touch(tmp_path / "good.jpg")
    jobs = jobs_of([tmp_path / "empty", tmp_path / "nowhere.jpg", good, 7])
    outcomes = [attempt(job, lambda job: job.stem) for job in jobs]
    assert [outcome.result for outcome in outcomes] == [None, None, "good", None]
    texts = [str(outcome.error) for outcome in outcomes]
    assert "contains no pictures" in texts[0]
    assert "no such file" in texts[1]
    assert "cannot use a int as an image" in texts[3]


def test_pictures_in_memory_are_jobs():
    array = np.zeros((3, 5, 3), np.uint8)
    picture = PIL.Image.fromarray(array)
    assert [job.stem for job in jobs_of([array, picture])] == ["image", "image-2"]
    assert jobs_of(array)[0].source is array


def test_nothing_to_do_is_an_error():
    with pytest.raises(InputError, match="nothing to work on"):
        open_inputs([])


# The loop


def letters(word):
    return [Job(letter, letter) for letter in word]


def test_an_error_ends_one_job_only():
    def work(job):
        if job.stem == "b":
            raise NoFaceError("there is no face")
        if job.stem == "c":
            raise MemoryError
        if job.stem == "e":
            raise ZeroDivisionError("a bug")
        return Made(job.stem.upper(), (Path(job.stem),))

    reported = []
    result = run_batch(letters("abcdef"), work, reported.append)
    assert result == ["A", "D", "F"]
    assert result.files == [Path("a"), Path("d"), Path("f")]
    assert not result.interrupted
    assert [outcome.job.stem for outcome in reported] == list("abcdef")
    assert [outcome.job.stem for outcome in result.failures] == ["b", "c", "e"]
    assert "memory" in str(result.failures[1].error)
    assert str(result.failures[2].error).startswith("e: unexpected ZeroDivisionError: a bug. Run it alone")
    assert isinstance(result.failures[2].error.__cause__, ZeroDivisionError)


def test_ctrl_c_passes_through_after_what_was_done():
    done = []

    def work(job):
        if job.stem == "c":
            raise KeyboardInterrupt
        done.append(job.stem)
        return Made(job.stem)

    with pytest.raises(KeyboardInterrupt):
        run_batch(letters("abcd"), work)
    assert done == ["a", "b"]


def test_an_error_that_ctrl_c_has_caused_ends_the_batch():
    def work(job):
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("cannot release un-acquired lock")

    with pytest.raises(KeyboardInterrupt):
        run_batch(letters("ab"), work)


def test_a_job_that_ctrl_c_ended_early_is_the_last_of_its_batch():
    result = run_batch(letters("abcd"), lambda job: Made(job.stem, interrupted=job.stem == "b"))
    assert result == ["a", "b"] and result.interrupted


def test_the_error_of_a_single_input_is_raised_as_it_is_and_names_its_file(tmp_path):
    job = Job(tmp_path / "a.jpg", "a")
    for given, text in (
        (NoFaceError("there is no face"), f"{tmp_path / 'a.jpg'}: there is no face"),
        (OutputError("the disk is full", where="out/b.png"), "out/b.png: the disk is full"),
        (ZeroDivisionError("a bug"), "a bug"),
    ):

        def work(_, given=given):
            raise given

        with pytest.raises(type(given)) as caught:
            run_single(job, work)
        assert caught.value is given
        assert str(given) == text
    assert run_single(job, lambda job: job.stem) == "a"


# Results


def test_files_of_a_subfolder_are_listed_with_the_others(tmp_path):
    results = ResultFolder(tmp_path / "out")
    results.image("a.png", np.zeros((4, 6, 3), np.uint8))
    results.subfolder("steps").image("b.png", np.zeros((4, 6, 3), np.uint8))
    results.code("c.npy", np.zeros((2, 512), np.float32))
    made = results.made("it", interrupted=True)
    assert made.files == tuple(tmp_path / "out" / name for name in ("a.png", "steps/b.png", "c.npy"))
    assert all(file.is_file() for file in made.files)
    assert (made.with_result(3).result, made.with_result(3).files, made.with_result(3).interrupted) == (
        3, made.files, True,
    )  # fmt: skip


# Names of results


def image(results, name):
    results.image(name, np.zeros((4, 6, 3), np.uint8))


def test_no_result_is_written_over_another_of_the_run_nor_over_an_input(tmp_path):
    out = tmp_path / "out"
    photo = touch(out / "src.png")
    first, second = (open_inputs([photo, tmp_path / "b.png"]).jobs[0], open_inputs(photo).jobs[0])
    for job in (first, second):
        results = ResultFolder(out, job.names)
        image(results, "src.png")
        assert results.files[-1].name == "src-2.png" and photo.read_bytes() == b"x"
    jobs = open_inputs([tmp_path / "a.jpg", tmp_path / "a.face1.jpg"]).jobs
    written = []
    for job, name in zip(jobs, ("a.face1.npy", "a.face1.npy"), strict=True):
        results = ResultFolder(out, job.names)
        results.code(name, np.zeros((2, 512), np.float32))
        written += [path.name for path in results.files]
    assert written == ["a.face1.npy", "a.face1-2.npy"]


@pytest.mark.parametrize(
    ("number", "told"),
    [(1, "1 file of an earlier run: 0.png"), (5, "5 files of an earlier run: 0.png, 1.png, 2.png, and 2 more")],
)
def test_the_first_files_that_are_replaced_are_named(number, told, capsys):
    assert report_made(Made(1, replaced=tuple(Path(f"{i}.png") for i in range(number)))) == 0
    assert capsys.readouterr().err == f"note: replaced {told}\n"


def test_what_an_earlier_run_has_left_is_replaced_and_told(tmp_path):
    for expected in (0, 1):
        results = ResultFolder(tmp_path, open_inputs(np.zeros((3, 5, 3), np.uint8)).names)
        image(results, "a.png")
        assert len(results.made(None).replaced) == expected
    batch = run_batch(letters("a"), lambda job: Made(1, replaced=(tmp_path / "a.png",)))
    assert batch.replaced == [tmp_path / "a.png"]


def test_results_lie_in_the_folders_of_their_inputs(tmp_path):
    for name in ("a.jpg", "x/a.jpg", "x/y/a.jpg", "x/A.png"):
        touch(tmp_path / "photos" / name)
    inputs = open_inputs(tmp_path / "photos", recursive=True)
    assert [job.stem for job in inputs.jobs] == ["a", "x/A", "x/a-2", "x/y/a"]
    assert [job.path for job in inputs.jobs] == ["a.jpg", "x/A.png", "x/a.jpg", "x/y/a.jpg"]
    results = ResultFolder(tmp_path / "out", inputs.names)
    image(results, "x/y/a.age+20.png")
    assert results.files == [tmp_path / "out" / "x" / "y" / "a.age+20.png"]
    assert [item.name for item in open_inputs(tmp_path / "photos").left_out] == ["x"]


def test_long_names_are_cut_and_stay_apart(tmp_path):
    names = ["n" * 250 + ".jpg", "n" * 249 + "m.jpg", "照" * 80 + ".jpg"]
    jobs = open_inputs([touch(tmp_path / name) for name in names]).jobs
    assert len({job.stem for job in jobs}) == 3 and all(len(job.stem.encode()) <= 165 for job in jobs)
    results = ResultFolder(tmp_path / "out", jobs[0].names)
    for job in jobs:
        image(results, f"{job.stem}.{'e' * 100}.png")
    assert len(set(results.files)) == 3 and all(len(path.name.encode()) <= 255 for path in results.files)


def test_own_results_are_not_taken_for_inputs(tmp_path):
    photo = tmp_path / "photo.png"
    PIL.Image.new("RGB", (6, 4)).save(photo)
    for suffix in ("png", "jpg", "webp"):
        image(ResultFolder(tmp_path), f"photo.age+20.{suffix}")
    ResultFolder(tmp_path).animation("photo.age.gif", [np.zeros((6, 8, 3), np.uint8)] * 2, 12.0)
    everything = sorted(tmp_path.iterdir())
    for source in (tmp_path, everything):
        inputs = open_inputs(source, results=tmp_path)
        assert [job.source for job in inputs.jobs] == [photo]
        assert {item.reason for item in inputs.left_out} == {"result of an earlier run"} and len(inputs.left_out) == 4
        assert len(open_inputs(source, results=tmp_path / "out").jobs) == 5
    assert len(open_inputs(everything[1], results=tmp_path).jobs) == 1  # asked for by name


def test_a_photos_folder_of_results_is_no_subfolder_to_search(tmp_path):
    for name in ("a.png", "trip/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        PIL.Image.new("RGB", (6, 4)).save(tmp_path / name)
    (tmp_path / "empty").mkdir()
    for folder in ("a", "trip"):
        results = ResultFolder(tmp_path / folder)
        image(results, "dst.png")
        results.code("dst.npy", np.zeros((10, 512), np.float32))
    found = {item.name: item.reason for item in open_inputs(tmp_path, results=tmp_path).left_out}
    assert found == {"a": OWN_RESULT, "trip": SUBFOLDER, "empty": SUBFOLDER}
    found = {item.name: item.reason for item in open_inputs(tmp_path, results=tmp_path / "out").left_out}
    assert set(found.values()) == {SUBFOLDER}


def test_an_empty_path_is_not_the_current_folder(tmp_path, monkeypatch):
    touch(tmp_path / "a.jpg")
    monkeypatch.chdir(tmp_path)
    for source in ("", " ", ["a.jpg", ""]):
        with pytest.raises(InputError, match="a path is empty"):
            open_inputs(source)


def test_links_to_themselves_and_folders_named_like_pictures_fail_alone(tmp_path):
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    (tmp_path / "folder.jpg").mkdir()
    touch(tmp_path / "a.jpg")
    jobs = open_inputs(tmp_path).jobs
    assert [job.stem for job in jobs] == ["a", "folder", "self"]
    for job, message in zip(jobs[1:], ("is a folder, not a picture", "symbolic links"), strict=True):
        with pytest.raises(InputError, match=message):
            read_image(job.source)
    assert len(open_inputs(tmp_path / "self.jpg").jobs) == 1
