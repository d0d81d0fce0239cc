"""Names and explanations of options, choices, directions and units; the English ones of options are their own."""

from __future__ import annotations

from pydantic.fields import FieldInfo

from ppgan_ext.web.languages import Language, Text

# Option -> its Chinese name and explanation.
OPTIONS_ZH: dict[str, tuple[str, str]] = {
    "fit_steps": ("编码优化步数", "用优化器再改进每张脸的编码：更像照片，更慢；0 为不用"),
    "tune": ("微调步数", "按这张脸微调模型副本，例如 60：画的就是这个人，更慢。粘贴方式为“只加变化”时看不出差别"),
    "save_tuned": ("保存微调后的模型", "微调后的模型写成 .tuned.safetensors，打包下载时包含"),
    "edit": ("同时做的其他编辑", "例如 smile=1 yaw=-15，用空格分开"),
    "detail": ("皮肤细节", "按照片分辨率画皱纹、纹路和斑点：0 为不画，1 为标定值"),
    "grey": ("变白", "头发、眉毛和胡须变白：0 为不变，1 为标定值"),
    "layers": ("只编辑这些层", "层号、范围（0-3）或 coarse、middle、fine，用空格分开；空为全部"),
    "blend": ("粘贴方式", "编辑后的脸怎样回到照片"),
    "photo_format": ("图片格式", "结果照片的文件格式"),
    "save_gif": ("生成 GIF 动画", "在各个结果之间平滑过渡的动画，打包下载时包含"),
    "save_mp4": ("生成 MP4 视频", "同样的过渡，写成视频，打包下载时包含"),
    "method": (
        "方法",
        "变形：只用人物自己的像素，不用模型，更快；隐空间：由模型画出照片中看不到的部分；自动：从两者中选择",
    ),
    "identity": ("人脸比例", "换入的人脸所占的比例"),
    "shape": ("脸型比例", "换入的脸型所占的比例，空为默认（1）"),
    "skin": ("肤色", "结果用谁的肤色"),
    "pose_method": ("转头方法", "沿模型的方向转动，或用为此训练的网络转动"),
    "refine": ("融合优化步数", "用优化器改进融合后的编码，例如 40；0 为不用"),
    "weights": ("优化各项的权重", "例如 identity=1 symmetry=0.5，用空格分开；0 为去掉该项"),
    "save_steps": ("保存中间图片", "每一步的图片，打包下载时包含"),
    "start_lr": ("初始学习率", "优化开始时的学习率"),
    "final_lr": ("最终学习率", "优化结束时的学习率"),
    "latent_level": ("优化哪些层", "例如 0 1 2 3，用空格分开；空为全部"),
    "step": ("优化步数", "步数越多越像，也越慢"),
    "mse_weight": ("均方误差权重", "相对于感知距离的权重"),
    "start": ("起点", "从平均脸开始，或从编码器的结果开始"),
    "stop_at": ("比较的分辨率", "只在此分辨率上比较，大模型快得多；空为模型自身的分辨率"),
    "patience": ("提前停止", "这么多步没有进步就停；空为不提前"),
    "mask_face": ("只看脸部", "只拟合脸，不管头发和背景"),
    "face_size": ("画像边长", "卡通画像的边长，像素；空为 512，由网络绘制时为 256"),
    "white_background": ("白色背景", "头部后面换成白色；不选则保留照片的背景"),
    "n_row": ("行数", "样本的行数"),
    "n_col": ("列数", "样本的列数"),
    "truncation": ("截断", "向平均脸靠拢：1 为不靠拢，0 为平均脸"),
    "save_latents": ("保存隐编码", "各样本的编码，打包下载时包含"),
    "seed": ("随机种子", "同样的种子得到同样的图片；空为随机"),
}

