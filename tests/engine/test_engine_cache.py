"""The cache of compiled programs: entries are intact or absent, also with several writers, and limited in size."""

import json
import os
import threading
import time

import pytest

from ppgan_ext.engine.cache import MANIFEST, ProgramCache, default_folder


def build_of(text, size=10):
    def build(folder):
        (folder / "program.json").write_text(text)
        (folder / "program.pdiparams").write_bytes(b"x" * size)

    return build


@pytest.fixture
def cache(tmp_path):
    return ProgramCache(tmp_path / "compiled")


def test_publish_then_find(cache):
    assert cache.find("net-1") is None
    folder = cache.publish("net-1", build_of("one"))
    assert cache.find("net-1") == folder == cache.folder / "net-1"
    assert (folder / "program.json").read_text() == "one"
    assert sorted(path.name for path in cache.folder.iterdir()) == ["net-1"]


def test_the_first_intact_entry_wins(cache):
    cache.publish("net", build_of("first"))
    folder = cache.publish("net", build_of("second"))
    assert (folder / "program.json").read_text() == "first"
    assert sorted(path.name for path in cache.folder.iterdir()) == ["net"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "program.json").write_text("onE"),  # same length, other content
        lambda folder: (folder / "program.pdiparams").write_bytes(b"x" * 9),
        lambda folder: (folder / "program.pdiparams").unlink(),
        lambda folder: (folder / MANIFEST).unlink(),
        lambda folder: (folder / MANIFEST).write_text("{"),
        lambda folder: (folder / MANIFEST).write_text('{"files": {}}'),
        lambda folder: (folder / MANIFEST).write_text("[]"),
        lambda folder: (folder / MANIFEST).write_text(json.dumps({"files": {"program.json": 3}})),
    ],
    ids=["changed", "truncated", "missing", "no-manifest", "half-manifest", "empty", "list", "misshapen"],
)
def test_a_damaged_entry_is_removed_and_can_be_rebuilt(cache, damage):
    damage(cache.publish("net", build_of("one")))
    assert cache.find("net") is None
    assert list(cache.folder.iterdir()) == []
    assert (cache.publish("net", build_of("two")) / "program.json").read_text() == "two"


def test_a_damaged_entry_in_the_way_is_replaced_by_publish(cache):
    (cache.publish("net", build_of("one")) / "program.json").unlink()
    folder = cache.publish("net", build_of("two"))
    assert (folder / "program.json").read_text() == "two"


def test_a_failed_build_leaves_nothing(cache):
    def build(folder):
        (folder / "half").write_text("")
        raise RuntimeError("no such operator")

    with pytest.raises(RuntimeError, match="operator"):
        cache.publish("net", build)
    assert list(cache.folder.iterdir()) == []


def test_an_interrupted_build_leaves_nothing(cache):
    def build(folder):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.publish("net", build)
    assert list(cache.folder.iterdir()) == []


def test_a_cache_that_cannot_be_created_falls_back_to_a_temporary_folder(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = ProgramCache(tmp_path / "file" / "compiled")
    folder = cache.publish("net", build_of("one"))
    assert (folder / "program.json").read_text() == "one"
    assert tmp_path not in folder.parents
    assert cache.find("net") is None
    assert cache.entries() == []


def test_a_full_disk_falls_back_to_a_temporary_folder(cache):
    calls = []

    def build(folder):
        calls.append(folder)
        if cache.folder in folder.parents:
            raise OSError(28, "No space left on device")
        build_of("one")(folder)

    folder = cache.publish("net", build)
    assert len(calls) == 2
    assert (folder / "program.json").read_text() == "one"
    assert list(cache.folder.iterdir()) == []


def test_many_builders_at_once_agree(cache):
    barrier = threading.Barrier(6)
    folders = []

    def build(folder):
        build_of("same", 2000)(folder)
        barrier.wait()

    threads = [threading.Thread(target=lambda: folders.append(cache.publish("net", build))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert folders == [cache.folder / "net"] * 6
    assert cache.find("net") is not None
    assert sorted(path.name for path in cache.folder.iterdir()) == ["net"]


def age(cache, name, seconds):
    moment = time.time() - seconds
    os.utime(cache.folder / name / MANIFEST, (moment, moment))


def test_the_least_recently_used_goes_first(tmp_path):
    cache = ProgramCache(tmp_path, size_limit_bytes=3500)
    for name, seconds in (("a", 300), ("b", 200), ("c", 100)):
        cache.publish(name, build_of("", 1000))
        age(cache, name, seconds)
    assert cache.find("a") is not None  # used again: now the newest
    cache.publish("d", build_of("", 1000))
    assert {entry.folder.name for entry in cache.entries()} == {"a", "c", "d"}


def test_a_new_entry_above_the_limit_is_kept(tmp_path):
    cache = ProgramCache(tmp_path, size_limit_bytes=500)
    cache.publish("a", build_of("", 100))
    cache.publish("b", build_of("", 1000))
    assert [entry.folder.name for entry in cache.entries()] == ["b"]


def test_leftovers_of_a_crashed_process_are_removed_after_a_day(cache):
    cache.publish("net", build_of("one"))
    for name, hours in (("old", 25), ("new", 1)):
        left = cache.folder / f".building-{name}"
        left.mkdir()
        moment = time.time() - hours * 3600
        os.utime(left, (moment, moment))
    cache.prune()
    assert sorted(path.name for path in cache.folder.iterdir()) == [".building-new", "net"]


def test_entries_have_sizes_and_an_order(cache):
    cache.publish("small", build_of("", 10))
    cache.publish("large", build_of("", 5000))
    age(cache, "large", 60)
    small, large = cache.entries()
    assert (small.folder.name, large.folder.name) == ("small", "large")
    assert 10 < small.num_bytes < 210  # the manifest counts too
    assert 5000 < large.num_bytes < 5200


def test_the_default_folder_follows_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path / "home"))
    assert default_folder() == tmp_path / "home" / "compiled"
    assert ProgramCache().folder == default_folder()
