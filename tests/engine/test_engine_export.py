"""Exported generators: run as anybody would run them, they draw the network's images."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
import yaml

from ppgan_ext.engine import export
from ppgan_ext.engine.export import export_generator, export_model
from ppgan_ext.errors import ConfigError, InputError, OutputError, WeightsError
from ppgan_ext.networks import StyleGANv2Discriminator, StyleGANv2Generator
from ppgan_ext.weights import readers
from tests.reference.toy import assert_close, fill

ROOT = Path(__file__).resolve().parents[2]
TOY = {"size": 16, "style_dim": 24, "n_mlp": 2, "channel_base": 64, "channel_cap": 12}
# What a stranger's process does with the files: nothing of ours is imported, no pass is taken out. It serves all tests,
# since importing Paddle takes longer than they do.
STRANGER = """
import sys, numpy as np
from paddle import inference
for line in sys.stdin:
    prefix, given, images_file = line.rstrip("\\n").split("\\t")
    settings = inference.Config(prefix + ".json", prefix + ".pdiparams")
    settings.disable_gpu()
    predictor = inference.create_predictor(settings)
    style, truncation = (predictor.get_input_handle(name) for name in predictor.get_input_names())
    given = np.load(given)
    images = []
    for z in given["z"]:
        style.copy_from_cpu(z)
        truncation.copy_from_cpu(given["psi"])
        predictor.run()
        images.append(predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu())
    np.save(images_file, np.stack(images))
    print("done", flush=True)
"""


def toy_generator():
    generator = StyleGANv2Generator(**TOY)
    fill(generator)
    generator.eval()
    return generator


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A training checkpoint: an averaged generator, another one, a discriminator; and the averaged network."""
    generator = toy_generator()
    average = {name: tensor.numpy() for name, tensor in generator.state_dict().items()}
    other = {name: array * 1.25 for name, array in average.items()}
    disc = StyleGANv2Discriminator(16, channel_base=64, channel_cap=12)
    disc_state = {name: tensor.numpy() for name, tensor in disc.state_dict().items()}
    path = tmp_path_factory.mktemp("run") / "iter_9_checkpoint.pdparams"
    readers.write(path, {"gen": other, "disc": disc_state, "gen_ema": average, "epoch": 9})
    return path, generator


@pytest.fixture(scope="module")
def configuration(tmp_path_factory):
    """In the layout of PaddleGAN's files, with a data set that is not there and keys nobody here knows."""
    path = tmp_path_factory.mktemp("configs") / "toy.yaml"
    content = {
        "total_iters": 10,
        "model": {"name": "StyleGAN2Model", "generator": {"name": "StyleGANv2Generator", **TOY}, "gan_criterion": {}},
        "dataset": {"train": {"name": "SingleDataset", "dataroot": "nowhere"}},
        "validate": {"save_imig": False},
    }
    path.write_text(yaml.safe_dump(content))
    return path


