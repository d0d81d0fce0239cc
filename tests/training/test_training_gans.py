"""GANs of random numbers and classes, pix2pix, CycleGAN and U-GAT-IT: losses, order, state, and refused settings."""

from __future__ import annotations

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
import yaml

from ppgan_ext.errors import ConfigError, InputError, WeightsError
from ppgan_ext.losses.adversary import Adversary, Penalty
from ppgan_ext.training import schema
from ppgan_ext.training.random_streams import RandomStreams
from ppgan_ext.training.samples import SampleSets
from ppgan_ext.training.shared.critic import Critic, Samples, make_adversary
from ppgan_ext.training.shared.image_pool import ImagePools
from ppgan_ext.training.shared.phases import Shard, frozen
from ppgan_ext.weights import readers
from tests.reference import toy_gans, toy_runs


def make(config, overrides=None, rate=0.001):
    return toy_runs.make_task(config, overrides, rate)


def batch_of(task, count=2):
    samples = [task.samples.train.sample(i, np.random.default_rng(i)) for i in range(count)]
    return {key: np.stack([sample[key] for sample in samples]) for key in samples[0]}


def shard_of(task, iteration=1):
    return Shard(iteration, 0, batch_of(task), task.random)


def named(task, name):
    return next(phase for phase in task.phases if phase.name == name)


def mean_square(scores, target):
    return ((scores - target) ** 2).mean().item()


# ---- GANs of random numbers and classes


def test_the_critic_learns_in_every_iteration_and_the_generator_in_every_fifth(tmp_path):
    task = make(toy_gans.write_gan(tmp_path, "wgan", disc_iters=5, disc_start_iters=6, clip_value=0.02))
    critic, generator = task.phases
    assert [i for i in range(1, 26) if generator.is_due(i)] == [10, 15, 20, 25]
    assert all(critic.is_due(i) for i in range(1, 26))
    seen, step = [], task.step

    def numbers(iteration):
        return step([batch_of(task)], iteration)

    before = {key: value.numpy().copy() for key, value in task.networks["netG"].state_dict().items()}
    for iteration in (1, 2):
        seen.append(set(numbers(iteration)))
    for key, value in task.networks["netG"].state_dict().items():
        np.testing.assert_array_equal(before[key], value.numpy(), err_msg="statistics too stay as they are")
    assert seen[0] == {"D_loss", "D_real_loss", "D_fake_loss"}
    assert "G_adv_loss" in numbers(10)


def test_only_trainable_weights_are_clipped(tmp_path):
    task = make(toy_gans.write_gan(tmp_path, "wgan", clip_value=0.02))
    task.step([batch_of(task)], 1)
    critic = task.networks["netD"]
    for name, parameter in critic.named_parameters():
        array = parameter.numpy()
        if parameter.stop_gradient:
            assert (array == (1.0 if name.endswith("scale") else 0.0)).all(), "a constant of instance normalisation"
        else:
            assert np.abs(array).max() <= 0.02 + 1e-7


@pytest.mark.parametrize(
    ("mode", "weight", "penalties"),
    [
        ("vanilla", 0.5, {}),
        ("lsgan", 0.5, {"r1"}),
        ("wgan", 1.0, {}),
        ("hinge", 1.0, {}),
        ("wgangp", 1.0, {"gradient", "drift"}),
        ("hinge_gp", 1.0, {"gradient", "r1"}),
    ],
)
def test_the_log_names_all_parts_of_the_critics_loss_with_paddlegans_halves(tmp_path, mode, weight, penalties):
    task = make(toy_gans.write_gan(tmp_path, mode), {"model.r1_reg_weight": 3.0 if "r1" in penalties else 0.0})
    numbers = named(task, "netD").work(shard_of(task))
    accuracy = numbers.pop("D_accuracy", None)
    assert (accuracy is None) == mode.startswith("wgan")
    total = numbers.pop("D_loss")
    assert numbers.keys() == {f"D_{part}_loss" for part in {"real", "fake", *penalties}}
    assert total == pytest.approx(weight * sum(numbers.values()), rel=1e-5)


