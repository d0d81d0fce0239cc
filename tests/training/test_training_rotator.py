"""Training of rotators at 16 px: the initial rotator equals the directions, and every loss has an effect."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ppgan_ext.errors import ConfigError, InputError, WeightsError
from ppgan_ext.latents.directions import Direction, save_directions
from ppgan_ext.networks import LatentRotator
from ppgan_ext.nn.resize import fit_to
from ppgan_ext.training.shared.phases import Shard
from ppgan_ext.weights import load
from tests.reference import toy_psp, toy_rotator
from tests.reference.toy_psp import N_LATENT, SIZE, STYLE, arrays, batches, make
from tests.reference.toy_rotator import LAMBDAS, alone

ONLY_ROTATOR = {"model.adv_lambda": 0.0, "optimizer": {"optimR": {"name": "Adam", "net_names": ["rotator"]}}}


@pytest.fixture(scope="session")
def model(tmp_path_factory, faces):
    return toy_rotator.write_model(tmp_path_factory.mktemp("model"), faces)


@pytest.fixture
def config(tmp_path, faces, model):
    return toy_rotator.write_config(tmp_path, faces, model)


@pytest.fixture
def plain_config(tmp_path, faces, model):
    """Without a discriminator."""
    path = toy_rotator.write_config(tmp_path, faces, model, adv_lambda=0.0)
    text = path.read_text()
    path.write_text(text[: text.index("  optimD:")] + text[text.index("log_config:") :])
    return path


def trained_rotator(seed=0):
    """Return a rotator that differs from the directions, and codes to turn."""
    paddle.seed(seed)
    rotator = LatentRotator(3, 5, width=8, num_blocks=2)
    rng = np.random.default_rng(seed)
    rotator.set_statistics(rng.normal(size=5), 0.5, rng.normal(size=(2, 3, 5)))
    rotator.write.weight.set_value(rng.normal(size=(8, 5)).astype(np.float32))
    return rotator, paddle.to_tensor(rng.normal(size=(2, 3, 5)).astype(np.float32))


# ---- the network


def test_the_initial_rotator_equals_the_directions():
    paddle.seed(0)
    rotator = LatentRotator(3, 5, width=8)
    axes = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
    rotator.set_statistics(np.zeros(5), 1.0, axes)
    w_plus, turn = paddle.randn([4, 3, 5]), paddle.to_tensor([[10.0, 0.0], [0.0, -5.0], [3.0, 4.0], [0.0, 0.0]])
    expected = w_plus.numpy() + np.einsum("na,ald->nld", turn.numpy(), axes)
    np.testing.assert_allclose(rotator(w_plus, turn).numpy(), expected, rtol=1e-5, atol=1e-5)


def test_a_turn_of_zero_never_changes_a_code():
    rotator, w_plus = trained_rotator()
    np.testing.assert_array_equal(rotator(w_plus, paddle.zeros([2, 2])).numpy(), w_plus.numpy())
    turned = rotator(w_plus, paddle.full([2, 2], 10.0)).numpy()
    straight = (w_plus + rotator.straight(paddle.full([2, 2], 10.0))).numpy()
    assert np.abs(turned - straight).max() > 0.01
    assert np.abs((turned - straight)[0] - (turned - straight)[1]).max() > 0.001  # the correction depends on the code


def test_a_rotator_is_created_from_its_arrays():
    rotator, w_plus = trained_rotator()
    state = arrays(rotator)
    again = LatentRotator.from_state(state, "file")
    assert again.set_state_dict(state) == ([], [])
    turn = paddle.full([2, 2], 7.0)
    np.testing.assert_array_equal(again(w_plus, turn).numpy(), rotator(w_plus, turn).numpy())
    with pytest.raises(WeightsError, match="contains no rotator"):
        LatentRotator.from_state({"weight": np.zeros(3)}, "file")
    with pytest.raises(InputError, match=r"\(N, 3, 5\)"):
        rotator(w_plus, paddle.zeros([1, 2]))


# ---- the loop


@pytest.mark.slow
def test_only_rotator_and_discriminator_learn(config):
    task = make(config)
    frozen = [task._generator, task._encoder]
    before = [arrays(network) for network in (*frozen, *task.networks.values())]
    for iteration in (1, 2, 3):
        numbers = task.step(batches(size=4), iteration)
        assert all(np.isfinite(value) for value in numbers.values())
        assert ("loss_disc_r1" in numbers) == (iteration != 2)
    expected = {f"loss_{name}" for name in LAMBDAS if name != "id"}
    assert expected | {"loss", "loss_disc"} <= set(numbers)
    after = [arrays(network) for network in (*frozen, *task.networks.values())]
    same = [all(np.array_equal(a[name], b[name]) for name in a) for a, b in zip(before, after, strict=True)]
    assert same == [True, True, False, False, False]
    for name in ("mean", "scale", "axes"):  # statistics of the model's codes are not learnt
        np.testing.assert_array_equal(before[2][name], after[2][name])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pixel", "latent", "pose", "symmetry"])
def test_each_loss_falls_when_it_is_minimised(plain_config, name):
    task = make(plain_config, alone(name) | ({} if name != "symmetry" else {"model.pose_lambda": 1e-6}))
    losses = [task.step(batches(size=6), iteration)[f"loss_{name}"] for iteration in range(1, 25)]
    assert np.mean(losses[-8:]) < 0.9 * np.mean(losses[:4])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cycle", "bend"])
def test_regularisation_keeps_the_rotator_near_the_directions(plain_config, name):
    """Both losses are 0 for the directions alone, which are the same step forward and back."""
    distances = []
    for weight in (0.0, 100.0):
        task = make(plain_config, alone("latent") | {f"model.{name}_lambda": weight})
        for iteration in range(1, 21):
            task.step(batches(size=6), iteration)
        shown = paddle.to_tensor(batches(size=6, seed=5)[0]["A"])
        rotator, w_plus = task.networks["rotator"], task._encode(shown)
        turn = paddle.full([6, 2], 15.0)
        errors = rotator.bend(w_plus, turn)
        if name == "cycle":
            errors = (rotator(rotator(w_plus, turn), -turn) - w_plus) / rotator.scale
        distances.append(errors.abs().mean().item())
    assert distances[1] < 0.5 * distances[0]


@pytest.mark.slow
def test_the_adversarial_and_the_identity_loss_have_an_effect(config):
    for name in ("adv", "id"):
        weights = []
        for weight in (0.0, 1.0):
            task = make(config, alone("latent", "adv") | {f"model.{name}_lambda": max(weight, 1e-9 * (name == "adv"))})
            for iteration in (1, 2):
                numbers = task.step(batches(size=4), iteration)
            weights.append(arrays(task.networks["rotator"])["write.weight"])
        assert numbers[f"loss_{name}"] > 0
        assert np.abs(weights[0] - weights[1]).max() > 1e-4


@pytest.mark.parametrize("mode", ["wgan", "wgangp"])
def test_the_discriminator_trains_with_losses_of_the_wgan_family(config, mode):
    numbers = make(config, {"model.gan_criterion.gan_mode": mode}).step(batches(size=4), 1)
    assert all(np.isfinite(value) for value in numbers.values())


def test_mirror_poses_come_first_and_random_poses_stay_in_range(config):
    task = make(config, {"model.mirror_share": 0.5, "model.max_yaw": 20.0, "model.max_pitch": 5.0})
    first, second = (Shard(iteration, 0, batches(size=6)[0], task.random) for iteration in (1, 2))
    faces = task._turn(first)
    target = (faces.pose + faces.turn).numpy()
    np.testing.assert_allclose(target[:3], task._pose(faces.mirrored)[:3].numpy(), atol=1e-3)
    assert (np.abs(target[3:]) <= [20.001, 5.001]).all()
    again, other = task._turn(first), task._turn(second)
    np.testing.assert_array_equal(again.turn.numpy(), faces.turn.numpy())
    assert np.abs((other.turn - faces.turn).numpy()[3:]).max() > 0.1


def test_metrics_measure_faces_turned_and_mirrored_back(config):
    """A rotator without a direction of yaw does not turn; its output is the mirror image of the reconstruction."""
    task = make(config)
    for network in (task.networks["rotator"], task.networks["rotator_ema"]):
        network.axes.set_value(np.zeros_like(network.axes.numpy()))
    pixels = batches(size=3)[0]["A"]
    turned = task.outputs().reconstruct(pixels)
    reconstruction = task._render(task._encode(paddle.to_tensor(pixels)))
    np.testing.assert_allclose(turned, fit_to(reconstruction, SIZE).flip(axis=3).numpy(), atol=1e-5)


@pytest.mark.slow
def test_pictures_show_photo_and_five_yaws_twice(config):
    picture = make(config).pictures(1)["turned"]
    assert picture.shape == (4 * SIZE, 6 * SIZE, 3)
    upper, lower = picture[:SIZE], picture[SIZE : 2 * SIZE]
    np.testing.assert_allclose(
        upper.astype(int), lower.astype(int), atol=1
    )  # the initial rotator equals the directions
    assert np.abs(upper[:, SIZE : 2 * SIZE].astype(int) - upper[:, 5 * SIZE :].astype(int)).max() > 2


def test_the_discriminator_starts_with_the_models_weights_if_the_shapes_agree(config, model):
    own = arrays(load.load_discriminator(weight_path=model[0]))
    task, other = make(config), make(config, {"model.discriminator.channel_cap": 4})
    initial = arrays(task.networks["disc"])
    assert all(np.array_equal(own[name], initial[name]) for name in own)
    assert arrays(other.networks["disc"]).keys() == own.keys()


# ---- mistakes


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"model.discriminator": None}, r"model\.discriminator: missing; adv_lambda needs it"),
        ({"model.pixel_lambda": -1.0}, "pixel_lambda"),
        ({"model.max_yaw": 95.0}, "max_yaw"),
        (
            {"model.mirror_share": 0.0, "model.pose_lambda": 0.0},
            "mirror_share: either this or pose_lambda must be above 0",
        ),
        ({"model.pose_lambda": 0.0, "model.pixel_lambda": 0.0, "model.latent_lambda": 0.0}, "must be above 0"),
        ({"model.model_type": "faces-12"}, "faces-128"),
        ({"optimizer.optimR.net_names": ["rotator", "disc"]}, "needs exactly one optimiser, but 2 name it"),
        ({"optimizer.optimD.net_names": ["gen"]}, "'gen' is not trained"),
        ({"model.widht": 3}, "width"),
    ],
)
def test_invalid_configurations_are_rejected(config, overrides, message):
    with pytest.raises(ConfigError, match=message):
        make(config, overrides)


def test_models_without_encoder_or_directions_are_rejected(config, tmp_path):
    with pytest.raises(ConfigError, match="has no encoder"):
        make(config, {"model.generator_weight": str(toy_psp.write_generator(tmp_path))})
    path = tmp_path / "only.safetensors"
    save_directions(path, {"yaw": Direction("yaw", np.ones((N_LATENT, STYLE)), "degree")})
    with pytest.raises(ConfigError, match="'pitch'"):
        make(config, {"model.directions": str(path)})
    both = {name: Direction(name, np.ones((N_LATENT, STYLE)), "degree") for name in ("yaw", "pitch")}
    save_directions(path, both)
    with pytest.raises(ConfigError, match="cannot measure degrees"):
        make(config, {"model.directions": str(path)})
    with pytest.raises(ConfigError, match="has no directions"):
        make(config, {"model.directions": None})
