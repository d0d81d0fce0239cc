"""Loading every published layout into its networks, and refusing everything else."""

from pathlib import Path

import numpy as np
import paddle
import pytest

from ppgan_ext import seeding
from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.networks import (
    BackboneEncoderUsingLastLayerIntoW,
    LightEncoder,
    Pixel2Style2Pixel,
    PSPEncoder,
    StyleGANv2Discriminator,
    StyleGANv2Generator,
)
from ppgan_ext.networks.e4e import Encoder4Editing
from ppgan_ext.weights import catalog, load, readers
from ppgan_ext.weights.network_builders import build_lazily
from tests.reference import torch_layouts
from tests.reference.toy import assert_close, fill, numbers

GOLDENS = Path(__file__).resolve().parents[1] / "goldens" / "weights"
TOY = {"size": 16, "style_dim": 128, "n_mlp": 2, "channel_base": 64, "channel_cap": 12}
N_LATENT = 6


def arrays(network):
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def assert_holds(network, state):
    """Check that the network has exactly these values."""
    held = arrays(network)
    assert set(held) == set(state)
    for name, array in state.items():
        np.testing.assert_array_equal(held[name], array, err_msg=name)


def fill_gently(network):
    """Set lopsided statistics and slopes, but keep the filters: fifty layers of normal numbers would overflow."""
    for name, tensor in network.state_dict().items():
        if tensor.ndim == 1:
            tensor.set_value(name.endswith(("weight", "_variance")) + 0.1 * np.abs(numbers(name, tensor.shape)))


@pytest.fixture(scope="module")
def nets():
    """Return networks at toy size, filled with lopsided values."""
    made = {
        "generator": StyleGANv2Generator(**TOY),
        "discriminator": StyleGANv2Discriminator(16, channel_base=64, channel_cap=12),
        "encoder": PSPEncoder(16, style_dim=128),
        "light": LightEncoder(16, 64, 12, style_dim=128),
        "to_w": BackboneEncoderUsingLastLayerIntoW(16, style_dim=128),
    }
    for name, network in made.items():
        (fill_gently if name in ("encoder", "to_w") else fill)(network)
        network.eval()
    return {name: arrays(network) for name, network in made.items()}


W_PLUS_MEAN = np.tile(numbers("mean", (1, 128)), (N_LATENT, 1))


# ---- layouts


@pytest.mark.parametrize("name", ["rosinality_zip", "rosinality_legacy"])
def test_rosinality_checkpoint_renders_torchs_images(name):
    model = load.load_face_model(weight_path=GOLDENS / f"{name}.pt")
    with np.load(GOLDENS / "rosinality.npz") as golden:
        assert_close(model.generator.render(paddle.to_tensor(golden["w_plus"][None])).numpy(), golden["image"], 1e-5)
        assert_close(model.generator.mapping(paddle.to_tensor(golden["z"])).numpy(), golden["w"], 1e-5)
        np.testing.assert_array_equal(model.generator.w_avg.numpy(), golden["latent_avg"])
        np.testing.assert_array_equal(model.latent_avg, golden["latent_avg"])
    assert model.encoder is None
    assert not model.generator.training
    assert (model.name, model.record.size, model.record.crop) == (name, 16, "ffhq")
    assert model.directions_file is None


def test_network_selected_by_name():
    model = load.load_face_model(weight_path=GOLDENS / "rosinality_zip.pt", net_name="g")
    with np.load(GOLDENS / "rosinality.npz") as golden:
        image = model.generator.render(paddle.to_tensor(golden["w_plus"][None])).numpy()
        assert_close(image, golden["image_trained"], 1e-5)
        assert np.abs(image - golden["image"]).max() > 0.1


def test_rosinality_discriminator_scores_as_torch_did():
    network = load.load_discriminator(weight_path=GOLDENS / "rosinality_zip.pt")
    with np.load(GOLDENS / "rosinality.npz") as golden:
        assert_close(network(paddle.to_tensor(golden["photos"])).numpy(), golden["scores"], 1e-4)


def test_paddlegan_generator_as_paddle_saved_it(tmp_path, nets):
    path = tmp_path / "stylegan2.pdparams"
    network = StyleGANv2Generator(**TOY)
    network.set_state_dict(nets["generator"])
    paddle.save(network.state_dict(), str(path))
    model = load.load_face_model(weight_path=path)
    assert_holds(model.generator, nets["generator"])


