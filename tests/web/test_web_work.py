"""The line of visitors, the jobs in it, and what the page keeps of a visit."""

import asyncio
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from ppgan_ext.web.jobs import Finished, Job, Running, StoppedError, Waiting
from ppgan_ext.web.line import Line, LineFullError
from ppgan_ext.web.page_folder import page_folder, show_use
from ppgan_ext.web.sessions import LONGEST_SECONDS, Item, Session, Sessions
from ppgan_ext.web.tabs.editor import PLACE, Editor


async def states_of(job):
    return [state async for state in job.states()]


def test_visitors_are_served_in_the_order_in_which_they_came():
    line = Line(longest=4)
    order = []

    async def visit(name):
        job = Job(line, lambda progress: (time.sleep(0.3), order.append(name)))
        return [state async for state in job.states()]

    async def all_of_them():
        return await asyncio.gather(*(visit(name) for name in "abc"))

    states = asyncio.run(all_of_them())
    assert order == ["a", "b", "c"]
    assert [type(state) for state in states[0] if not isinstance(state, Running)] == [Finished]
    assert Waiting(2, None) in states[2]
    assert len(line) == 0


def test_a_full_line_refuses_and_has_room_again_later():
    line = Line(longest=1)
    served, waiting = line.join(), line.join()
    with pytest.raises(LineFullError):
        line.join()
    served.leave()
    assert waiting.before == 0
    assert line.join().before == 1


def test_the_wait_is_estimated_by_the_last_jobs():
    line = Line()
    first = line.join()
    first.begin()
    first.began -= 10.0
    first.leave()
    line.join()
    assert line.join().seconds == pytest.approx(10.0, abs=0.5)


def test_the_same_values_are_drawn_once(tmp_path):
    editor, visit = Editor(None, None, None), Session(tmp_path)
    visit.uploads[PLACE] = upload = object()
    values = (None, 1.0)
    move = editor.begin_move(visit, values)
    assert editor.is_drawn(visit, (None, 1.0)) and not editor.is_drawn(visit, (None, 2.0))
    visit.uploads[PLACE] = object()
    assert not editor.is_drawn(visit, values)
    visit.uploads[PLACE] = upload
    move.values = None  # it could not be drawn
    assert not editor.is_drawn(visit, values)


def test_stop_gives_the_best_result_so_far():
    line = Line()

    def work(progress):
        best = 0
        try:
            while True:
                progress("fitting", best, 100)
                best += 1
                time.sleep(0.002)
        except KeyboardInterrupt:
            progress("writing", 0, 1)  # what follows is not stopped again
            return best

    async def run():
        job = Job(line, work)
        seen = []
        async for state in job.states():
            seen.append(state)
            job.stop()
        return seen

    seen = asyncio.run(run())
    assert isinstance(seen[-1], Finished) and 0 < seen[-1].result < 10_000
    assert len(line) == 0


def test_stop_without_a_result_says_so():
    line = Line()

    def work(progress):
        while True:
            progress("reading faces", 0, 1)
            time.sleep(0.002)

    async def run():
        job = Job(line, work)
        async for _ in job.states():
            job.stop()

    with pytest.raises(StoppedError):
        asyncio.run(run())
    assert len(line) == 0


def test_one_who_waits_can_leave():
    line = Line()
    served = line.join()

    async def run():
        job = Job(line, lambda progress: None)
        async for state in job.states():
            assert isinstance(state, Waiting)
            job.stop()

    with pytest.raises(StoppedError):
        asyncio.run(run())
    served.leave()
    assert len(line) == 0


def test_a_visitor_who_goes_frees_the_line_when_the_work_has_stopped():
    line, stopped = Line(), threading.Event()

    def work(progress):
        try:
            while True:
                progress("fitting", 0, 1)
                time.sleep(0.002)
        finally:
            stopped.set()

    async def run():
        states = Job(line, work).states()
        await anext(states)
        await states.aclose()

    asyncio.run(run())
    assert stopped.wait(5)
    until = time.monotonic() + 5
    while len(line) and time.monotonic() < until:
        time.sleep(0.01)
    assert len(line) == 0


def test_a_job_that_was_stopped_once_ends_when_its_visitor_goes(sessions):
    line, session, stages = Line(), sessions.of("one"), []

    def work(progress):
        for stage in range(3):
            try:
                while True:
                    progress("tuning", stage, 3)
                    time.sleep(0.002)
            except KeyboardInterrupt:
                stages.append(stage)
        progress("writing", 0, 1)
        stages.append("written")

    async def run():
        session.job = Job(line, work)
        states = session.job.states()
        await anext(states)
        session.job.stop()
        while not stages:
            await asyncio.sleep(0.01)
        session.job.stop()  # once more, which does nothing
        await asyncio.sleep(0.05)
        assert stages == [0]
        sessions.end("one")
        await states.aclose()

    asyncio.run(run())
    until = time.monotonic() + 5
    while len(line) and time.monotonic() < until:
        time.sleep(0.01)
    assert len(line) == 0 and stages == [0, 1, 2]


