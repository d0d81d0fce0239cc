"""Building blocks of the StyleGAN family: equalised and modulated layers, FIR resampling, activation.

Some operations have several forms, which compute the same function. ``form="fast"`` is for images and first
derivatives. ``"smooth"`` uses only operators that Paddle 3 can differentiate twice on a CPU: no depthwise or transposed
convolution, no interpolation. ``"fused"`` is the fastest in dygraph on a CPU, and can be differentiated only by
``backward`` and ``gradient_of``.
"""

from ppgan_ext.nn.activation import ROOT2, BiasedLeakyReLU, leaky_relu
from ppgan_ext.nn.equalized import EqualConv2D, EqualLinear
from ppgan_ext.nn.forms import Form, check_form
from ppgan_ext.nn.modulated import ModulatedConv2D
from ppgan_ext.nn.resample import Blur, UpsampleFIR
from ppgan_ext.nn.residual import ConvLayer, ResidualBlock
from ppgan_ext.nn.second_order import gradient_of

__all__ = [
    "ROOT2",
    "BiasedLeakyReLU",
    "Blur",
    "ConvLayer",
    "EqualConv2D",
    "EqualLinear",
    "Form",
    "ModulatedConv2D",
    "ResidualBlock",
    "UpsampleFIR",
    "check_form",
    "gradient_of",
    "leaky_relu",
]