@pytest.mark.parametrize(
    ("tree", "selected"),
    [
        (("gen", "gen_ema", "disc"), "gen_ema"),
        (("gen", "disc"), "gen"),
        (("g", "d", "g_ema"), "g_ema"),
    ],
)
def test_training_checkpoints(tmp_path, nets, tree, selected):
    """Optimisers and counters beside the networks are ignored; the averaged generator is selected."""
    path = tmp_path / "iter_5_checkpoint.pdparams"
    states = {}
    for name in tree:
        part = "discriminator" if name.startswith("d") else "generator"
        states[name] = {key: array + (0 if name == selected else 1) for key, array in nets[part].items()}
    if selected == "g_ema":
        states = {
            k: (torch_layouts.discriminator if k == "d" else torch_layouts.generator)(v) for k, v in states.items()
        }
    readers.write(path, {**states, "epoch": 5, "optimG": {"LR_Scheduler": {"last_epoch": 5}}})
    assert_holds(load.load_face_model(weight_path=path).generator, nets["generator"])
    state = arrays(load.load_discriminator(weight_path=path))
    np.testing.assert_array_equal(state["convs.0.0.weight"], nets["discriminator"]["convs.0.0.weight"] + 1)


@pytest.mark.parametrize("with_options", [True, False])
def test_paddlegan_psp(tmp_path, nets, with_options):
    """PaddleGAN fails without ``opts``; here, the published options are used instead."""
    path = tmp_path / "psp.pdparams"
    state = {f"encoder.{name}": array for name, array in nets["encoder"].items()}
    state |= {f"decoder.{name}": array for name, array in nets["generator"].items()}
    state["latent_avg"] = W_PLUS_MEAN[None]
    options = {"opts": {"encoder_type": "GradualStyleEncoder", "start_from_latent_avg": True}} if with_options else {}
    readers.write(path, {**state, **options})
    model = load.load_face_model(weight_path=path)
    assert type(model.encoder) is PSPEncoder
    assert_holds(model.encoder, nets["encoder"])
    assert_holds(model.generator, nets["generator"])
    np.testing.assert_array_equal(model.latent_avg, W_PLUS_MEAN)
    np.testing.assert_array_equal(model.generator.w_avg.numpy(), W_PLUS_MEAN[0])
    assert model.record.has_encoder


@pytest.mark.slow
def test_psp_from_torch_equals_paddlegans_network(tmp_path, nets):
    path = tmp_path / "psp.pdparams"
    readers.write(path, torch_layouts.psp(nets["encoder"], nets["generator"], W_PLUS_MEAN, {"learn_in_w": False}))
    model = load.load_face_model(weight_path=path)
    whole = Pixel2Style2Pixel(TOY)
    whole.encoder.set_state_dict(nets["encoder"])
    whole.decoder.set_state_dict(nets["generator"])
    whole.latent_avg.set_value(W_PLUS_MEAN[None])
    whole.eval()
    pixels = paddle.to_tensor(numbers("photo", (1, 3, 256, 256)))
    expected, w_plus = whole(pixels, resize=False, randomize_noise=False, return_latents=True)
    codes = model.encoder(pixels) + paddle.to_tensor(model.latent_avg)
    assert_close(codes.numpy(), w_plus.numpy(), 1e-6)
    assert_close(model.generator.render(codes).numpy(), expected.numpy(), 1e-5)


@pytest.mark.slow
def test_e4e_adds_its_first_style_to_the_others(tmp_path, nets):
    path = tmp_path / "e4e.pdparams"
    options = {"encoder_type": "Encoder4Editing", "start_from_latent_avg": True}
    readers.write(path, torch_layouts.psp(nets["encoder"], nets["generator"], W_PLUS_MEAN, options))
    model = load.load_face_model(weight_path=path)
    assert type(model.encoder) is Encoder4Editing
    heads = PSPEncoder(16, style_dim=128)
    heads.set_state_dict(nets["encoder"])
    heads.eval()
    pixels = paddle.to_tensor(numbers("photo", (1, 3, 256, 256)))
    offsets = heads(pixels).numpy()
    expected = offsets.copy()
    expected[:, 1:] += offsets[:, :1]
    assert_close(model.encoder(pixels).numpy(), expected, 1e-6)


def test_psp_that_learns_in_w(tmp_path, nets):
    path = tmp_path / "w.pdparams"
    options = {"encoder_type": "BackboneEncoderUsingLastLayerIntoW", "learn_in_w": True}
    readers.write(path, torch_layouts.psp(nets["to_w"], nets["generator"], W_PLUS_MEAN[:1], options))
    model = load.load_face_model(weight_path=path)
    assert type(model.encoder) is BackboneEncoderUsingLastLayerIntoW
    assert_holds(model.encoder, nets["to_w"])
    assert model.latent_avg.shape == (128,)


