"""Batches over several processes: the results, the report and the exit code of one process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import PIL.Image
import pytest

from ppgan_ext.apps.codes.options import EncodeOptions
from ppgan_ext.apps.command_line import main
from ppgan_ext.apps.shares import run as shares_run
from ppgan_ext.apps.shares.run_folder import PREFIX
from ppgan_ext.launcher import launch_name
from tests.reference import toy_shares
from tests.reference.drawn import DrawnFace, draw_photo

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def photos(tmp_path):
    """Return a function that makes a folder of small photos of these names."""

    def build(*names):
        folder = tmp_path / "photos"
        folder.mkdir()
        for name in names:
            PIL.Image.new("RGB", (8, 8)).save(folder / name)
        return folder

    return build


@pytest.fixture
def launched(monkeypatch):
    """Return a function that makes this process one of a launch."""

    def become(rank, size=2, start="first"):
        monkeypatch.setenv("PADDLE_TRAINER_ID", str(rank))
        monkeypatch.setenv("PADDLE_TRAINERS_NUM", str(size))
        monkeypatch.setenv("PADDLE_TRAINER_ENDPOINTS", start)

    return become


def files(folder):
    """Return the content of all files of a folder, hidden ones too, by name."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def said(capsys, output):
    """Return what was printed: the output folder as "out", no memory, none of a slow machine's lines of progress."""
    printed = capsys.readouterr()
    texts = [text.replace(str(output), "out") for text in printed]
    texts = [re.sub(r"; \d+ processes, up to [\d.]+ GB each", "", text) for text in texts]
    return [re.sub(r"^[^:/\n]+: \d+ of \d+[^\n]*\n", "", text, flags=re.MULTILINE) for text in texts]


def one_process(folder, tmp_path, capsys, **settings):
    """Return exit code, files and output of one process."""
    output = tmp_path / "one" / "out"
    code = toy_shares.run(folder, output, **settings)
    return code, files(output), said(capsys, output)


@pytest.mark.slow
def test_workers_do_and_say_what_one_process_does(photos, tmp_path, capsys):
    folder = photos("a.jpg", "b.jpg", "c-faceless.jpg", "d.png", "e.jpg")
    (folder / "notes.txt").write_text("x")
    expected = one_process(folder, tmp_path, capsys)
    output = tmp_path / "several" / "out"
    code = toy_shares.run(folder, output, workers=3)
    assert (code, files(output), said(capsys, output)) == (
        expected[0],
        {name: data for name, data in expected[1].items() if "faceless" not in name},  # a failed photo leaves nothing
        expected[2],
    )
    assert code == 1 and "4 of 5 photos done, 1 failed" in expected[2][1]
    assert expected[2][0].splitlines().count("all are small") == 1


@pytest.mark.slow
@pytest.mark.parametrize("how", ["workers", "launcher"])
def test_the_bytes_of_real_networks_are_those_of_one_process(how, tmp_path, capsys, monkeypatch, launched):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # numbers are added in another order by other numbers of threads
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        face = DrawnFace((105.0, 100.0 + number), 34.0)
        PIL.Image.fromarray(draw_photo((220, 230), [face], number)[0]).save(folder / f"{number}.png")
    expected = one_process(folder, tmp_path, capsys, open_work=toy_shares.open_toy)
    output = tmp_path / "several" / "out"
    if how == "workers":
        code = toy_shares.run(folder, output, 2, toy_shares.open_toy)
    else:
        launched(1)
        assert toy_shares.run(folder, output, 1, toy_shares.open_toy) == 0
        capsys.readouterr()
        launched(0)
        code = toy_shares.run(folder, output, 1, toy_shares.open_toy)
    assert (code, files(output), said(capsys, output)) == expected
    assert code == 0 and len(expected[1]) == 12


def test_results_that_would_have_one_name_are_numbered_over_all_processes(tmp_path, launched, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "a.bmp", "b.jpg", "A.jpg"):
        PIL.Image.new("RGB", (8, 8)).save(folder / name)
    expected = one_process(folder, tmp_path, capsys)
    for rank in (2, 1, 0):
        launched(rank, 3)
        output = tmp_path / "several" / "out"
        assert toy_shares.run(folder, output) == 0
    assert files(output) == expected[1] and len(expected[1]) == 8


def test_photos_that_lie_in_the_output_folder_stay(photos, launched):
    folder = photos("a.png", "b.png")
    before = files(folder)
    for rank in (1, 0):
        launched(rank)
        assert toy_shares.run(folder, folder) == 0
    after = files(folder)
    assert before.items() <= after.items() and set(after) - set(before) == {"a-2.png", "b-2.png", "a.npy", "b.npy"}