@pytest.mark.parametrize("every", [0, 2])
def test_a_critic_names_its_penalties_whether_they_are_lazy_or_not(tmp_path, every):
    task = make(toy_gans.write_gan(tmp_path, "hinge"))
    adversary = make_adversary(task, "netD", "hinge", [Penalty("r1", 3.0, every)])
    critic = Critic("netD", adversary, lambda shard: Samples(shard.tensor(), -shard.tensor()))
    shard = shard_of(task, 2)
    numbers = {name: value for phase in critic.phases() for name, value in phase.work(shard).items()}
    assert numbers.keys() == {"loss_netD", "loss_netD_r1"}
    expected = adversary.penalty(adversary.penalties[0], shard.tensor(), None).item()
    assert numbers["loss_netD_r1"] == pytest.approx(expected, rel=1e-5)


def test_the_gradient_penalty_of_a_linear_critic_is_that_of_its_weights():
    """Per sample and over all channels: |w| - 1, squared (arXiv 1704.00028, Eq. 3)."""
    w = paddle.to_tensor(np.random.default_rng(0).standard_normal((3 * 4 * 4, 1)).astype(np.float32))
    adversary = Adversary(lambda x: (x.reshape([x.shape[0], -1]) * w.t()).sum(axis=1), "wgangp")
    real, fake = paddle.randn([5, 3, 4, 4]), paddle.randn([5, 3, 4, 4])
    (penalty,) = [item for item in adversary.penalties if item.kind == "gradient"]
    value = adversary.penalty(penalty, real, fake, lambda n: paddle.rand([n]))
    assert value.item() == pytest.approx((float(w.norm()) - 1) ** 2, rel=1e-5)


def test_the_second_derivatives_of_the_critic_are_right(tmp_path):
    """The gradient of the penalty along a weight is its slope; along the last layer's, where no leaky ReLU has a kink.

    The fused form, with which CPUs train, agrees with Paddle's own operators in all layers.
    """
    task = make(toy_gans.write_gan(tmp_path, "wgangp", conditional=True))
    samples, critic = task._critic_samples(shard_of(task)), task.networks["netD"]
    (penalty,) = [item for item in task._adversary.penalties if item.kind == "gradient"]
    trained = [item for item in critic.parameters() if not item.stop_gradient]

    def value(adversary=task._adversary):
        shares = paddle.full([2], 0.3)
        return adversary.penalty(penalty, samples.real, samples.fake, lambda n: shares, samples.condition)

    gradients = []
    for adversary in (task._adversary, Adversary(critic, "wgangp", forms=("fast", "smooth"))):
        value(adversary).backward()
        gradients.append([None if item.grad is None else item.grad.numpy() for item in trained])
        critic.clear_gradients()
    for fused, smooth in zip(*gradients, strict=True):
        assert (fused is None) == (smooth is None)
        if fused is not None:
            np.testing.assert_allclose(fused, smooth, rtol=1e-3, atol=1e-5)
    weight = trained[-2]
    direction = paddle.to_tensor(np.random.default_rng(1).standard_normal(weight.shape).astype(np.float32))
    slope, ends, start = float((gradients[0][-2] * direction.numpy()).sum()), [], weight.clone()
    for step in (1e-3, -1e-3):
        weight.set_value(start + step * direction)
        ends.append(value().item())
    assert slope == pytest.approx((ends[0] - ends[1]) / 2e-3, rel=0.02)


def test_fakes_get_the_classes_of_the_real_images_and_pictures_show_a_class_a_row(tmp_path):
    task = make(toy_gans.write_gan(tmp_path, conditional=True, samples_every_row=4))
    seen = []
    generator = task.networks["netG"]
    handle = generator.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[1].numpy().tolist()))
    shard = shard_of(task)
    task._fake(shard)
    task.settings = task.settings.model_copy(update={"image_num": None})
    pictures = task.pictures(1)
    handle.remove()
    assert seen == [shard.batch["class_id"].tolist(), np.repeat(np.arange(3), 4).tolist()]
    assert pictures["fixed_generated_imgs"].shape == (3 * 8, 4 * 8, 3)
    outputs = task.outputs()
    assert [outputs.class_of(i) for i in range(4)] == [0, 1, 2, 0]
    one_by_one = np.concatenate([outputs.generate(i, 1) for i in range(60, 70)])
    np.testing.assert_array_equal(one_by_one, task.outputs().generate(60, 10))
    assert one_by_one.shape == (10, 3, 8, 8), "grey images have three equal channels for the metrics"


