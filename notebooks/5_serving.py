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
# # 5 Serving and batches
#
# Folders of photos, a service over HTTP in thirty lines, the page in the browser, and what to check when something is
# slow. A minute on two cores.

# %% [markdown] lang="zh"
# # 5 部署与批处理
#
# 成批处理照片，三十行代码的 HTTP 服务，浏览器页面，以及运行缓慢时该检查什么。两个 CPU 核心约需一分钟。

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
# ## Many photos
#
# A list or a folder is a batch: a failure ends only its own photo and is reported with its cause. Results of earlier runs
# are not taken for photos. On the command line `--workers 2` shares the photos among processes.

# %% [markdown] lang="zh"
# ## 成批处理
#
# 列表或文件夹即为一批：某张照片失败只影响它自己，并会说明原因。先前写出的结果不会被当作照片。命令行中 `--workers 2` 由多个进程分担。

# %%
import numpy as np
import PIL.Image
import skimage.data
import skimage.io

from ppgan_ext.apps import AgeEditingPredictor

results = host.work / "output_dir" / "5_serving"
inbox = results / "inbox"
inbox.mkdir(parents=True, exist_ok=True)
portrait = skimage.io.imread(Path(skimage.__file__).parent / "data" / "astronaut.png")[:256, 96:352]
PIL.Image.fromarray(portrait).save(inbox / "anna.jpg", quality=95)
PIL.Image.fromarray(np.ascontiguousarray(portrait[:, ::-1])).save(inbox / "bert.jpg", quality=95)
PIL.Image.fromarray(skimage.data.checkerboard()).save(inbox / "no_face.png")
(inbox / "broken.jpg").write_bytes(b"\xff\xd8\xff not a picture")

predictor = AgeEditingPredictor(output_path=results / "older")
batch = predictor.run(inbox, years=[30])
batch

# %%
print(*(file.name for file in predictor.files), sep="\n")
print(*(f"{Path(failure.job.name).name}: {failure.error.cure}" for failure in batch.failures), sep="\n")

# %% [markdown] lang="en"
# ## A service of your own
#
# A predictor is loaded once and may be called from many threads: it works on one photo at a time. Errors for users are all
# of the class `PpganExtError`, with the cause and the cure. The answer is the file, so that the mark stays in it. Behind a
# real server (FastAPI, Paddle Serving) only the frame changes. Limit the size of what you accept, and do not let others
# name files on your machine.

# %% [markdown] lang="zh"
# ## 自己的服务
#
# Predictor 只载入一次，可从多个线程调用，内部逐张处理。面向用户的错误都属于 `PpganExtError`，带有原因与解决办法。返回的是文件内容，标记因此得以保留。换成正式的服务器（FastAPI、Paddle Serving）时，只需更换外框。请限制上传的大小，也不要让外人指定服务器上的文件名。

# %%
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ppgan_ext import pictures
from ppgan_ext.errors import PpganExtError

MOST_BYTES = 20_000_000
ager = AgeEditingPredictor(output_path=None)


class Handler(BaseHTTPRequestHandler):
    """POST /?years=30 with a photo as the body; the answer is the edited photo."""

    def do_POST(self):
        try:
            size = int(self.headers["Content-Length"] or 0)
            if not 0 < size <= MOST_BYTES:
                return self.answer(413, "text/plain", b"send a photo of at most 20 MB")
            result = ager.run(self.rfile.read(size), years=[float(self.path.partition("years=")[2] or 20)])
            self.answer(200, "image/png", pictures.encode_png(result.image))
        except (PpganExtError, ValueError) as error:
            self.answer(400, "text/plain", str(error).encode())

    def answer(self, status, kind, content):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        """Keep the notebook quiet."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()

# %%
import urllib.error
import urllib.request

from IPython.display import Image, display

address = f"http://127.0.0.1:{server.server_port}/?years=40"
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # not through a proxy of this machine
with direct.open(urllib.request.Request(address, (inbox / "anna.jpg").read_bytes())) as reply:
    older = reply.read()
display(Image(data=older))
try:
    direct.open(urllib.request.Request(address, (inbox / "no_face.png").read_bytes()))
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
server.shutdown()
server.server_close()

# %% [markdown] lang="en"
# ## The page
#
# The page in the browser, in Chinese and English, needs some more packages; `set_up(root, extras=["page"])` installs them as
# the first cell does. Hosts such as AI Studio show a page below a path of their own, which the page must know. The next
# cell prints the commands for the machine that this notebook runs on; type them into a terminal. On AI Studio, the
# application tool opens `applications/serve/app.gradio.py`. More, such as a password, nginx and Docker:
# [docs/deployment.md](../docs/deployment.md).

# %% [markdown] lang="zh"
# ## 浏览器页面
#
# 中英文页面还需要一些软件包，`set_up(root, extras=["page"])` 会像第一个单元格那样装好。AI Studio 等平台把页面放在自己的路径之下，页面必须知道这个路径。下面的单元打印适合本机的命令，请在终端中运行。在 AI Studio 上，应用工具可直接打开 `applications/serve/app.gradio.py`。密码、nginx 与 Docker 等见 [docs/deployment_cn.md](../docs/deployment_cn.md)。

# %%
prefix = host.root_path()
folders = [str(folder) for folder in (root.resolve(), host.packages) if folder]
print(f"export PYTHONPATH={os.pathsep.join(folders)}")
print(f"{sys.executable} -m ppgan_ext.apps page", f"--root_path {prefix}" if prefix else "")
print("# then open", host.url())

# %% [markdown] lang="en"
# ## When something is slow or fails
#
# `doctor` says what was found on this machine, which settings are set, where weights lie, and what to do. For an NVIDIA
# GPU, Paddle comes from its own site; `python -m ppgan_ext.gpu_install` prints the line for the driver that is there.

# %% [markdown] lang="zh"
# ## 运行缓慢或出错时
#
# `doctor` 列出本机的检测结果、已生效的设置、权重的位置以及建议。使用 NVIDIA GPU 时，Paddle 来自其官方站点；`python -m ppgan_ext.gpu_install` 打印与驱动相配的安装参数。

# %%
from ppgan_ext.apps.command_line import main

assert main(["doctor"]) == 0
assert len(batch) == 2 and len(batch.failures) == 2
