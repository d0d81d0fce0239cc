"""What every predictor keeps to, with real networks at toy size. A new predictor needs one line in `CALLS`."""

from __future__ import annotations

import inspect
import io
import subprocess
import sys
import threading
import typing
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import PIL.Image
import pytest

from ppgan_ext import apps
from ppgan_ext.apps.batch import BatchResult, FailedInputsWarning
from ppgan_ext.apps.results import ResultFolder
from ppgan_ext.errors import ConfigError, PpganExtError
from tests.reference.toy_engine import PlainDistance
from tests.reference.toy_face_model import N_LATENT, PLAIN, names
from tests.reference.toy_translators import CARTOON, write_translators


@dataclass(frozen=True)
class Call:
    """A call of a predictor.

    Attributes:
        inputs: kinds of its inputs, by position; of the first there may be many, unless ``takes_many`` is False.
        fields: of the result, in PaddleGAN's order; empty where PaddleGAN returns the image itself.
        settings: the cheapest there are.
        model: what it calls its model if none is given; empty: one must be given.
    """

    inputs: tuple[str, ...]
    fields: str
    settings: dict[str, Any] = field(default_factory=dict)
    method: str = "run"
    takes_many: bool = True
    model: str = "faces-128"


FUSION = "image source_pose target_pose matched_pose identity_to_target identity_to_source images terms mask faces"
CALLS = [
    ("AgeEditingPredictor", Call(("photo",), "src dst latent strip apparent_age", {"years": [20], **PLAIN})),
    ("FaceFusionPredictor", Call(("photo", "other photo"), FUSION, {"method": "warp"})),
    ("Photo2CartoonPredictor", Call(("photo",), "", model="drawing")),
    ("Pixel2Style2PixelPredictor", Call(("photo",), "src dst latent")),
    ("StyleGANv2EditingPredictor", Call(("code",), "src dst latent", {"edit": {"age": 5}})),
    ("StyleGANv2EditingPredictor", Call(("photo",), "src dst latent", {"edit": {"age": 5}}, "run_photo")),
    ("StyleGANv2FittingPredictor", Call(("photo",), "src dst latent", {"step": 1})),
    ("StyleGANv2MixingPredictor", Call(("code", "photo"), "src1 src2 dst", takes_many=False)),
    ("StyleGANv2Predictor", Call((), "sample mixing_0 mixing_1 latent", {"n_row": 1, "n_col": 2}, takes_many=False)),
    ("TranslationPredictor", Call(("photo",), "src dst heatmap", {"scale_to": 32}, model="")),
]
every_call = pytest.mark.parametrize(("name", "call"), CALLS, ids=[f"{name}.{call.method}" for name, call in CALLS])
every_batch = pytest.mark.parametrize(
    ("name", "call"), [pair for pair in CALLS if pair[1].takes_many],
    ids=[f"{name}.{call.method}" for name, call in CALLS if call.takes_many],
)  # fmt: skip


@pytest.fixture(scope="module")
def sources(portrait, tmp_path_factory):
    """For each kind of input two good files and a bad one."""
    folder = tmp_path_factory.mktemp("inputs")
    for number, picture in enumerate((portrait, portrait[:, ::-1])):
        PIL.Image.fromarray(picture).save(folder / f"photo{number}.png")
        PIL.Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1])).save(folder / f"other{number}.png")
        np.save(folder / f"code{number}.npy", np.full((N_LATENT, 512), 0.1 * number, np.float32))
    (folder / "bad.png").write_bytes(b"no picture")
    (folder / "bad.npy").write_bytes(b"no code")
    return {
        "photo": [folder / "photo0.png", folder / "photo1.png", folder / "bad.png"],
        "other photo": [folder / "other0.png", folder / "other1.png", folder / "bad.png"],
        "code": [folder / "code0.npy", folder / "code1.npy", folder / "bad.npy"],
    }


OF_TRANSLATORS = ("Photo2CartoonPredictor", "TranslationPredictor")


@pytest.fixture(scope="module")
def cartoons(tmp_path_factory):
    return write_translators(tmp_path_factory.mktemp("weights") / "cartoons.pdparams", {"genA2B": CARTOON})


@pytest.fixture
def predictor(make, cartoons, tmp_path):
    def build(name, **settings):
        if name in OF_TRANSLATORS:
            return getattr(apps, name)(**{"weight_path": cartoons, "output_path": tmp_path / "out", **settings})
        built = make(getattr(apps, name), **settings)
        built.__dict__["perceptual"] = PlainDistance()
        return built

    return build


