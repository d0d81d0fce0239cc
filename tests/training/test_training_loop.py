"""The training loop: resumed runs end with the same bytes, memory does not grow, and errors lose no checkpoint."""

from __future__ import annotations

import gc
import json
import signal

import numpy as np
import PIL.Image
import pytest

from ppgan_ext.errors import ConfigError, InputError, OutputError, TrainingError, WeightsError
from ppgan_ext.training import loop
from tests.reference import toy_runs
from tests.reference.toy_task import ToyTask


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, faces):
    """The content of a checkpoint after six iterations without interruption."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    run = toy_runs.train(toy_runs.write_config(folder, faces), {"total_iters": 6})
    return toy_runs.content(toy_runs.only(run.folder, "iter_6_checkpoint.pdparams"))


def final(run):
    return toy_runs.content(toy_runs.only(run.folder, f"iter_{run.total}_checkpoint.pdparams"))


@pytest.mark.parametrize("first", [2, 3])
def test_two_and_four_iterations_equal_six(config, uninterrupted, first):
    begun = toy_runs.train(config, {"total_iters": first})
    resumed = toy_runs.train(
        config, {"total_iters": 6}, resume=str(toy_runs.only(begun.folder, "*_checkpoint.pdparams"))
    )
    assert resumed.folder == begun.folder
    assert final(resumed) == uninterrupted
    assert len(uninterrupted) == 4 * 3 + 4 * 4 * 2 + 1 + 1 + 1  # networks, optimisers, extra state, one shard's, epoch


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(config, uninterrupted):
    begun = toy_runs.train(config, {"total_iters": 2, "dataset.train.num_workers": 2})
    resumed = toy_runs.train(config, {"total_iters": 6, "dataset.train.num_workers": 1}, resume=str(begun.folder))
    assert final(resumed) == uninterrupted


def test_the_seed_determines_the_result(config, uninterrupted):
    run = toy_runs.train(config, {"total_iters": 6, "seed": 1})
    changed = [key for key, value in final(run).items() if value != uninterrupted[key]]
    assert "gen.0.weight" in changed
    assert "extra.mean_loss" in changed


def test_the_extra_state_is_needed_for_equal_bytes(config, uninterrupted, monkeypatch):
    begun = toy_runs.train(config, {"total_iters": 2})
    monkeypatch.setattr(ToyTask, "load_extra_state", lambda self, state: None)
    assert final(toy_runs.train(config, {"total_iters": 6}, resume=str(begun.folder))) != uninterrupted


def test_a_run_writes_the_files_that_paddlegan_writes(config):
    run = toy_runs.train(config, {"total_iters": 5, "log_config.visual_interval": 2})
    names = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    assert names == {
        "config.yaml",
        "log.txt",
        "log.jsonl",
        "iter_2_weight.pdparams",
        "iter_4_weight.pdparams",
        "iter_5_weight.pdparams",
        "iter_5_checkpoint.pdparams",
        *(f"visual_train/iter_{i:08d}_samples.png" for i in (2, 4, 5)),
    }
    assert run.folder.name.startswith("toy-20")
    lines = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4, 5]
    assert [line["learning_rate"] for line in lines] == [
        {"optimG": 0.005 * k, "optimD": 0.01 * k} for k in (1, 1, 1, 0.5, 0.5)
    ]
    assert set(lines[0]) >= {"losses", "images_per_second", "memory_mb", "seconds_left"}
    assert set(lines[0]["losses"]) == {"loss_disc", "loss_disc_drift", "loss_g", "mean_loss"}
    assert toy_runs.train(config, {"total_iters": 5}).folder != run.folder  # even in the same minute


def test_keep_checkpoints_is_the_number_of_checkpoints(config):
    run = toy_runs.train(config, {"total_iters": 8, "keep_checkpoints": 2})
    assert {path.name for path in run.folder.glob("*_checkpoint.pdparams")} == {
        "iter_6_checkpoint.pdparams",
        "iter_8_checkpoint.pdparams",
    }


def test_an_epoch_is_one_pass_through_the_data_set(tmp_path, faces):
    path = toy_runs.write_config(tmp_path, faces, total_iters=None, epochs=2, snapshot_config={"interval": 1})
    run = toy_runs.train(path)
    assert (run.iters_per_epoch, run.total) == (3, 6)  # 11 faces, 3 at a time
    assert {path.name for path in run.folder.glob("epoch_*")} == {
        "epoch_1_weight.pdparams",
        "epoch_2_weight.pdparams",
        "epoch_2_checkpoint.pdparams",
    }


def test_a_finished_run_is_not_continued(config):
    run = toy_runs.train(config)
    with pytest.raises(ConfigError, match=r"the run is finished: iteration 4 of 4\. Raise total_iters"):
        toy_runs.prepare(config, resume=str(run.folder))


def test_validation_measures_and_writes_pictures(config):
    overrides = {
        "validate.interval": 2,
        "validate.save_img": True,
        "validate.metrics.any.name": "PSNR",
        "model.factor": 0.5,
    }
    run = toy_runs.train(config, overrides)
    lines = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    measured = [(line["iteration"], line["metrics"]) for line in lines if "metrics" in line]
    assert [iteration for iteration, _ in measured] == [2, 4]
    assert 3 < measured[0][1]["psnr"] < 30
    assert measured[0] == (2, measured[1][1])  # the toy's reconstruction does not change
    assert len(list((run.folder / "visual_test").iterdir())) == 2
    assert loop.evaluate(run) == measured[0][1]


def test_a_number_that_is_not_finite_stops_the_run_and_keeps_the_last_checkpoint(config):
    run = toy_runs.prepare(config, {"total_iters": 9, "model.poison": 6})
    with pytest.raises(TrainingError) as caught:
        toy_runs.finish(run)
    text = str(caught.value)
    assert "iteration 6 has computed numbers that are not finite: loss_g is nan" in text
    assert "iter_4_checkpoint.pdparams" in text
    assert toy_runs.only(run.folder, "*_checkpoint.pdparams").name == "iter_4_checkpoint.pdparams"


def test_a_network_that_contains_nan_stops_the_run_even_if_the_loss_is_finite(config, monkeypatch):
    step = ToyTask.step

    def spoil(self, batches, iteration):
        numbers = step(self, batches, iteration)
        if iteration == 3:
            weight = self.networks["gen_ema"][0].weight
            weight.set_value(weight * float("inf"))
        return numbers

    monkeypatch.setattr(ToyTask, "step", spoil)
    run = toy_runs.prepare(config)
    with pytest.raises(TrainingError, match=r"gen_ema\.0\.weight: contains NaN.*iter_2_checkpoint"):
        toy_runs.finish(run)
    assert {path.name for path in run.folder.glob("*.pdparams")} == {
        "iter_2_checkpoint.pdparams",
        "iter_2_weight.pdparams",
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_within_an_iteration_saves_it_and_the_run_resumes_exactly(config, uninterrupted, monkeypatch, number):
    step = ToyTask.step

    def interrupted(self, batches, iteration):
        if iteration == 3:
            signal.raise_signal(number)
        return step(self, batches, iteration)

    run = toy_runs.prepare(config, {"total_iters": 6})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ToyTask, "step", interrupted)
        toy_runs.finish(run)
    assert run.saved == toy_runs.only(run.folder, "*_checkpoint.pdparams")
    assert run.saved.name == "iter_3_checkpoint.pdparams"
    assert final(toy_runs.train(config, {"total_iters": 6}, resume=str(run.saved))) == uninterrupted


def test_a_metric_that_cannot_measure_is_rejected_before_training(config, tmp_path):
    (tmp_path / "vgg.pdparams").write_text("<html>not found</html>")
    wrong = {"name": "LPIPSMetric", "weight_path": str(tmp_path / "vgg.pdparams"), "distance": "lpips-vgg16"}
    with pytest.raises(WeightsError, match=r"vgg\.pdparams"):
        toy_runs.prepare(config, {"validate": {"interval": 1000, "metrics": {"lpips": wrong}}})
    assert not (tmp_path / "out").exists()


def test_ctrl_c_ends_a_measurement_and_saves(config, uninterrupted, monkeypatch):
    overrides = {"total_iters": 6, "validate.interval": 3, "validate.metrics.any.name": "PSNR"}
    outputs = ToyTask.outputs

    def interrupted(self):
        signal.raise_signal(signal.SIGINT)
        return outputs(self)

    run = toy_runs.prepare(config, overrides)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(ToyTask, "outputs", interrupted)
        toy_runs.finish(run)
    assert run.saved.name == "iter_3_checkpoint.pdparams"
    assert '"metrics"' not in (run.folder / "log.jsonl").read_text()
    assert final(toy_runs.train(config, overrides, resume=str(run.saved))) == uninterrupted


def test_the_log_of_a_resumed_run_contains_each_iteration_once(config):
    run = toy_runs.train(config, {"total_iters": 2})
    with (run.folder / "log.jsonl").open("a") as log:  # iterations after the last checkpoint
        log.write('{"iteration": 3, "losses": {}}\n{"iteration": 4, "los')
    resumed = toy_runs.train(config, {"seed": 0}, resume=str(run.folder))
    lines = [json.loads(line) for line in (resumed.folder / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [1, 2, 3, 4]
    assert all(line["losses"] for line in lines)
    assert (run.folder / "config_from_iter_2.yaml").is_file()
    assert "resumed from" in (run.folder / "log.txt").read_text()


def test_partial_files_of_a_killed_process_are_removed(config):
    run = toy_runs.train(config, {"total_iters": 2})
    (run.folder / ".part-abc.pdparams").touch()
    toy_runs.train(config, resume=str(run.folder))
    assert not list(run.folder.glob(".part-*"))


def test_bad_files_are_reported_once_and_counted(tmp_path):
    faces = toy_runs.write_faces(tmp_path / "faces", 5)
    (faces / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    run = toy_runs.train(toy_runs.write_config(tmp_path, faces), {"total_iters": 8})
    notes = [line for line in (run.folder / "log.txt").read_text().splitlines() if "left out" in line]
    assert len(notes) == 1
    assert "left out, 1 so far: broken.png" in notes[0]


def test_a_folder_that_is_trained_on_and_tested_with_is_described_once(tmp_path):
    faces = toy_runs.write_faces(tmp_path / "faces", 5)
    (faces / "notes.txt").write_text("hello")
    path = toy_runs.write_config(tmp_path, faces)
    run = toy_runs.train(
        path, {"total_iters": 1, "dataset.test": {"name": "FacesDataset", "dataroot": str(faces), "size": 8}}
    )
    assert (run.folder / "log.txt").read_text().count("1 file that is no picture: notes.txt") == 1


def test_unusable_data_is_rejected_before_a_folder_is_created(tmp_path, faces):
    empty = tmp_path / "empty"
    empty.mkdir()
    path = toy_runs.write_config(tmp_path, faces)
    with pytest.raises(InputError, match=r"^dataset\.train\.dataroot: .*empty: contains no pictures"):
        toy_runs.prepare(path, {"dataset.train.dataroot": str(empty)})
    missing = {"dataset.test": {"name": "FacesDataset", "dataroot": str(empty / "test"), "size": 8}}
    with pytest.raises(InputError, match=r"^dataset\.test\.dataroot: .*test: no such .*set another with -o"):
        toy_runs.prepare(path, missing)
    assert not (tmp_path / "out").exists()


def test_one_image_is_enough(tmp_path):
    faces = tmp_path / "faces"
    faces.mkdir()
    PIL.Image.fromarray(np.full((5, 9, 3), 7, np.uint8)).save(faces / "one.png")
    run = toy_runs.train(toy_runs.write_config(tmp_path, faces))
    assert (run.done, run.iters_per_epoch) == (4, 1)


def test_a_log_that_cannot_be_written_is_reported(config):
    run = toy_runs.prepare(config)
    run.log._lines.close()
    run.log._lines = open("/dev/full", "w", buffering=1)  # noqa: PTH123
    with pytest.raises(OutputError, match="the log cannot be written"):
        toy_runs.finish(run)


def test_a_discriminator_that_has_won_is_noted(config, monkeypatch):
    told = iter([None, "somebody has won", None, None])
    monkeypatch.setattr(loop.Balance, "note", lambda self, numbers: next(told))
    run = toy_runs.train(config)
    assert (run.folder / "log.txt").read_text().count("note: somebody has won") == 1


@pytest.mark.slow
def test_memory_does_not_grow(config):
    overrides = {
        "total_iters": 450,
        "log_config.interval": 1,
        "log_config.visual_interval": 150,
        "snapshot_config.interval": 150,
        "validate.interval": 150,
        "validate.metrics.any.name": "PSNR",
    }
    run = toy_runs.prepare(config, overrides)
    counts, memory = {}, {}
    record = run.log.record

    def watch(iteration, numbers, rates, waited):
        record(iteration, numbers, rates, waited)
        if iteration in (160, 310, 445):
            gc.collect()
            counts[iteration] = len(gc.get_objects())
            memory[iteration] = loop_memory()

    run.log.record = watch
    toy_runs.finish(run)
    assert counts[445] - counts[160] < 100, counts
    assert memory[445] - memory[310] < 4, memory


def loop_memory():
    from ppgan_ext.training.log import memory_mb

    return memory_mb()
