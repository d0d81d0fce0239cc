"""Training of encoders at 16 px: every loss has an effect, stages start on time, and the results can be loaded."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddle import nn

from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.metrics import build_metric
from ppgan_ext.networks import ArcFaceBackbone, LightEncoder, StyleGANv2Generator
from ppgan_ext.nn.resize import fit_to
from ppgan_ext.training import loop, schema
from ppgan_ext.training.families.psp.networks import make_encoder
from ppgan_ext.training.families.psp.options import ProgressiveOptions
from ppgan_ext.training.processes import Processes
from ppgan_ext.training.shared.averaged_weights import ShardStatistics, average_weights, batch_statistics, share_kept
from ppgan_ext.weights import readers
from ppgan_ext.weights.convert import convert
from ppgan_ext.weights.load import load_face_model
from tests.reference import toy_psp, toy_runs
from tests.reference.toy import assert_close
from tests.reference.toy_psp import EVERYTHING, N_LATENT, SIZE, STYLE, arrays, batches, make


@pytest.fixture(scope="session")
def weight(tmp_path_factory):
    return toy_psp.write_generator(tmp_path_factory.mktemp("generator"))


@pytest.fixture
def config(tmp_path, faces, weight):
    return toy_psp.write_config(tmp_path, faces, weight)


@pytest.fixture
def bare_config(tmp_path, faces):
    """The path of a configuration without a file of weights."""
    return toy_psp.write_config(tmp_path, faces, None)


@pytest.fixture
def prepare():
    """A function that prepares runs, which are closed after the test."""
    runs = []

    def prepare_run(*arguments, **start):
        runs.append(toy_runs.prepare(*arguments, **start))
        return runs[-1]

    yield prepare_run
    for run in runs:
        run.loader.close()
        run.log.close()


def changed(before, after):
    return {name for name in after if not np.array_equal(before[name], after[name])}


# ---- the loop


@pytest.mark.slow
def test_the_loss_falls_and_the_frozen_generator_stays(config):
    task = make(config)
    before = arrays(task.networks["gen_ema"])
    losses = [task.step(batches(), iteration)["loss"] for iteration in range(1, 31)]
    assert np.isfinite(losses).all() and losses[-1] < 0.5 * losses[0]
    assert changed(before, arrays(task.networks["gen_ema"])) == set()
    assert "gen" not in task.networks


def test_the_first_reconstruction_is_the_mean_face(config):
    task = make(config)
    task.step(batches(), 1)
    metadata = task.networks["latent"]
    mean = load_face_model(weight_path=task.options.generator_weight).latent_avg
    np.testing.assert_allclose(metadata.latent_avg.numpy(), np.tile(mean, (N_LATENT, 1)), rtol=1e-6)
    fresh = make(config)
    face = fresh.networks["gen_ema"].render(paddle.to_tensor(mean[None])).numpy()
    reconstructed = fresh._reconstruct(batches()[0]["A"])
    np.testing.assert_allclose(reconstructed, np.repeat(face, 2, axis=0), atol=1e-5)


@pytest.mark.slow
def test_metrics_and_pictures_use_the_test_set(config, faces):
    test_set = {"name": "FacesDataset", "dataroot": str(faces), "size": SIZE, "flip": False, "exclude": -3}
    metrics = {"psnr": {"name": "PSNR"}}
    run = toy_runs.train(config, {"dataset.test": test_set, "validate": {"interval": 4, "metrics": metrics}})
    outputs = run.task.outputs()
    held_out_set = run.task.samples.test
    assert len(held_out_set) == 3
    figures = build_metric({"name": "PSNR"}).compute(outputs)
    assert figures["psnr"] > 5
    generated = outputs.generate(3, 2).numpy()
    np.testing.assert_allclose(generated[1:], outputs.generate(4, 1).numpy(), atol=1e-5)
    picture = run.task.pictures(4)["reconstructions"]
    assert picture.shape == (SIZE, 4 * SIZE, 3)  # two pairs of image_num 4
    held_out = held_out_set.image(0)
    np.testing.assert_allclose(picture[:, :SIZE].astype(int), held_out.astype(int), atol=1)
    assert np.abs(picture[:, SIZE : 2 * SIZE].astype(int) - held_out).max() > 20  # the reconstruction beside it


@pytest.mark.slow
def test_evaluation_uses_the_loaded_weights(config, prepare):
    run = toy_runs.train(config, {"validate": {"interval": 4, "metrics": {"psnr": {"name": "PSNR"}}}})
    expected = loop.evaluate(run)
    saved = toy_runs.only(run.folder, "iter_4_weight.pdparams")
    metrics = {"validate": {"metrics": {"psnr": {"name": "PSNR"}}}}
    again = prepare(config, metrics, load=str(saved), evaluate_only=True)
    assert loop.evaluate(again) == expected
    assert changed(arrays(run.task.networks["encoder"]), arrays(again.task.networks["encoder"])) == set()


def test_two_shards_are_averaged(config):
    shards = batches(2)
    both = make(config, {"model.w_discriminator_lambda": 0.1, **latent_optimizer()}, accumulate=2).step(shards, 1)
    alone = []
    for number, shard in enumerate(shards):
        task = make(config, {"model.w_discriminator_lambda": 0.1, **latent_optimizer()})
        task.processes.__class__ = type("Shard", (Processes,), {"first_shard": property(lambda self, n=number: n)})
        alone.append(task.step([shard], 1))
    for name in ("loss_l2", "loss_latent_disc"):
        assert both[name] == pytest.approx(np.mean([one[name] for one in alone]), rel=1e-5), name


def latent_optimizer():
    return {"optimizer.optimW": {"name": "Adam", "net_names": ["latent_disc"]}}


# ---- losses


@pytest.mark.slow
def test_all_losses_together_are_finite_and_change_the_right_networks(config):
    task = make(config, EVERYTHING)
    before = {name: arrays(network) for name, network in task.networks.items()}
    for iteration in (1, 2, 3):
        numbers = task.step(batches(), iteration)
        assert all(np.isfinite(value) for value in numbers.values())
        due = iteration != 2
        assert ("loss_disc_r1" in numbers, "loss_latent_disc_r1" in numbers) == (due, due)
    expected = {"loss", "loss_l2", "loss_lpips", "loss_w_norm", "loss_delta", "loss_w_adv", "loss_adv", "loss_sample"}
    assert expected <= set(numbers)
    for name in ("encoder", "encoder_ema", "gen", "gen_ema", "disc", "latent_disc"):
        assert changed(before[name], arrays(task.networks[name])), name
    assert changed(before["latent"], arrays(task.networks["latent"])) == set()
    for name in ("encoder", "gen", "disc", "latent_disc"):
        for parameter in task.networks[name].parameters():
            assert not parameter.stop_gradient
            assert parameter.grad is None or not parameter.grad.numpy().any()


EFFECTS = {
    "model.l2_lambda": {},
    "model.lpips_lambda": {"model.lpips_network": "discriminator", "model.discriminator": toy_psp.DISCRIMINATOR},
    "model.w_norm_lambda": {},
    "model.delta_norm_lambda": {"model.encoder.code": "e4e"},
    "model.w_discriminator_lambda": latent_optimizer(),
    "model.adv_lambda": {
        "model.discriminator": toy_psp.DISCRIMINATOR,
        "optimizer.optimD": {"name": "Adam", "net_names": ["disc"]},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("key", EFFECTS)
def test_each_loss_changes_the_encoder(config, key):
    """The encoder after two steps depends on the weight of every loss."""
    encoders = []
    for weight in (0.5, 1.5):
        task = make(config, EFFECTS[key] | {key: weight})
        if key == "model.l2_lambda":  # for a single loss, its weight does not matter to Adam
            task = make(config, {"model.w_norm_lambda": 0.1, key: weight})
        for iteration in (1, 2):
            task.step(batches(), iteration)
        encoders.append(arrays(task.networks["encoder"]))
    assert len(changed(*encoders)) > 10


@pytest.mark.slow
def test_identity_loss_and_bundled_features_with_the_real_networks(config):
    """The real networks, on pictures much smaller than their own."""
    overrides = {"model.lpips_lambda": 0.8, "model.lpips_network": "faces-128-features", "model.id_lambda": 0.1}
    task = make(config, overrides)
    first = task.step(batches(), 1)
    assert 0 < first["loss_lpips"] < 4 and 0 < first["loss_id"] < 2
    total = first["loss_l2"] + 0.8 * first["loss_lpips"] + 0.1 * first["loss_id"]
    assert first["loss"] == pytest.approx(total, rel=1e-5)
    heads = arrays(task.networks["encoder"])
    only_l2 = make(config)
    only_l2.step(batches(), 1)
    assert changed(heads, arrays(only_l2.networks["encoder"]))


def test_norms_against_the_papers():
    from ppgan_ext.training.families.psp.losses import delta_norm, w_norm

    rng = np.random.default_rng(0)
    codes, mean = rng.standard_normal((2, 4, 3)).astype(np.float32), rng.standard_normal((4, 3)).astype(np.float32)
    tensors = paddle.to_tensor(codes), paddle.to_tensor(mean)
    expected = np.mean([np.linalg.norm(code - mean) for code in codes])
    assert w_norm(*tensors).item() == pytest.approx(expected, rel=1e-5)
    rows = [np.mean([np.linalg.norm(code[row] - code[0]) for code in codes]) for row in (1, 2)]
    assert delta_norm(tensors[0], 2).item() == pytest.approx(sum(rows), rel=1e-5)
    assert delta_norm(tensors[0], 0).item() == 0


def test_norms_of_equal_codes_have_a_finite_gradient(config):
    task = make(config, {"model.encoder.code": "e4e", "model.delta_norm_lambda": 1.0, "model.w_norm_lambda": 1.0})
    task.step(batches(), 1)  # all offsets are still 0
    assert all(np.isfinite(array).all() for array in arrays(task.networks["encoder"]).values())


@pytest.mark.slow
def test_the_discriminator_of_codes_learns_to_distinguish_them(config):
    """All encoded codes are the mean latent, and mapped codes are not."""
    task = make(config, {"model.w_discriminator_lambda": 0.1, "model.w_r1_weight": 0, **latent_optimizer()})
    task.optimizers["optimE"].set_lr(0.0)
    losses = [task.step(batches(), iteration)["loss_latent_disc"] for iteration in range(1, 31)]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


@pytest.mark.parametrize("mode", ["wgan", "wgangp", "hinge_gp", "lsgan"])
def test_both_discriminators_train_with_every_adversarial_loss(config, mode):
    task = make(config, EVERYTHING | {"model.gan_criterion.gan_mode": mode})
    before = {name: arrays(task.networks[name]) for name in ("disc", "latent_disc")}
    numbers = task.step(batches(), 1)
    assert all(np.isfinite(value) for value in numbers.values())
    for name, network in before.items():
        assert changed(network, arrays(task.networks[name])), name
        largest = max(np.abs(parameter.numpy()).max() for parameter in task.networks[name].parameters())
        assert (largest <= 0.01 + 1e-9) == (mode == "wgan")


def test_lazy_penalties_scale_rate_and_betas(config):
    task = make(config, EVERYTHING)
    assert task.rate_scales == {
        "optimE": 1,
        "optimG": 1,
        "optimW": pytest.approx(2 / 3),
        "optimD": pytest.approx(2 / 3),
    }
    assert task.optimizers["optimW"]._beta1 == pytest.approx(0.5 ** (2 / 3))
    assert make(config, EVERYTHING | {"model.w_r1_weight": 0}).rate_scales["optimW"] == 1


# ---- codes


def test_rows_of_e4e_are_offsets_from_the_first():
    paddle.seed(0)
    from ppgan_ext.networks.e4e import LightEncoder4Editing

    plain, relative = (kind(SIZE, 64, 8, STYLE) for kind in (LightEncoder, LightEncoder4Editing))
    relative.set_state_dict(plain.state_dict())
    x = paddle.to_tensor(batches()[0]["A"])
    heads, rows = plain(x).numpy(), relative(x).numpy()
    assert np.abs(heads[:, 1:]).min(axis=(0, 2)).max() > 0 and heads.shape == (2, N_LATENT, STYLE)
    np.testing.assert_array_equal(rows[:, 0], heads[:, 0])
    np.testing.assert_allclose(rows[:, 1:], heads[:, 1:] + heads[:, :1], rtol=1e-6)


def test_stages_start_at_their_iterations():
    stages = ProgressiveOptions(start=3, every=2)
    assert [stages.num_active(iteration, 4) for iteration in range(1, 10)] == [0, 0, 0, 1, 1, 2, 2, 3, 3]
    assert ProgressiveOptions(start=0, every=1).num_active(1, 4) == 1


def test_offsets_are_learnt_one_after_another(config):
    """A row learns from the iteration of its stage on; before, it equals the first row."""
    task = make(config, {"model.encoder.code": "e4e", "model.progressive": {"start": 2, "every": 2}})
    encoder = task.networks["encoder"]
    x = paddle.to_tensor(batches()[0]["A"])
    trained_rows = []
    for iteration in range(1, 8):
        assert task.step(batches(), iteration)["offsets"] == task._num_active(iteration)
        rows = encoder(x).numpy()
        trained_rows.append([row for row in range(1, N_LATENT) if not np.array_equal(rows[:, row], rows[:, 0])])
    assert trained_rows == [[], [], [1], [1], [1, 2], [1, 2], [1, 2, 3]]


def test_inactive_rows_keep_the_output_of_a_loaded_encoder(config):
    task = make(config, {"model.encoder.code": "e4e", "model.progressive": {"start": 10, "every": 1}})
    for head in task.networks["encoder"].heads:
        head[1].weight.set_value(0.1 * paddle.randn(head[1].weight.shape))
    x = paddle.to_tensor(batches()[0]["A"])
    codes = task._encode(task.networks["encoder"], x, 1)
    np.testing.assert_allclose(codes.numpy(), task._encode(task.networks["encoder"], x).numpy(), atol=1e-6)


@pytest.mark.slow
def test_pictures_may_have_any_size(config):
    task = make(config, {"model.lpips_lambda": 0.1, "model.lpips_network": "faces-128-features"})
    for side in (8, 24, 40):
        assert np.isfinite(task.step(batches(side=side), 1)["loss"])
        assert task._reconstruct(batches(side=side)[0]["A"]).shape == (2, 3, side, side)


# ---- results of a run


@pytest.mark.parametrize("code", ["psp", "e4e"])
@pytest.mark.parametrize("suffix", [None, ".pdparams", ".safetensors"])
def test_the_weights_load_as_a_model_with_an_encoder(config, tmp_path, code, suffix):
    run = toy_runs.train(config, {"model.encoder.code": code, "model.crop": "ffhq", "total_iters": 2})
    path = toy_runs.only(run.folder, "iter_2_weight.pdparams")
    if suffix is not None:
        report = convert(path, tmp_path / f"model{suffix}")
        assert "training checkpoint of an encoder" in report.source and set(report.written) == {"encoder", "generator"}
        assert "encoder from encoder_ema (" in str(report) and "encoder" in report.left_out
        path = report.output
    model = load_face_model(weight_path=path)
    assert type(model.encoder).__name__ == {"psp": "LightEncoder", "e4e": "LightEncoder4Editing"}[code]
    assert model.record.crop == "ffhq"
    pixels = batches()[0]["A"]
    codes = model.encoder(paddle.to_tensor(pixels)) + paddle.to_tensor(model.latent_avg)
    expected = run.task._reconstruct(pixels)
    np.testing.assert_allclose(model.generator.render(codes).numpy(), expected, atol=1e-4)


@pytest.mark.slow
def test_an_ir_se_50_trains_and_is_converted(tmp_path, faces):
    """A step of the real network at its smallest width, then conversion to pSp's layout: encoder, decoder, opts, ..."""
    paddle.seed(3)
    config = toy_psp.write_config(tmp_path, faces, None)
    overrides = {
        "model.encoder": {"name": "PSPEncoder", "code": "e4e"},
        "model.generator": {**toy_psp.GENERATOR, "style_dim": 128, "size": 8},
        "model.train_decoder": True,
        "optimizer.optimE.net_names": ["encoder", "gen"],
        "dataset.train.batch_size": 2,
        "total_iters": 1,
    }
    run = toy_runs.train(config, overrides)
    before = batch_statistics(run.task.networks["encoder"])
    assert before and all(np.isfinite(tensor.numpy()).all() for tensor in before)
    target = convert(toy_runs.only(run.folder, "iter_1_weight.pdparams"), tmp_path / "psp.pdparams").output
    tree = readers.read(target)
    assert {name.partition(".")[0] for name in tree} == {"encoder", "decoder", "latent_avg", "opts"}
    assert tree["opts"]["encoder_type"] == "Encoder4Editing" and tree["latent_avg"].shape == (1, 4, 128)
    model = load_face_model(weight_path=target)
    assert type(model.encoder).__name__ == "Encoder4Editing"
    pixels = batches()[0]["A"]
    codes = model.encoder(fit_to(paddle.to_tensor(pixels), 256)) + paddle.to_tensor(model.latent_avg)
    rendered = fit_to(model.generator.render(codes), SIZE).numpy()
    assert_close(rendered, run.task._reconstruct(pixels), 1e-3)


