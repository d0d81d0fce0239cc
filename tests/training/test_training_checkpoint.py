"""Checkpoints: PaddleGAN's layout, complete or absent, restored exactly or rejected with all differences."""

from __future__ import annotations

import errno
import os

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import OutputError, TrainingError, WeightsError
from ppgan_ext.training import checkpoint, checkpoint_files
from ppgan_ext.training.initial_weights import load_weights
from ppgan_ext.weights import readers
from tests.reference import toy_runs
from tests.reference.toy_task import make_discriminator, make_generator


def make_task(config, overrides=None):
    return toy_runs.make_task(config, overrides, accumulate=(overrides or {}).get("accumulate", 1))


@pytest.fixture
def trained(config):
    """A run of four iterations, and its checkpoint."""
    run = toy_runs.train(config)
    return run, toy_runs.only(run.folder, "iter_4_checkpoint.pdparams")


def test_a_file_has_paddlegans_layout_and_paddle_can_read_it(trained):
    run, path = trained
    tree = paddle.load(str(path), return_numpy=True)
    assert list(tree) == ["gen", "disc", "gen_ema", "epoch", "optimG", "optimD", "ppgan_ext"]
    assert tree["epoch"] == 4
    assert set(tree["gen"]) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert "gen.0.weight_moment1_0" in tree["optimG"]
    assert tree["optimD"]["disc.1.bias_beta1_pow_acc_0"].item() == pytest.approx(
        0.9**7
    )  # four steps and two of the lazy penalty, and Paddle is one ahead
    weights = paddle.load(str(run.folder / "iter_4_weight.pdparams"), return_numpy=True)
    assert list(weights) == ["gen", "disc", "gen_ema", "ppgan_ext"]
    assert weights["gen"]["0.bias"].tobytes() == tree["gen"]["0.bias"].tobytes()
    extractable = readers.read(path)["gen_ema"]
    assert (extractable["0.bias"] == run.task.networks["gen_ema"][0].bias.numpy()).all()


def test_writing_copies_one_array_at_a_time(trained, tmp_path, monkeypatch):
    """Full U-GAT-IT has 7 GB of weights and moments, which would not fit twice."""
    run, _ = trained
    trees = []
    monkeypatch.setattr(readers, "write", lambda path, tree: trees.append(tree))
    checkpoint.write_checkpoint(tmp_path / "a.pdparams", run.task, 4)
    (tree,) = trees
    for owner, name in (("gen", "0.weight"), ("optimG", "gen.0.weight_moment1_0")):
        first, second = tree[owner][name], tree[owner][name]
        assert isinstance(first, np.ndarray) and np.array_equal(first, second)
        assert not np.shares_memory(first, second), "the array is kept"


def test_the_whole_state_is_restored(trained, config, tmp_path):
    run, path = trained
    task = make_task(config)
    assert checkpoint.restore(checkpoint_files.read(path), task) == []
    again = tmp_path / "again.pdparams"
    checkpoint.write_checkpoint(again, task, 4, checkpoint.gather_shard_states(task))
    assert toy_runs.content(again) == toy_runs.content(path)
    assert task.mean_loss == run.task.mean_loss != 0


def test_the_global_generators_are_restored(trained, config):
    _, path = trained
    task = make_task(config)
    checkpoint.restore(checkpoint_files.read(path), task)
    first = (np.random.rand(), paddle.rand([1]).item())
    np.random.seed(99)
    paddle.seed(99)
    checkpoint.restore(checkpoint_files.read(path), task)
    assert (np.random.rand(), paddle.rand([1]).item()) == first


