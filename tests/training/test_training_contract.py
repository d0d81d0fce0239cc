"""The contract of all families, tested at toy size. A new family adds a row to `toy_families.TOYS`."""

from __future__ import annotations

import gc
import os
import shutil

import numpy as np
import paddle
import pytest

from ppgan_ext import metrics
from ppgan_ext.errors import TrainingError
from ppgan_ext.training import loop, schema
from ppgan_ext.training.families import FAMILIES
from ppgan_ext.training.initial_weights import load_weights
from ppgan_ext.training.log import memory_mb
from ppgan_ext.training.shared.memory_estimate import settled_bytes
from tests.reference import toy_runs
from tests.reference.toy_families import TOYS, MeanMetric
from tests.reference.two_processes import TOY_MAINS, two_processes

NAMES = sorted({*FAMILIES, "ToyModel"})
BUSY = {
    "log_config.visual_interval": 1,
    "validate": {"interval": 1, "save_img": True, "metrics": {"mean": {"name": "Mean"}}},
}


@pytest.fixture(scope="module", params=NAMES)
def toy(request):
    return TOYS[request.param]


@pytest.fixture(scope="module")
def config(toy, faces, tmp_path_factory):
    return toy.write(tmp_path_factory.mktemp("toy"), faces)


@pytest.fixture(scope="module")
def _mean_metric():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(metrics.METRICS, "Mean", MeanMetric)
        yield


@pytest.fixture(scope="module")
def quiet(toy, config):
    """A run of four iterations."""
    return toy_runs.train(config, toy.everything)


@pytest.fixture(scope="module")
def whole(quiet):
    """What that run leaves in its last checkpoint."""
    return final(quiet)


@pytest.fixture(scope="module")
def stopped(toy, config):
    """The same run until its weights turn to NaN in the third iteration, and the error that ended it."""
    run = toy_runs.prepare(config, toy.everything | {"snapshot_config.interval": 1})
    step = run.task.step

    def poisoned(batches, iteration):
        if iteration == 3:
            learning = {net for options in run.settings.optimizer.values() for net in options.net_names}
            parameter = next(iter(run.task.networks[sorted(learning)[0]].parameters()))
            parameter.set_value(paddle.full_like(parameter, float("nan")))
        return step(batches, iteration)

    run.task.step = poisoned
    with pytest.raises(TrainingError) as caught:
        toy_runs.finish(run)
    return run, caught.value


@pytest.fixture(scope="module")
def busy(toy, config, _mean_metric):
    """The same run, with pictures and a measurement after each iteration."""
    return toy_runs.train(config, toy.everything | BUSY)


def weights(task):
    return {
        f"{name}.{key}": tensor.numpy().copy()
        for name, network in task.networks.items()
        for key, tensor in network.state_dict().items()
    }


def final(run):
    return toy_runs.content(toy_runs.only(run.folder, f"iter_{run.total}_checkpoint.pdparams"))


def prepare(config, overrides=None, **start):
    """Open a run and close its files at once, for tests of its task."""
    run = toy_runs.prepare(config, overrides, **start)
    run.loader.close()
    run.log.close()
    return run


def test_every_family_has_a_toy():
    assert {*FAMILIES, "ToyModel"} == set(TOYS)


def test_options_are_unchanged_by_writing_and_reading(config, tmp_path):
    settings = schema.read_config(config)
    again = tmp_path / "again.yaml"
    again.write_text(settings.to_yaml())
    read = schema.read_config(again)
    assert read.model_dump() == settings.model_dump()
    assert next(iter(read.model.model_dump())) == "name"
    assert FAMILIES[settings.model.name].load_task().__name__.endswith("Task")


@pytest.mark.slow
def test_every_trainable_array_changes_and_nothing_else(toy, config):
    task = prepare(config, toy.everything).task
    moved_by = {net for options in task.settings.optimizer.values() for net in options.net_names}
    before = weights(task)
    for iteration, batches in zip(range(1, toy.num_iterations + 1), loader_of(task), strict=False):
        for name, optimizer in task.optimizers.items():
            optimizer.set_lr(0.01 * task.rate_scales.get(name, 1.0))
        task.step(batches, iteration)
    after = weights(task)
    changed = {key for key in after if not np.array_equal(before[key], after[key])}
    for name, network in task.networks.items():
        trainable = {f"{name}.{key}" for key, item in network.named_parameters() if not item.stop_gradient}
        if name in moved_by:
            still = {key for key in trainable - changed if not key.startswith(toy.constant or ("-",))}
            assert still == set(), f"{name} has weights that never learn"
            statistics = {key for key in changed if key.startswith(f"{name}.")} - trainable
            assert all(key.endswith(("._mean", "._variance", "weight_u", "weight_v")) for key in statistics)
        elif not name.endswith("_ema"):
            assert {key for key in changed if key.startswith(f"{name}.")} == set(), f"{name} must not change"
    for network in task.networks.values():
        for parameter in network.parameters():
            assert parameter.grad is None or not parameter.grad.numpy().any(), "gradients are left over"


def loader_of(task):
    """Return the batches of the task's own data."""
    from ppgan_ext.data.loader import Loader

    data, size = task.samples.train, task.settings.batch_size
    return Loader(data, size, seed=0, num_shards=task.num_batches, num_shards_total=task.num_batches).batches(1)