@pytest.mark.slow
def test_the_trunk_starts_from_arcface(config, tmp_path):
    paddle.seed(11)
    arcface = arrays(ArcFaceBackbone(width=16))
    file = tmp_path / "arcface.pdparams"
    readers.write(file, arcface)
    options = schema.read_config(config, {"model.encoder": {"name": "PSPEncoder", "trunk_weight": str(file)}}).model
    generator = StyleGANv2Generator(8, style_dim=128, n_mlp=1, **toy_psp.WIDTHS)
    encoder = arrays(make_encoder(options, generator, None))
    trunk = {name for name in encoder if name.startswith(("input_layer.", "body."))}
    assert len(trunk) > 100 and all(np.array_equal(encoder[name], arcface[name]) for name in trunk)
    wide = StyleGANv2Generator(8, style_dim=256, n_mlp=1, **toy_psp.WIDTHS)
    with pytest.raises(WeightsError, match=r"Use the file of ArcFace's IR-SE-50"):
        make_encoder(options, wide, None)


# ---- where the generator comes from


def test_load_restores_the_averaged_generator_and_the_discriminator(bare_config, weight, prepare):
    overrides = {
        "model.lpips_lambda": 0.1,
        "model.lpips_network": "discriminator",
        "model.discriminator": toy_psp.DISCRIMINATOR,
    }
    run = prepare(bare_config, overrides, load=str(weight))
    run.task.step(batches(), 1)
    nets = readers.read(weight)
    for name in ("gen_ema", "disc"):
        assert changed(nets[name], arrays(run.task.networks[name])) == set()
    generator = load_face_model(weight_path=weight).generator
    np.testing.assert_allclose(run.task.networks["latent"].latent_avg.numpy()[2], generator.w_avg.numpy(), rtol=1e-5)