def test_psp_that_does_not_start_from_the_mean(tmp_path, nets):
    path = tmp_path / "zero.pdparams"
    options = {"start_from_latent_avg": False}
    readers.write(path, torch_layouts.psp(nets["encoder"], nets["generator"], None, options))
    model = load.load_face_model(weight_path=path)
    np.testing.assert_array_equal(model.latent_avg, np.zeros(128, np.float32))
    assert np.abs(model.generator.w_avg.numpy()).max() > 0


@pytest.mark.parametrize("suffix", [".safetensors", ".pdparams"])
def test_own_layout(tmp_path, nets, suffix):
    path = tmp_path / f"own{suffix}"
    parts = {"generator": nets["generator"], "encoder": nets["light"], "discriminator": nets["discriminator"]}
    state = {f"{part}.{name}": array for part, arrays_ in parts.items() for name, array in arrays_.items()}
    state["generator.w_avg"] = W_PLUS_MEAN[0]
    notes = {"crop": "tight", "licence": "mine"} if suffix == ".safetensors" else None
    readers.write(path, {name: array.astype(np.float16) for name, array in state.items()}, notes)
    model = load.load_face_model(weight_path=path)
    assert_holds(model.generator, {k: v.astype(np.float16).astype(np.float32) for k, v in nets["generator"].items()})
    assert_holds(model.encoder, {k: v.astype(np.float16).astype(np.float32) for k, v in nets["light"].items()})
    np.testing.assert_array_equal(model.latent_avg, W_PLUS_MEAN[0].astype(np.float16).astype(np.float32))
    assert model.record.crop == "tight"  # from the header, or from the kind of encoder
    assert model.record.licence == ("mine" if notes else "as its source")
    assert load.load_discriminator(weight_path=path).size == 16


def test_data_parallel_prefix(tmp_path, nets):
    path = tmp_path / "parallel.pdparams"
    readers.write(path, {"g_ema": {f"module.{k}": v for k, v in torch_layouts.generator(nets["generator"]).items()}})
    assert_holds(load.load_face_model(weight_path=path).generator, nets["generator"])


def test_missing_noise_is_the_same_at_every_load(tmp_path, nets):
    path = tmp_path / "quiet.pdparams"
    state = {name: array for name, array in nets["generator"].items() if not name.startswith("noises.")}
    readers.write(path, state)
    first, second = (arrays(load.load_face_model(weight_path=path).generator) for _ in range(2))
    for index, side in enumerate((4, 8, 8, 16, 16)):
        noise = first[f"noises.noise_{index}"]
        assert noise.shape == (1, 1, side, side)
        assert 0.5 < noise.std() < 1.6
        np.testing.assert_array_equal(noise, second[f"noises.noise_{index}"])


def test_missing_w_avg_is_estimated_with_a_seed(tmp_path, nets):
    path = tmp_path / "plain.pdparams"
    readers.write(path, nets["generator"])
    model = load.load_face_model(weight_path=path)
    again = load.load_face_model(weight_path=path)
    np.testing.assert_array_equal(model.generator.w_avg.numpy(), again.generator.w_avg.numpy())
    samples = model.generator.mapping(paddle.to_tensor(numbers("z", (4000, 128)))).numpy()
    error = np.abs(model.generator.w_avg.numpy() - samples.mean(0)).max()
    assert error < 0.15 * samples.std()
    np.testing.assert_array_equal(model.latent_avg, model.generator.w_avg.numpy())


def test_loading_draws_no_random_numbers(tmp_path, nets):
    path = tmp_path / "plain.pdparams"
    readers.write(path, nets["generator"])
    seeding.seed_everything(5)
    expected = paddle.randn([4]).numpy(), np.random.rand()
    seeding.seed_everything(5)
    load.load_face_model(weight_path=path)
    np.testing.assert_array_equal(paddle.randn([4]).numpy(), expected[0])
    assert np.random.rand() == expected[1]


# ---- refusals


def test_another_architecture_than_requested(tmp_path, nets):
    path = tmp_path / "small.pdparams"
    readers.write(path, nets["generator"])
    with pytest.raises(WeightsError) as caught:
        load.load_face_model(weight_path=path, size=1024, channel_multiplier=2, style_dim=128)
    message = str(caught.value)
    assert "size 1024, channel multiplier 2 was requested" in message
    assert "the file contains 16 px, channel base 64, channel cap 12, style dim 128, n mlp 2" in message
    assert "Give --size 16 --style_dim 128 --n_mlp 2 without --channel_multiplier, by which" in message
    assert message.endswith(", or none of these flags.")
    with pytest.raises(WeightsError, match="Give --size 16 --style_dim 128 --n_mlp 2, or none of these flags"):
        load.load_face_model(weight_path=path, size=1024)
    assert load.load_face_model(weight_path=path, size=16, style_dim=128, n_mlp=2).record.size == 16


