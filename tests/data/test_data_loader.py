"""Batches: the same for any number of workers and processes, even when files or workers fail."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.data.datasets import FacesDataset, build_dataset
from ppgan_ext.data.image_source import BadFileError
from ppgan_ext.data.loader import BadFileWarning, Loader
from ppgan_ext.data.order import SampleOrder, sample_generator
from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.workers import WorkerError

ROOT = Path(__file__).resolve().parents[2]
SIZE = 8


def save(path, size=(9, 12), seed=0):
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    PIL.Image.fromarray(image).save(path)


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "photos"
    root.mkdir()
    for i in range(11):
        save(root / f"{i:02}.png", seed=i)
    return root


def take(loader, count, first=1):
    return list(itertools.islice(loader.batches(first), count))


def flat(iterations):
    return [(batch["A"].tobytes(), batch["index"].tolist()) for shards in iterations for batch in shards]


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z" if Path("/proc").is_dir() else True


def wait_until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_a_batch_follows_from_order_and_data_set(photos):
    dataset = FacesDataset(photos, SIZE)
    iterations = take(Loader(dataset, 3, seed=7), 9)
    order = SampleOrder(11, 7)
    for t, shards in enumerate(iterations):
        assert len(shards) == 1
        batch = shards[0]
        assert batch["A"].shape == (3, 3, SIZE, SIZE)
        assert (batch["A"].dtype, batch["index"].dtype) == (np.float32, np.int64)
        np.testing.assert_array_equal(batch["index"], order.indices(3 * t, 3))
        for i, index in enumerate(batch["index"]):
            np.testing.assert_array_equal(
                batch["A"][i], dataset.sample(int(index), sample_generator(7, 3 * t + i))["A"]
            )


@pytest.mark.slow
def test_workers_give_the_same_batches(photos):
    dataset = FacesDataset(photos, SIZE)
    shards = {"num_shards": 2, "num_shards_total": 2}
    expected = flat(take(Loader(dataset, 3, seed=1, **shards), 6))
    with Loader(dataset, 3, seed=1, num_workers=3, **shards) as loader:
        iterations = take(loader, 6)
        assert flat(iterations) == expected
        iterations[0][0]["A"][:] = 0  # the caller owns the array and may write to it


def test_processes_share_the_order_of_one(photos):
    dataset = FacesDataset(photos, SIZE)
    whole = take(Loader(dataset, 2, seed=3, num_shards=4, num_shards_total=4), 5)
    parts = [
        take(Loader(dataset, 2, seed=3, first_shard=first, num_shards=2, num_shards_total=4), 5) for first in (0, 2)
    ]
    assert flat(whole) == flat(a + b for a, b in zip(*parts, strict=True))
    # One shard of eight has the same eight samples.
    indices = [np.concatenate([batch["index"] for batch in shards]) for shards in whole]
    one = take(Loader(dataset, 8, seed=3), 5)
    np.testing.assert_array_equal(indices, [shards[0]["index"] for shards in one])


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [0, 2])
def test_any_iteration_can_be_the_first(photos, num_workers):
    with Loader(FacesDataset(photos, SIZE), 4, seed=0, num_workers=num_workers) as loader:
        whole = flat(take(loader, 9))
        assert flat(take(loader, 4, first=6)) == whole[5:]
        running = loader.batches(2)
        first = next(running)
        assert flat(take(loader, 1)) == whole[:1]  # a second iterator in between changes nothing
        assert flat([first, next(running)]) == whole[1:3]


def test_without_shuffling_the_order_is_that_of_the_source(photos):
    batches = take(Loader(FacesDataset(photos, SIZE), 4, seed=0, shuffle=False), 3)
    assert [batch["index"].tolist() for (batch,) in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 0]]


def test_a_single_picture_is_repeated(tmp_path):
    save(tmp_path / "a.png")
    (batch,) = take(Loader(FacesDataset(tmp_path, SIZE, flip=False), 5, seed=0), 2)[1]
    assert batch["index"].tolist() == [0] * 5
    assert (batch["A"] == batch["A"][:1]).all()


def spoil(photos, *names):
    for name in names:
        (photos / name).write_bytes(b"this is not a picture")


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [0, 2])
def test_bad_files_are_reported_once_and_replaced(photos, num_workers):
    good = take(Loader(FacesDataset(photos, SIZE), 4, seed=5), 12)
    spoil(photos, "02.png", "07.png")
    with Loader(FacesDataset(photos, SIZE), 4, seed=5, num_workers=num_workers) as loader:
        with pytest.warns(BadFileWarning) as warned:
            bad = take(loader, 12)
        assert sorted(str(w.message).split(":")[0] for w in warned) == ["02.png", "07.png"]
        assert sorted(loader.bad_files) == ["02.png", "07.png"]
        assert "not a picture" in loader.bad_files["02.png"]
    replaced = 0
    for (before,), (after,) in zip(good, bad, strict=True):
        for i in range(4):
            if before["index"][i] in (2, 7):
                assert after["index"][i] not in (2, 7)
                replaced += 1
            else:  # all other samples stay where they were
                assert after["index"][i] == before["index"][i]
                np.testing.assert_array_equal(after["A"][i], before["A"][i])
    assert replaced >= 7


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ppgan_ext.data.loader.BadFileWarning")
def test_replacements_do_not_depend_on_workers_or_the_first_iteration(photos):
    spoil(photos, *(f"{i:02}.png" for i in range(0, 10, 2)))
    dataset = FacesDataset(photos, SIZE)
    whole = flat(take(Loader(dataset, 4, seed=5), 10))
    assert flat(take(Loader(dataset, 4, seed=5), 4, first=7)) == whole[6:]
    with Loader(dataset, 4, seed=5, num_workers=2) as loader:
        assert flat(take(loader, 10)) == whole


@pytest.mark.filterwarnings("ignore::ppgan_ext.data.loader.BadFileWarning")
def test_one_good_file_among_bad_ones_is_found(photos):
    spoil(photos, *(f"{i:02}.png" for i in range(11) if i != 4))
    (batch,) = take(Loader(FacesDataset(photos, SIZE), 16, seed=0), 1)[0]
    assert batch["index"].tolist() == [4] * 16


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [0, 1])
def test_all_files_bad_is_an_error(photos, num_workers):
    spoil(photos, *(f"{i:02}.png" for i in range(11)))
    with Loader(FacesDataset(photos, SIZE), 4, seed=0, num_workers=num_workers) as loader:
        with pytest.raises(InputError, match=r"none of the 11 files can be read; \d\d\.png is not a picture"):
            take(loader, 1)


def test_a_single_bad_file_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"^a\.png: cannot be read: "):
        take(Loader(FacesDataset(tmp_path, SIZE), 2, seed=0), 1)


def mixed(photos):
    save(photos / "05.png", (10, 12))
    steps = [{"name": "Transpose"}, {"name": "Normalize", "mean": 127.5, "std": 127.5}]
    return build_dataset(
        {
            "name": "SingleDataset",
            "dataroot": str(photos),
            "preprocess": [
                {"name": "LoadImageFromFile", "key": "A"},
                {"name": "Transforms", "input_keys": ["A"], "pipeline": steps},
            ],
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("num_workers", [0, 1])
def test_mixed_sizes_are_an_error_even_one_by_one(photos, num_workers, batch_size):
    dataset = mixed(photos)
    message = (
        r"^05\.png: is 12 x 10 pixels where \d\d\.png is 12 x 9 pixels; .* one size\. Add Resize.*FacesDataset.*prepare"
    )
    with Loader(dataset, batch_size, seed=0, num_workers=num_workers) as loader:
        with pytest.raises(InputError, match=message) as caught:
            take(loader, 12)
        assert not isinstance(caught.value, BadFileError)
        assert loader.bad_files == {}


def test_the_reference_size_is_that_of_the_first_position(photos):
    dataset = mixed(photos)
    seed = next(s for s in range(100) if SampleOrder(11, s).indices(0, 1)[0] == 5)
    with pytest.raises(InputError, match=r"is 12 x 9 pixels where 05\.png is 12 x 10 pixels"):
        take(Loader(dataset, 1, seed=seed), 2, first=3)


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_nothing_is_lost(photos):
    expected = flat(take(Loader(FacesDataset(photos, SIZE), 4, seed=0), 30))
    with Loader(FacesDataset(photos, SIZE), 4, seed=0, num_workers=2) as loader:
        batches = loader.batches()
        got = [next(batches) for _ in range(5)]
        for _ in range(2):  # the replacement, too, is replaced after it has done some work
            os.kill(loader._pool.pids[0], signal.SIGKILL)
            got += [next(batches) for _ in range(10)]
        got += [next(batches) for _ in range(5)]
        assert flat(got) == expected


@pytest.mark.slow
def test_a_long_pause_changes_nothing_and_workers_ignore_a_signal_to_the_whole_group(photos):
    expected = flat(take(Loader(FacesDataset(photos, SIZE), 4, seed=0), 20))
    with Loader(FacesDataset(photos, SIZE), 4, seed=0, num_workers=2) as loader:
        batches = loader.batches()
        got = [next(batches)]
        pids = loader._pool.pids
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGINT)
        time.sleep(0.4)
        got += [next(batches) for _ in range(19)]
        assert flat(got) == expected
        assert loader._pool.pids == pids


class Deadly:
    """A data set whose samples end the process that loads them."""

    def __len__(self):
        return 1

    def name(self, index):
        return "deadly"

    def sample(self, index, rng):
        os._exit(3)


class Clumsy(Deadly):
    """A data set with a bug."""

    def sample(self, index, rng):
        raise KeyError("a mistake in the code")


class Unwilling(Deadly):
    """A data set that cannot be unpickled in another process."""

    def __reduce__(self):
        return _fail, ()


def _fail():
    raise RuntimeError("cannot be made here")


@pytest.fixture
def importable(monkeypatch):
    """Let worker processes import this module, whose name only pytest can resolve."""
    name = Deadly.__module__
    parts = name.split(".")
    base = Path(__file__).parents[len(parts) - 1]
    assert base.joinpath(*parts).with_suffix(".py") == Path(__file__)
    monkeypatch.syspath_prepend(str(base))


class Labelled(Deadly):
    """A data set whose samples have a class number, an angle and landmarks beside the picture."""

    def __len__(self):
        return 7

    def sample(self, index, rng):
        label = np.int64(index % 3) if index % 2 else np.array(index % 3, np.int64)
        return {
            "img": np.full((3, 4, 5), index, np.float32),
            "class_id": label,
            "yaw": np.array(index / 4, np.float32),
            "points": np.full((68, 2), index, np.float64),
        }


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [0, 1])
def test_labels_and_other_arrays_are_stacked_under_their_keys(importable, num_workers):
    with Loader(Labelled(), 4, seed=0, num_workers=num_workers, shuffle=False) as loader:
        _, (batch,) = take(loader, 2)
    assert {key: (value.shape, value.dtype.name) for key, value in batch.items()} == {
        "img": ((4, 3, 4, 5), "float32"),
        "class_id": ((4,), "int64"),
        "yaw": ((4,), "float32"),
        "points": ((4, 68, 2), "float64"),
        "index": ((4,), "int64"),
    }
    assert batch["class_id"].tolist() == [1, 2, 0, 0]
    assert batch["yaw"].tolist() == [1.0, 1.25, 1.5, 0.0]
    assert batch["img"][:, 0, 0, 0].tolist() == [4, 5, 6, 0]


@pytest.mark.slow
def test_a_worker_that_dies_twice_is_an_error(importable):
    with Loader(Deadly(), 1, seed=0, num_workers=1) as loader:
        with pytest.raises(
            WorkerError, match=r"^a worker process ended with code 3, and so did the one before it\. The machine"
        ):
            take(loader, 1)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "text"), [(Clumsy, "a mistake in the code"), (Unwilling, "cannot be made here")])
def test_an_error_in_a_worker_has_its_traceback(importable, kind, text):
    with Loader(kind(), 1, seed=0, num_workers=1) as loader:
        with pytest.raises((KeyError, RuntimeError), match=text) as caught:
            take(loader, 1)
        assert "test_data_loader.py" in str(caught.value.__cause__)


@pytest.mark.slow
def test_close_ends_the_processes_and_batches_starts_them_again(photos):
    loader = Loader(FacesDataset(photos, SIZE), 4, seed=0, num_workers=1)
    batches = loader.batches()
    first = next(batches)
    pids = loader._pool.pids
    assert len(pids) == 1
    loader.close()
    loader.close()
    assert not any(map(is_running, pids))
    with pytest.raises(RuntimeError, match="closed"):
        list(itertools.islice(batches, 20))
    assert flat(take(loader, 1)) == flat([first])
    loader.close()


@pytest.mark.slow
def test_a_forgotten_loader_ends_its_processes(photos):
    loader = Loader(FacesDataset(photos, SIZE), 4, seed=0, num_workers=1)
    take(loader, 1)
    pids = loader._pool.pids
    del loader
    gc.collect()
    assert not any(map(is_running, pids))


# If a shell starts the tests in the background, they ignore Ctrl-C, and so would the script.
SCRIPT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {root!r})
{guard}
from ppgan_ext.data.datasets import FacesDataset
from ppgan_ext.data.loader import Loader
loader = Loader(FacesDataset({photos!r}, 8), 4, seed=0, num_workers={num_workers})
batches = loader.batches()
next(batches)
print(*loader._pool.pids, flush=True)
{end}
"""