def test_a_tuned_generator_starts_from_the_averaged_one(bare_config, weight, prepare):
    tuned = {"model.train_decoder": True, "optimizer.optimE.net_names": ["encoder", "gen"]}
    run = prepare(bare_config, tuned, load=str(weight))
    assert changed(readers.read(weight)["gen_ema"], arrays(run.task.networks["gen"])) == set()


def test_a_frozen_untrained_generator_is_rejected(bare_config):
    with pytest.raises(ConfigError, match=r"generator_weight: the generator is untrained.*--load"):
        make(bare_config).step(batches(), 1)
    tuned = {"model.train_decoder": True, "optimizer.optimE.net_names": ["encoder", "gen"]}
    assert np.isfinite(make(bare_config, tuned).step(batches(), 1)["loss"])


def test_a_described_generator_must_agree_with_the_file(config):
    described = {"model.generator": {**toy_psp.GENERATOR, "n_mlp": 3, "channel_cap": 6}}
    with pytest.raises(ConfigError, match=r"n_mlp 3 where the file has 2, 6 channels at 4 px where the file has 8"):
        make(config, described)
    make(config, {"model.generator": toy_psp.GENERATOR})


def test_a_pretrained_encoder_starts_from_the_file(config):
    run = toy_runs.train(config, {"model.encoder.code": "e4e", "total_iters": 2})
    saved = str(toy_runs.only(run.folder, "iter_2_weight.pdparams"))
    onward = {"model.generator_weight": saved, "model.encoder.pretrained": True, "model.encoder.code": "e4e"}
    task = make(config, onward)
    averaged = arrays(run.task.networks["encoder_ema"])
    assert changed(averaged, arrays(task.networks["encoder"])) == set()
    with pytest.raises(
        ConfigError, match="contains a LightEncoder4Editing, but the configuration describes a LightEnc"
    ):
        make(config, onward | {"model.encoder.code": "psp"})


