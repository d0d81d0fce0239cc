"""What results look like in a notebook, and what a batch says about its failures."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import PIL.Image
import PIL.ImageShow
import pytest

from ppgan_ext.apps.batch import BatchResult, Job, Outcome, open_inputs
from ppgan_ext.apps.codes.encode import EncodeResult
from ppgan_ext.apps.codes.mix import MixingResult, is_photo
from ppgan_ext.apps.fusion.photo_pairs import same_file
from ppgan_ext.apps.photo.age import AgeResult
from ppgan_ext.apps.results import Made
from ppgan_ext.apps.shown_results import describe
from ppgan_ext.errors import ConfigError, InputError, OutputError
from ppgan_ext.types import Box, Face, Pose


def picture(shade, height=40, width=60):
    return np.full((height, width, 3), shade, np.uint8)


@pytest.fixture
def aged():
    code = np.zeros((12, 512), np.float32)
    return AgeResult(picture(10), [picture(20), picture(30)], [code], picture(40, 30, 90), [34.5678])


@pytest.fixture
def mixed():
    return MixingResult(picture(1), picture(2), picture(3), np.ones((12, 512), np.float32))


def opened(content):
    return np.asarray(PIL.Image.open(io.BytesIO(content)).convert("RGB"))


def test_text_names_sizes_and_figures(aged):
    expected = "AgeResult(src=image 60x40, dst=[2 x image 60x40], latent=[float32 (12, 512)], strip=image 90x30, "
    assert repr(aged) == f"{expected}apparent_age=[34.6])"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Pose(12.3, -4.5, 0.0), "yaw +12 pitch -4 roll +0"),
        (Face(Box(0, 0, 30, 20), np.zeros((68, 2))), "face 30x20"),
        ({str(number): 0 for number in range(20)}, "{0, 1, 2, 3, 4, 5, and 14 more}"),
        ("x" * 100, "'" + "x" * 56 + "..."),
        (None, "None"),
        ([], "[]"),
    ],
)
def test_values_are_described_shortly(value, expected):
    assert describe(value) == expected


def test_a_notebook_shows_a_picture_that_is_marked_and_not_large():
    result = EncodeResult(picture(10, 3000, 2000), picture(200, 3000, 2000), np.zeros((12, 512), np.float32))
    png = result._repr_png_()
    with PIL.Image.open(io.BytesIO(png)) as shown:
        assert shown.size == (1024, 768)
        assert "ppgan_ext" in shown.info["Software"]
    assert opened(png)[400, [100, 900]].tolist() == [[10] * 3, [200] * 3]


def test_of_several_ages_the_strip_is_shown_and_all_photos_are_the_image(aged):
    assert opened(aged._repr_png_()).tolist() == aged.strip.tolist()
    assert aged.image.shape == (40, 120, 3) and aged.image[0, [0, 119], 0].tolist() == [20, 30]
    assert aged._replace(dst=[picture(5)]).image is not None
    assert aged._replace(dst=[picture(5)]).image[0, 0, 0] == 5


def test_save_writes_the_image_with_its_mark(aged, tmp_path):
    path = aged.save(tmp_path / "a.png")
    with PIL.Image.open(path) as written:
        assert np.asarray(written).tolist() == aged.image.tolist()
        assert "compositeWithTrainedAlgorithmicMedia" in written.info["XML:com.adobe.xmp"]
    with pytest.raises(ConfigError, match=r"\.tiff"):
        aged.save(tmp_path / "a.tiff")


def test_show_opens_a_viewer_or_says_that_there_is_none(aged, monkeypatch):
    shown = []
    monkeypatch.setattr(PIL.ImageShow, "show", lambda image, title: shown.append((image.size, title)) or True)
    aged.show()
    assert shown == [((90, 30), "AgeResult")]
    monkeypatch.setattr(PIL.ImageShow, "show", lambda image, title: False)
    with pytest.raises(OutputError, match="no program here to show pictures"):
        aged.show()


def test_a_mixture_unpacks_to_three_pictures_and_keeps_its_code(mixed):
    first, second, mixture = mixed
    assert (first[0, 0, 0], second[0, 0, 0], mixture[0, 0, 0]) == (1, 2, 3)
    changed = mixed._replace(dst=picture(9))
    for same in (mixed, changed, copy.copy(mixed), pickle.loads(pickle.dumps(mixed))):
        assert isinstance(same, MixingResult) and len(same) == 3
        assert same.latent.shape == (12, 512) and same.latent.min() == 1
    assert changed.image[0, 0, 0] == 9


def test_a_batch_says_what_failed(aged):
    batch = BatchResult()
    assert repr(batch) == "<BatchResult: 0 of 0 done, 0 failed>"
    batch.add(Outcome(Job("a.jpg", "a"), Made(aged), None))
    batch.add(Outcome(Job("b\n.jpg", "b"), None, InputError("no <such> file")))
    assert repr(batch).splitlines() == [
        "<BatchResult: 1 of 2 done, 1 failed, each AgeResult>", r"  failed: b\x0a.jpg: no <such> file",
    ]  # fmt: skip
    page = batch._repr_html_()
    assert "1 of 2 done, 1 failed" in page and "no &lt;such&gt; file" in page
    assert page.count("data:image/png;base64,") == 1
    batch.extend([aged] * 20)
    assert batch._repr_html_().count("<img") == 12 and "and 9 more" in batch._repr_html_()


def test_files_in_memory_are_inputs_and_are_read_at_once(tmp_path):
    content = io.BytesIO()
    PIL.Image.fromarray(picture(7)).save(content, "PNG")
    with (tmp_path / "a.png").open("w+b") as file:
        file.write(content.getvalue())
        inputs = open_inputs([content.getvalue(), content, file, bytearray(content.getvalue())])
    assert [job.stem for job in inputs.jobs] == ["image", "image-2", "image-3", "image-4"]
    assert [job.source for job in inputs.jobs] == [content.getvalue()] * 4
    assert is_photo(inputs.jobs[0].source) and same_file(inputs.jobs[0].source, inputs.jobs[1].source)


def test_what_is_no_file_fails_alone(tmp_path):
    (tmp_path / "a.txt").write_text("words")
    with (tmp_path / "a.txt").open() as text:
        inputs = open_inputs([text, 7, "https://example.org/a.jpg"])
    texts = [str(job.problem) for job in inputs.jobs]
    assert "opened as text. Open it with open(path, 'rb')" in texts[0]
    assert "cannot use a int" in texts[1] and "Give a path" in texts[1]
    assert "web addresses are not opened" in texts[2]