def start(photos, tmp_path, end, guard="", num_workers=1, **settings):
    script = tmp_path / "script.py"
    named = {"root": str(ROOT), "photos": str(photos), "num_workers": num_workers}
    script.write_text(textwrap.dedent(SCRIPT.format(end=end, guard=guard, **named)))
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings
    )
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == num_workers
    return process, pids


def finish(process, pids, code):
    process.wait(timeout=20)
    output, errors = process.stdout.read(), process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    assert process.returncode == code, errors
    assert wait_until(lambda: not any(map(is_running, pids)))
    return output, errors


@pytest.mark.slow
def test_a_script_that_ends_leaves_no_process_and_runs_once(photos, tmp_path):
    # The script lacks the guard that multiprocessing requires; its lines still run only once.
    process, pids = start(photos, tmp_path, "print('end')", "print(end='', file=sys.stderr)", num_workers=2)
    output, errors = finish(process, pids, 0)
    assert (output, errors) == ("end\n", "")


@pytest.mark.slow
def test_a_script_that_raises_leaves_no_process(photos, tmp_path):
    process, pids = start(photos, tmp_path, "raise ValueError('stop')")
    assert finish(process, pids, 1)[1].endswith("ValueError: stop\n")


@pytest.mark.slow
@pytest.mark.parametrize("end", ["time.sleep(60)", "while True: next(batches)"])
def test_ctrl_c_leaves_no_process_and_no_noise(photos, tmp_path, end):
    process, pids = start(photos, tmp_path, end, start_new_session=True)
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to the workers too
    _, errors = finish(process, pids, -signal.SIGINT)
    assert errors.count("Traceback") == 1
    assert errors.endswith("KeyboardInterrupt\n")


