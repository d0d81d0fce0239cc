import numpy as np
import PIL.Image
import pytest

from ppgan_ext.apps.batch import BatchResult, Job, is_batch, make_jobs, run_batch
from ppgan_ext.errors import InputError, NoFaceError


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_folders_are_opened_and_repeated_files_dropped(tmp_path):
    a, b = touch(tmp_path / "photos" / "b.jpg"), touch(tmp_path / "photos" / "a.PNG")
    touch(tmp_path / "photos" / "notes.txt")
    touch(tmp_path / "photos" / ".hidden.jpg")
    jobs = make_jobs([tmp_path / "photos", str(a)])
    assert [job.source for job in jobs] == [b, a]
    assert [job.stem for job in jobs] == ["a", "b"]


def test_equal_stems_are_told_apart(tmp_path):
    paths = [touch(tmp_path / name) for name in ("p.jpg", "p.png", "sub/P.jpg", "p-2.jpg")]
    stems = [job.stem for job in make_jobs(paths)]
    assert stems == ["p", "p-2", "P-3", "p-2-2"]
    assert len({stem.casefold() for stem in stems}) == 4


def test_what_cannot_be_opened_becomes_a_failure_and_not_an_end(tmp_path):
    (tmp_path / "empty").mkdir()
    good = touch(tmp_path / "good.jpg")
    jobs = make_jobs([tmp_path / "empty", tmp_path / "nowhere.jpg", good, 7])
    outcomes = list(run_batch(jobs, lambda job: job.stem))
    assert [outcome.result for outcome in outcomes] == [None, None, "good", None]
    texts = [str(outcome.error) for outcome in outcomes]
    assert "contains no pictures" in texts[0]
    assert "no such file" in texts[1]
    assert "cannot use a int as an image" in texts[3]


def test_pictures_in_memory_are_jobs():
    array = np.zeros((3, 5, 3), np.uint8)
    picture = PIL.Image.fromarray(array)
    assert [job.stem for job in make_jobs([array, picture])] == ["image", "image-2"]
    assert not is_batch(array)
    assert not is_batch(picture)
    assert make_jobs(array)[0].source is array


def test_nothing_to_do_is_an_error():
    with pytest.raises(InputError, match="nothing to work on"):
        make_jobs([])


def test_an_error_ends_one_job_only():
    def work(job):
        if job.stem == "b":
            raise NoFaceError("there is no face")
        if job.stem == "c":
            raise MemoryError
        if job.stem == "e":
            raise ZeroDivisionError("a fault of ours")
        return job.stem.upper()

    result = BatchResult(run_batch([Job(stem, stem) for stem in "abcdef"], work))
    assert result == ["A", "D", "F"]
    assert [outcome.job.stem for outcome in result.failures] == ["b", "c", "e"]
    assert "memory" in str(result.failures[1].error)
    assert str(result.failures[2].error).startswith("e: unexpected ZeroDivisionError: a fault of ours. Run it alone")
    assert isinstance(result.failures[2].error.__cause__, ZeroDivisionError)


def test_ctrl_c_passes_through_after_what_was_done():
    done = []

    def work(job):
        if job.stem == "c":
            raise KeyboardInterrupt
        done.append(job.stem)

    with pytest.raises(KeyboardInterrupt):
        list(run_batch([Job(stem, stem) for stem in "abcd"], work))
    assert done == ["a", "b"]
