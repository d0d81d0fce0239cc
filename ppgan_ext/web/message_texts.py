"""Messages that the layers below make in English, in Chinese: errors with their cures, progress, notes.

A message is matched as a whole, its numbers and names taken over. One that is not in the tables is shown as it is,
after a Chinese heading that says what kind of fault it is: nothing is hidden.
"""

from __future__ import annotations

import re

from ppgan_ext.errors import ConfigError, InputError, NoFaceError, OutputError, PpganExtError, WeightsError
from ppgan_ext.web.languages import Language, Text
from ppgan_ext.web.option_texts import direction_name, option_name

# What the command says of its flag is left out: the page has none.
_MEASURED = r" \(measured on other faces of this age\)(?:; --detail 1\.5 shows more)?"

_ERRORS: tuple[tuple[str, str], ...] = (
    ("no face was found", "没有找到人脸。请换一张脸更大、更亮、更正对镜头的照片"),
    (
        r"there is no face (\d+); the photo shows 1 face, numbered 1",
        "没有第 {0} 张脸，照片中只有 1 张。请在照片上点击要处理的脸",
    ),
    (
        r"there is no face (\d+); the photo shows (\d+) faces, .*",
        "没有第 {0} 张脸，照片中有 {1} 张。请在照片上点击要处理的脸",
    ),
    (r"the photo shows (\d+) faces", "对象1中有 {0} 张脸。请点击要换的脸"),
    (r"the person's photo shows (\d+) faces", "对象2中有 {0} 张脸。请点击要用的脸"),
    ("photo and person are the same photo", "两张是同一张照片。请选择两个人的照片"),
    (
        r"the face in the photo is (\d+) pixels wide.*",
        "对象1中的脸只有 {0} 像素宽，太小了。请换一张脸至少宽 32 像素的照片",
    ),
    (
        r"the face in the person's photo is (\d+) pixels wide.*",
        "对象2中的脸只有 {0} 像素宽，太小了。请换一张脸至少宽 32 像素的照片",
    ),
    (r"(\d+) faces cannot take the place of (\d+)", "{0} 张脸不能换成 {1} 张。请在对象2中选一张脸"),
    ("is not a picture in a format that can be read", "这个文件不是可以读取的图片。请选择 JPEG 或 PNG 文件"),
    (r"cannot be read as a picture \(.*\)", "图片已损坏，无法读取。请重新保存或复制一次"),
    (r"has more than (\d+) megapixels", "图片超过 {0} 百万像素。请先缩小"),
    (r"is larger than (\d+) MB", "文件超过 {0} MB。请先缩小"),
    ("has no pixels", "图片里没有像素。请重新保存或复制一次"),
    (r"is a (\w+) picture, for which a decoder is missing", "本机无法读取 {0} 图片。请转成 JPEG 或 PNG"),
    ("there is not enough memory.*", "内存不足。请先缩小照片"),
    ("there is nothing to edit", "没有要做的编辑。请移动至少一个滑块"),
    ("is not YAML.*", "不是 YAML 文件。请选择本页给出的 YAML 文件"),
    ("this age direction is not scaled in years", "这个模型的年龄方向不以年为单位。请改用“属性编辑”"),
    (r"there is no layer '(.+)' in this model", "这个模型没有 “{0}” 层。请填 0 到 11，或 coarse、middle、fine"),
    (r"latent_level.*", "没有这些层。请检查“优化哪些层”"),
    (r"there is no photo to .*", "没有可用的照片。请选择照片"),
)  # fmt: skip

# Errors whose English is made for command lines.
_ENGLISH_ERRORS = {
    "is not a picture in a format that can be read": "This file is not a picture. Choose a JPEG or PNG file.",
}

_OPTION_FAULTS: tuple[tuple[str, str], ...] = (
    (r"input should be greater than or equal to (.+?), got (.+)", "应不小于 {0}，现在是 {1}"),
    (r"input should be less than or equal to (.+?), got (.+)", "应不大于 {0}，现在是 {1}"),
    (r"input should be greater than (.+?), got (.+)", "应大于 {0}，现在是 {1}"),
    (r"input should be a valid (?:number|integer).*, got (.+)", "应是数字，现在是 {0}"),
    (r"input should be (.+), got (.+)", "只能是 {0}，现在是 {1}"),
    (r"expected (?:whole )?numbers, .*, got '(.+)'", "应是用空格或逗号分开的数字，现在是 “{0}”"),
    (r"expected NAME=NUMBER.*", "应写成 名称=数字，用空格分开"),
    (r"expected a number after '(.+)', got '(.*)'", "“{0}”后面应是数字"),
    (r"expected a layer .*, got '(.+)'", "应是层号（3）、范围（0-3）或 coarse、middle、fine，现在是 “{0}”"),
    (r"save_tuned needs tune.*", "“保存微调后的模型”需要先填写微调步数，例如 60"),
)