def test_mismatching_arrays_are_listed_if_no_setting_explains_them(trained, config):
    _, path = trained
    saved = checkpoint_files.read(path)
    saved.tree["gen"]["0.weight"] = saved.tree["gen"]["0.weight"][:, :7]
    saved.tree["optimD"].pop(next(iter(saved.tree["optimD"])))
    with pytest.raises(WeightsError, match=r"gen: the arrays do not fit the network: .*0.weight 6x7 instead of 6x12"):
        checkpoint.restore(saved, make_task(config))
    saved = checkpoint_files.read(path)
    lost = saved.tree["optimD"].popitem()[0]
    with pytest.raises(WeightsError, match=f"optimD: .*missing.*{lost}"):
        checkpoint.restore(saved, make_task(config))


def test_another_configuration_is_rejected_with_the_settings_that_differ(trained, config):
    _, path = trained
    task = make_task(config, {"model.width": 5, "seed": 3, "dataset.train.batch_size": 4, "output_dir": "elsewhere"})
    before = {name: net[0].weight.numpy().copy() for name, net in task.networks.items() if name != "disc"}
    with pytest.raises(WeightsError) as caught:
        checkpoint.restore(checkpoint_files.read(path), task)
    text = str(caught.value)
    for part in (
        "belongs to another configuration: model.width: 12 -> 5; so its arrays do not fit gen, disc, gen_ema",
        "--load",
    ):
        assert part in text
    assert "output_dir" not in text and "seed" not in text  # they do not matter here
    for name, weight in before.items():
        assert (task.networks[name][0].weight.numpy() == weight).all()


def test_relevant_settings_that_differ_are_noted(trained, config):
    _, path = trained
    notes = checkpoint.restore(
        checkpoint_files.read(path), make_task(config, {"seed": 3, "dataset.train.num_workers": 1})
    )
    assert notes == ["the run does not continue exactly, because settings differ: seed: 0 -> 3"]
    notes = checkpoint.restore(checkpoint_files.read(path), make_task(config, {"accumulate": 2}))
    assert notes == ["the run does not continue exactly, because settings differ: shards per iteration: 1 -> 2"]


def paddlegans_checkpoint(path, *, width=12):
    """Write the checkpoint that PaddleGAN would write: its optimisers have Paddle's automatic names."""
    tree = {"epoch": 7}
    nets = {"gen": make_generator(width), "disc": make_discriminator(width), "gen_ema": make_generator(width)}
    for name, net in nets.items():
        tree[name] = {key: tensor.numpy() for key, tensor in net.state_dict().items()}
    for name, net in (("optimG", nets["gen"]), ("optimD", nets["disc"])):
        schedule = paddle.optimizer.lr.MultiStepDecay(0.01, milestones=[3])
        optimizer = paddle.optimizer.Adam(schedule, parameters=net.parameters())
        inputs = paddle.ones([2, 6]) if name == "optimG" else paddle.ones([2, 3, 8, 8])
        net(inputs).sum().backward()
        optimizer.step()
        state = optimizer.state_dict()
        tree[name] = {key: value.numpy() if hasattr(value, "numpy") else value for key, value in state.items()}
    paddle.save(tree, str(path))
    return tree


def test_a_checkpoint_of_paddlegan_is_restored_as_far_as_possible(config, tmp_path):
    path = tmp_path / "iter_7_checkpoint.pdparams"
    tree = paddlegans_checkpoint(path)
    task = make_task(config)
    saved = checkpoint_files.read(path)
    notes = checkpoint.restore(saved, task)
    assert saved.iteration == 7
    assert len(notes) == 1
    assert "checkpoint of PaddleGAN" in notes[0]
    assert (task.networks["disc"][1].weight.numpy() == tree["disc"]["1.weight"]).all()
    theirs = {key: value for key, value in tree["optimG"].items() if "moment1" in key}
    ours = {key: value.numpy() for key, value in task.optimizers["optimG"].state_dict().items() if "moment1" in key}
    assert not set(theirs) & set(ours)
    for one, other in zip(theirs.values(), ours.values(), strict=True):
        assert one.tobytes() == other.tobytes()
        assert one.any()