def test_a_sigmoid_before_logits_is_left_out_and_said(tmp_path):
    config = toy_gans.write_gan(tmp_path)
    task = make(config, {"model.discriminator.use_sigmoid": True})
    assert not task.networks["netD"].use_sigmoid and "use_sigmoid has no effect" in task.notes()[0]
    assert make(config).notes() == []


def test_an_epsilon_that_stops_clipped_weights_is_noticed(tmp_path):
    config = toy_gans.write_gan(tmp_path, "wgan")
    content = yaml.safe_load(config.read_text())
    content["optimizer"]["optimizer_D"] = {"name": "RMSProp", "net_names": ["netD"]}
    content["optimizer"]["optimizer_G"] = {"name": "RMSProp", "net_names": ["netG"], "epsilon": 1e-12}
    config.write_text(yaml.safe_dump(content))
    notes = make(config).notes()
    assert len(notes) == 1 and notes[0].startswith("optimizer.optimizer_D: RMSProp's epsilon 1e-06")


def test_missing_digits_are_downloaded_and_verified(tmp_path, monkeypatch):
    requests = []
    monkeypatch.setattr("ppgan_ext.data.common_vision_dataset.Path.home", lambda: tmp_path)
    monkeypatch.setattr("ppgan_ext.training.samples.download", requests.append)
    train = {"name": "CommonVisionDataset", "dataset_name": "MNIST", "batch_size": 2}
    settings = schema.read_config(toy_gans.write_gan(tmp_path), {"dataset": {"train": train}})
    with pytest.raises(InputError, match="MNIST is not on this machine"):  # nothing was really downloaded
        SampleSets.open(settings, RandomStreams(0))
    images, labels = requests
    assert images.url.endswith("/mnist/train-images-idx3-ubyte.gz") and labels.target.name.startswith("train-labels")
    wrong = tmp_path / "wrong.gz"
    wrong.write_bytes(b"something else")
    with pytest.raises(InputError, match="is not the file that Paddle describes"):
        images.check(wrong)


@pytest.mark.parametrize("reason", ["offline", "download: False"])
def test_an_error_names_the_part_whose_digits_are_missing(tmp_path, monkeypatch, reason):
    """The training digits are local files; those of the test set, which the file also names, cannot be had."""

    def offline(request):
        raise WeightsError("could not be downloaded (offline)", where=request.url, cure="Download it by other means")

    monkeypatch.setattr("ppgan_ext.data.common_vision_dataset.Path.home", lambda: tmp_path)
    monkeypatch.setattr("ppgan_ext.training.samples.download", offline)
    digits = {"name": "CommonVisionDataset", "dataset_name": "MNIST"}
    test = digits | {"params": {"mode": "test", "download": reason == "offline"}}
    train = digits | {"batch_size": 2, "params": {"image_path": "digits.gz"}}
    settings = schema.read_config(toy_gans.write_gan(tmp_path), {"dataset": {"train": train, "test": test}})
    with pytest.raises((WeightsError, InputError)) as caught:
        SampleSets.open(settings, RandomStreams(0))
    assert str(caught.value).startswith("dataset.test: needs the part 'test' of MNIST: ")
    assert "t10k-images-idx3-ubyte.gz" in str(caught.value)
    assert str(caught.value).endswith("dataset.test.params.image_path and dataset.test.params.label_path.")


# ---- translation


@pytest.mark.parametrize(("word", "source"), [("a2b", "A"), ("AtoB", "A"), ("b2a", "B"), ("BtoA", "B")])
def test_the_direction_is_obeyed(tmp_path, word, source):
    task = make(toy_gans.write_pix2pix(tmp_path, word))
    shard = shard_of(task)
    samples = task._critic_samples(shard)
    target = "B" if source == "A" else "A"
    expected = np.concatenate([shard.batch[source], shard.batch[target]], axis=1)
    np.testing.assert_array_equal(samples.real.numpy(), expected)
    np.testing.assert_array_equal(samples.fake.numpy()[:, :3], shard.batch[source])
    assert samples.fake.stop_gradient
    (record,) = task.translators().values()
    assert record["direction"] == f"{source}2{target}".lower() and list(task.pictures(1)) == [
        f"sheet_{record['direction']}"
    ]
    assert [step["name"] for step in record["transforms"]] == ["Transpose", "Normalize"]


