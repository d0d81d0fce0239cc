"""Every text is there in both languages; what the layers below say in English has a Chinese twin."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ppgan_ext.apps.codes.options import FitOptions, GenerateOptions, MixOptions
from ppgan_ext.apps.fusion.options import FuseOptions
from ppgan_ext.apps.fusion.remarks import fusion_notes
from ppgan_ext.apps.options import literal_choices
from ppgan_ext.apps.photo.direction_table import describe_model_directions, range_notes, tooth_notes
from ppgan_ext.apps.photo.options import AgeOptions, EditOptions
from ppgan_ext.apps.translation.options import CartoonOptions
from ppgan_ext.config import load_options
from ppgan_ext.errors import ConfigError, InputError, NoFaceError, WeightsError
from ppgan_ext.faces.choice import choose
from ppgan_ext.faces.pose import Pose
from ppgan_ext.latents.directions import Direction
from ppgan_ext.picture_decoding import decode_file, picture_size
from ppgan_ext.web import message_texts, option_texts
from ppgan_ext.web.controls import option_names
from ppgan_ext.web.languages import Text
from ppgan_ext.web.message_texts import tell_error, tell_licence, tell_note, tell_progress
from ppgan_ext.web.tabs.about import describe_machine
from ppgan_ext.web.texts import TEXTS, speaker
from ppgan_ext.weights import catalog

ROOT = Path(__file__).resolve().parents[2]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
MODELS = [AgeOptions, EditOptions, FuseOptions, MixOptions, FitOptions, GenerateOptions, CartoonOptions]
# The name of the other language, and units that both languages write alike.
SAME_OR_TURNED = {"other_language"}


def tables():
    yield from TEXTS.items()
    for table in (option_texts.CHOICES, option_texts.DIRECTIONS, option_texts.UNITS):
        yield from table.items()
    yield from (("unexpected", message_texts.UNEXPECTED), ("face", message_texts.FACE))


def names_in(text):
    return sorted(re.findall(r"\{(\w*)\}", text))


@pytest.mark.parametrize(("key", "text"), [pytest.param(key, text, id=key) for key, text in tables()])
def test_both_languages_say_it_with_the_same_values(key, text):
    assert isinstance(text, Text)
    assert names_in(text.zh) == names_in(text.en)
    assert bool(text.zh) == bool(text.en)
    assert not CHINESE.search(text.en) or key in SAME_OR_TURNED
    if len(text.en) > 4 and key not in SAME_OR_TURNED:
        assert CHINESE.search(text.zh)


def test_every_text_is_used_and_every_used_text_exists():
    used = set()
    for file in (ROOT / "ppgan_ext" / "web").rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        used |= set(re.findall(r"[\"'](\w+)[\"']", source)) if file.name != "texts.py" else set()
        used |= {f"tab_{name}" for name in re.findall(r'\("(\w+)", build_\w+\)', source)}
        if "share_{level}" in source:
            used |= {f"share_{level}" for level in ("coarse", "middle", "fine")}
        if "photo_{number}" in source:
            used |= {"photo_1", "photo_2"}
        for call in re.findall(r"say\(\s*[\"'](\w+)[\"']", source):
            assert call in TEXTS, f"{file.name}: {call}"
    assert sorted(set(TEXTS) - used) == []


@pytest.mark.parametrize("model", MODELS)
def test_every_option_of_the_page_has_a_name_and_explanation_without_flags(model):
    for name in option_names(model, also=("seed",)):
        if name in (
            "years",
            "target_age",
            "direction_name",
            "direction_offset",
            "levels",
            "need_align",
            "faces",
            "paste",
        ):
            continue  # tabs ask for these in their own ways
        for text in option_texts.OPTIONS[name]:
            assert CHINESE.search(text.zh) and text.en and not CHINESE.search(text.en), name
            assert not re.search(r"--|\w_\w|safetensors", text.zh + text.en), name
        for word in literal_choices(model.model_fields[name].annotation):
            assert word in option_texts.CHOICES, word


def test_every_direction_of_the_bundled_model_has_a_name():
    infos = describe_model_directions(None)
    assert len(infos) == 16
    assert {info.name for info in infos} <= set(option_texts.DIRECTIONS)
    assert {info.unit for info in infos} <= set(option_texts.UNITS)


def progress_tasks():
    """Yield the literal tasks of all progress reports of the applications, with 1 for every value in them."""
    for file in sorted((ROOT / "ppgan_ext" / "apps").rglob("*.py")):
        if "studies" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
                "progress", "show_step", "tuner",
            ):  # fmt: skip
                for argument in node.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value
                    elif isinstance(argument, ast.JoinedStr):
                        yield "".join(part.value if isinstance(part, ast.Constant) else "1" for part in argument.values)


def test_all_progress_is_told_in_chinese():
    tasks = {task.replace("drawing the 1", "drawing the GIF") for task in progress_tasks()}
    assert {"editing", "fitting", "refining face 1", "drawing the MP4"} <= tasks
    untold = [task for task in sorted(tasks) if ":" not in task and not CHINESE.search(tell_progress(task, "zh"))]
    assert untold == []


def errors(tmp_path):
    def raised(call):
        with pytest.raises((ConfigError, InputError, NoFaceError)) as found:
            call()
        return found.value

    text = tmp_path / "a.jpg"
    text.write_text("none")
    broken = tmp_path / "b.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 40)
    yield raised(lambda: choose([], "all"))
    yield raised(lambda: choose([None], [3]))
    yield raised(lambda: choose([None, None], [3]))
    yield raised(lambda: picture_size(text))
    yield raised(lambda: decode_file(broken))
    yield raised(lambda: load_options(FuseOptions, overrides={"identity": 3}))
    yield raised(lambda: load_options(FuseOptions, overrides={"identity": -3, "shape": "wide"}))
    yield raised(lambda: load_options(AgeOptions, overrides={"photo_format": "bmp"}))
    yield raised(lambda: load_options(AgeOptions, overrides={"edit": ["smile"]}))
    yield raised(lambda: load_options(AgeOptions, overrides={"layers": ["top"]}))
    yield raised(lambda: load_options(FitOptions, overrides={"latent_level": ["wide"]}))
    yield raised(lambda: load_options(AgeOptions, overrides={"save_tuned": True}))
    yield raised(lambda: load_options(FuseOptions, overrides={"method": "warp", "refine": 10}))


def test_errors_say_what_and_the_cure_in_chinese_without_english_words(tmp_path):
    for error in errors(tmp_path):
        told = tell_error(error, "zh")
        assert CHINESE.search(told), told
        english = re.findall(r"[A-Za-z]{4,}", told)
        assert set(english) <= {"JPEG", "coarse", "middle", "fine", "webp", "wide", "smile"}, told
        assert str(tmp_path) not in told


def test_errors_in_english_name_no_flag_and_no_folder(tmp_path):
    for error in errors(tmp_path):
        told = tell_error(error, "en")
        assert not CHINESE.search(told)
        assert "--" not in told and str(tmp_path) not in told and "ppgan-ext" not in told


def test_a_file_that_is_no_picture_is_told_plainly(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("none")
    with pytest.raises(InputError) as found:
        picture_size(file)
    assert tell_error(found.value, "en") == "This file is not a picture. Choose a JPEG or PNG file."
    assert tell_error(found.value, "zh") == "这个文件不是可以读取的图片。请选择 JPEG 或 PNG 文件"


def test_an_unknown_error_keeps_its_text_after_a_chinese_heading():
    error = WeightsError("the moon is down", where="/secret/place", cure="Wait")
    assert tell_error(error, "zh") == "模型无法使用：the moon is down"
    assert tell_error(error, "en") == "The moon is down. Wait."


def test_notes_are_told_in_both_languages():
    note = "face 2: asked for +30 years; about +16 show (measured on other faces of this age)"
    assert tell_note(note, "zh") == "第 2 张脸：要求年长 30 岁，看上去的变化约为 +16 岁（按同龄人脸的评估）"
    assert tell_note(note, "en").startswith("Face 2: 30 years older were asked for; about +16 show")
    note = "asked for 70, looks about 45 (measured on other faces of this age)"
    assert tell_note(note, "zh") == "要求 70 岁，看上去约 45 岁（按同龄人脸的评估）"
    note = "face 1: the face is 30 pixels wide: too few for wrinkles, and ages are rough"
    assert tell_note(note, "zh") == "第 1 张脸：人脸只有 30 像素宽，画不出皱纹，年龄也只是粗略估计"
    note = "turned far away or covered: at -20 years hardly any lines are taken away"
    assert tell_note(note, "zh") == "脸侧转较大或被遮住，-20 岁时皱纹几乎不变"
    note = "kept recognisable: at +40 years the face changes less"
    assert tell_note(note, "zh") == "为保持本人特征，年长 40 岁时脸部变化较小"
    assert tell_note(note, "en") == "Kept recognisable: 40 years older, the face changes less"
    (note,) = range_notes({"smile": 7.0}, {"smile": Direction("smile", np.zeros((1, 512), np.float32), "sd")})
    assert tell_note(note, "zh") == "微笑：7 超出合理范围（-5 到 5）"
    assert tell_note(note, "en") == "Smile: 7 is beyond -5 to 5"
    (note,) = tooth_notes({"mouth_open": 2.0}, "faces-128")
    assert tell_note(note, "zh") == "张嘴 2：自带的小模型画不出牙齿，闭着的嘴会露出一条白带"
    assert tell_note(note, "en").startswith("Mouth open 2: a mouth that is closed shows one white band")
    note = "levels: 2 is far beyond 0 to 1, the range of sensible amounts"
    assert tell_note(note, "zh") == "混合比例：2 远超合理范围（0 到 1），脸可能变形"


def notes_on_fusions():
    """Everything that can be said of a fused face, of the first of two."""
    level, far = Pose(0.0, -7.0, 0.0), Pose(40.0, -7.0, 0.0)
    for to_person, to_photo in ((0.5, 0.4), (0.65, 0.7)):
        for identity in (0.5, 1.0):
            face = SimpleNamespace(
                source_pose=far, identity_to_target=to_person, identity_to_source=to_photo,
                kept_covers=("sunglasses", "an object"), dropped_covers=("glasses",),
            )  # fmt: skip
            other = SimpleNamespace(**vars(face) | {"source_pose": level, "kept_covers": (), "dropped_covers": ()})
            yield from fusion_notes([face, other], identity, [(312.0, 57.4)] * 2)[:5]


def test_what_is_known_of_a_fusion_is_told_in_both_languages():
    notes = list(notes_on_fusions())
    assert len(notes) == 20
    for note in notes:
        chinese, english = tell_note(note, "zh"), tell_note(note, "en")
        assert chinese.startswith("第 1 张脸：") and not re.search("[A-Za-z]{2}", chinese)
        assert english.startswith("Face 1: ") and not CHINESE.search(english)
        assert "--" not in english and "the photo's" not in english  # the page numbers both photos
    assert tell_note(notes[2], "zh") == "第 1 张脸：保留对象1脸上的：墨镜、遮挡物（口罩、手等）"
    assert tell_note(notes[3], "en") == "Face 1: Not taken along from person 2: glasses"
    assert "调大“人脸比例”" in tell_note(notes[0], "zh") and "调大" not in tell_note(notes[5], "zh")


@pytest.mark.parametrize("is_saved", [False, True])
def test_a_tuning_that_is_not_seen_is_told_in_both_languages(is_saved):
    note = AgeOptions(tune=60, save_tuned=is_saved).tuning_note
    chinese, english = tell_note(note, "zh"), tell_note(note, "en")
    assert "“只加变化”看不出微调的差别" in chinese and ("已保存" in chinese) == is_saved
    assert "'Apply the change'" in english and ("is saved" in english) == is_saved
    assert not AgeOptions(tune=60, blend="replace").tuning_note


def test_what_the_page_tells_of_its_machine_and_model_is_chinese():
    told = describe_machine("zh")
    assert all(text in told for text in ("**版本**", "**处理器**", "**设备**", "物理核心", "指令集", "默认使用"))
    assert not re.search("Versions|Devices|physical cores|instruction|default", told)
    assert "**Versions**" in describe_machine("en")
    models = [record for record in catalog.MODELS.values() if record.has_encoder]
    assert all(CHINESE.search(tell_licence(record.licence, "zh")) for record in models)


def test_a_text_gets_its_values():
    assert speaker("zh")("younger", years=20) == "年轻 20 岁"
    assert speaker("en")("younger", years=20) == "20 years younger"