@pytest.mark.parametrize("end", ["time.sleep(60)", "while True: next(batches)"])
def test_a_killed_parent_leaves_no_process(photos, tmp_path, end):
    process, pids = start(photos, tmp_path, end)
    time.sleep(0.2)
    process.kill()
    assert finish(process, pids, -signal.SIGKILL)[1] == ""


@pytest.mark.slow
def test_workers_import_no_paddle_even_if_the_parent_has(photos, tmp_path):
    if not Path("/proc").is_dir():
        pytest.skip("the libraries of a process are listed in /proc")
    process, pids = start(photos, tmp_path, "time.sleep(60)", guard="import paddle")
    maps = [Path(f"/proc/{pid}/maps").read_text() for pid in (process.pid, *pids)]
    process.kill()
    finish(process, pids, -signal.SIGKILL)
    assert ["libpaddle" in text for text in maps] == [True, False]


@pytest.mark.parametrize(
    ("settings", "name"),
    [({"batch_size": 0}, "batch_size"), ({"num_workers": -1}, "num_workers"), ({"num_shards": 0}, "num_shards")],
)
def test_impossible_numbers_are_refused(photos, settings, name):
    with pytest.raises(ConfigError, match=f"{name}: must be at least"):
        Loader(FacesDataset(photos, SIZE), **{"batch_size": 1, "seed": 0, **settings})