def test_weights_of_other_settings_are_rejected(config, prepare):
    run = toy_runs.train(config, {"model.encoder.code": "e4e", "total_iters": 1})
    saved = str(toy_runs.only(run.folder, "iter_1_weight.pdparams"))
    with pytest.raises(ConfigError, match="crop tight, not ffhq, encoder_type LightEncoder4Editing, not LightE"):
        prepare(config, {"model.crop": "ffhq"}, load=saved)


MISTAKES = {
    "model.generator: missing": {"model.generator": None},
    "model.discriminator: missing": {"model.adv_lambda": 1.0, "model.generator": toy_psp.GENERATOR},
    "optimizer: network 'latent_disc' needs exactly one optimiser, but 0 name it": {
        "model.w_discriminator_lambda": 0.1
    },
    "optimizer.optimX.net_names: 'gen' is not trained": {"optimizer.optimX": {"name": "Adam", "net_names": ["gen"]}},
    "model.progressive: requires encoder.code: e4e": {"model.progressive": {"start": 1}},
    "model.sample_lambda: has no effect": {"model.sample_lambda": 1.0, "model.discriminator": toy_psp.DISCRIMINATOR},
    "model.l2_lambda: one of": {"model.l2_lambda": 0},
    "model.lpips_weight: is the file of VGG-16": {"model.lpips_weight": "x.pdparams"},
    "model.delta_norm_lambda: requires encoder.code: e4e": {"model.delta_norm_lambda": 0.1},
    "model.encoder.pretrained: no file contains the encoder": {"model.encoder.pretrained": True},
    "LightEncoder needs at least 16 pixels": {"model.generator": {**toy_psp.GENERATOR, "size": 8}},
    "style_dim: must be a multiple of 128": {
        "model.generator": toy_psp.GENERATOR,
        "model.encoder": {"name": "PSPEncoder"},
    },
    "a discriminator needs its own optimiser": {
        "model.w_discriminator_lambda": 0.1,
        "optimizer.optimE.net_names": ["encoder", "latent_disc"],
    },
    "there is no model 'faces-127'. Did you mean 'faces-128'": {"model.model_type": "faces-127"},
}


