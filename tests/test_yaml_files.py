"""YAML of any size, depth and entanglement is read or refused at a bounded cost; names stay as they were written."""

from __future__ import annotations

import os
from pathlib import Path

import pydantic
import pytest

from ppgan_ext import config, yaml_files
from ppgan_ext.errors import ConfigError, PpganExtError


class Block(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    dataroot: str | None = None
    folders: list[str] = []
    ratio: float = 0.0
    count: int = 1


class Model(Block):
    train: Block = Block()


def laughs(merge=False):
    """Nine lines of nine aliases each: 9**9 values, or as many merged keys."""
    lines = ["a: &a {x: 1}" if merge else "a: &a [lol]"]
    for before, name in zip("abcdefghi", "bcdefghij", strict=True):
        aliases = ",".join([f"*{before}"] * 9)
        lines.append(f"{name}: &{name} {{<<: [{aliases}], {name}: 1}}" if merge else f"{name}: &{name} [{aliases}]")
    return "\n".join(lines)


TOO_MUCH = {
    "aliases": laughs(),
    "merge keys": laughs(merge=True),
    "many keys": "".join(f"k{index}: 1\n" for index in range(yaml_files.MAX_NODES)),
    "deep lists": "a: " + "[" * 5000,
    "deep blocks": "".join(f"{' ' * index}a:\n" for index in range(200)),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", TOO_MUCH)
def test_what_is_too_much_is_refused(kind):
    with pytest.raises(ConfigError, match="file: refused: it"):
        yaml_files.load(TOO_MUCH[kind], "file")


def test_a_file_that_is_too_long_is_not_read(tmp_path):
    path = tmp_path / "long.yaml"
    path.write_text(f"# {'x' * yaml_files.MAX_BYTES}\n")
    with pytest.raises(PpganExtError, match="has more than 1,048,576 bytes"):
        config.read_yaml(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("b: 1\na: !!bool abc", r"file:2: is not YAML: 'abc' is not a value of the type bool"),
        ("a: !!timestamp x", "'x' is not a value of the type timestamp"),
        ("a: !!int ''", "is not a value of the type int"),
        (f"a: {'9' * 5000}", "is not a value of the type int"),
        (f"a: {'9' * 40}", "a number of more than 64 bits"),
        ("a: &a [*a]", "file:1: is not YAML: an alias inside of what it stands for"),
        ("a: &a\n  b: *a", "file:2: is not YAML: an alias inside of what it stands for"),
        ("a: *b", "undefined alias 'b'"),
        ("? [1, 2]\n: 3", "a key that is not a name"),
        ("a: !!set {? [1]}", "a key that is not a name"),
        ("a: {<<: 3}", "for merging"),
        ('a: "\\U00110000"', "is not YAML"),
        ("a: 1\nb: \0", r"file:2: is not YAML: a character that no text has \(#0\)"),
        ("a: 1\n---\nb: 1", "a single document"),
        ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
    ],
)
def test_what_is_not_yaml_is_named_with_its_line(text, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        yaml_files.load(text, "file")
    assert len(str(caught.value)) < 400


def test_aliases_and_merge_keys_within_reason_are_read():
    text = "base: &base {lr: 1, name: Adam}\nx: {<<: *base, lr: 2}\ny: [*base, *base]\n"
    data = yaml_files.load(text, "file").data
    assert data["x"] == {"lr": 2, "name": "Adam"}
    assert data["y"] == [{"lr": 1, "name": "Adam"}] * 2


@pytest.mark.parametrize(
    "name", ["2024", "001", "2024-12-01", "2024-13-01", "1_000", "0x10", "on", "no", "1e5", ".5", "1:30"]
)
def test_names_of_folders_stay_as_they_are_written(tmp_path, name):
    """YAML takes them for numbers, dates and truth values."""
    path = tmp_path / "a.yaml"
    path.write_text(f"train:\n  dataroot: {name}\nfolders: [a, {name}]\n")
    options = config.load_options(Model, path)
    assert (options.train.dataroot, options.folders) == (name, ["a", name])
    given = config.parse_overrides([f"dataroot={name}", f"folders=[{name}]", f"train.dataroot={name}"])
    options = config.load_options(Model, overrides=given)
    assert (options.dataroot, options.folders, options.train.dataroot) == (name, [name], name)


def test_values_that_are_no_text_keep_their_types(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("dataroot: null\nratio: 1\ncount: 007\n")
    options = config.load_options(Model, path)
    assert (options.dataroot, options.ratio, options.count) == (None, 1.0, 7)
    path.write_text("dataroot: 1\ncount: 2024-12-01\n")
    with pytest.raises(ConfigError, match=r"a\.yaml:2: count: input should be a valid integer"):
        config.load_options(Model, path)


def test_one_text_where_a_list_is_needed(tmp_path):
    class Listed(pydantic.BaseModel):
        names: list[str] = []
        years: list[float] = []

        @pydantic.field_validator("names", mode="before")
        @classmethod
        def _list(cls, value):
            return [value] if isinstance(value, str) else value

    path = tmp_path / "a.yaml"
    path.write_text("names: no\n")
    assert config.load_options(Listed, path).names == ["no"]
    path.write_text("years: on\n")
    with pytest.raises(ConfigError, match="years: input should be a valid list, got True"):
        config.load_options(Listed, path)


def test_keys_are_text():
    assert yaml_files.load("2024: a\non: b\n1.50: c\n", "file").data == {"2024": "a", "on": "b", "1.50": "c"}


def test_at_most_twenty_mistakes_are_told(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("".join(f"k{index}{'x' * 500}: 1\n" for index in range(57)))
    with pytest.raises(ConfigError) as caught:
        config.load_options(Model, path)
    heading, *told = str(caught.value).split("\n")
    assert heading == f"57 mistakes in {path}:"
    assert len(told) == 21
    assert told[0].startswith(f"  {path}:1: k0xxx")
    assert "unknown key" in told[19]
    assert told[20] == "  and 37 more"
    assert max(map(len, told)) < 500


def test_long_values_are_cut_in_messages():
    for value in ("x" * 100_000, list(range(10_000)), 10**5000):
        with pytest.raises(ConfigError) as caught:
            config.load_options(Model, overrides={"ratio": value, "count": "?"})
        assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("item", ["folders.²=1", "folders.9=1", f"folders.{'9' * 5000}=1", "folders.-1=1", "count.0=1"])
def test_places_that_do_not_exist(item):
    data = {"folders": ["a"], "count": 3}
    with pytest.raises(ConfigError, match="nothing to set") as caught:
        config.override(data, {}, config.parse_overrides([item]))
    assert len(str(caught.value)) < 400


SHARED = Path(__file__).resolve().parents[2] / "shared" / "failing"


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared inputs")
@pytest.mark.parametrize("name", sorted(os.listdir(SHARED)) if SHARED.is_dir() else [])
def test_the_shared_inputs_end_in_an_error_for_users(name):
    if not name.endswith(".yaml"):
        pytest.skip("not YAML")
    with pytest.raises(PpganExtError):
        config.load_options(Model, SHARED / name)
