"""The convolutions of VGG-16 (arXiv 1409.1556, configuration D) as a feature extractor.

State-dict names are those of torchvision's and Paddle's ``vgg16``, hence of PaddleGAN's ``vgg16_official.pdparams``,
whose ``classifier.*`` entries have no counterpart here.
"""

from __future__ import annotations

import paddle
from paddle import nn

from ppgan_ext.errors import InputError
from ppgan_ext.nn.cpu_layer import convolve_activated

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # (channels, number of convolutions)
CHANNELS = tuple(channels for channels, _ in STAGES)
SMALLEST = 2 ** (len(STAGES) - 1)


class VGG16Features(nn.Layer):
    """Map images to the outputs of relu1_2, relu2_2, relu3_3, relu4_3 and relu5_3."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Layer] = []
        self._ends = []
        num_in = 3
        for channels, count in STAGES:
            if layers:
                layers.append(nn.MaxPool2D(2, 2))
            for _ in range(count):
                layers += [nn.Conv2D(num_in, channels, 3, padding=1), nn.ReLU()]
                num_in = channels
            self._ends.append(len(layers) - 1)
        self.features = nn.Sequential(*layers)

    def forward(self, x: paddle.Tensor) -> list[paddle.Tensor]:
        """Extract features.

        Args:
            x: (N, 3, H, W), RGB, scaled as in the training of the weights; H and W at least 16.

        Returns:
            Five maps (N, C, H / 2^i, W / 2^i), with i from 0 to 4 and C as in ``CHANNELS``.

        Raises:
            InputError: the shape is wrong.
        """
        if x.ndim != 4 or x.shape[1] != 3 or min(x.shape[2:]) < SMALLEST:
            expected = f"(N, 3, H, W) with sides of at least {SMALLEST}"
            raise InputError(f"expected {expected}, got {tuple(x.shape)}", where="images")
        maps = []
        for index, layer in enumerate(self.features):
            if isinstance(layer, nn.Conv2D):
                x = convolve_activated(x, layer.weight, layer.bias, slope=0, padding=1)
            elif isinstance(layer, nn.MaxPool2D):
                x = layer(x)
            if index in self._ends:
                maps.append(x)
        return maps
