"""Fast translation of images by a network, for any size of image.

Nothing is compiled: in dygraph, with convolutions as oneDNN programs and the other operators of `nn`, an image of 256
pixels takes less time than in a program of the whole network (processor seconds on one core with AVX-512):

    network                        dygraph   compiled   compile and verify
    Photo2Cartoon                     0.60       0.94                   21
    CycleGAN, 9 blocks                0.53       0.60                    8
    U-GAT-IT light, 4 blocks          0.61       1.10                    9
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import paddle
from paddle import nn

from ppgan_ext.engine.network_engine import select_device
from ppgan_ext.nn.dropout import masks_from
from ppgan_ext.nn.forms import once_form
from ppgan_ext.nn.inference import freeze
from ppgan_ext.types import FloatArray


class Translated(NamedTuple):
    """What a network made of an image.

    Attributes:
        pixels: (1, C, H, W) float32, about [-1, 1].
        heatmap: where its attention lies, (h, w) float32; None of a network without attention.
    """

    pixels: FloatArray
    heatmap: FloatArray | None


class TranslatorEngine:
    """A network that translates images one by one: moved to its device, frozen, in evaluation mode.

    The engine owns the network, which must not change afterwards.

    Args:
        network: maps images (N, C, H, W) to images, or to a tuple of images, logits and heatmap.
        seed: of dropout's masks, the same for every image.
        device: "cpu" or "gpu:0"; None lets `runtime.choose_device` decide.
        half: convolve in float16; GPU only.

    Raises:
        ConfigError: ``half`` on a CPU.
    """

    def __init__(self, network: nn.Layer, *, seed: int = 0, device: str | None = None, half: bool = False) -> None:
        self.device = select_device(device, half, compiled=None)
        self.half = half
        network.to(device=self.device)
        self.network = freeze(network)
        self._seed = seed
        self._form = once_form(self.device == "cpu")

    def translate(self, pixels: FloatArray) -> Translated:
        """Translate one image.

        Args:
            pixels: (1, C, H, W) float32 in [-1, 1], of a size that the network takes.
        """
        x = paddle.to_tensor(np.ascontiguousarray(pixels, dtype=np.float32), place=self.device)
        autocast = paddle.amp.auto_cast(enable=self.half, dtype="float16", level="O1")
        with paddle.no_grad(), autocast, masks_from(np.random.default_rng(self._seed), self.network):
            result = self.network(x, form=self._form)
        if not isinstance(result, tuple):
            return Translated(result.astype("float32").numpy(), None)
        return Translated(result[0].astype("float32").numpy(), result[2].astype("float32").numpy()[0, 0])