@pytest.mark.parametrize("message", MISTAKES)
def test_contradictions_are_reported(tmp_path, faces, message):
    config = toy_psp.write_config(tmp_path, faces, None)
    with pytest.raises(ConfigError) as caught:
        schema.read_config(config, MISTAKES[message])
    assert message in str(caught.value)


def test_mistakes_are_listed_together(bare_config):
    wrong = {"model.l2_lambda": 0, "model.adv_lambda": 0.1, "model.progressive": {"start": 1}}
    with pytest.raises(ConfigError) as caught:
        schema.read_config(bare_config, wrong)
    for part in ("model.l2_lambda", "model.discriminator: missing", "model.progressive", "network 'disc'"):
        assert part in str(caught.value)


# ---- averages


def test_batch_statistics_do_not_depend_on_the_order_of_shards():
    """Each shard starts from the same statistics, and the results are averaged."""
    rng = np.random.default_rng(0)
    shards = [paddle.to_tensor(rng.normal(i, 1 + i, (4, 3, 2, 5)).astype(np.float32)) for i in range(2)]
    results = []
    for order in (shards, shards[::-1]):
        layer = nn.Sequential(nn.BatchNorm2D(3, momentum=0.5))
        statistics = ShardStatistics(Processes(accumulate=2), layer)
        for shard in order:
            with statistics.shard():
                layer(shard)
        statistics.average()
        results.append([tensor.numpy() for tensor in batch_statistics(layer)])
    np.testing.assert_array_equal(results[0], results[1])
    means = [shard.numpy().mean(axis=(0, 2, 3)) for shard in shards]
    np.testing.assert_allclose(results[0][0], 0.5 * np.mean(means, axis=0), rtol=1e-5)


def test_averages_follow_and_statistics_are_copied():
    network, averaged = (nn.Sequential(nn.Conv2D(2, 3, 1), nn.BatchNorm2D(3)) for _ in range(2))
    network(paddle.randn([4, 2, 3, 5]))
    old, target = arrays(averaged), arrays(network)
    average_weights(averaged, network, 0.75)
    new = arrays(averaged)
    np.testing.assert_allclose(new["0.weight"], 0.75 * old["0.weight"] + 0.25 * target["0.weight"], atol=1e-6)
    np.testing.assert_array_equal(new["1._mean"], target["1._mean"])
    assert share_kept(10, 5, half_life=10, rampup=0) == 0.5
    assert share_kept(10, 1, half_life=1e9, rampup=0.5) == 0.25