def test_an_optimizer_of_another_shape_starts_with_a_new_state(config, tmp_path):
    path = tmp_path / "iter_7_checkpoint.pdparams"
    tree = paddlegans_checkpoint(path)
    first = next(key for key in tree["optimG"] if "moment2" in key)
    tree["optimG"][first] = np.zeros(3, np.float32)
    paddle.save(tree, str(path))
    notes = checkpoint.restore(checkpoint_files.read(path), make_task(config))
    assert notes[0] == "the state of optimG in the checkpoint does not fit; the optimiser starts with a new state"
    assert len(notes) == 2


def test_a_file_that_is_not_a_checkpoint_is_rejected(config, tmp_path, trained):
    run, path = trained
    with pytest.raises(WeightsError, match="is not a checkpoint of a training run"):
        checkpoint_files.read(run.folder / "iter_4_weight.pdparams")
    (tmp_path / "half.pdparams").write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError):
        checkpoint_files.read(tmp_path / "half.pdparams")
    with pytest.raises(WeightsError, match="no such file"):
        checkpoint_files.read(tmp_path / "nowhere.pdparams")
    tree = readers.read(path)
    tree["ppgan_ext"]["format"] = 2
    readers.write(tmp_path / "later.pdparams", tree)
    with pytest.raises(WeightsError, match="later version"):
        checkpoint_files.read(tmp_path / "later.pdparams")
    del tree["gen_ema"], tree["ppgan_ext"]
    readers.write(tmp_path / "fewer.pdparams", tree)
    with pytest.raises(WeightsError, match="network gen_ema is missing"):
        checkpoint.restore(checkpoint_files.read(tmp_path / "fewer.pdparams"), make_task(config))


def test_a_folder_means_its_newest_undamaged_checkpoint(trained):
    run, path = trained
    (run.folder / "iter_9_checkpoint.pdparams").write_bytes(path.read_bytes()[:1000])
    assert checkpoint_files.read(run.folder).iteration == 4
    path.unlink()
    with pytest.raises(WeightsError, match=r"iter_9_checkpoint"):
        checkpoint_files.read(run.folder)
    with pytest.raises(WeightsError, match="contains no checkpoint"):
        checkpoint_files.read(run.folder.parent)


def test_load_assigns_weights_by_name(trained, config, tmp_path):
    run, _ = trained
    task = make_task(config)
    assert load_weights(run.folder / "iter_4_weight.pdparams", task) == []
    for name, net in run.task.networks.items():
        for one, other in zip(net.parameters(), task.networks[name].parameters(), strict=True):
            assert (one.numpy() == other.numpy()).all()
    one = {key: tensor.numpy() for key, tensor in run.task.networks["gen_ema"].state_dict().items()}
    readers.write(tmp_path / "gen.pdparams", {"gen": one})  # the average starts from gen
    task = make_task(config)
    assert len(load_weights(tmp_path / "gen.pdparams", task)) == 1
    assert (task.networks["gen_ema"][2].weight.numpy() == one["2.weight"]).all()


def test_load_never_assigns_weights_by_shape_alone(trained, config, tmp_path):
    """Two generators of one shape must not be confused."""
    run, _ = trained
    one = {key: tensor.numpy() for key, tensor in run.task.networks["gen_ema"].state_dict().items()}
    readers.write(tmp_path / "ema.pdparams", one)
    task = make_task(config)
    before = task.networks["gen"][2].weight.numpy().copy()
    for path in (tmp_path / "ema.pdparams", tmp_path / "netG_B.pdparams"):
        readers.write(path, one if path.stem == "ema" else {"netG_B": one})
        with pytest.raises(
            WeightsError, match=r"contains no network of this model.*gen, disc, gen_ema.*--load NAME=FILE"
        ):
            load_weights(path, task)
    np.testing.assert_array_equal(task.networks["gen"][2].weight.numpy(), before)