def expected_images(generator, z, psi):
    with paddle.no_grad():
        return generator.render(generator.get_latents(paddle.to_tensor(z), psi)).numpy()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """Draw with exported files in a process that knows nothing of this package."""
    errors = tmp_path_factory.mktemp("stranger") / "errors.txt"
    with (
        errors.open("w") as stream,
        subprocess.Popen(
            [sys.executable, "-c", STRANGER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stream, text=True
        ) as process,
    ):

        def draw(folder, prefix, z, psi):
            np.savez(folder / "given.npz", z=z, psi=psi)
            print(prefix, folder / "given.npz", folder / "images.npy", sep="\t", file=process.stdin, flush=True)
            while (line := process.stdout.readline()) not in ("done\n", ""):
                pass
            assert line, errors.read_text()[-2000:]
            return np.load(folder / "images.npy")

        yield draw


@pytest.mark.slow
def test_a_stranger_gets_the_networks_images(tmp_path, weights, configuration, stranger):
    """With PaddleGAN's shapes and file name, and psi as its tools/inference.py feeds it: one number without axes."""
    path, generator = weights
    made = export_model(configuration, path, tmp_path / "out")
    assert [file.name for file in made.files] == ["stylegan2model_gen.json", "stylegan2model_gen.pdiparams"]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [file.name for file in made.files]
    assert made.net_name == "gen_ema"
    assert made.input_shapes == {"style": (1, 1, 24), "truncation": (1, 1)}
    z = np.random.RandomState(3).standard_normal((2, 1, 1, 24)).astype(np.float32)
    images = stranger(tmp_path, made.prefix, z, np.array([0.7], np.float32))
    assert images.shape == (2, 1, 3, 16, 16)
    for image, code in zip(images, z, strict=True):
        assert_close(image, expected_images(generator, code[0], 0.7), 1e-5)
    assert np.abs(images[0] - images[1]).max() > 0.1


@pytest.mark.slow
def test_any_number_of_images_each_with_its_psi(tmp_path, weights, configuration, stranger):
    path, generator = weights
    made = export_model(configuration, path, tmp_path, inputs_size="1,-1,24;-1,1", model_name="many")
    z = np.random.RandomState(4).standard_normal((1, 1, 3, 24)).astype(np.float32)
    psi = np.array([[0.0], [0.5], [1.3]], np.float32)
    images = stranger(tmp_path, made.prefix, z, psi)[0]
    for image, code, one in zip(images, z[0, 0], psi, strict=True):
        assert_close(image[None], expected_images(generator, code[None], one.item()), 1e-5)


@pytest.mark.parametrize("net_name", ["gen", "gen_ema"])
def test_the_network_asked_for_is_exported(tmp_path, weights, configuration, net_name, monkeypatch):
    seen = []
    monkeypatch.setattr(export, "export_generator", lambda generator, prefix, shapes: seen.append(generator) or ())
    assert export_model(configuration, weights[0], tmp_path, net_name=net_name).net_name == net_name
    ratio = seen[0].input.input.numpy() / weights[1].input.input.numpy()
    assert ratio == pytest.approx(1.25 if net_name == "gen" else 1.0)


@pytest.mark.slow
def test_a_file_of_one_network_with_its_own_mean(tmp_path, weights, configuration, stranger):
    path, generator = tmp_path / "one.pdparams", weights[1]
    mean = np.linspace(-1, 1, 24, dtype=np.float32)
    readers.write(path, {name: t.numpy() for name, t in generator.state_dict().items()} | {"latent_avg": mean})
    made = export_model(configuration, path, tmp_path)
    assert made.net_name == ""
    code = np.zeros((1, 1, 1, 24), np.float32)
    image = stranger(tmp_path, made.prefix, code, np.zeros(1, np.float32))[0]
    assert_close(image, generator.render(paddle.to_tensor(mean[None])).numpy(), 1e-5)


def test_the_mapping_is_the_generators(weights):
    z = paddle.to_tensor(np.random.RandomState(0).standard_normal((3, 24)).astype(np.float32))
    generator = weights[1]
    assert_close(export._mapping(generator, z).numpy(), generator.mapping(z).numpy(), 1e-6)


def test_overrides_win(tmp_path, weights, configuration, monkeypatch):
    monkeypatch.setattr(export, "export_generator", lambda *_: ())
    with pytest.raises(WeightsError, match=r"style\.3\.weight.*Give the configuration that it was trained with"):
        export_model(configuration, weights[0], tmp_path, overrides={"model.generator.n_mlp": 3})


# ---- what is refused


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sise": 16}, r"toy\.yaml:\d+: model\.generator\.sise: unknown key; did you mean 'size'\?"),
        ({"size": "big"}, r"toy\.yaml:\d+: model\.generator\.size"),
        ({"name": "ResnetGenerator"}, r"toy\.yaml:\d+: model\.generator\.name"),
        ({"size": 48}, "a network of 48 pixels cannot be built"),
    ],
)
def test_mistakes_in_the_generator_block(tmp_path, weights, configuration, change, reason):
    content = yaml.safe_load(configuration.read_text())
    content["model"]["generator"] |= change
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=reason):
        export_model(path, weights[0], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_configurations_that_are_none(tmp_path, weights):
    path = tmp_path / "other.yaml"
    path.write_text("model: {name: Pix2PixModel}\n")
    with pytest.raises(ConfigError, match=r"model\.generator: missing"):
        export_model(path, weights[0])
    with pytest.raises(InputError, match="no such file"):
        export_model(tmp_path / "missing.yaml", weights[0])


@pytest.mark.parametrize(
    ("shapes", "reason"),
    [
        ("1,1,24", "is not two shapes"),
        ("1,1,24;1,1;1", "is not two shapes"),
        ("1,one,24;1,1", "is not two shapes"),
        ("1,1,512;1,1", r"style cannot be of shape \(1, 1, 512\)\. Write 1,1,24;1,1"),
        ("2,1,24;1,1", "style cannot"),
        ("1,0,24;1,1", "style cannot"),
        ("1,-2,24;1,1", "style cannot"),
        ("1,24;1,1", "style cannot"),
        ("1,3,24;2,1", "truncation cannot"),
        ("1,3,24;1,3", "truncation cannot"),
    ],
)
def test_shapes_that_are_refused(tmp_path, weights, configuration, shapes, reason):
    with pytest.raises(ConfigError, match=reason):
        export_model(configuration, weights[0], tmp_path / "out", inputs_size=shapes)
    assert not (tmp_path / "out").exists()


def test_weights_that_are_refused(tmp_path, weights, configuration):
    with pytest.raises(WeightsError, match=r"no network 'gen_emma'.*Did you mean 'gen_ema'"):
        export_model(configuration, weights[0], tmp_path, net_name="gen_emma")
    with pytest.raises(WeightsError, match="holds no generator"):
        export_model(configuration, weights[0], tmp_path, net_name="disc")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "a/b", ".."])
def test_names_that_are_none(tmp_path, weights, configuration, name):
    with pytest.raises(ConfigError, match="is no file name"):
        export_model(configuration, weights[0], tmp_path, model_name=name)


@pytest.mark.slow
def test_a_program_of_other_numbers_is_not_kept(tmp_path, weights, monkeypatch):
    """As Paddle's passes have had silent faults; an older export stays."""
    (tmp_path / "g.json").write_text("older")
    monkeypatch.setattr(export, "SLOPE", 0.3)
    with pytest.raises(OutputError, match="off by"):
        export_generator(weights[1], tmp_path / "g")
    assert [path.name for path in tmp_path.iterdir()] == ["g.json"]
    assert (tmp_path / "g.json").read_text() == "older"


def test_a_folder_that_cannot_be_made(tmp_path, weights):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        export_generator(weights[1], tmp_path / "file" / "g")


def test_what_paddle_cannot_write_is_an_error_of_ours(tmp_path, weights, monkeypatch):
    def full(*_):
        raise RuntimeError("(Unavailable) No space left on device")

    monkeypatch.setattr(export, "save_program", full)
    with pytest.raises(OutputError, match="No space left"):
        export_generator(weights[1], tmp_path / "g")
    assert list(tmp_path.iterdir()) == []


def test_feature_map_generators_have_no_program(tmp_path):
    generator = StyleGANv2Generator(16, 24, 2, is_concat=True, channel_base=64, channel_cap=12)
    with pytest.raises(ConfigError, match="feature maps"):
        export_generator(generator, tmp_path / "g")