def test_the_right_channel_multiplier_is_named(tmp_path):
    network = build_lazily(lambda: StyleGANv2Generator(64, 8, 1, channel_multiplier=1))
    path = tmp_path / "one.pdparams"
    readers.write(path, {k: np.zeros(tuple(v.shape), np.float16) for k, v in network.state_dict().items()})
    with pytest.raises(WeightsError, match=r"channel multiplier 2 was requested.*--channel_multiplier 1 "):
        load.load_face_model(weight_path=path, channel_multiplier=2)


def test_all_wrong_names_are_in_one_message(tmp_path, nets):
    path = tmp_path / "faulty.pdparams"
    state = dict(nets["generator"])
    state["style.1.extra"] = np.ones(2, np.float32)
    del state["style.1.bias"]
    state["to_rgb1.bias"] = np.ones((3,), np.float32)
    readers.write(path, state)
    with pytest.raises(WeightsError) as caught:
        load.load_face_model(weight_path=path)
    message = str(caught.value)
    for fault in ("1 missing (style.1.bias)", "1 unexpected (style.1.extra)", "to_rgb1.bias 3 instead of 1x3x1x1"):
        assert fault in message


def test_untransposed_weights_are_refused(tmp_path, nets):
    """A careless conversion leaves PyTorch's arrays under Paddle's names."""
    path = tmp_path / "careless.pdparams"
    careless = {k: v for k, v in torch_layouts.generator(nets["generator"]).items() if "blur" not in k}
    readers.write(path, careless)
    with pytest.raises(WeightsError, match=r"modulation.weight 4x128 instead of|do not fit"):
        load.load_face_model(weight_path=path)


def test_unknown_names_of_a_torch_checkpoint_are_refused(tmp_path, nets):
    path = tmp_path / "odd.pdparams"
    tree = torch_layouts.psp(nets["encoder"], nets["generator"], W_PLUS_MEAN, {})
    tree["state_dict"]["decoder.convs.0.conv.gain"] = np.ones(1, np.float32)
    tree["state_dict"]["refiner.weight"] = np.ones(1, np.float32)
    readers.write(path, tree)
    with pytest.raises(WeightsError, match=r"2 unexpected \(convs.0.conv.gain, refiner.weight\)"):
        load.load_face_model(weight_path=path)


def test_nan_in_a_file(tmp_path, nets):
    path = tmp_path / "nan.pdparams"
    readers.write(path, {**nets["generator"], "style.1.bias": np.full(128, np.nan, np.float32)})
    with pytest.raises(WeightsError, match=r"style\.1\.bias contains NaN"):
        load.load_face_model(weight_path=path)


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ({"a": np.ones(2), "b": np.ones(3)}, "none of the known layouts"),
        ({"age": np.ones((16, 512))}, "none of the known layouts"),
        ({}, "contains no networks"),
        ([np.ones(2)], "contains no networks"),
        ({"epoch": 3}, "none of the known layouts"),
    ],
)
def test_files_of_other_things(tmp_path, tree, reason):
    path = tmp_path / "other.pdparams"
    readers.write(path, tree)
    with pytest.raises(WeightsError, match=reason):
        load.load_face_model(weight_path=path)


def test_parts_that_are_missing(tmp_path, nets):
    path = tmp_path / "part.pdparams"
    readers.write(path, nets["discriminator"])
    with pytest.raises(WeightsError, match="contains no generator"):
        load.load_face_model(weight_path=path)
    readers.write(path, nets["generator"])
    with pytest.raises(WeightsError, match="contains no discriminator"):
        load.load_discriminator(weight_path=path)


def test_encoder_and_generator_of_different_sizes(tmp_path, nets):
    path = tmp_path / "mixed.pdparams"
    large = build_lazily(lambda: PSPEncoder(32, style_dim=128)).state_dict()
    zeros = {name: np.zeros(tuple(tensor.shape), np.float32) for name, tensor in large.items()}
    readers.write(path, torch_layouts.psp(zeros, nets["generator"], None, {}))
    with pytest.raises(WeightsError, match="its encoder is for 32 px, its generator for 16"):
        load.load_face_model(weight_path=path)


