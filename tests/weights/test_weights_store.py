"""The catalog's records, and the search for files."""

import hashlib
import json
import time
from pathlib import Path

import pytest

from ppgan_ext.errors import ConfigError, WeightsError
from ppgan_ext.weights import catalog, store
from ppgan_ext.weights.catalog import FileRecord


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Separate folders for all places that are searched."""
    monkeypatch.setenv("PPGAN_EXT_HOME", str(tmp_path / "explicit"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(catalog, "BUNDLED_FOLDER", tmp_path / "bundled")
    cache = tmp_path / ".cache"
    return [
        tmp_path / "explicit", cache / "ppgan_ext", cache / "ppgan", cache / "paddle" / "hapi" / "weights",
        tmp_path / "bundled",
    ]  # fmt: skip


def put(folder, name, content=b"x"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


# ---- catalog


def test_all_names_of_paddlegan_exist():
    assert set(catalog.MODELS) == {
        "faces-128", "ffhq-config-f", "animeface-512", "ffhq-inversion", "ffhq-toonify", "default",
    }  # fmt: skip
    assert catalog.MODELS[catalog.DEFAULT_MODEL].has_encoder


@pytest.mark.parametrize("name", list(catalog.MODELS))
def test_every_record_is_complete(name):
    record = catalog.MODELS[name]
    assert record.name == name
    assert record.crop in ("ffhq", "tight")
    assert record.value_range == (-1.0, 1.0)
    assert record.n_latent == {1024: 18, 512: 16, 256: 14, 128: 12, 64: 10}[record.size]
    assert record.kind == ("encoder" if record.has_encoder else "generator")
    assert record.papers
    assert record.licence
    for file in (record.weights, record.directions):
        if file is not None:
            assert file.bundled != bool(file.url)
            assert file.url is None or file.url == f"https://paddlegan.bj.bcebos.com/models/{file.name}"
            assert file.min_bytes >= 1
            assert file.licence


@pytest.mark.parametrize(
    ("name", "file", "size", "has_encoder"),
    [
        ("ffhq-config-f", "stylegan2-ffhq-config-f.pdparams", 1024, False),
        ("animeface-512", "stylegan2-animeface-512.pdparams", 512, False),
        ("ffhq-inversion", "pSp-ffhq-inversion.pdparams", 1024, True),
        ("ffhq-toonify", "pSp-ffhq-toonify.pdparams", 1024, True),
    ],
)
def test_paddlegans_files(name, file, size, has_encoder):
    record = catalog.find(name)
    assert (record.weights.name, record.size, record.crop) == (file, size, "ffhq")
    assert record.has_encoder is has_encoder


def test_find():
    assert catalog.find("ffhq-toonify").has_encoder
    with pytest.raises(ConfigError, match=r"no model 'faces128'. Did you mean 'faces-128'"):
        catalog.find("faces128")
    with pytest.raises(ConfigError, match=r"'ffhq-config-f' has no encoder.*Choose from: faces-128, ffhq-inversion"):
        catalog.find("ffhq-config-f", kind="encoder")
    with pytest.raises(ConfigError, match="Choose from: default, faces-128, ffhq-inversion, ffhq-toonify"):
        catalog.find("nothing-like-it", kind="encoder")
    assert catalog.find("faces-128", kind="generator").name == "faces-128"


def test_records_cannot_be_changed():
    with pytest.raises(AttributeError):
        catalog.MODELS["ffhq-toonify"].crop = "tight"


def test_bundled_record_comes_from_the_json_beside_the_file(tmp_path):
    facts = {
        "size": 256, "channel_base": 4096, "channel_cap": 64, "n_mlp": 4, "style_dim": 512, "crop": "ffhq",
        "licence": "free", "provenance": "here", "encoder_passes": 3, "sha256": {"faces-128.safetensors": "ab"},
    }  # fmt: skip
    (tmp_path / "faces-128.json").write_text(json.dumps(facts))
    record = catalog._bundled_model(tmp_path)
    assert (record.size, record.channel_base, record.channel_cap, record.n_mlp) == (256, 4096, 64, 4)
    assert (record.crop, record.licence, record.provenance) == ("ffhq", "free", "here")
    assert (record.weights.sha256, record.directions.sha256) == ("ab", None)
    assert (record.n_latent, record.encoder_passes) == (14, 3)


@pytest.mark.parametrize("text", ["{", "[]", '{"size": "large"}', '{"sha256": 3}'])
def test_damaged_json_of_the_bundled_model(tmp_path, text):
    (tmp_path / "faces-128.json").write_text(text)
    with pytest.raises(WeightsError, match=r"faces-128\.json: the record of the bundled model is damaged"):
        catalog._bundled_model(tmp_path)


# ---- places


def test_order_of_the_places(places):
    record = FileRecord("model.pdparams", bundled=True)
    for folder in reversed(places):
        expected = put(folder, "model.pdparams")
        assert store.find_local(record) == expected
        assert store.locate(record) == expected


def test_the_bundled_folder_counts_only_for_bundled_files(places):
    put(places[-1], "model.pdparams")
    assert store.find_local(FileRecord("model.pdparams")) is None


def test_home_without_the_variable(monkeypatch, tmp_path):
    monkeypatch.delenv("PPGAN_EXT_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert store.home() == tmp_path / ".cache" / "ppgan_ext"
    assert store.search_folders()[0] == store.home()
    assert len(store.search_folders()) == len(set(store.search_folders())) == 3


def test_an_explicit_path_wins(places, tmp_path):
    put(places[0], "model.pdparams")
    mine = put(tmp_path / "mine", "m.pt")
    assert store.locate(FileRecord("model.pdparams"), mine) == mine
    with pytest.raises(WeightsError, match=r"gone\.pt: no such file"):
        store.locate(FileRecord("model.pdparams"), tmp_path / "gone.pt")


def test_a_file_with_a_wrong_hash_is_skipped(places):
    digest = hashlib.sha256(b"right").hexdigest()
    put(places[0], "model.pdparams", b"wrong")
    right = put(places[2], "model.pdparams", b"right")
    assert store.find_local(FileRecord("model.pdparams", sha256=digest.upper())) == right


def test_missing_files_say_what_to_do(places):
    with pytest.raises(WeightsError, match=r"faces\.safetensors is missing or damaged\. Install the package"):
        store.locate(FileRecord("faces.safetensors", bundled=True))
    with pytest.raises(WeightsError, match=f"mine.pdparams is missing or damaged. Put it into {places[0]}"):
        store.locate(FileRecord("mine.pdparams"))


# ---- hashes


def test_hash_of_small_and_large_files(places, tmp_path, monkeypatch):
    """A large file is hashed once, and again when it has changed."""
    monkeypatch.setattr(store, "_REMEMBERED_BYTES", 10)
    large = put(tmp_path, "large", b"0123456789ab")
    small = put(tmp_path, "small", b"012")
    assert store.file_hash(small) == hashlib.sha256(b"012").hexdigest()
    assert not (places[0] / "hashes.json").exists()
    assert store.file_hash(large) == hashlib.sha256(b"0123456789ab").hexdigest()
    real, calls = store.hash_file, []
    monkeypatch.setattr(store, "hash_file", lambda path: calls.append(path) or real(path))
    assert store.file_hash(large) == hashlib.sha256(b"0123456789ab").hexdigest()
    assert calls == []
    time.sleep(0.01)
    large.write_bytes(b"ba9876543210")
    assert store.file_hash(large) == hashlib.sha256(b"ba9876543210").hexdigest()
    assert len(calls) == 1


@pytest.mark.parametrize("text", ["{", "[]", '{"x": 3}', '{"PATH": "y"}'])
def test_damaged_notebook_of_hashes(places, tmp_path, monkeypatch, text):
    monkeypatch.setattr(store, "_REMEMBERED_BYTES", 10)
    large = put(tmp_path, "large", b"0123456789ab")
    put(places[0], "hashes.json", text.replace("PATH", str(large)).encode())
    assert store.file_hash(large) == hashlib.sha256(b"0123456789ab").hexdigest()


def test_a_read_only_home_only_costs_time(places, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_REMEMBERED_BYTES", 10)
    places[0].write_text("a file where the folder should be")
    large = put(tmp_path, "large", b"0123456789ab")
    assert store.file_hash(large) == hashlib.sha256(b"0123456789ab").hexdigest()


def test_hash_of_a_missing_file(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read"):
        store.file_hash(tmp_path / "gone")