_KINDS: dict[type[PpganExtError], str] = {
    NoFaceError: "没有可用的人脸",
    InputError: "照片无法使用",
    ConfigError: "选项有误",
    WeightsError: "模型无法使用",
    OutputError: "结果无法保存",
}

_PROGRESS: tuple[tuple[str, str], ...] = (
    ("editing", "正在编辑"),
    ("reading faces", "正在识别人脸"),
    ("fusing faces", "正在融合"),
    ("turning the face", "正在转动人脸"),
    ("refining", "正在优化"),
    (r"refining face (\d+)", "正在优化第 {0} 张脸的编码"),
    (r"tuning to face (\d+)", "正在按第 {0} 张脸微调模型"),
    ("tuning to both faces", "正在按两张脸微调模型"),
    ("tuning to the face", "正在按这张脸微调模型"),
    ("fitting", "正在拟合"),
    ("drawing faces", "正在绘制人脸"),
    ("telling how many years a step is", "正在测量一步等于多少年"),
    ("translating tiles", "正在转换图块"),
    ("drawing the (GIF|MP4|GIF/MP4)", "正在生成 {0}"),
    ("fetching the model", "正在下载模型"),
    (r"photo (\d+) of (\d+)", "第 {0} 张照片，共 {1} 张"),
)

_NOTES: tuple[tuple[str, Text], ...] = (
    (
        "tune makes no difference .*, so it is left out; .*",
        Text(
            "“只加变化”看不出微调的差别，因此没有微调；“替换人脸”和“无缝替换”才看得出",
            "Tuning does not show with 'Apply the change', so it was left out; it does with 'Replace the face'",
        ),
    ),
    (
        "tune makes no difference .*",
        Text(
            "“只加变化”看不出微调的差别，微调后的模型已保存",
            "Tuning does not show with 'Apply the change'; the tuned model is saved",
        ),
    ),
    (
        "it looks more like the photo's own face than like the person: try .*",
        Text(
            "结果更像对象1原来的脸，不像对象2。请换一张对象2的照片：正面、不戴眼镜，光线和姿态与对象1相近",
            "It looks more like the face in photo 1 than like person 2. Try a photo of person 2 from the front, "
            "without glasses, in the light and pose of photo 1",
        ),
    ),
    (
        "it looks more like the photo's own face than like the person: raise .*",
        Text(
            "结果更像对象1原来的脸，不像对象2。请调大“人脸比例”，或换一张对象2的照片",
            "It looks more like the face in photo 1 than like person 2. Raise 'Share of the face', or try another "
            "photo of person 2",
        ),
    ),
    (
        "it looks like neither of the two people: try .*",
        Text(
            "结果和两个人都不像。请换一张对象2的照片：正面、不戴眼镜，光线和姿态与对象1相近",
            "It looks like neither of the two people. Try a photo of person 2 from the front, without glasses, in the "
            "light and pose of photo 1",
        ),
    ),
    (
        "it looks like neither of the two people: raise .*",
        Text(
            "结果和两个人都不像。请调大“人脸比例”，或换一张对象2的照片",
            "It looks like neither of the two people. Raise 'Share of the face', or try another photo of person 2",
        ),
    ),
    (
        "the photo's head is turned far, .*",
        Text(
            "对象1的头侧转较大，鼻子另一侧的脸颊可能有破损，请换一张照片",
            "The head in photo 1 is turned far, so the cheek behind the nose may break; choose another photo",
        ),
    ),
    (
        r"the person's face is small, (\d+) pixels wide where the photo's has (\d+), .*",
        Text(
            "对象2的脸较小，只有 {0} 像素宽（对象1为 {1} 像素），因此结果偏软。请换一张对象2的脸更大的照片",
            "The face of person 2 is small, {0} pixels wide where that in photo 1 has {1}, so the result is soft; "
            "take a larger photo of person 2",
        ),
    ),
    (
        r"mouth_open: at (\S+) a mouth that is closed shows one white band: .*",
        Text(
            "张嘴 {0}：自带的小模型画不出牙齿，闭着的嘴会露出一条白带",
            "Mouth open {0}: a mouth that is closed shows one white band, as the small model draws no teeth",
        ),
    ),
    (
        "the lower face is covered; the photo stays there",
        Text("脸的下部被遮住，那里保留原照片", "The lower face is covered; the photo stays there"),
    ),
    (
        "the eyes are covered; the photo stays there",
        Text("眼睛被遮住，那里保留原照片", "The eyes are covered; the photo stays there"),
    ),
    (
        r"kept recognisable: at \+(\d+) years the face changes less",
        Text("为保持本人特征，年长 {0} 岁时脸部变化较小", "Kept recognisable: {0} years older, the face changes less"),
    ),
    (
        r"turned far away or covered: at ([+-]\d+) years hardly any lines are (?:drawn|taken away)",
        Text(
            "脸侧转较大或被遮住，{0} 岁时皱纹几乎不变", "Turned far away or covered: lines hardly change at {0} years"
        ),
    ),
    (
        r"the face is (\d+) pixels wide: too few for wrinkles, and ages are rough",
        Text(
            "人脸只有 {0} 像素宽，画不出皱纹，年龄也只是粗略估计",
            "The face is {0} pixels wide: too few for wrinkles, and ages are rough",
        ),
    ),
    (
        r"asked for (\d+), looks about (\d+)" + _MEASURED,
        Text(
            "要求 {0} 岁，看上去约 {1} 岁（按同龄人脸的评估）",
            "Asked for {0}, looks about {1} (measured on other faces of this age)",
        ),
    ),
    (
        r"asked for -(\d+) years; about ([+-]\d+) show" + _MEASURED,
        Text(
            "要求年轻 {0} 岁，看上去的变化约为 {1} 岁（按同龄人脸的评估）",
            "{0} years younger were asked for; about {1} show (measured on other faces of this age)",
        ),
    ),
    (
        r"asked for \+(\d+) years; about ([+-]\d+) show" + _MEASURED,
        Text(
            "要求年长 {0} 岁，看上去的变化约为 {1} 岁（按同龄人脸的评估）",
            "{0} years older were asked for; about {1} show (measured on other faces of this age)",
        ),
    ),
)

