"""The tables of rules, and the check of names and shapes."""

import numpy as np
import pytest

from ppgan_ext.errors import WeightsError
from ppgan_ext.weights import rename
from ppgan_ext.weights.rename import Rule


def lopsided(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize(
    ("part", "source", "target", "turned"),
    [
        ("generator", "style.3.weight", "style.3.weight", True),
        ("generator", "style.3.bias", "style.3.bias", False),
        ("generator", "conv1.conv.weight", "conv1.conv.weight", False),
        ("generator", "convs.11.conv.modulation.weight", "convs.11.conv.modulation.weight", True),
        ("generator", "to_rgbs.2.conv.modulation.bias", "to_rgbs.2.conv.modulation.bias", False),
        ("generator", "to_rgbs.2.upsample.kernel", "to_rgbs.2.upsample.kernel", False),
        ("generator", "convs.0.noise.weight", "convs.0.noise.weight", False),
        ("generator", "noises.noise_10", "noises.noise_10", False),
        ("discriminator", "convs.2.conv2.2.bias", "convs.2.conv2.2.bias", False),
        ("discriminator", "convs.2.skip.1.weight", "convs.2.skip.1.weight", False),
        ("discriminator", "final_linear.1.weight", "final_linear.1.weight", True),
        ("encoder", "input_layer.1.running_mean", "input_layer.1._mean", False),
        ("encoder", "input_layer.2.weight", "input_layer.2._weight", False),
        ("encoder", "body.3.shortcut_layer.1.running_var", "body.3.shortcut_layer.1._variance", False),
        ("encoder", "body.23.res_layer.2.weight", "body.23.res_layer.2._weight", False),
        ("encoder", "body.23.res_layer.3.weight", "body.23.res_layer.3.weight", False),
        ("encoder", "body.0.res_layer.5.fc1.weight", "body.0.res_layer.5.fc1.weight", False),
        ("encoder", "styles.17.convs.10.weight", "styles.17.convs.10.weight", False),
        ("encoder", "styles.17.linear.weight", "styles.17.linear.weight", True),
        ("encoder", "latlayer2.bias", "latlayer2.bias", False),
        ("encoder", "output_layer_2.3.weight", "output_layer_2.3.weight", True),
        ("encoder", "linear.weight", "linear.weight", True),
    ],
)
def test_names_and_axes(part, source, target, turned):
    array = lopsided(2, 3)
    renamed, unknown = rename.rename({source: array}, rename.FROM_TORCH[part])
    assert unknown == []
    assert list(renamed) == [target]
    np.testing.assert_array_equal(renamed[target], array.T if turned else array)
    assert renamed[target].flags.c_contiguous


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("generator", "convs.0.conv.blur.kernel"),
        ("discriminator", "convs.1.conv2.0.kernel"),
        ("discriminator", "convs.1.skip.0.kernel"),
        ("encoder", "body.0.res_layer.4.num_batches_tracked"),
        ("encoder", "output_layer_2.0.num_batches_tracked"),
    ],
)
def test_arrays_that_paddle_does_not_store_are_dropped(part, name):
    assert rename.rename({name: lopsided(4)}, rename.FROM_TORCH[part]) == ({}, [])
    assert rename.has_torch_names([name, "other"])


@pytest.mark.parametrize(
    "name", ["conv1.blur.kernel", "style.x.weight", "xstyle.1.weight", "convs.0.conv.weight.1", ""]
)
def test_names_that_no_rule_matches(name):
    assert rename.rename({name: lopsided(1)}, rename.GENERATOR_FROM_TORCH) == ({}, [name])


def test_the_first_matching_rule_applies_and_templates_use_groups():
    rules = (Rule(r"a\.(\d)", r"b.\1.w"), Rule(r"a\..*", None))
    renamed, unknown = rename.rename({"a.1": lopsided(1), "a.x": lopsided(1), "c": lopsided(1)}, rules)
    assert (list(renamed), unknown) == (["b.1.w"], ["c"])


def test_paddle_names_are_not_mistaken_for_torch_names():
    assert not rename.has_torch_names(["to_rgbs.0.upsample.kernel", "input_layer.1._mean", "convs.1.conv2.1.weight"])


def test_all_faults_are_listed_together():
    actual = {"a": (2, 3), "extra": (1,), "same": (4,)}
    expected = {"a": (3, 2), "same": (4,), "gone": (5,)}
    with pytest.raises(WeightsError) as caught:
        rename.check_match(actual, expected, "w.pt", unknown=["odd"], cure="Do this")
    assert str(caught.value) == (
        "w.pt: the arrays do not fit the network: 1 missing (gone); 2 unexpected (extra, odd); "
        "1 of another shape (a 2x3 instead of 3x2). Do this."
    )


def test_long_lists_are_shortened_with_a_count():
    with pytest.raises(WeightsError, match=r"9 missing \(n0, n1, n2, n3, n4, n5, and 3 more\)"):
        rename.check_match({}, {f"n{index}": () for index in range(9)}, "w.pt")


def test_matching_names_pass():
    rename.check_match({"a": (), "b": (2,)}, {"b": (2,), "a": ()}, "w.pt")
