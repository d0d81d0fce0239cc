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
# # 2 Inversion, directions, tuning
#
# How a photo becomes a latent code, what is lost on the way, how to get it back, and how to find a direction of your own.
# Two minutes on two cores. A code has 12 layers of 512 numbers (the space W+): the first layers say pose and shape, the
# middle ones features and hair, the last ones colour.

# %% [markdown] lang="zh"
# # 2 反演、编辑方向与微调
#
# 照片如何变成隐编码，途中丢失了什么，如何找回来，以及如何求出自己的编辑方向。两个 CPU 核心约需两分钟。一个隐编码有 12 层，每层 512 个数（W+ 空间）：靠前的层决定姿态与脸型，中间的层决定五官与头发，靠后的层决定颜色。

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
# ## Three ways to a code
#
# The **encoder** answers at once. **Fitting** starts from its answer and minimises the perceptual distance to the photo.
# **Tuning** (pivotal tuning, arXiv 2106.05744) leaves the code alone and trains a copy of the generator to draw this very
# face. `STEPS` is the number of optimiser steps: more is closer, and slower.

# %% [markdown] lang="zh"
# ## 求隐编码的三种方法
#
# **编码器**一步给出答案。**拟合**从编码器的答案出发，用优化缩小与照片的感知距离。**微调**（pivotal tuning，arXiv 2106.05744）不动隐编码，而是训练生成器的一个副本，让它画得出这一张脸。`STEPS` 是优化步数：越多越像，也越慢。

# %%
import numpy as np
import skimage.io
from IPython.display import Image, display
from skimage.metrics import peak_signal_noise_ratio

from ppgan_ext import images, pictures
from ppgan_ext.apps import (
    Pixel2Style2PixelPredictor,
    StyleGANv2EditingPredictor,
    StyleGANv2FittingPredictor,
    StyleGANv2MixingPredictor,
    StyleGANv2Predictor,
)

STEPS = int(os.environ.get("PPGAN_EXT_NOTEBOOK_STEPS", "60"))
photo = Path(skimage.__file__).parent / "data" / "astronaut.png"
results = host.work / "output_dir" / "2_inversion"


def show(tiles, labels, note="Drawn by a neural network"):
    """Show pictures in a row, with the mark of pictures that AI made."""
    display(Image(data=pictures.encode_png(pictures.strip(tiles, labels), note)))


# %%
encoded = Pixel2Style2PixelPredictor(output_path=results).run(photo)
fitted = StyleGANv2FittingPredictor(output_path=results).run(photo, need_align=True, start="encoder", step=STEPS)
show([encoded.src, encoded.dst, fitted.dst], ["photo", "encoder", f"fitted, {STEPS} steps"])
for name, result in (("encoder", encoded), ("fitted", fitted)):
    print(f"{name}: PSNR {peak_signal_noise_ratio(result.src, result.dst):.1f} dB, code {result.latent.shape}")

# %% [markdown] lang="en"
# A model of 128 pixels loses pores, single hairs and jewellery. That is why `age` and `edit` by default take only the
# **change** from the model (`blend="change"`) and leave everything else to the photo. Where the drawn face itself is
# wanted (`blend="replace"`), tuning shows:

# %% [markdown] lang="zh"
# 128 像素的模型会丢掉毛孔、发丝和首饰。因此 `age` 与 `edit` 默认只取模型给出的**变化**（`blend="change"`），其余都保留照片原样。需要直接使用生成的人脸时（`blend="replace"`），微调的作用就看得出来：

# %%
close = skimage.io.imread(photo)[:256, 96:352]
edit = StyleGANv2EditingPredictor(output_path=results)
wanted = {"smile": -1.0}
change = edit.run_photo(close, edit=wanted)
plain = edit.run_photo(close, edit=wanted, blend="replace")
tuned = edit.run_photo(close, edit=wanted, blend="replace", tune=STEPS, save_tuned=True)
show([close, plain.dst, tuned.dst, change.dst], ["photo", "replace", f"replace, tuned {STEPS}", "change"])
print(*(file.name for file in edit.files))

# %% [markdown] lang="en"
# The last file is the tuned model; `StyleGANv2EditingPredictor(weight_path=...)` loads it again. Fitting brings the code
# nearer to the photo but away from where directions mean what they say, so fit little (`fit_steps`) or not at all, and
# tune instead.
#
# ## Directions
#
# A direction is a vector in W+; an edit adds a multiple of it. `render` draws codes.