def test_impossible_shards_and_iterations_are_refused(photos):
    with pytest.raises(ValueError, match="shards 1 to 2 of 2"):
        Loader(FacesDataset(photos, SIZE), 1, seed=0, first_shard=1, num_shards=2, num_shards_total=2)
    with pytest.raises(ValueError, match="count from 1"):
        Loader(FacesDataset(photos, SIZE), 1, seed=0).batches(0)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse some of these names")
@pytest.mark.parametrize("num_workers", [0, 1])
def test_nothing_that_a_picture_can_raise_ends_a_training(tmp_path, num_workers):
    from tests.apps.test_apps_large_batch import noise, odd_inputs

    failing, fine = odd_inputs()
    for name, data in {**failing, **fine}.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    for number in range(12):
        noise(number).save(tmp_path / f"good{number}.png")
    expected = {*failing, "folder.jpg", "self.jpg"}
    dataset = FacesDataset(tmp_path, SIZE)
    with (
        Loader(dataset, 8, seed=0, num_workers=num_workers) as loader,
        pytest.warns(BadFileWarning),
    ):
        for batches in itertools.islice(loader.batches(), 3 * len(dataset) // 8):
            assert batches[0]["A"].shape == (8, 3, SIZE, SIZE)
        assert set(loader.bad_files) == expected
