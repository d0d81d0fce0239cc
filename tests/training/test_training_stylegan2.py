"""Training of StyleGAN2 at 16 px: every part has an effect, and PaddleGAN's file is accepted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ppgan_ext.errors import ConfigError
from ppgan_ext.training import schema
from ppgan_ext.training.families.stylegan2.task import StyleGAN2Task
from ppgan_ext.training.processes import Processes
from ppgan_ext.training.random_streams import RandomStreams
from ppgan_ext.training.shared.phases import Shard
from tests.reference import toy_runs

ROOT = Path(__file__).resolve().parents[2]
NETWORK = {"size": 16, "channel_base": 64, "channel_cap": 8}
CONFIG = {
    "total_iters": 4,
    "model": {
        "name": "StyleGAN2Model",
        "generator": {"name": "StyleGANv2Generator", "style_dim": 12, "n_mlp": 2, **NETWORK},
        "discriminator": {"name": "StyleGANv2Discriminator", **NETWORK},
        "r1_reg_weight": 0.3,
        "params": {"gen_iters": 2, "disc_iters": 3},
        "augment": {"p": 0.4, "num_images_to_one": 100, "interval": 2},
    },
    "dataset": {"train": {"name": "FacesDataset", "size": 16, "batch_size": 3}},
    "lr_scheduler": {"name": "MultiStepDecay", "learning_rate": 0.01, "milestones": [3], "gamma": 0.5},
    "optimizer": {
        "optimG": {"name": "Adam", "net_names": ["gen"], "beta1": 0.0, "beta2": 0.99},
        "optimD": {"name": "Adam", "net_names": ["disc"], "beta1": 0.0, "beta2": 0.99},
    },
    "log_config": {"interval": 1, "visual_interval": 100},
    "snapshot_config": {"interval": 100},
    "image_num": 4,
}


@pytest.fixture
def config(tmp_path, faces):
    return write(tmp_path, faces)


def write(folder, faces, **model):
    return toy_runs.write_yaml(folder / "small.yaml", faces, CONFIG, model=CONFIG["model"] | model)


def make(config, overrides=None, **processes):
    return toy_runs.make_task(config, overrides, **processes)


def batches(count=1, size=3, seed=0):
    rng = np.random.default_rng(seed)
    return [{"A": rng.uniform(-1, 1, (size, 3, 16, 16)).astype(np.float32)} for _ in range(count)]


def shard_of(task, size):
    return Shard(1, 0, batches(size=size)[0], task.random)


def values(network):
    return {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}


def set_rates(task, rate=0.01):
    for optimizer in task.optimizers.values():
        optimizer.set_lr(rate)


@pytest.mark.slow
def test_an_iteration_changes_all_three_networks_and_returns_its_numbers(config):
    task = make(config)
    set_rates(task)
    before = {name: values(network) for name, network in task.networks.items()}
    numbers = task.step(batches(), 1)
    assert {"loss_disc", "loss_gen", "loss_r1", "loss_path", "path_length", "real_sign", "ada_p"} <= set(numbers)
    assert all(np.isfinite(value) for value in numbers.values())
    assert {"loss_r1", "loss_path"} & set(task.step(batches(), 2)) == set()
    assert "loss_path" in task.step(batches(), 3) and "loss_r1" in task.step(batches(), 4)
    for name, network in task.networks.items():
        after = values(network)
        unchanged = [key for key in after if np.array_equal(after[key], before[name][key])]
        assert [key for key in unchanged if not key.startswith("noises.") and "upsample" not in key] == [], name
    assert task.path_mean > 0


def test_gradients_are_cleared_and_the_discriminator_is_trainable_afterwards(config):
    task = make(config)
    set_rates(task)
    task.step(batches(), 1)
    for name in ("gen", "disc"):
        for parameter in task.networks[name].parameters():
            assert not parameter.stop_gradient
            assert parameter.grad is None or not parameter.grad.numpy().any()


@pytest.mark.slow
def test_the_average_follows_with_the_half_life(config):
    task = make(config, {"model.ema_images": 30, "model.ema_rampup": 0})
    set_rates(task)
    old = values(task.networks["gen_ema"])
    task.step(batches(size=15), 1)
    new, target = values(task.networks["gen_ema"]), values(task.networks["gen"])
    key = "style.1.weight"
    np.testing.assert_allclose(new[key], 0.5**0.5 * old[key] + (1 - 0.5**0.5) * target[key], rtol=1e-5, atol=1e-6)


def test_the_half_life_ramps_up(config):
    task = make(config, {"model.ema_images": 1e9, "model.ema_rampup": 0.5})
    set_rates(task)
    old = values(task.networks["gen_ema"])["style.1.weight"]
    task.step(batches(), 1)
    new, target = (values(task.networks[name])["style.1.weight"] for name in ("gen_ema", "gen"))
    np.testing.assert_allclose(new, 0.25 * old + 0.75 * target, rtol=1e-5, atol=1e-6)  # half of 3 images


def test_lazy_regularisation_scales_rate_and_betas(config):
    task = make(config, {"optimizer.optimG.beta1": 0.5})
    assert task.rate_scales == {"optimG": pytest.approx(2 / 3), "optimD": pytest.approx(3 / 4)}
    assert task.optimizers["optimG"]._beta1 == pytest.approx(0.5 ** (2 / 3))
    assert task.optimizers["optimG"]._beta2 == pytest.approx(0.99 ** (2 / 3))
    assert task.optimizers["optimD"]._beta2 == pytest.approx(0.99 ** (3 / 4))


def test_without_penalties_nothing_is_scaled(config):
    task = make(config, {"model.r1_reg_weight": 0, "model.path_reg_weight": 0})
    assert task.rate_scales == {"optimG": 1, "optimD": 1}
    assert task.optimizers["optimD"]._beta2 == pytest.approx(0.99)


def test_paddlegans_betas_are_replaced_by_those_of_the_paper(tmp_path):
    """Its file has 0.99 x 4 / 5 and 0.99 x 16 / 17; the paper has 0.99 ^ (4 / 5) and 0.99 ^ (16 / 17)."""
    settings = schema.read_config(ROOT / "configs" / "stylegan_v2_256_ffhq.yaml")
    task = StyleGAN2Task(settings, Processes(), RandomStreams(0))
    adjusted = {name: task.adjust(name, options) for name, options in settings.optimizer.items()}
    assert adjusted["optimG"].beta2 == pytest.approx(0.99 ** (4 / 5))
    assert adjusted["optimD"].beta2 == pytest.approx(0.99 ** (16 / 17))
    assert task.rate_scales == {"optimG": 4 / 5, "optimD": 16 / 17}


@pytest.mark.parametrize("mode", ["wgan", "wgangp", "hinge_gp", "lsgan", "logistic_saturating"])
def test_every_adversarial_loss_trains(config, mode):
    task = make(config, {"model.gan_criterion.gan_mode": mode, "model.r2_reg_weight": 0.1})
    set_rates(task)
    before = values(task.networks["disc"])
    numbers = task.step(batches(), 1)
    assert all(np.isfinite(value) for value in numbers.values()) and "loss_r2" in numbers
    after = values(task.networks["disc"])
    assert any(not np.array_equal(after[key], before[key]) for key in after)
    if mode == "wgan":
        assert max(np.abs(p.numpy()).max() for p in task.networks["disc"].parameters()) <= 0.01 + 1e-9


@pytest.mark.slow
def test_two_shards_are_averaged(config):
    """An iteration with two shards uses the mean of both; the statistics of a batch belong to its shard."""
    both = make(config, {"model.augment": None}, accumulate=2)
    shards = batches(2)
    set_rates(both)
    numbers = both.step(shards, 1)
    alone = []
    for shard in (0, 1):
        task = make(config, {"model.augment": None})
        task.processes.__class__ = type("Shard", (Processes,), {"first_shard": property(lambda self, s=shard: s)})
        set_rates(task)
        alone.append(task.step([shards[shard]], 1)["loss_disc"])
    assert numbers["loss_disc"] == pytest.approx(np.mean(alone), rel=1e-5)


def test_styles_are_mixed_at_a_layer(config):
    task = make(config, {"model.style_mixing": 1.0})
    w_plus = task._codes(shard_of(task, 40), "x", 40).numpy()
    changes = (np.abs(np.diff(w_plus, axis=1)).max(axis=2) > 1e-6).sum(axis=1)
    np.testing.assert_array_equal(changes, 1)
    task = make(config, {"model.style_mixing": 0.0})
    assert not np.diff(task._codes(shard_of(task, 4), "x", 4).numpy(), axis=1).any()


def test_pictures_and_samples_are_reproducible(config):
    task = make(config)
    first, second = task.pictures(1), task.pictures(9)
    assert set(first) == {"samples", "samples_truncated"}
    assert first["samples"].shape == (32, 32, 3) and not np.array_equal(first["samples"], first["samples_truncated"])
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])
    outputs = task.outputs()
    together = outputs.generate(3, 3).numpy()
    apart = np.concatenate([outputs.generate(index, 1).numpy() for index in (3, 4, 5)])
    np.testing.assert_allclose(together, apart, atol=1e-4)
    assert outputs.size == 16 and outputs.generator is task.networks["gen_ema"]


def test_mistakes_are_listed_together(tmp_path, faces):
    config = write(tmp_path, faces, gan_criterion={"name": "GANLoss", "gan_mode": "logistik"}, r1_reg_wieght=3)
    with pytest.raises(ConfigError) as caught:
        schema.read_config(config, {"model.style_mixing": 1.5})
    text = str(caught.value)
    for part in ("logistik", "'logistic'", "r1_reg_wieght", "'r1_reg_weight'", "style_mixing"):
        assert part in text


def test_different_sizes_and_a_network_without_an_optimiser_are_rejected(config):
    with pytest.raises(ConfigError, match=r"discriminator.size: is 32, but the generator's is 16"):
        schema.read_config(config, {"model.discriminator.size": 32})
    with pytest.raises(ConfigError, match="network 'disc' needs exactly one optimiser, but 0 name it"):
        schema.read_config(config, {"optimizer.optimD.net_names": ["gen"]})


def test_checkpoints_from_before_the_augmentation_can_be_loaded(config):
    task = make(config)
    task.load_extra_state({"path_mean": 0.5})
    assert task.path_mean == 0.5 and task.extra_state()["ada_p"] == 0.4
