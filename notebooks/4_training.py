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
# # 4 Training, and a module of your own
#
# First a small StyleGAN2 from nothing, with resuming; then a module of your own before the frozen generator, trained in
# seconds. Five minutes on two cores.

# %% [markdown] lang="zh"
# # 4 训练与自定义模块
#
# 先从零训练一个小型 StyleGAN2，并演示断点续训；再在冻结的生成器之前接上自己的模块，几秒钟即可训练完成。两个 CPU 核心约需五分钟。

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
# ## Pictures
#
# A folder of faces of any size is a data set. Ours are drawn by the model that comes with the toolkit. For your own
# photos, `python tools/prepare_faces.py --input photos/ --output faces/ --size 64 --crop tight` finds, aligns and cuts the
# faces.

# %% [markdown] lang="zh"
# ## 图片
#
# 一个放着任意尺寸人脸图片的文件夹就是数据集。这里的图片由工具箱自带的模型画出。换成自己的照片时，`python tools/prepare_faces.py --input photos/ --output faces/ --size 64 --crop tight` 会检测、对齐并裁剪人脸。

# %%
import json
import shutil

from IPython.display import Image, display

from ppgan_ext.apps import StyleGANv2Predictor

STEPS = int(os.environ.get("PPGAN_EXT_NOTEBOOK_STEPS", "600"))
results = host.work / "output_dir" / "4_training"
faces = results / "faces"
shutil.rmtree(faces, ignore_errors=True)
num_faces = max(16, STEPS)
StyleGANv2Predictor(output_path=faces).run(seeds=f"0-{num_faces - 1}")
(faces / "sample.png").unlink()  # the sheet of all faces
display(Image(filename=str(faces / "seed0003.png")))

# %% [markdown] lang="en"
# ## StyleGAN2 from nothing
#
# The words are those of `python tools/main.py`: a configuration, and with `-o` what differs from it. 32 pixels, narrow
# networks and no path-length penalty make it small. All mistakes in the keys and values of a configuration are listed at once; `--dry-run` only checks.

# %% [markdown] lang="zh"
# ## 从零训练 StyleGAN2
#
# 参数与 `python tools/main.py` 完全相同：一个配置文件，加上用 `-o` 给出的改动。32 像素、较窄的网络、不用路径长度正则，使训练很快。配置中键与值的所有错误会一次列出；`--dry-run` 只做检查。

# %%
from ppgan_ext.training.command_line import main as train

config = root / "configs" / "stylegan2_faces64.yaml"
small = f"""output_dir={results} dataset.train.dataroot={faces} dataset.test.dataroot={faces} dataset.train.exclude=0
dataset.train.num_workers=0 dataset.train.batch_size=8 dataset.train.size=32 dataset.test.size=32
model.generator.size=32 model.generator.channel_base=1536 model.generator.channel_cap=96
model.discriminator.size=32 model.discriminator.channel_base=1536 model.discriminator.channel_cap=96
model.path_reg_weight=0 model.r1_reg_weight=1 lr_scheduler.learning_rate=0.004
log_config.interval={max(1, STEPS // 6)} log_config.visual_interval={STEPS}
snapshot_config.interval={STEPS} validate.interval=1000000 total_iters={STEPS}"""
assert train(["-c", str(config), "-o", *small.split()]) == 0

# %% [markdown] lang="en"
# ## What a run writes, and how it goes on
#
# `log.jsonl` is the journal, one line of JSON for each entry. `--resume` goes on exactly: the same bytes as a run that was
# never interrupted, even after `kill -9`.

# %% [markdown] lang="zh"
# ## 训练写出的文件与断点续训
#
# `log.jsonl` 是训练日志，每条记录一行 JSON。`--resume` 精确续训：与从未中断的训练逐字节相同，即使曾被 `kill -9` 终止。