def test_mean_latent_of_another_shape(tmp_path, nets):
    path = tmp_path / "mean.pdparams"
    readers.write(path, {**nets["generator"], "latent_avg": np.ones((5, 128), np.float32)})
    with pytest.raises(WeightsError, match=r"mean\.pdparams.*mean latent has shape \(5, 128\)"):
        load.load_face_model(weight_path=path)


def test_unknown_network_name():
    with pytest.raises(WeightsError, match=r"contains no network 'gema'. Did you mean 'g_ema'"):
        load.load_face_model(weight_path=GOLDENS / "rosinality_zip.pt", net_name="gema")


def test_names_of_the_catalog(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'ffhq-inversion'"):
        load.load_face_model("ffhq-inversoin")
    with pytest.raises(ConfigError, match=r"no weights of its own\. Give its file with --weight_path"):
        load.load_face_model("default")
    with pytest.raises(WeightsError, match=r"absent\.pdparams: no such file"):
        load.load_face_model(weight_path=tmp_path / "absent.pdparams")


def test_a_file_that_is_not_the_catalogs_model(tmp_path, monkeypatch, nets):
    """The cache contains a file of the right name but of another architecture."""
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path))
    readers.write(tmp_path / "stylegan2-animeface-512.pdparams", nets["generator"])
    with pytest.raises(WeightsError, match=r"is not the model 'animeface-512': it contains 16 px.*instead of 512 px"):
        load.load_face_model("animeface-512")


def test_own_file_under_a_catalog_name_keeps_the_records_crop(tmp_path, nets):
    path = tmp_path / "mine.pdparams"
    readers.write(path, torch_layouts.psp(nets["encoder"], nets["generator"], W_PLUS_MEAN, {}))
    model = load.load_face_model("ffhq-inversion", path)
    assert (model.name, model.record.crop, model.record.size) == ("ffhq-inversion", "ffhq", 16)
    assert model.record.directions is catalog.MODELS["ffhq-inversion"].directions


# ---- load_state, load_into


def test_load_state_of_one_network_and_of_several(tmp_path, nets):
    state = load.load_state(GOLDENS / "rosinality_zip.pt", "d")
    assert state["final_linear.1.weight"].shape == (12, 1)
    several = load.load_state(GOLDENS / "rosinality_zip.pt")
    assert {name.split(".")[0] for name in several} == {"generator", "discriminator"}
    other = tmp_path / "vgg.pdparams"
    readers.write(other, {"features.0.weight": np.ones((64, 3, 3, 3), np.float32)})
    assert list(load.load_state(other)) == ["features.0.weight"]
    readers.write(other, {"net": {"w": np.ones(1, np.float32)}})
    assert list(load.load_state(other, "net")) == ["w"]
    readers.write(other, {"text": "x"})
    with pytest.raises(WeightsError, match="none of the known layouts"):
        load.load_state(other)


def test_load_into_is_strict_and_can_ignore_a_prefix():
    layer = paddle.nn.Linear(2, 3)
    state = {"weight": numbers("w", (2, 3)), "bias": numbers("b", (3,)), "classifier.0.bias": np.ones(1)}
    with pytest.raises(WeightsError, match=r"1 unexpected \(classifier.0.bias\)"):
        load.load_into(layer, state, "vgg.pdparams")
    load.load_into(layer, state, "vgg.pdparams", ignored=("classifier.",))
    np.testing.assert_array_equal(layer.weight.numpy(), state["weight"])
    with pytest.raises(WeightsError, match=r"1 of another shape \(weight 3x2 instead of 2x3\)"):
        load.load_into(layer, {**state, "weight": state["weight"].T}, "x", ignored=("classifier.",))
    np.testing.assert_array_equal(layer.weight.numpy(), state["weight"])
    with pytest.raises(WeightsError, match="bias contains NaN"):
        load.load_into(layer, {"weight": np.zeros((2, 3)), "bias": np.full(3, np.inf)}, "x", consume=True)
    np.testing.assert_array_equal(layer.weight.numpy(), state["weight"])
    assert len(state) == 3
    load.load_into(layer, state, "x", ignored=("classifier.",), consume=True)
    assert state == {}


@pytest.mark.bundled
def test_bundled_model():
    model = load.load_face_model()
    record = catalog.MODELS[catalog.DEFAULT_MODEL]
    assert model.name == "faces-128"
    assert (model.record.size, model.record.crop) == (record.size, "tight")
    assert model.generator.n_latent == model.encoder.n_latent == record.n_latent
    assert model.weights_hash == record.weights.sha256
    assert load.load_discriminator().size == record.size
