"""The disk cache of real images: the work it saves, what its key depends on, the damage it survives."""

from __future__ import annotations

import os

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.data import datasets
from ppgan_ext.data.sources import open_source
from ppgan_ext.errors import InputError
from ppgan_ext.metrics import FID, KID, ModelOutputs, PrecisionRecall, compute_all, disk_cache
from ppgan_ext.weights import store
from tests.reference.toy_metrics import ArraySource, ToyFeatures, generator_of, random_images

NUM = 12


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "faces"
    (root / "deep").mkdir(parents=True)
    for index, image in enumerate(random_images(NUM, seed=1)):
        PIL.Image.fromarray(image).save(root / ("deep" if index % 3 else ".") / f"{index}.png")
    return root


def measure(path, metric=FID, network=None, real=None, size=8, **options):
    """Return the figures, and how many images the network saw."""
    network = network or ToyFeatures()
    real = real or open_source(path)
    outputs = ModelOutputs(real, generator_of(random_images(40, size=size, seed=2)), size=size)
    figures = metric({"num": NUM, **options}, network).compute(outputs)
    return figures, network.num_images


def cached(home):
    return sorted(path.name for path in (home / "metrics").iterdir())


@pytest.mark.parametrize("metric", [FID, KID, PrecisionRecall])
def test_a_second_time_gives_the_same_figures_without_reading(folder, home, metric, monkeypatch):
    first, num_seen = measure(folder, metric)
    assert num_seen == 2 * NUM
    assert len(cached(home)) == 1
    source = open_source(folder)
    monkeypatch.setattr(type(source), "read", lambda *_: pytest.fail("a real image was read again"))
    second, num_seen = measure(folder, metric, real=source)
    assert second == first
    assert num_seen == NUM
    assert (home / "metrics") == disk_cache.folder() == store.home() / "metrics"


def test_progress_counts_spared_images_too(folder):
    steps = []
    for _ in range(2):
        outputs = ModelOutputs(open_source(folder), generator_of(random_images(NUM, seed=2)), size=8)
        FID({"batch_size": 8}, ToyFeatures()).compute(outputs, lambda done, total: steps.append((done, total)))
    assert steps == [(done, 2 * NUM) for done in (8, 12, 20, 24, 12, 20, 24)]


def test_a_changed_file_is_noticed(folder, home):
    first, _ = measure(folder)
    image = random_images(1, seed=9)[0]
    PIL.Image.fromarray(image).save(folder / "0.png")
    os.utime(folder / "0.png", ns=(1, 1))
    second, num_seen = measure(folder)
    assert num_seen == 2 * NUM
    assert second != first
    (folder / "0.png").rename(folder / "00.png")
    assert measure(folder)[1] == 2 * NUM
    assert len(cached(home)) == 3


@pytest.mark.parametrize(
    "change",
    [{"network": ToyFeatures(name="other")}, {"size": 16}, {"metric": KID}],
    ids=["network", "size", "kind"],
)
def test_what_the_numbers_depend_on_is_told_apart(folder, home, change):
    measure(folder)
    measure(folder, **change)
    assert len(cached(home)) == 2


def test_weights_under_one_name_are_told_apart(folder, home):
    measure(folder)
    other = ToyFeatures()
    other.weights_hash = "another"
    assert measure(folder, network=other)[1] == 2 * NUM
    assert len(cached(home)) == 2


@pytest.mark.parametrize("damage", ["cut", "text", "shape", "nan", "names", "pickle"])
def test_a_damaged_file_is_made_anew(folder, home, damage):
    first, _ = measure(folder)
    (path,) = (home / "metrics").iterdir()
    whole = path.read_bytes()
    with np.load(path) as archive:
        arrays = dict(archive)
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "text":
        path.write_text("not an archive")
    elif damage == "shape":
        np.savez(path, **(arrays | {"mean": arrays["mean"][:-1]}))
    elif damage == "nan":
        np.savez(path, **(arrays | {"mean": arrays["mean"] * np.nan}))
    elif damage == "names":
        np.savez(path, **(arrays | {"further": arrays["mean"]}))
    else:
        np.savez(path, **(arrays | {"mean": np.array([{}] * len(arrays["mean"]))}))
    again, num_seen = measure(folder)
    assert (again, num_seen) == (first, 2 * NUM)
    assert path.read_bytes() == whole
    assert measure(folder)[1] == NUM


def test_a_home_that_cannot_be_written_costs_time_only(folder, home):
    home.write_text("a file where the folder should be")
    first, num_seen = measure(folder)
    assert (measure(folder)[0], num_seen) == (first, 2 * NUM)


def test_images_without_files_are_not_kept(home):
    source = ArraySource(random_images(NUM, seed=1))
    first, _ = measure(None, real=source)
    assert (measure(None, real=source)[0], source.num_reads) == (first, 2 * NUM)
    assert not (home / "metrics").exists()


def test_a_pack_is_known_by_its_own_time(tmp_path, home):
    path = tmp_path / "pack.npz"
    np.savez(path, images=random_images(NUM, seed=1))
    measure(path)
    assert measure(path)[1] == NUM
    np.savez(path, images=random_images(NUM, seed=3))
    os.utime(path, ns=(1, 1))
    assert measure(path)[1] == 2 * NUM


def test_packs_in_a_folder_are_known_by_their_own_times(tmp_path):
    for name, seed in (("a.npz", 1), ("b.npz", 2)):
        np.savez(tmp_path / name, images=random_images(NUM // 2, seed=seed))
    measure(tmp_path)
    assert measure(tmp_path)[1] == NUM
    np.savez(tmp_path / "b.npz", images=random_images(NUM // 2, seed=3))
    os.utime(tmp_path / "b.npz", ns=(1, 1))
    assert measure(tmp_path)[1] == 2 * NUM


def test_a_dataset_is_known_by_what_it_makes_of_its_files(folder):
    def faces(**settings):
        return datasets.FacesDataset(folder, 8, **settings)

    plain, num_seen = measure(None, real=faces(flip=False))
    assert num_seen == 2 * NUM
    assert measure(None, real=faces(flip=False)) == (plain, NUM)
    assert plain == measure(folder)[0]
    assert measure(None, real=faces(flip=True))[1] == 2 * NUM
    assert measure(None, real=faces(flip=False, limit=5))[1] == 5 + NUM


def test_a_dataset_of_another_size_is_refused(folder):
    with pytest.raises(InputError, match="is 4x4 pixels after the dataset's transforms, 8x8 expected"):
        measure(None, real=datasets.FacesDataset(folder, 4))


def test_left_out_images_are_noted_each_time(folder, home):
    (folder / "0.png").write_bytes(b"damaged")
    first, _ = measure(folder)
    again, num_seen = measure(folder)
    assert "1 of 12 real images left out, the first because:" in first.notes[0]
    assert "1 of 12 real images left out" in again.notes[0]
    assert (again["fid_toy"], num_seen) == (first["fid_toy"], NUM)


def test_metrics_share_what_they_compute(folder, home):
    network = ToyFeatures()
    metrics = [FID(None, network), KID(None, network), PrecisionRecall(None, network)]
    outputs = ModelOutputs(open_source(folder), generator_of(random_images(NUM, seed=2)), size=8)
    figures = compute_all(metrics, outputs)
    assert set(figures) == {"fid_toy", "kid_toy", "kid_error_toy", "precision_toy", "recall_toy"}
    assert network.num_images == 2 * NUM
    assert len(figures.notes) == 2
    assert len(cached(home)) == 2