# %%
run = max(results.glob("stylegan2_faces64-*"), key=os.path.getmtime)
more = STEPS + max(1, STEPS // 6)
assert train(["--resume", str(run), "-o", f"total_iters={more}", f"log_config.visual_interval={more}"]) == 0
for line in (run / "log.jsonl").read_text().splitlines()[-3:]:
    entry = json.loads(line)
    print(entry["iteration"], {name: round(value, 3) for name, value in entry["losses"].items()})
display(Image(filename=str(max(run.glob("visual_train/*truncated.png"))), width=576))

# %% [markdown] lang="en"
# After 5,600 pictures faces appear, soft and much alike; [docs/training.md](../docs/training.md) shows what 64,000 pictures
# give on the same two cores. To bring a trained generator to a new kind of faces, start from its weights:
# `python tools/main.py -c CONFIG --load W.pdparams` with the new folder. The same command trains encoders
# ([docs/encoders.md](../docs/encoders.md)), and runs on several processes or GPUs under `paddle.distributed.launch`.

# %% [markdown] lang="zh"
# 看过 5,600 张图片后已出现人脸，但模糊而且彼此相似；同样两个核心上用 64,000 张图片的效果见 [docs/training.md](../docs/training.md)（英文）。要让训练好的生成器适应另一类人脸，从它的权重出发、换上新的文件夹即可：`python tools/main.py -c CONFIG --load W.pdparams`。同一命令也能训练编码器（[docs/encoders.md](../docs/encoders.md)，英文），并可用 `paddle.distributed.launch` 在多个进程或多块 GPU 上运行。

# %% [markdown] lang="en"
# ## A module of your own before the generator
#
# The generator stands still; a `paddle.nn.Layer` of yours makes the codes that it draws, and only your parameters are
# trained. `render_tensor` is the differentiable way through the generator. Here the module is a sum of known directions
# with trainable amounts, and it answers a question: **by how much do two pictures of a face differ?** The loss, the module
# and the target are yours to change.

# %% [markdown] lang="zh"
# ## 在生成器之前接上自己的模块
#
# 生成器保持不动，由您的 `paddle.nn.Layer` 给出隐编码，只训练您自己的参数。`render_tensor` 是穿过生成器的可微路径。这里的模块是若干已知方向之和，幅度可训练，它回答一个问题：**同一张脸的两张图片相差多少？** 损失、模块与目标都可以换成您自己的。

# %%
import numpy as np
import paddle
import skimage

from ppgan_ext import images, pictures
from ppgan_ext.apps import Pixel2Style2PixelPredictor, StyleGANv2EditingPredictor
from ppgan_ext.latents.directions import apply


class DirectionSum(paddle.nn.Layer):
    """A code plus directions with trainable amounts."""

    def __init__(self, code, vectors):
        super().__init__()
        self.code = paddle.to_tensor(code)  # (1, 12, 512)
        self.vectors = paddle.to_tensor(vectors)  # (K, 12, 512)
        zero = paddle.nn.initializer.Constant(0.0)
        self.amounts = self.create_parameter([len(vectors)], default_initializer=zero)

    def forward(self):
        """Return the code, (1, 12, 512)."""
        return self.code + (self.amounts.reshape([-1, 1, 1]) * self.vectors).sum(0, keepdim=True)


predictor = StyleGANv2EditingPredictor(output_path=results)
synthesizer = predictor.engine.synthesizer
directions = predictor.directions(None, ())
photo = Path(skimage.__file__).parent / "data" / "astronaut.png"
code = Pixel2Style2PixelPredictor(output_path=None).run(photo).latent[None]

steps = {"age": 10, "smile": 1, "yaw": 10, "mouth_open": 1, "eyes_open": 1}  # what counts as one
hidden = {"age": 25, "smile": -1, "yaw": 12}  # what the module has to find out from the picture alone
target = paddle.to_tensor(predictor.render(apply(code, directions, hidden)))

# %%
module = DirectionSum(code, np.stack([directions[name].vector * step for name, step in steps.items()]))
optimizer = paddle.optimizer.Adam(0.1, parameters=module.parameters())
losses = []
for _ in range(max(2, STEPS // 10)):
    loss = paddle.nn.functional.mse_loss(synthesizer.render_tensor(module()), target)
    loss.backward()
    optimizer.step()
    optimizer.clear_grad()
    losses.append(float(loss))

found = {name: float(amount) * step for (name, step), amount in zip(steps.items(), module.amounts.numpy(), strict=True)}
print(f"loss {losses[0]:.4f} -> {losses[-1]:.5f}")
print("hidden:", hidden)
print("found: ", {name: round(amount, 1) for name, amount in found.items()})
assert losses[-1] < losses[0]

drawn = [predictor.render(code), target.numpy(), predictor.render(module().numpy())]
row = pictures.strip([images.to_image(pixels) for pixels in drawn], ["start", "target", "found"])
display(Image(data=pictures.encode_png(row, "Drawn by a neural network")))

# %% [markdown] lang="en"
# ## From the module to the tools
#
# What the module has learnt is a vector, so it can be saved as a direction, and every tool takes it.

# %% [markdown] lang="zh"
# ## 从模块到工具
#
# 模块学到的是一个向量，因此可以存成编辑方向，供所有工具使用。

# %%
from ppgan_ext.latents.directions import Direction, save_directions

learnt = Direction("learnt", (module().numpy() - code)[0])
file = results / "learnt.safetensors"
save_directions(file, {"learnt": learnt})
close = skimage.io.imread(photo)[:256, 96:352]
StyleGANv2EditingPredictor(output_path=results, direction_path=str(file)).run_photo(close, edit={"learnt": 1})