def test_only_the_first_process_of_a_launch_reports_and_fails(photos, tmp_path, launched, capsys):
    folder, output = photos("a.jpg", "b-faceless.jpg", "c.jpg", "d-faceless.jpg"), tmp_path / "out"
    launched(1)
    assert toy_shares.run(folder, output) == 0  # at any other code the launcher would end the first process
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err == "process 1 of 2 has done its 2 photos; process 0 reports them\n"
    assert not (output / "a.png").exists()
    launched(0)
    assert toy_shares.run(folder, output) == 1
    out, err = said(capsys, output)
    assert out.splitlines() == ["all are small"] + [
        line
        for stem in "ac"
        for line in (
            f"{folder / stem}.jpg: made {stem}",
            f"{folder / stem}.jpg: {stem} is noted",
            f"out/{stem}.png",
            f"out/{stem}.npy",
        )
    ]
    assert err.count("there is no face in it") == 2 and err.endswith("2 of 4 photos done, 2 failed\n")
    assert sorted(tried(output)) == ["a", "b-faceless", "c", "d-faceless"]
    assert not list(output.glob(f"{PREFIX}*"))


@pytest.mark.slow
def test_a_photo_that_ends_its_process_is_tried_again_and_then_fails_alone(photos, tmp_path, capsys):
    output = tmp_path / "out"
    assert toy_shares.run(photos("a.jpg", "b-deadly.jpg", "c-once.jpg", "d.jpg"), output, workers=2) == 1
    out, err = said(capsys, output)
    made = [line.partition(": made ")[2] for line in out.splitlines() if "made" in line]
    assert made == ["a", "c-once", "d"]
    (failure,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert "b-deadly.jpg" in failure and "ended with code 3, and so did the one before it" in failure
    assert err.endswith("3 of 4 photos done, 1 failed\n")
    assert sorted(files(output)) == ["a.npy", "a.png", "c-once.npy", "c-once.png", "d.npy", "d.png"]
    assert {stem: tried(output).count(stem) for stem in tried(output)} == {"a": 1, "b-deadly": 2, "c-once": 2, "d": 1}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_that_are_cut_short_keep_what_is_done_and_the_next_start_goes_on(photos, tmp_path, capsys, number):
    folder, output = photos("a.jpg", "b-slow.jpg", *(f"c{i}.jpg" for i in range(5))), tmp_path / "out"
    process = start(folder, output, 2)
    wait_until(process, lambda: "c4" in tried(output) and (number != signal.SIGINT or len(records(output)) == 6))
    time.sleep(1.0)  # the first process hears of the last record a moment later
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    assert process.wait(timeout=60) == (130 if number == signal.SIGINT else -number)
    if number == signal.SIGINT:
        out, err = process.communicate()  # ends when no worker holds the streams any more
        assert "b-slow" not in out and out.count("made") == 6
        assert "interrupted: 6 of 7 photos done, 0 failed" in err and "run the same command again to go on" in err
        assert sorted(name for name in files(output) if "/" not in name) == sorted(
            f"{stem}.{kind}" for stem in ("a", "c0", "c1", "c2", "c3", "c4") for kind in ("npy", "png")
        )
    else:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    done = [stem for stem in tried(output) if stem != "b-slow"]
    expected = one_process_at_once(folder, tmp_path)
    assert toy_shares.run(folder, output, workers=2) == 0
    assert files(output) == expected
    assert [tried(output).count(stem) for stem in done[:-2]] == [1] * len(done[:-2])  # the last may have been cut off
    assert "7 of 7 photos done, 0 failed" in capsys.readouterr().err


@pytest.mark.slow
def test_the_share_of_a_killed_process_is_done_by_the_next_start(photos, tmp_path, launched, capsys):
    folder, output = photos("a.jpg", "b.jpg", "c.jpg", "d-slow.jpg", "e.jpg", "f.jpg"), tmp_path / "out"
    second = start(folder, output, 1, rank=1)  # b, d, f
    wait_until(second, lambda: "d-slow" in tried(output))
    second.kill()
    second.communicate()
    launched(0)
    shares_run_lost = shares_run._LOST_SECONDS
    try:
        shares_run._LOST_SECONDS = 0.3
        assert toy_shares.run(folder, output) == 1
    finally:
        shares_run._LOST_SECONDS = shares_run_lost
    err = capsys.readouterr().err
    assert err.count("the process that had it in its share has ended. Run the same command again to go on.") == 2
    assert "4 of 6 photos done, 2 failed" in err
    assert {"a.png", "b.png", "c.png", "e.png"} <= files(output).keys()
    for rank in (1, 0):
        launched(rank, start="second")
        assert toy_shares.run(folder, output) == 0
    assert "6 of 6 photos done, 0 failed; 4 of them by an earlier start that did not end" in capsys.readouterr().err
    assert sorted(tried(output)) == ["a", "b", "c", "d-slow", "d-slow", "e", "f"]
    launched(0, size=1)
    assert files(output) == one_process_at_once(folder, tmp_path)


def test_a_run_of_other_options_or_photos_does_not_take_over(photos, tmp_path, launched, capsys):
    folder, output = photos("a.jpg", "b.jpg"), tmp_path / "out"
    launched(1)
    toy_shares.run(folder, output)
    PIL.Image.new("RGB", (9, 9)).save(folder / "b.jpg")
    for rank in (1, 0):
        launched(rank)
        assert toy_shares.run(folder, output) == 0
    assert tried(output) == ["b", "b", "a"]


def test_a_record_that_leads_elsewhere_is_not_followed(photos, tmp_path, launched, capsys):
    folder, output = photos("a.jpg", "b.jpg"), tmp_path / "out"
    launched(1)
    toy_shares.run(folder, output)
    (record,) = output.glob(f"{PREFIX}*/000001.json")
    text = record.read_text()
    for old, new in (('"name": "b.png"', '"name": "../b.png"'), ('"folder": "."', f'"folder": "{tmp_path}"')):
        assert old in text
        record.write_text(text.replace(old, new))
        launched(0)
        assert toy_shares.run(folder, output) == 1
        assert "the process that had it in its share has ended" in capsys.readouterr().err
        assert not (tmp_path / "b.png").exists()


@pytest.mark.slow
def test_what_would_fail_every_photo_is_said_once(photos, tmp_path, capsys):
    assert toy_shares.run(photos("a.jpg", "b.jpg"), tmp_path / "out", 2, toy_shares.open_refused) == 1
    assert capsys.readouterr().err == "error: there is no such model. Choose another.\n"


def test_what_is_no_batch_is_done_by_the_first_process(photos, tmp_path, launched, capsys):
    photo = photos("a.jpg") / "a.jpg"
    launched(1)
    assert toy_shares.run(photo, tmp_path / "out") == 0
    assert main(["generate", "--output_path", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err == 2 * "note: process 1 has nothing to do; process 0 does what is not a batch\n"
    assert not (tmp_path / "out").exists()
    launched(0)
    assert toy_shares.run(photo, tmp_path / "out") == 0
    assert sorted(files(tmp_path / "out")) == ["a.npy", "a.png"]


@pytest.mark.parametrize(("rank", "message"), [("2", "PADDLE_TRAINER_ID: is 2"), ("one", "is 'one', not a number")])
def test_an_environment_that_contradicts_itself_is_told(photos, tmp_path, launched, capsys, rank, message):
    launched(rank)
    assert toy_shares.run(photos("a.jpg", "b.jpg"), tmp_path / "out") == 1
    assert message in capsys.readouterr().err


def test_each_start_of_a_launcher_has_a_name_of_its_own(launched):
    names = set()
    for start_name in ("127.0.0.1:1,127.0.0.1:2", "127.0.0.1:3,127.0.0.1:4"):
        launched(0, start=start_name)
        first = launch_name()
        launched(1, start=start_name)
        assert launch_name() == first
        names.add(first)
    assert len(names) == 2


def tried(output):
    return toy_shares.tried(EncodeOptions(output_path=str(output)))


def records(output):
    return list(output.glob(f"{PREFIX}*/*.json"))


def one_process_at_once(folder, tmp_path):
    """Return the files of one process for which nothing is slow."""
    output = tmp_path / "unbroken" / "out"
    output.parent.mkdir()
    (output.parent / toy_shares.LOG).write_text("".join(f"{path.stem}\n" for path in folder.iterdir()))
    assert toy_shares.run(folder, output) == 0
    return files(output)


def start(folder, output, workers, rank=None):
    """Start the command in a process of its own, under no launcher or as a process of one."""
    code = "from tests.reference.toy_shares import main; main()"
    words = [sys.executable, "-c", code, str(folder), str(output), str(workers)]
    launch = {"PADDLE_TRAINER_ID": str(rank), "PADDLE_TRAINERS_NUM": "2", "PADDLE_TRAINER_ENDPOINTS": "first"}
    settings = {**os.environ, "PYTHONPATH": str(ROOT), **(launch if rank is not None else {})}
    return subprocess.Popen(
        words, cwd=ROOT, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_until(process, condition):
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)