# Options whose flag is no name for people.
_ENGLISH_NAMES = {
    "face_size": "Side of the cartoon", "n_row": "Rows", "n_col": "Columns", "start_lr": "Learning rate at the start",
    "final_lr": "Learning rate at the end",
    "mse_weight": "Weight of the mean squared error", "step": "Optimiser steps", "latent_level": "Layers to fit",
    "fit_steps": "Steps to refine the code", "tune": "Tuning steps", "grey": "Greying", "detail": "Detail of the skin",
    "edit": "Further edits", "layers": "Only these layers", "save_gif": "GIF animation", "save_mp4": "MP4 video",
    "identity": "Share of the face", "shape": "Share of the shape", "refine": "Steps to refine the fusion",
}  # fmt: skip

# Word of a choice -> its name.
CHOICES: dict[str, Text] = {
    "change": Text("只加变化", "Apply the change"),
    "replace": Text("替换人脸", "Replace the face"),
    "seamless": Text("无缝替换", "Replace seamlessly"),
    "png": Text("PNG", "PNG"),
    "jpg": Text("JPEG", "JPEG"),
    "webp": Text("WebP", "WebP"),
    "auto": Text("自动", "Automatic"),
    "latent": Text("隐空间", "Latent space"),
    "warp": Text("变形", "Warp"),
    "photo": Text("对象1的肤色", "Of photo 1"),
    "mix": Text("各一半", "Half of each"),
    "person": Text("对象2的肤色", "Of photo 2"),
    "linear": Text("沿方向", "Along directions"),
    "rotator": Text("转头网络", "Rotator network"),
    "mean": Text("平均脸", "Average face"),
    "encoder": Text("编码器", "Encoder"),
}

DIRECTIONS: dict[str, Text] = {
    "age": Text("年龄", "Age"),
    "gender": Text("性别", "Gender"),
    "smile": Text("微笑", "Smile"),
    "yaw": Text("左右转头", "Turn (yaw)"),
    "pitch": Text("抬头低头", "Nod (pitch)"),
    "roll": Text("歪头", "Tilt (roll)"),
    "eyes_open": Text("睁眼", "Eyes open"),
    "mouth_open": Text("张嘴", "Mouth open"),
    "eye_distance": Text("眼距", "Eye distance"),
    "eye_eyebrow_distance": Text("眉眼距离", "Eye to brow"),
    "eye_ratio": Text("眼睛长宽比", "Eye shape"),
    "lip_ratio": Text("嘴唇厚度", "Lip shape"),
    "mouth_ratio": Text("嘴宽", "Mouth width"),
    "nose_mouth_distance": Text("人中长度", "Nose to mouth"),
    "nose_ratio": Text("鼻宽", "Nose width"),
    "nose_tip": Text("鼻尖", "Nose tip"),
}

UNITS: dict[str, Text] = {
    "year": Text(" 岁", " years"),
    "degree": Text("°", "°"),
    "sd": Text(" 标准差", " sd"),
    "class": Text("", ""),
    "step": Text("", ""),
}


def option_name(name: str, language: Language) -> str:
    """Return the name of an option; in English mostly the flag's own, as words."""
    if language == "zh" and name in OPTIONS_ZH:
        return OPTIONS_ZH[name][0]
    return _ENGLISH_NAMES.get(name) or name.replace("_", " ").capitalize()


def option_help(name: str, field: FieldInfo, language: Language) -> str:
    """Return the explanation of an option; in English the options model's own."""
    if language == "zh" and name in OPTIONS_ZH:
        return OPTIONS_ZH[name][1]
    text = (field.description or "").replace("--", "")
    return text[:1].upper() + text[1:]


def choice_name(word: str, language: Language) -> str:
    """Return the name of a choice; an unknown one is its own name."""
    return CHOICES[word].of(language) if word in CHOICES else word


def direction_name(name: str, language: Language) -> str:
    """Return the name of a direction; an unknown one, as of a model of one's own, is its own name."""
    return DIRECTIONS[name].of(language) if name in DIRECTIONS else name.replace("_", " ")