@pytest.fixture(scope="module")
def first_runs():
    return {}


@pytest.fixture
def made(first_runs, predictor, sources, name, call, tmp_path_factory):
    """The predictor and the result of one call with the seed 1; made once, for tests that only look at it."""
    key = (name, call.method)
    if key not in first_runs:
        tool = predictor(name, seed=1, output_path=tmp_path_factory.mktemp("made"))
        first_runs[key] = tool, run(tool, call, sources)
    return first_runs[key]


def run(predictor, call, sources, first=None, **settings):
    inputs = [sources[kind][0] for kind in call.inputs]
    if first is not None:
        inputs[0] = first
    return getattr(predictor, call.method)(*inputs, **{**call.settings, **settings})


def contents(folder):
    return {name: (folder / name).read_bytes() for name in names(folder)}


def test_every_predictor_keeps_to_it():
    assert {name for name, _ in CALLS} == set(apps.__all__)


@pytest.mark.slow
def test_importing_predictors_does_not_import_paddle():
    code = f"import sys; from ppgan_ext.apps import {', '.join(apps.__all__)}; sys.exit('paddle' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# One call


@pytest.mark.slow
@pytest.mark.parametrize(("name", "call"), [pair for pair in CALLS if not pair[1].takes_many])
def test_same_seed_same_bytes(made, predictor, sources, name, call, tmp_path):
    """The others are called again for a batch, which must make the same bytes."""
    run(predictor(name, seed=1, output_path=tmp_path), call, sources)
    assert contents(tmp_path) == contents(made[0].output_path) != {}


@pytest.mark.slow
@every_call
def test_without_an_output_path_nothing_is_written_and_a_photo_may_lie_in_memory(
    made, predictor, sources, name, call, tmp_path, monkeypatch
):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = names(tmp_path)
    tool = predictor(name, seed=1, output_path=None)
    is_photo = call.inputs[:1] == ("photo",)
    in_memory = io.BytesIO(sources["photo"][0].read_bytes()) if is_photo else None
    result = run(tool, call, sources, in_memory)
    assert result is not None
    assert names(tmp_path) == before and tool.files == []
    if is_photo:
        assert np.array_equal(picture(made[1]), picture(result))


@pytest.mark.slow
@every_call
def test_the_files_listed_are_those_written_and_pictures_are_marked(made, name, call):
    tool, _ = made
    folder = tool.output_path
    assert sorted(path.relative_to(folder).as_posix() for path in tool.files) == names(folder)
    assert not tool.interrupted
    pictures = [path for path in tool.files if path.suffix == ".png"]
    assert pictures
    for path in pictures:
        with PIL.Image.open(path) as picture:
            assert "ppgan_ext" in picture.info["Software"]
            assert "compositeWithTrainedAlgorithmicMedia" in picture.info["XML:com.adobe.xmp"]


@pytest.mark.slow
@every_call
def test_the_result_unpacks_as_paddlegans(made, name, call):
    _, result = made
    if not call.fields:
        assert isinstance(result, np.ndarray) and result.dtype == np.uint8 and result.shape[2] == 3
        return
    assert isinstance(result, tuple)
    assert result._fields == tuple(call.fields.split())
    assert len(result) == len(result._fields)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "call"), [pair for pair in CALLS if pair[1].fields])
def test_the_result_shows_itself(made, name, call, tmp_path):
    _, result = made
    assert len(repr(result)) < 600 and repr(result).startswith(f"{type(result).__name__}(")
    assert result._repr_png_().startswith(b"\x89PNG")
    assert result.image.dtype == np.uint8 and result.image.shape[2] == 3
    with PIL.Image.open(result.save(tmp_path / "result.png")) as written:
        assert np.array_equal(np.asarray(written), result.image)
    if "latent" not in call.fields and name not in ("FaceFusionPredictor", *OF_TRANSLATORS):
        assert result.latent.shape == (N_LATENT, 512)


@every_call
def test_a_predictor_names_its_model(predictor, name, call):
    if call.model:
        assert f"model='{call.model}'" in repr(predictor(name, weight_path=None))
    assert "model='mine.pdparams'" in repr(predictor(name, weight_path="mine.pdparams"))
    assert repr(predictor(name, output_path="there", seed=3)).endswith("output_path='there', seed=3)")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ppgan_ext.apps.photo.predictor.UnseenTuningWarning")
