"""Names and explanations of options, choices, directions and units, for visitors.

The options models explain themselves to people who write flags; here nothing is said of flags and files.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ppgan_ext.web.languages import Language, Text


class OptionText(NamedTuple):
    """What the page says of an option."""

    name: Text
    help: Text


OPTIONS: dict[str, OptionText] = {
    "fit_steps": OptionText(
        Text("编码优化步数", "Steps to refine the code"),
        Text("用优化器再改进每张脸的编码：更像照片，更慢；0 为不用", "Closer to the photo, but slower; 0: none"),
    ),
    "tune": OptionText(
        Text("微调步数", "Tuning steps"),
        Text(
            "按这张脸微调模型副本，例如 60：画的就是这个人，更慢",
            "Tunes a copy of the model to this face, e.g. 60: draws this very person, but slower",
        ),
    ),
    "save_tuned": OptionText(
        Text("保存微调后的模型", "Save the tuned model"),
        Text(
            "按这张脸微调后的模型文件，打包下载时包含",
            "The model as tuned to this face, as a file; it comes with 'Pack all'",
        ),
    ),
    "edit": OptionText(Text("其他编辑", "Further edits"), Text("除年龄外还改变什么", "What changes besides the age")),
    "detail": OptionText(
        Text("皮肤细节", "Detail of the skin"),
        Text(
            "像照片一样精细地画皱纹、纹路和斑点：0 为不画，1 为通常的程度",
            "Wrinkles, folds and spots, as fine as the photo: 0 none, 1 the usual amount",
        ),
    ),
    "grey": OptionText(
        Text("变白", "Greying"),
        Text(
            "头发、眉毛和胡须变白：0 为不变，1 为通常的程度",
            "Of hair, brows and beard: 0 none, 1 the usual amount",
        ),
    ),
    "layers": OptionText(
        Text("只编辑这些层", "Only these layers"),
        Text(
            "层号、范围（0-3）或 coarse、middle、fine，用空格分开；空为全部",
            "Numbers, ranges (0-3), or coarse, middle, fine, with spaces between; empty: all",
        ),
    ),
    "blend": OptionText(
        Text("粘贴方式", "Way back into the photo"),
        Text(
            "“只加变化”保留照片自己的皮肤和头发；微调这时看不出差别，不保存模型则略过",
            "'Apply the change' keeps the photo's own skin and hair; it is tuned for only to save the model",
        ),
    ),
    "photo_format": OptionText(
        Text("图片格式", "Picture format"), Text("结果照片的格式", "Format of the resulting photos")
    ),
    "save_gif": OptionText(
        Text("GIF 动画", "GIF animation"),
        Text(
            "在各张图片之间平滑过渡，打包下载时包含",
            "Passes smoothly from picture to picture; it comes with 'Pack all'",
        ),
    ),
    "save_mp4": OptionText(
        Text("MP4 视频", "MP4 video"),
        Text(
            "在各张图片之间平滑过渡，打包下载时包含",
            "Passes smoothly from picture to picture; it comes with 'Pack all'",
        ),
    ),
    "method": OptionText(
        Text("方法", "Method"),
        Text(
            "变形：只用对象2自己的像素，更快；隐空间：由模型画出照片中看不到的部分",
            "Warp: only the pixels of photo 2, faster. Latent space: the model draws what it does not show",
        ),
    ),
    "identity": OptionText(
        Text("人脸比例", "Share of the face"), Text("换入的人脸所占的比例", "How much of the face is that of photo 2")
    ),
    "shape": OptionText(
        Text("脸型比例", "Share of the shape"),
        Text(
            "换入的脸型所占的比例，0 到 1；空为 1",
            "How much of the face's shape is that of photo 2, from 0 to 1; empty: 1",
        ),
    ),
    "skin": OptionText(Text("肤色", "Tone of the skin"), Text("结果用谁的肤色", "Whose tone of skin the result has")),
    "pose_method": OptionText(
        Text("转头方法", "Way to turn the face"),
        Text(
            "沿模型的方向转动，或用为此训练的网络转动",
            "Along the model's directions, or by a network trained to turn faces",
        ),
    ),
    "refine": OptionText(
        Text("融合优化步数", "Steps to refine the fusion"),
        Text("用优化器改进融合后的编码，例如 40；0 为不用", "Improves the fused code, e.g. 40; 0: none"),
    ),
    "weights": OptionText(
        Text("优化各项的权重", "Weights of the refinement"),
        Text(
            "例如 identity=1 symmetry=0.5，用空格分开；0 为去掉该项",
            "E.g. identity=1 symmetry=0.5, with spaces between; 0 leaves a term out",
        ),
    ),
    "save_steps": OptionText(
        Text("保存中间图片", "Save intermediate pictures"),
        Text("每一步的图片，打包下载时包含", "A picture of each step; they come with 'Pack all'"),
    ),
    "start_lr": OptionText(
        Text("初始学习率", "Learning rate at the start"),
        Text("优化开始时的学习率", "The fit begins with this learning rate"),
    ),
    "final_lr": OptionText(
        Text("最终学习率", "Learning rate at the end"),
        Text("优化结束时的学习率", "The fit ends with this learning rate"),
    ),
    "latent_level": OptionText(
        Text("优化哪些层", "Layers to fit"),
        Text("例如 0 1 2 3，用空格分开；空为全部", "E.g. 0 1 2 3, with spaces between; empty: all"),
    ),
    "step": OptionText(
        Text("优化步数", "Optimiser steps"), Text("步数越多越像，也越慢", "More steps come closer, and take longer")
    ),
    "mse_weight": OptionText(
        Text("均方误差权重", "Weight of the mean squared error"),
        Text("相对于感知距离的权重", "Beside the perceptual distance"),
    ),
    "start": OptionText(
        Text("起点", "Start from"),
        Text("从平均脸开始，或从编码器的结果开始", "The average face, or what the encoder finds"),
    ),
    "stop_at": OptionText(
        Text("比较的分辨率", "Resolution to compare at"),
        Text(
            "只在此分辨率上比较，大模型快得多；空为模型自身的分辨率",
            "Much faster with large models, e.g. 256; empty: the model's own",
        ),
    ),
    "patience": OptionText(
        Text("提前停止", "Stop early"),
        Text("这么多步没有进步就停；空为不提前", "After so many steps without progress; empty: never"),
    ),
    "mask_face": OptionText(
        Text("只看脸部", "The face only"), Text("只拟合脸，不管头发和背景", "Fits the face, not hair and background")
    ),
    "face_size": OptionText(
        Text("画像边长", "Side of the cartoon"),
        Text(
            "卡通画像的边长，像素；空为 512，由网络绘制时为 256", "In pixels; empty: 512, or 256 where a network draws"
        ),
    ),
    "white_background": OptionText(
        Text("白色背景", "White background"),
        Text("头部后面换成白色；不选则保留照片的背景", "White behind the head; otherwise the photo's background stays"),
    ),
    "n_row": OptionText(Text("行数", "Rows"), Text("样本的行数", "Rows of samples")),
    "n_col": OptionText(Text("列数", "Columns"), Text("样本的列数", "Columns of samples")),
    "truncation": OptionText(
        Text("截断", "Truncation"),
        Text("向平均脸靠拢：1 为不靠拢，0 为平均脸", "Pulls faces towards the average one: 1 not at all, 0 entirely"),
    ),
    "save_latents": OptionText(
        Text("保存隐编码", "Save the codes"),
        Text("各样本的编码，打包下载时包含", "The codes of the samples; they come with 'Pack all'"),
    ),
    "seed": OptionText(
        Text("随机种子", "Random seed"),
        Text("同样的种子得到同样的图片；空为随机", "The same seed draws the same faces; empty: a new one"),
    ),
}

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
    "sd": Text("", ""),
    "class": Text("", ""),
    "step": Text("", ""),
}


def option_name(name: str, language: Language) -> str:
    """Return the name of an option; of one that the page does not offer, its own as words."""
    return OPTIONS[name].name.of(language) if name in OPTIONS else name.replace("_", " ").capitalize()


def choice_name(word: str, language: Language) -> str:
    """Return the name of a choice; an unknown one is its own name."""
    return CHOICES[word].of(language) if word in CHOICES else word


def direction_name(name: str, language: Language) -> str:
    """Return the name of a direction; an unknown one, as of a model of one's own, is its own name."""
    return DIRECTIONS[name].of(language) if name in DIRECTIONS else name.replace("_", " ")


def direction_names(names: Iterable[str], language: Language) -> str:
    """Return the names of directions as a list in words."""
    return ("、" if language == "zh" else ", ").join(direction_name(name, language) for name in names)