# %% [markdown] lang="zh"
# 最后一个文件是微调后的模型，`StyleGANv2EditingPredictor(weight_path=...)` 可再次载入。拟合让隐编码更接近照片，却也离开了编辑方向可靠的区域，所以请少拟合（`fit_steps`）或不拟合，改用微调。
#
# ## 编辑方向
#
# 编辑方向是 W+ 空间中的一个向量，编辑就是加上它的若干倍。`render` 把隐编码画成图像。

# %%
from ppgan_ext.latents.directions import apply

directions = edit.directions(None, ())
amounts = [-2, -1, 0, 1, 2]


def draw(codes):
    """Draw codes, (N, 12, 512), as a list of images."""
    return [images.to_image(pixels[None]) for pixels in edit.render(codes)]


row = [apply(encoded.latent, directions, {"eyes_open": amount}) for amount in amounts]
show(draw(np.stack(row)), [f"eyes_open {amount:+d}" for amount in amounts])

# %% [markdown] lang="en"
# Directions affect one another: the training faces are not a balanced sample of people. The table in
# [docs/results.md](../docs/results.md) says what each one changes besides. Restricting the layers helps, such as
# `layers="coarse"` for a turn of the head.
#
# ## Mixing
#
# One face gives the pose and shape (coarse), the other the colours (fine). The other face here is a sample of the model.

# %% [markdown] lang="zh"
# 编辑方向会互相影响：训练用的人脸并非均衡的人群样本。每个方向的副作用见 [docs/results.md](../docs/results.md)（英文） 中的表格。限制层数会有帮助，例如转头时用 `layers="coarse"`。
#
# ## 风格混合
#
# 一张脸提供姿态与脸型（coarse），另一张脸提供颜色（fine）。这里的另一张脸是模型生成的样本。

# %%
samples = StyleGANv2Predictor(output_path=None).run(seeds=[7, 11, 23])
mixer = StyleGANv2MixingPredictor(output_path=results)
mixer.run(encoded.latent, samples.latent[1], levels={"coarse": 1, "middle": 0.5, "fine": 0})

# %% [markdown] lang="en"
# ## A direction of your own
#
# Any number that can be measured or labelled makes a direction: label faces, fit, save. Here the label is computed: how
# much brighter the left half of the face is than the right. Naming `yaw` keeps the head still. With labels of your own in
# a CSV file, `tools/find_directions.py` does the same ([docs/training.md](../docs/training.md)).

# %% [markdown] lang="zh"
# ## 自己的编辑方向
#
# 凡是能测量或标注的数值，都能求出一个方向：标注、拟合、保存。这里的标注由计算得到：左半边脸比右半边脸亮多少。同时给出 `yaw`，可使头部不随之转动。如果标注写在 CSV 文件里，`tools/find_directions.py` 完成同样的工作（[docs/training.md](../docs/training.md)，英文）。

# %%
from ppgan_ext.latents.directions import save_directions
from ppgan_ext.latents.fit_directions import Attribute, describe, fit_directions, in_deviations


def side_light(pixels):
    """Measure pictures, (N, 3, 128, 128) in [-1, 1]: mean light of the face's left half minus that of its right."""
    face = pixels[:, :, 32:112, 24:104].mean(axis=1)
    return face[:, :, :40].mean(axis=(1, 2)) - face[:, :, 40:].mean(axis=(1, 2))


num_faces = max(24, 5 * STEPS)
codes = StyleGANv2Predictor(output_path=None).run(seeds=f"0-{num_faces - 1}", truncation=1.0).latent
light = Attribute("side_light", in_deviations(side_light(edit.render(codes))), "sd")
yaw = Attribute("yaw", np.array([directions["yaw"].measure(code) for code in codes]), "degree")
own = fit_directions(codes, [light, yaw], {"side_light": ["yaw"]})
print(*describe(own), sep="\n")
own_file = results / "side_light.safetensors"
save_directions(own_file, own)

# %%
amounts = [-4, -2, 0, 2, 4]
codes = np.stack([apply(encoded.latent, own, {"side_light": amount}) for amount in amounts])
show(draw(codes), [f"side_light {amount:+d}" for amount in amounts])
measured = side_light(edit.render(codes))
print("measured in the pictures:", measured.round(3))
assert (np.diff(measured) > 0).all()

# %% [markdown] lang="en"
# From now on it is a direction like any other, also on the command line:
# `ppgan-ext edit --input_image photo.jpg --edit side_light=3 --direction_path side_light.safetensors`

# %% [markdown] lang="zh"
# 从此它与其他方向用法相同，在命令行中也是如此：`ppgan-ext edit --input_image photo.jpg --edit side_light=3 --direction_path side_light.safetensors`

# %%
StyleGANv2EditingPredictor(output_path=results, direction_path=str(own_file)).run_photo(close, edit={"side_light": 4})