@every_call
def test_files_asked_for_need_an_output_path(predictor, sources, name, call):
    function = getattr(getattr(apps, name), call.method)
    wanted = [argument for argument in inspect.signature(function).parameters if argument.startswith("save_")]
    for argument in wanted:
        settings = {argument: True, **({"tune": 1} if argument == "save_tuned" else {})}
        with pytest.raises(ConfigError, match=f"{argument} would write nothing"):
            run(predictor(name, output_path=None), call, sources, **settings)


def picture(result):
    return result if isinstance(result, np.ndarray) else result.image


@every_batch
def test_a_web_address_is_refused_with_the_cure(predictor, sources, name, call):
    with pytest.raises(PpganExtError, match="Download the file"):
        run(predictor(name, output_path=None), call, sources, "https://example.org/face.jpg")


@every_call
def test_arguments_and_defaults_are_those_of_the_options_model(name, call):
    function = getattr(getattr(apps, name), call.method)
    model = typing.get_type_hints(function.__wrapped__)["options"]
    renamed = {"direction": "direction_name", "offset": "direction_offset"}
    own = ("self", *inspect.signature(function.__wrapped__).parameters)
    for argument in inspect.signature(function).parameters.values():
        if argument.name not in own and argument.default is not argument.empty:
            default = model.model_fields[renamed.get(argument.name, argument.name)].default
            assert argument.default in (default, None), argument.name


@every_call
def test_an_unknown_argument_names_the_nearest(predictor, sources, name, call):
    function = getattr(getattr(apps, name), call.method)
    argument = list(inspect.signature(function).parameters)[-1]
    with pytest.raises(ConfigError, match=f"unknown argument '{argument}s'. Did you mean '{argument}'"):
        run(predictor(name, output_path=None), call, sources, **{f"{argument}s": 1})


@pytest.mark.slow
@every_call
def test_ctrl_c_leaves_whole_files(predictor, sources, name, call, tmp_path, monkeypatch):
    """It comes when the second picture is to be written, of a batch where there can be one."""
    written, place = [], ResultFolder.place

    def interrupt(self, file):
        if not file.endswith(".png"):
            return place(self, file)
        written.append(file)
        if len(written) == 2:
            raise KeyboardInterrupt
        return place(self, file)

    monkeypatch.setattr(ResultFolder, "place", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(predictor(name), call, sources, sources[call.inputs[0]][:2] if call.takes_many else None)
    files = names(tmp_path / "out")
    assert written[0] in {file.rpartition("/")[2] for file in files}
    assert not [file for file in files if ".part-" in file]
    for file in files:
        if file.endswith(".png"):
            PIL.Image.open(tmp_path / "out" / file).load()


# A batch


@pytest.mark.slow
@every_batch
def test_a_bad_input_fails_alone_and_a_batch_makes_what_single_calls_make(
    made, predictor, sources, name, call, tmp_path
):
    good, other, bad = sources[call.inputs[0]]
    tool = predictor(name, seed=1)
    with pytest.warns(FailedInputsWarning, match="1 of 3 inputs failed") as told:
        result = run(tool, call, sources, [good, bad, other])
    assert bad.name in str(told[0].message)
    assert isinstance(result, BatchResult) and len(result) == 2
    assert [getattr(item, "_fields", ()) for item in result] == [tuple(call.fields.split())] * 2
    (failure,) = result.failures
    assert failure.result is None and isinstance(failure.error, PpganExtError)
    assert str(bad) in str(failure.error)
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in result.files) == names(tmp_path / "out")
    assert tool.files == result.files and not result.interrupted
    run(predictor(name, seed=1, output_path=tmp_path / "single"), call, sources, other)
    single = [*contents(made[0].output_path).values(), *contents(tmp_path / "single").values()]
    assert sorted(contents(tmp_path / "out").values()) == sorted(single)
    with pytest.raises(PpganExtError, match=bad.name):
        run(tool, call, sources, bad)


@pytest.mark.slow
@every_batch
def test_two_threads_do_not_mix_their_files(predictor, sources, name, call):
    tool, both_started = predictor(name), threading.Barrier(2)
    first, second = sources[call.inputs[0]][:2]

    def run_in_thread(photos):
        both_started.wait(timeout=60)
        return run(tool, call, sources, photos)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run_in_thread, ([first, second], [second, first])))
    for photos, result in zip(([first, second], [second, first]), results, strict=True):
        assert len(result) == 2 and result.files
        half = len(result.files) // 2
        for photo, files in zip(photos, (result.files[:half], result.files[half:]), strict=True):
            assert all(photo.stem in path.relative_to(tool.output_path).as_posix() for path in files)
