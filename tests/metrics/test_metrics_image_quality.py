"""PSNR and SSIM against scikit-image, LPIPS against the distance itself, each through a model's reconstructions."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
import skimage.metrics

from ppgan_ext.errors import ConfigError, InputError
from ppgan_ext.losses.perceptual import bundled_distance
from ppgan_ext.metrics import PSNR, SSIM, LPIPSMetric, ModelOutputs, paired_images
from ppgan_ext.metrics.image_quality import luma, psnr, ssim
from ppgan_ext.networks import StyleGANv2Discriminator
from tests.reference.toy import fill
from tests.reference.toy_metrics import ArraySource, SquareDistance

SIDE = 20


def photos(num, seed, shape=(SIDE, SIDE, 3)):
    return list(np.random.default_rng(seed).integers(0, 256, (num, *shape), dtype=np.uint8))


def reconstructing(copies):
    """``ModelOutputs.reconstruct`` that hands out given images one after the other."""
    rest = list(copies)

    def reconstruct(pixels):
        taken = [rest.pop(0) for _ in range(len(pixels))]
        return paddle.to_tensor(np.stack(taken).transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1)

    return reconstruct


def outputs_of(real, copies, size=SIDE):
    return ModelOutputs(ArraySource(real), reconstruct=reconstructing(copies), size=size)


def skimage_ssim(a, b):
    return skimage.metrics.structural_similarity(
        a, b, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(23, 37, 3), (11, 12, 1), (64, 48, 3)])
def test_ssim_and_psnr_match_scikit_image(shape):
    (photo,) = photos(1, 1, shape)
    noise = np.random.default_rng(2).normal(0, 20, shape)
    copy = np.clip(photo // 2 + 40 + noise, 0, 255).astype(np.uint8)
    assert ssim(copy, photo) == pytest.approx(skimage_ssim(copy, photo), abs=1e-9)
    assert psnr(copy, photo) == pytest.approx(skimage.metrics.peak_signal_noise_ratio(photo, copy), rel=1e-12)
    assert ssim(photo, photo) == pytest.approx(1.0, abs=1e-12)
    assert psnr(photo, photo) == float("inf")


def test_small_or_unlike_images_are_refused():
    with pytest.raises(InputError, match="sides of at least 11"):
        ssim(np.zeros((10, 30, 3)), np.zeros((10, 30, 3)))
    with pytest.raises(InputError, match="cannot be compared"):
        psnr(np.zeros((3, 4, 3)), np.zeros((4, 3, 3)))


def test_luma_is_bt_601():
    colours = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    expected = [16.0, 235.0, 81.481, 144.553, 40.966]
    np.testing.assert_allclose(luma(colours)[0, :, 0], expected, rtol=1e-9)


def test_figures_are_means_over_the_images():
    real, copies = photos(5, 1), photos(5, 2)
    assert PSNR({"batch_size": 2}).compute(outputs_of(real, copies)) == {
        "psnr": pytest.approx(np.mean([psnr(c, r) for c, r in zip(copies, real, strict=True)]))
    }
    assert SSIM().compute(outputs_of(real, copies)) == {
        "ssim": pytest.approx(np.mean([skimage_ssim(c, r) for c, r in zip(copies, real, strict=True)]), abs=1e-9)
    }


def test_paddlegans_options():
    real, copies = photos(2, 1), photos(2, 2)
    options = {"crop_border": 4, "test_y_channel": True, "input_order": "CHW"}
    figures = PSNR(options).compute(outputs_of(real, copies))
    expected = [psnr(luma(c[4:-4, 4:-4]), luma(r[4:-4, 4:-4])) for c, r in zip(copies, real, strict=True)]
    assert figures == {"psnr_y": pytest.approx(np.mean(expected))}
    assert list(SSIM({"test_y_channel": True}).compute(outputs_of(real, copies))) == ["ssim_y"]
    with pytest.raises(InputError, match="a border of 10 leaves nothing of 20 pixels"):
        PSNR({"crop_border": 10}).compute(outputs_of(real, copies))


def test_reconstructions_are_made_once_for_all_metrics(monkeypatch):
    real, copies = photos(5, 1), photos(5, 2)
    outputs = outputs_of(real, copies)
    first = PSNR({"batch_size": 2}).compute(outputs)
    assert SSIM({"batch_size": 3}).compute(outputs) == SSIM().compute(outputs_of(real, copies))
    assert PSNR({"batch_size": 4}).compute(outputs) == first
    outputs = outputs_of(real, copies)
    monkeypatch.setattr(paired_images, "MAX_CACHED_BYTES", 4 * SIDE * SIDE * 3)
    PSNR().compute(outputs)
    with pytest.raises(IndexError):
        PSNR().compute(outputs)  # too many to cache: they are requested again, and the toy has no more


def test_a_part_of_the_set_is_spread_evenly():
    real = photos(9, 1)
    seen = []

    def reconstruct(pixels):
        seen.extend(pixels)
        return pixels

    assert PSNR({"num": 3}).compute(ModelOutputs(ArraySource(real), reconstruct=reconstruct, size=SIDE))["psnr"] > 1e3
    assert [np.rint((p.transpose(1, 2, 0) + 1) * 127.5).astype(int)[0, 0].tolist() for p in seen] == [
        real[i][0, 0].tolist() for i in (0, 3, 6)
    ]


def test_damaged_photos_are_left_out():
    real = photos(3, 1)
    metric, seen = PSNR({"batch_size": 2}), []
    outputs = outputs_of([real[0], None, *real[1:]], photos(3, 2))
    figures = metric.compute(outputs, lambda done, total: seen.append((done, total)))
    assert figures == PSNR().compute(outputs_of(real, photos(3, 2)))
    assert "1 of 4 real images left out" in figures.notes[0]
    assert seen[-1] == (4, 4)


def test_a_reconstruction_of_another_size_is_refused():
    with pytest.raises(InputError, match=r"reconstructions: expected \(1, 3, 20, 20\), got \(1, 3, 10, 20\)"):
        PSNR().compute(outputs_of(photos(1, 1), photos(1, 2, (10, SIDE, 3))))


def test_models_that_do_not_reconstruct_are_refused():
    with pytest.raises(ConfigError, match="SSIM needs a model that reconstructs photos"):
        SSIM().compute(ModelOutputs(ArraySource(photos(1, 1)), size=SIDE))
    with pytest.raises(ConfigError, match="PSNR needs real images, and none are given"):
        PSNR().compute(ModelOutputs(reconstruct=lambda pixels: pixels, size=SIDE))
    with pytest.raises(ConfigError, match="the side of the images is unknown"):
        PSNR().compute(ModelOutputs(ArraySource(photos(1, 1)), reconstruct=lambda pixels: pixels))


# ---- LPIPS


def test_lpips_is_the_mean_distance_and_named_after_its_network():
    real, copies = photos(3, 1), photos(3, 2)
    figures = LPIPSMetric(None, SquareDistance()).compute(outputs_of(real, copies))
    scaled = [(np.asarray(c, float) - r) / 127.5 for c, r in zip(copies, real, strict=True)]
    assert figures == {"perceptual_square": pytest.approx(np.mean(np.square(scaled)), rel=1e-5)}


def test_lpips_itself_keeps_its_name():
    distance = SquareDistance()
    distance.name = "lpips-vgg16"
    assert list(LPIPSMetric(None, distance).compute(outputs_of(photos(1, 1), photos(1, 2)))) == ["lpips_vgg16"]


def test_lpips_on_a_real_network():
    network = StyleGANv2Discriminator(8, channel_base=32, channel_cap=6)
    fill(network)
    metric = LPIPSMetric(None, bundled_distance(network))
    real = photos(2, 1)
    assert metric.compute(outputs_of(real, real)) == {"perceptual_faces-128-features": pytest.approx(0, abs=1e-6)}
    assert metric.compute(outputs_of(real, photos(2, 2)))["perceptual_faces-128-features"] > 0.1


def test_lpips_options(tmp_path):
    LPIPSMetric({"net": "vgg", "version": 0.1, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]})
    for wrong, message in (
        ({"net": "alex"}, "net: input should be 'vgg'"),
        ({"mean": [0.4, 0.5, 0.5]}, r"mean: must be \[0.5, 0.5, 0.5\]"),
        ({"distance": "vgg"}, "distance: input should be 'lpips-vgg16' or 'faces-128-features'"),
        ({"weight_path": str(tmp_path / "none")}, "weight_path: no such file"),
    ):
        with pytest.raises(ConfigError, match=message):
            LPIPSMetric(wrong)
    file = tmp_path / "vgg"
    file.write_bytes(b"x")
    with pytest.raises(ConfigError, match="takes no file"):
        LPIPSMetric({"distance": "faces-128-features", "weight_path": str(file)})


@pytest.mark.parametrize("measure", [psnr, ssim])
@pytest.mark.parametrize("value", [-0.5, 256.0, np.nan])
def test_values_outside_of_0_to_255_are_refused(measure, value):
    good = np.full((16, 16, 3), 100.0)
    for pair in ((good, good * 0 + value), (good * 0 + value, good)):
        with pytest.raises(InputError, match="expected values from 0 to 255"):
            measure(*pair)