@pytest.mark.slow
def test_a_run_that_stops_and_resumes_has_the_bytes_of_one_that_did_not(toy, config, whole, stopped, tmp_path):
    begun = shutil.copytree(stopped[0].folder, tmp_path / "begun")
    resumed = final(toy_runs.train(config, toy.everything, resume=str(begun)))
    assert [key for key, value in resumed.items() if value != whole[key]] == []
    assert whole.keys() == resumed.keys()
    saved = {key if key.startswith("extra.") else key.partition(".")[0] for key in whole}
    assert saved >= toy.saved


@pytest.mark.slow
def test_pictures_and_metrics_between_iterations_change_nothing(whole, busy):
    assert final(busy) == whole
    pictures = busy.task.pictures(4)
    assert pictures
    for image in pictures.values():
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
    assert all(np.array_equal(image, pictures[name]) for name, image in busy.task.pictures(9).items())
    assert len(list(busy.folder.glob("visual_train/*.png"))) == 4 * len(pictures)


@pytest.mark.slow
def test_load_restores_all_weights_by_name(toy, config, quiet):
    saved = toy_runs.only(quiet.folder, "iter_4_weight.pdparams")
    task = prepare(config, toy.everything, load=str(saved)).task
    mine, theirs = weights(task), weights(quiet.task)
    assert [key for key in theirs if not np.array_equal(mine[key], theirs[key])] == []
    assert load_weights(saved, task) == []


@pytest.mark.slow
def test_evaluation_measures_the_loaded_weights_and_writes_no_weights(toy, config, busy):
    expected = loop.evaluate(busy)
    saved = toy_runs.only(busy.folder, "iter_4_weight.pdparams")
    files = sorted(busy.folder.glob("**/*.pdparams"))
    again = prepare(config, toy.everything | BUSY, load=str(saved), evaluate_only=True)
    before = weights(again.task)
    assert loop.evaluate(again) == expected and set(expected) == {"mean"}
    assert all(np.array_equal(array, before[key]) for key, array in weights(again.task).items())
    assert again.folder == busy.folder and sorted(again.folder.glob("**/*.pdparams")) == files


@pytest.mark.slow
def test_a_nan_stops_the_run_and_keeps_the_last_checkpoint(stopped):
    run, error = stopped
    assert "iter_2_checkpoint.pdparams" in str(error)
    kept = toy_runs.only(run.folder, "*_checkpoint.pdparams")
    assert kept.name == "iter_2_checkpoint.pdparams"
    assert all(
        np.isfinite(np.frombuffer(value, np.float32)).all()
        for key, value in toy_runs.content(kept).items()
        if key.partition(".")[0] in run.task.networks and len(value) % 4 == 0 and "options" not in key
    )


@pytest.mark.slow
def test_memory_does_not_grow(toy, config):
    """Sizes of tensors and numbers of objects are exact, so what an iteration leaks shows within four of them."""
    first, last = 6, 10  # after the first pictures, which import what draws them; one is saved between
    run = toy_runs.prepare(config, toy.everything | toy.at_rest | {"total_iters": 12, "snapshot_config.interval": 4})
    tensors, objects, memory = {}, {}, {}
    step = run.task.step

    def watch(batches, iteration):
        numbers = step(batches, iteration)
        if iteration in (first, last):
            gc.collect()
            tensors[iteration] = settled_bytes(paddle.zeros([1]))
            objects[iteration], memory[iteration] = len(gc.get_objects()), memory_mb()
        return numbers

    run.task.step = watch
    toy_runs.finish(run)
    assert tensors[last] - tensors[first] < 1024 * (last - first) + toy.pool_bytes, tensors
    assert objects[last] - objects[first] < last - first, objects
    assert memory[last] - memory[first] < 4, memory


@pytest.fixture(scope="module")
def trained_by_two(faces, tmp_path_factory):
    """The file of a configuration by family, all trained by two processes; results lie beside it, in ``two``.

    Two iterations contain every phase, and the second begins with what the first exchanged; pools are full after three.
    """
    assert os.environ.get("OMP_NUM_THREADS") == "1", "start the tests with OMP_NUM_THREADS=1"
    settled = {}
    for name in NAMES:
        if TOYS[name].two_processes_like is None:
            folder = tmp_path_factory.mktemp(name)
            short = {"output_dir": str(folder / "two"), "total_iters": 4 if TOYS[name].pool_bytes else 2}
            settled[name] = folder / "settled.yaml"
            overrides = TOYS[name].everything | short
            settled[name].write_text(schema.read_config(TOYS[name].write(folder, faces), overrides).to_yaml())
    for code, _, errors in two_processes(*settled.values(), script=TOY_MAINS):
        assert code == 0, errors[-2000:]
    return settled


@pytest.mark.slow
def test_two_processes_end_with_the_bytes_of_one_on_the_same_images(toy, trained_by_two, request):
    """With one thread per process, because another number of threads adds in another order."""
    if toy.two_processes_like is not None:
        pytest.skip(f"tested with {toy.two_processes_like}")
    settled = trained_by_two[request.node.callspec.params["toy"]]
    folder = settled.parent
    run = toy_runs.train(settled, {"accumulate": 2, "output_dir": str(folder / "one")})
    one = final(run)
    two = toy_runs.content(toy_runs.only(folder / "two", f"iter_{run.total}_checkpoint.pdparams"))
    assert [key for key in one if one[key] != two[key]] == []
    assert one.keys() == two.keys()
    assert len(list((folder / "two").iterdir())) == 1, "more than one process has written"