def test_a_file_of_one_network_can_be_named(trained, config, tmp_path):
    run, _ = trained
    one = {key: tensor.numpy() for key, tensor in run.task.networks["gen_ema"].state_dict().items()}
    readers.write(tmp_path / "ema.pdparams", one)
    task = make_task(config)
    before = task.networks["gen_ema"][2].weight.numpy().copy()
    notes = load_weights(f"gen={tmp_path / 'ema.pdparams'}", task)
    assert len(notes) == 2 and "gen_ema keeps its initial weights" in notes[1]
    assert (task.networks["gen"][2].weight.numpy() == one["2.weight"]).all()
    assert (task.networks["gen_ema"][2].weight.numpy() == before).all()
    with pytest.raises(WeightsError, match="contains several networks"):
        load_weights(f"gen={run.folder / 'iter_4_weight.pdparams'}", task)


def test_load_rejects_weights_that_do_not_fit(trained, config, tmp_path):
    run, _ = trained
    with pytest.raises(WeightsError, match=r"gen: the arrays do not fit.*6x12 instead of 6x5"):
        load_weights(run.folder / "iter_4_weight.pdparams", make_task(config, {"model.width": 5}))
    readers.write(tmp_path / "other.pdparams", {"a": np.zeros(3, np.float32)})
    with pytest.raises(WeightsError, match=r"contains no network of this model by name.*gen, disc, gen_ema"):
        load_weights(tmp_path / "other.pdparams", make_task(config))


def test_a_network_that_contains_nan_never_replaces_a_good_one(trained, config):
    run, path = trained
    good = path.read_bytes()
    weight = run.task.networks["disc"][1].weight
    weight.set_value(paddle.full_like(weight, float("nan")))
    for write in (checkpoint.write_weights, checkpoint.write_checkpoint):
        with pytest.raises(TrainingError, match=r"disc\.1\.weight: contains NaN or infinite numbers and is not saved"):
            write(path, run.task, 4)
    assert path.read_bytes() == good


@pytest.mark.parametrize("fails", ["weight", "checkpoint"])
def test_a_full_disk_loses_nothing_and_the_message_tells_how_to_continue(config, monkeypatch, fails):
    write = readers.pdparams.write

    def full(path, tree):
        write(path, tree)
        if ("epoch" in tree) == (fails == "checkpoint") and run.done == 4:
            os.truncate(path, 100)
            raise OSError(errno.ENOSPC, "No space left on device")

    run = toy_runs.prepare(config)
    with monkeypatch.context() as patch, pytest.raises(OutputError) as caught:
        patch.setattr(readers.pdparams, "write", full)
        toy_runs.finish(run)
    text = str(caught.value)
    assert (
        f"iter_4_{fails}.pdparams: the disk is full. Free some space; the last good checkpoint is kept: --resume"
        in text
    )
    assert "iter_2_checkpoint.pdparams" in text
    left = {path.name for path in run.folder.glob("*.pdparams")}
    assert left == {"iter_2_weight.pdparams", "iter_2_checkpoint.pdparams"} | (
        {"iter_4_weight.pdparams"} if fails == "checkpoint" else set()
    )
    assert not list(run.folder.glob(".part-*"))
    assert toy_runs.train(config, resume=str(run.folder)).done == 4


def test_file_names_and_removal_of_older_checkpoints(tmp_path):
    assert checkpoint_files.file_name("weight", 12, None) == "iter_12_weight.pdparams"
    assert checkpoint_files.file_name("checkpoint", 12, 4) == "epoch_3_checkpoint.pdparams"
    assert checkpoint_files.file_name("checkpoint", 13, 4) == "iter_13_checkpoint.pdparams"
    names = ["iter_9_checkpoint", "epoch_2_checkpoint", "iter_3_checkpoint", "iter_30_checkpoint", "iter_3_weight"]
    for name in (*names, "notes_3_checkpoint"):
        (tmp_path / f"{name}.pdparams").touch()
    checkpoint_files.remove_older(tmp_path, 12, 2, 5)
    left = {path.stem for path in tmp_path.iterdir()}
    assert left == {"epoch_2_checkpoint", "iter_30_checkpoint", "iter_3_weight", "notes_3_checkpoint"}
