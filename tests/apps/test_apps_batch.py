from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps.batch import Job, attempt, open_inputs, run_batch, run_single
from ppgan_ext.apps.results import Made, ResultFolder
from ppgan_ext.errors import InputError, NoFaceError, OutputError


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
