# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] lang="en"
# # 1 Quick start
#
# Make the people in a photo older or younger, change their expression, turn their heads. The result is the whole photo
# at its own size; away from face, hair, ears and neck not one bit changes. The model comes with the toolkit, so
# nothing is downloaded. This notebook takes a minute on two cores; a GPU is used if there is one.
#
# **Run the first cell first.** It installs what is missing, on a plain Jupyter, on AI Studio and on Colab. On AI Studio,
# choose an environment with PaddlePaddle 3 and Python 3.10 or newer; packages then go into `external-libraries`, which
# AI Studio keeps, so the next session starts at once.

# %% [markdown] lang="zh"
# # 1 快速上手
#
# 让照片里的人变老、变年轻，改变表情，转动头部。得到的是原尺寸的整张照片，人脸、头发、耳朵和颈部一带以外的像素一个比特也不变。模型随工具箱提供，无需下载。本笔记本在两个 CPU 核心上约需一分钟；有 GPU 时自动使用。
#
# **请先运行第一个单元格。** 它会装好缺少的软件包，适用于普通 Jupyter、AI Studio 与 Colab。在 AI Studio 上请选择带 PaddlePaddle 3、Python 3.10 或更新版本的环境；软件包会装到 AI Studio 会保留的 `external-libraries`，下次启动不必重装。

# %%
import os
import subprocess
import sys
from pathlib import Path

SOURCE = os.environ.get("PPGAN_EXT_SOURCE", "")  # the toolkit's folder or git address, if this file lies outside it

assert sys.version_info >= (3, 10), f"Python 3.10 or newer is needed, this is {sys.version}"
here = Path.cwd()
folders = [Path(SOURCE), here, *here.parents, here / "ppgan_ext", here / "work" / "ppgan_ext"]
root = next((folder for folder in folders if (folder / "ppgan_ext" / "notebook_setup.py").is_file()), None)
if root is None:
    assert SOURCE, "put this notebook into the toolkit's folder 'notebooks', or set SOURCE to the toolkit's git address"
    root = here / "ppgan_ext"
    subprocess.run(["git", "clone", "--depth", "1", SOURCE, str(root)], check=True)
sys.path.insert(0, str(root))
from ppgan_ext.notebook_setup import set_up

host = set_up(root)

# %% [markdown] lang="en"
# ## The photo
#
# NASA's portrait of Eileen Collins, in the public domain, lies inside the package scikit-image. For your own photo, upload
# it and write its name: `photo = Path("me.jpg")`. Use only photos of people who have agreed.

# %% [markdown] lang="zh"
# ## 照片
#
# NASA 宇航员 Eileen Collins 的肖像属于公有领域，就在 scikit-image 软件包里。要用自己的照片，上传后写上文件名即可：`photo = Path("me.jpg")`。请只使用当事人已同意的照片。

# %%
import numpy as np
import skimage.io
from IPython.display import Image, display

from ppgan_ext.apps import AgeEditingPredictor, StyleGANv2EditingPredictor

photo = Path(skimage.__file__).parent / "data" / "astronaut.png"
results = host.work / "output_dir" / "1_quick_start"

# %% [markdown] lang="en"
# ## Older and younger
#
# `run` returns a result that shows itself: here the crop of the face, the model's reconstruction of it, and the ages asked
# for. The files lie in the folder `output_path`; `output_path=None` writes none.

# %% [markdown] lang="zh"
# ## 变老与变年轻
#
# `run` 返回的结果会自己显示出来：依次是人脸裁剪、模型的重建，以及所要求的各个年龄。文件写在 `output_path` 文件夹里；`output_path=None` 则不写文件。

# %%
age = AgeEditingPredictor(output_path=results)
aged = age.run(photo, years=[-20, 20, 40])
aged

# %% [markdown] lang="en"
# What a user gets is the whole photo. It is shown as its file: the notebook's picture then carries the mark of an edited
# picture too.

# %% [markdown] lang="zh"
# 真正的成品是整张照片。这里直接显示文件，因此笔记本中的图片同样带有“经 AI 编辑”的标记。

# %%
display(Image(filename=str(results / "astronaut.age+40.png")))
print("apparent age:", [round(years) for years in aged.apparent_age if years is not None])
print(f"unchanged pixels: {(aged.dst[-1] == aged.src).all(axis=2).mean():.0%}")
print(*age.notes, sep="\n")