def test_what_a_stopped_job_still_writes_goes_too(sessions):
    line, session = Line(), sessions.of("one")
    stopped = threading.Event()

    def work(progress):
        try:
            while True:
                progress("fitting", 0, 1)
                time.sleep(0.002)
        except KeyboardInterrupt:
            stopped.wait(5)
            session.folder.mkdir(exist_ok=True)  # as a predictor does that writes the best so far
            (session.folder / "late.png").write_bytes(b"1")

    async def run():
        session.job = Job(line, work)
        states = session.job.states()
        await anext(states)
        await states.aclose()

    asyncio.run(run())
    sessions.end("one")
    assert not session.folder.exists()
    stopped.set()
    until = time.monotonic() + 5
    while (len(line) or session.folder.exists()) and time.monotonic() < until:
        time.sleep(0.01)
    assert len(line) == 0 and not session.folder.exists()


def test_an_error_ends_its_job_only():
    line = Line()

    def fail(progress):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(states_of(Job(line, fail)))
    assert asyncio.run(states_of(Job(line, lambda progress: 7)))[-1].result == 7


@pytest.fixture
def sessions(tmp_path):
    return Sessions(tmp_path)


def item_in(session, name="a.png", made=None):
    folder = session.new_folder()
    path = folder / name
    path.write_bytes(b"1")
    return Item(path, None, name, None, folder, time.time() if made is None else made)


def test_visits_share_nothing(sessions):
    first, second = sessions.of("one"), sessions.of("two")
    first.add([item_in(first)])
    assert second.items == [] and first.folder != second.folder
    assert sessions.of("one") is first
    assert first.folder.stat().st_mode & 0o777 == 0o700


def test_the_end_of_a_visit_deletes_its_files(sessions):
    session = sessions.of("one")
    session.add([item_in(session)])
    sessions.end("one")
    assert not session.folder.exists() and len(sessions) == 0
    sessions.end("one")


def test_nothing_is_kept_longer_than_an_hour(sessions, tmp_path):
    session = sessions.of("one")
    old, new = item_in(session, made=time.time() - LONGEST_SECONDS), item_in(session)
    session.items = [new, old]
    upload = tmp_path / "0123" / "photo.jpg"
    upload.parent.mkdir()
    upload.write_bytes(b"1")
    an_hour_ago = time.time() - LONGEST_SECONDS
    for path in (old.path, upload, upload.parent):
        os.utime(path, (an_hour_ago, an_hour_ago))
    sessions.sweep()
    assert not old.path.exists() and not upload.exists() and not upload.parent.exists()
    assert new.path.exists() and session.items == [new]
    sessions.sweep(time.time() + LONGEST_SECONDS)
    assert len(sessions) == 0 and list(tmp_path.iterdir()) == []


def test_what_tabs_remember_goes_after_an_hour_in_a_visit_that_goes_on(sessions, monkeypatch):
    session = sessions.of("one")
    session.kept["edit"] = "faces of a photo"
    an_hour_later = time.time() + LONGEST_SECONDS
    monkeypatch.setattr(time, "time", lambda: an_hour_later)
    sessions.of("one").kept["edit-move"] = "an edit"
    sessions.sweep()
    assert len(sessions) == 1 and session.kept == {"edit-move": "an edit"}


def test_a_sweep_that_fails_does_not_end_the_others(sessions, monkeypatch, capfd):
    swept = []

    def fail_at_first():
        swept.append(True)
        if len(swept) == 1:
            raise OSError("the disk is full")

    monkeypatch.setattr("ppgan_ext.web.sessions._SECONDS_BETWEEN_SWEEPS", 0.01)
    monkeypatch.setattr(sessions, "sweep", fail_at_first)
    with sessions.swept():
        until = time.monotonic() + 5
        while len(swept) < 3 and time.monotonic() < until:
            time.sleep(0.01)
    assert len(swept) >= 3
    assert "the disk is full" in capfd.readouterr().err


def test_what_killed_pages_left_behind_goes_after_an_hour(tmp_path):
    with page_folder() as real:
        prefix = real.name[: real.name.rindex("-") + 1]
    assert not real.exists()
    own, killed, live, other = (tmp_path / name for name in (f"{prefix}a", f"{prefix}b", f"{prefix}c", "photos"))
    for folder in (own, killed, live, other):
        folder.mkdir()
        (folder / "photo.jpg").write_bytes(b"1")
        os.utime(folder, (time.time() - LONGEST_SECONDS,) * 2)
    show_use(live)
    Sessions(own).sweep()
    assert not killed.exists() and all(map(Path.is_dir, (own, live, other)))
    shutil.rmtree(own)  # by a page that began while this machine slept
    Sessions(own).sweep()
    assert own.stat().st_mode & 0o777 == 0o700


def test_the_folder_goes_with_the_page(sessions, tmp_path):
    with sessions.swept():
        sessions.of("one").new_folder()
    assert not tmp_path.exists()


def test_a_folder_that_goes_in_the_middle_of_a_sweep_does_not_end_it(sessions, monkeypatch):
    scan = os.scandir

    def scan_too_late(path):
        if Path(path) == sessions.folder:
            raise FileNotFoundError(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scan_too_late)
    sessions.sweep()