def test_pix2pix_adds_a_hundred_times_the_distance_and_drops_alike_in_both_phases(tmp_path):
    task = make(toy_gans.write_pix2pix(tmp_path))
    shard = shard_of(task)
    fake = task._critic_samples(shard).fake.numpy()[:, 3:]
    numbers = named(task, "generator").work(shard)
    assert numbers["G_L1_loss"] == pytest.approx(100 * np.abs(fake - shard.batch["A"]).mean(), rel=1e-4)


def test_cyclegans_losses_have_their_weights(tmp_path):
    task = make(toy_gans.write_cyclegan(tmp_path, lambda_a=4.0, lambda_b=6.0))
    shard = shard_of(task)
    a, b = shard.tensor("A"), shard.tensor("B")
    to_b, to_a, judge = task.networks["netG_A"], task.networks["netG_B"], task.networks["netD_A"]
    with paddle.no_grad():
        fake_b = to_b(a)
        expected = {
            "G_A_adv_loss": mean_square(judge(fake_b), 1.0),
            "G_A_cycle_loss": 4 * (to_a(fake_b) - a).abs().mean().item(),
            "G_idt_A_loss": 6 * 0.5 * (to_b(b) - b).abs().mean().item(),
            "G_idt_B_loss": 4 * 0.5 * (to_a(a) - a).abs().mean().item(),
        }
    numbers = named(task, "generators").work(shard)
    assert {key: numbers[key] for key in expected} == pytest.approx(expected, rel=1e-4)
    critics = named(task, "discriminators").work(shard)
    with paddle.no_grad():
        both = mean_square(judge(b), 1.0) + mean_square(judge(fake_b), 0.0)
    assert critics["D_A_loss"] == pytest.approx(0.5 * both, rel=1e-4)


def test_without_identity_loss_there_is_neither_term_nor_column(tmp_path):
    config = toy_gans.write_cyclegan(tmp_path)
    content = yaml.safe_load(config.read_text())
    del content["model"]["idt_criterion"]
    config.write_text(yaml.safe_dump(content))
    task = make(config)
    numbers = task.step([batch_of(task)], 1)
    assert not any("idt" in name for name in numbers) and "G_B_cycle_loss" in numbers


def test_the_b2a_direction_swaps_the_domains_of_cyclegan(tmp_path):
    task = make(toy_gans.write_cyclegan(tmp_path, direction="b2a"))
    assert {name: record["direction"] for name, record in task.translators().items()} == {
        "netG_A": "b2a",
        "netG_B": "a2b",
    }
    seen = []
    task.networks["netG_A"].register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0].numpy()))
    shard = shard_of(task)
    named(task, "generators").work(shard)
    np.testing.assert_array_equal(seen[0], shard.batch["B"])


@pytest.mark.parametrize("write", [toy_gans.write_pix2pix, toy_gans.write_cyclegan, toy_gans.write_ugatit])
def test_each_side_is_frozen_while_the_other_learns(tmp_path, write):
    """Counted gradients: the critics get none from the generators' loss, and the other way round."""
    task = make(write(tmp_path))
    shard = shard_of(task)
    for phase in task.phases:
        with frozen(*(task.networks[name] for name in phase.frozen)):
            phase.work(shard)
        counts = {
            name: sum(item.grad is not None for item in network.parameters()) for name, network in task.networks.items()
        }
        assert {name for name, count in counts.items() if count} == set(phase.networks), phase.name
        for network in task.networks.values():
            for parameter in network.parameters():
                parameter.clear_gradient(False)


