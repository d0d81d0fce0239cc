"""dlib's ``.dat``: all numbers are read, and damaged or foreign files raise a clear error."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest

from ppgan_ext.errors import WeightsError
from ppgan_ext.faces import models
from ppgan_ext.weights import dlib_models, identity_networks, readers
from tests.reference import dlib_files
from tests.reference.dlib_files import ToyFaceNet


@pytest.fixture(scope="module")
def toy():
    return ToyFaceNet(2)


@pytest.fixture(scope="module")
def data(toy):
    return dlib_files.network(toy.records)


@pytest.mark.parametrize("versions", [(4, 1, 1, 2), (5, 2, 2, 3), (6, 1, 2, 2)])
def test_all_numbers_are_read(tmp_path, versions):
    toy = ToyFaceNet(2, versions)
    content = readers.read(toy.write(tmp_path / "net.dat"))
    assert content.pop("layers") == toy.layers
    assert set(content) == set(toy.arrays)
    for name, array in toy.arrays.items():
        assert content[name].dtype == (np.int64 if array.dtype.kind == "i" else np.float32), name
        np.testing.assert_array_equal(content[name], array, err_msg=name)


def test_the_format_is_recognised_by_content(tmp_path, toy):
    assert readers.identify(toy.write(tmp_path / "model.pt")) == "dlib-dat"


def test_dlibs_own_file():
    content = readers.read(models.descriptor_file())
    layers = content["layers"]
    assert [layers.count(kind) for kind in ("con", "affine", "relu", "add_prev", "fc")] == [29, 29, 29, 14, 1]
    assert content["con1.weight"].shape == (32, 3, 7, 7)
    assert content["con29.weight"].shape == (256, 256, 3, 3)
    assert content["fc1.weight"].shape == (256, 128)
    assert content["input.size"].tolist() == [150, 150]
    np.testing.assert_allclose(content["input.mean"], [122.782, 117.001, 104.298], rtol=1e-6)
    num_numbers = sum(array.size for name, array in content.items() if name.endswith((".weight", ".bias")))
    assert num_numbers == 5_614_592
    # Nothing significant is left over in the file.
    assert models.descriptor_file().stat().st_size - 4 * num_numbers < 10_000


def test_loading_it_as_another_model_is_refused():
    from ppgan_ext.weights.load import load_face_model

    with pytest.raises(WeightsError, match="none of the known layouts"):
        load_face_model(weight_path=models.descriptor_file())


@pytest.mark.parametrize("share", [0.0003, 0.01, 0.1, 0.5, 0.9, 0.9999])
def test_truncated(tmp_path, data, share):
    path = tmp_path / "cut.dat"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match=r"cut\.dat: .*(truncated or damaged|known format).*\. .+\."):
        readers.read(path)


def test_truncated_at_every_byte_of_the_head(tmp_path, data):
    path = tmp_path / "cut.dat"
    for length in range(10, 600):
        path.write_bytes(data[:length])
        with pytest.raises(WeightsError, match="truncated or damaged"):
            readers.read(path)


@pytest.mark.slow
def test_changed_bytes_never_do_more_than_raise(tmp_path, data):
    path = tmp_path / "odd.dat"
    rng = np.random.default_rng(0)
    num_refused = 0
    # Change the structure, not the numbers: headers of layers are spread over the whole file.
    starts = [match.start() for match in re.finditer(rb"con_4|affine_|relu_|_pool_2|add_prev_|fc_2", data)]
    for _ in range(400):
        changed = bytearray(data)
        changed[max(int(rng.choice(starts)) + int(rng.integers(-4, 24)), 10)] = int(rng.integers(256))
        path.write_bytes(changed)
        try:
            readers.read(path)
        except WeightsError as error:
            assert "\n" not in str(error)
            assert error.cure
            num_refused += 1
    assert num_refused > 200


@pytest.mark.parametrize("sizes", [(2**62, 2**62, 1, 1), (2**40, 1, 1, 1), (-1, -1, 8, 8)])
def test_a_lying_length_costs_no_memory(tmp_path, toy, sizes):
    claim = dlib_files.integer(2) + b"".join(dlib_files.integer(side) for side in sizes)
    lie = dlib_files.text("con_4") + claim + toy.records[0][20:]
    path = tmp_path / "lie.dat"
    path.write_bytes(dlib_files.network([lie, *toy.records[1:]]))
    tracemalloc.start()
    with pytest.raises(WeightsError, match=r"truncated or damaged \((it ends at byte|a tensor of \(-1)"):
        readers.read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20 + 2 * path.stat().st_size


def test_endless_layers_are_refused(tmp_path):
    path = tmp_path / "deep.dat"
    head = dlib_files.integer(1) + dlib_files.text("loss_metric_")
    path.write_bytes(head + 2_000_000 * dlib_files.integer(2))
    with pytest.raises(WeightsError, match="more than 1000 layers"):
        readers.read(path)


def changed_network(toy, **changes):
    records = list(toy.records)
    if "first_layer" in changes:
        records[0] = changes.pop("first_layer")
    if "second_layer" in changes:
        records[1] = changes.pop("second_layer")
    return dlib_files.network(records, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": dlib_files.text("loss_mmod")}, "the loss 'loss_mmod', which is not supported"),
        ({"first": dlib_files.text("input<matrix>")}, "the input 'input<matrix>', which is not supported"),
        ({"second_layer": dlib_files.text("bn_con2")}, "the layer 'bn_con2', which is not supported"),
        (
            {"second_layer": dlib_files.affine(np.ones(2), np.ones(2), version=2, disabled=b"1")},
            "a disabled layer, which is not supported",
        ),
        ({"first": dlib_files.text("input_rgb_image_sized") + dlib_files.integer(0) + dlib_files.integer(32002)},
         "a number that is not finite"),
        ({"second_layer": dlib_files.text("affine_") + dlib_files.tensor(np.ones([2, 3, 1, 1]))
          + 2 * dlib_files.alias(1, 2, 1, 1) + dlib_files.integer(0)}, "numbers do not fit its shapes"),
    ],
)  # fmt: skip
def test_unsupported_content_is_named(tmp_path, toy, changes, message):
    path = tmp_path / "other.dat"
    path.write_bytes(changed_network(toy, **changes))
    with pytest.raises(WeightsError, match=f"other.dat: .*{message}"):
        readers.read(path)


def test_bytes_after_the_end(tmp_path, data):
    path = tmp_path / "long.dat"
    path.write_bytes(data + b"abc")
    with pytest.raises(WeightsError, match="3 bytes follow its end"):
        readers.read(path)


def test_a_landmark_model_is_not_a_network():
    with pytest.raises(WeightsError, match="is not a dlib network"):
        identity_networks.load_dlib_face_net(models.landmark_file())


# ---- into the network


def test_a_network_is_built_in_the_files_width(tmp_path, toy):
    network = identity_networks.load_dlib_face_net(toy.write(tmp_path / "net.dat"))
    assert network.num_features == 8
    assert not network.training
    state = {name: array.numpy() for name, array in network.state_dict().items()}
    arrays = toy.arrays
    scale = arrays["affine3.weight"]
    np.testing.assert_allclose(state["blocks.0.conv2.weight"], arrays["con3.weight"] * scale[:, None, None, None])
    expected = arrays["con3.bias"] * scale + arrays["affine3.bias"]
    np.testing.assert_allclose(state["blocks.0.conv2.bias"], expected, rtol=1e-6)


def content_of(toy):
    return {"layers": list(toy.layers), **toy.arrays}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": ["con", "relu"]}, "a dlib network other than its face recognition network"),
        ({"input.size": np.array([150, 151])}, "not for images of 150 px"),
        ({"input.mean": np.float32([122.782, 117.001, 100])}, "not for images of 150 px with dlib's mean"),
        ({"con5.geometry": np.array([3, 3, 1, 2, 1, 1])}, r"another window, stride or padding \(con5\)"),
        ({"max_pool1.geometry": np.array([2, 2, 2, 2, 0, 0])}, r"\(max_pool1\)"),
        (
            {"affine7.weight": np.ones(5, np.float32)},
            r"blocks\.2\.conv2 has no filters, or the layer after it has another width",
        ),
        (
            {
                name: array[:0]
                for name, array in ToyFaceNet(1).arrays.items()
                if name.startswith(("con1.w", "con1.b", "affine1."))
            },
            "stem has no filters",
        ),
        ({"fc1.weight": np.ones([16, 9], np.float32)}, r"fc\.weight 16x9 instead of 16x8"),
    ],
)
def test_another_network_is_refused(monkeypatch, tmp_path, toy, change, message):
    path = tmp_path / "net.dat"
    path.touch()
    monkeypatch.setattr(readers, "read", lambda file: content_of(toy) | change)
    with pytest.raises(WeightsError, match=message) as caught:
        identity_networks.load_dlib_face_net(path)
    assert "net.dat" in str(caught.value)
    assert dlib_models.DESCRIPTOR in caught.value.cure


def test_a_missing_file(tmp_path, monkeypatch):
    with pytest.raises(WeightsError, match="no such file"):
        identity_networks.load_dlib_face_net(tmp_path / "none.dat")
    monkeypatch.setattr(dlib_models, "package_folder", lambda: tmp_path)
    with pytest.raises(WeightsError, match="pip install face_recognition_models"):
        identity_networks.load_dlib_face_net()