_MACHINE: tuple[tuple[str, str], ...] = (
    ("Versions", "版本"),
    ("Processor", "处理器"),
    ("Devices", "设备"),
    (r"(.+), (\d+) physical cores for this process", "{0}，可用 {1} 个物理核心"),
    (r"instruction sets: (.+)", "指令集：{0}"),
    (r"not installed: (.+)", "未安装：{0}"),
    (r"used by default: (.+)", "默认使用：{0}"),
    ("Paddle cannot be imported", "无法导入 Paddle"),
)

_LICENCES: tuple[tuple[str, str], ...] = (
    ("not stated by its publisher", "发布者未说明"),
    (
        r"non-commercial research only, as the training images \(UTKFace\); "
        r"rights in the photos stay with their owners",
        "仅限非商业研究，与训练图片（UTKFace）相同；照片的权利仍属于其所有者",
    ),
    (
        r"NVIDIA Source Code License-NC \(non-commercial\), as the FFHQ StyleGAN2 it comes from",
        "NVIDIA Source Code License-NC（非商业），与其来源 FFHQ StyleGAN2 相同",
    ),
)

_COVERS = {
    "glasses": Text("眼镜", "glasses"),
    "sunglasses": Text("墨镜", "sunglasses"),
    "an object": Text("遮挡物（口罩、手等）", "an object"),
}
_COVER_NOTES: tuple[tuple[str, Text], ...] = (
    (
        "kept over the face, from the photo: (.+)",
        Text("保留对象1脸上的：{covers}", "Kept over the face, from photo 1: {covers}"),
    ),
    (
        "not taken along from the person: (.+)",
        Text("没有带来对象2的：{covers}", "Not taken along from person 2: {covers}"),
    ),
)

_BEYOND = re.compile(r"(\w+): (\S+) is (far )?beyond (\S+) to (\S+), the range of sensible amounts")
_BEYOND_TEXT = {
    False: Text("{name}：{amount} 超出合理范围（{low} 到 {high}）", "{name}: {amount} is beyond {low} to {high}"),
    True: Text(
        "{name}：{amount} 远超合理范围（{low} 到 {high}），脸可能变形",
        "{name}: {amount} is far beyond {low} to {high}, so the face may break",
    ),
}
_SHARES = Text("混合比例", "Shares")