def test_ugatits_losses_have_their_weights(tmp_path):
    task = make(toy_gans.write_ugatit(tmp_path, light=True))
    for network in task.networks.values():
        network.eval()  # spectral vectors stay
    shard = shard_of(task)
    a = shard.tensor("A")
    to_b, to_a = task.networks["genA2B"], task.networks["genB2A"]
    with paddle.no_grad():
        fake = to_b(a)
        judged = [task.networks[name](fake.images) for name in ("disGB", "disLB")]
        same = to_a(a)
        ones, zeros = paddle.ones_like(fake.logits), paddle.zeros_like(fake.logits)
        cross_entropy = F.binary_cross_entropy_with_logits
        expected = {
            "G_A2B_adv_loss": sum(mean_square(item.scores, 1) + mean_square(item.logits, 1) for item in judged),
            "G_A2B_cycle_loss": 10 * (to_a(fake.images).images - a).abs().mean().item(),
            "G_B2A_idt_loss": 10 * (same.images - a).abs().mean().item(),
            "G_A2B_cam_loss": 1000 * cross_entropy(fake.logits, ones).item(),
            "G_B2A_cam_idt_loss": 1000 * cross_entropy(same.logits, zeros).item(),
        }
    critics = named(task, "discriminators").work(shard)
    with paddle.no_grad():
        real = task.networks["disGB"](shard.tensor("B"))
        both = sum(mean_square(part, 1) for part in real[:2]) + sum(mean_square(part, 0) for part in judged[0][:2])
    assert critics["D_GB_loss"] == pytest.approx(both, rel=1e-4)
    numbers = named(task, "generators").work(shard)
    assert {key: numbers[key] for key in expected} == pytest.approx(expected, rel=1e-3)
    terms = [value for key, value in numbers.items() if key != "generator_loss"]
    assert numbers["generator_loss"] == pytest.approx(sum(terms), rel=1e-4)


def test_shares_of_normalisations_are_clipped_after_the_generators_step(tmp_path):
    task = make(toy_gans.write_ugatit(tmp_path, light=True), rate=5.0)
    task.step([batch_of(task)], 1)
    shares = [
        value.numpy()
        for name in ("genA2B", "genB2A")
        for key, value in task.networks[name].state_dict().items()
        if key.endswith("rho")
    ]
    assert shares and all(share.min() >= 0 and share.max() <= 1 for share in shares)


def test_a_face_id_loss_is_added_and_learnt_from(tmp_path):
    task = make(toy_gans.write_ugatit(tmp_path, light=True), {"model.face_id": {"weight": 2.0}})
    shard = shard_of(task)
    numbers = named(task, "generators").work(shard)
    fake = task._translation_to(shard, "B").images
    assert numbers["G_A2B_id_loss"] == pytest.approx(task._face_id.of(shard.tensor("A"), fake).item(), rel=1e-4)
    assert task._face_id.of(shard.tensor("A"), shard.tensor("A")).item() < 1e-4


def test_sheets_have_a_row_for_each_photo_and_a_column_for_each_kind(tmp_path):
    task = make(toy_gans.write_ugatit(tmp_path, light=True), {"image_num": 3})
    pictures = task.pictures(1)
    assert list(pictures) == ["sheet_a2b", "sheet_b2a"]
    columns = task.columns(task.ends, paddle.to_tensor(batch_of(task)["A"]))
    assert list(columns) == ["real_A", "fake_B", "rec_A", "idt_A", "attention"]
    band = 12
    assert pictures["sheet_a2b"].shape == (band + 3 * 26, 5 * 26, 3)


def test_weights_say_how_their_translators_are_applied(tmp_path):
    run = toy_runs.train(toy_gans.write_cyclegan(tmp_path), {"total_iters": 1})
    own = readers.read(toy_runs.only(run.folder, "iter_1_weight.pdparams"))["ppgan_ext"]["translators"]
    assert set(own) == {"netG_A", "netG_B"}
    assert own["netG_B"]["direction"] == "b2a" and own["netG_B"]["network"]["n_blocks"] == 1
    assert own["netG_A"]["transforms"] == [
        {"name": "Transpose", "order": [2, 0, 1]},
        {"name": "Normalize", "mean": [127.5], "std": [127.5], "data_format": "CHW", "to_rgb": False},
    ]