# %% [markdown] lang="en"
# `target_age=70` asks for an age instead of a number of years. `detail` (0 to 1.5) and `grey` (0 to 1) say how strong
# wrinkles and grey hair are. The notes above tell how many years an independent judge of ages would see.
#
# ## Expression and pose
#
# A direction has a unit: years, degrees, or standard deviations of what is usual among faces (sd). Small amounts look best.
# A photo may also be an array, (H, W, 3) RGB uint8, or a PIL image: here a part of the portrait.

# %% [markdown] lang="zh"
# `target_age=70` 指定目标年龄，而不是增减的年数。`detail`（0 到 1.5）与 `grey`（0 到 1）控制皱纹与白发的强度。上面的提示说明独立的年龄估计网络实际能看出多少岁的变化。
#
# ## 表情与姿态
#
# 每个编辑方向都有单位：岁（year）、度（degree），或人群中的标准差（sd）。幅度小，效果最自然。照片也可以是 (H, W, 3) 的 RGB uint8 数组或 PIL 图像：这里取肖像的一部分。

# %%
edit = StyleGANv2EditingPredictor(output_path=results)
print(*(f"{name} [{direction.unit}]" for name, direction in edit.directions(None, ()).items()), sep=", ")
portrait = skimage.io.imread(photo)[:256, 96:352]
edit.run_photo(portrait, edit={"smile": -1.5, "yaw": 12})

# %% [markdown] lang="en"
# ## Several faces
#
# By default every face is edited. `faces` takes `"largest"`, `"left"`, `"right"`, or numbers, 1 being the largest face;
# `faces_like="her.jpg"` finds a person by another photo of them.

# %% [markdown] lang="zh"
# ## 多张人脸
#
# 默认编辑每一张人脸。`faces` 可以是 `"largest"`、`"left"`、`"right"`，或编号（1 为最大的脸）；`faces_like="her.jpg"` 按同一个人的另一张照片认人。

# %%
group = np.hstack([portrait, portrait[:, ::-1]])
edit.run_photo(group, edit={"mouth_open": 2}, faces="right")

# %% [markdown] lang="en"
# ## The same from the command line, and from a file
#
# Every option is a flag, a key of a YAML file, and an argument in Python, under one name. In a terminal:
# `ppgan-ext age --config settings.yaml`, or `python -m ppgan_ext.apps age --config settings.yaml` where that script is not
# installed.

# %% [markdown] lang="zh"
# ## 命令行与配置文件
#
# 每个选项同时是命令行参数、YAML 文件中的键和 Python 参数，名字都相同。在终端中：`ppgan-ext age --config settings.yaml`；未安装该脚本时用 `python -m ppgan_ext.apps age --config settings.yaml`。

# %%
from ppgan_ext.apps.command_line import main

settings = results / "settings.yaml"
settings.write_text(f"input_image: {photo}\noutput_path: {results}\ntarget_age: 65\ngrey: 0.5\nphoto_format: jpg\n")
assert main(["age", "--config", str(settings)]) == 0

# %% [markdown] lang="en"
# ## The mark
#
# Every picture that is written says in its metadata that it was edited by AI (the IPTC's digital source type). Leave it in:
# in many places, China among them, the law asks for it.

# %% [markdown] lang="zh"
# ## 标记
#
# 写出的每张图片都在元数据中注明经过 AI 编辑（IPTC 的 digital source type）。请保留它：包括中国在内的许多地方，法规要求生成内容带有标识。

# %%
from ppgan_ext.pictures import made_here

older = results / "astronaut.age65.jpg"
print(photo.name, made_here(photo), "|", older.name, made_here(older))
assert made_here(older) and not made_here(photo)

# %% [markdown] lang="en"
# Next: [2 Inversion, directions, tuning](2_inversion_and_directions.ipynb) ·
# [3 Fusion](3_fusion.ipynb) · [4 Training](4_training.ipynb) · [5 Serving and batches](5_serving.ipynb)

# %% [markdown] lang="zh"
# 接下来：[2 反演、编辑方向与微调](2_inversion_and_directions_cn.ipynb) · [3 人脸融合](3_fusion_cn.ipynb) · [4 训练](4_training_cn.ipynb) · [5 部署与批处理](5_serving_cn.ipynb)
