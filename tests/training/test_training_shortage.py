"""What is said where memory is short, in the loop and before it; how long a run is planned to be."""

from __future__ import annotations

import pytest

from ppgan_ext.errors import TrainingError
from ppgan_ext.training import command_line, schema
from ppgan_ext.training.shortage import smaller
from tests.reference import toy_gans, toy_runs
from tests.reference.toy_task import ToyTask


def full(*_, **__):
    raise MemoryError("(ResourceExhausted) Fail to alloc memory of 8589934592 size")


def test_what_can_be_smaller_has_the_names_of_the_configuration(tmp_path, config):
    gan = schema.read_config(toy_gans.write_pix2pix(tmp_path), {"dataset.train.batch_size": 4})
    assert smaller(gan) == (
        "Lower dataset.train.batch_size (4; accumulate makes up for it), the images' size (dataset.train.preprocess) "
        "or the networks' width (model.generator.ngf, model.discriminator.ndf)"
    )
    toy = schema.read_config(config, {"dataset.train.batch_size": 1})
    assert smaller(toy) == "Lower the images' size (dataset.train.size)"


def test_a_step_without_memory_keeps_the_checkpoint_and_names_the_cures(config, monkeypatch):
    run = toy_runs.prepare(config)
    step = ToyTask.step
    monkeypatch.setattr(ToyTask, "step", lambda task, batches, i: step(task, batches, i) if i < 4 else full())
    with pytest.raises(TrainingError) as caught:
        toy_runs.loop.train(run)
    run.log.close()
    text = str(caught.value)
    assert text.startswith("toy: iteration 4 needs more memory than there is. Lower dataset.train.batch_size (3; ")
    assert "iter_2_checkpoint.pdparams" in text and "\n" not in text


def test_networks_without_memory_are_no_bug(config, monkeypatch, capsys):
    monkeypatch.setattr(ToyTask, "make_networks", full)
    assert command_line.main(["-c", str(config), "--no-cuda"]) == 1
    assert "error: toy: building the networks needs more memory than there is. Lower " in capsys.readouterr().err


def test_figures_without_memory_name_the_metrics(config, monkeypatch):
    run = toy_runs.prepare(config)
    monkeypatch.setattr("ppgan_ext.metrics.compute_all", full)
    with pytest.raises(TrainingError, match=r"measuring after iteration 0 .*Lower batch_size and num of validate"):
        toy_runs.loop.evaluate(run)
    run.log.close()


def test_the_length_of_a_run_is_told_before_it_begins(config, capsys):
    begun = toy_runs.train(config, {"total_iters": 4, "accumulate": 2})
    assert (
        "planned: iterations 1 to 4 with 6 images each, 24 in all, which is 2.18 times the 11"
        in (begun.folder / "log.txt").read_text()
    )
    toy_runs.prepare(config, {"total_iters": 5, "accumulate": 2}, resume=str(begun.folder)).log.close()
    assert "planned: iterations 5 to 5 with 6 images each, 6 in all" in capsys.readouterr().out