# ---- pools


def shard_at(iteration, number=0):
    return Shard(iteration, number, {}, RandomStreams(0))


def numbered(first, count=2):
    return paddle.to_tensor(np.arange(first, first + count, dtype=np.float32).reshape(-1, 1, 1, 1))


def test_a_pool_fills_first_and_then_returns_earlier_images_half_of_the_time():
    pools = ImagePools(6)
    returned = [pools.exchange(shard_at(i), "x", numbered(2 * i)).numpy().ravel() for i in range(200)]
    for i in range(3):
        assert returned[i].tolist() == [2 * i, 2 * i + 1]
    news = np.array([[2 * i, 2 * i + 1] == list(row) for i, row in enumerate(returned)])
    same = np.array([row[j] == 2 * i + j for i, row in enumerate(returned) for j in range(2)])[6:]
    assert 0.4 < same.mean() < 0.6 and not news.all()
    later = [row for i, row in enumerate(returned) for _ in [0] if i > 10]
    assert all((row <= 2 * (i + 11) + 1).all() for i, row in enumerate(later))


def test_a_restored_pool_goes_on_with_the_same_images():
    whole, first = ImagePools(3), ImagePools(3)
    expected = [whole.exchange(shard_at(i), "x", numbered(2 * i)).numpy() for i in range(12)]
    for i in range(6):
        first.exchange(shard_at(i), "x", numbered(2 * i))
    second = ImagePools(3)
    second.load_state(0, first.state(0))
    for i in range(6, 12):
        np.testing.assert_array_equal(second.exchange(shard_at(i), "x", numbered(2 * i)).numpy(), expected[i])
    assert first.state(1) == {} and list(first.state(0)) == ["pool_x"]
    with pytest.raises(WeightsError, match="shard state that this task does not use: centre"):
        second.load_state(0, {"centre": np.zeros(3)})


def test_pools_of_shards_are_apart_and_an_empty_one_passes_images():
    pools = ImagePools(4)
    for number in (0, 1):
        for i in range(3):
            pools.exchange(shard_at(i, number), "x", numbered(100 * number + 2 * i))
    assert pools.state(0)["pool_x"].max() < 100 <= pools.state(1)["pool_x"].min()
    images = numbered(5)
    assert ImagePools(0).exchange(shard_at(1), "x", images) is images


# ---- what is refused


CASES = {
    "channels": (
        toy_gans.write_pix2pix,
        {"model.discriminator.input_nc": 3},
        "model.discriminator.input_nc: is 3, but",
    ),
    "word": (toy_gans.write_pix2pix, {"model.direction": "forward"}, "expected a2b or b2a (or AtoB, BtoA)"),
    "one optimiser": (
        toy_gans.write_cyclegan,
        {"optimizer.optimD.net_names": ["netD_A"]},
        "network 'netD_B' needs exactly one optimiser",
    ),
    "batch": (
        toy_gans.write_cyclegan,
        {"model.gan_criterion.gan_mode": "wgangp", "model.discriminator.norm_type": "batch"},
        "model.discriminator.norm_type: gan_mode wgangp penalises each image's gradient; use instance or none",
    ),
    "grey": (
        toy_gans.write_cyclegan,
        {"model.generator.output_nc": 1},
        "model.generator.output_nc: is 1, but input_nc",
    ),
    "weight": (toy_gans.write_ugatit, {"model.l1_criterion.loss_weight": 2}, "must be 1; set the model's own weights"),
    "classes": (
        lambda folder: toy_gans.write_gan(folder, conditional=True),
        {"model.generator.n_class": 4},
        "must have the same number of classes, but have 4 and 3",
    ),
    "label": (
        lambda folder: toy_gans.write_gan(folder, conditional=True),
        {"dataset.train.return_label": False},
        "dataset.train.return_label: must be True",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_settings_that_do_not_go_together_are_refused(tmp_path, case):
    write, overrides, message = CASES[case]
    with pytest.raises(ConfigError) as caught:
        schema.read_config(write(tmp_path), overrides)
    assert message.lower() in str(caught.value).lower()


def test_data_without_pairs_are_refused(tmp_path):
    config = toy_gans.write_pix2pix(tmp_path)
    content = yaml.safe_load(config.read_text())
    content["dataset"]["train"] = {**toy_gans.unpaired(tmp_path, 32), "batch_size": 1}
    config.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=r"UnpairedDataset has no images of A and B; choose PairedDataset"):
        schema.read_config(config)


def test_a_picture_that_hardly_shows_two_sides_is_told(tmp_path):
    config = toy_gans.write_pix2pix(tmp_path)
    assert len(make(config).notes()) == 1
    alone = toy_gans.write_pictures(tmp_path / "alone", 1, (72, 72))
    note = make(config, {"dataset.train.dataroot": str(alone)}).notes()[-1]
    assert "is 72x72" in note and "halves of 36x72" in note and "tools/prepare_pairs.py" in note


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda folder: toy_gans.write_pix2pix(folder, side=40), "UnetGenerator cannot take .* 40x40.*: 32 and 64"),
        (lambda folder: toy_gans.write_cyclegan(folder, side=18), "ResnetGenerator cannot take .* 18x18.*: 16 and 20"),
        (lambda folder: toy_gans.write_ugatit(folder, side=24), "sides: 28"),
    ],
)
def test_sizes_that_a_network_cannot_take_are_refused_before_the_first_step(tmp_path, write, message):
    overrides = {"model.generator.img_size": 28} if "28" in message else None
    with pytest.raises(ConfigError, match=message) as caught:
        make(write(tmp_path), overrides)
    assert "dataset.train, images of" in str(caught.value) and "change Resize and RandomCrop" in str(caught.value)


