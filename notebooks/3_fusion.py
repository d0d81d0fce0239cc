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
# # 3 Fusing two people
#
# Put one person's face into another's photo: pose, expression, light, skin tone and background remain those of the photo.
#
# **Use it only with the consent of both people.** It is forbidden to use it to impersonate anyone, to defeat identity
# checks, to make sexual or degrading pictures, or to make anyone believe that the result is real. Every file says in its
# metadata that it is not a real photo. Here the second person does not exist: the model draws them.

# %% [markdown] lang="zh"
# # 3 融合两个人的脸
#
# 把一个人的脸换到另一个人的照片里：姿态、表情、光照、肤色和背景都保持照片原样。
#
# **必须征得双方当事人的同意方可使用。** 禁止用来冒充他人、绕过身份核验、制作色情或侮辱性的图片，或让任何人误以为结果是真实照片。写出的每个文件都在元数据中注明它不是真实照片。这里的第二个人并不存在，是模型画出来的。

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

# %%
import skimage.io
from IPython.display import Image, display

from ppgan_ext import images, pictures
from ppgan_ext.apps import FaceFusionPredictor, StyleGANv2Predictor

photo = skimage.io.imread(Path(skimage.__file__).parent / "data" / "astronaut.png")[:256, 96:352]
results = host.work / "output_dir" / "3_fusion"


def show(tiles, labels, note="Not a real photo"):
    """Show pictures in a row, with the mark of pictures that AI made."""
    display(Image(data=pictures.encode_png(pictures.strip(tiles, labels, height=320), note)))


model = StyleGANv2Predictor(output_path=None)
person = images.resize(images.to_image(model.render(model.run(seeds=[3]).latent)), (384, 384))

# %% [markdown] lang="en"
# ## Photo and person
#
# The person's own pixels are drawn through a mesh in three dimensions that has the photo's pose. With `method="warp"`,
# nothing else is needed; with `method="latent"` the model draws what the person's photo does not show. The default,
# `method="auto"`, warps, and takes the model only where something is asked for that needs it, such as `tune=True`; the
# result says which method was used and why.

# %% [markdown] lang="zh"
# ## 照片与人物
#
# 人物自己的像素通过一张三维网格画出，网格的姿态与照片一致。`method="warp"` 只做这一步，不需要模型；`method="latent"` 让模型画出人物照片中看不到的部分；默认的 `method="auto"` 使用前者，只有在要求了必须由模型完成的内容（例如 `tune=True`）时才使用模型；结果会说明用了哪种方法以及原因。

# %%
fusion = FaceFusionPredictor(output_path=results)
fused = fusion.run(photo, person)
(face,) = fused.faces
print(f"auto takes {face.method}, since {face.reason}")
modelled = fusion.run(photo, person, method="latent")
show([photo, person, fused.image, modelled.image], ["photo", "person (drawn)", "auto", "latent"])

# %% [markdown] lang="en"
# ## How good is it?
#
# Distances of face descriptors (dlib): below 0.6 two pictures count as the same person. Poses are in degrees.

# %% [markdown] lang="zh"
# ## 效果如何衡量
#
# 人脸描述子（dlib）的距离：低于 0.6 视为同一个人。姿态以度为单位。

# %%
for name, result in (("auto", fused), ("latent", modelled)):
    likeness = f"to the person {result.identity_to_target:.2f}, to the photo {result.identity_to_source:.2f}"
    turned = result.matched_pose.yaw_degrees - result.source_pose.yaw_degrees
    print(f"{name}: {likeness}; yaw off by {turned:+.1f} degrees")
outside = fused.mask == 0
print("outside the mask unchanged:", bool((fused.image[outside] == photo[outside]).all()))
assert (fused.image[outside] == photo[outside]).all()

# %% [markdown] lang="en"
# ## How much of whom
#
# `identity` is the share of the person's face, `shape` that of its outline, `skin` whose tone the result has (`"photo"`,
# `"mix"`, `"person"`).

# %% [markdown] lang="zh"
# ## 各取多少
#
# `identity` 是人物面容所占的比例，`shape` 是脸型的比例，`skin` 决定肤色来自谁（`"photo"`、`"mix"`、`"person"`）。

# %%
half = fusion.run(photo, person, identity=0.5)
other = fusion.run(photo, person, shape=0, skin="person")
show([fused.image, half.image, other.image], ["identity 1, shape 1", "identity 0.5", "shape 0, skin of the person"])

# %% [markdown] lang="en"
# ## Step by step
#
# `images` holds the steps of `method="latent"`: both faces cut out, as the model draws them, the person turned to the photo's pose, and the mixture. With `refine=40`, an optimisation follows; its terms and weights are in [docs/fusion.md](../docs/fusion.md).

# %% [markdown] lang="zh"
# ## 逐步查看
#
# `images` 中是 `method="latent"` 各个步骤的图像：裁剪出的两张脸、模型画出的两张脸、转到照片姿态的人物，以及两者的混合。`refine=40` 会再做一次优化，各损失项及其权重见 [docs/fusion.md](../docs/fusion.md)（英文）。

# %%
side = fusion.engine.synthesizer.size  # of the pictures that the model draws
steps = {name: image for name, image in modelled.images.items() if image.shape == (side, side, 3)}
show(list(steps.values()), list(steps))

# %% [markdown] lang="en"
# For your own photos: `fusion.run("photo_a.jpg", "person_b.jpg")`; `photo_face=2` chooses a face of a group; two folders
# are fused pair by pair. On the command line: `ppgan-ext fuse --photo photo_a.jpg --person person_b.jpg`.
#
# It falls short where the two heads are turned more than about 35 degrees apart, where someone wears glasses or is thrown
# back in laughter, and with faces that the model has never seen, such as babies'. [docs/fusion.md](../docs/fusion.md) has
# the figures.

# %% [markdown] lang="zh"
# 换成自己的照片：`fusion.run("photo_a.jpg", "person_b.jpg")`；合影中用 `photo_face=2` 选脸；给出两个文件夹则逐对融合。命令行：`ppgan-ext fuse --photo photo_a.jpg --person person_b.jpg`。
#
# 两个人的头部朝向相差超过约 35 度、有人戴眼镜或仰头大笑，以及遇到模型从未见过的面孔（例如婴儿）时，效果不佳。具体数据见 [docs/fusion.md](../docs/fusion.md)（英文）。