_WHICH_FACE = re.compile(r"face (\d+): (.*)")
FACE = Text("第 {number} 张脸：", "Face {number}: ")
_SAID_OF_A_FILE = ("is ", "cannot ", "has ", "shows ")  # an error's text goes on after the file's name, not shown here
_DEFAULT_KIND = "无法完成"


def tell_error(error: PpganExtError, language: Language) -> str:
    """Return what went wrong and the cure, in the visitor's language; never a path of this machine."""
    if language == "en" and error.what in _ENGLISH_ERRORS:
        return _ENGLISH_ERRORS[error.what]
    if language == "en":
        subject = "the picture " if isinstance(error, InputError) and error.what.startswith(_SAID_OF_A_FILE) else ""
        what = (subject + error.what)[:1].upper() + (subject + error.what)[1:]
        if isinstance(error, ConfigError):
            what = "; ".join([what.partition(": ")[2] or what, *error.details])
        return f"{what}. {_for_visitors(error)}".strip()
    translated = _translate(_ERRORS, error.what) or _translate_option_fault(error)
    return translated or f"{_kind(error)}：{error.what}"


def tell_progress(task: str, language: Language) -> str:
    """Return what is being done, in the visitor's language."""
    if language == "zh":
        return _translate(_PROGRESS, task) or task
    return task[:1].upper() + task[1:]


def tell_machine(line: str, language: Language) -> str:
    """Return a line of the doctor's report about this machine, in the visitor's language; versions are names."""
    return (_translate(_MACHINE, line) if language == "zh" else None) or line


def tell_licence(licence: str, language: Language) -> str:
    """Return a model's licence in the visitor's language; one that is not in the table as it is."""
    return (_translate(_LICENCES, licence) if language == "zh" else None) or licence


def tell_note(note: str, language: Language) -> str:
    """Return a note about a result, in the visitor's language."""
    match = _WHICH_FACE.fullmatch(note)
    number, rest = (match[1], match[2]) if match else ("", note)
    who = FACE.of(language, number=number) if number else ""
    for pattern, text in _NOTES:
        found = re.fullmatch(pattern, rest)
        if found:
            return who + (text.zh if language == "zh" else text.en).format(*found.groups())
    beyond = _BEYOND.fullmatch(rest)
    if beyond:
        name, amount, far, low, high = beyond.groups()
        name = _SHARES.of(language) if name in ("weights", "levels") else direction_name(name, language)
        return who + _BEYOND_TEXT[bool(far)].of(language, name=name, amount=amount, low=low, high=high)
    for pattern, text in _COVER_NOTES:
        found = re.fullmatch(pattern, rest)
        if found:
            names = [_COVERS[name].of(language) if name in _COVERS else name for name in found[1].split(", ")]
            return who + text.of(language, covers=("、" if language == "zh" else ", ").join(names))
    return who + rest


def _for_visitors(error: PpganExtError) -> str:
    """Return the cure, unless it names flags or folders, which a visitor has not."""
    cure = error.cure or ""
    return "" if "--" in cure or "/" in cure or "ppgan-ext" in cure else f"{cure}."


def _translate(table: tuple[tuple[str, str], ...], message: str) -> str | None:
    for pattern, text in table:
        match = re.fullmatch(pattern, message)
        if match:
            return text.format(*match.groups())
    return None


def _translate_option_fault(error: PpganExtError) -> str | None:
    """Translate the message of `config.load_options`: the option's name, and what is wrong with its value."""
    if not isinstance(error, ConfigError):
        return None
    faults = error.details or (error.what.partition("1 mistake in the options: ")[2],)
    told = []
    for fault in faults:
        name, colon, what = fault.partition(": ")
        if not colon:
            name, what = "", fault
        void, does_nothing, _ = fault.partition(" would do nothing: ")
        if does_nothing:
            told.append(f"“{'、'.join(map(_name, void.split(', ')))}”在这样的选项下不起作用，请改回默认值")
            continue
        known = _translate(_OPTION_FAULTS, what) or _translate(_OPTION_FAULTS, fault)
        told.append(f"“{_name(name)}”{known}" if known and name.isidentifier() else known or fault)
    return f"选项有误：{'；'.join(told)}" if any(told) else None


def _name(name: str) -> str:
    return option_name(name, "zh")


def _kind(error: PpganExtError) -> str:
    return next((text for kind, text in _KINDS.items() if isinstance(error, kind)), _DEFAULT_KIND)


UNEXPECTED = Text(
    "出了意外错误，请重试；若再次出现，请告诉本页的运营者",
    "Something unexpected went wrong; please try again, and tell whoever runs this page if it happens again",
)