def test_colours_for_a_grey_network_are_explained(tmp_path):
    config = toy_gans.write_pix2pix(tmp_path)
    grey = {"model.generator.input_nc": 1, "model.generator.output_nc": 1, "model.discriminator.input_nc": 2}
    with pytest.raises(ConfigError, match=r"3 channels where the networks expect 1.*Add \{name: Grayscale\}"):
        make(config, grey)


def test_classes_beyond_n_class_are_refused(tmp_path):
    config = toy_gans.write_gan(tmp_path, conditional=True)
    few = {"model.generator.n_class": 2, "model.discriminator.n_class": 2}
    with pytest.raises(ConfigError, match=r"has classes up to 2, but n_class is 2.*Set n_class to 3"):
        make(config, few)


def test_the_memory_is_told_and_the_cure_for_full_generators(tmp_path):
    (full,) = make(toy_gans.write_ugatit(tmp_path)).notes()
    (light,) = make(toy_gans.write_ugatit(tmp_path, light=True)).notes()
    task = make(toy_gans.write_ugatit(tmp_path))
    trained = [p for network in task.networks.values() for p in network.parameters() if not p.stop_gradient]
    num_bytes = sum((32 if p.ndim == 4 else 16) * p.numpy().size for p in trained)  # a CPU keeps more of convolutions
    assert f" {num_bytes / 1e6:.1f} MB for weights" in full
    assert "2 images of 24x24" in full and full.endswith("; 'light: True' needs far less")
    assert "light" not in light


@pytest.mark.parametrize("write", [toy_gans.write_cyclegan, toy_gans.write_ugatit])
def test_pairs_for_unpaired_families_are_noticed(tmp_path, write):
    config = write(tmp_path)
    content = yaml.safe_load(config.read_text())
    train = content["dataset"]["train"]
    assert not any("pairs" in note for note in make(config).notes())  # five pictures of A, three of B
    hints = {}
    for name, block in (
        ("same names", {**train, "max_size": 3, "batch_size": 1}),
        ("halves", {**toy_gans.paired(tmp_path, 24 if write is toy_gans.write_ugatit else 16), "batch_size": 1}),
    ):
        content["dataset"]["train"] = block
        config.write_text(yaml.safe_dump(content))
        hints[name] = make(config).notes()[-1]
    model = content["model"]["name"]
    assert hints["same names"].startswith("A and B have pictures of the same names")
    assert hints["halves"].startswith("the data are pairs: Pix2PixModel learns more")
    assert all(hint.endswith(f"than {model}") for hint in hints.values())
